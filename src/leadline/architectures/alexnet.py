"""AlexNet (Krizhevsky et al., 2012; in the form for one GPU, Krizhevsky, 2014)."""

from __future__ import annotations

from leadline.architectures.architecture import FunctionArchitecture, Publication
from leadline.network import Convolution, Dense, Dropout, Flatten, MaxPool, Network


def alexnet(outputs: int = 1000, keep_prob: float = 0.5) -> Network:
    """Five convolutions and three dense layers; 61 100 840 parameters for (3, 224, 224) and 1000 outputs."""
    return Network(
        [
            Convolution(64, 11, stride=4, padding=2, activation="relu"),
            MaxPool(3, 2),
            Convolution(192, 5, padding="same", activation="relu"),
            MaxPool(3, 2),
            Convolution(384, 3, padding="same", activation="relu"),
            Convolution(256, 3, padding="same", activation="relu"),
            Convolution(256, 3, padding="same", activation="relu"),
            MaxPool(3, 2),
            Flatten(),
            Dropout(keep_prob=keep_prob),
            Dense(4096, "relu"),
            Dropout(keep_prob=keep_prob),
            Dense(4096, "relu"),
            Dense(outputs),
        ]
    )


TORCHVISION = Publication(
    "torchvision",
    (*(f"features.{i}" for i in (0, 3, 6, 8, 10)), *(f"classifier.{i}" for i in (1, 4, 6))),
)
ALEXNET = FunctionArchitecture("alexnet", alexnet, (3, 224, 224), 1000, (TORCHVISION,))
