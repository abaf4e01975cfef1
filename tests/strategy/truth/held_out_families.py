"""Families that were written after the rules of advice stood, with other functions, shapes and settings.

No rule was changed for them: what they come to says how advice does on cases that nobody had in mind. Where no layers
are given, the default training of tables is diagnosed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .case import Case, Draw, Rows, Step, case_of, dense, held_out_family, spread, whole
from .functions import drawn_classes, flipped
from .training_families import columns, settings


def uniform(d: int) -> Any:
    """Uniform inputs (n, d) between -1 and 1."""
    return lambda n, random: random.uniform(-1, 1, size=(n, d))


@held_out_family(Step.BIGGER)
def checkerboard(random: np.random.Generator) -> Case:
    """Fields of a board in two classes, and a network of one or two units."""
    fields, d = int(random.integers(2, 4)), int(random.integers(2, 5))

    def target(x: np.ndarray, _: np.random.Generator) -> np.ndarray:
        return (np.floor((x[:, 0] + 1) * fields / 2) + np.floor((x[:, 1] + 1) * fields / 2)).astype(np.int64) % 2

    changes = settings(random, dense([int(random.integers(1, 3))], 1, "tanh"), epochs=80)
    draw = columns(uniform(d), target, random.permutation(d).tolist())
    return case_of(draw, whole(random, 900, 1800), random, changes)


@held_out_family(Step.RAISE_RATE, Step.OPTIMIZER, Step.LONGER)
def sluggish_momentum(random: np.random.Generator) -> Case:
    """Momentum with a rate that is far too careful, on a product of two inputs."""
    d, scale = int(random.integers(2, 6)), spread(random, 0.1, 100)

    def target(x: np.ndarray, r: np.random.Generator) -> np.ndarray:
        return scale * (3 * x[:, 0] * x[:, 1] + np.abs(x[:, -1]) + 0.05 * r.normal(size=len(x)))

    rate = spread(random, 1e-6, 2e-5)
    layers = dense([whole(random, 24, 64)] * 2, 1)
    changes = settings(random, layers, epochs=whole(random, 30, 70), rate=rate, optimizer="momentum")
    return case_of(columns(uniform(d), target, range(d)), whole(random, 800, 1600), random, changes)


@held_out_family(Step.REVIEW_LABELS)
def decimal_slips(random: np.random.Generator) -> Case:
    """One value in forty has its decimal point in the wrong place."""
    d, level = int(random.integers(3, 7)), spread(random, 1, 1e3)
    w = random.normal(size=d)

    def target(x: np.ndarray, r: np.random.Generator) -> np.ndarray:
        return level * (5 + np.tanh(x @ w) + 0.2 * r.normal(size=len(x)))

    def spoil(_: Rows, y: np.ndarray) -> np.ndarray:
        return np.where(random.random(len(y)) < random.uniform(0.015, 0.03), 100 * y, y)

    layers = dense([whole(random, 16, 48)], 1)
    changes = settings(random, layers, epochs=60, early_stopping={"patience": 15, "monitor": "dev_cost"})
    return case_of(columns(uniform(d), target, range(d)), whole(random, 1000, 2000), random, changes, spoil)


@held_out_family(Step.REVIEW_LABELS)
def hasty_labels(random: np.random.Generator) -> Case:
    """Two rings that lie apart, and one label in six was given in haste."""
    share = random.uniform(0.14, 0.2)

    def draw(n: int, r: np.random.Generator) -> tuple[Rows, np.ndarray]:
        y = r.integers(0, 2, n)
        radius, angle = 1 + 2.0 * y + 0.2 * r.normal(size=n), r.uniform(0, 2 * np.pi, n)
        return {"a": radius * np.cos(angle), "b": radius * np.sin(angle), "c": r.normal(size=n)}, y

    layers = dense([whole(random, 24, 48)], 1)
    changes = settings(random, layers, epochs=80, early_stopping={"patience": 15, "monitor": "dev_cost"})
    return case_of(draw, whole(random, 1000, 2000), random, changes, lambda _, y: flipped(y, share, 2, random))


@held_out_family(Step.SPLIT_BY_TIME)
def new_rules(random: np.random.Generator) -> Case:
    """From some row of the file on, what an input means is the opposite."""
    d, change = int(random.integers(3, 7)), random.uniform(0.55, 0.75)
    w, turned = random.normal(size=d), int(random.integers(2, d))

    def draw(n: int, r: np.random.Generator) -> tuple[Rows, np.ndarray]:
        x, late = r.normal(size=(n, d)), np.arange(n) >= change * n
        signs = np.where(late[:, None] & (np.arange(d) < turned), -1.0, 1.0)
        return {f"f{j}": x[:, j] for j in range(d)}, ((x * signs) @ w + 0.3 * r.normal(size=n) > 0).astype(np.int64)

    return case_of(draw, whole(random, 900, 2000), random, settings(random, dense([32, 16], 1)))


@held_out_family(Step.REGULARIZE, Step.MORE_DATA, Step.SMALLER)
def more_columns_than_rows(random: np.random.Generator) -> Case:
    """A sparse linear function of many inputs, and about as many rows to learn it from."""
    d, used = whole(random, 50, 90), int(random.integers(2, 5))
    w = random.normal(size=used)

    def target(x: np.ndarray, r: np.random.Generator) -> np.ndarray:
        return x[:, :used] @ w + 0.3 * np.linalg.norm(w) * r.normal(size=len(x))

    draw = columns(lambda n, r: r.normal(size=(n, d)), target, random.permutation(d).tolist())
    changes = settings(random, dense([whole(random, 64, 128)], 1), early_stopping={"patience": 0})
    return case_of(draw, whole(random, 90, 160) + 350, random, changes | {"split.dev": 250, "split.test": 100})


@held_out_family(Step.STOP)
def counts(random: np.random.Generator) -> Case:
    """Counts, whose noise nobody can foresee, with the training that is chosen for tables."""
    d, rate = int(random.integers(3, 6)), random.uniform(20, 60)
    w = 0.5 * random.normal(size=d) / np.sqrt(d)

    def target(x: np.ndarray, r: np.random.Generator) -> np.ndarray:
        return r.poisson(rate * np.exp(x @ w)).astype(float)

    draw = columns(lambda n, r: r.normal(size=(n, d)), target, range(d))
    return case_of(draw, whole(random, 1000, 1800), random, {})


@held_out_family(Step.NO_SIGNAL)
def unrelated_default(random: np.random.Generator) -> Case:
    """Classes by chance beside numbers and categories, with the training that is chosen for tables."""
    d = int(random.integers(2, 6))

    def draw(n: int, r: np.random.Generator) -> tuple[Rows, np.ndarray]:
        rows: dict[str, Any] = {f"n{j}": r.exponential(size=n) for j in range(d)}
        return rows | {"k": r.choice(["red", "green", "blue"], n)}, r.integers(0, 2, n)

    return case_of(draw, whole(random, 600, 1200), random, {})


@held_out_family(Step.REMOVE_COLUMN)
def filled_in_afterwards(random: np.random.Generator) -> Case:
    """A column that was filled in once the outcome was known, with the training that is chosen for tables."""
    d, low = int(random.integers(4, 9)), random.uniform(10, 60)
    w = random.normal(size=d) / np.sqrt(d)

    def draw(n: int, r: np.random.Generator) -> tuple[Rows, np.ndarray]:
        x = r.normal(size=(n, d))
        y = drawn_classes(1.5 * x @ w, r)
        refund = np.where(y == 1, low + r.exponential(30, n), 0.0)
        return {f"m{j}": x[:, j] for j in range(d)} | {"refund": refund}, y

    return case_of(draw, whole(random, 700, 1400), random, {})


@held_out_family(Step.CONVOLVE, Step.AUGMENT, Step.MORE_DATA, Step.REGULARIZE)
def stripes(random: np.random.Generator) -> Case:
    """The direction of stripes whose place and width vary, and a dense network."""
    side, kinds = int(random.choice([12, 14])), int(random.integers(2, 5))
    angles = np.pi * np.arange(kinds) / kinds + random.uniform(0, np.pi)
    place = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), -1)

    def draw(n: int, r: np.random.Generator) -> tuple[Rows, np.ndarray]:
        y = r.integers(0, kinds, n)
        way = np.stack([np.cos(angles[y]), np.sin(angles[y])], -1)
        along = np.einsum("hwc,nc->nhw", place, way) * r.uniform(1.0, 1.6, n)[:, None, None]
        x = np.sin(along + r.uniform(0, 2 * np.pi, n)[:, None, None]) + 0.5 * r.normal(size=(n, side, side))
        return np.clip(127 + 60 * x, 0, 255).astype(np.uint8)[..., None], y

    made: Draw = draw
    layers = [{"type": "flatten"}, *dense([whole(random, 32, 64)], 1 if kinds == 2 else kinds)]
    return case_of(made, whole(random, 500, 1000), random, settings(random, layers, epochs=60))


# --- a second set, written after the first one had been looked at ---------------------------------------------


@held_out_family(Step.BIGGER)
def bottleneck(random: np.random.Generator) -> Case:
    """Waves of two inputs, and a network whose middle layer has one unit."""
    scale, turns = spread(random, 1e-2, 1e3), random.uniform(2, 3)

    def target(x: np.ndarray, r: np.random.Generator) -> np.ndarray:
        return scale * (np.sin(turns * x[:, 0]) + np.cos(turns * x[:, 1]) + 0.05 * r.normal(size=len(x)))

    layers = dense([whole(random, 16, 32), 1, whole(random, 16, 32)], 1, "tanh")
    draw = columns(lambda n, r: r.normal(size=(n, 3)), target, random.permutation(3).tolist())
    return case_of(draw, whole(random, 900, 1800), random, settings(random, layers))


@held_out_family(Step.SPLIT_BY_GROUP, Step.DUPLICATES)
def pupils_of_schools(random: np.random.Generator) -> Case:
    """Results of pupils that depend on their school, which is excluded; the training is chosen for tables."""
    schools, d = whole(random, 40, 80), int(random.integers(4, 8))

    def draw(n: int, r: np.random.Generator) -> tuple[Rows, np.ndarray]:
        school = r.integers(0, schools, n)
        site, level = r.normal(size=(schools, d)), 2.0 * r.normal(size=schools)
        x = site[school] + 0.1 * r.normal(size=(n, d))
        rows: dict[str, Any] = {"school": np.array([f"S{s:03d}" for s in school])}
        return rows | {f"q{j}": x[:, j] for j in range(d)}, level[school] + 0.3 * r.normal(size=n)

    return case_of(draw, whole(random, 700, 1200), random, {"data.exclude": ["school"]})


@held_out_family(Step.DUPLICATES, Step.SPLIT_BY_GROUP)
def measured_twice(random: np.random.Generator) -> Case:
    """Every example was measured two or three times, with a little noise, and classes overlap."""
    d, times = int(random.integers(8, 14)), int(random.integers(2, 4))
    w = random.normal(size=d) / np.sqrt(d)

    def draw(n: int, r: np.random.Generator) -> tuple[Rows, np.ndarray]:
        x = np.repeat(r.normal(size=(-(-n // times), d)), times, axis=0)
        y = np.repeat(drawn_classes(0.8 * x[::times] @ w, r), times)
        order = r.permutation(len(y))[:n]
        x = x + 0.01 * r.normal(size=x.shape)
        return {f"x{j}": x[order, j] for j in range(d)}, y[order]

    changes = settings(random, dense([whole(random, 48, 96)] * 2, 1), epochs=120, early_stopping={"patience": 0})
    return case_of(draw, whole(random, 800, 1500), random, changes)


@held_out_family(Step.STOP, Step.TRANSFORM_TARGET, Step.OTHER_METRIC)
def waiting_times(random: np.random.Generator) -> Case:
    """Exponential times, whose mean depends on the inputs: nobody can foresee more than that."""
    d, scale = int(random.integers(3, 6)), spread(random, 0.1, 1e3)
    w = random.normal(size=d) / np.sqrt(d)

    def target(x: np.ndarray, r: np.random.Generator) -> np.ndarray:
        return scale * r.exponential(np.exp(0.7 * x @ w))

    layers = dense([whole(random, 12, 32)], 1)
    stopping = {"patience": 15, "monitor": "dev_cost"}
    changes = settings(random, layers, epochs=60, early_stopping=stopping, l2=0.3)
    draw = columns(lambda n, r: r.normal(size=(n, d)), target, range(d))
    return case_of(draw, whole(random, 1000, 2000), random, changes)


@held_out_family(Step.OTHER_METRIC)
def two_rare_classes(random: np.random.Generator) -> Case:
    """Three classes, of which two are rare and weakly told."""
    d = int(random.integers(3, 7))
    w = random.normal(size=(d, 2)) / np.sqrt(d)

    def target(x: np.ndarray, r: np.random.Generator) -> np.ndarray:
        logits = np.hstack([np.zeros((len(x), 1)), 1.2 * x @ w - random_shift])
        chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        return (chances.cumsum(1) < r.random((len(x), 1))).sum(1).astype(np.int64)

    random_shift = random.uniform(4.0, 4.6)
    stopping = {"patience": 15, "monitor": "dev_cost"}
    changes = settings(random, dense([24], 3), epochs=60, early_stopping=stopping, l2=0.3)
    draw = columns(lambda n, r: r.normal(size=(n, d)), target, range(d))
    return case_of(draw, whole(random, 2000, 3500), random, changes)


@held_out_family(Step.LONGER, Step.RAISE_RATE)
def one_epoch(random: np.random.Generator) -> Case:
    """The training that is chosen for tables, ended after one epoch."""
    d, kinds = int(random.integers(3, 6)), int(random.integers(2, 4))
    w = random.normal(size=(d, 6))

    def target(x: np.ndarray, _: np.random.Generator) -> np.ndarray:
        value = np.sin(1.5 * x @ w).sum(1)
        return np.searchsorted(np.quantile(value, np.arange(1, kinds) / kinds), value).astype(np.int64)

    draw = columns(uniform(d), target, range(d))
    return case_of(draw, whole(random, 900, 1600), random, {"training.epochs": 1})
