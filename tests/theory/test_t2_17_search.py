"""T2.17: hyper-parameter search, and T3.16: quick iteration, many at once ("caviar") or one after another ("panda")."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from leadline.data import read
from leadline.experiment import Experiment
from leadline.search import PreparedExperiment, Space, log, one_minus_log, train_variants
from leadline.search.distributions import suggest
from leadline.search.samplers import strategy
from leadline.search.storage import open_storage, open_study

N = 2_000
SPACE = Space((log("rate", 1e-4, 1), one_minus_log("beta", 0.9, 0.999)))


@pytest.fixture(scope="module")
def draws() -> dict[str, np.ndarray]:
    study = open_study(open_storage(None), "draws", strategy("random", SPACE, N, 0).sampler)
    values = [suggest(study.ask(), SPACE) for _ in range(N)]
    return {key: np.array([value[key] for value in values], float) for key in ("rate", "beta")}


def test_t2_17_a_logarithmic_scale_gives_each_decade_its_quarter(draws: dict[str, np.ndarray]) -> None:
    shares = np.histogram(np.log10(draws["rate"]), bins=[-4, -3, -2, -1, 0])[0] / N
    assert shares == pytest.approx([0.25] * 4, abs=4 * np.sqrt(0.25 * 0.75 / N))


def test_t2_17_beta_is_uniform_in_log_of_one_minus_beta(draws: dict[str, np.ndarray]) -> None:
    places = (np.log10(1 - draws["beta"]) + 3) / 2
    assert kstest(places, "uniform").pvalue > 0.01
    assert np.mean(draws["beta"] < 0.99) == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / N))
    assert kstest((draws["beta"] - 0.9) / 0.099, "uniform").pvalue < 1e-6, "not linearly: that would hardly try 0.999"


def test_t2_17_random_points_try_more_values_of_what_matters_than_a_grid() -> None:
    """25 trials: a grid of two dimensions has 5 values of each, random points have 25."""
    grid = SPACE.points(5)
    assert len(grid) == 25
    assert len({point["rate"] for point in grid}) == 5
    study = open_study(open_storage(None), "random", strategy("random", SPACE, 25, 0).sampler)
    assert len({suggest(study.ask(), SPACE)["rate"] for _ in range(25)}) == 25


def test_t3_16_many_networks_at_once_end_where_each_would_alone() -> None:
    """Caviar: all in parallel as one population; panda: one is watched for as long as it takes. The numbers agree."""
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 4))
    layers = [{"type": "dense", "units": 5, "activation": "relu"}, {"type": "dense", "units": 3}]
    values = {"network": {"layers": layers}, "training": {"epochs": 3, "batch_size": 32}}
    bench = PreparedExperiment(Experiment.from_dict(values), read(x, random.integers(3, size=200)))
    variants = [bench.variant({"training.learning_rate": rate}) for rate in (0.001, 0.01, 0.1, 1.0)]
    caviar, panda = train_variants(variants), [train_variants([variant])[0] for variant in variants]
    for together, alone in zip(caviar, panda, strict=True):
        assert [epoch.dev_cost for epoch in together.history] == [epoch.dev_cost for epoch in alone.history]
