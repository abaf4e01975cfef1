"""Ceiling analysis: which stage of a pipeline is worth working on.

Stage after stage is replaced by the truth, and what the whole gains each time is the most that perfecting the stage
can bring. All measured on the same examples, so the gains carry paired intervals. Source: course 3, end-to-end deep
learning, and ceiling analysis of pipelines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import UsageError
from leadline.files import plain
from leadline.measure.bootstrap import bootstrap_weights
from leadline.measure.intervals import Estimate, paired_difference, proportion
from leadline.strategy.comparison import Comparison, compare

Array = NDArray[Any]


@dataclass(frozen=True)
class Stage:
    """One stage: a function from the outputs of the stage before (a batch) to its own, and its true outputs."""

    name: str
    run: Callable[[Any], Any]
    truth: Any


@dataclass(frozen=True)
class Ceiling:
    """The whole pipeline's accuracy with the stages up to this one perfect, and what this stage added."""

    stage: str
    accuracy: Estimate
    gain: Estimate


@dataclass(frozen=True)
class CeilingAnalysis:
    """``accuracy`` of the pipeline as it is, and the ceilings in the order of the stages."""

    accuracy: Estimate
    ceilings: tuple[Ceiling, ...]

    @property
    def worthwhile(self) -> Ceiling:
        """The stage whose perfection brings most."""
        return max(self.ceilings, key=lambda ceiling: ceiling.gain.value)

    @property
    def conclusion(self) -> str:
        """The finding in words; it says so where two stages cannot be told apart."""
        best = self.worthwhile
        if best.gain.interval[0] <= 0:
            return "No stage's perfection brings a gain that can be told from 0 with these examples."
        rivals = [c.stage for c in self.ceilings if c is not best and c.gain.interval[1] >= best.gain.interval[0]]
        gain = f"{best.gain.plain()} ({best.gain.range()})"
        text = f"Work on {best.stage}: made perfect, it would gain at most {gain}."
        return text if not rivals else f"{text} These examples do not tell it from {', '.join(rivals)}."

    def to_json(self) -> dict[str, Any]:
        """Plain values, with the conclusion."""
        return plain(self) | {"conclusion": self.conclusion, "worthwhile": self.worthwhile.stage}

    def __str__(self) -> str:
        rows = [("as it is", str(self.accuracy), "", "")]
        for c in self.ceilings:
            rows.append((f"perfect {c.stage}", str(c.accuracy), c.gain.signed(), f"({c.gain.range()})"))
        name, accuracy, gain, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
        lines = [f"{row[0]:<{name}}  {row[1]:<{accuracy}}  {row[2]:>{gain}} {row[3]}".rstrip() for row in rows]
        return "\n".join([*lines, self.conclusion])


def ceiling_analysis(
    stages: Sequence[Stage], inputs: Any, correct: Callable[[Any, Any], ArrayLike] | None = None
) -> CeilingAnalysis:
    """Run a pipeline as it is, then with its first stage perfect, its first two, and so on.

    Args:
        stages: in order; the last one's output is the pipeline's.
        inputs: of the first stage, a batch of m examples.
        correct: takes outputs and truth of the last stage and says which examples are right, boolean (m,); by
            default those that are equal.

    Raises:
        UsageError: without stages, or if ``correct`` does not answer for every example.

    """
    if not stages:
        raise UsageError("Ceiling analysis needs at least one stage.")

    def final(start: int, outputs: Any) -> Array:
        for stage in stages[start:]:
            outputs = stage.run(outputs)
        truth = stages[-1].truth
        return np.asarray(np.asarray(outputs) == np.asarray(truth) if correct is None else correct(outputs, truth))

    right = {"": final(0, inputs)}
    right |= {stage.name: final(k + 1, stage.truth) for k, stage in enumerate(stages)}
    return ceilings_of_table(right)


def ceilings_of_table(right: Mapping[str, ArrayLike]) -> CeilingAnalysis:
    """Ceiling analysis from a table.

    Args:
        right: which examples (m,) come out right at the end: first for the pipeline as it is, under any name, then by
            stage with it and all before it perfect, in the order of the stages.

    Raises:
        UsageError: for fewer than two columns, or columns that differ in length.

    """
    columns = {name: np.asarray(values, bool) for name, values in right.items()}
    shapes = {values.shape for values in columns.values()}
    if len(columns) < 2 or len(shapes) != 1 or len(next(iter(shapes))) != 1 or 0 in next(iter(shapes)):
        raise UsageError("Ceiling analysis needs one column for the whole and one per stage, all of one length.")
    names, table = list(columns), list(columns.values())
    whole, *perfect = [proportion(int(values.sum()), len(values)) for values in table]
    gains = [paired_difference(after, before) for before, after in pairwise(table)]
    return CeilingAnalysis(whole, tuple(Ceiling(*row) for row in zip(names[1:], perfect, gains, strict=True)))


def ceilings_of_outputs(outputs: Mapping[str, ArrayLike], truths: Mapping[str, ArrayLike]) -> CeilingAnalysis:
    """Ceiling analysis from what every stage put out and should have, where stages cannot be run anew.

    With the stages up to one perfect, the pipeline is as right as it is now on the examples where all of them happen to
    be right. That takes these examples to be like the others; where hard ones trouble all stages, ceilings come out too
    high. Intervals are bootstrapped over examples.

    Args:
        outputs: by stage, in their order, what it put out (m,).
        truths: by stage, what it should have (m,).

    Raises:
        UsageError: for stages without a truth, columns that differ in length, or no example with all stages right up
            to some stage.

    """
    if not outputs or set(outputs) != set(truths):
        raise UsageError("Ceiling analysis needs the truth of every stage: one output and one truth each.")
    right = [np.asarray(outputs[name]) == np.asarray(truths[name]) for name in outputs]
    if len({column.shape for column in right}) != 1 or right[0].ndim != 1 or not len(right[0]):
        raise UsageError("Ceiling analysis needs outputs and truths of one length.")
    final, m = right[-1], len(right[-1])
    reached = [np.ones(m, bool), *np.logical_and.accumulate(right)]
    for name, part in zip(outputs, reached[1:], strict=True):
        if not part.any():
            raise UsageError(f"No example is right in all stages up to {name}: its ceiling cannot be judged.")

    def accuracy(part: Array) -> Callable[[Array], Array]:
        hit, among = (part & final).astype(float), part.astype(float)
        return lambda weights: (weights @ hit) / np.maximum(weights @ among, 1e-12)

    whole = proportion(int(final.sum()), m)
    ceilings = []
    for name, before, part in zip(outputs, reached, reached[1:], strict=False):
        low, high = accuracy(before), accuracy(part)
        perfect = proportion(int((part & final).sum()), int(part.sum()))
        gain = bootstrap_weights(lambda w, low=low, high=high: high(w) - low(w), m, unit="points")
        ceilings.append(Ceiling(name, perfect, gain))
    return CeilingAnalysis(whole, tuple(ceilings))


def end_to_end_or_pipeline(y_true: ArrayLike, end_to_end: ArrayLike, pipeline: ArrayLike) -> Comparison:
    """Compare the final answers of an end-to-end network with those of a pipeline on the same examples."""
    return compare("accuracy", y_true, end_to_end, pipeline, ("end-to-end", "the pipeline"))
