from __future__ import annotations

import numpy as np
import pandas as pd

from leadline.data import SplitSettings, read, split
from leadline.data.splitting.duplicates import components, duplicate_groups, near_groups


def images(n: int = 120, seed: int = 0) -> np.ndarray:
    """Smooth random pictures of 24×24 pixels."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 255, (n, 6, 6, 3))
    noisy = np.kron(coarse, np.ones((1, 4, 4, 1))) + random.normal(0, 8, (n, 24, 24, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def test_near_copies_of_images_are_found_and_other_images_are_not() -> None:
    pictures = images()
    noise = np.random.default_rng(1).normal(0, 3, pictures[:5].shape)
    pictures[60:65] = np.clip(pictures[:5] * 0.97 + 4 + noise, 0, 255).astype(np.uint8)  # darker, with noise
    groups = duplicate_groups(read(pictures, np.arange(120) % 2))
    assert (groups[60:65] == groups[:5]).all()
    assert len(np.unique(groups)) == 115


def test_rows_equal_but_for_rounding_are_near() -> None:
    random = np.random.default_rng(0)
    numbers = random.normal(size=(300, 4))
    numbers[10, 0] = round(numbers[10, 0], 2)
    numbers[250] = numbers[10]
    numbers[250, 0] += 0.0001
    table = pd.DataFrame(numbers, columns=list("abcd"))
    table["kind"] = np.where(np.arange(300) % 3 == 1, "x", "y")
    table["y"] = np.arange(300) % 2
    groups = near_groups(read(table, "y"))
    assert groups is not None
    assert groups[10] == groups[250] and len(np.unique(groups)) == 299


def test_few_columns_do_not_tell_near_duplicates() -> None:
    table = pd.DataFrame({"a": np.random.default_rng(0).normal(size=100), "y": np.arange(100) % 2})
    assert near_groups(read(table, "y")) is None


def test_copies_are_kept_on_one_side() -> None:
    pictures = np.concatenate([images(100), images(100)])
    data = read(pictures, np.arange(200) % 100 % 3)
    assert any("exactly the inputs" in notice for notice in split(data).notices)
    made = split(data, SplitSettings(duplicates="together"))
    assert not any("inputs of" in notice for notice in made.notices)
    assert made.sizes == {"train": 120, "train_dev": 0, "dev": 40, "test": 40}
    assert split(data, SplitSettings(duplicates="ignore")).notices == ()


def test_near_copies_are_reported_apart_from_exact_ones() -> None:
    pictures = images(100)
    data = read(pictures, np.arange(100) % 2)
    made = split(data)
    changed = pictures.copy()
    changed[made.dev[0]] = changed[made.train[0]]
    changed[made.dev[1]] = np.clip(changed[made.train[1]].astype(int) + 3, 0, 255)
    assert split(read(changed, np.arange(100) % 2)).notices == (
        "1 of 20 dev examples (5 %) have exactly the inputs of a train example.",
        "1 of 20 dev examples (5 %) have nearly the inputs of a train example.",
    )


def test_components_join_what_any_partition_joins() -> None:
    first, second = np.array([0, 0, 1, 2, 3]), np.array([5, 6, 6, 7, 8])
    assert components(first, second).tolist() == [0, 0, 0, 1, 2]
