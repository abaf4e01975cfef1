"""Residual networks (He et al., 2016; course 4, ResNets)."""

from __future__ import annotations

from collections.abc import Sequence

from leadline.architectures.architecture import Architecture, FunctionArchitecture, Publication
from leadline.network import BatchNorm, Convolution, Dense, GlobalAveragePool, Layer, MaxPool, Network, Residual

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
WIDTHS = (64, 128, 256, 512)


def resnet(depth: int, outputs: int = 1000) -> Network:
    """ResNet-18, 34 or 50 for large images: 11 689 512, 21 797 672 and 25 557 032 parameters with 1000 outputs."""
    block = bottleneck_block if depth == 50 else basic_block
    layers: list[Layer] = [
        Convolution(64, 7, stride=2, padding="same"),
        BatchNorm(activation="relu"),
        MaxPool(3, 2, padding="same"),
    ]
    channels = 64
    for stage, (filters, count) in enumerate(zip(WIDTHS, BLOCKS[depth], strict=True)):
        for i in range(count):
            layers.append(block(channels, filters, stride=2 if stage > 0 and i == 0 else 1))
            channels = filters if depth < 50 else 4 * filters
    return Network([*layers, GlobalAveragePool(), Dense(outputs)])


def cifar_resnet(depth: int, outputs: int = 10) -> Network:
    """ResNet-20, 32, 44 or 56 for small images: 6 n + 2 layers, in three stages of 16, 32 and 64 filters.

    About 0.27, 0.47, 0.66 and 0.86 million parameters with 10 outputs. Where a stage begins, the shortcut is a 1×1
    convolution, as in the larger networks.
    """
    layers: list[Layer] = [Convolution(16, 3, padding="same"), BatchNorm(activation="relu")]
    channels = 16
    for filters in (16, 32, 64):
        for i in range((depth - 2) // 6):
            layers.append(basic_block(channels, filters, stride=2 if filters > 16 and i == 0 else 1))
            channels = filters
    return Network([*layers, GlobalAveragePool(), Dense(outputs)])


def basic_block(channels: int, filters: int, stride: int) -> Residual:
    """Two 3×3 convolutions."""
    body = (
        Convolution(filters, 3, stride, "same"),
        BatchNorm(activation="relu"),
        Convolution(filters, 3, padding="same"),
        BatchNorm(),
    )
    return Residual(body, _shortcut(channels, filters, stride), activation="relu")


def bottleneck_block(channels: int, filters: int, stride: int) -> Residual:
    """A 1×1 convolution to few channels, a 3×3 one among them, which takes the stride, and a 1×1 one to four times."""
    body = (
        Convolution(filters, 1),
        BatchNorm(activation="relu"),
        Convolution(filters, 3, stride, "same"),
        BatchNorm(activation="relu"),
        Convolution(4 * filters, 1),
        BatchNorm(),
    )
    return Residual(body, _shortcut(channels, 4 * filters, stride), activation="relu")


def _shortcut(channels: int, filters: int, stride: int) -> Sequence[Layer]:
    """x itself where the shapes are equal, else a 1×1 convolution."""
    return () if stride == 1 and channels == filters else (Convolution(filters, 1, stride), BatchNorm())


def _publication(publisher: str, depth: int) -> Publication:
    torchvision = publisher == "torchvision"
    embedder = ["resnet.embedder.embedder.convolution", "resnet.embedder.embedder.normalization"]
    prefixes = ["conv1", "bn1"] if torchvision else embedder
    for stage, count in enumerate(BLOCKS[depth]):
        for i in range(count):
            parts = [(f"conv{k + 1}", f"bn{k + 1}") for k in range(3 if depth == 50 else 2)]
            block, shortcut = f"layer{stage + 1}.{i}", ("downsample.0", "downsample.1")
            if not torchvision:
                block, shortcut = f"resnet.encoder.stages.{stage}.layers.{i}", _pair("shortcut")
                parts = [_pair(f"layer.{k}") for k in range(len(parts))]
            prefixes += [f"{block}.{name}" for part in parts for name in part]
            if i == 0 and (stage > 0 or depth == 50):
                prefixes += [f"{block}.{name}" for name in shortcut]
    return Publication(publisher, (*prefixes, "fc" if torchvision else "classifier.1"))


def _pair(path: str) -> tuple[str, str]:
    return f"{path}.convolution", f"{path}.normalization"


def _resnet(depth: int) -> Architecture:
    publications = tuple(_publication(publisher, depth) for publisher in ("torchvision", "Hugging Face"))
    return FunctionArchitecture(
        f"resnet{depth}", lambda outputs=1000: resnet(depth, outputs), (3, 224, 224), 1000, publications
    )


def _cifar_resnet(depth: int) -> Architecture:
    return FunctionArchitecture(f"resnet{depth}", lambda outputs=10: cifar_resnet(depth, outputs), (3, 32, 32), 10)


RESNETS = (*(_resnet(depth) for depth in BLOCKS), *(_cifar_resnet(depth) for depth in (20, 32, 44, 56)))
