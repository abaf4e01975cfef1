"""What to do next: the error ladder, its diagnosis and the remedies."""

from leadline.strategy.diagnosis import (
    Diagnosis,
    diagnose,
    diagnose_predictions,
    diagnose_rates,
    diagnose_regression,
)
from leadline.strategy.evidence import Evidence
from leadline.strategy.ladder import Gap, Ladder, Rung, build_ladder
from leadline.strategy.remedies import Remedy, remedies

__all__ = [
    "Diagnosis",
    "Evidence",
    "Gap",
    "Ladder",
    "Remedy",
    "Rung",
    "build_ladder",
    "diagnose",
    "diagnose_predictions",
    "diagnose_rates",
    "diagnose_regression",
    "remedies",
]
