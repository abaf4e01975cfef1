"""Every layer, run in onnxruntime, computes what Leadline computes at prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn
from typing_extensions import override

from leadline.architectures import ARCHITECTURES, network_for
from leadline.data import Preparation, read
from leadline.equations.activations import ACTIVATIONS
from leadline.errors import LeadlineError
from leadline.export import onnx_model
from leadline.network import (
    Activation,
    AveragePool,
    BatchNorm,
    Concatenate,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Image,
    Layer,
    MaxPool,
    Network,
    PeriodicEmbedding,
    PiecewiseEmbedding,
    Residual,
    SqueezeExcitation,
    TorchModule,
)
from leadline.network.layer import LayerContext, Shape, Tensors
from leadline.runs.trained import TrainedNetwork
from leadline.training.population import trains_in_population

SAME = Convolution(4, 3, padding="same", activation="relu")


def trained(network: Network, images: np.ndarray) -> TrainedNetwork:
    """The network at a start in which every parameter and every running average is different."""
    data = read(images, np.arange(len(images)) % 3, task="multiclass")
    preparation = Preparation.fit(data, np.arange(len(images)))
    parameters = network.initialize((preparation.n_inputs,), seed=1)
    random = torch.Generator().manual_seed(2)
    parameters.theta.add_(0.05 * torch.randn(parameters.theta.shape, generator=random))
    for name, tensor in parameters.named_statistics().items():
        tensor.add_((0.3 if "mean" in name else 0.5) * torch.rand(tensor.shape, generator=random))
    loss = "softmax_cross_entropy"
    return TrainedNetwork(network.for_loss(loss), parameters, preparation, loss, data.task, data.classes)


def by_onnx(network: TrainedNetwork, images: np.ndarray) -> np.ndarray:
    model = onnx_model(network.network, network.parameters, network.preparation, network.loss)
    session: Any = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names, probabilities = session.run(None, {"inputs": images})
    assert names.tolist() == network.predict(images).tolist()
    return probabilities


def pixels(n: int = 6, height: int = 9, width: int = 8, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, height, width, channels)).astype(np.float32)


BODIES: dict[str, list[Layer]] = {
    "flatten": [Flatten(), Dense(7, "tanh"), Dropout(keep_prob=0.5), BatchNorm(epsilon=0.1, activation="sigmoid")],
    "periodic": [Flatten(), PeriodicEmbedding((3, 0, 100), scale=0.6)],
    "periodic of all": [Flatten(), Dense(4), PeriodicEmbedding(units=2)],
    "piecewise": [Flatten(), PiecewiseEmbedding((3, 0, 100), bins=4)],
    "valid": [Convolution(4, (3, 2), activation="leaky_relu"), BatchNorm()],
    "same upper": [Convolution(4, (4, 2), 2, "same_upper", activation="swish")],
    "four sides": [Convolution(4, 3, (2, 1), (0, 1, 2, 0), bias=False), Activation("hard_swish")],
    "dilated in groups": [Convolution(4, 3, padding="same", groups=2, dilation=2, activation="relu6")],
    "largest": [SAME, MaxPool(3, 2, "same_upper"), BatchNorm(activation="relu")],
    "mean": [SAME, AveragePool(3, 2, 1, activation="tanh")],
    "residual": [SAME, Residual([Convolution(4, padding="same"), BatchNorm()], activation="relu", keep_prob=0.5)],
    "shortcut": [Residual([Convolution(6, padding="same")], [Convolution(6, 1)])],
    "squeezed": [SAME, SqueezeExcitation(3, gate="sigmoid")],
    "mean of channels": [SAME, GlobalAveragePool()],
    "side by side": [SAME, Concatenate([[Convolution(3, 1)], [], [Convolution(2, 3, padding="same")]])],
    "rounded up": [SAME, MaxPool(3, 2, "round_up")],
}


@pytest.mark.parametrize("name", BODIES)
def test_layers(name: str) -> None:
    body = [Image(9, 8, 2), *BODIES[name]]
    flat = isinstance(body[-1], GlobalAveragePool) or isinstance(body[1], Flatten)
    network = trained(Network([*body, *([] if flat else [Flatten()]), Dense(3)]), pixels())
    expected = network.predict_probabilities(pixels())
    assert np.allclose(by_onnx(network, pixels()), expected, atol=1e-5, rtol=1e-5)
    assert expected.std(axis=0).min() > 1e-4  # the examples differ


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(activation: str) -> None:
    network = trained(Network([Dense(5), Activation(activation), Dense(4, activation), Dense(3)]), pixels())
    assert np.allclose(by_onnx(network, pixels()), network.predict_probabilities(pixels()), atol=1e-5)


@pytest.mark.parametrize("name", ["lenet5", "resnet20", "mobilenet_v2"])
def test_architectures(name: str) -> None:
    assert name in ARCHITECTURES
    images = pixels(3, 32, 32, 3)
    network = trained(network_for(name, (32, 32, 3), 3), images)
    assert np.allclose(by_onnx(network, images), network.predict_probabilities(images), atol=1e-5)


@dataclass(frozen=True)
class Halved(Dense):
    """A layer of somebody's own, whose forward pass is another than that of the class it is made from."""

    def forward(self, p: Tensors, x: torch.Tensor, memory: LayerContext) -> torch.Tensor:
        return super().forward(p, x, memory) / 2


