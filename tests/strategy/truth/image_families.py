"""Families of small images."""

from __future__ import annotations

import numpy as np

from .case import Case, Draw, Layers, Rows, Step, case_of, dense, family, whole
from .training_families import settings


def glyphs(random: np.random.Generator, side: int, kinds: int, moves: int | None, noise: float) -> Draw:
    """Images (n, side, side, 1) of one of ``kinds`` patterns, within ``moves`` of its middle, or anywhere."""
    size = side // 2
    patterns = (random.random((kinds, size, size)) < 0.5).astype(float)
    while min(np.abs(a - b).sum() for i, a in enumerate(patterns) for b in patterns[:i]) < size * size / 3:
        patterns = (random.random((kinds, size, size)) < 0.5).astype(float)

    def draw(n: int, r: np.random.Generator) -> tuple[Rows, np.ndarray]:
        y = r.integers(0, kinds, n)
        x = noise * r.random((n, side, side))
        room = side - size
        places = r.integers(0, room + 1, (n, 2)) if moves is None else room // 2 + r.integers(-moves, moves + 1, (n, 2))
        for i, (top, left) in enumerate(places.clip(0, room)):
            x[i, top : top + size, left : left + size] += patterns[y[i]] * r.uniform(0.6, 1.0)
        return (255 * x / x.max(axis=(1, 2), keepdims=True)).astype(np.uint8)[..., None], y

    return draw


def convolutional(side: int, filters: int, outputs: int) -> Layers:
    """Two convolutions, the mean over all places, and an output layer."""
    convolution = {"type": "convolution", "size": 3, "padding": "same", "activation": "relu"}
    return [
        {"type": "image", "height": side, "width": side, "channels": 1},
        {**convolution, "filters": filters},
        {**convolution, "filters": 2 * filters},
        {"type": "global_average_pool"},
        *dense([], outputs),
    ]


@family(Step.CONVOLVE, Step.AUGMENT, Step.MORE_DATA)
def pattern_anywhere(random: np.random.Generator) -> Case:
    """A pattern that may lie anywhere in the image, and a dense network, which learns each place by itself."""
    kinds, side = int(random.integers(3, 6)), int(random.choice([10, 12]))
    draw = glyphs(random, side, kinds, None, random.uniform(0.6, 0.9))
    layers = [{"type": "flatten"}, *dense([whole(random, 32, 64)], kinds)]
    changes = settings(random, layers, epochs=60)
    return case_of(
        draw, whole(random, 700, 1300), random, changes, cure={"network.layers": convolutional(side, 12, kinds)}
    )


@family(Step.AUGMENT, Step.MORE_DATA, Step.REGULARIZE, Step.CONVOLVE)
def few_images(random: np.random.Generator) -> Case:
    """A pattern that moves a little, and few images to learn it from."""
    kinds, side = int(random.integers(3, 6)), int(random.choice([10, 12]))
    draw = glyphs(random, side, kinds, 2, random.uniform(0.4, 0.6))
    layers = [{"type": "flatten"}, *dense([whole(random, 32, 64)], kinds)]
    changes = settings(random, layers, epochs=150, early_stopping={"patience": 0})
    sizes = {"split.dev": 300, "split.test": 50}
    return case_of(draw, 350 + whole(random, 60, 120), random, changes | sizes, cure={"augment.crop": 2})


@family(Step.STOP)
def easy_images(random: np.random.Generator) -> Case:
    """A pattern in the middle of clean images, and enough of them."""
    kinds, side = int(random.integers(3, 5)), int(random.choice([8, 10]))
    draw = glyphs(random, side, kinds, 1, 0.1)
    layers = [{"type": "flatten"}, *dense([whole(random, 32, 64)], kinds)]
    return case_of(draw, whole(random, 900, 1500), random, settings(random, layers, epochs=40))
