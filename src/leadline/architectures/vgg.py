"""VGG-16 (Simonyan and Zisserman, 2015; course 4, classic networks)."""

from __future__ import annotations

from leadline.architectures.architecture import FunctionArchitecture, Publication
from leadline.network import Convolution, Dense, Dropout, Flatten, Layer, MaxPool, Network

STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


def vgg16(outputs: int = 1000, keep_prob: float = 0.5) -> Network:
    """Thirteen 3×3 convolutions in five stages, each half as large as the one before, and three dense layers.

    138 357 544 parameters for (3, 224, 224) and 1000 outputs.
    """
    layers: list[Layer] = []
    for filters, count in STAGES:
        layers += [Convolution(filters, 3, padding="same", activation="relu")] * count
        layers.append(MaxPool(2))
    layers += [
        Flatten(),
        Dense(4096, "relu"),
        Dropout(keep_prob=keep_prob),
        Dense(4096, "relu"),
        Dropout(keep_prob=keep_prob),
    ]
    return Network([*layers, Dense(outputs)])


TORCHVISION = Publication(
    "torchvision",
    (
        *(f"features.{i}" for i in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)),
        *(f"classifier.{i}" for i in (0, 3, 6)),
    ),
)
VGG16 = FunctionArchitecture("vgg16", vgg16, (3, 224, 224), 1000, (TORCHVISION,))
