"""Families whose trouble is in the data: noise, floors, labels, leaks, order, groups, copies, sources, small sets."""

from __future__ import annotations

from typing import Any

import numpy as np

from leadline.data import read

from .case import Case, Rows, Step, as_table, case_of, dataset, dense, family, split_seed, spread, whole
from .functions import drawn_classes, flipped, linear, orthogonal, smooth
from .training_families import columns, normal, settings


def calm(random: np.random.Generator, outputs: int = 1, **more: Any) -> dict[str, Any]:
    """A training that neither underfits simple functions nor learns noise by heart."""
    stopping = {"patience": 15, "monitor": "dev_cost"}
    layers = dense([whole(random, 12, 32)], outputs)
    return settings(random, layers, epochs=whole(random, 40, 80), early_stopping=stopping, l2=0.3, **more)


# --- nothing, or nothing more, to learn ----------------------------------------------------------------------


@family(Step.NO_SIGNAL)
def noise_classes(random: np.random.Generator) -> Case:
    """Classes that have nothing to do with the inputs."""
    d, kinds = whole(random, 3, 20), int(random.integers(2, 4))
    chances = random.dirichlet(np.full(kinds, 8.0))
    draw = columns(normal(d), lambda x, r: r.choice(kinds, len(x), p=chances), range(d))
    outputs = 1 if kinds == 2 else kinds
    changes = (
        settings(random, dense([whole(random, 16, 64)] * 2, outputs))
        if random.random() < 0.5
        else calm(random, outputs)
    )
    return case_of(draw, whole(random, 500, 1500), random, changes)


@family(Step.NO_SIGNAL)
def noise_regression(random: np.random.Generator) -> Case:
    """Values that have nothing to do with the inputs."""
    d, scale = whole(random, 3, 20), spread(random, 1e-2, 1e4)
    draw = columns(normal(d), lambda x, r: scale * (3 + r.normal(size=len(x))), range(d))
    changes = settings(random, dense([whole(random, 16, 64)] * 2, 1)) if random.random() < 0.5 else calm(random)
    return case_of(draw, whole(random, 500, 1500), random, changes)


@family(Step.STOP)
def near_the_floor(random: np.random.Generator) -> Case:
    """Overlapping classes, learnt about as well as they can be."""
    d = int(random.integers(2, 6))
    f, slope = linear(random, d), random.uniform(1.5, 3.5)
    draw = columns(normal(d), lambda x, r: drawn_classes(slope * f(x), r), random.permutation(d).tolist())
    return case_of(draw, whole(random, 1200, 2500), random, calm(random))


@family(Step.STOP)
def human_level_reached(random: np.random.Generator) -> Case:
    """The same, and the error of the best possible answer was given as the human level."""
    d = int(random.integers(2, 6))
    f, slope = linear(random, d), random.uniform(1.5, 3.5)
    draw = columns(normal(d), lambda x, r: drawn_classes(slope * f(x), r), random.permutation(d).tolist())
    z = slope * random.normal(size=100_000)
    floor = float(np.mean(1 / (1 + np.exp(np.abs(z)))))
    return case_of(draw, whole(random, 1200, 2500), random, calm(random) | {"goal.human_error": round(floor, 4)})


@family(Step.STOP, Step.REVIEW_LABELS)
def same_inputs_other_targets(random: np.random.Generator) -> Case:
    """A few columns of few values: examples that look the same have different targets, which no model can tell."""
    levels = random.integers(2, 6, int(random.integers(2, 4)))
    cells = int(np.prod(levels))
    chances = random.beta(1.2, 1.2, cells)
    steps = np.cumprod([1, *levels[:-1]])

    def draw(n: int, r: np.random.Generator) -> tuple[Rows, np.ndarray]:
        codes = [r.integers(0, level, n) for level in levels]
        cell = np.sum([code * step for code, step in zip(codes, steps, strict=True)], 0)
        rows = {f"k{j}": [f"v{value}" for value in code] for j, code in enumerate(codes)}
        return rows, (r.random(n) < chances[cell]).astype(np.int64)

    return case_of(draw, whole(random, 800, 2000), random, calm(random))


