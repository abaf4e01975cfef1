"""Which finding is the conclusion: by what it would invalidate, then by how strong it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from leadline.strategy.findings.catalogue import STAGES
from leadline.strategy.findings.finding import STRENGTHS, WEAK, Finding

LEVEL = 0.05
"""The chance that any of a diagnosis's tests speaks where there is nothing."""

TESTS = 12
"""Tests that the probes of a diagnosis make, each of which could speak."""


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings with the conclusion first.

    What concludes goes before hints. Among the former a fault of the data goes before one of the training, that before
    a gap, that before a limit, because each makes those after it meaningless; then the stronger goes first. Findings
    that are equal in both stay in their order.
    """

    def place(finding: Finding) -> tuple[bool, int, int]:
        return not finding.concludes, STAGES.index(finding.stage), STRENGTHS.index(finding.strength)

    return tuple(sorted(findings, key=place))


def correct(findings: Sequence[Finding], made: int = 0, level: float = LEVEL) -> tuple[Finding, ...]:
    """Findings whose test does not hold among all that were made become weak (Holm, 1979).

    ``made`` counts the tests, those without a finding included; at least as many as findings with a p-value. Findings
    without one stand as they are: their intervals were made for one purpose each.
    """
    tested = sorted((f for f in findings if f.p_value is not None), key=lambda f: f.p_value or 0.0)
    rejected: set[int] = set()
    for k, finding in enumerate(tested):
        if (finding.p_value or 0.0) * (max(made, len(tested)) - k) > level:
            rejected = {id(each) for each in tested[k:]}
            break
    return tuple(replace(f, strength=WEAK) if id(f) in rejected else f for f in findings)
