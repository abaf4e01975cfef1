from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor, nn

from leadline.equations.losses import LOSSES
from leadline.errors import UsageError
from leadline.network import (
    Activation,
    AveragePool,
    BatchNorm,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Image,
    Layer,
    MaxPool,
    Network,
    Parameters,
    Residual,
    ShapeError,
    SqueezeExcitation,
    gradient_check,
    layer_from_config,
)

HEAD = (GlobalAveragePool(), Dense(3))
NETWORKS = {
    "strides and paddings": (
        Convolution(4, 3, stride=2, padding="same", activation="tanh"),
        Convolution(3, (1, 2), padding=(0, 1, 2, 0), activation="swish"),
        Convolution(4, 3, padding="same_upper", stride=(1, 2), dilation=2, activation="hard_swish"),
        *HEAD,
    ),
    "groups and batch norm": (
        Convolution(4, 1),
        BatchNorm(activation="relu6"),
        Convolution(8, 3, padding=1, groups=4),
        BatchNorm(),
        Activation("sigmoid"),
        *HEAD,
    ),
    "pooling": (MaxPool(3, 2, 1), AveragePool(2, 1, "same_upper"), MaxPool((1, 2)), Flatten(), Dense(3)),
    "residual": (
        Residual([Convolution(2, 3, padding="same"), BatchNorm()], activation="relu"),
        Residual([Convolution(4, 3, 2, 1, activation="tanh")], [Convolution(4, 1, 2), BatchNorm()]),
        Residual([Residual([Activation("tanh")]), Activation("swish")], keep_prob=0.5),
        Residual([Dropout(keep_prob=0.7)]),
        *HEAD,
    ),
    "squeeze and excitation": (
        Convolution(4, 3),
        BatchNorm(activation="swish"),
        SqueezeExcitation(2, "swish"),
        SqueezeExcitation(3, gate="hard_swish"),
        *HEAD,
    ),
}
each_network = pytest.mark.parametrize("name", NETWORKS)


