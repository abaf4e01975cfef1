"""The mistakes of a run in an order, filtered and in windows, so that a page can show ten thousand of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from leadline.errors import LeadlineError
from leadline.measure import Measured, proportion
from leadline.runs.predictions import Answers, read_answers
from leadline.runs.run import Run
from leadline.strategy import sample_size

Order = Literal["sample", "surest", "row"]
ORDERS: tuple[Order, ...] = ("sample", "surest", "row")
SHOWN_PROBABILITIES = 3


@dataclass(frozen=True)
class Wanted:
    """Which mistakes are asked for: None asks for all; `rows` are those of a slice or cluster, or of a cause."""

    true: str | None = None
    predicted: str | None = None
    rows: frozenset[int] | None = None


@dataclass(frozen=True)
class ShownMistake:
    """A mistake as a page shows it: its row in the data, names, and the largest probabilities with their classes."""

    row: int
    label: str
    prediction: str
    probabilities: tuple[tuple[str, float], ...]


@dataclass(frozen=True, eq=False)
class MistakeList:
    """The dev mistakes of a run.

    Attributes:
        n: examples of the dev set.
        classes: names of the classes.
        rows: of the mistakes in the data, int (m,).
        labels: class indices (m,).
        predictions: class indices (m,).
        probabilities: of every class, float (m, K).

    """

    n: int
    classes: tuple[str, ...]
    rows: np.ndarray
    labels: np.ndarray
    predictions: np.ndarray
    probabilities: np.ndarray

    @classmethod
    def of(cls, run: Run) -> MistakeList:
        """The dev mistakes of a run. LeadlineError: it has no classes, or no dev predictions."""
        if run.summary["task"] not in ("binary", "multiclass"):
            raise LeadlineError(f"Mistakes are told apart where examples have one class each; {run.name} has not.")
        return cls.of_answers(
            read_answers(run.folder / "predictions" / "dev.parquet", run.summary["task"], tuple(run.data["classes"])),
            tuple(run.data["classes"]),
        )

    @classmethod
    def of_answers(cls, answers: Answers, classes: tuple[str, ...]) -> MistakeList:
        """The answers whose prediction is not the label."""
        wrong = np.flatnonzero(answers.truth != answers.labels)
        return cls(
            len(answers.rows),
            classes,
            answers.rows[wrong],
            answers.truth[wrong],
            answers.labels[wrong],
            answers.scores[wrong],
        )

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def error(self) -> Measured:
        """Of the dev set."""
        return proportion(len(self), self.n)

    @property
    def suggested_sample(self) -> int:
        """How many to look through, in the order "sample", to know every share to within 10 points."""
        return sample_size(len(self))

    @cached_property
    def position(self) -> dict[int, int]:
        """Where each row lies among the mistakes."""
        return {row: k for k, row in enumerate(self.rows.tolist())}

    def shown(self, at: int) -> ShownMistake:
        """The mistake at a position."""
        values = self.probabilities[at]
        top = np.argsort(-values, kind="stable")[:SHOWN_PROBABILITIES].tolist()
        label, prediction = int(self.labels[at]), int(self.predictions[at])
        if label not in top:
            top = [*top[: SHOWN_PROBABILITIES - 1], label]
        largest = tuple((self.classes[k], float(values[k])) for k in top)
        return ShownMistake(int(self.rows[at]), self.classes[label], self.classes[prediction], largest)

    def order(self, order: Order) -> np.ndarray:
        """Positions of all mistakes in an order, int (m,): at random, the surest ones first, or by row."""
        return self._orders[order]

    def ranks(self, wanted: Wanted, order: Order) -> np.ndarray:
        """Places in the order where a wanted mistake stands, rising."""
        chosen = np.ones(len(self), bool)
        for name, indices in ((wanted.true, self.labels), (wanted.predicted, self.predictions)):
            if name is not None:
                chosen &= indices == (self.classes.index(name) if name in self.classes else -1)
        if wanted.rows is not None:
            chosen &= np.isin(self.rows, np.fromiter(wanted.rows, np.int64, len(wanted.rows)))
        return np.flatnonzero(chosen[self.order(order)])

    def window(self, ranks: np.ndarray, order: Order, after: int, size: int) -> list[tuple[int, ShownMistake]]:
        """Up to `size` of the ranks beyond `after`, with their mistakes; so a window goes on where one ended."""
        start = int(np.searchsorted(ranks, after, "right"))
        return [(int(rank), self.shown(int(self.order(order)[rank]))) for rank in ranks[start : start + size]]

    def picked(self, examined: Iterable[int]) -> int:
        """How many looked-through mistakes lie outside of the random sample, so that shares need not hold for all."""
        place = {int(self.rows[at]): rank for rank, at in enumerate(self.order("sample").tolist())}
        found = [place[row] for row in examined if row in place]
        return sum(rank >= max(self.suggested_sample, len(found)) for rank in found)

    @cached_property
    def _orders(self) -> dict[Order, np.ndarray]:
        m = len(self)
        surety = self.probabilities[np.arange(m), self.predictions] if m else np.zeros(0)
        # The same shuffle as `sample_mistakes` makes with its seed, so that both name the same sample.
        shuffled = np.random.default_rng(0).permutation(m)
        return {"sample": shuffled, "surest": np.argsort(-surety, kind="stable"), "row": np.argsort(self.rows)}
