"""A finding: what was measured, how strongly it speaks, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leadline.errors import UsageError, nearest
from leadline.measure.intervals import Estimate
from leadline.strategy.findings.catalogue import Kind, kind

STRONG, MODERATE, WEAK = "strong", "moderate", "weak"
STRENGTHS = (STRONG, MODERATE, WEAK)
"""Strong: the interval or test shows it and its size matters. Moderate: it shows, and something measured speaks against
it or part of it is not measured. Weak: a hint, which is listed and never concluded from."""


@dataclass(frozen=True)
class Quantity:
    """One measured number of a finding's evidence, by the name that people read."""

    name: str
    measured: Estimate

    def to_json(self) -> dict[str, Any]:
        """The keys of `Estimate` with ``name``."""
        return {"name": self.name, **self.measured.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Quantity:
        """The inverse of ``to_json``."""
        return cls(data["name"], Estimate.from_json({key: value for key, value in data.items() if key != "name"}))

    def __str__(self) -> str:
        return f"{self.name}: {self.measured}"


@dataclass(frozen=True)
class Finding:
    """One thing that the measurements of a run show.

    Attributes:
        code: which kind of finding it is, a key of `CATALOGUE`, such as ``"no-signal"``.
        statement: what was found, in a sentence or two with its numbers.
        evidence: the measured quantities that it stands on.
        strength: ``"strong"``, ``"moderate"`` or ``"weak"``; a weak one is listed and never the conclusion.
        next_step: what to do about it, in a sentence.
        gap: the gap of the ladder that it concerns; empty where it concerns none or all of them.
        change: keys of the experiment with their new values, where the next step is another training.
        settle: what would make it certain, or overturn it.
        p_value: of its test, as measured; corrected for how many tests a diagnosis makes in `correct`.
        stage: where it stands among other findings; by default its kind's.

    Raises:
        UsageError: for an unknown code or strength.

    """

    code: str
    statement: str
    evidence: tuple[Quantity, ...] = ()
    strength: str = STRONG
    next_step: str = ""
    gap: str = ""
    change: Mapping[str, Any] = field(default_factory=dict)
    settle: str = ""
    p_value: float | None = None
    stage: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "stage", self.stage or kind(self.code).stage)
        if self.strength not in STRENGTHS:
            raise UsageError(f"Unknown strength '{self.strength}' of a finding.{nearest(self.strength, STRENGTHS)}")

    @property
    def kind(self) -> Kind:
        """Its entry in the catalogue."""
        return kind(self.code)

    @property
    def concludes(self) -> bool:
        """Whether it may be the conclusion."""
        return self.strength != WEAK

    def to_json(self) -> dict[str, Any]:
        """Plain values that ``from_json`` reads back."""
        return {**vars(self), "evidence": [each.to_json() for each in self.evidence], "change": dict(self.change)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Finding:
        """The inverse of ``to_json``."""
        return cls(**{**data, "evidence": tuple(Quantity.from_json(each) for each in data["evidence"])})

    def __str__(self) -> str:
        return f"[{self.code}, {self.strength}] {self.statement}"
