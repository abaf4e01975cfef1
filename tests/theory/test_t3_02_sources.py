"""THEORY.md, section 3: dev and test from the target distribution, and the training-dev set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import leadline as ll
from leadline.data import Dataset, SplitSettings, read, split
from leadline.measure import examples_to_tell


def web_and_mobile() -> Dataset:
    """200 000 pictures from the web and 10 000 from phones, as a number each."""
    mobile, web = np.arange(10_000.0), np.arange(200_000.0) + 50_000
    frames = [pd.DataFrame({"x": x, "y": (x % 7 < 3).astype(int)}) for x in (mobile, web)]
    return read(sources={"target": frames[0], "extra": [frames[1]]}, target="y")


@pytest.mark.parametrize("wanted", [{}, {"dev": 2_500, "test": 2_500}, {"dev": 0.25, "test": 0.25}])
def test_t3_02_two_hundred_thousand_from_the_web_and_ten_thousand_from_phones(wanted: dict) -> None:
    """T3.02: train 205 000, dev 2 500, test 2 500; dev and test from phones alone."""
    data = web_and_mobile()
    made = split(data, SplitSettings(train_dev=0, **wanted))
    assert made.sizes == {"train": 205_000, "train_dev": 0, "dev": 2_500, "test": 2_500}
    origin = np.asarray(data.source_of)
    assert (origin[made.dev] == 0).all() and (origin[made.test] == 0).all()
    assert np.bincount(origin[made.train]).tolist() == [5_000, 200_000]


def test_t3_03_train_dev_has_the_distribution_of_training() -> None:
    """T3.03: the training-dev set is held out of the mix that training sees, and never trained on."""
    data = web_and_mobile()
    made = split(data)
    assert made.sizes == {"train": 202_500, "train_dev": 2_500, "dev": 2_500, "test": 2_500}
    share = [float((np.asarray(data.source_of)[rows] == 1).mean()) for rows in (made.train, made.train_dev)]
    assert share == pytest.approx([200 / 205] * 2, abs=0.01)
    assert not np.intersect1d(made.train, made.train_dev).size


def test_t3_03_the_training_dev_set_is_a_rung_of_the_ladder(tmp_path: Path) -> None:
    """T3.03, T3.04: a run with an extra source measures train-dev; what only dev finds hard is data mismatch."""
    random = np.random.default_rng(0)

    def frame(n: int, flip: bool) -> pd.DataFrame:
        x = random.normal(size=(n, 2))
        return pd.DataFrame(
            {"a": x[:, 0], "b": x[:, 1], "y": (x[:, 0] * (-1 if flip else 1) + x[:, 1] > 0).astype(int)}
        )

    data = read(sources={"target": frame(400, True), "extra": frame(3_000, False)}, target="y")
    run = ll.train(ll.Network([ll.Dense(1)]), data, epochs=30, human_error=0.0, runs=tmp_path, learning_rate=0.1)
    ladder = run.diagnosis.ladder
    assert [rung.name for rung in ladder.rungs] == ["human", "train", "train-dev", "dev"]
    gap = next(gap for gap in ladder.gaps if gap.upper == "dev")
    assert gap.name == "data mismatch" and gap.verdict == "present" and gap.size.value > 0.2
    assert "mismatch" in run.diagnosis.conclusion


def test_t3_01_the_precision_wanted_chooses_the_size() -> None:
    """T3.01: a size chooser by the precision wanted: how many dev examples tell a difference of so many points?"""
    x = np.arange(400_000.0)
    data = read(x, (x % 3 < 1).astype(int))
    made = split(data, SplitSettings(precision=0.01))
    needed = examples_to_tell(0.01, 0.1)
    assert made.sizes["dev"] == made.sizes["test"] == needed
    assert 10_000 < needed < 20_000
    assert any(f"takes {needed} dev examples" in notice for notice in made.notices)
    small = split(read(x[:1000], (x[:1000] % 3 < 1).astype(int)), SplitSettings(precision=0.01))
    assert small.sizes["dev"] == 200
    assert any("a fifth of the data at most" in notice for notice in small.notices)
