"""How much of the error wrong labels explain, and whether fixing them is worth it now.

Of 10 % error, 0.6 points from wrong labels leave 9.4 % to other causes: work on those. Of 2 % error the same 0.6 points
are 30 %, and the labels decide which model looks better (course 3, cleaning up incorrectly labelled data).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import UsageError
from leadline.files import plain
from leadline.measure.bootstrap import bootstrap_weights
from leadline.measure.groups import clustered_rate, group_codes, rate
from leadline.measure.intervals import Estimate, wilson
from leadline.strategy.residual_analysis import PARTS_OF, Kind, contributions, error_of

Array = NDArray[Any]

# From this share of the mistakes on, wrong labels are a cause that is worth its own work.
WORTH_FIXING = 0.2


@dataclass(frozen=True)
class LabelShare:
    """The part of an error that wrong labels explain.

    Attributes:
        error: measured with the labels as they are.
        from_labels: the part of it, in points, that counts only because the label is wrong.
        others: what is left to all other causes.
        share: from_labels of the error; of a regression's, of what its examples add up to.
        worth_fixing: ``"yes"``, ``"no"`` or ``"cannot tell"``.
        metric: what the error is.
        whole: what ``share`` is a share of.

    """

    error: Estimate
    from_labels: Estimate
    others: Estimate
    share: Estimate
    worth_fixing: Literal["yes", "no", "cannot tell"]
    metric: str = "error"
    whole: str = "the mistakes"

    def __str__(self) -> str:
        return f"{self.finding} {self.advice}"

    @property
    def finding(self) -> str:
        """How the error divides, in words."""
        inside = f" ({self.share.range()})" if self.share.range() else ""
        return (
            f"Of {self.error.plain()} {self.metric}, {self.from_labels.plain()} come from wrong labels and "
            f"{self.others.plain()} from other causes: {self.share.plain()}{inside} of {self.whole}."
        )

    @property
    def advice(self) -> str:
        """Whether wrong labels are the next thing to work on."""
        return {
            "yes": "Fix the labels now.",
            "no": "Other causes come first.",
            "cannot tell": "These examples do not tell whether fixing them is worth it.",
        }[self.worth_fixing]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return plain(self)


def label_share(
    wrong: ArrayLike, mislabelled: ArrayLike, worth: float = WORTH_FIXING, groups: ArrayLike | None = None
) -> LabelShare:
    """From examples: ``wrong`` predictions and ``mislabelled`` ones among them, both boolean (m,).

    ``groups`` (m,) say which examples go together, such as copies.

    Raises:
        UsageError: if the shapes differ or there are no examples.

    """
    w, m = np.asarray(wrong, bool), np.asarray(mislabelled, bool)
    if w.shape != m.shape or w.ndim != 1 or not w.size:
        raise UsageError(f"The share of labels needs two lists of one length, got shapes {w.shape} and {m.shape}.")
    codes = group_codes(groups, len(w))
    if codes is None or not w.any():
        return label_share_of_rates(float(w.mean()), float((w & m).mean()), len(w), worth)
    share = clustered_rate((w & m)[w], np.ones(int(w.sum())), groups=codes[w])
    from_labels = replace(rate(w & m, groups=codes), unit="points")
    parts = rate(w, groups=codes), from_labels, rate(w & ~m, groups=codes)
    return LabelShare(*parts, share, _verdict(*share.interval, worth))


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
    verdict = _verdict(*(share.interval if mistakes != 0 else (0.0, 1.0)), worth)
    parts = _rate(error, n), _rate(from_labels, n, "points"), _rate(error - from_labels, n)
    return LabelShare(*parts, share, verdict)


def value_share(
    residuals: ArrayLike,
    mislabelled: ArrayLike,
    kind: Kind = "rmse",
    corrected: ArrayLike | None = None,
    worth: float = WORTH_FIXING,
) -> LabelShare:
    """The part of a regression's error that wrong values explain.

    The error without it is that of the other examples; with what the wrong values should have been, it is that of all
    examples with those values. The share is of the squared (or absolute) error, as in the analysis of residuals; all
    intervals are bootstraps of the examples.

    Args:
        residuals: prediction − value, (m,) or (m, k), with the values as they are.
        mislabelled: which examples have a wrong value, boolean (m,).
        kind: ``"rmse"`` or ``"mae"``.
        corrected: the residuals with the right values, of the shape of ``residuals``, where those are known.
        worth: the share from which on the values are a cause that is worth its own work.

    Raises:
        UsageError: if the arrays do not fit each other, or every example is mislabelled.

    """
    wrong, before = np.asarray(mislabelled, bool), contributions(residuals, kind)
    after, kept = (before, ~wrong) if corrected is None else (contributions(corrected, kind), np.ones(len(wrong), bool))
    if wrong.shape != before.shape or after.shape != before.shape or not kept.any():
        raise UsageError(f"The share of wrong values needs residuals {before.shape} and marks, got {wrong.shape}.")
    power = 0.5 if kind == "rmse" else 1.0

    def gain(weights: Array) -> Array:
        return _mean(before, weights) ** power - _mean(after, weights * kept) ** power

    share = explained_share(before, after, kept)
    left = np.asarray(residuals, float)[~wrong] if corrected is None else corrected
    return LabelShare(
        error_of(residuals, kind),
        bootstrap_weights(gain, len(before)),
        error_of(left, kind),
        share,
        _verdict(*share.interval, worth),
        kind.upper(),
        PARTS_OF[kind],
    )


def explained_share(before: Array, after: Array, kept: Array) -> Estimate:
    """1 − mean of ``after`` over the examples ``kept`` / mean of ``before`` over all, (m,) each, with its interval."""

    def share(weights: Array) -> Array:
        all_, others = _mean(before, weights), _mean(after, weights * kept)
        return 1 - np.divide(others, all_, out=np.ones_like(others), where=all_ > 0)

    return bootstrap_weights(share, len(before), unit="%")


def _mean(values: Array, weights: Array) -> Array:
    """Weighted means, (r,) from weights (r, m); NaN where a draw has none of the examples."""
    total = weights.sum(-1)
    return np.divide(weights @ values, total, out=np.full(len(weights), np.nan), where=total > 0)


def _verdict(low: float, high: float, worth: float) -> Literal["yes", "no", "cannot tell"]:
    return "yes" if low >= worth else "no" if high < worth else "cannot tell"


def _rate(value: float, n: int | None, unit: str = "%") -> Estimate:
    if not n:
        return Estimate(value, unit=unit, n=n)
    low, high = wilson(value * n, n)
    return Estimate(value, float(low), float(high), n, unit=unit)
