"""Soundings of networks that make no error at all, or that answer the same for every example."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadline.data import read
from leadline.experiment import Experiment
from leadline.session.training import run_experiment
from leadline.soundings import sound

LAYERS = [{"type": "dense", "units": 8, "activation": "relu"}, {"type": "dense", "units": 1}]


def sounded(x: np.ndarray, y: np.ndarray, tmp_path: Path, **training: Any):
    training = {"epochs": 8, "batch_size": 32, "learning_rate": 0.02, "schedule": "constant"} | training
    experiment = Experiment.from_dict({"network": {"layers": LAYERS}, "training": training})
    data = read(x, y)
    run = run_experiment(experiment, data, runs=tmp_path)
    return run, sound(run, 60.0, data, telling_apart=False)


def test_a_perfect_network(tmp_path: Path):
    y = np.arange(200) % 2
    x = np.random.default_rng(0).normal(size=(200, 2)) * 0.1 + 8.0 * (2 * y[:, None] - 1)
    run, found = sounded(x, y, tmp_path)
    assert found.error.value == 0.0
    assert found.best is None and not any(each.verdict == "helps" for each in found.soundings)
    assert run.diagnosis.findings[0].code != "remedy-helps"


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_a_constant_prediction(tmp_path: Path, share: float):
    """Inputs that say nothing, with a rate at which nothing moves: every network answers alike."""
    random = np.random.default_rng(1)
    x, y = np.zeros((240, 3)) + share * random.normal(size=(240, 3)), (random.random(240) < 0.2).astype(int)
    _, found = sounded(x, y, tmp_path, learning_rate=1e-5)
    assert 0 < found.error.value < 1
    assert all(np.isfinite(each.change.value) for each in found.soundings if each.change is not None)


def test_a_constant_target_value(tmp_path: Path):
    """A regression that is solved by one number."""
    x = np.random.default_rng(2).normal(size=(160, 2))
    y = np.where(np.arange(160) % 40 == 0, 1.0 + 1e-9, 1.0)
    _, found = sounded(x, y, tmp_path)
    assert np.isfinite(found.error.value)
