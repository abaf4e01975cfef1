from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from leadline.errors import LeadlineError, UsageError
from leadline.network import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Flatten,
    LayerContext,
    Network,
    Parameters,
    ShapeError,
)
from leadline.network.layer import Tensors

NETWORK = Network(
    [Flatten(), Dense(8, "relu"), Dense(6), BatchNorm(), Activation("tanh"), Dropout(keep_prob=0.8), Dense(3)]
)
CONFIG = [
    {"type": "flatten"},
    {"type": "dense", "units": 8, "activation": "relu"},
    {"type": "dense", "units": 6, "bias": False},
    {"type": "batch_norm"},
    {"type": "activation", "activation": "tanh"},
    {"type": "dropout", "keep_prob": 0.8},
    {"type": "dense", "units": 3},
]


def test_a_network_is_a_value() -> None:
    again = Network.from_config(CONFIG)
    assert again == NETWORK
    assert hash(again) == hash(NETWORK)
    assert NETWORK.config() == CONFIG
    assert again != Network([Dense(3)])
    assert len(NETWORK) == 7
    assert next(iter(NETWORK)) == Flatten()


def test_depth_counts_layers_with_weights() -> None:
    assert NETWORK.depth == 3


def test_bias_before_batch_norm_is_dropped_unless_asked_for() -> None:
    assert "layers.0.bias" not in Network([Dense(2), BatchNorm()]).initialize((3,)).named()
    assert "layers.0.bias" in Network([Dense(2, bias=True), BatchNorm()]).initialize((3,)).named()
    assert "layers.0.bias" in Network([Dense(2, "relu"), BatchNorm()]).initialize((3,)).named()


def test_parameters_are_views_into_one_vector_with_weights_first() -> None:
    parameters = NETWORK.initialize((2, 2))
    named = parameters.named()
    assert sum(t.numel() for t in named.values()) == parameters.theta.numel() == 8 * 4 + 8 + 6 * 8 + 12 + 3 * 6 + 3
    parameters.theta.fill_(7)
    assert all((t == 7).all() for t in named.values())
    n = parameters.layout.n_penalized
    assert n == 8 * 4 + 6 * 8 + 3 * 6
    parameters.theta[:n] = 0
    assert [name for name, t in named.items() if not t.any()] == [f"layers.{i}.weight" for i in (1, 2, 6)]


def test_copies_share_no_memory() -> None:
    parameters = NETWORK.initialize((2, 2))
    copy = parameters.clone()
    copy.theta.add_(1)
    copy.named_statistics()["layers.3.running_mean"].add_(1)
    assert not torch.equal(copy.theta, parameters.theta)
    assert not parameters.named_statistics()["layers.3.running_mean"].any()
    assert torch.equal(parameters.copy_(copy).theta, copy.theta)
    assert parameters.named_statistics()["layers.3.running_mean"].all()
    assert parameters.to("cpu", torch.float64).theta.dtype == torch.float64


def test_a_start_repeats_by_seed_and_does_not_depend_on_the_precision() -> None:
    single, double = (NETWORK.initialize((2, 2), seed=5, dtype=dtype) for dtype in (torch.float32, torch.float64))
    assert torch.equal(double.theta.float(), single.theta)
    assert not torch.equal(NETWORK.initialize((2, 2), seed=6).theta, single.theta)
    assert not single.named()["layers.1.bias"].any()
    assert (single.named()["layers.3.gamma"] == 1).all()


def test_prediction_uses_running_statistics_and_no_dropout() -> None:
    parameters = NETWORK.initialize((2, 2))
    x = torch.randn(5, 2, 2)
    z = NETWORK.forward(parameters, x).clone()
    torch.testing.assert_close(NETWORK.forward(parameters, x[:1]), z[:1])
    assert torch.equal(NETWORK.forward(parameters, x), z)


@pytest.mark.parametrize(
    ("loss", "activation"),
    [
        ("binary_cross_entropy", "sigmoid"),
        ("softmax_cross_entropy", "softmax"),
        ("multi_label_cross_entropy", "sigmoid"),
    ],
)
def test_the_output_activation_becomes_part_of_the_loss(loss: str, activation: str) -> None:
    logits = Network([Dense(4, "tanh"), Dense(3)])
    assert Network([Dense(4, "tanh"), Dense(3, activation)]).for_loss(loss) == logits
    assert Network([*logits, Activation(activation)]).for_loss(loss) == logits
    assert logits.for_loss(loss) == logits
    with pytest.raises(UsageError, match=r"layers\[1\] Dense.*'relu' does not go with"):
        Network([Dense(4), Dense(3, "relu")]).for_loss(loss)


