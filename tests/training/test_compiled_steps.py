"""The compiled steps are the readable ones: same outputs, same gradient, same θ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from leadline.network import BatchNorm, Dense, Dropout, Network
from leadline.optimize import Adam, AdamW, GradientDescent
from leadline.optimize.schedules import Cosine
from leadline.training import Examples, TrainingSettings, fit
from leadline.training.compiled import steps as compiled_steps
from leadline.training.compiled.codes import ACTIVATIONS
from leadline.training.divergence import DivergenceError
from leadline.training.trainer import Trainer

pytest.importorskip("numba")

TASKS = {
    "squared_error": (3, lambda x: x[:, :3] * x[:, 1:4]),
    "binary_cross_entropy": (1, lambda x: (x[:, :1] * x[:, 1:2] > 0).to(x.dtype)),
    "softmax_cross_entropy": (4, lambda x: (x[:, 0] > 0) * 2 + (x[:, 1] > 0).long()),
}


@pytest.fixture
def from_the_first_step(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(compiled_steps, "LEAST_STEPS", 0)
    yield


def trainer(loss: str, hidden: tuple[str, ...] = ("tanh", "relu"), m: int = 150, **settings: Any) -> Trainer:
    k, target = TASKS[loss]
    x = torch.randn(m, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    own = TrainingSettings(**{"batch_size": 32, "precision": "float64", "optimizer": Adam(0.01), **settings})
    network = Network([*(Dense(6 + i, name) for i, name in enumerate(hidden)), Dense(k)])
    train = Examples.of(x, target(x), own)
    return Trainer(network, loss, train, None, own, network.initialize((7,), 0, own.dtype))


def readable(*arguments: Any, **settings: Any) -> Trainer:
    made = trainer(*arguments, **settings)
    made.compiled = None
    return made


def assert_alike(first: Trainer, second: Trainer, epochs: int = 3) -> None:
    """Both train, and agree in all that a training reports and remembers."""
    assert first.compiled is not None and second.compiled is None
    for _ in range(epochs):
        one, other = first.run_epoch(), second.run_epoch()
        assert (one.cost, one.penalty) == pytest.approx((other.cost, other.penalty), rel=1e-11)
        assert one.train_error == pytest.approx(other.train_error, rel=1e-11)
    pairs = [(first.parameters.theta, second.parameters.theta)]
    pairs += [(first.objective.gradients.theta, second.objective.gradients.theta)]
    for got, expected in pairs:
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-12)
    for name, tensor in second.state.tensors().items():
        torch.testing.assert_close(first.state.tensors()[name], tensor, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("loss", TASKS)
def test_each_loss(loss: str, from_the_first_step: None) -> None:
    assert_alike(trainer(loss), readable(loss))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_each_activation(activation: str, from_the_first_step: None) -> None:
    hidden = (activation, activation)
    assert_alike(trainer("softmax_cross_entropy", hidden), readable("softmax_cross_entropy", hidden))


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": AdamW(0.02, beta1=0.8, beta2=0.9, epsilon=1e-5, weight_decay=0.3)},
        {"l2": 0.7, "schedule": Cosine(3)},
        {"label_smoothing": 0.2, "label_smoothing_schedule": Cosine(3)},
        {"batch_size": 150},
        {"gradient_tolerance": 1e-9},
    ],
    ids=["adamw", "l2 and schedule", "smoothing", "whole set", "tolerance"],
)
@pytest.mark.parametrize("loss", ["binary_cross_entropy", "softmax_cross_entropy"])
def test_each_setting(loss: str, settings: dict[str, Any], from_the_first_step: None) -> None:
    assert_alike(trainer(loss, **settings), readable(loss, **settings))


def test_a_network_without_hidden_layers_and_in_single_precision(from_the_first_step: None) -> None:
    first, second = (make("squared_error", (), precision="float32") for make in (trainer, readable))
    assert first.compiled is not None
    one, other = first.run_epoch(), second.run_epoch()
    assert one.cost == pytest.approx(other.cost, rel=1e-5)
    torch.testing.assert_close(first.parameters.theta, second.parameters.theta, rtol=1e-4, atol=1e-6)


def test_a_divergence_is_seen_and_the_last_good_parameters_are_kept(from_the_first_step: None) -> None:
    made = trainer("squared_error", ("relu",), optimizer=Adam(1e200))
    with pytest.raises(DivergenceError, match="diverged"):
        for _ in range(20):
            made.run_epoch()
    assert torch.isfinite(made.parameters.theta).all()


@pytest.mark.parametrize(
    ("layers", "settings"),
    [
        ([Dense(4, "mish"), Dense(1)], {}),
        ([Dense(4, "relu"), Dropout(keep_prob=0.5), Dense(1)], {}),
        ([Dense(4), BatchNorm(), Dense(1)], {}),
        ([Dense(4, "relu", bias=False), Dense(1)], {}),
        ([Dense(4, "relu"), Dense(1)], {"optimizer": GradientDescent(0.1)}),
        ([Dense(4, "relu"), Dense(1)], {"l1": 0.1}),
        ([Dense(4, "relu"), Dense(1)], {"clip_norm": 1.0}),
    ],
)
def test_what_the_kernels_do_not_know_is_left_to_the_readable_form(layers: list[Any], settings: dict[str, Any]) -> None:
    network = Network(layers)
    assert not compiled_steps.compilable(network, "squared_error", TrainingSettings(**settings), (3,))
    assert compiled_steps.compilable(Network([Dense(1)]), "squared_error", TrainingSettings(), (3,))


def test_short_trainings_and_large_products_are_not_compiled() -> None:
    assert trainer("squared_error", epochs=10).compiled is None, "10 epochs of 5 steps"
    long = trainer("squared_error", epochs=10_000)
    assert long.compiled is not None
    large = trainer("squared_error", ("relu",), m=20_000, batch_size=20_000, epochs=100_000)
    assert large.compiled is None


def test_a_whole_training_ends_alike(from_the_first_step: None, monkeypatch: pytest.MonkeyPatch) -> None:
    _, target = TASKS["binary_cross_entropy"]
    x = torch.randn(300, 7, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    network = Network([Dense(8, "tanh"), Dense(1)])
    settings = TrainingSettings(epochs=30, batch_size=50, precision="float64", optimizer=Adam(0.02))
    compiled = fit(network, "binary_cross_entropy", Examples(x, target(x)), settings=settings)
    monkeypatch.setattr(compiled_steps, "LEAST_STEPS", float("inf"))
    plain = fit(network, "binary_cross_entropy", Examples(x, target(x)), settings=settings)
    torch.testing.assert_close(compiled.parameters.theta, plain.parameters.theta, rtol=1e-7, atol=1e-9)