def batch(m: int = 6, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(5)
    x = torch.randn(m, 2, 9, 8, generator=random, dtype=torch.float64).to(dtype)
    return x, torch.randint(0, 3, (m,), generator=random)


@each_network
def test_gradient_check(name: str) -> None:
    check = gradient_check(Network(NETWORKS[name]), *batch(), "softmax_cross_entropy", entries=20)
    assert check.passed, str(check)


@each_network
def test_order_in_memory_does_not_matter(name: str) -> None:
    """Images with channels first or last, and rows of pixels, give the same outputs and gradients."""
    (x, y), network = batch(dtype=torch.float32), Network(NETWORKS[name])
    z, theta = passes(network, x, y)
    for own, given in (
        (network, x.contiguous(memory_format=torch.channels_last)),
        (Network([Image(9, 8, 2), *network]), x.permute(0, 2, 3, 1).flatten(1)),
    ):
        torch.testing.assert_close(passes(own, given, y), (z, theta), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_images_lie_channels_last_from_layer_to_layer(channels: int) -> None:
    """Also after a first image of one channel, which lies both ways."""
    network = Network([Convolution(4, 3), MaxPool(2), Convolution(4, 3), BatchNorm(), *HEAD])
    parameters, x = network.initialize((channels, 16, 16)), torch.randn(2, channels, 16, 16)
    for layer, p, memory in zip(network, parameters.layers, network.memories(parameters, training=True), strict=True):
        x = layer.forward(p, x, memory)
        assert x.dim() == 2 or x.stride(1) == 1


def passes(network: Network, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Output and gradient in training mode."""
    parameters = network.initialize(tuple(x.shape[1:]), dtype=x.dtype)
    memories = network.memories(parameters, True, torch.Generator().manual_seed(0))
    gradients = parameters.zeros_like()
    z = network.forward(parameters, x, memories).clone()
    network.backward(parameters, gradients, LOSSES["softmax_cross_entropy"].backward(z, y), memories)
    return z, gradients.theta


def test_passes_do_not_depend_on_those_before() -> None:
    """Buffers are reused from step to step, also with a short batch in between."""
    x, y = batch()
    network = Network([*NETWORKS["residual"][:-3], *NETWORKS["pooling"][:-1], Dense(3)])
    parameters, memories = network.initialize((2, 9, 8), dtype=torch.float64), None
    results = []
    for m in (6, 4, 6):
        generator, g = torch.Generator().manual_seed(0), parameters.zeros_like()
        memories = memories or network.memories(parameters, True)
        for memory in memories:
            memory.generator = generator
        z = network.forward(parameters, x[:m], memories).clone()
        network.backward(parameters, g, LOSSES["softmax_cross_entropy"].backward(z, y[:m]), memories)
        results.append((z, g.theta))
    assert torch.equal(results[0][0], results[2][0])
    assert torch.equal(results[0][1], results[2][1])


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(2, 4, 3, 2, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3, 1, 1), nn.ReLU()
        )
        self.shortcut = nn.Conv2d(2, 4, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


def test_residual_equals_torchs_modules() -> None:
    """T4.12: addition and its backward, against nn.Module and autograd."""
    (x, y), module = batch(), nn.Sequential(Block(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).double()
    body = [
        Convolution(4, 3, 2, 1),
        BatchNorm(activation="relu"),
        Convolution(4, 3, 1, "same"),
        Activation("relu"),
    ]
    network = Network([Residual(body, [Convolution(4, 1, 2)], "relu"), *HEAD])
    parameters = network.initialize((2, 9, 8), dtype=torch.float64)
    own = {
        "0.body.0.weight": "layers.0.body.0.weight",
        "0.body.1.weight": "layers.0.body.1.gamma",
        "0.body.1.bias": "layers.0.body.1.beta",
        "0.body.3.weight": "layers.0.body.2.weight",
        "0.body.3.bias": "layers.0.body.2.bias",
        "0.shortcut.weight": "layers.0.shortcut.0.weight",
        "0.shortcut.bias": "layers.0.shortcut.0.bias",
        "3.weight": "layers.2.weight",
        "3.bias": "layers.2.bias",
    }
    assert set(own.values()) == set(parameters.named())
    for theirs, tensor in module.named_parameters():
        parameters.named()[own[theirs]].copy_(tensor.detach())
    z, memories = module(x), network.memories(parameters, training=True)
    torch.testing.assert_close(network.forward(parameters, x, memories), z.detach(), rtol=0, atol=1e-12)
    nn.functional.cross_entropy(z, y).backward()
    gradients = parameters.zeros_like()
    network.backward(parameters, gradients, LOSSES["softmax_cross_entropy"].backward(z.detach(), y), memories)
    for theirs, tensor in module.named_parameters():
        assert tensor.grad is not None
        torch.testing.assert_close(gradients.named()[own[theirs]], tensor.grad, rtol=1e-10, atol=1e-12)


def test_depthwise_sees_one_channel_each() -> None:
    network = Network([Convolution(2, 3, groups=2, bias=False), GlobalAveragePool()])
    parameters = network.initialize((2, 9, 8), dtype=torch.float64)
    x, _ = batch()
    before = network.forward(parameters, x).clone()
    x[:, 1] += 1
    after = network.forward(parameters, x)
    assert torch.equal(after[:, 0], before[:, 0])
    assert not torch.isclose(after[:, 1], before[:, 1]).any()


@each_network
def test_config_round_trip(name: str) -> None:
    network = Network(NETWORKS[name])
    assert Network.from_config(network.config()) == network
    assert eval(repr(network)) == network
    assert hash(Network.from_config(network.config())) == hash(network)


def test_a_residual_is_a_nested_table() -> None:
    layer = Residual([Convolution(4, padding=(1, 2)), BatchNorm()], activation="relu")
    assert layer.config() == {
        "type": "residual",
        "body": [{"type": "convolution", "filters": 4, "padding": [1, 2], "bias": False}, {"type": "batch_norm"}],
        "activation": "relu",
    }
    assert layer.body[0] == Convolution(4, padding=(1, 2), bias=False)  # batch norm's shift takes its place


def test_depth_counts_the_longest_way() -> None:
    assert Network(NETWORKS["residual"]).depth == 1 + 1 + 1
    assert Network([*NETWORKS["strides and paddings"]]).depth == 4


def test_summary_counts_layers_inside_layers() -> None:
    body = [Convolution(4, 3, padding="same"), BatchNorm()]
    summary = Network([Residual(body, [Convolution(4, 1)])]).summary((2, 9, 8))
    assert summary.parameters == (4 * 2 * 9 + 8) + (4 * 2 + 4)
    assert summary.flops == 2 * 4 * 72 * 18 + 2 * 4 * 72 + 2 * 4 * 72 * 2 + 4 * 72


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (lambda: Convolution(0), "convolution: filters must be a whole number of at least 1, got 0"),
        (lambda: Convolution(4, size=(3, 0)), "convolution: size must be a whole number of at least 1, or two"),
        (lambda: Convolution(4, stride=1.5), "convolution: stride must be"),  # type: ignore[arg-type]
        (lambda: Convolution(4, padding="sane"), "convolution: unknown padding 'sane'. Did you mean 'same'"),
        (lambda: Convolution(4, padding=(1, 2, 3)), r"convolution: padding must be one of valid, same, same_upper"),  # type: ignore[arg-type]
        (lambda: Convolution(4, activation="swich"), "convolution: unknown activation 'swich'. Did you mean 'swish'"),
        (lambda: Convolution(4, initializer="hi"), "convolution: unknown initializer 'hi'"),
        (lambda: MaxPool(0), "max_pool: size must be"),
        (lambda: Residual(()), "residual: body must be at least one layer"),
        (lambda: Residual([Dense(3), "x"]), r"residual: body\[1\]: expected a layer"),  # type: ignore[list-item]
        (lambda: Residual([Dense(3)], keep_prob=0), "residual: keep_prob"),
        (lambda: Image(28, 0), "image: width must be"),
        (lambda: SqueezeExcitation(-1), "squeeze_excitation: units must be"),
    ],
)
def test_wrong_fields_are_usage_errors(layer: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        layer()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"type": "residual", "body": [{"type": "dens", "units": 3}]}, "residual.body[0]: unknown layer type 'dens'."),
        ({"type": "residual", "body": [{"type": "dense", "unit": 3}]}, "residual.body[0]: unknown key 'unit'"),
        ({"type": "convolution", "filter": 3}, "unknown key 'filter' of layer type 'convolution'. Did you mean"),
        ({"type": "pool", "size": 3}, "unknown layer type 'pool'."),
    ],
)
def test_wrong_tables_are_usage_errors(table: dict, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        layer_from_config(table)


@pytest.mark.parametrize(
    ("layers", "shape", "message"),
    [
        ([Convolution(4)], (784,), "put Image(height, width, channels) first"),
        ([Convolution(4)], (28, 28), "expects images of shape (channels, height, width), got (28, 28)"),
        ([Convolution(4, 5)], (1, 4, 9), "a window of 5×5 does not fit into an image of 4×9 pixels"),
        ([MaxPool(9, padding=1)], (1, 5, 9), "a window of 9×9 does not fit into an image of 5×9 pixels, 7×11 with"),
        ([MaxPool(2, padding=2)], (1, 8, 8), "padding must be at most half of the window"),
        ([Convolution(4, groups=4)], (6, 8, 8), "6 channels cannot be cut into 4 equal groups"),
        ([Convolution(4, groups=3)], (6, 8, 8), "4 filters cannot be cut into 3 equal groups"),
        ([Image(28, 28)], (783,), "expects examples of shape (784,) or (28, 28, 1), got (783,)"),
        ([Residual([Convolution(4)])], (2, 8, 8), "the body computes (4, 6, 6) and the shortcut (2, 8, 8)"),
        ([Residual([Dense(4)])], (2, 8, 8), "layers[0] Residual([Dense(4)]): body[0] Dense(4): expects inputs of"),
        ([GlobalAveragePool(), GlobalAveragePool()], (2, 8, 8), "layers[1] GlobalAveragePool(): expects images"),
    ],
)
def test_shapes_that_do_not_fit_name_the_layer(layers: list[Layer], shape: tuple[int, ...], message: str) -> None:
    """T1.14 for images."""
    with pytest.raises(ShapeError) as error:
        Network(layers).shapes(shape)
    assert message in str(error.value)
    assert str(error.value).startswith("layers[")


@pytest.mark.parametrize("activation", ["relu", "tanh", "leaky_relu"])
def test_a_rising_activation_may_follow_the_maximum(activation: str) -> None:
    """Before or after pooling: the same output and gradient, for any padding."""
    (x, y), results = batch(), []
    for early, late in ((activation, "linear"), ("linear", activation)):
        first = Convolution(4, 3, activation=early, initializer="he")
        network = Network([first, MaxPool(3, 2, 1, activation=late), Flatten(), Dense(3)])
        results.append(passes(network, x, y))
    torch.testing.assert_close(results[0], results[1], rtol=1e-12, atol=1e-14)


def test_stochastic_depth_keeps_the_expected_output() -> None:
    """Half of the examples lose the body; the mean over many is that of the whole network."""
    network = Network([Residual([Activation("linear")], keep_prob=0.5)])
    parameters = Parameters(network.layout((1, 1, 1)), torch.zeros(0))
    memories = network.memories(parameters, True, torch.Generator().manual_seed(0))
    y = network.forward(parameters, torch.ones(4000, 1, 1, 1), memories)
    assert set(y.flatten().tolist()) == {1.0, 3.0}
    assert y.mean().item() == pytest.approx(2, abs=0.06)
    assert torch.equal(network.forward(parameters, torch.ones(2, 1, 1, 1)), torch.full((2, 1, 1, 1), 2.0))