@pytest.mark.parametrize("layer", [Halved(3), TorchModule(nn.Linear(4, 3))])
def test_a_layer_that_cannot_be_exported_is_named(layer: Layer) -> None:
    network = trained(Network([Dense(4), layer, Dense(3)]), pixels())
    with pytest.raises(LeadlineError, match=rf"^layers\.1 {type(layer).__name__}\(.*cannot be exported") as caught:
        onnx_model(network.network, network.parameters, network.preparation, network.loss)
    assert "\n" not in str(caught.value)


@dataclass(frozen=True)
class Scaled(Layer):
    """A user's layer that says how it is written, and that it computes for a population as it is."""

    factor: float = 2.0

    @property
    @override
    def in_population(self) -> Layer:
        return self

    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def forward(self, p: Tensors, x: torch.Tensor, memory: LayerContext) -> torch.Tensor:
        return x * self.factor

    def backward(self, p: Tensors, g: Tensors, d_y: torch.Tensor, memory: LayerContext) -> torch.Tensor:
        return d_y * self.factor

    @override
    def onnx(self, export: Any, value: str) -> str:
        return export.graph.add("Mul", value, export.array(torch.tensor(self.factor), "factor"))


@dataclass(frozen=True)
class Doubled(Scaled):
    """Another forward pass: what was said of the first does not hold for it."""

    def forward(self, p: Tensors, x: torch.Tensor, memory: LayerContext) -> torch.Tensor:
        return 2 * x * self.factor


def test_a_layer_of_ones_own_says_how_it_is_exported() -> None:
    network = trained(Network([Dense(4), Scaled(0.5), Dense(3)]), pixels())
    assert np.allclose(by_onnx(network, pixels()), network.predict_probabilities(pixels()), atol=1e-5)
    other = trained(Network([Dense(4), Doubled(0.5), Dense(3)]), pixels())
    with pytest.raises(LeadlineError, match=r"layers\.1 Doubled.*cannot be exported"):
        onnx_model(other.network, other.parameters, other.preparation, other.loss)


def test_what_is_said_of_a_forward_pass_does_not_hold_for_another() -> None:
    assert trains_in_population(Network([Dense(4), Scaled(), Dense(3)]))
    assert not trains_in_population(Network([Dense(4), Doubled(), Dense(3)]))
    assert Scaled.says("onnx") and not Doubled.says("onnx")
