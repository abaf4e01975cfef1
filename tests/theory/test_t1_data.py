"""THEORY.md, section 1: what data must be before a network sees it."""

from __future__ import annotations

import numpy as np
import pandas

from leadline.data import Preparation, SplitSettings, read, split


def test_t1_03_an_image_becomes_a_vector_scaled_by_255() -> None:
    """T1.03: (64, 64, 3) is unrolled to 12 288 values in its own order and scaled by 1/255."""
    images = np.random.default_rng(0).integers(0, 256, (20, 64, 64, 3)).astype(np.uint8)
    data = read(images, np.arange(20) % 2)
    preparation = Preparation.fit(data, split(data, SplitSettings(dev=0, test=0)).train)
    inputs = preparation.inputs(data, dtype=np.float64)
    assert preparation.n_inputs == 12_288
    assert inputs.shape == (20, 12_288)
    assert np.array_equal(inputs, images.reshape(20, -1) / 255)
    assert inputs[3, (5 * 64 + 7) * 3 + 2] == images[3, 5, 7, 2] / 255
    assert data.image_shape == (64, 64, 3)


def test_t1_11_classes_keep_the_names_they_were_given() -> None:
    """T1.11: classes by name, whatever they are called, and the index of each is that of its name."""
    names = ["New York", "são paulo", "7", "07"] * 5
    frame = pandas.DataFrame({"x": np.arange(20) * 0.5, "city": names})
    data = read(frame, "city", task="classification")
    assert set(data.classes) == set(names)
    assert [data.classes[index] for index in data.target] == names
    targets = Preparation.fit(data, np.arange(20)).targets(data)
    assert [data.classes[index] for index in targets] == names
