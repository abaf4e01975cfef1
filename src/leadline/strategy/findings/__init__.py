"""Findings: what the measurements of a run show, as values; conclusions and next steps only read them."""

from leadline.strategy.findings.catalogue import CATALOGUE, STAGES, Kind, kind
from leadline.strategy.findings.finding import MODERATE, STRENGTHS, STRONG, WEAK, Finding, Quantity
from leadline.strategy.findings.ranking import LEVEL, correct, ranked

__all__ = [
    "CATALOGUE",
    "LEVEL",
    "MODERATE",
    "STAGES",
    "STRENGTHS",
    "STRONG",
    "WEAK",
    "Finding",
    "Kind",
    "Quantity",
    "correct",
    "kind",
    "ranked",
]
