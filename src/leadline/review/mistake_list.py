"""The mistakes of a run in an order, filtered and in windows, so that a page can show ten thousand of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from leadline.measure import Estimate, task_named
from leadline.runs.criteria import Judged, LargeResiduals, judge
from leadline.runs.predictions import Answers
from leadline.runs.run import Run
from leadline.strategy import sample_size

Order = Literal["sample", "surest", "row"]
ORDERS: tuple[Order, ...] = ("sample", "surest", "row")
Role = Literal["true", "said", "other"]
SHOWN_PROBABILITIES = 3


@dataclass(frozen=True)
class MistakeQuery:
    """Which mistakes are asked for: None asks for all.

    ``true`` is a class or label that was missed, ``predicted`` one that was predicted wrongly; ``rows`` are those of a
    slice or cluster, or of a cause.
    """

    true: str | None = None
    predicted: str | None = None
    rows: frozenset[int] | None = None


@dataclass(frozen=True)
class Probability:
    """Of a class or label: the ``true`` one, the one that was ``said`` in its place, or an ``other``."""

    name: str
    value: float
    role: Role


@dataclass(frozen=True)
class ShownMistake:
    """A mistake as a page shows it: its row in the data, texts, probabilities that matter, and how far off it is."""

    row: int
    label: str
    prediction: str
    probabilities: tuple[Probability, ...] = ()
    off: str = ""


class MistakeList:
    """The dev mistakes of a run: wrong classes, examples with wrong labels, or the largest residuals (`judge`)."""

    def __init__(self, task: str, classes: tuple[str, ...], answers: Answers, judged: Judged) -> None:
        self.task, self.judged = task_named(task), judged
        self.classes: tuple[str, ...] = classes if self.task.named_outputs else ()
        self.n = len(judged.rows)
        wrong = self._wrong = np.flatnonzero(judged.wrong)
        self.rows = judged.rows[wrong]
        self._probabilities = answers.scores[wrong] if self.classes else np.zeros((len(wrong), 0))
        truth, said = answers.truth[wrong], answers.labels[wrong]
        if self.task.one_class:
            truth, said = (np.eye(len(classes), dtype=np.int8)[indices] for indices in (truth, said))
        self._truth = truth if self.classes else np.zeros((len(wrong), 0))
        self._said = said if self.classes else np.zeros((len(wrong), 0))

    @classmethod
    def of(cls, run: Run) -> MistakeList:
        """The dev mistakes of a run. LeadlineError: it has no dev predictions."""
        answers = run.answers("dev")
        return cls(run.task, run.classes, answers, judge(run.task, answers, run.classes, run.optimizing))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def error(self) -> Estimate:
        """Of the dev set."""
        return self.judged.error

    @property
    def heading(self) -> str:
        """How many mistakes there are, in a sentence up to the error."""
        return self.judged.heading

    @property
    def orders(self) -> dict[str, str]:
        """What the orders are called; of a regression the largest residuals come first, for they make the error."""
        if self.judged.largest_first:
            return {"sample": "largest first", "row": "by row"}
        return {"sample": "random sample first", "surest": "surest first", "row": "by row"}

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
        place = int(self._wrong[at])
        label, prediction = self.judged.labels[place], self.judged.predictions[place]
        off = ""
        if isinstance(self.judged, LargeResiduals):
            label, prediction = _short(label), _short(prediction)
            off = ", ".join(_six_digits(float(value), "+") for value in np.atleast_1d(self.judged.residuals[place]))
        return ShownMistake(int(self.rows[at]), label, prediction, self._shown_probabilities(at), off)

    def order(self, order: Order) -> np.ndarray:
        """Positions of all mistakes in an order, int (m,): at random, the surest ones first, or by row."""
        return self._orders[order]

    def ranks(self, query: MistakeQuery, order: Order) -> np.ndarray:
        """Places in the order where a mistake stands that matches, rising."""
        chosen = np.ones(len(self), bool)
        for name, there, absent in (
            (query.true, self._truth, self._said),
            (query.predicted, self._said, self._truth),
        ):
            if name is not None:
                k = self.classes.index(name) if name in self.classes else None
                chosen &= False if k is None else (there[:, k] == 1) & (absent[:, k] == 0)
        if query.rows is not None:
            chosen &= np.isin(self.rows, np.fromiter(query.rows, np.int64, len(query.rows)))
        return np.flatnonzero(chosen[self.order(order)])

    def window(self, ranks: np.ndarray, order: Order, after: int, size: int) -> list[tuple[int, ShownMistake]]:
        """Up to `size` of the ranks beyond `after`, with their mistakes; so a window goes on where one ended."""
        start = int(np.searchsorted(ranks, after, "right"))
        return [(int(rank), self.shown(int(self.order(order)[rank]))) for rank in ranks[start : start + size]]

    def picked(self, examined: Iterable[int]) -> int:
        """How many looked-through mistakes lie outside of the random sample, so that shares need not hold for all.

        A regression has no sample: its shares are of the whole error.
        """
        if self.judged.largest_first:
            return 0
        place = {int(self.rows[at]): rank for rank, at in enumerate(self.order("sample").tolist())}
        ranks = [place[row] for row in examined if row in place]
        return sum(rank >= max(self.suggested_sample, len(ranks)) for rank in ranks)

    @cached_property
    def _orders(self) -> dict[Order, np.ndarray]:
        m = len(self)
        by_row = np.argsort(self.rows, kind="stable")
        if self.judged.largest_first:
            largest = np.argsort(-self.judged.weights[self._wrong], kind="stable")
            return {"sample": largest, "surest": largest, "row": by_row}
        missed_by = np.where(self._truth != self._said, np.abs(self._probabilities - self._truth), -1.0)
        if self.task.one_class:
            missed_by = np.where(self._said == 1, self._probabilities, -1.0)
        surest = np.argsort(-missed_by.max(1), kind="stable") if m else by_row
        # The same shuffle as `sample_mistakes` makes with its seed, so that both name the same sample.
        return {"sample": np.random.default_rng(0).permutation(m), "surest": surest, "row": by_row}

    def _shown_probabilities(self, at: int) -> tuple[Probability, ...]:
        """The largest, the label's among them; of several labels the wrong ones, the farthest off first."""
        values, truth, said = self._probabilities[at], self._truth[at], self._said[at]
        if not self.task.one_class:
            wrong = np.flatnonzero((truth != said) & ~np.isnan(truth.astype(float)))
            top = wrong[np.argsort(-np.abs(values - truth)[wrong], kind="stable")][:SHOWN_PROBABILITIES].tolist()
        else:
            top = np.argsort(-values, kind="stable")[:SHOWN_PROBABILITIES].tolist()
            missing = [k for k in np.flatnonzero(truth == 1).tolist() if k not in top]
            top = [*top[: SHOWN_PROBABILITIES - len(missing)], *missing]
        return tuple(Probability(self.classes[k], float(values[k]), _role(truth[k], said[k])) for k in top)


def _role(truth: float, said: float) -> Role:
    return "true" if truth == 1 else "said" if said == 1 else "other"


def _short(values: str) -> str:
    """Values of a text with six digits each: ``106245.9081`` as ``106 246``."""
    try:
        return ", ".join(_six_digits(float(value)) for value in values.split(", "))
    except ValueError:
        return values


def _six_digits(value: float, sign: str = "-") -> str:
    text = f"{value:{sign},.0f}" if 1e6 <= abs(value) < 1e15 else f"{value:{sign},.6g}"
    return text.replace(",", " ").replace("-", "−")
