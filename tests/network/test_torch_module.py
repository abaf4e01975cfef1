from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from leadline.equations.losses import LOSSES
from leadline.errors import UsageError
from leadline.network import Dense, Network, ShapeError, TorchModule, gradient_check, layer_from_config
from leadline.optimize import Adam
from leadline.training import Examples, TrainingSettings, fit


def backbone() -> nn.Module:
    """What an experiment file can name: convolutions, batch norm, dropout, and a parameter that nothing uses."""
    torch.manual_seed(3)
    module = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Tanh(), nn.Dropout(0.3), nn.Flatten())
    module.register_parameter("unused", nn.Parameter(torch.ones(2)))
    return module


def batch(seed: int = 0, m: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(m, 2, 5, 5, generator=random, dtype=torch.float64)
    return x, torch.randint(0, 3, (m,), generator=random)


def test_gradient_check() -> None:
    x, y = batch()
    network = Network([TorchModule(backbone()), Dense(4, "tanh"), TorchModule(nn.Linear(4, 3))])
    check = gradient_check(network, x, y, "softmax_cross_entropy")
    assert check.passed, str(check)
    assert {"layers.0.0.weight", "layers.0.1.bias", "layers.0.unused"} <= {row.name for row in check.rows}


def test_equals_the_module_in_output_gradient_and_running_statistics() -> None:
    module, (x, y) = nn.Sequential(nn.Linear(8, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3)).double(), batch()
    module.register_parameter("unused", nn.Parameter(torch.ones(2).double()))
    x = x.flatten(1)[:, :8]
    network = Network([TorchModule(module)])
    parameters = network.initialize((8,), dtype=torch.float64)
    memories, gradients = network.memories(parameters, training=True), parameters.zeros_like()
    gradients.theta.fill_(7)  # of the step before
    z = network.forward(parameters, x, memories)
    network.backward(parameters, gradients, LOSSES["softmax_cross_entropy"].backward(z, y), memories)
    module.train()
    torch.nn.functional.cross_entropy(module(x), y).backward()
    for name, tensor in module.named_parameters():
        expected = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
        torch.testing.assert_close(gradients.named()[f"layers.0.{name}"], expected, rtol=1e-10, atol=1e-12)
    running = parameters.named_statistics()
    torch.testing.assert_close(running["layers.0.1.running_mean"], module[1].running_mean, rtol=0, atol=1e-12)
    module.eval()
    torch.testing.assert_close(network.forward(parameters, x), module(x).detach(), rtol=0, atol=1e-12)


def test_training_moves_theta_and_leaves_the_module_alone() -> None:
    module, (x, y) = backbone(), batch(m=64)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    network = Network([TorchModule(module), Dense(3)])
    settings = TrainingSettings(epochs=30, batch_size=16, optimizer=Adam(0.03), seed=1)
    results = [fit(network, "softmax_cross_entropy", Examples.of(x, y, settings), None, settings) for _ in range(2)]
    assert results[0].history[-1].cost < 0.5 * results[0].history[0].cost
    assert torch.equal(results[0].parameters.theta, results[1].parameters.theta)  # its dropout is seeded too
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_noise_leaves_torchs_own_generator_alone() -> None:
    network, (x, _) = Network([TorchModule(nn.Dropout(0.5)), Dense(1)]), batch()
    parameters = network.initialize((50,), dtype=torch.float64)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    network.forward(parameters, x.flatten(1), network.memories(parameters, True, torch.Generator()))
    assert torch.equal(torch.rand(3), expected)


def test_penalties_act_on_weights_alone() -> None:
    layout = Network([TorchModule(nn.Linear(4, 3)), Dense(2)]).layout((4,))
    assert {slot.key for slot in layout.slots if slot.parameter.penalized} == {"layers.0.weight", "layers.1.weight"}
    assert layout.n_penalized == 4 * 3 + 3 * 2


def test_by_name_in_experiment_files() -> None:
    layer = TorchModule("torch.nn:Identity")
    assert layer.config() == {"type": "torch_module", "module": "torch.nn:Identity"}
    assert layer_from_config(layer.config()) == layer
    assert str(layer) == "TorchModule('torch.nn:Identity')"
    with pytest.raises(UsageError, match=r"TorchModule\(Identity\(…\)\) cannot be written"):
        TorchModule(nn.Identity()).config()


@pytest.mark.parametrize("module", ["torch.nn:Idontity", "no_such_package:f", "torch.nn", "os:getcwd", 3])
def test_what_makes_no_module_is_a_usage_error(module: object) -> None:
    with pytest.raises(UsageError, match=r"torch_module: .*package\.module:function"):
        TorchModule(module)  # type: ignore[arg-type]


def test_shapes_that_do_not_fit_name_the_layer() -> None:
    network = Network([TorchModule(nn.Linear(4, 3)), Dense(2)])
    with pytest.raises(ShapeError, match=re.escape("layers[0] TorchModule(Linear(…)): the module takes no inputs")):
        network.layout((5,))
    with pytest.raises(ShapeError, match="must return one tensor, got tuple"):
        Network([TorchModule(nn.LSTM(4, 3))]).layout((2, 4))
