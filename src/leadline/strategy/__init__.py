"""What to do next: the error ladder and its remedies, error analysis, labels, human level, selection, pipelines."""

from importlib import import_module
from typing import TYPE_CHECKING

from leadline.strategy.clusters import Cluster, find_clusters
from leadline.strategy.comparison import Comparison, compare
from leadline.strategy.corrections import Corrections, Review
from leadline.strategy.error_analysis import (
    Cause,
    ErrorAnalysis,
    MistakeTable,
    analyse,
    ceiling_of,
    sample_mistakes,
    sample_size,
)
from leadline.strategy.human_level import HumanLevel, human_level
from leadline.strategy.label_pattern import Concentration, LabelPattern, label_pattern
from leadline.strategy.label_share import LabelShare, label_share, label_share_of_rates, value_share
from leadline.strategy.labels import LabelAudit, find_label_errors, review_queue
from leadline.strategy.ladder import Gap, Ladder, Rung, build_ladder
from leadline.strategy.pipeline import (
    Ceiling,
    CeilingAnalysis,
    Stage,
    ceiling_analysis,
    ceilings_of_outputs,
    ceilings_of_table,
    end_to_end_or_pipeline,
)
from leadline.strategy.residual_analysis import analyse_residuals
from leadline.strategy.selection import ScoredModel, Selection, select
from leadline.strategy.selection_bias import ChosenError, corrected_best
from leadline.strategy.slices import Slice, find_slices
from leadline.strategy.value_labels import ValueAudit, find_multilabel_errors, find_value_errors

if TYPE_CHECKING:
    from leadline.strategy.diagnosis import (
        Diagnosis,
        diagnose,
        diagnose_predictions,
        diagnose_rates,
        diagnose_regression,
    )
    from leadline.strategy.evidence import Evidence
    from leadline.strategy.remedies import Advice, Option, Remedy

__all__ = [
    "Advice",
    "Cause",
    "Ceiling",
    "CeilingAnalysis",
    "ChosenError",
    "Cluster",
    "Comparison",
    "Concentration",
    "Corrections",
    "Diagnosis",
    "ErrorAnalysis",
    "Evidence",
    "Gap",
    "HumanLevel",
    "LabelAudit",
    "LabelPattern",
    "LabelShare",
    "Ladder",
    "MistakeTable",
    "Option",
    "Remedy",
    "Review",
    "Rung",
    "ScoredModel",
    "Selection",
    "Slice",
    "Stage",
    "ValueAudit",
    "analyse",
    "analyse_residuals",
    "build_ladder",
    "ceiling_analysis",
    "ceiling_of",
    "ceilings_of_outputs",
    "ceilings_of_table",
    "compare",
    "corrected_best",
    "diagnose",
    "diagnose_predictions",
    "diagnose_rates",
    "diagnose_regression",
    "end_to_end_or_pipeline",
    "find_clusters",
    "find_label_errors",
    "find_multilabel_errors",
    "find_slices",
    "find_value_errors",
    "human_level",
    "label_pattern",
    "label_share",
    "label_share_of_rates",
    "review_queue",
    "sample_mistakes",
    "sample_size",
    "select",
    "value_share",
]

_LATER = {
    "diagnosis": ("Diagnosis", "diagnose", "diagnose_predictions", "diagnose_rates", "diagnose_regression"),
    "evidence": ("Evidence",),
    "remedies": ("Advice", "Option", "Remedy"),
}
"""What knows networks, and so loads torch: commands that only read reviews of a run start without it."""


def __getattr__(name: str) -> object:
    """Import one of those when it is first used."""
    for module, names in _LATER.items():
        if name in names:
            return getattr(import_module(f"leadline.strategy.{module}"), name)
    raise AttributeError(f"module 'leadline.strategy' has no attribute '{name}'")
