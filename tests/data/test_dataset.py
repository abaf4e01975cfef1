from __future__ import annotations

import json

import numpy as np
import pandas
import pytest

from leadline.data import read

FRAME = pandas.DataFrame({"a": np.arange(30) * 1.5, "c": ["u", "v", "w"] * 10, "y": ["no", "yes", "yes"] * 10})


def test_the_fingerprint_tells_what_the_data_was() -> None:
    facts = json.loads(json.dumps(read(FRAME, "y").fingerprint()))
    assert facts["n"] == 30
    assert facts["task"] == "binary"
    assert facts["target"] == "y"
    assert facts["classes"] == {"no": 10, "yes": 20}
    assert [(column["name"], column["kind"]) for column in facts["columns"]] == [("a", "number"), ("c", "category")]
    assert len(facts["sha256"]) == 64


def test_the_hash_changes_with_every_value_and_name() -> None:
    hashes = {read(FRAME, "y").fingerprint()["sha256"]}
    for column, value in (("a", 0.1), ("c", "z"), ("y", "yes")):
        changed = FRAME.copy()
        changed.loc[0, column] = value
        hashes.add(read(changed, "y").fingerprint()["sha256"])
    hashes.add(read(FRAME.rename(columns={"a": "b"}), "y").fingerprint()["sha256"])
    hashes.add(read(FRAME[::-1], "y").fingerprint()["sha256"])
    assert len(hashes) == 6
    assert read(FRAME.copy(), "y").fingerprint()["sha256"] in hashes


def test_arrays_have_a_fingerprint_too() -> None:
    images = np.arange(12 * 4 * 5).reshape(12, 4, 5).astype(np.uint8)
    facts = read(images, [0, 1] * 6).fingerprint()
    assert facts["image_shape"] == [4, 5, 1]
    assert facts["columns"] == [{"name": "inputs", "kind": "image", "note": "4×5×1 uint8"}]
    assert facts["sha256"] != read(images[::-1], [0, 1] * 6).fingerprint()["sha256"]


def test_images_are_drawn_as_they_are_or_stretched_to_256_greys() -> None:
    pixels = np.arange(12 * 4 * 5).reshape(12, 4, 5)
    data = read(pixels.astype(np.uint8), [0, 1] * 6)
    assert np.array_equal(data.images([3])[0, :, :, 0], pixels[3].astype(np.uint8))
    greys = read(pixels / 239, [0, 1] * 6).images()
    assert greys.shape == (12, 4, 5, 1)
    assert (greys.min(), greys.max()) == (0, 255)
    with pytest.raises(ValueError, match="are not images"):
        read(FRAME, "y").images()


def test_rows_are_shown_as_they_were_read() -> None:
    assert read(FRAME, "y", exclude=["a"]).rows([2]) == [{"a": 3.0, "c": "w", "y": "yes"}]
    assert read(np.eye(4), [0, 1] * 2).rows([2, 3]) == [{}, {}]


def test_counts_of_classes_and_labels() -> None:
    labels = np.array([[0, 1, np.nan], [1, 1, 0]] * 5)
    assert read(np.arange(10.0), labels).class_counts() == {"0": 5, "1": 10, "2": 0}
    assert read(np.arange(30.0), np.arange(30) / 7).class_counts() == {}
