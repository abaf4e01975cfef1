"""Findings: what the measurements of a run show, as values; conclusions and next steps only read them."""

from leadline.strategy.findings.catalogue import CATALOGUE, DATA, GAP, LIMIT, STAGES, TRAINING, Kind, kind
from leadline.strategy.findings.finding import MODERATE, STRENGTHS, STRONG, WEAK, Finding, Quantity
from leadline.strategy.findings.ranking import LEVEL, TESTS, correct, ranked

__all__ = [
    "CATALOGUE",
    "DATA",
    "GAP",
    "LEVEL",
    "LIMIT",
    "MODERATE",
    "STAGES",
    "STRENGTHS",
    "STRONG",
    "TESTS",
    "TRAINING",
    "WEAK",
    "Finding",
    "Kind",
    "Quantity",
    "correct",
    "kind",
    "ranked",
]
