"""What every audit of labels has: suspects, how credible each label is, and what would stand in its place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.files import plain
from leadline.measure.intervals import Estimate
from leadline.strategy.label_pattern import LabelPattern
from leadline.text import grouped

Array = NDArray[Any]


class Suspects(ABC):
    """Labels that look wrong; what a label is, and what would stand in its place, is the audit's own.

    Attributes:
        suspects: positions of the suspects, the least credible first, int (s,).
        quality: how credible each is, 0 to 1, (m,).
        rate: share of the examples that are suspects.
        pattern: whether the suspects are random or systematic.

    """

    suspects: Array
    quality: Array
    rate: Estimate
    pattern: LabelPattern

    @abstractmethod
    def label(self, position: int) -> str:
        """The label of an example, as text."""

    @abstractmethod
    def suggestion(self, position: int) -> str:
        """What the predictions prefer there, as text."""

    @property
    def is_suspect(self) -> Array:
        """Boolean (m,)."""
        found = np.zeros(len(self.quality), bool)
        found[self.suspects] = True
        return found

    def __str__(self) -> str:
        head = f"{grouped(len(self.suspects))} of {grouped(len(self.quality))} labels are suspects: {self.rate}"
        return f"{head}\n{self.pattern.sentence('the suspects')}" if len(self.suspects) else head

    def to_json(self, most: int | None = None) -> dict[str, Any]:
        """Plain values, with at most so many of the suspects, the clearest first."""
        listed = [
            {
                "position": int(k),
                "label": self.label(k),
                "suggestion": self.suggestion(k),
                "quality": float(self.quality[k]),
            }
            for k in self.suspects[:most]
        ]
        return {"n": len(self.quality), "rate": plain(self.rate), "pattern": plain(self.pattern), "suspects": listed}
