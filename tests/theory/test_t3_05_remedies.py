"""T3.05 and T3.06: each remedy is a change of the experiment that can be run, and states what it moves."""

from __future__ import annotations

import pytest

from leadline.experiment import Experiment
from leadline.strategy import Evidence
from leadline.strategy.remedies import remedies

LAYERS = ({"type": "dense", "units": 64, "activation": "relu"}, {"type": "dense", "units": 10})
EXPERIMENT = Experiment.from_dict(
    {
        "data": {"source": "digits"},
        "network": {"layers": list(LAYERS)},
        "training": {"epochs": 50, "learning_rate": 0.01, "optimizer": "gradient_descent", "l2": 0.0},
    }
)
UNFINISHED = Evidence(
    n_train=1000,
    n_parameters=4810,
    n_outputs=10,
    costs=[2.0 * 0.97**k for k in range(50)],
    epochs=50,
    layers=LAYERS,
    optimizer={"type": "gradient_descent"},
    learning_rate=0.01,
    l2=0.0,
    l1=0.0,
    patience=0,
)
OVERFITTED = Evidence(
    n_train=1000,
    n_parameters=1_048_000,
    n_outputs=10,
    costs=[0.01] * 50,
    dev_costs=[1 - 0.02 * k for k in range(25)] + [0.5 + 0.01 * k for k in range(25)],
    epochs=50,
    layers=({"type": "dense", "units": 1024, "activation": "relu"}, {"type": "dense", "units": 10}),
    l2=0.0,
    l1=0.0,
    patience=0,
    image_shape=(8, 8, 1),
    augmentation=False,
    n_dev=360,
)


def test_t3_05_bias_asks_for_longer_or_better_optimization():
    """T3.05."""
    titles = [remedy.title for remedy in remedies("avoidable bias", UNFINISHED)]
    assert titles == ["Train longer", "Optimize with Adam"]


def test_t3_05_variance_asks_for_regularization_data_and_augmentation():
    """T3.05."""
    titles = [remedy.title for remedy in remedies("variance", OVERFITTED)]
    assert titles == [
        "Add an L2 penalty",
        "Drop hidden units",
        "Augment the training images",
        "Collect more training data",
        "Stop early",
        "Narrow the hidden layers",
    ]


def test_t3_05_mismatch_asks_for_error_analysis_and_data_like_the_targets():
    """T3.05."""
    titles = [remedy.title for remedy in remedies("data mismatch", OVERFITTED)]
    assert titles == [
        "Look through the dev mistakes",
        "Collect training data like the target's",
        "Synthesize training data like the target's",
    ]


def test_t3_05_overfitting_to_dev_asks_for_a_bigger_dev_set():
    """T3.05."""
    (remedy,) = remedies("overfitting to dev", OVERFITTED)
    assert remedy.change == {"split.dev": 720}


@pytest.mark.parametrize("evidence", [UNFINISHED, OVERFITTED])
@pytest.mark.parametrize("gap", ["avoidable bias", "variance", "overfitting to dev"])
def test_t3_05_every_change_gives_a_valid_experiment(gap, evidence):
    """T3.05."""
    changed = [EXPERIMENT.replace(remedy.change) for remedy in remedies(gap, evidence) if remedy.change]
    assert all(experiment != EXPERIMENT for experiment in changed)


@pytest.mark.parametrize("gap", ["avoidable bias", "variance"])
def test_t3_06_every_remedy_states_the_gaps_it_moves(gap):
    """T3.06."""
    for evidence in (UNFINISHED, OVERFITTED):
        for remedy in remedies(gap, evidence):
            assert remedy.moves[0] == gap
            assert remedy.orthogonal or remedy.side_effect


def test_t3_06_early_stopping_is_flagged_as_moving_two():
    """T3.06."""
    (remedy,) = [remedy for remedy in remedies("variance", OVERFITTED) if remedy.title == "Stop early"]
    assert remedy.moves == ("variance", "avoidable bias")
    assert "two gaps at once" in remedy.side_effect
