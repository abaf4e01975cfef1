"""Predictions of a run with sets and intervals that hold the truth as often as asked.

What the network's answers miss by is known of the dev set; of a final network that was trained over folds, of what its
members left out, which the mean of all members undercuts: those sets and intervals are rather too large than too small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from leadline.errors import LeadlineError, UsageError, nearest
from leadline.measure import Estimate
from leadline.measure.conformal import Conformal, check_coverage, class_scores, conformal, coverage_of, value_scores
from leadline.runs.predictions import LEFT_OUT, Answers
from leadline.runs.run import Run

BETWEEN = " | "
"""Between the classes of a set, as tables have it."""


@dataclass(frozen=True)
class Promise:
    """What sets and intervals of a run need, and whether they keep it on the test set.

    ``part`` is the set that the promise stands on, ``by`` the segment whose parts each have their own; ``test`` is how
    often the truth was held there by the run's first network, None where the set is closed.
    """

    rule: Conformal
    part: str
    by: str | None
    test: Estimate | None

    def __str__(self) -> str:
        of = "left out of training" if self.part == LEFT_OUT else "of the dev set"
        text = f"The truth is held for {100 * self.rule.coverage:g} % of examples like the {self.rule.n} {of}"
        text += f", in each part of {self.by}." if self.by else "."
        if self.test is None:
            return text
        text += f" On the test set it was held for {self.test}."
        if self.test.interval[1] < self.rule.coverage:
            text += " That is less than asked for: its examples seem to be of another distribution."
        return text


def promise(run: Run, coverage: float, by: str | None = None) -> Promise:
    """What sets and intervals of this coverage need in a run, in each part of the segment ``by`` where it is given.

    Raises:
        UsageError: the coverage is not between 0 and 1, there is no such segment, or the task has neither sets nor
            intervals.
        LeadlineError: no set was predicted that was not trained on.

    """
    check_coverage(coverage)
    if not (run.task.one_class or run.task.graded):
        raise UsageError(f"--coverage is for classes and numbers; a {run.task} target has neither. Leave it out.")
    dev = _held_out(run, "dev")
    first = conformal(_scores(run, dev), coverage, _segment(dev, by))
    test = None
    if run.has_predictions("test"):
        opened = run.answers("test")
        test = coverage_of(_held(run, first, opened, _segment(opened, by)), opened.groups)
    if not run.has_predictions(LEFT_OUT):
        return Promise(first, "dev", by, test)
    left_out = _held_out(run, LEFT_OUT)
    return Promise(conformal(_scores(run, left_out), coverage, _segment(left_out, by)), LEFT_OUT, by, test)


def with_coverage(run: Run, rows: Any, asked: Promise, groups: np.ndarray | None = None) -> pa.Table:
    """Predictions of new rows as `TrainedNetwork.predictions` has them, with sets of classes or ends of intervals.

    Columns are ``set``, or ``low`` and ``high`` (``low_0``, … of several values). ``groups`` (m,) name the part of each
    row, where the promise is by parts.
    """
    network = run.final_network()
    outputs = network.outputs(network.prepared(rows))
    table = network.predictions_of(outputs)
    if groups is not None and len(groups) != len(outputs):
        raise LeadlineError(f"{asked.by}: {len(groups)} values for {len(outputs)} rows.")
    if run.task.one_class:
        names = np.asarray(run.classes, object)
        sets = [BETWEEN.join(names[chosen]) for chosen in asked.rule.sets(outputs, groups)]
        return table.append_column("set", pa.array(sets))
    ends = dict(zip(("low", "high"), asked.rule.intervals(outputs, groups), strict=True))
    for name, values in ends.items():
        for k in range(values.shape[1]):
            suffix = f"_{k}" if values.shape[1] > 1 else ""
            table = table.append_column(f"{name}{suffix}", pa.array(values[:, k]))
    return table


def _held_out(run: Run, part: str) -> Answers:
    if not run.has_predictions(part):
        raise LeadlineError(f"{run.name} has no dev predictions, on which a coverage would stand.")
    return run.answers(part)


def _scores(run: Run, answers: Answers) -> np.ndarray:
    score = class_scores if run.task.one_class else value_scores
    return score(answers.truth, answers.scores)


def _held(run: Run, rule: Conformal, answers: Answers, groups: np.ndarray | None) -> np.ndarray:
    if run.task.one_class:
        return rule.sets(answers.scores, groups)[np.arange(len(answers.truth)), answers.truth]
    low, high = rule.intervals(answers.scores, groups)
    return np.all((low <= answers.truth) & (answers.truth <= high), axis=1).astype(bool).reshape(-1)


def _segment(answers: Answers, by: str | None) -> np.ndarray | None:
    if by is None:
        return None
    if by not in answers.segments:
        raise UsageError(f"--coverage-by: '{by}' is none of the run's segments.{nearest(by, answers.segments)}")
    return answers.segments[by]
