"""How much of the error wrong labels explain, and whether mending them is worth it now.

Of 10 % error, 0.6 points from wrong labels leave 9.4 % to other causes: work on those. Of 2 % error the same 0.6 points
are 30 %, and the labels decide which model looks better (course 3, cleaning up incorrectly labelled data).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from leadline.errors import UsageError
from leadline.measure.intervals import Measured, wilson
from leadline.strategy.plain import plain

# From this share of the mistakes on, wrong labels are a cause that is worth its own work.
WORTH_FIXING = 0.2


@dataclass(frozen=True)
class LabelShare:
    """The part of an error that wrong labels explain.

    Attributes:
        error: measured with the labels as they are.
        from_labels: the part of it, in points, that counts only because the label is wrong.
        others: what is left to all other causes.
        share: from_labels of the error.
        worth_fixing: ``"yes"``, ``"no"`` or ``"cannot tell"``.

    """

    error: Measured
    from_labels: Measured
    others: Measured
    share: Measured
    worth_fixing: Literal["yes", "no", "cannot tell"]

    def __str__(self) -> str:
        inside = f" ({self.share.range()})" if self.share.range() else ""
        advice = {
            "yes": "Fix the labels now.",
            "no": "Other causes come first.",
            "cannot tell": "These examples do not tell whether fixing them is worth it.",
        }[self.worth_fixing]
        return (
            f"Of {self.error.plain()} error, {self.from_labels.plain()} come from wrong labels and "
            f"{self.others.plain()} from other causes: {self.share.plain()}{inside} of the mistakes. {advice}"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return plain(self)


def label_share(wrong: ArrayLike, mislabelled: ArrayLike, worth: float = WORTH_FIXING) -> LabelShare:
    """From examples: ``wrong`` predictions and ``mislabelled`` ones among them, both boolean (m,).

    Raises:
        UsageError: if the shapes differ or there are no examples.

    """
    w, m = np.asarray(wrong, bool), np.asarray(mislabelled, bool)
    if w.shape != m.shape or w.ndim != 1 or not w.size:
        raise UsageError(f"The share of labels needs two lists of one length, got shapes {w.shape} and {m.shape}.")
    return label_share_of_rates(float(w.mean()), float((w & m).mean()), len(w), worth)


def label_share_of_rates(
    error: float, from_labels: float, n: int | None = None, worth: float = WORTH_FIXING
) -> LabelShare:
    """From rates: the error, and the part of it that comes from wrong labels, both fractions; n gives intervals.

    Raises:
        UsageError: if the part is larger than the error, or either is no fraction.

    """
    if not 0 <= from_labels <= error <= 1:
        raise UsageError(f"Errors from labels lie between 0 and the error, got {from_labels:g} of {error:g}.")
    mistakes = None if n is None else round(error * n)
    share = _rate(from_labels / error if error else 0.0, mistakes)
    low, high = share.interval if mistakes != 0 else (0.0, 1.0)
    verdict = "yes" if low >= worth else "no" if high < worth else "cannot tell"
    parts = _rate(error, n), _rate(from_labels, n, "points"), _rate(error - from_labels, n)
    return LabelShare(*parts, share, verdict)


def _rate(value: float, n: int | None, unit: str = "%") -> Measured:
    if not n:
        return Measured(value, unit=unit, n=n)
    low, high = wilson(value * n, n)
    return Measured(value, float(low), float(high), n, unit=unit)
