from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import leadline as ll
from leadline.data import split
from leadline.data.settings import SplitSettings
from leadline.network import Dense, Network
from leadline.session.defaults import hidden_units, resolve
from leadline.training.threads import limited_threads, threads_for


def data(n: int, classes: int = 2) -> ll.Dataset:
    random = np.random.default_rng(0)
    return ll.read(random.normal(size=(n, 4)).astype(np.float32), np.arange(n) % classes)


def resolved(dataset: ll.Dataset, **changes: Any) -> ll.Experiment:
    experiment = ll.Experiment().replace({key.replace("__", "."): value for key, value in changes.items()})
    settings = SplitSettings(**experiment.split.model_dump())
    return resolve(experiment, dataset, split(dataset, settings), (4,))


def test_t2_08_full_batch_below_2000_examples_and_powers_of_two_above() -> None:
    """T2.08: the default batch size."""
    assert resolved(data(1000)).training.batch_size == "full"
    assert resolved(data(10_000)).training.batch_size == 64


def test_a_resolved_experiment_stays_as_it_is() -> None:
    dataset = data(300, classes=3)
    once = resolved(dataset)
    assert resolve(once, dataset, split(dataset, SplitSettings(**once.split.model_dump())), (4,)) == once


def test_what_is_given_is_kept() -> None:
    layers = [{"type": "dense", "units": 5, "activation": "tanh"}, {"type": "dense", "units": 1}]
    experiment = resolved(data(300), network__layers=layers, training__epochs=7, training__learning_rate=0.5)
    assert list(experiment.network.layers or ()) == layers
    assert (experiment.training.epochs, experiment.training.learning_rate) == (7, 0.5)
    assert experiment.training.l2 == 0, "layers that were given are trained without a penalty that was not"


def test_the_chosen_recipe_comes_as_a_whole() -> None:
    small, large = resolved(data(1000)).training, resolved(data(10_000)).training
    assert (small.learning_rate, small.l2) == (0.01, 0.6)
    assert (large.learning_rate, large.l2) == (0.003, 0.006)
    for training in (small, large):
        assert (training.schedule or {}) == {"type": "cosine", "epochs": training.epochs, "floor": 0.0}
    assert small.early_stopping is not None
    assert small.early_stopping.patience == 200


@pytest.mark.parametrize(
    ("n_inputs", "m", "units"), [(4, 100, (64, 32)), (64, 100, (128, 64)), (4, 60_000, (256, 128))]
)
def test_layers_grow_with_the_data(n_inputs: int, m: int, units: tuple[int, int]) -> None:
    assert hidden_units(n_inputs, m) == units


def test_the_networks_initializer_and_gain_go_to_layers_without_their_own() -> None:
    layers = [{"type": "dense", "units": 5, "initializer": "he"}, {"type": "dense", "units": 1}]
    experiment = resolved(data(300), network__layers=layers, network__initializer="xavier", network__gain=2.0)
    first, second = list(experiment.network.layers or [])
    assert (first["initializer"], second["initializer"]) == ("he", "xavier")
    assert (first["gain"], second["gain"]) == (2.0, 2.0)


@pytest.mark.parametrize(
    ("classes", "units", "allowed"), [(2, 1, True), (2, 2, True), (2, 3, False), (3, 3, True), (3, 1, False)]
)
def test_the_output_layer_has_to_fit_the_task(classes: int, units: int, allowed: bool) -> None:
    layers = [{"type": "dense", "units": units}]
    if allowed:
        resolved(data(300, classes), network__layers=layers)
        return
    with pytest.raises(ll.UsageError, match=r"layers\[0\].*make the last layer Dense"):
        resolved(data(300, classes), network__layers=layers)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"goal__optimizing": "rmse"}, "does not apply to a binary task"),
        ({"training__device": "quantum"}, "training.device"),
        ({"training__schedule": "cosin"}, "Did you mean 'cosine'"),
        ({"split__dev": 0, "training__early_stopping": True}, "needs a dev set"),
        ({"network__layers": [{"type": "dense", "units": 1, "initialiser": "he"}]}, "Did you mean 'initializer'"),
    ],
)
def test_impossible_choices(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ll.UsageError, match=message):
        resolved(data(300), **changes)


def test_small_steps_get_one_thread() -> None:
    import torch

    network = Network([Dense(512, "relu"), Dense(10)])
    assert threads_for(network, (784,), 16) == 1
    with limited_threads(2):
        assert threads_for(network, (784,), 4096) == 2
        with limited_threads(1):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
