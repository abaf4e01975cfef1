"""What is known about a run, as plain values: the evidence that advice may rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from leadline.strategy.levelling import has_levelled_off

if TYPE_CHECKING:  # networks are imported where they are looked at: a diagnosis is read and shown without torch
    from leadline.network import Layer


@dataclass(frozen=True)
class Evidence:
    """Facts of one run. None (or empty) means unknown, and nothing is advised on what is unknown.

    Attributes:
        n_train: training examples.
        n_parameters: trainable parameters of the network.
        n_outputs: numbers the network predicts per example.
        costs: training cost per epoch, penalties included.
        penalties: the part of it that the penalties have, per epoch; empty where it is not known.
        dev_costs: dev cost per epoch.
        train_errors: training error per epoch, a fraction or in the target's unit.
        dev_errors: dev error per epoch.
        best_epoch: the epoch (counted from 1) whose parameters were kept.
        stopped: why training ended: ``"epochs"``, ``"early stopping"``, ``"tolerance"``, …
        epochs: how many were asked for.
        layers: the layers as in ``[network] layers``, the output layer included.
        optimizer: its table, such as ``{"type": "adam"}``.
        learning_rate: α.
        schedule: its table; None if unknown.
        batch_size: examples in a batch.
        l2: λ of the L2 penalty.
        l1: λ of the L1 penalty.
        patience: of early stopping; 0 if it is off.
        early_stopping: its table; None if unknown.
        normalization: of the inputs.
        image_shape: (height, width, channels) where the inputs are images.
        augmentation: whether the training images are augmented.
        loss: by its name.
        metric: that the goal optimizes; None for the task's usual one.
        class_weights: of the cost, as in the experiment; None where all classes count alike.
        n_dev: dev examples.
        input_shape: of one prepared example, as the network takes it.

    """

    n_train: int | None = None
    n_parameters: int | None = None
    n_outputs: int = 1
    costs: Sequence[float] = ()
    penalties: Sequence[float] = ()
    dev_costs: Sequence[float] = ()
    train_errors: Sequence[float] = ()
    dev_errors: Sequence[float] = ()
    best_epoch: int | None = None
    stopped: str = ""
    epochs: int | None = None
    layers: Sequence[Mapping[str, Any]] = ()
    optimizer: Mapping[str, Any] | None = None
    learning_rate: float | None = None
    schedule: Mapping[str, Any] | None = None
    batch_size: int | None = None
    l2: float | None = None
    l1: float | None = None
    patience: int | None = None
    early_stopping: Mapping[str, Any] | None = None
    normalization: str | None = None
    image_shape: tuple[int, ...] | None = None
    augmentation: bool | None = None
    loss: str | None = None
    metric: str | None = None
    class_weights: Any = None
    n_dev: int | None = None
    input_shape: tuple[int, ...] | None = None

    @classmethod
    def from_run(
        cls,
        experiment: Mapping[str, Any],
        history: Sequence[Mapping[str, Any]],
        **facts: Any,
    ) -> Evidence:
        """Collect the evidence from a resolved experiment (nested tables as in its file) and its history.

        ``facts`` are the attributes that neither holds: ``n_train``, ``n_parameters``, ``best_epoch``, …
        """
        training, network = experiment.get("training", {}), experiment.get("network", {})
        stopping = training.get("early_stopping")
        known = {
            "costs": _series(history, "cost"),
            "penalties": _series(history, "penalty"),
            "dev_costs": _series(history, "dev_cost"),
            "train_errors": _series(history, "train_error"),
            "dev_errors": _series(history, "dev_error"),
            "layers": tuple(network.get("layers") or ()),
            "epochs": training.get("epochs"),
            "optimizer": training.get("optimizer"),
            "learning_rate": training.get("learning_rate"),
            "schedule": training.get("schedule"),
            "batch_size": _whole(training.get("batch_size")),
            "l2": training.get("l2", 0.0),
            "l1": training.get("l1", 0.0),
            "patience": 0 if stopping is None else stopping.get("patience"),
            "early_stopping": stopping,
            "loss": training.get("loss"),
            "metric": experiment.get("goal", {}).get("optimizing"),
            "class_weights": training.get("class_weights"),
            "normalization": experiment.get("data", {}).get("normalization"),
            "augmentation": any(key != "padding" for key in experiment.get("augment") or {}),
        }
        return cls(**known | facts)

    @cached_property
    def network(self) -> tuple[Layer, ...]:
        """The layers; empty where they are unknown, or one is of a kind that is not known here."""
        from leadline.network.edits import layers_of

        return tuple(layers_of(self.layers) or ())

    @property
    def hidden(self) -> tuple[int, ...]:
        """Positions in ``layers`` of the hidden layers on vectors, such as dense ones."""
        from leadline.network.edits import hidden_layers

        return tuple(hidden_layers(self.network, axes=1))

    @property
    def has_dropout(self) -> bool:
        """Whether some layer drops units."""
        from leadline.network import Dropout

        return any(isinstance(layer, Dropout) for layer in self.network)

    @property
    def recent_fall(self) -> float | None:
        """By which share the unpenalized training cost fell between the last tenth of the epochs and the tenth before.

        None with fewer than 6 epochs; negative if it rose.
        """
        window = self.recent_window
        if window is None:
            return None
        costs = self.unpenalized_costs
        last, before = costs[-window:], costs[-2 * window : -window]
        start = sum(before) / window
        return 1 - sum(last) / window / start if start > 0 else 0.0

    @property
    def unpenalized_costs(self) -> tuple[float, ...]:
        """Training cost per epoch without penalties."""
        if len(self.penalties) != len(self.costs):
            return tuple(self.costs)
        return tuple(cost - penalty for cost, penalty in zip(self.costs, self.penalties, strict=True))

    @property
    def levelled_off(self) -> bool:
        """Whether the unpenalized cost shows that going on would bring next to nothing; False where it cannot show."""
        return has_levelled_off(self.unpenalized_costs)

    @property
    def recent_window(self) -> int | None:
        """How many epochs a tenth of the training is, at least 3; None where there are too few epochs."""
        window = max(3, len(self.costs) // 10)
        return window if len(self.costs) >= 2 * window else None


def _series(history: Sequence[Mapping[str, Any]], name: str) -> tuple[float, ...]:
    values = [epoch.get(name) for epoch in history]
    return tuple(float(v) for v in values if v is not None)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None
