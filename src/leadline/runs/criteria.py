"""What counts as a mistake in each task, how it reads, and what causes come to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import ClassVar

import numpy as np
from typing_extensions import override

from leadline.errors import LeadlineError
from leadline.measure import Estimate, Task, multilabel_error, root_mean_square, task_named
from leadline.measure.groups import clustered_rate, rate
from leadline.measure.multilabel import wrong_labels
from leadline.measure.tasks import ClassTask, MultilabelTask, RegressionTask
from leadline.runs.predictions import Answers
from leadline.runs.run import Run
from leadline.strategy import ErrorAnalysis, MistakeTable, Slice, analyse, find_slices
from leadline.strategy.label_text import CarriedLabels, Values
from leadline.strategy.residual_analysis import (
    Kind,
    analyse_residuals,
    contributions,
    error_of,
    largest_half,
)
from leadline.text import grouped


@dataclass(frozen=True, eq=False)
class Judged(ABC):
    """A set's answers, judged.

    Attributes:
        rows: numbers of the examples in the data, (m,).
        wrong: which are mistakes, boolean (m,).
        labels: what each should be, as text (m,).
        predictions: what was predicted.
        error: of the set.
        weights: what each adds to the error: 1, its number of wrong labels, its squared or absolute residual.
        surety: how sure the network was of each mistake, (m,), −1 or 0 where it is none; None where that means nothing.
        groups: which examples go together, (m,); None where each stands for itself.

    """

    rows: np.ndarray
    wrong: np.ndarray
    labels: tuple[str, ...]
    predictions: tuple[str, ...]
    error: Estimate
    weights: np.ndarray
    surety: np.ndarray | None
    groups: np.ndarray | None

    largest_first: ClassVar[bool] = False
    """Whether the largest mistakes are looked through, because a sample would miss what the error is made of."""
    shares_of: ClassVar[str] = "mistakes"
    """What shares of causes are shares of, before they are measured."""

    @abstractmethod
    def analyse(self, table: MistakeTable) -> ErrorAnalysis:
        """What the causes come to."""

    @abstractmethod
    def find_slices(self, columns: Mapping[str, np.ndarray]) -> tuple[Slice, ...]:
        """Where in these columns the error is high."""

    @property
    @abstractmethod
    def heading(self) -> str:
        """How many mistakes there are, in a sentence up to the error."""

    @property
    def counts(self) -> tuple[str, str]:
        """How many mistakes there are, and how many examples, as people read them."""
        return grouped(int(self.wrong.sum())), grouped(len(self.rows))

    @property
    def summary(self) -> str:
        """How many mistakes there are, and the error."""
        count, n = self.counts
        return f"{count} mistakes of {n} dev examples; error {self.error}"

    def worst(self, most: int) -> np.ndarray:
        """Positions of up to ``most`` mistakes, the worst first: the surest."""
        assert self.surety is not None
        return np.argsort(-self.surety, kind="stable")[: min(most, int(self.wrong.sum()))]

    def _examined(self, table: MistakeTable) -> tuple[list[int], dict[str, np.ndarray]]:
        """Positions of the examples that were looked through, and the ticks of each cause for them."""
        place = {int(row): k for k, row in enumerate(self.rows)}
        kept = np.array([row in place for row in table.rows], bool)
        causes = {name: np.asarray(ticks)[kept] for name, ticks in table.causes.items()}
        return [place[row] for row in table.rows if row in place], causes


@dataclass(frozen=True, eq=False)
class WrongClasses(Judged):
    """Each example is right or wrong."""

    @override
    def analyse(self, table: MistakeTable) -> ErrorAnalysis:
        return analyse(self._examined(table)[1], self.error)

    @override
    def find_slices(self, columns: Mapping[str, np.ndarray]) -> tuple[Slice, ...]:
        return find_slices(columns, self.wrong, groups=self.groups)

    @property
    @override
    def heading(self) -> str:
        count, n = self.counts
        return f"{count} of {n} dev examples are wrong"


@dataclass(frozen=True, eq=False)
class WrongLabels(Judged):
    """Each example has several labels, ``known`` (m,) of which are known; a mistake is an example with a wrong one."""

    known: np.ndarray

    @override
    def analyse(self, table: MistakeTable) -> ErrorAnalysis:
        positions, causes = self._examined(table)
        return analyse(causes, self.error, self.weights[positions], "wrong labels")

    @override
    def find_slices(self, columns: Mapping[str, np.ndarray]) -> tuple[Slice, ...]:
        share = self.weights / np.maximum(self.known, 1)
        return find_slices(columns, share, measure=_share_of_labels, groups=self.groups)

    @property
    @override
    def heading(self) -> str:
        count, n = self.counts
        return f"{count} of {n} dev examples have wrong labels"

    @property
    @override
    def summary(self) -> str:
        return f"{self.heading}; error of labels {self.error}"


def _share_of_labels(part: np.ndarray, groups: np.ndarray | None = None) -> Estimate:
    """The mean share of wrong labels of examples (m,)."""
    return clustered_rate(part, np.ones(len(part)), groups=groups)


@dataclass(frozen=True, eq=False)
class LargeResiduals(Judged):
    """Each example has ``residuals`` (m, k); mistakes are the largest, which hold half of the error of the ``kind``."""

    residuals: np.ndarray
    kind: Kind = "rmse"

    largest_first: ClassVar[bool] = True
    shares_of: ClassVar[str] = "the error"

    @override
    def analyse(self, table: MistakeTable) -> ErrorAnalysis:
        positions, causes = self._examined(table)
        return analyse_residuals(causes, positions, self.residuals, self.kind)

    @override
    def find_slices(self, columns: Mapping[str, np.ndarray]) -> tuple[Slice, ...]:
        size = np.sqrt(contributions(self.residuals))
        return find_slices(columns, size, measure=root_mean_square, metric="RMSE", groups=self.groups)

    @property
    @override
    def heading(self) -> str:
        count, n = self.counts
        return f"Half of the error is in {count} of {n} dev examples"

    @property
    @override
    def summary(self) -> str:
        count, n = self.counts
        return f"half of the error is in {count} of {n} dev examples; error {self.error}"

    def worst(self, most: int) -> np.ndarray:
        """Positions of the ``most`` largest residuals; none of several values, where tables and slices tell more."""
        if self.residuals.ndim == 2 and self.residuals.shape[1] > 1:
            return np.zeros(0, np.int64)
        return np.argsort(-np.abs(self.residuals).reshape(-1))[:most]


def judge(task: str, answers: Answers, classes: Sequence[str], optimizing: str | None = None) -> Judged:
    """Judge one set's answers, as the kind of task asks for.

    A new kind of task registers its way with ``judge_answers.register``, a `functools.singledispatch` on its class.
    """
    return judge_answers(task_named(task), answers, classes, optimizing)


def judge_run(run: Run, part: str = "dev") -> Judged:
    """Judge a run's answers on one set. `leadline.errors.LeadlineError`: the set was not predicted."""
    return judge(run.task, run.answers(part), run.classes, run.experiment.goal.optimizing)