def test_regression_keeps_its_output_activation() -> None:
    network = Network([Dense(1, "relu")])
    assert network.for_loss("squared_error") == network


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"type": "dens", "units": 3}, r"layers\[0\]: unknown layer type 'dens'. Did you mean 'dense'\?"),
        ({"type": 3}, "unknown layer type '3'"),
        ({"units": 3}, "a layer needs a type"),
        ("dense", "a layer is a table"),
        ({"type": "dense"}, "layer type 'dense' needs the key 'units'"),
        ({"type": "dense", "unit": 3}, r"unknown key 'unit' of layer type 'dense'. Did you mean 'units'\?"),
        ({"type": "dense", "units": 0}, "units must be a whole number of at least 1, got 0"),
        ({"type": "dense", "units": 2.5}, "units must be a whole number of at least 1, got 2.5"),
        ({"type": "dense", "units": True}, "units must be a whole number"),
        ({"type": "dense", "units": 3, "activation": "rellu"}, r"unknown activation 'rellu'. Did you mean 'relu'"),
        ({"type": "dense", "units": 3, "activation": ["relu"]}, "unknown activation"),
        ({"type": "dense", "units": 3, "initializer": "hee"}, r"unknown initializer 'hee'. Did you mean 'he'"),
        ({"type": "dense", "units": 3, "gain": -1}, "gain must be greater than 0, got -1"),
        ({"type": "dense", "units": 3, "gain": "big"}, "gain must be greater than 0, got 'big'"),
        ({"type": "dense", "units": 3, "gain": float("inf")}, "gain must be greater than 0, got inf"),
        ({"type": "dense", "units": 3, "bias": "no"}, "bias must be true or false, got 'no'"),
        ({"type": "dropout", "keep_prob": 0}, r"layers\[0\]: dropout: keep_prob must be .* got 0"),
        ({"type": "dropout", "keep_prob": 1.5}, "keep_prob must be greater than 0 and at most 1, got 1.5"),
        ({"type": "dropout", "keep_prob": float("nan")}, "got nan"),
        ({"type": "dropout", "keep_prob": "half"}, "got 'half'"),
        ({"type": "batch_norm", "decay": 1}, "decay must be at least 0 and less than 1, got 1"),
        ({"type": "batch_norm", "decay": "0.9"}, "decay must be .* got '0.9'"),
        ({"type": "batch_norm", "epsilon": 0}, "epsilon must be greater than 0, got 0"),
    ],
)
def test_wrong_tables_are_one_clear_error(table: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Network.from_config([table])


def test_what_is_no_layer_is_refused() -> None:
    with pytest.raises(UsageError, match="at least one layer"):
        Network([])
    with pytest.raises(UsageError, match=r"layers\[1\]: expected a layer .* got 'relu'"):
        Network([Dense(3), "relu"])  # type: ignore[list-item]  # the wrong type is what is tested


def parameters_for(n: int, dtype: torch.dtype = torch.float32) -> Parameters:
    return Network([Dense(4, "relu"), Dense(2)]).initialize((n,), dtype=dtype)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (
            torch.zeros(5, 3),
            r"layers\[0\] Dense.*: for inputs of shape \(3,\), weight must .* \(4, 3\); it has shape \(4, 7\)",
        ),
        (torch.zeros(5, 7, 2), r"layers\[0\] Dense.*expects inputs of shape \(n_in,\), got \(7, 2\); put Flatten"),
        (torch.zeros(5, 7, dtype=torch.float64), r"layers\[0\].*the inputs are float64 and the parameters float32"),
    ],
)
def test_inputs_that_do_not_fit_the_parameters_are_explained(x: torch.Tensor, message: str) -> None:
    with pytest.raises(LeadlineError, match=message):
        Network([Dense(4, "relu"), Dense(2)]).forward(parameters_for(7), x)


def test_parameters_of_another_network_are_explained() -> None:
    deeper = Network([Dense(4, "relu"), Dense(2), Dense(2)])
    with pytest.raises(ShapeError, match=r"layers\[2\] Dense.*weight must have shape \(2, 2\); there is none"):
        deeper.forward(parameters_for(7), torch.zeros(5, 7), [LayerContext() for _ in range(3)])


def test_errors_of_a_layer_of_ones_own_are_not_hidden() -> None:
    @dataclass(frozen=True)
    class Raising(Flatten):
        def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
            raise RuntimeError("its own reason")

    with pytest.raises(RuntimeError, match="its own reason"):
        Network([Raising()]).forward(Network([Raising()]).initialize((3,)), torch.zeros(2, 3))
