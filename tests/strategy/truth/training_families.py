"""Families whose trouble is the training: its rate, length, size of network, penalties, inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .case import Case, Draw, Layers, Rows, Step, case_of, dense, family, spread, whole
from .functions import Function, classes_of, linear, rings, smooth


def settings(
    random: np.random.Generator, layers: Layers, *, epochs: int | None = None, rate: float | None = None, **more: Any
) -> dict[str, Any]:
    """A training that would do: Adam on mini-batches, with or without early stopping, where ``more`` is silent."""
    usual: dict[str, Any] = {
        "network.layers": layers,
        "training.epochs": epochs or whole(random, 60, 120),
        "training.batch_size": int(random.choice([32, 64])),
        "training.learning_rate": rate or spread(random, 2e-3, 8e-3),
        "training.optimizer": "adam",
        "training.early_stopping": {"patience": int(random.choice([0, 25]))},
    }
    return usual | {f"training.{key}": value for key, value in more.items()}


def columns(draw_x: Any, target: Any, names: Sequence[int]) -> Draw:
    """Draws of columns: ``draw_x(n, random)`` gives x (n, d), ``target(x, random)`` what belongs to it."""

    def draw(n: int, random: np.random.Generator) -> tuple[Rows, np.ndarray]:
        x = draw_x(n, random)
        return {f"x{k}": x[:, j] for k, j in enumerate(names)}, target(x, random)

    return draw


def normal(d: int) -> Any:
    """Normal inputs (n, d)."""
    return lambda n, random: random.normal(size=(n, d))


def curved(random: np.random.Generator, d: int, kinds: int) -> tuple[Draw, int]:
    """A curved but clean target of d inputs and a few that do not matter: classes, or values where ``kinds`` is 1.

    Returns the draw and how many outputs a network needs.
    """
    f: Function = (
        smooth(random, d, random.uniform(1.6, 2.2)) if random.random() < 0.6 else rings(2, random.uniform(2.4, 3))
    )
    width = d + int(random.integers(0, 3))
    scale, shift = spread(random, 1e-2, 1e3), random.normal()
    order = random.permutation(width).tolist()
    if kinds == 1:
        return columns(normal(width), lambda x, r: scale * (f(x) + shift + 0.05 * r.normal(size=len(x))), order), 1
    cuts = np.quantile(f(random.normal(size=(4000, width))), np.arange(1, kinds) / kinds)
    return columns(normal(width), lambda x, r: classes_of(f(x), kinds, cuts), order), 1 if kinds == 2 else kinds


@family(Step.BIGGER)
def small_network(random: np.random.Generator) -> Case:
    """Curved classes, and a network of one or two hidden units, or of none."""
    draw, outputs = curved(random, 2, int(random.choice([2, 3])))
    units = [[], [1], [2]][random.integers(3)]
    changes = settings(random, dense(units, outputs, str(random.choice(["relu", "tanh"]))))
    return case_of(draw, whole(random, 900, 2000), random, changes, cure={"network.layers": dense([64, 32], outputs)})


@family(Step.BIGGER)
def small_network_regression(random: np.random.Generator) -> Case:
    """A curved function, and a network that can only bend once or twice."""
    draw, _ = curved(random, 2, 1)
    changes = settings(random, dense([[], [1], [2]][random.integers(3)], 1))
    return case_of(draw, whole(random, 900, 2000), random, changes, cure={"network.layers": dense([64, 32], 1)})


@family(Step.RAISE_RATE)
def tiny_rate(random: np.random.Generator) -> Case:
    """A learning rate at which the cost hardly moves."""
    draw, outputs = curved(random, 2, int(random.integers(1, 4)))
    rate = spread(random, 3e-8, 1e-5)
    changes = settings(random, dense([whole(random, 16, 64)] * 2, outputs), epochs=whole(random, 30, 80), rate=rate)
    return case_of(draw, whole(random, 700, 1600), random, changes, cure={"training.learning_rate": 0.005})


@family(Step.LOWER_RATE)
def large_rate(random: np.random.Generator) -> Case:
    """An adaptive rule whose steps are so large that the cost goes up and down."""
    draw, outputs = curved(random, 2, int(random.integers(1, 4)))
    rule = str(random.choice(["adam", "rmsprop"]))
    layers = dense([whole(random, 24, 64)] * 2, outputs)
    changes = settings(random, layers, rate=spread(random, 0.3, 1.5), optimizer=rule, early_stopping={"patience": 0})
    return case_of(draw, whole(random, 700, 1600), random, changes, cure={"training.learning_rate": 0.005})


@family(Step.LOWER_RATE, Step.OPTIMIZER)
def large_rate_descent(random: np.random.Generator) -> Case:
    """Gradient descent or momentum whose steps leap over the minimum."""
    draw, outputs = curved(random, 2, int(random.integers(2, 4)))
    rule, rate = (("gradient_descent", spread(random, 4, 10)), ("momentum", spread(random, 2, 6)))[random.integers(2)]
    layers = dense([whole(random, 24, 64)] * 2, outputs, "tanh")
    changes = settings(random, layers, rate=rate, optimizer=rule, early_stopping={"patience": 0})
    cure = {"training.optimizer": "adam", "training.learning_rate": 0.005}
    return case_of(draw, whole(random, 700, 1600), random, changes, cure=cure)


@family(Step.RAISE_RATE, Step.OPTIMIZER, Step.LONGER)
def slow_descent(random: np.random.Generator) -> Case:
    """Plain gradient descent with a careful rate, far from its end when training ends."""
    draw, outputs = curved(random, 2, int(random.integers(2, 4)))
    changes = settings(
        random,
        dense([whole(random, 24, 64)] * 2, outputs),
        epochs=whole(random, 40, 80),
        rate=spread(random, 5e-4, 4e-3),
        optimizer="gradient_descent",
    )
    cure = {"training.optimizer": "adam", "training.learning_rate": 0.005}
    return case_of(draw, whole(random, 700, 1600), random, changes, cure=cure)


@family(Step.LONGER, Step.RAISE_RATE)
def cut_off(random: np.random.Generator) -> Case:
    """One to four epochs where a hundred are needed."""
    draw, outputs = curved(random, 2, int(random.integers(1, 4)))
    layers = dense([whole(random, 24, 64)] * 2, outputs)
    changes = settings(random, layers, epochs=int(random.integers(1, 5)), rate=spread(random, 1e-3, 5e-3))
    return case_of(draw, whole(random, 700, 1800), random, changes, cure={"training.epochs": 80})


@family(Step.LONGER, Step.RAISE_RATE)
def stopped_too_early(random: np.random.Generator) -> Case:
    """Early stopping without patience on a dev set that goes up and down."""
    draw, outputs = curved(random, 2, int(random.integers(2, 4)))
    stopping = {"patience": int(random.integers(1, 3)), "monitor": "dev_error"}
    layers = dense([whole(random, 24, 64)] * 2, outputs)
    changes = settings(random, layers, epochs=200, rate=spread(random, 3e-4, 1e-3), early_stopping=stopping)
    return case_of(draw, whole(random, 500, 1200), random, changes, cure={"training.early_stopping": {"patience": 0}})


@family(Step.WEAKER_PENALTY)
def strong_penalty(random: np.random.Generator) -> Case:
    """An L2 or L1 penalty that holds all weights near zero."""
    draw, outputs = curved(random, 2, int(random.integers(1, 4)))
    batch = int(random.choice([32, 64]))
    key, share = (("l2", spread(random, 0.15, 2)), ("l1", spread(random, 0.05, 0.5)))[random.integers(2)]
    layers = dense([whole(random, 24, 64)] * 2, outputs)
    penalty: dict[str, Any] = {key: share * batch}
    changes = settings(random, layers, batch_size=batch, **penalty)
    return case_of(draw, whole(random, 700, 1600), random, changes, cure={f"training.{key}": 0.0})


@family(Step.LESS_DROPOUT)
def strong_dropout(random: np.random.Generator) -> Case:
    """Dropout that leaves a narrow network one unit in ten."""
    draw, outputs = curved(random, 2, int(random.integers(2, 4)))
    units, keep = whole(random, 16, 32), random.uniform(0.08, 0.2)
    drop = {"type": "dropout", "keep_prob": float(round(keep, 2))}
    hidden, last = dense([units] * 2, outputs)[:-1], dense([], outputs)
    layers = [hidden[0], drop, hidden[1], drop, *last]
    cure = {"network.layers": [*hidden, *last]}
    return case_of(draw, whole(random, 800, 1600), random, settings(random, layers), cure=cure)


@family(Step.NORMALIZE)
def raw_inputs(random: np.random.Generator) -> Case:
    """Inputs of sizes that are orders of magnitude apart, given to the network as they are."""
    d = int(random.integers(2, 4))
    draw, outputs = curved(random, d, int(random.integers(2, 4)))
    sizes = 10.0 ** random.permutation(np.linspace(-2.5, 2.5, 8)) * random.choice([1.0, 10.0])
    shifts = random.normal(size=8)

    def scaled(n: int, r: np.random.Generator) -> tuple[Rows, np.ndarray]:
        rows, target = draw(n, r)
        assert not isinstance(rows, np.ndarray)
        return {name: sizes[k] * (column + shifts[k]) for k, (name, column) in enumerate(rows.items())}, target

    changes = settings(random, dense([whole(random, 24, 64)] * 2, outputs)) | {"data.normalization": "none"}
    return case_of(scaled, whole(random, 700, 1600), random, changes, cure={"data.normalization": "standardize"})


@family(Step.ACTIVATION, Step.SMALLER)
def saturated_network(random: np.random.Generator) -> Case:
    """Many sigmoid layers, through which no gradient comes: no rate moves the cost."""
    draw, outputs = curved(random, 2, int(random.integers(2, 4)))
    depth, units = int(random.integers(7, 11)), whole(random, 12, 32)
    changes = settings(random, dense([units] * depth, outputs, "sigmoid"), epochs=40)
    cure = {"network.layers": dense([units] * 2, outputs)}
    return case_of(draw, whole(random, 700, 1400), random, changes, cure=cure)


@family(Step.REGULARIZE, Step.MORE_DATA, Step.SMALLER)
def irrelevant_inputs(random: np.random.Generator) -> Case:
    """Few examples, many inputs of which two matter, and a network that learns them by heart."""
    d, k = whole(random, 40, 100), int(random.choice([1, 2]))
    f, order = linear(random, 2), random.permutation(d).tolist()
    noise = random.uniform(0.1, 0.3)

    def target(x: np.ndarray, r: np.random.Generator) -> np.ndarray:
        values = f(x) + noise * r.normal(size=len(x))
        return values if k == 1 else classes_of(values, 2)

    layers = dense([whole(random, 64, 128)] * 2, 1)
    changes = settings(random, layers, early_stopping={"patience": 0}) | {"split.dev": 200, "split.test": 100}
    cure = {"training.l2": 2.0 if k == 1 else 0.3}
    return case_of(columns(normal(d), target, order), 300 + whole(random, 120, 300), random, changes, cure=cure)


@family(Step.MORE_DATA, Step.REGULARIZE)
def too_few_examples(random: np.random.Generator) -> Case:
    """A clean but intricate function of several inputs, and too few examples to learn it from."""
    d, kinds = int(random.integers(4, 7)), int(random.integers(1, 3))
    f, order = smooth(random, d, 1.6, waves=12), random.permutation(d).tolist()

    def target(x: np.ndarray, r: np.random.Generator) -> np.ndarray:
        return f(x) if kinds == 1 else classes_of(f(x), 2)

    layers = dense([whole(random, 64, 128)] * 2, 1)
    stopping = {"patience": int(random.choice([0, 30]))}
    changes = settings(random, layers, early_stopping=stopping) | {"split.dev": 300, "split.test": 50}
    return case_of(columns(normal(d), target, order), 350 + whole(random, 120, 400), random, changes)


@family(Step.STOP)
def all_is_well(random: np.random.Generator) -> Case:
    """Classes that lie far apart, or a function without noise, learnt to a small error without a gap."""
    d, kinds = int(random.integers(2, 6)), int(random.integers(2, 5))
    centres = 9.0 * np.linalg.qr(random.normal(size=(max(d, kinds), max(d, kinds))))[0][:kinds, :d]
    while kinds > 1 and min(np.linalg.norm(a - b) for i, a in enumerate(centres) for b in centres[:i]) < 6.5:
        centres = 9.0 * random.normal(size=(kinds, d))
    order = random.permutation(d).tolist()

    def draw(n: int, r: np.random.Generator) -> tuple[Rows, np.ndarray]:
        y = r.integers(0, kinds, n)
        x = centres[y] + r.normal(size=(n, d))
        return {f"x{k}": x[:, j] for k, j in enumerate(order)}, y

    changes = settings(random, dense([whole(random, 16, 64)] * 2, 1 if kinds == 2 else kinds))
    return case_of(draw, whole(random, 900, 2000), random, changes)