@singledispatch
def judge_answers(task: Task, answers: Answers, classes: Sequence[str], optimizing: str | None) -> Judged:
    """Judge one set's answers; this way is for tasks that have registered none."""
    raise LeadlineError(f"How mistakes in a {task} task are judged is not known.")


@judge_answers.register
def _(task: ClassTask, answers: Answers, classes: Sequence[str], optimizing: str | None) -> WrongClasses:
    a, names = answers, np.asarray(classes, object)
    wrong = a.truth != a.labels
    error = rate(wrong, groups=a.groups)
    surety = np.where(wrong, a.scores[np.arange(len(a.labels)), a.labels], -1.0)
    texts = tuple(names[a.truth]), tuple(names[a.labels])
    return WrongClasses(a.rows, wrong, *texts, error, wrong.astype(float), surety, a.groups)


@judge_answers.register
def _(task: MultilabelTask, answers: Answers, classes: Sequence[str], optimizing: str | None) -> WrongLabels:
    a, names = answers, CarriedLabels(tuple(classes))
    wrong = wrong_labels(a.truth, a.labels)
    count, known = wrong.sum(1), (~np.isnan(np.asarray(a.truth, float))).sum(1)
    labels, predictions = (tuple(names.text(row) for row in np.asarray(v, float)) for v in (a.truth, a.labels))
    error = multilabel_error(a.truth, a.labels, groups=a.groups)
    surety = np.where(wrong, np.abs(a.scores - 0.5) + 0.5, 0.0).max(1)
    weights = count.astype(float)
    return WrongLabels(a.rows, count > 0, labels, predictions, error, weights, surety, a.groups, known)


@judge_answers.register
def _(task: RegressionTask, answers: Answers, classes: Sequence[str], optimizing: str | None) -> LargeResiduals:
    a, residuals, kind = answers, answers.labels - answers.truth, residual_kind(optimizing)
    labels, predictions = (tuple(Values().text(row) for row in values) for values in (a.truth, a.labels))
    error, parts = error_of(residuals, kind, a.groups), contributions(residuals, kind)
    largest = largest_half(residuals, kind)
    return LargeResiduals(a.rows, largest, labels, predictions, error, parts, None, a.groups, residuals, kind)


def residual_kind(optimizing: str | None) -> Kind:
    """What residuals add to: the absolute error where that is optimized, else the squared one."""
    return "mae" if optimizing == "mae" else "rmse"
