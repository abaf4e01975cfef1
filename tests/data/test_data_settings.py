from __future__ import annotations

import pytest

from leadline.data import DataSettings, GivenSet, SplitSettings
from leadline.errors import UsageError


def test_lists_and_tables_of_a_file_become_values() -> None:
    settings = DataSettings(features=["a"], exclude=["b"], dev={"source": "dev.csv"})  # pyright: ignore[reportArgumentType]
    assert settings.features == ("a",)
    assert settings.exclude == ("b",)
    assert settings.dev == GivenSet("dev.csv")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"task": "clasification"}, "Did you mean 'classification'"),
        ({"normalization": "standardise"}, "Did you mean 'standardize'"),
        ({"types": {"age": "numbr"}}, r"data\.types\.age: got 'numbr'. Did you mean 'number'"),
        ({"features": "age"}, "a list of column names"),
        ({"dev": {"src": "x"}}, "unknown key 'src'. Did you mean 'source'"),
        ({"test": {"inputs": "x"}}, "the key 'source' is missing"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(settings: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        DataSettings(**settings)


@pytest.mark.parametrize("size", [0, 1, 500, 0.25, 1.0, "auto"])
def test_sizes_are_fractions_counts_or_auto(size: float | str) -> None:
    assert SplitSettings(dev=size).dev == size  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "settings",
    [{"dev": -1}, {"dev": 1.5}, {"dev": "half"}, {"dev": True}, {"train_dev": "some"}, {"seed": -1}, {"stratify": 1}],
)
def test_a_wrong_size_seed_or_switch_is_refused(settings: dict) -> None:
    with pytest.raises(UsageError, match=rf"split\.{next(iter(settings))}"):
        SplitSettings(**settings)
