"""Errors with their sampling noise: one set's examples drawn again and again, the same draws for every network.

Because all networks answer for the same draws, the noise that they share cancels in a difference (a paired bootstrap;
Efron and Tibshirani, 1993).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from leadline.runs.goals import as_needed, optimized_metric
from leadline.session.plan import Plan

DRAWS = 400
DRAWS_OF_ANY_METRIC = 100  # where each draw is measured anew


@dataclass(frozen=True, eq=False)
class Score:
    """A network's error on a set, and on each draw of its examples (B,): fractions, or in the target's unit."""

    error: float
    draws: np.ndarray


class Scorer:
    """Measures outputs for the rows of one set in the plan's metric; less is better and 0 is perfect."""

    def __init__(self, plan: Plan, rows: np.ndarray, seed: int = 0) -> None:
        self.task = plan.data.task
        self.metric = optimized_metric(plan.experiment.goal, self.task, plan.data.classes)
        self.labels = plan.data.target[rows]
        self.seed = seed

    def score(self, outputs: np.ndarray) -> Score:
        """The error of outputs (m, k): probabilities, or values in the target's unit."""
        loss = self._losses(outputs)
        if not np.isfinite(outputs).all():
            return Score(np.inf, np.full(DRAWS_OF_ANY_METRIC if loss is None else DRAWS, np.inf))
        if loss is None:
            measured = [self._error(self.labels[rows], outputs[rows]) for rows in self._draws]
            return Score(self._error(self.labels, outputs), np.array(measured))
        error, draws = loss.mean(), self._counts @ loss / len(loss)
        return Score(float(error**0.5), draws**0.5) if self.metric.name == "rmse" else Score(float(error), draws)

    def _losses(self, outputs: np.ndarray) -> np.ndarray | None:
        """What each example adds to the error, (m,), where the error is made of a mean; else None."""
        if self.metric.name == "rmse":
            return np.square(outputs - self.labels).reshape(len(outputs), -1).mean(1)
        if self.metric.name in ("accuracy", "error") and self.task.one_class:
            return (outputs.argmax(1) != self.labels).astype(float)
        return None

    def _error(self, labels: np.ndarray, outputs: np.ndarray) -> float:
        value = float(self.metric.value(labels, as_needed(self.task, self.metric, outputs)))
        return value if self.metric.direction == "minimize" else 1.0 - value

    @cached_property
    def _draws(self) -> list[np.ndarray]:
        m, random = len(self.labels), np.random.default_rng(self.seed)
        return [random.integers(0, m, m) for _ in range(DRAWS_OF_ANY_METRIC)]

    @cached_property
    def _counts(self) -> np.ndarray:
        """How often each example is in each draw, (B, m)."""
        m, random = len(self.labels), np.random.default_rng(self.seed)
        return np.stack([np.bincount(random.integers(0, m, m), minlength=m) for _ in range(DRAWS)]).astype(np.float32)
