"""Remedies of regularization: penalties, dropout, augmentation, and stopping early.

Source: course 2, regularization; course 3, orthogonalization, for early stopping moves two gaps at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from typing_extensions import override

from leadline.network import Dropout, edits
from leadline.strategy.evidence import Evidence
from leadline.strategy.ladder import BIAS, VARIANCE
from leadline.strategy.remedies.remedy import Advice, Option, Remedy, digits, layers_change, percent
from leadline.text import grouped

STRONG_DECAY = 0.03
"""An L2 penalty that pulls each weight down by more than this share of itself (λ/m) is not mild any more."""
MILD_DECAY = 1e-3
"""λ/m of the usual mild start."""


class L2Penalty(Remedy):
    """A stronger or weaker λ of the L2 penalty."""

    name, title, moves = "l2", "L2 penalty", (VARIANCE, BIAS)
    rank = 60
    worth: ClassVar[Mapping[str, float]] = {BIAS: 0.03, VARIANCE: 0.06}

    @override
    def options(self, e: Evidence) -> Iterable[Option]:
        batch, now = _batch(e), e.l2 or 0.0
        values = [now * f for f in (0.0, 0.1, 3, 10, 30)] if now else [batch * share for share in (1e-4, 1e-3, 1e-2)]
        kept = [digits(value) for value in values if value / batch <= 0.3]
        return [Option(f"λ = {value:g}", {"training.l2": value}) for value in kept]

    @override
    def advice(self, gap: str, e: Evidence) -> Iterable[Advice]:
        if gap == BIAS and e.l2:
            yield _weaker(self, "L2", e.l2)
        if gap != VARIANCE or e.l2 is None or e.n_train is None:
            return
        # λ/m multiplies the weights: the mild start is the same share of the batch, whatever its size.
        batch, side = _batch(e), "Bias rises a little if λ is too large."
        if e.l2 == 0:
            change = {"training.l2": digits(MILD_DECAY * batch, 1)}
            yield self.advise("Add an L2 penalty", VARIANCE, "no L2 penalty was used (λ = 0).", change, side, BIAS)
        elif e.l2 / batch <= STRONG_DECAY:
            reason = f"the L2 penalty is mild (λ/m = {e.l2 / batch:.1g})."
            change = {"training.l2": digits(3 * e.l2, 1)}
            yield self.advise("Strengthen the L2 penalty", VARIANCE, reason, change, side, BIAS)


class L1Penalty(Remedy):
    """A weaker λ of the L1 penalty, or none."""

    name, title, moves = "l1", "L1 penalty", (VARIANCE, BIAS)
    rank = 65
    worth: ClassVar[Mapping[str, float]] = {BIAS: 0.03, VARIANCE: 0.0}

    @override
    def options(self, e: Evidence) -> Iterable[Option]:
        values = [digits((e.l1 or 0.0) * factor) for factor in (0.0, 0.1)] if e.l1 else []
        return [Option(f"λ = {value:g}", {"training.l1": value}) for value in values]

    @override
    def advice(self, gap: str, e: Evidence) -> Iterable[Advice]:
        if gap == BIAS and e.l1:
            yield _weaker(self, "L1", e.l1)


def _weaker(remedy: Remedy, name: str, value: float) -> Advice:
    reason = f"the {name} penalty has λ = {value:g}, which holds the weights back."
    change = {f"training.{remedy.name}": digits(value / 10, 1)}
    return remedy.advise(f"Weaken the {name} penalty", BIAS, reason, change, "Variance may rise.", VARIANCE)


def _batch(e: Evidence) -> int:
    return e.batch_size or e.n_train or 1


class HiddenDropout(Remedy):
    """Dropout after every hidden dense layer, or less of it."""

    name, title, moves = "dropout", "Dropout", (VARIANCE, BIAS)
    rank = 70
    worth: ClassVar[Mapping[str, float]] = {BIAS: 0.0, VARIANCE: 0.05}

    @override
    def options(self, e: Evidence) -> Iterable[Option]:
        present = {layer.keep_prob for layer in e.network if isinstance(layer, Dropout)} or {1.0}
        return [
            Option(f"keep_prob = {keep:g}", layers_change(edits.edited(e.layers, edits.with_dropout, keep)))
            for keep in (1.0, 0.9, 0.8, 0.6)
            if keep not in present
        ]

    @override
    def advice(self, gap: str, e: Evidence) -> Iterable[Advice]:
        if gap == BIAS and e.has_dropout:
            reason = "dropout holds the fit to the training set back."
            change = layers_change(edits.edited(e.layers, edits.without_dropout))
            yield self.advise("Train without dropout", BIAS, reason, change, "Variance may rise.", VARIANCE)
        if gap != VARIANCE or e.has_dropout or e.n_parameters is None or e.n_train is None:
            return
        change = layers_change(edits.edited(e.layers, edits.with_dropout, 0.8))
        if change and e.n_parameters >= e.n_train * e.n_outputs:
            reason = f"{grouped(e.n_parameters)} parameters can memorize {grouped(e.n_train)} training examples."
            side = "Bias may rise, and training takes longer."
            yield self.advise("Drop hidden units", VARIANCE, reason, change, side, BIAS)


class ImageAugmentation(Remedy):
    """Training images varied at random in ways that leave the label of any image right.

    Mirroring is not among them: it turns letters and digits into something else.
    """

    name, title, moves = "augmentation", "ImageAugmentation", (VARIANCE, BIAS)
    rank = 80
    worth: ClassVar[Mapping[str, float]] = {BIAS: 0.0, VARIANCE: 0.3}

    @override
    def options(self, e: Evidence) -> Iterable[Option]:
        if e.image_shape is None or e.augmentation is not False:
            return []
        shift = {"augment.crop": max(1, min(e.image_shape[:2]) // 8)}
        return [Option("shifts", shift), Option("shifts, turns and zooms", shift | TURNS)]

    @override
    def advice(self, gap: str, e: Evidence) -> Iterable[Advice]:
        if gap != VARIANCE or e.image_shape is None or e.augmentation is not False:
            return
        reason = "the inputs are images, used without augmentation."
        side = "Bias rises a little if the images are varied too much."
        yield self.advise("Augment the training images", VARIANCE, reason, _mild_variation(e.image_shape), side, BIAS)


TURNS = {"augment.rotation": 10, "augment.zoom": 0.1}


def _mild_variation(image_shape: tuple[int, ...]) -> dict[str, Any]:
    """Small shifts, turns and zooms, and light for colour images."""
    height, width, channels = image_shape
    change: dict[str, Any] = {"augment.crop": min(height, width) // 8} if min(height, width) >= 8 else {}
    light = {"augment.brightness": 0.2, "augment.contrast": 0.2} if channels == 3 else {}
    return change | TURNS | light


class StopEarly(Remedy):
    """The end of training where the dev cost is lowest; not orthogonal."""

    name, title, moves = "early_stopping", "Early stopping", (VARIANCE, BIAS)
    rank = 100

    @override
    def advice(self, gap: str, e: Evidence) -> Iterable[Advice]:
        if gap != VARIANCE or e.patience != 0 or len(e.dev_costs) < 10:
            return
        best = min(range(len(e.dev_costs)), key=e.dev_costs.__getitem__)
        rise = e.dev_costs[-1] / e.dev_costs[best] - 1 if e.dev_costs[best] > 0 else 0.0
        if best + 1 > 0.8 * len(e.dev_costs) or rise < 0.05:
            return
        reason = f"the dev cost was lowest at epoch {best + 1} of {len(e.dev_costs)}; it rose by {percent(rise)}."
        side = "Not orthogonal: it moves two gaps at once, for it ends the fit (bias) to regularize (variance)."
        change = {"training.early_stopping": {"patience": max(5, len(e.dev_costs) // 10)}}
        yield self.advise("Stop early", VARIANCE, reason, change, side, BIAS)
