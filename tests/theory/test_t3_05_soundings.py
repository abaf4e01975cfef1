"""T3.05 and T3.06: every remedy that is sounded is an experiment that runs, and says which gaps it moves."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.data import read
from leadline.experiment import Experiment
from leadline.search import PreparedExperiment, train_variants
from leadline.soundings.candidates import MORE_DATA, candidates_for, together
from leadline.strategy.ladder import BIAS, VARIANCE


def workbench(images: bool) -> PreparedExperiment:
    random = np.random.default_rng(0)
    x = random.random((240, 8, 8)).astype(np.float32) if images else random.normal(size=(240, 5))
    layers = [{"type": "dense", "units": 6, "activation": "relu"}, {"type": "dense", "units": 1}]
    if images:
        image = {"type": "image", "height": 8, "width": 8, "channels": 1}
        layers = [image, {"type": "convolution", "filters": 3, "activation": "relu"}, {"type": "flatten"}, *layers]
    settings = {"epochs": 2, "batch_size": 32, "l2": 0.01}
    settings = {
        "network": {"layers": layers},
        "training": settings,
        "data": {"normalization": "unit" if images else "none"},
    }
    return PreparedExperiment(Experiment.from_dict(settings), read(x, random.integers(0, 2, 240)))


@pytest.mark.parametrize("images", [False, True])
def test_t3_05_every_remedy_is_an_experiment_that_runs(images: bool):
    bench = workbench(images)
    found = candidates_for(bench.plan.experiment, len(bench.plan.split.train), bench.plan.data.image_shape)
    options = [option for remedy in found for option in remedy.options if "quantile" not in option.label]
    variants = [bench.variant(option.changes) for option in options]
    start = bench.plan.experiment
    for variant, option in zip(variants, options, strict=True):
        assert variant.experiment != start, option
        assert Experiment.from_dict(variant.experiment.to_dict()) == variant.experiment
    assert all(outcome.dev_error is not None for outcome in train_variants(variants))
    keys = {remedy.key for remedy in found}
    assert {"bigger_network", "longer_training", "learning_rate", "optimizer", "l2", "dropout"} <= keys
    assert {"batch_norm", "input_normalization", MORE_DATA} <= keys


def test_t3_06_every_remedy_says_which_gap_it_moves():
    bench = workbench(images=False)
    for remedy in candidates_for(bench.plan.experiment, 144, None):
        assert remedy.moves
        assert set(remedy.moves) <= {BIAS, VARIANCE}
        assert remedy.gap == remedy.moves[0]
    moves = {remedy.key: remedy.moves for remedy in candidates_for(bench.plan.experiment, 144, None)}
    assert moves[MORE_DATA] == (VARIANCE,)
    assert moves["learning_rate"] == (BIAS,)
    assert set(moves["l2"]) == {VARIANCE, BIAS}  # not orthogonal, and says so


def test_t3_05_what_the_gap_asks_for_is_worth_more():
    worth = {r.key: r.worth_for for r in candidates_for(workbench(images=False).plan.experiment, 144, None)}
    assert worth[MORE_DATA]([VARIANCE]) > worth["bigger_network"]([VARIANCE])
    assert worth["bigger_network"]([BIAS]) > worth["dropout"]([BIAS])
    assert worth["bigger_network"]([BIAS]) > worth[MORE_DATA]([BIAS])


def test_t3_05_remedies_go_together_where_they_can():
    bench = workbench(images=False)
    start = bench.plan.experiment
    by_key = {remedy.key: remedy for remedy in candidates_for(start, 144, None)}

    def chosen(*wanted: tuple[str, int]) -> list:
        return [(by_key[key], by_key[key].options[k]) for key, k in wanted]

    both = together(start, chosen(("bigger_network", 0), ("dropout", 1), ("learning_rate", 2)), 144, None)
    assert both is not None
    changes = both.options[0].changes
    layers = changes["network.layers"]
    assert layers[0]["units"] == 12  # wider, and with dropout
    assert layers[1] == {"type": "dropout", "keep_prob": 0.8}
    assert "training.learning_rate" in changes
    rates = together(start, chosen(("learning_rate", 2), ("optimizer", 1)), 144, None)
    assert rates is None  # both set the learning rate
