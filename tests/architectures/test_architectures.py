"""T4.11 to T4.14: well-known networks by name, with the parameters that were published."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from leadline.architectures import ARCHITECTURES, architecture, cifar_resnet, lenet5, network_for
from leadline.errors import UsageError
from leadline.network import AveragePool, Convolution, Dense, GlobalAveragePool, Network, Residual, ShapeError
from leadline.optimize import Adam
from leadline.training import Examples, TrainingSettings, fit

PARAMETERS = {
    "lenet5": 61_706,
    "alexnet": 61_100_840,
    "vgg16": 138_357_544,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "mobilenet_v1": 4_231_976,
    "mobilenet_v2": 3_504_872,
    "squeezenet": 1_248_424,
    "efficientnet_b0": 5_288_548,
    "efficientnet_b1": 7_794_184,
    "efficientnet_b2": 9_109_994,
    "efficientnet_b3": 12_233_232,
    "efficientnet_b4": 19_341_616,
    "efficientnet_b5": 30_389_784,
    "efficientnet_b6": 43_040_704,
    "efficientnet_b7": 66_347_960,
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_published_parameter_counts(name: str) -> None:
    found = architecture(name)
    assert found.build(found.outputs).summary(found.input_shape).parameters == PARAMETERS[name]


@pytest.mark.parametrize(("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85)])
def test_t4_12_small_residual_networks(depth: int, millions: float) -> None:
    """The paper's counts; where a stage begins, our shortcut is a convolution, which adds about 0.003 million."""
    network = cifar_resnet(depth)
    assert network.summary((3, 32, 32)).parameters / 1e6 == pytest.approx(millions, abs=0.01)
    assert network.depth == depth


@pytest.mark.parametrize("depth", [18, 34, 50])
def test_t4_12_depth_counts_layers_with_weights(depth: int) -> None:
    assert ARCHITECTURES[f"resnet{depth}"].build().depth == depth


def test_t4_13_depthwise_separable_convolution_is_cheaper() -> None:
    """T4.13: 1/k + 1/f² of the products of a convolution with k filters of f×f: here 1/64 + 1/9, about an eighth."""
    image = (32, 56, 56)
    full = Network([Convolution(64, 3, padding="same")]).summary(image).flops
    parts = [Convolution(32, 3, padding="same", groups=32), Convolution(64, 1)]
    assert Network(parts).summary(image).flops / full == pytest.approx(1 / 64 + 1 / 9)


def test_t4_13_inverted_residuals_join_narrow_layers() -> None:
    blocks = [layer for layer in ARCHITECTURES["mobilenet_v2"].build() if isinstance(layer, Residual)]
    assert len(blocks) == 10
    for block in blocks:
        wide, last = block.body[0], block.body[-2]
        assert isinstance(wide, Convolution)
        assert isinstance(last, Convolution)
        assert wide.filters == 6 * last.filters
        assert block.activation == last.activation == "linear"


def test_t4_14_compound_scaling() -> None:
    """Each size needs about twice the work of the one before, 1.2 · 1.1² · 1.15² ≈ 1.9 times, and is deeper."""
    flops = []
    for size in range(8):
        found = ARCHITECTURES[f"efficientnet_b{size}"]
        flops.append(found.build().summary(found.input_shape).flops)
    assert flops[0] == pytest.approx(0.78e9, rel=0.03)
    assert all(1.3 < more / less < 2.5 for less, more in pairwise(flops))
    assert (flops[7] / flops[0]) ** (1 / 7) == pytest.approx(1.9, abs=0.05)


@pytest.mark.parametrize("name", sorted(set(ARCHITECTURES) - {"vgg16", "alexnet"}))
def test_names_make_values_that_round_trip(name: str) -> None:
    network = ARCHITECTURES[name].build(3)
    assert Network.from_config(network.config()) == network
    if name == "squeezenet":  # whose last convolution makes a map of each class
        assert network.layers[-1] == GlobalAveragePool()
        assert Convolution(3, 1, padding=1, activation="relu") in network.layers
    else:
        assert network.layers[-1] == Dense(3)


def test_unknown_names_are_usage_errors() -> None:
    with pytest.raises(UsageError, match=r"unknown architecture 'resnet21'\. Did you mean .*'resnet20'"):
        architecture("resnet21")


def test_lenet_by_the_paper() -> None:
    network = lenet5(activation="tanh", pooling="average")
    assert network.layers[1] == AveragePool(2)
    assert network.summary((1, 32, 32)).parameters == 61_706


@pytest.mark.parametrize(
    ("name", "image", "outputs"),
    [
        ("lenet5", (28, 28, 1), 10),
        ("lenet5", (32, 32, 3), 4),
        ("resnet20", (28, 28, 1), 10),
        ("resnet18", (64, 96, 3), 5),
        ("mobilenet_v2", (48, 48, 3), 2),
        ("efficientnet_b0", (40, 33, 4), 7),
        ("vgg16", (32, 32, 3), 10),
        ("alexnet", (64, 64, 3), 10),
    ],
)
def test_by_name_for_images_of_any_size(name: str, image: tuple[int, int, int], outputs: int) -> None:
    height, width, channels = image
    network = network_for(name, image, outputs)
    shapes = network.shapes((height * width * channels,))
    assert shapes[1] == (channels, height, width)
    assert shapes[-1] == (outputs,)
    if name == "lenet5" and height == 28:
        assert network.summary((784,)).parameters == 61_706  # as for 32×32


def test_images_that_are_too_small_are_told() -> None:
    with pytest.raises(ShapeError, match=r"layers\[8\] MaxPool\(size=3, stride=2\): a window of 3×3 does not fit"):
        network_for("alexnet", (32, 32, 3), 10)


@pytest.mark.parametrize("name", ["lenet5", "resnet20"])
def test_they_learn(name: str) -> None:
    """Bright quarters of noisy images, told apart after a few epochs."""
    random = torch.Generator().manual_seed(0)
    y = torch.randint(0, 4, (96,), generator=random)
    x = torch.randn(96, 16, 16, 1, generator=random)
    for i, quarter in enumerate(y.tolist()):
        x[i, 8 * (quarter // 2) :, 8 * (quarter % 2) :][:8, :8] += 1.5
    network = network_for(name, (16, 16, 1), 4)
    settings = TrainingSettings(epochs=12, batch_size=16, optimizer=Adam(0.003))
    found = fit(network, "softmax_cross_entropy", Examples.of(x.flatten(1), y, settings), None, settings)
    assert found.history[-1].train_error < 0.1
