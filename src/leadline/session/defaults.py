"""What is not given is chosen here, by the task and the amount of data, and written into the experiment.

The choices are ordinary ones (course 2): two hidden layers of ReLU units that grow with the data, Adam, the whole set
as one batch below 2 000 examples and a power of two above, a cosine schedule (without it, full-batch Adam leaps away
from a minimum now and then), and early stopping on the dev set. A mild L2 penalty goes with the chosen layers only:
layers that were given are trained as they were meant. All this is a start to measure from, not an optimum.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from leadline.architectures import network_for
from leadline.equations.losses import LOSSES
from leadline.errors import UsageError, nearest
from leadline.network import Dense, Layer, Network
from leadline.network.layer import LAYERS, fields_of
from leadline.optimize import optimizer_from_config, schedule_from_config
from leadline.runs.goals import optimized_metric
from leadline.session.augmented import augmentation_of
from leadline.session.deciding import check_decision, check_final
from leadline.training.batches import FULL_BATCH_RATE, MINI_BATCH_RATE, default_batch_size
from leadline.training.class_weights import balanced_weights

if TYPE_CHECKING:
    from leadline.data import Dataset, Split
    from leadline.experiment import Experiment, NetworkSection, TrainingSection
    from leadline.session.transfer import Transfer

UPDATES = 20_000
FULL_BATCH_EPOCHS = 1_000
# Chosen by dev error over five splits of the digits, four of Titanic's passengers and two of California's districts.
FULL_BATCH_L2, MINI_BATCH_L2 = 1e-3, 1e-4  # λ/m, m the batch


def resolve(
    experiment: Experiment,
    data: Dataset,
    split: Split,
    input_shape: tuple[int, ...],
    transfer: Transfer | None = None,
    n_train: int | None = None,
) -> Experiment:
    """The experiment with every choice filled in; training from it repeats the run.

    `input_shape` is one prepared example's; `transfer` is the network where one is taken over; `n_train` counts the
    training examples where not all of them are in the split.
    `leadline.errors.UsageError` names the key of a choice that is impossible.
    """
    optimized_metric(experiment.goal, data.task, data.classes)
    check_decision(experiment, data.task, data.classes, len(split.dev) > 0)
    check_final(experiment, n_train is not None or experiment.data.stream is True, len(split.dev) > 0)
    augmentation_of(experiment).check_images(data.image_shape, data.name)
    m = n_train or len(split.train)
    training = _training(experiment, m, has_dev=len(split.dev) > 0)
    training["class_weights"] = _class_weights(experiment.training, data, split)
    layers = _layers(experiment.network, data, m, input_shape, transfer)
    members = _members(experiment.network, layers, transfer)
    changes: dict[str, Any] = {
        "data.task": data.task,
        "data.target": data.target_name,
        "data.normalization": data.normalization,
        **({"data.text": data.text_encoding} if data.text_columns else {}),
        "network.layers": layers.member.config(),
        "network.members": members,
        "network.architecture": None,
        **_taken_over(experiment, transfer),
        "goal.optimizing": experiment.goal.optimizing or data.task.usual_metric,
    }
    if not isinstance(data.inputs, tuple):
        del changes["data.target"]  # an array's name or a file of labels stays as it was given
    changes |= {f"training.{key}": value for key, value in training.items()}
    changes |= {f"split.{key}": value for key, value in (_split(experiment, split) if n_train is None else {}).items()}
    return experiment.replace(changes)


def _taken_over(experiment: Experiment, transfer: Transfer | None) -> dict[str, Any]:
    """Where the first layers come from, so that they can be loaded again, and how many are frozen."""
    if transfer is None:
        return {}
    source = transfer.source
    return {
        "network.architecture": experiment.network.architecture,  # says how the file names its weights
        "extensions.modules": list(dict.fromkeys([*source.modules, *experiment.extensions.modules])),
        "network.from": source.place,
        "network.checksum": source.checksum,
        "network.freeze": transfer.frozen,
        "network.head": None,
    }


def _split(experiment: Experiment, split: Split) -> dict[str, Any]:
    """The sizes as counts; a set from a file of its own has no size to draw.

    Where groups, times or an earlier split decide, the sizes that were asked for stay: they give the same sets again.
    """
    section = experiment.split
    if section.group or section.time or section.column or section.file or section.duplicates == "together":
        return {}
    sizes = {"train": len(split.train), "train_dev": len(split.train_dev)}
    if experiment.data.dev is None:
        sizes["dev"] = len(split.dev)
    if experiment.data.test is None:
        sizes["test"] = len(split.test)
    return sizes


# --- the network --------------------------------------------------------------------------------------------


def hidden_units(n_inputs: int, m: int) -> tuple[int, int]:
    """Units of the two hidden layers for m training examples of n inputs."""
    if m >= 50_000:
        return 256, 128
    return (128, 64) if n_inputs >= 32 or m >= 5_000 else (64, 32)


def output_units(data: Dataset) -> int:
    """How many numbers the network computes for one example."""
    return data.task.n_outputs(len(data.classes), 1 if data.target.ndim == 1 else data.target.shape[1])


def _layers(
    section: NetworkSection, data: Dataset, m: int, input_shape: tuple[int, ...], transfer: Transfer | None
) -> Network:
    layers: list[Layer]
    if transfer is not None:
        layers = list(transfer.network.layers)
    elif section.architecture is not None and section.from_ is None:
        layers = _well_known(section, data)
    elif section.layers is None:
        hidden = [Dense(units, "relu") for units in hidden_units(math.prod(input_shape), m)]
        layers = [*hidden, Dense(output_units(data))]
    else:
        tables = [_with_start(table, section) for table in section.layers]
        try:
            layers = list(Network.from_config(tables).layers)
        except UsageError as error:
            raise UsageError(f"network.{error}") from None
    network = Network(layers)
    _check_output(network, data, input_shape)
    return network


def _members(section: NetworkSection, network: Network, transfer: Transfer | None) -> int:
    """How many networks the ensemble has; `UsageError` for layers of which there can be none."""
    members = section.members or network.members
    if members > 1 and transfer is not None:
        raise UsageError("network.members: a network that is taken over (network.from) is a single one; leave it out.")
    try:
        network.ensemble(members)
    except UsageError as error:
        raise UsageError(f"network.members: {error}") from None
    return members


def _well_known(section: NetworkSection, data: Dataset) -> list[Layer]:
    """The layers of ``architecture``, fitted to the images and the target at hand."""
    if section.layers is not None:
        raise UsageError("network.architecture: layers are given too; leave one of them out.")
    if data.image_shape is None:
        raise UsageError(f"network.architecture: '{section.architecture}' takes images, and {data.name} has none.")
    return list(network_for(section.architecture or "", data.image_shape, output_units(data)).layers)


def _with_start(table: dict[str, Any], section: NetworkSection) -> dict[str, Any]:
    """A layer's table with the network's initializer and gain, unless it has its own."""
    kind = LAYERS.get(table.get("type", ""))
    names = {field.name for field in fields_of(kind)} if kind else set()
    start = {}
    if "initializer" in names and section.initializer != "auto":
        start["initializer"] = section.initializer
    if "gain" in names and section.gain != 1.0:
        start["gain"] = section.gain
    return start | table


def _check_output(network: Network, data: Dataset, input_shape: tuple[int, ...]) -> None:
    """The output layer has to compute what the task asks for."""
    shape = network.shapes(input_shape)[-1]
    needed = output_units(data)
    if data.task.loss_for(shape, needed) is not None:
        return
    last = len(network.layers) - 1
    reason = data.task.output_reason(needed)
    raise UsageError(
        f"network.layers[{last}] {network.layers[last]}: computes outputs of shape {shape}, but {reason}; "
        f"make the last layer Dense({needed})."
    )


def loss_of(network: Network, data: Dataset, input_shape: tuple[int, ...], given: str | None = None) -> str:
    """The loss that was given, else that of the task; two outputs for a binary target are softmax's.

    Raises `UsageError` for a loss that there is not, or that compares with other targets.
    """
    usual = data.task.loss_for(network.shapes(input_shape)[-1], output_units(data)) or data.task.loss
    if given is None:
        return usual
    kind = LOSSES[usual].task
    if LOSSES.lookup(given, "training.loss: ").task != kind:
        fitting = [name for name, loss in LOSSES.items() if loss.task == kind]
        raise UsageError(
            f"training.loss: '{given}' is a loss for {LOSSES[given].task} targets, these are {kind}. "
            f"Allowed: {', '.join(fitting)}."
        )
    return given


# --- the training -------------------------------------------------------------------------------------------


def default_epochs(m: int, batch_size: int) -> int:
    """How many epochs to train on m examples in batches: so many that about 20 000 updates are made, 10 to 200."""
    return FULL_BATCH_EPOCHS if batch_size >= m else min(max(UPDATES // -(-m // batch_size), 10), 200)


def default_adam_rate(full_batch: bool) -> float:
    """Adam's learning rate: one large batch takes few steps and must take larger ones."""
    return FULL_BATCH_RATE if full_batch else MINI_BATCH_RATE


