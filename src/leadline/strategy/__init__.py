"""What to do next: the error ladder, its diagnosis and the remedies."""

from leadline.strategy.comparison import Comparison, compare
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
from leadline.strategy.selection import Candidate, Selection, select

__all__ = [
    "Candidate",
    "Comparison",
    "Diagnosis",
    "Evidence",
    "Gap",
    "Ladder",
    "Remedy",
    "Rung",
    "Selection",
    "build_ladder",
    "compare",
    "diagnose",
    "diagnose_predictions",
    "diagnose_rates",
    "diagnose_regression",
    "remedies",
    "select",
]
