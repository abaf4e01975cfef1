"""THEORY.md, section 3: T3.12, how different two sets are, and in which features."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import leadline as ll
from leadline.cli.main import run as command
from leadline.data.sources.comparable import image_statistics
from leadline.errors import LeadlineError
from leadline.report.figures.mismatch import feature_bars
from leadline.session.mismatch import mismatch, run_mismatch


def write(path: Path, n: int, shift: float, seed: int) -> str:
    random = np.random.default_rng(seed)
    table = pd.DataFrame({"a": random.normal(shift, 1, n), "b": random.normal(size=n), "y": random.integers(0, 2, n)})
    table.to_csv(path, index=False)
    return str(path)


def test_t3_12_two_files_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """T3.12."""
    first, second = write(tmp_path / "web.csv", 300, 0, 0), write(tmp_path / "mobile.csv", 300, 2, 1)
    assert command(["mismatch", first, second, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["differ"] and found["features"][0]["name"] == "a" and found["auc"] > 0.8
    assert command(["mismatch", first, second]) == 0
    assert "web.csv and mobile.csv differ strongly" in capsys.readouterr().out
    assert command(["mismatch", first, "--sets", "train"]) == 2


def test_t3_12_the_sets_of_a_run(tmp_path: Path) -> None:
    """T3.12."""
    target, extra = write(tmp_path / "mobile.csv", 300, 2, 1), write(tmp_path / "web.csv", 900, 0, 0)
    data = ll.read(sources={"target": target, "extra": extra}, target="y")
    run = ll.train(None, data, epochs=2, runs=tmp_path / "runs", name="mixed")
    found = run_mismatch(run)
    assert found.names == ("train", "dev") and found.features[0].name == "a" and found.differ
    assert not run_mismatch(run, "train", "train-dev").differ
    assert command(["mismatch", "mixed", "--runs", str(tmp_path / "runs")]) == 0
    with pytest.raises(LeadlineError, match=r"'tran' is no set of a run. Did you mean 'train'"):
        run_mismatch(run, "tran")


def test_t3_12_blur_darkness_and_noise_are_named_by_statistics_of_images() -> None:
    """T3.12."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 255, (200, 8, 8, 3))
    pictures = np.kron(coarse, np.ones((1, 4, 4, 1)))
    dark = (0.4 * pictures[100:]).astype(np.uint8)
    found = mismatch(pictures[:100].astype(np.uint8), dark)
    assert found.differ and "brightness" in [feature.name for feature in found.features if feature.auc > 0.99]
    assert {feature.name for feature in found.clear_features} <= {"brightness", "dark", "bright", "contrast"}
    noisy = np.clip(pictures[100:] + random.normal(0, 20, (100, 32, 32, 3)), 0, 255).astype(np.uint8)
    assert mismatch(pictures[:100].astype(np.uint8), noisy).features[0].name in ("noise", "sharpness")
    assert not mismatch(pictures[:100].astype(np.uint8), pictures[100:].astype(np.uint8)).differ
    assert set(image_statistics(np.zeros((2, 8, 8, 1), np.uint8))) >= {"brightness", "contrast", "noise"}


def test_t3_12_the_figure_says_what_the_test_found() -> None:
    """T3.12."""
    first = pd.DataFrame({"a": np.arange(100.0), "b": np.arange(100.0) % 7})
    figure = feature_bars(mismatch(first, first.assign(a=first.a + 80)))
    assert figure.data[0]["y"][-1] == "a" and figure.data[0]["marker"]["opacity"] == [0.35, 1.0]
    assert "a: median" in figure.description


def test_t3_12_sources_of_different_kinds() -> None:
    """T3.12."""
    with pytest.raises(LeadlineError, match="same kind"):
        mismatch(np.eye(30), pd.DataFrame({"a": np.arange(30.0)}))
    with pytest.raises(LeadlineError, match="no column in common"):
        mismatch(pd.DataFrame({"b": np.arange(30.0) % 7}), pd.DataFrame({"a": np.arange(30.0)}))
