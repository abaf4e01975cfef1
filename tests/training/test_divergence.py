from __future__ import annotations

import pytest
import torch

from leadline.network import Dense, Dropout, Network
from leadline.optimize import Adam, GradientDescent
from leadline.training import Examples, Trainer, TrainingSettings, fit
from leadline.training.divergence import DivergenceError


def line(m: int = 300) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(m, 3, generator=torch.Generator().manual_seed(0))
    return x, x.sum(1, keepdim=True)


NETWORK = Network([Dense(8, "relu"), Dropout(keep_prob=0.9), Dense(8, "relu"), Dense(1)])


def test_divergence_stops_at_once_and_keeps_finite_parameters() -> None:
    """T2.19: far too high a learning rate ends in the first epoch, with an explanation of two lines."""
    settings = TrainingSettings(epochs=40, batch_size=10, optimizer=GradientDescent(1e6))
    result = fit(NETWORK, "squared_error", Examples.of(*line(), settings), None, settings)
    assert result.stopped == "diverged"
    assert not result.history
    assert torch.isfinite(result.parameters.theta).all()
    message = str(result.divergence)
    assert "epoch 1" in message
    assert "lower learning rate (now 1e+06)" in message
    assert len(message.splitlines()) == 2


@pytest.mark.parametrize("layer", [0, 2, 3])
def test_the_first_layer_that_is_not_finite_is_named(layer: int) -> None:
    """T2.19: a weight that overflows after some steps is found by replay, wherever the trouble spreads afterwards."""
    settings = TrainingSettings(epochs=2, batch_size=10, optimizer=Adam(1e-3))
    x, y = line()
    trainer = Trainer(NETWORK, "squared_error", Examples.of(x, y, settings), None, settings, NETWORK.initialize((3,)))
    trainer.run_epoch()
    trainer.parameters.layers[layer]["weight"].fill_(3e38)
    trainer.guard._good.copy_(trainer.parameters)
    with pytest.raises(DivergenceError, match=rf"the output of layers\[{layer}\] Dense"):
        trainer.run_epoch()


def test_the_last_good_parameters_are_those_of_the_last_finite_cost() -> None:
    """T2.19: replay restores θ, the optimizer and the noise, so it meets the same divergence at the same step."""
    settings = TrainingSettings(epochs=40, batch_size=10, optimizer=GradientDescent(0.5))
    x, y = line()
    x[17] *= 1e12  # one bad example, met at some step of the first epoch
    result = fit(NETWORK, "squared_error", Examples.of(x, y, settings), None, settings)
    assert result.stopped == "diverged"
    start = NETWORK.initialize((3,)).theta
    assert torch.isfinite(result.parameters.theta).all()
    assert not torch.equal(result.parameters.theta, start)
    z = NETWORK.forward(result.parameters, x[:17])
    assert torch.isfinite(z).all()


class Spikes:
    """Augmentation that now and then makes a batch infinite."""

    def __init__(self) -> None:
        self.generator = torch.Generator().manual_seed(2)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return x * float("inf") if torch.rand(1, generator=self.generator) < 0.02 else x


def test_a_batch_that_was_varied_is_replayed_as_it_was() -> None:
    settings = TrainingSettings(epochs=20, batch_size=10, optimizer=Adam(1e-3))
    examples = Examples.of(*line(1000), settings)
    done = fit(NETWORK, "squared_error", examples, None, settings, augment=Spikes())
    assert "the output of layers[0]" in str(done.divergence)
    assert torch.isfinite(done.parameters.theta).all()
