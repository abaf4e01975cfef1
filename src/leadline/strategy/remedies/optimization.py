"""Remedies of optimization: how long, how fast and by which rule the cost is minimized.

Source: the basic recipe and optimization algorithms of course 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar

from typing_extensions import override

from leadline.strategy.evidence import Evidence
from leadline.strategy.ladder import BIAS, VARIANCE
from leadline.strategy.remedies.length import stretched
from leadline.strategy.remedies.remedy import Advice, Option, Remedy, digits, percent
from leadline.training.batches import MINI_BATCH_RATE

STILL_FALLING = 0.02
"""A fall of the training cost by less than this share, over a tenth of the epochs, counts as having stopped."""
SHORT_PATIENCE = 10
"""Epochs without a better dev error that chance alone brings about."""
AT_REST = 0.05
"""A cost that has fallen by less than this share since the first epoch hardly moves."""
JUMPING = 0.4
"""The share of the last epochs in which a cost rises that jumps instead of falling."""
LARGEST_RATE = 1.0
OF_CLASSES = ("binary_cross_entropy", "softmax_cross_entropy")
BY_CLASS = ("f1", "f2", "macro_f1", "balanced_accuracy", "recall", "macro_recall")
"""Metrics that a rare class weighs as much in as a frequent one, and that depend on where the decision is made."""
ADAPTIVE = ("adam", "adamw", "rmsprop")


class LongerTraining(Remedy):
    """More epochs, with schedule and patience stretched alike."""

    name, title, moves = "longer_training", "Longer training", (BIAS,)
    rank = 10
    worth: ClassVar[Mapping[str, float]] = {BIAS: 0.08, VARIANCE: 0.02}

    @override
    def options(self, e: Evidence) -> Iterable[Option]:
        return [Option("twice the epochs", stretched(e.epochs or 1, e.schedule, e.early_stopping, 2.0))]

    @override
    def advice(self, gap: str, e: Evidence) -> Iterable[Advice]:
        fall, window = e.recent_fall, e.recent_window
        if gap != BIAS or fall is None or window is None or fall < STILL_FALLING or e.epochs is None:
            return
        if e.stopped == "early stopping":
            # After a long wait in vain the dev error has levelled off: a lower training cost alone is no gain.
            if 0 < (e.patience or 0) < SHORT_PATIENCE:
                patience = 5 * (e.patience or 1)
                reason = (
                    f"early stopping ended training after {len(e.costs)} epochs, {e.patience} after the best one, "
                    f"while the training cost still fell by {percent(fall)} over the last {window}."
                )
                side = "Early stopping moves two gaps at once: with more patience bias falls and variance may rise."
                change = {"training.early_stopping": {**(e.early_stopping or {}), "patience": patience}}
                yield self.advise("Stop later", BIAS, reason, change, side, VARIANCE)
            return
        reason = f"the training cost still fell by {percent(fall)} over the last {window} of {len(e.costs)} epochs."
        yield self.advise("Train longer", BIAS, reason, {"training.epochs": 2 * e.epochs})


class LearningRate(Remedy):
    """Smaller steps, or larger ones; a cost that jumps up as often as it falls has too large a rate."""

    name, title, moves = "learning_rate", "Learning rate", (BIAS,)
    rank = 20
    worth: ClassVar[Mapping[str, float]] = {BIAS: 0.08, VARIANCE: 0.03}

    @override
    def options(self, e: Evidence) -> Iterable[Option]:
        rate, factors = e.learning_rate or 0.0, [0.1, 0.3, 3.0]
        if _hardly_moves(e.unpenalized_costs):
            factors += [10.0**k for k in range(1, 7) if rate * 10**k <= LARGEST_RATE]
        if _jumps(e.unpenalized_costs):
            factors += [0.01, 0.001]
        rates = [digits(rate * factor) for factor in factors]
        return [Option(f"α = {rate}", {"training.learning_rate": rate}) for rate in rates]

    @override
    def advice(self, gap: str, e: Evidence) -> Iterable[Advice]:
        if gap != BIAS or len(e.costs) < 8 or e.learning_rate is None:
            return
        if not _jumps(e.unpenalized_costs) or (e.recent_fall or 0.0) > STILL_FALLING:
            return
        rises, epochs = _rises(e.unpenalized_costs)
        reason = f"the training cost rose in {rises} of the last {epochs} epochs instead of falling."
        rate = digits(e.learning_rate / 3, 1)
        yield self.advise("Lower the learning rate", BIAS, reason, {"training.learning_rate": rate})


def _rises(costs: Sequence[float]) -> tuple[int, int]:
    """In how many of the last epochs, a third of all and at least 7, a cost rose, and how many they are."""
    recent = costs[-max(8, len(costs) // 3) :]
    return sum(b > a for a, b in pairwise(recent)), max(len(recent) - 1, 0)


def _jumps(costs: Sequence[float]) -> bool:
    """Whether a cost that has enough epochs goes up about as often as down, and by much beside what is left of it.

    The cost of small batches at rest goes up and down as well, by little.
    """
    rises, epochs = _rises(costs)
    if len(costs) < 8 or rises < JUMPING * epochs:
        return False
    recent = costs[-epochs - 1 :]
    jumps = sum(abs(b - a) for a, b in pairwise(recent)) / epochs
    return jumps > AT_REST * sum(recent) / len(recent)


def _hardly_moves(costs: Sequence[float]) -> bool:
    """Whether a cost has not come far from where it began."""
    return len(costs) > 1 and costs[0] - min(costs) < AT_REST * abs(costs[0])


class OtherOptimizer(Remedy):
    """Another update rule, with a rate that suits it where the present one is Adam's or another's usual size."""

    name, title, moves = "optimizer", "Optimizer", (BIAS,)
    rank = 40
    worth: ClassVar[Mapping[str, float]] = {BIAS: 0.05, VARIANCE: 0.02}

    @override
    def options(self, e: Evidence) -> Iterable[Option]:
        now, rate = (e.optimizer or {}).get("type"), e.learning_rate or 0.001
        adaptive = rate if now in ADAPTIVE else 0.001
        rules = (
            ("adam", adaptive, "Adam"),
            ("rmsprop", digits(adaptive / 3), "RMSprop"),
            ("momentum", 0.03 if now in ADAPTIVE else rate, "momentum"),
        )
        return [Option(f"{name}, α = {value:g}", _rule(rule, value)) for rule, value, name in rules if rule != now]

    @override
    def advice(self, gap: str, e: Evidence) -> Iterable[Advice]:
        rule = (e.optimizer or {}).get("type")
        if gap != BIAS or rule not in ("gradient_descent", "momentum", "nesterov"):
            return
        reason = f"{rule.replace('_', ' ')} was used; Adam scales the step of every parameter by its own gradients."
        yield self.advise("Optimize with Adam", BIAS, reason, _rule("adam", 0.001))


def _rule(name: str, rate: float) -> dict[str, Any]:
    return {"training.optimizer": {"type": name}, "training.learning_rate": rate}


class ClassWeights(Remedy):
    """Classes that count alike in the cost however rare they are, where the metric looks at each of them."""

    name, title, moves = "class_weights", "Class weights", (BIAS,)
    rank = 55
    worth: ClassVar[Mapping[str, float]] = {BIAS: 0.1, VARIANCE: 0.05}

    @override
    def options(self, e: Evidence) -> Iterable[Option]:
        if e.class_weights is None and e.metric in BY_CLASS and e.loss in OF_CLASSES:
            yield Option("balanced", {"training.class_weights": "balanced"})


class BatchSize(Remedy):
    """Other batches with λ/m kept; from the whole set to mini-batches the updates stay as many."""

    name, title, moves = "batch_size", "Batch size", (BIAS, VARIANCE)
    rank = 120
    worth: ClassVar[Mapping[str, float]] = {BIAS: 0.05, VARIANCE: 0.04}

    @override
    def options(self, e: Evidence) -> Iterable[Option]:
        m = e.n_train or 0
        if e.batch_size is None:
            return [Option("64", self._mini_batches(e, m))] if m >= 128 and e.epochs else []
        sizes = [size for size in (e.batch_size // 2, 4 * e.batch_size) if 8 <= size <= m // 4]
        return [Option(f"{size}", {"training.batch_size": size} | _penalties(e, size / e.batch_size)) for size in sizes]

    @staticmethod
    def _mini_batches(e: Evidence, m: int) -> Mapping[str, Any]:
        epochs = e.epochs or 1
        factor = max(64 / m * epochs, 10.0) / epochs
        rate = min(e.learning_rate or MINI_BATCH_RATE, MINI_BATCH_RATE)
        changes = stretched(epochs, e.schedule, e.early_stopping, factor) | _penalties(e, 64 / m)
        return changes | {"training.batch_size": 64, "training.learning_rate": rate}


def _penalties(e: Evidence, scale: float) -> dict[str, Any]:
    return {f"training.{key}": digits(value * scale) for key, value in (("l2", e.l2), ("l1", e.l1)) if value}
