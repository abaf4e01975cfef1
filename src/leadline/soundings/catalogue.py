"""What can be sounded: each remedy of the theory as changes of an experiment, in the order in which it may pay.

Source: the basic recipe of course 2 and orthogonalization of course 3; the gaps that remedies move are those of
`leadline.strategy.remedies`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leadline.experiment import Experiment
from leadline.session.defaults import FULL_BATCH_EPOCHS, MINI_BATCH_RATE
from leadline.soundings import architecture
from leadline.soundings.variants import with_epochs
from leadline.strategy.ladder import BIAS, VARIANCE

MORE_DATA, LONGER, TOGETHER = "more_data", "longer_training", "together"


@dataclass(frozen=True)
class Option:
    """One way to do it: its name among others, and keys of the experiment with their new values."""

    label: str
    changes: Mapping[str, Any]


@dataclass(frozen=True)
class Remedy:
    """Something to sound: the gaps it moves, the one it is for first, and one option or several.

    ``worth`` is the share of the error that it usually takes off, by the gap that is to be worked on: it only says what
    is sounded first.
    """

    key: str
    title: str
    moves: tuple[str, ...]
    options: tuple[Option, ...]
    worth: Mapping[str, float]

    @property
    def gap(self) -> str:
        """The gap it is for."""
        return self.moves[0]

    def worth_for(self, gaps: Sequence[str]) -> float:
        """What it may bring where these are the gaps to work on; the mean where none is known."""
        known = [self.worth[gap] for gap in gaps if gap in self.worth]
        if not self.worth:
            return 0.0
        return max(known) if known else sum(self.worth.values()) / len(self.worth)


def remedies(experiment: Experiment, m: int, image_shape: tuple[int, ...] | None) -> list[Remedy]:
    """Every remedy that a resolved experiment with m training examples has room for."""
    made = [
        Remedy(MORE_DATA, "More data", (VARIANCE,), (), {BIAS: 0.02, VARIANCE: 0.2}),
        _longer(experiment),
        _bigger(experiment),
        _smaller(experiment),
        _learning_rate(experiment),
        _optimizer(experiment),
        _batch_size(experiment, m),
        _l2(experiment, m),
        _dropout(experiment),
        _batch_norm(experiment),
        _normalization(experiment, image_shape),
        _augmentation(experiment, image_shape),
    ]
    return [remedy for remedy in made if remedy.options or remedy.key == MORE_DATA]


def together(
    experiment: Experiment, chosen: Sequence[tuple[Remedy, Option]], m: int, image_shape: tuple[int, ...] | None
) -> Remedy | None:
    """Several remedies at once, each made for the network that those before it leave; None where fewer than two fit.

    Two remedies that would set the same key to different values do not go together: the first one stays. Layers are
    the exception, for a network can be changed twice.
    """
    changes: dict[str, Any] = {}
    names: list[str] = []
    moves: list[str] = []
    for remedy, option in chosen:
        own = _made_for(experiment.replace(changes), remedy.key, option.label, m, image_shape) or option.changes
        again = own is not option.changes
        if not own or any(key in changes and not (again and key == "network.layers") for key in own):
            continue
        changes |= own
        title = remedy.title if remedy.title[1:2].isupper() else remedy.title[:1].lower() + remedy.title[1:]
        names.append(option.label if "=" in option.label else f"{title} {option.label}")
        moves += [gap for gap in remedy.moves if gap not in moves]
    if len(names) < 2:
        return None
    return Remedy(TOGETHER, "Together", tuple(moves), (Option(", ".join(names), changes),), {})


def _made_for(
    experiment: Experiment, key: str, label: str, m: int, image_shape: tuple[int, ...] | None
) -> Mapping[str, Any] | None:
    options = [option for r in remedies(experiment, m, image_shape) if r.key == key for option in r.options]
    return next((option.changes for option in options if option.label == label), None)


def _remedy(
    key: str, title: str, moves: tuple[str, ...], options: Sequence[tuple[str, Any]], bias: float, variance: float
) -> Remedy:
    """Options without changes are those that the network has no room for."""
    possible = tuple(Option(label, changes) for label, changes in options if changes)
    return Remedy(key, title, moves, possible, {BIAS: bias, VARIANCE: variance})


def _layers(tables: list[dict[str, Any]] | None) -> dict[str, Any] | None:
    return None if tables is None else {"network.layers": tables}


def _longer(e: Experiment) -> Remedy:
    return _remedy(LONGER, "Longer training", (BIAS,), [("twice the epochs", with_epochs(e, 2.0))], 0.08, 0.02)


def _bigger(e: Experiment) -> Remedy:
    layers = e.network.layers or ()
    options = [
        ("twice as wide", _layers(architecture.scaled_width(layers, 2.0))),
        ("one layer deeper", _layers(architecture.deeper(layers))),
    ]
    return _remedy("bigger_network", "Bigger network", (BIAS, VARIANCE), options, 0.1, 0.04)


def _smaller(e: Experiment) -> Remedy:
    options = [("half as wide", _layers(architecture.scaled_width(e.network.layers or (), 0.5)))]
    return _remedy("smaller_network", "Smaller network", (VARIANCE, BIAS), options, 0.0, 0.02)


def _learning_rate(e: Experiment) -> Remedy:
    rate = e.training.learning_rate or 0.0
    options = [(f"α = {_digits(rate * f)}", {"training.learning_rate": _digits(rate * f)}) for f in (0.1, 0.3, 3.0)]
    return _remedy("learning_rate", "Learning rate", (BIAS,), options, 0.08, 0.03)


def _optimizer(e: Experiment) -> Remedy:
    """Other update rules with rates that suit them where the present one is Adam's or another's usual size."""
    now, rate = (e.training.optimizer or {}).get("type"), e.training.learning_rate or 0.001
    adaptive = rate if now in ("adam", "adamw", "rmsprop") else 0.001
    rules = (
        ("adam", adaptive, "Adam"),
        ("rmsprop", _digits(adaptive / 3), "RMSprop"),
        ("momentum", 0.03 if now in ("adam", "adamw", "rmsprop") else rate, "momentum"),
    )
    options = [
        (f"{name}, α = {value:g}", {"training.optimizer": {"type": rule}, "training.learning_rate": value})
        for rule, value, name in rules
        if rule != now
    ]
    return _remedy("optimizer", "Optimizer", (BIAS,), options, 0.05, 0.02)


def _batch_size(e: Experiment, m: int) -> Remedy:
    """Other batches with λ/m kept; from the whole set to mini-batches the updates stay as many."""
    training = e.training
    options: list[tuple[str, Any]] = []
    if training.batch_size == "full":
        if m >= 128:
            updates = 64 / m * (training.epochs or FULL_BATCH_EPOCHS)
            changes = with_epochs(e, max(updates, 10.0) / (training.epochs or 1)) | _penalties(e, 64 / m)
            rate = min(training.learning_rate or MINI_BATCH_RATE, MINI_BATCH_RATE)
            options.append(("64", changes | {"training.batch_size": 64, "training.learning_rate": rate}))
    elif isinstance(training.batch_size, int):
        for size in (training.batch_size // 2, 4 * training.batch_size):
            if 8 <= size <= m // 4:
                scale = size / training.batch_size
                options.append((f"{size}", {"training.batch_size": size} | _penalties(e, scale)))
    return _remedy("batch_size", "Batch size", (BIAS, VARIANCE), options, 0.05, 0.04)


def _penalties(e: Experiment, scale: float) -> dict[str, Any]:
    values = {key: getattr(e.training, key) for key in ("l2", "l1")}
    return {f"training.{key}": _digits(value * scale) for key, value in values.items() if value}


def _l2(e: Experiment, m: int) -> Remedy:
    batch = e.training.batch_size if isinstance(e.training.batch_size, int) else m
    now = e.training.l2 or 0.0
    values = [now * f for f in (0.1, 3, 10, 30)] if now else [batch * share for share in (1e-4, 1e-3, 1e-2)]
    kept = [_digits(value) for value in values if value / batch <= 0.3]
    options = [(f"λ = {value:g}", {"training.l2": value}) for value in kept]
    return _remedy("l2", "L2 penalty", (VARIANCE, BIAS), options, 0.03, 0.06)


def _dropout(e: Experiment) -> Remedy:
    layers = e.network.layers or ()
    present = {table.get("keep_prob", 1.0) for table in layers if table["type"] == "dropout"} or {1.0}
    options = [
        (f"keep_prob = {keep:g}", _layers(architecture.with_dropout(layers, keep)))
        for keep in (1.0, 0.9, 0.8, 0.6)
        if keep not in present
    ]
    return _remedy("dropout", "Dropout", (VARIANCE, BIAS), options, 0.0, 0.05)


def _batch_norm(e: Experiment) -> Remedy:
    options = [("after every hidden layer", _layers(architecture.with_batch_norm(e.network.layers or ())))]
    return _remedy("batch_norm", "Batch normalization", (BIAS,), options, 0.05, 0.03)


def _normalization(e: Experiment, image_shape: tuple[int, ...] | None) -> Remedy:
    now = e.data.normalization
    others = ("standardize", "unit") if image_shape is not None else ("standardize", "quantile")
    options = [(name, {"data.normalization": name}) for name in others if name != now]
    worth = 0.2 if now == "none" else 0.04
    return _remedy("input_normalization", "Input normalization", (BIAS,), options, worth, worth)


def _augmentation(e: Experiment, image_shape: tuple[int, ...] | None) -> Remedy:
    """Small shifts, and with turns and zooms, which leave the label of any image right; mirroring does not."""
    options: list[tuple[str, Any]] = []
    if image_shape is not None and "augment" in type(e).model_fields and "augment" not in e.to_dict():
        shift = {"augment.crop": max(1, min(image_shape[:2]) // 8)}
        turns = {"augment.rotation": 10, "augment.zoom": 0.1}
        options = [("shifts", shift), ("shifts, turns and zooms", shift | turns)]
    return _remedy("augmentation", "Augmentation", (VARIANCE, BIAS), options, 0.0, 0.3)


def _digits(value: float) -> float:
    """Two significant digits."""
    return float(f"{value:.1e}")