@family(Step.STOP)
def noise_that_varies(random: np.random.Generator) -> Case:
    """A regression whose noise grows with an input: near the least error that is possible."""
    d, scale = int(random.integers(2, 6)), spread(random, 1e-2, 1e4)
    f, power = linear(random, d), random.uniform(0.3, 0.6)

    def target(x: np.ndarray, r: np.random.Generator) -> np.ndarray:
        return scale * (2 * f(x) + np.exp(power * x[:, 0]) * r.normal(size=len(x)))

    draw = columns(normal(d), target, random.permutation(d).tolist())
    return case_of(draw, whole(random, 1000, 2000), random, calm(random))


@family(Step.TRANSFORM_TARGET, Step.OTHER_METRIC, Step.STOP)
def heavy_tails(random: np.random.Generator) -> Case:
    """A regression whose error is made by a few far values."""
    d, scale = int(random.integers(2, 6)), spread(random, 1e-2, 1e4)
    f, kind = linear(random, d), int(random.integers(2))
    freedom, sigma = random.uniform(1.6, 2.4), random.uniform(1.3, 1.8)

    def target(x: np.ndarray, r: np.random.Generator) -> np.ndarray:
        if kind == 0:
            return scale * (f(x) + r.standard_t(freedom, len(x)))
        return scale * np.exp(f(x) + sigma * r.normal(size=len(x)))

    draw = columns(normal(d), target, random.permutation(d).tolist())
    return case_of(draw, whole(random, 1000, 2000), random, calm(random))


@family(Step.OTHER_METRIC)
def rare_class(random: np.random.Generator) -> Case:
    """A class so rare, and so weakly told by the inputs, that saying never is as accurate as anything."""
    d = int(random.integers(3, 8))
    f, slope = linear(random, d), random.uniform(0.9, 1.3)
    shift = -np.log(1 / random.uniform(0.015, 0.03) - 1)
    draw = columns(normal(d), lambda x, r: drawn_classes(slope * f(x) + shift, r), random.permutation(d).tolist())
    return case_of(draw, whole(random, 1800, 3000), random, calm(random))


# --- labels --------------------------------------------------------------------------------------------------


def blobs(random: np.random.Generator, kinds: int, d: int, apart: float) -> Any:
    """Draws of classes (n,) that lie around centres, at least ``apart`` standard deviations from each other."""
    centres = apart * random.normal(size=(kinds, d))
    while min(np.linalg.norm(a - b) for i, a in enumerate(centres) for b in centres[:i]) < apart:
        centres = apart * random.normal(size=(kinds, d))

    def draw(n: int, r: np.random.Generator) -> tuple[Rows, np.ndarray]:
        y = r.integers(0, kinds, n)
        x = centres[y] + r.normal(size=(n, d))
        return {f"x{j}": x[:, j] for j in range(d)}, y

    return draw


@family(Step.REVIEW_LABELS)
def wrong_labels(random: np.random.Generator) -> Case:
    """Classes that lie far apart, and one label in seven is another class's."""
    kinds, share = int(random.integers(3, 6)), random.uniform(0.12, 0.18)
    draw = blobs(random, kinds, int(random.integers(3, 7)), 6.0)
    changes = calm(random, kinds)
    return case_of(draw, whole(random, 900, 1800), random, changes, lambda _, y: flipped(y, share, kinds, random))


@family(Step.REVIEW_LABELS, Step.LOOK)
def one_class_mislabelled(random: np.random.Generator) -> Case:
    """Half of one class was given another's label, as by one labeller who mixes them up."""
    kinds, share = int(random.integers(3, 6)), random.uniform(0.35, 0.45)
    draw = blobs(random, kinds, int(random.integers(3, 7)), 6.0)
    first, second = random.choice(kinds, 2, replace=False)

    def spoil(_: Rows, y: np.ndarray) -> np.ndarray:
        return np.where((y == first) & (random.random(len(y)) < share), second, y)

    return case_of(draw, whole(random, 900, 1800), random, calm(random, kinds), spoil)


# --- what gives the target away ------------------------------------------------------------------------------


