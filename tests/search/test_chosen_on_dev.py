"""T3.20: what a search without signal says of its best, and of what mattered."""

from __future__ import annotations

import numpy as np

from leadline.data import read
from leadline.experiment import Experiment
from leadline.search import search
from leadline.search.analysis import importances
from leadline.search.records import TrialRecord
from leadline.search.report import conclusion
from leadline.search.settings import SearchSettings
from leadline.search.spaces import Space


def test_the_best_of_a_search_without_signal_is_expected_to_guess(tmp_path):
    rng = np.random.default_rng(1)
    data = read(rng.normal(size=(300, 5)), rng.integers(0, 2, 300))
    experiment = Experiment.from_dict({"training": {"epochs": 4}, "split": {"dev": 0.5, "test": 0}})
    settings = SearchSettings(trials=16, sampler="random", finalists=0)
    summary = search(experiment, data, settings=settings, runs=tmp_path).summary
    chosen = summary["expected"]
    assert chosen["candidates"] == 16 and chosen["apparent"] <= summary["best"]["dev_error"] + 1e-6
    assert chosen["apparent"] < chosen["expected"]["value"]
    assert chosen["expected"]["low"] < 0.5 < chosen["expected"]["high"]
    assert "16 trials were judged by the same dev examples" in conclusion(summary)


def test_importance_stands_beside_what_chance_gives():
    space = Space.from_config(
        {"training.learning_rate": {"log": [1e-4, 1e-1]}, "training.batch_size": {"choice": [16, 32, 64]}}
    )
    rng = np.random.default_rng(0)

    def trials(effect: float) -> list[TrialRecord]:
        found = []
        for number in range(40):
            rate = float(10 ** rng.uniform(-4, -1))
            values = {"training.learning_rate": rate, "training.batch_size": int(rng.choice([16, 32, 64]))}
            error = effect * np.log10(rate) + rng.normal()
            found.append(TrialRecord(number, "complete", values, float(error), None, 1, 1, 0.1))
        return found

    real = {found.key: found for found in importances(space, trials(3.0))}
    assert real["training.learning_rate"].importance > real["training.learning_rate"].chance
    assert all(found.importance <= found.chance + 0.1 for found in importances(space, trials(0.0)))