def _training(experiment: Experiment, m: int, has_dev: bool) -> dict[str, Any]:
    section = experiment.training
    batch_size = section.batch_size or default_batch_size(m)
    batch_size = m if batch_size == "full" else min(batch_size, m)
    full = batch_size == m
    epochs = section.epochs or default_epochs(m, batch_size)
    optimizer = optimizer_from_config(section.optimizer or "adam", _learning_rate(section, full))
    schedule = section.schedule
    if schedule is None and section.learning_rate is None:
        schedule = {"type": "cosine"}
    filled: dict[str, Any] = {
        "epochs": epochs,
        "batch_size": "full" if full else batch_size,
        "optimizer": optimizer.to_config(),
        "learning_rate": optimizer.learning_rate,
        "schedule": schedule_from_config(schedule, epochs).to_config(),
        "l2": _l2(experiment, batch_size, full),
        "l1": section.l1 or 0.0,
        "device": _device(section.device),
    }
    if section.early_stopping is None:
        filled["early_stopping"] = {"patience": max(20, epochs // 5) if has_dev else 0}
    elif section.early_stopping.patience and not has_dev:
        raise UsageError("training.early_stopping: needs a dev set; give split.dev a size, or set patience = 0.")
    return filled


def _class_weights(section: TrainingSection, data: Dataset, split: Split) -> dict[str, float] | None:
    """The weight of every class by name; "balanced" ones are those of the training set."""
    given = section.class_weights
    if given is None:
        return None
    if not data.task.one_class:
        raise UsageError(f"training.class_weights: a {data.task} target has no classes to weigh; leave it out.")
    if given == "balanced":
        return dict(zip(data.classes, balanced_weights(data.target[split.train], len(data.classes)), strict=True))
    for name in given:
        if name not in data.classes:
            raise UsageError(f"training.class_weights: {data.name} has no class '{name}'.{nearest(name, data.classes)}")
    return {name: given.get(name, 1.0) for name in data.classes}


def _learning_rate(section: TrainingSection, full: bool) -> float | None:
    """The rate that was given, or Adam's by the batch.

    None leaves another rule its own default.
    """
    if section.learning_rate is not None or (section.optimizer or {"type": "adam"})["type"] != "adam":
        return section.learning_rate
    return default_adam_rate(full)


def _l2(experiment: Experiment, batch_size: int, full: bool) -> float:
    """The λ that was given; a mild one where the layers were chosen here, too."""
    if experiment.training.l2 is not None or experiment.network.layers is not None:
        return experiment.training.l2 or 0.0
    return float(f"{(FULL_BATCH_L2 if full else MINI_BATCH_L2) * batch_size:.1g}")


def _device(name: str) -> str:
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f'training.device: "{name}" cannot be used here ({reason}); "cpu" can.') from None
    return name
