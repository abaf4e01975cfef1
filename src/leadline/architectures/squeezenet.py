"""SqueezeNet 1.0 (Iandola et al., 2016): AlexNet's accuracy with a fiftieth of its parameters, by fire modules."""

from __future__ import annotations

from leadline.architectures.architecture import FunctionArchitecture, PixelScaling, Publication
from leadline.network import Concatenate, Convolution, Dropout, GlobalAveragePool, Layer, MaxPool, Network

FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
"""Filters that squeeze, and those that expand by 1×1 and by 3×3 each, of fire2 to fire9."""
POOLED_AFTER = (2, 6)


def squeezenet(outputs: int = 1000, keep_prob: float = 0.5) -> Network:
    """1 248 424 parameters for 1000 outputs; the last convolution, 1×1 and padded by 1, makes a map of each class."""
    layers: list[Layer] = [Convolution(96, 7, stride=2, activation="relu"), MaxPool(3, 2, "round_up")]
    for i, (squeeze, expand) in enumerate(FIRES):
        layers += fire(squeeze, expand)
        if i in POOLED_AFTER:
            layers.append(MaxPool(3, 2, "round_up"))
    head = [Dropout(keep_prob=keep_prob), Convolution(outputs, 1, padding=1, activation="relu"), GlobalAveragePool()]
    return Network([*layers, *head])


def fire(squeeze: int, expand: int) -> list[Layer]:
    """Few 1×1 filters, then ``expand`` of 1×1 and as many of 3×3 side by side."""
    one = Convolution(expand, 1, activation="relu")
    three = Convolution(expand, 3, padding="same", activation="relu")
    return [Convolution(squeeze, 1, activation="relu"), Concatenate([[one], [three]])]


CAFFE = Publication(
    "DeepScale",
    (
        "conv1",
        *(f"fire{i}/{part}" for i in range(2, 10) for part in ("squeeze1x1", "expand1x1", "expand3x3")),
        "conv10",
    ),
    pixels=PixelScaling((123 / 255, 117 / 255, 104 / 255), (1 / 255, 1 / 255, 1 / 255)),
    blue_first=True,
)
SQUEEZENET = FunctionArchitecture("squeezenet", squeezenet, (3, 227, 227), 1000, (CAFFE,))
