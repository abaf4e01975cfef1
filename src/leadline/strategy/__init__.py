"""What to do next: the error ladder and its remedies, error analysis, human level, selection and pipelines."""

from leadline.strategy.comparison import Comparison, compare
from leadline.strategy.diagnosis import (
    Diagnosis,
    diagnose,
    diagnose_predictions,
    diagnose_rates,
    diagnose_regression,
)
from leadline.strategy.error_analysis import (
    Cause,
    ErrorAnalysis,
    MistakeTable,
    analyse,
    ceiling_of,
    sample_mistakes,
    sample_size,
)
from leadline.strategy.evidence import Evidence
from leadline.strategy.human_level import HumanLevel, human_level
from leadline.strategy.ladder import Gap, Ladder, Rung, build_ladder
from leadline.strategy.pipeline import (
    Ceiling,
    CeilingAnalysis,
    Stage,
    ceiling_analysis,
    ceilings_of_table,
    end_to_end_or_pipeline,
)
from leadline.strategy.remedies import Remedy, remedies
from leadline.strategy.selection import Candidate, Selection, select
from leadline.strategy.slices import Slice, find_slices

__all__ = [
    "Candidate",
    "Cause",
    "Ceiling",
    "CeilingAnalysis",
    "Comparison",
    "Diagnosis",
    "ErrorAnalysis",
    "Evidence",
    "Gap",
    "HumanLevel",
    "Ladder",
    "MistakeTable",
    "Remedy",
    "Rung",
    "Selection",
    "Slice",
    "Stage",
    "analyse",
    "build_ladder",
    "ceiling_analysis",
    "ceiling_of",
    "ceilings_of_table",
    "compare",
    "diagnose",
    "diagnose_predictions",
    "diagnose_rates",
    "diagnose_regression",
    "end_to_end_or_pipeline",
    "find_slices",
    "human_level",
    "remedies",
    "sample_mistakes",
    "sample_size",
    "select",
]