@family(Step.REMOVE_COLUMN)
def leaking_column(random: np.random.Generator) -> Case:
    """One column holds the target in another form; the others tell a little."""
    d, kind = int(random.integers(4, 12)), int(random.integers(3))
    f, place = linear(random, d), int(random.integers(d))

    def draw(n: int, r: np.random.Generator) -> tuple[Rows, np.ndarray]:
        x = r.normal(size=(n, d))
        y = drawn_classes(1.2 * f(x), r) if kind else f(x) + 1.5 * r.normal(size=n)
        leak = {
            0: lambda: 100 + 3 * np.asarray(y) + 0.02 * r.normal(size=n),
            1: lambda: y * 2.0 + r.uniform(0, 1.5, n),
            2: lambda: np.array([f"s{value}{r.integers(2)}" for value in y]),
        }[kind]()
        rows: dict[str, Any] = {f"x{j}": x[:, j] for j in range(d)}
        names = list(rows)
        return {name: rows[name] for name in names[:place]} | {"z": leak} | {n: rows[n] for n in names[place:]}, y

    return case_of(draw, whole(random, 600, 1600), random, settings(random, dense([whole(random, 16, 48)], 1)))


@family(Step.REMOVE_COLUMN)
def leaking_missingness(random: np.random.Generator) -> Case:
    """A column is filled in for one class and empty for the other, as what was measured only after the outcome."""
    d, sharp = int(random.integers(4, 10)), random.uniform(0.95, 1.0)
    f, place = linear(random, d), int(random.integers(d))

    def draw(n: int, r: np.random.Generator) -> tuple[Rows, np.ndarray]:
        x = r.normal(size=(n, d))
        y = drawn_classes(f(x), r)
        empty = np.where(r.random(n) < sharp, y == 1, y == 0)
        x[empty, place] = np.nan
        return {f"x{j}": x[:, j] for j in range(d)}, y

    return case_of(draw, whole(random, 600, 1600), random, settings(random, dense([whole(random, 16, 48)], 1)))


# --- examples that belong together ---------------------------------------------------------------------------


@family(Step.SPLIT_BY_TIME)
def drift(random: np.random.Generator) -> Case:
    """What the inputs mean turns with time; a random split tests on days that were trained on, use comes after."""
    d, turn = int(random.integers(3, 7)), random.uniform(1.5, 2.5)
    first, second = orthogonal(random, d)
    n, with_day = whole(random, 900, 2000), random.random() < 0.7
    start = int(random.integers(15_000, 19_000))

    def at(t: np.ndarray, r: np.random.Generator) -> tuple[Rows, np.ndarray]:
        x = r.normal(size=(len(t), d))
        angle = turn * t
        y = (np.cos(angle) * first(x) + np.sin(angle) * second(x) + 0.3 * r.normal(size=len(t)) > 0).astype(np.int64)
        rows: dict[str, Any] = {f"x{j}": x[:, j] for j in range(d)}
        days = (start + 700 * t).astype("int64").astype("datetime64[D]")
        return ({"day": days} if with_day else {}) | rows, y

    rows, y = at(np.linspace(0, 1, n), random)
    changes = split_seed(random) | settings(random, dense([whole(random, 24, 64)] * 2, 1))
    return Case(dataset(rows, y), changes, lambda m, r: at(1 + 0.3 * r.random(m), r))


