"""The ways in which a training may be at fault, each as the same training with that one thing put right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from leadline.network import Convolution, Dense, Dropout, Flatten, GlobalAveragePool, Image, MaxPool, Network, edits
from leadline.network.edits import EditError
from leadline.network.layer import Layer
from leadline.optimize import Adam, Constant
from leadline.strategy.probes.retraining import Candidate, ProbedTraining
from leadline.text import grouped
from leadline.training import EarlyStopping, TrainingSettings

DECADES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Learning rates of the range test, six decades (Smith, 2017, tests rates alike)."""
SATURATING = ("sigmoid", "tanh")
SCHEDULES = ("schedule", "dropout_schedule", "label_smoothing_schedule")
ADAM_RATE = 0.003
FILTERS, LEAST_SIDE = 16, 6
CONVOLUTION_BATCH, CONVOLUTION_STEPS = 32, 1_500


def candidates(training: ProbedTraining) -> list[Candidate]:
    """All that apply, those first that are preferred where two do as well."""
    made = (_normalized, _rates, _penalties, _dropout, _longer, _adam, _bigger, _other_activation, _convolutions)
    return [candidate for make in made for candidate in make(training)]


def again(training: ProbedTraining, seed: int) -> Candidate:
    """The training itself with another seed."""
    settings = replace(training.settings, seed=seed)
    return Candidate("avoidable-bias", "The seed was unlucky", "another seed", "", training.network, settings)


def _normalized(t: ProbedTraining) -> Iterator[Candidate]:
    if t.standardized is not None:
        change = {"data.normalization": "standardize"}
        yield Candidate(
            "inputs-not-normalized",
            "Inputs of different size hold the training up",
            "standardized inputs",
            "Normalize the inputs",
            t.network,
            t.settings,
            change,
            True,
        )


def _rates(t: ProbedTraining) -> Iterator[Candidate]:
    now = t.settings.optimizer.learning_rate
    near = [rate for rate in (now / 3, 3 * now) if rate < 100]
    far = [rate for rate in DECADES if not now / 2 < rate < 2 * now and all(not r / 2 < rate < 2 * r for r in near)]
    for rate in (*near, *far):
        rounded = float(f"{rate:.1g}")
        low = rate > now
        code, verb = ("learning-rate-too-low", "Raise") if low else ("learning-rate-too-high", "Lower")
        cause = f"The learning rate of {now:g} is too {'low' if low else 'high'}"
        settings = replace(t.settings, optimizer=replace(t.settings.optimizer, learning_rate=rounded))
        change = {"training.learning_rate": rounded}
        step = f"{verb} the learning rate to {rounded:g}"
        yield Candidate(code, cause, f"a rate of {rounded:g}", step, t.network, settings, change)


def _penalties(t: ProbedTraining) -> Iterator[Candidate]:
    given = [name for name in ("l2", "l1") if getattr(t.settings, name)]
    if given:
        settings = replace(t.settings, **dict.fromkeys(given, 0.0))
        change = {f"training.{name}": 0.0 for name in given}
        names = " and ".join(f"{name.upper()} penalty of λ = {getattr(t.settings, name):g}" for name in given)
        cause, step = f"The {names} holds the weights back", f"Weaken the {' and '.join(given).upper()} penalty"
        yield Candidate("penalty-too-strong", cause, "λ = 0", step, t.network, settings, change)


def _dropout(t: ProbedTraining) -> Iterator[Candidate]:
    layers = edits.without_dropout(t.network.layers)
    if len(layers) < len(t.network.layers):
        # Dropout of nobody leaves the architecture as it is, so that the candidate trains in the same population.
        off = Network([Dropout(keep_prob=1.0) if isinstance(layer, Dropout) else layer for layer in t.network.layers])
        cause, step = "Dropout holds the fit back", "Train without dropout, or keep more units"
        yield Candidate("dropout-too-strong", cause, "all units", step, off, t.settings, _layers_change(layers))


def _longer(t: ProbedTraining) -> Iterator[Candidate]:
    """Several times the epochs, and patience for them, so that the best epoch is still the one that is kept."""
    factor = 10 if t.settings.epochs <= 10 else 3
    slower: dict[str, Any] = {
        name: getattr(t.settings, name).stretched(factor)
        for name in SCHEDULES
        if getattr(t.settings, name).stretched(factor) != getattr(t.settings, name)
    }
    stopping = t.settings.early_stopping
    change: dict[str, object] = {}
    if stopping is not None:
        longer = replace(stopping, patience=max(20, factor * stopping.patience))
        change["training.early_stopping"] = {"patience": longer.patience, "monitor": longer.monitor}
        stopping = longer
    if t.stopped == "early stopping":
        settings = replace(t.settings, early_stopping=stopping)
        cause, name, step = "Early stopping ended training too soon", "more patience", "Stop later"
    else:
        epochs = factor * t.settings.epochs
        # A rule that goes back to the best epoch keeps what more epochs would spoil.
        keeps = stopping or EarlyStopping(epochs)
        settings = replace(t.settings, epochs=epochs, early_stopping=keeps, **slower)
        change |= {f"training.{name}": schedule.to_config() for name, schedule in slower.items()}
        cause, name = "Training was cut off", f"{epochs} epochs"
        step = f"Train longer: {epochs} epochs"
        change["training.epochs"] = epochs
        change.setdefault("training.early_stopping", {"patience": keeps.patience, "monitor": keeps.monitor})
    yield Candidate("training-cut-off", cause, name, step, t.network, settings, change)


