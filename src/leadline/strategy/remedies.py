"""Remedies for a gap: concrete changes of an experiment, each with its reason in this run's own evidence.

A remedy says which gap it narrows and what else it moves. An orthogonal remedy moves one gap only; early
stopping moves two, for it regularizes by ending the fit, and is flagged. Source: course 3, orthogonalization
and the basic recipe of course 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from leadline.strategy.evidence import Evidence
from leadline.strategy.ladder import BIAS, MISMATCH, OVERFITTING, VARIANCE
from leadline.text import grouped

# A fall of the training cost by less than this share, over a tenth of the epochs, counts as having stopped.
STILL_FALLING = 0.02
# An L2 penalty that pulls each weight down by more than this share of itself (λ/m) is not mild any more.
STRONG_DECAY = 0.03


@dataclass(frozen=True)
class Remedy:
    """One thing to do about a gap.

    Attributes:
        title: what to do, in a few words.
        gap: the gap it narrows.
        reason: the evidence for it.
        change: keys of the experiment with their new values; empty where something must be done outside of
            it.
        side_effect: what else it moves, or an empty text.
        moves: all gaps it moves, the one it is for first.

    """

    title: str
    gap: str
    reason: str
    change: dict[str, Any] = field(default_factory=dict)
    side_effect: str = ""
    moves: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.moves:
            object.__setattr__(self, "moves", (self.gap,))

    @property
    def orthogonal(self) -> bool:
        """Whether it moves its own gap only."""
        return len(self.moves) == 1

    def to_json(self) -> dict[str, Any]:
        """Plain values that ``from_json`` reads back."""
        return {**vars(self), "moves": list(self.moves), "change": dict(self.change)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Remedy:
        """The inverse of ``to_json``."""
        return cls(**{**data, "moves": tuple(data["moves"])})

    def __str__(self) -> str:
        side = f" {self.side_effect}" if self.side_effect else ""
        return f"{self.title}: {self.reason}{side}"


def remedies(gap: str, evidence: Evidence) -> tuple[Remedy, ...]:
    """What to do about a gap, in the order to try; empty where nothing speaks for any of it."""
    return tuple(r for names, rules in _RULES for rule in rules if names == gap for r in rule(evidence))


def remedies_for(gaps: Sequence[str], evidence: Evidence) -> tuple[Remedy, ...]:
    """Remedies for several gaps: those of the first gap first."""
    return tuple(remedy for gap in gaps for part in gap.split(" and ") for remedy in remedies(part, evidence))


# --- avoidable bias -----------------------------------------------------------------------------------------


def _train_longer(e: Evidence) -> list[Remedy]:
    fall, window = e.recent_fall, e.recent_window
    if fall is None or window is None or fall < STILL_FALLING or e.epochs is None:
        return []
    if e.stopped == "early stopping":
        reason = (
            f"early stopping ended training after {len(e.costs)} epochs, while the training cost still fell "
            f"by {_percent(fall)} over the last {window}."
        )
        return [_without_early_stopping(reason)]
    reason = f"the training cost still fell by {_percent(fall)} over the last {window} of {len(e.costs)} epochs."
    return [Remedy("Train longer", BIAS, reason, {"training.epochs": 2 * e.epochs})]


def _without_early_stopping(reason: str) -> Remedy:
    return Remedy(
        "Train on without early stopping",
        BIAS,
        reason,
        {"training.early_stopping": {"patience": 0}},
        "Early stopping moves two gaps at once: without it bias falls and variance may rise.",
        (BIAS, VARIANCE),
    )


def _calm_the_steps(e: Evidence) -> list[Remedy]:
    """A cost that jumps up as often as it falls has too large a learning rate."""
    if len(e.costs) < 8 or e.learning_rate is None:
        return []
    recent = e.costs[-max(8, len(e.costs) // 3) :]
    rises = sum(b > a for a, b in pairwise(recent))
    fall = e.recent_fall
    if rises < 0.4 * (len(recent) - 1) or (fall is not None and fall > STILL_FALLING):
        return []
    reason = f"the training cost rose in {rises} of the last {len(recent) - 1} epochs instead of falling."
    rate = _rounded(e.learning_rate / 3)
    return [Remedy("Lower the learning rate", BIAS, reason, {"training.learning_rate": rate})]


def _better_optimizer(e: Evidence) -> list[Remedy]:
    rule = (e.optimizer or {}).get("type")
    if rule not in ("gradient_descent", "momentum", "nesterov"):
        return []
    reason = f"{rule.replace('_', ' ')} was used; Adam scales the step of every parameter by its own gradients."
    change = {"training.optimizer": {"type": "adam"}, "training.learning_rate": 0.001}
    return [Remedy("Optimize with Adam", BIAS, reason, change)]


def _normalize(e: Evidence) -> list[Remedy]:
    if e.normalization != "none":
        return []
    reason = "the inputs are not normalized, which makes the cost a long valley that descent crosses slowly."
    return [Remedy("Normalize the inputs", BIAS, reason, {"data.normalization": "standardize"})]


def _bigger_network(e: Evidence) -> list[Remedy]:
    if not e.layers or e.n_parameters is None or e.n_train is None or not _has_plateaued(e):
        return []
    size = f"{grouped(e.n_parameters)} parameters for {grouped(e.n_train)} training examples"
    side = "Variance may rise; regularization keeps it down."
    convolutions = []
    if e.has_filters:
        change = {"network.layers": [_with_more_filters(layer) for layer in e.layers]}
        reason = f"training has levelled off with {size}."
        convolutions = [Remedy("Widen the convolutions", BIAS, reason, change, side, (BIAS, VARIANCE))]
    if not e.hidden and e.has_filters:
        return convolutions
    if not e.hidden:
        layers = ({"type": "dense", "units": 64, "activation": "relu"}, *map(dict, e.layers))
        reason = f"the network has no hidden layer ({size}), so it can only draw straight boundaries."
        change = {"network.layers": list(layers)}
        return [Remedy("Add a hidden layer", BIAS, reason, change, side, (BIAS, VARIANCE))]
    reason = f"training has levelled off with {size}."
    return [
        *convolutions,
        Remedy("Widen the hidden layers", BIAS, reason, _scaled_units(e, 2.0), side, (BIAS, VARIANCE)),
        Remedy("Add a hidden layer", BIAS, reason, _deeper(e), side, (BIAS, VARIANCE)),
    ]


def _less_regularization(e: Evidence) -> list[Remedy]:
    found = []
    for key, value in (("l2", e.l2), ("l1", e.l1)):
        if value:
            reason = f"the {key.upper()} penalty has λ = {value:g}, which holds the weights back."
            side = "Variance may rise."
            change = {f"training.{key}": _rounded(value / 10)}
            found.append(Remedy(f"Weaken the {key.upper()} penalty", BIAS, reason, change, side, (BIAS, VARIANCE)))
    if e.has_dropout:
        layers = [dict(layer) for layer in e.layers if layer.get("type") != "dropout"]
        reason = "dropout holds the fit to the training set back."
        change = {"network.layers": layers}
        found.append(Remedy("Train without dropout", BIAS, reason, change, "Variance may rise.", (BIAS, VARIANCE)))
    return found


# --- variance -----------------------------------------------------------------------------------------------


def _stronger_l2(e: Evidence) -> list[Remedy]:
    if e.l2 is None or e.n_train is None:
        return []
    # λ/m multiplies the weights; a thousandth of the batch is the usual mild start, whatever its size.
    batch = e.batch_size or e.n_train
    side = "Bias rises a little if λ is too large."
    if e.l2 == 0:
        change = {"training.l2": _rounded(1e-3 * batch)}
        return [
            Remedy("Add an L2 penalty", VARIANCE, "no L2 penalty was used (λ = 0).", change, side, (VARIANCE, BIAS))
        ]
    if e.l2 / batch > STRONG_DECAY:
        return []
    reason = f"the L2 penalty is mild (λ/m = {e.l2 / batch:.1g})."
    change = {"training.l2": _rounded(3 * e.l2)}
    return [Remedy("Strengthen the L2 penalty", VARIANCE, reason, change, side, (VARIANCE, BIAS))]


def _add_dropout(e: Evidence) -> list[Remedy]:
    if not e.hidden or e.has_dropout or e.n_parameters is None or e.n_train is None:
        return []
    if e.n_parameters < e.n_train * e.n_outputs:
        return []
    layers: list[dict[str, Any]] = []
    for k, layer in enumerate(e.layers):
        layers.append(dict(layer))
        if k in e.hidden:
            layers.append({"type": "dropout", "keep_prob": 0.8})
    reason = f"{grouped(e.n_parameters)} parameters can memorize {grouped(e.n_train)} training examples."
    side = "Bias may rise, and training takes longer."
    return [Remedy("Drop hidden units", VARIANCE, reason, {"network.layers": layers}, side, (VARIANCE, BIAS))]


def _augment(e: Evidence) -> list[Remedy]:
    if e.image_shape is None or e.augmentation is not False:
        return []
    reason = "the inputs are images, used without augmentation."
    side = "Bias rises a little if the images are varied too much."
    return [Remedy("Augment the training images", VARIANCE, reason, _mild_variation(e), side, (VARIANCE, BIAS))]


def _mild_variation(e: Evidence) -> dict[str, Any]:
    """What leaves the label of any image right: small shifts, turns and zooms, and light for colour images.

    Mirroring is not among them: it turns letters and digits into something else.
    """
    height, width, channels = e.image_shape or (1, 1, 1)
    change: dict[str, Any] = {"augment.crop": min(height, width) // 8} if min(height, width) >= 8 else {}
    change |= {"augment.rotation": 10, "augment.zoom": 0.1}
    return change | ({"augment.brightness": 0.2, "augment.contrast": 0.2} if channels == 3 else {})


def _more_data(e: Evidence) -> list[Remedy]:
    if e.n_train is None:
        return []
    reason = f"the fit to {grouped(e.n_train)} training examples does not carry over; more narrow variance alone."
    return [Remedy("Collect more training data", VARIANCE, reason)]


def _smaller_network(e: Evidence) -> list[Remedy]:
    if not e.hidden or e.n_parameters is None or e.n_train is None:
        return []
    if e.n_parameters < 10 * e.n_train * e.n_outputs:
        return []
    reason = f"{grouped(e.n_parameters)} parameters for {grouped(e.n_train)} training examples are many."
    change = _scaled_units(e, 0.5)
    return [Remedy("Narrow the hidden layers", VARIANCE, reason, change, "Bias may rise.", (VARIANCE, BIAS))]


def _stop_early(e: Evidence) -> list[Remedy]:
    if e.patience != 0 or len(e.dev_costs) < 10:
        return []
    best = min(range(len(e.dev_costs)), key=e.dev_costs.__getitem__)
    rise = e.dev_costs[-1] / e.dev_costs[best] - 1 if e.dev_costs[best] > 0 else 0.0
    if best + 1 > 0.8 * len(e.dev_costs) or rise < 0.05:
        return []
    reason = f"the dev cost was lowest at epoch {best + 1} of {len(e.dev_costs)}; it rose by {_percent(rise)}."
    side = "Not orthogonal: it moves two gaps at once, for it ends the fit (bias) to regularize (variance)."
    patience = max(5, len(e.dev_costs) // 10)
    change = {"training.early_stopping": {"patience": patience}}
    return [Remedy("Stop early", VARIANCE, reason, change, side, (VARIANCE, BIAS))]


# --- data mismatch and overfitting to dev -------------------------------------------------------------------


def _mismatch(e: Evidence) -> list[Remedy]:
    del e  # the gap itself is the evidence
    seen = "held-out training data are predicted better than dev data."
    return [
        Remedy("Look through the dev mistakes", MISMATCH, f"{seen} The causes tell what the training data lack."),
        Remedy("Collect training data like the target's", MISMATCH, seen),
        Remedy("Synthesize training data like the target's", MISMATCH, seen),
    ]


def _bigger_dev_set(e: Evidence) -> list[Remedy]:
    size = "" if e.n_dev is None else f" ({grouped(e.n_dev)} examples)"
    reason = f"the dev set{size} was fitted by the choices that were made on it."
    change = {} if e.n_dev is None else {"split.dev": 2 * e.n_dev}
    return [Remedy("Use a bigger dev set", OVERFITTING, reason, change)]


_RULES: tuple[tuple[str, tuple[Callable[[Evidence], list[Remedy]], ...]], ...] = (
    (
        BIAS,
        (
            _train_longer,
            _calm_the_steps,
            _bigger_network,
            _better_optimizer,
            _normalize,
            _less_regularization,
        ),
    ),
    (VARIANCE, (_stronger_l2, _add_dropout, _augment, _more_data, _stop_early, _smaller_network)),
    (MISMATCH, (_mismatch,)),
    (OVERFITTING, (_bigger_dev_set,)),
)


def _has_plateaued(e: Evidence) -> bool:
    fall = e.recent_fall
    return fall is None or fall < STILL_FALLING


def _scaled_units(e: Evidence, factor: float) -> dict[str, Any]:
    layers = [dict(layer) for layer in e.layers]
    for k in e.hidden:
        layers[k]["units"] = max(1, round(layers[k]["units"] * factor))
    return {"network.layers": layers}


def _with_more_filters(layer: Mapping[str, Any]) -> dict[str, Any]:
    """A layer's table with twice the filters, in the layers inside it, too; groups stay as large as they were."""
    made = dict(layer)
    for key, value in layer.items():
        if key == "filters" or (key == "groups" and value > 1):
            made[key] = 2 * value
        elif isinstance(value, list | tuple) and all(isinstance(part, Mapping) for part in value):
            made[key] = [_with_more_filters(part) for part in value]
    return made


def _deeper(e: Evidence) -> dict[str, Any]:
    """Repeat the last hidden layer."""
    last = e.hidden[-1]
    return {"network.layers": [dict(layer) for layer in (*e.layers[: last + 1], *e.layers[last:])]}


def _rounded(value: float) -> float:
    """One significant digit: the finest step that a starting value deserves."""
    return float(f"{value:.0e}")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