@family(Step.SPLIT_BY_GROUP, Step.DUPLICATES)
def groups(random: np.random.Generator) -> Case:
    """Several rows of one person or place, known by what they have in common; use is for others."""
    d, size = int(random.integers(6, 16)), int(random.integers(5, 12))
    f, closeness = linear(random, d), random.uniform(0.05, 0.2)
    prefix, slope = str(random.choice(["p", "site-", "u"])), random.uniform(0.2, 0.6)

    def draw(n: int, r: np.random.Generator) -> tuple[Rows, np.ndarray]:
        owner = r.integers(0, max(n // size, 2), n)
        centre = r.normal(size=(owner.max() + 1, d))
        label = drawn_classes(slope * f(centre), r)
        x = centre[owner] + closeness * r.normal(size=(n, d))
        names = np.array([f"{prefix}{value:04d}" for value in owner])
        return {"who": names} | {f"x{j}": x[:, j] for j in range(d)}, label[owner]

    changes = settings(random, dense([whole(random, 32, 64)] * 2, 1)) | {"data.exclude": ["who"]}
    return case_of(draw, whole(random, 700, 1500), random, changes)


@family(Step.DUPLICATES)
def copies(random: np.random.Generator) -> Case:
    """Each example is there several times, in training and dev set alike."""
    d, slope = int(random.integers(5, 12)), random.uniform(0.5, 1.0)
    f, times = linear(random, d), int(random.integers(2, 5))

    def draw(n: int, r: np.random.Generator) -> tuple[Rows, np.ndarray]:
        x = r.normal(size=(n, d))
        return {f"x{j}": x[:, j] for j in range(d)}, drawn_classes(slope * f(x), r)

    rows, y = draw(whole(random, 300, 600), random)
    assert not isinstance(rows, np.ndarray)
    chosen = random.permutation(np.repeat(np.arange(len(y)), times))
    data = dataset({name: column[chosen] for name, column in rows.items()}, y[chosen])
    changes = settings(random, dense([whole(random, 48, 96)] * 2, 1), epochs=120, early_stopping={"patience": 0})
    return Case(data, split_seed(random) | changes, draw)


# --- sets ----------------------------------------------------------------------------------------------------


@family(Step.TARGET_DATA, Step.LOOK)
def other_source(random: np.random.Generator) -> Case:
    """Most training data come from another source, whose inputs mean something else in part."""
    d = int(random.integers(3, 6))
    common, other, shift = linear(random, d), smooth(random, d, 1.2), random.uniform(0.6, 1.2)
    order = random.permutation(d).tolist()

    def of(own: float, moved: float) -> Any:
        def draw(n: int, r: np.random.Generator) -> tuple[Rows, np.ndarray]:
            x = r.normal(size=(n, d)) + moved
            y = (common(x - moved) + own * other(x) > 0).astype(np.int64)
            return {f"x{k}": x[:, j] for k, j in enumerate(order)}, y

        return draw

    target, extra = of(2.0, shift), of(0.0, 0.0)
    n = whole(random, 400, 700)
    rows, y = target(n, random)
    further, labels = extra(3 * n, random)
    assert not isinstance(rows, np.ndarray) and not isinstance(further, np.ndarray)
    table, name = as_table(rows, y)
    data = read([table], name, extra=[as_table(further, labels)[0]])
    changes = {"split.train": 3 * n - 200, "split.train_dev": 200, "split.dev": n // 2, "split.test": n - n // 2}
    return Case(data, split_seed(random) | settings(random, dense([whole(random, 24, 64)] * 2, 1)) | changes, target)


@family(Step.BIGGER_DEV, Step.STOP)
def small_dev_set(random: np.random.Generator) -> Case:
    """A sound training, and a dev set of two dozen examples, which can tell nothing."""
    d = int(random.integers(2, 6))
    f, slope = linear(random, d), random.uniform(3, 6)
    draw = columns(normal(d), lambda x, r: drawn_classes(slope * f(x), r), random.permutation(d).tolist())
    sizes = {"split.dev": int(random.integers(15, 31)), "split.test": 20}
    return case_of(draw, whole(random, 900, 1600), random, calm(random) | sizes)


@family(Step.BIGGER_DEV, Step.NO_SIGNAL)
def many_looks(random: np.random.Generator) -> Case:
    """The best of many trainings by a small dev set, on data without signal; the test set says what it is worth."""
    d, kinds = whole(random, 4, 12), 2
    draw = columns(normal(d), lambda x, r: r.integers(0, kinds, len(x)), range(d))
    changes = settings(random, dense([whole(random, 8, 24)], 1), epochs=6, early_stopping={"patience": 3})
    sizes = {"split.dev": whole(random, 60, 100), "split.test": 300}
    return case_of(draw, whole(random, 600, 800), random, changes | sizes, looks=12, open_test=True)
