"""Error analysis of a regression: which causes the largest residuals have, and how far RMSE or MAE falls without them.

A regression has no right and wrong; its error is a sum in which few large residuals may weigh more than all others.
So the largest are looked through, and a cause's share is its part of that sum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import UsageError
from leadline.measure.bootstrap import bootstrap_all
from leadline.measure.groups import clustered_rate
from leadline.measure.intervals import Estimate
from leadline.measure.regression import mean_absolute, root_mean_square
from leadline.strategy.error_analysis import Cause, ErrorAnalysis

Array = NDArray[Any]
Kind = Literal["rmse", "mae"]
PARTS_OF = {"rmse": "the squared error", "mae": "the absolute error"}
HALF = 0.5


def contributions(residuals: ArrayLike, kind: Kind = "rmse") -> Array:
    """What each example adds to the error, (m,), from residuals (m,) or (m, k): its square, or its size."""
    e = np.asarray(residuals, float)
    parts = np.square(e) if kind == "rmse" else np.abs(e)
    return parts.reshape(len(parts), -1).mean(1)


def largest_half(residuals: ArrayLike, kind: Kind = "rmse") -> Array:
    """The fewest examples that hold half of the error, boolean (m,)."""
    parts = contributions(residuals, kind)
    order = np.argsort(-parts, kind="stable")
    before = np.cumsum(parts[order]) - parts[order]
    found = np.zeros(len(parts), bool)
    found[order[before < HALF * parts.sum()]] = True
    return found & (parts > 0)


def error_of(residuals: ArrayLike, kind: Kind = "rmse", groups: ArrayLike | None = None) -> Estimate:
    """RMSE or MAE with its interval; ``groups`` (m,) of examples that go together count as one."""
    return root_mean_square(residuals, groups=groups) if kind == "rmse" else mean_absolute(residuals, groups=groups)


def analyse_residuals(
    causes: Mapping[str, ArrayLike], positions: Sequence[int] | Array, residuals: ArrayLike, kind: Kind = "rmse"
) -> ErrorAnalysis:
    """Share, ceiling and rank of each cause.

    A ceiling is the error with the residuals of the cause at 0 and all others as they are.

    Args:
        causes: by name, whether it applies to each example that was looked through, boolean (q,).
        positions: which of the m examples those are, (q,).
        residuals: of all examples, (m,) or (m, k).
        kind: ``"rmse"`` or ``"mae"``.

    Raises:
        UsageError: without causes or examples, or if they differ in length.

    """
    e, places = np.asarray(residuals, float), np.asarray(positions, np.int64)
    columns = {name: np.asarray(ticks, bool) for name, ticks in causes.items()}
    if not columns or not len(places) or any(len(ticks) != len(places) for ticks in columns.values()):
        raise UsageError("Error analysis needs causes, and for each one tick per example that was looked through.")
    parts = contributions(e, kind)
    any_cause = np.logical_or.reduce(list(columns.values()))

    chosen = [*(places[ticks] for ticks in columns.values()), np.setdiff1d(np.arange(len(parts)), places)]
    inside = [np.isin(np.arange(len(parts)), rows) for rows in (*chosen, places[~any_cause])]
    gains = bootstrap_all([_gain(each, parts, kind) for each in inside], len(parts))
    *found, rest, unexplained = (
        _cause(name, each, e, parts, kind, gain)
        for name, each, gain in zip([*columns, "not looked at", "unexplained"], inside, gains, strict=True)
    )
    found.sort(key=lambda one: -one.share.value)
    return ErrorAnalysis(error_of(e, kind), len(places), tuple(found), unexplained, PARTS_OF[kind], rest)


def _gain(inside: Array, parts: Array, kind: Kind) -> Callable[[Array], Array]:
    """How far the error falls without what is ``inside``, by weights of the examples (r, m)."""
    left = parts * ~inside
    power = 0.5 if kind == "rmse" else 1.0

    def gain(weights: Array) -> Array:
        n = weights.sum(-1)
        return (weights @ parts / n) ** power - (weights @ left / n) ** power

    return gain


def _cause(name: str, inside: Array, residuals: Array, parts: Array, kind: Kind, gain: Estimate) -> Cause:
    """The cause of what is ``inside``, boolean (m,)."""
    kept = ~inside if residuals.ndim == 1 else ~inside[:, None]
    ceiling = error_of(residuals * kept, kind)
    share = clustered_rate(parts * inside, parts) if parts.any() else Estimate(0.0)
    return Cause(name, int(inside.sum()), share, ceiling, gain)
