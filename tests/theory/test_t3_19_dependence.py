"""T3.19: ten copies of each row change neither the coverage of an interval nor the level of a test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from leadline.experiment import Experiment
from leadline.measure import evaluate
from leadline.session.training import run_experiment
from leadline.strategy import compare, find_slices, label_pattern, label_share

COPIES = 10


def copied(rng: np.random.Generator, n: int, *arrays: np.ndarray) -> list[np.ndarray]:
    """The arrays with ten copies of each row in a random order, and which copies belong together."""
    order = rng.permutation(np.repeat(np.arange(n), COPIES))
    return [*(values[order] for values in arrays), order]


@pytest.mark.parametrize(("name", "n", "draws"), [("error", 100, 2000), ("f1", 300, 1000), ("rmse", 200, 150)])
def test_intervals_of_copies_cover_what_they_state(name, n, draws):
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(draws):
        if name == "rmse":
            truth, first = np.zeros(n), rng.laplace(size=n)
            true_value = 2**0.5
        else:
            rate = 0.15 if name == "error" else 0.3
            truth = rng.integers(0, 2, n)
            first = np.where(rng.random(n) < rate, 1 - truth, truth)
            true_value = rate if name == "error" else 1 - rate
        t, p, groups = copied(rng, n, truth, first)
        low, high = evaluate(name, t, p, groups=groups).interval
        hits += low <= true_value <= high
    assert hits / draws == pytest.approx(0.95, abs=0.015 + 2 * (0.05 * 0.95 / draws) ** 0.5)


@pytest.mark.parametrize(("name", "draws"), [("accuracy", 1500), ("rmse", 50)])
def test_equal_models_on_copies_are_told_apart_as_seldom_as_stated(name, draws):
    rng = np.random.default_rng(1)
    n, false = 150, 0
    for _ in range(draws):
        truth = np.zeros(n, int if name == "accuracy" else float)
        models = (rng.random((2, n)) < 0.2).astype(int) if name == "accuracy" else rng.standard_t(3, (2, n))
        t, a, b, groups = copied(rng, n, truth, *models)
        false += compare(name, t, a, b, groups=groups).significant
    assert false / draws <= 0.065 + 2 * (0.05 * 0.95 / draws) ** 0.5


def test_a_run_on_copies_has_the_interval_of_its_rows(tmp_path: Path):
    """Copies are known by their content; the run's ladder and its metrics count them once."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 3)).round(6)
    label = np.where(x[:, 0] + rng.normal(size=100) > 0, "yes", "no")
    widths = {}
    for name, rows in (("single", np.arange(100)), ("copied", np.repeat(np.arange(100), COPIES))):
        lines = [f"{x[k, 0]},{x[k, 1]},{x[k, 2]},{label[k]}" for k in rows]
        (tmp_path / f"{name}.csv").write_text("a,b,c,label\n" + "\n".join(lines), encoding="utf-8")
        experiment = Experiment.from_dict(
            {
                "data": {"source": str(tmp_path / f"{name}.csv"), "target": "label"},
                "split": {"dev": 0.5, "test": 0, "duplicates": "together"},
                "training": {"epochs": 2, "early_stopping": False},
            }
        )
        run = run_experiment(experiment, runs=tmp_path / name)
        error = run.diagnosis.ladder.reference.error
        widths[name] = (error.interval[1] - error.interval[0]) / max(error.value * (1 - error.value), 0.05) ** 0.5
        assert (run.answers("dev").groups is None) == (name == "single")
    assert widths["copied"] == pytest.approx(widths["single"], rel=0.15)


def test_copies_do_not_make_wrong_labels_systematic_nor_certain():
    rng = np.random.default_rng(0)
    verdicts = {"rows": 0, "groups": 0}
    for _ in range(30):
        given, right = rng.integers(0, 3, 60), rng.integers(0, 3, 60)
        wrong = rng.random(60) < 0.3
        right = np.where(right == given, (given + 1) % 3, right)
        g, r, w, groups = copied(rng, 60, given, right, wrong)
        verdicts["rows"] += label_pattern(g, r, w).p < 0.05
        verdicts["groups"] += label_pattern(g, r, w, groups=groups).p < 0.05
    assert verdicts["groups"] <= 5 < 15 < verdicts["rows"]
    wrong, mislabelled = rng.random(100) < 0.3, rng.random(100) < 0.4
    alone = label_share(wrong, mislabelled).share
    w, m, groups = copied(rng, 100, wrong, mislabelled)
    together = label_share(w, m, groups=groups).share
    widths = [share.interval[1] - share.interval[0] for share in (together, alone)]
    assert widths[0] == pytest.approx(widths[1], rel=0.12)


def test_copies_seldom_make_a_slice():
    false = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        columns = {"a": rng.normal(size=150), "b": rng.choice(["x", "y", "z"], 150)}
        wrong = rng.random(150) < 0.2
        a, b, w, groups = copied(rng, 150, columns["a"], columns["b"], wrong)
        false += bool(find_slices({"a": a, "b": b}, w, most=1, shuffles=59, seed=seed, groups=groups))
    assert false <= 3
