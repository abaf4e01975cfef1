"""Remedies of the data: how inputs are normalized, more examples, and examples like the target's.

Source: normalizing inputs of course 2; data mismatch and the size of dev sets of course 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from typing_extensions import override

from leadline.strategy.evidence import Evidence
from leadline.strategy.ladder import BIAS, MISMATCH, OVERFITTING, VARIANCE
from leadline.strategy.remedies.remedy import Advice, Option, Remedy
from leadline.text import grouped

MISMATCH_SEEN = "held-out training data are predicted better than dev data."


class InputNormalization(Remedy):
    """Another normalization of the inputs, or one where there is none."""

    name, title, moves = "input_normalization", "Input normalization", (BIAS,)
    rank = 50
    worth: ClassVar[Mapping[str, float]] = {BIAS: 0.04, VARIANCE: 0.04}

    @override
    def worth_here(self, e: Evidence) -> Mapping[str, float]:
        return {BIAS: 0.2, VARIANCE: 0.2} if e.normalization == "none" else self.worth

    @override
    def options(self, e: Evidence) -> Iterable[Option]:
        others = ("standardize", "unit") if e.image_shape is not None else ("standardize", "quantile")
        return [Option(name, {"data.normalization": name}) for name in others if name != e.normalization]

    @override
    def advice(self, gap: str, e: Evidence) -> Iterable[Advice]:
        if gap == BIAS and e.normalization == "none":
            reason = "the inputs are not normalized, which makes the cost a long valley that descent crosses slowly."
            yield self.advise("Normalize the inputs", BIAS, reason, {"data.normalization": "standardize"})


class MoreData(Remedy):
    """More training examples; a learning curve says what they would bring."""

    name, title, moves = "more_data", "More data", (VARIANCE,)
    rank = 90
    worth: ClassVar[Mapping[str, float]] = {BIAS: 0.02, VARIANCE: 0.2}
    always = True

    @override
    def advice(self, gap: str, e: Evidence) -> Iterable[Advice]:
        if gap == VARIANCE and e.n_train is not None:
            n = grouped(e.n_train)
            reason = f"the fit to {n} training examples does not carry over; more narrow variance alone."
            yield self.advise("Collect more training data", VARIANCE, reason)


class DevMistakes(Remedy):
    """A look through the dev mistakes for what the training data lack."""

    name, title, moves = "dev_mistakes", "Dev mistakes", (MISMATCH,)
    rank = 140

    @override
    def advice(self, gap: str, e: Evidence) -> Iterable[Advice]:
        if gap == MISMATCH:
            reason = f"{MISMATCH_SEEN} The causes tell what the training data lack."
            yield self.advise("Look through the dev mistakes", MISMATCH, reason)


class TargetData(Remedy):
    """Training data like the target's."""

    name, title, moves = "target_data", "Training data like the target's", (MISMATCH,)
    rank = 150

    @override
    def advice(self, gap: str, e: Evidence) -> Iterable[Advice]:
        if gap == MISMATCH:
            yield self.advise("Collect training data like the target's", MISMATCH, MISMATCH_SEEN)


class Synthesis(Remedy):
    """Training data made to look like the target's."""

    name, title, moves = "synthesis", "Synthesized training data", (MISMATCH,)
    rank = 160

    @override
    def advice(self, gap: str, e: Evidence) -> Iterable[Advice]:
        if gap == MISMATCH:
            yield self.advise("Synthesize training data like the target's", MISMATCH, MISMATCH_SEEN)


class BiggerDevSet(Remedy):
    """A larger dev set, where choices have been fitted to the one there is."""

    name, title, moves = "bigger_dev_set", "Bigger dev set", (OVERFITTING,)
    rank = 170

    @override
    def advice(self, gap: str, e: Evidence) -> Iterable[Advice]:
        if gap == OVERFITTING:
            size = "" if e.n_dev is None else f" ({grouped(e.n_dev)} examples)"
            reason = f"the dev set{size} was fitted by the choices that were made on it."
            yield self.advise(
                "Use a bigger dev set", OVERFITTING, reason, {"split.dev": 2 * e.n_dev} if e.n_dev else {}
            )