def _adam(t: ProbedTraining) -> Iterator[Candidate]:
    if t.settings.optimizer.name in ("gradient_descent", "momentum", "nesterov"):
        settings = replace(t.settings, optimizer=Adam(ADAM_RATE))
        change = {"training.optimizer": {"type": "adam"}, "training.learning_rate": ADAM_RATE}
        cause = f"{t.settings.optimizer.name.replace('_', ' ').capitalize()} does not get far"
        name = f"Adam and a rate of {ADAM_RATE:g}"
        yield Candidate("avoidable-bias", cause, name, "Optimize with Adam", t.network, settings, change)


def _bigger(t: ProbedTraining) -> Iterator[Candidate]:
    try:
        network = Network(edits.much_bigger(t.network.layers))
    except EditError:
        return
    n, more = (each.layout(tuple(t.train.x.shape[1:])).n for each in (t.network, network))
    cause, step = f"The network is too small with {grouped(n)} parameters", "Train a bigger network"
    change = _layers_change(network.layers)
    yield Candidate("avoidable-bias", cause, f"{grouped(more)} parameters", step, network, t.settings, change)


def _other_activation(t: ProbedTraining) -> Iterator[Candidate]:
    """ReLU in place of units through which gradients fade, where there are many layers of them."""
    if sum(getattr(layer, "activation", "") in SATURATING for layer in t.network.layers[:-1]) < 3:
        return
    network = Network([*(_with_relu(layer) for layer in t.network.layers[:-1]), t.network.layers[-1]])
    cause, step = "Gradients fade on their way through many saturating layers", "Use ReLU units"
    change = _layers_change(network.layers)
    yield Candidate("cannot-memorize", cause, "ReLU units", step, network, t.settings, change)


def _convolutions(t: ProbedTraining) -> Iterator[Candidate]:
    """Small networks of convolutions, where images are given to one without any.

    One keeps where in the image something lies, the other one only that it is there.
    """
    if t.image_shape is None or min(t.image_shape[:2]) < LEAST_SIDE:
        return
    if any((layer.axes or 1) > 1 for layer in edits.inner_layers(t.network.layers)):
        return
    height, width, channels = t.image_shape
    filters = [Convolution(FILTERS * k, 3, padding="same", activation="relu") for k in (1, 2)]
    last, pool = t.network.layers[edits.output_layer(t.network.layers)], MaxPool(2)
    ways = {
        "two convolutions and the mean over the image": [*filters, GlobalAveragePool()],
        "two convolutions and pooling": [filters[0], pool, filters[1], pool, Flatten(), Dense(64, "relu")],
    }
    settings, change = _settings_for_convolutions(t)
    for name, layers in ways.items():
        network = Network([Image(height, width, channels), *layers, last])
        made = {**_layers_change(network.layers), **change}
        cause, step = "The network has to learn every place of the images by itself", "Use convolutional layers"
        yield Candidate("no-convolutions", cause, name, step, network, settings, made, generalizes=True)


def _settings_for_convolutions(t: ProbedTraining) -> tuple[TrainingSettings, dict[str, Any]]:
    """How they are trained, whatever the run's own settings are, and the keys of an experiment that do the same."""
    batch = min(CONVOLUTION_BATCH, len(t.train))
    epochs = int(np.clip(CONVOLUTION_STEPS * batch // len(t.train), 20, 300))
    monitor = "dev_cost" if t.settings.early_stopping is None else t.settings.early_stopping.monitor
    keys: dict[str, Any] = {
        "epochs": epochs,
        "batch_size": batch,
        "learning_rate": ADAM_RATE,
        "optimizer": {"type": "adam"},
        "schedule": {"type": "constant"},
        "early_stopping": {"patience": epochs, "monitor": monitor},
    }
    keys |= {penalty: 0.0 for penalty in ("l2", "l1") if getattr(t.settings, penalty)}
    settings = replace(
        t.settings,
        epochs=epochs,
        batch_size=batch,
        optimizer=Adam(ADAM_RATE),
        schedule=Constant(),
        early_stopping=EarlyStopping(epochs, monitor),
        l2=0.0,
        l1=0.0,
        gradient_tolerance=None,
    )
    return settings, {f"training.{key}": value for key, value in keys.items()}


def _layers_change(layers: Sequence[Layer]) -> dict[str, Any]:
    return {"network.layers": [layer.config() for layer in layers]}


def _with_relu(layer: Layer) -> Layer:
    if isinstance(layer, Dense) and layer.activation in SATURATING:
        return replace(layer, activation="relu")
    return layer
