"""Choose among models: one metric to optimize, thresholds on the others, and whether the winner is truly better.

The more models were compared on one dev set, the more of the winner's lead is luck; the selection says how much.
Source: course 3, optimizing and satisficing metrics.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from leadline.errors import UsageError
from leadline.files import plain
from leadline.measure.intervals import Estimate
from leadline.measure.metrics import Metric, metric
from leadline.strategy.comparison import Comparison, compare, expected_optimism
from leadline.text import grouped


@dataclass(frozen=True)
class SatisficingLimit:
    """A satisficing metric: good enough is good enough."""

    name: str
    limit: float
    at_most: bool = True

    @classmethod
    def parse(cls, name: str, text: str | float) -> SatisficingLimit:
        """From ``"<= 100"`` or ``">= 0.9"``; a bare number is an upper limit.

        Raises:
            UsageError: for anything else.

        """
        found = re.fullmatch(r"\s*(<=|>=|≤|≥|<|>)?\s*([-+0-9.eE]+)\s*", str(text))
        try:
            limit = float(found.group(2)) if found else math.nan
        except ValueError:
            limit = math.nan
        if found is None or math.isnan(limit):
            raise UsageError(f'{name}: got {text!r}, which is no threshold such as "<= 100" or ">= 0.9".')
        return cls(name, limit, at_most=found.group(1) not in (">=", "≥", ">"))

    def met_by(self, value: float) -> bool:
        """Whether the value is good enough."""
        return value <= self.limit if self.at_most else value >= self.limit

    def __str__(self) -> str:
        return f"{self.name} {'≤' if self.at_most else '≥'} {self.limit:g}"


@dataclass(frozen=True)
class ScoredModel:
    """One model: its optimizing metric, and what it costs by the name of each satisficing metric."""

    name: str
    score: Estimate
    satisficing: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Selection:
    """The outcome of a choice.

    Attributes:
        winner: the best of those that meet every threshold; None if none does.
        ranked: all that meet them, the best first.
        rejected: the others, with what they miss.
        comparison: the winner against the next; None without predictions or without a second.
        optimism: how much the best of as many equal models would look better than it is; None if not known.
        notes: warnings for the user.

    """

    winner: ScoredModel | None
    ranked: tuple[ScoredModel, ...]
    rejected: tuple[tuple[ScoredModel, str], ...]
    comparison: Comparison | None = None
    optimism: Estimate | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values; each of the rejected with what it misses."""
        rejected = [plain(candidate) | {"missed": why} for candidate, why in self.rejected]
        return plain(self) | {"rejected": rejected}

    def __str__(self) -> str:
        lines = [f"{c.name}: {c.score}" for c in self.ranked]
        lines += [f"{c.name}: {c.score}; out, {why}" for c, why in self.rejected]
        chosen = "none meets every threshold" if self.winner is None else self.winner.name
        compared = [] if self.comparison is None else [str(self.comparison)]
        return "\n".join([*lines, f"Chosen: {chosen}.", *compared, *self.notes])


def select(
    candidates: Sequence[ScoredModel],
    metric_name: str | Metric,
    thresholds: Mapping[str, str | float] | None = None,
    y_true: ArrayLike | None = None,
    predictions: Mapping[str, ArrayLike] | None = None,
    compared: int | None = None,
    groups: ArrayLike | None = None,
) -> Selection:
    """Choose the best candidate by the optimizing metric among those that meet every threshold.

    Args:
        candidates: at least one.
        metric_name: the optimizing metric, for its direction and its test.
        thresholds: by satisficing metric, such as ``{"latency_ms": "<= 100"}``.
        y_true: truth of the dev set on which all were measured.
        predictions: of each candidate on it; with them the winner is tested against the next.
        compared: how many models were ever compared on this dev set; at least the candidates.
        groups: of examples of the dev set that go together, (m,).

    Raises:
        UsageError: without candidates, for an unreadable threshold, or for one that a candidate does not
            report.

    """
    if not candidates:
        raise UsageError("There are no models to choose from.")
    limits = [SatisficingLimit.parse(name, text) for name, text in (thresholds or {}).items()]
    missed = {c.name: _missed(c, limits) for c in candidates}
    direction = 1 if metric(metric_name).direction == "maximize" else -1
    ranked = sorted((c for c in candidates if not missed[c.name]), key=lambda c: -direction * c.score.value)
    rejected = tuple((c, missed[c.name]) for c in candidates if missed[c.name])
    if not ranked:
        return Selection(None, (), rejected)
    comparison = optimism = None
    count = max(compared or 0, len(candidates))
    if y_true is not None and predictions is not None and len(ranked) > 1:
        best, second = ranked[0].name, ranked[1].name
        pair = predictions[best], predictions[second]
        comparison = compare(metric_name, y_true, *pair, (best, second), max(count - 1, 1), groups=groups)
        optimism = expected_optimism(metric_name, y_true, list(predictions.values()), count, groups)
    notes = () if optimism is None or count < 2 else (_luck(count, np.asarray(y_true).shape[0], optimism),)
    return Selection(ranked[0], tuple(ranked), rejected, comparison, optimism, notes)


def _missed(candidate: ScoredModel, limits: Sequence[SatisficingLimit]) -> str:
    missed = []
    for limit in limits:
        if limit.name not in candidate.satisficing:
            raise UsageError(f"{candidate.name} reports no {limit.name}, so '{limit}' cannot be checked.")
        value = candidate.satisficing[limit.name]
        if not limit.met_by(value):
            missed.append(f"{limit.name} {value:g} instead of {str(limit).removeprefix(limit.name).strip()}")
    return ", ".join(missed)


def _luck(count: int, n: int, optimism: Estimate) -> str:
    return (
        f"{count} models were compared on the same {grouped(n)} dev examples: the best of {count} equally good "
        f"ones would look {optimism.plain()} better than it is. Report the error of a test set."
    )
