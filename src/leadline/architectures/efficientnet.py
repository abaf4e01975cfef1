"""EfficientNet B0 to B7 (Tan and Le, 2019; course 4, EfficientNet)."""

from __future__ import annotations

import math
from typing import NamedTuple

from leadline.architectures.architecture import Architecture, FunctionArchitecture, Publication
from leadline.architectures.mobilenet import TENSORFLOW, depthwise, divisible
from leadline.network import (
    BatchNorm,
    Convolution,
    Dense,
    Dropout,
    GlobalAveragePool,
    Layer,
    Network,
    Residual,
    SqueezeExcitation,
)


class BlockStage(NamedTuple):
    """Blocks of one size in B0; the first one takes the stride."""

    expansion: int
    size: int
    stride: int
    filters: int
    blocks: int


class CompoundScale(NamedTuple):
    """Compound scaling: by how much wider, deeper and larger than B0, and how much more dropout."""

    width: float
    depth: float
    resolution: int
    keep_prob: float


STAGES = (
    BlockStage(1, 3, 1, 16, 1),
    BlockStage(6, 3, 2, 24, 2),
    BlockStage(6, 5, 2, 40, 2),
    BlockStage(6, 3, 2, 80, 3),
    BlockStage(6, 5, 1, 112, 3),
    BlockStage(6, 5, 2, 192, 4),
    BlockStage(6, 3, 1, 320, 1),
)
SCALES = (
    CompoundScale(1.0, 1.0, 224, 0.8),
    CompoundScale(1.0, 1.1, 240, 0.8),
    CompoundScale(1.1, 1.2, 260, 0.7),
    CompoundScale(1.2, 1.4, 300, 0.7),
    CompoundScale(1.4, 1.8, 380, 0.6),
    CompoundScale(1.6, 2.2, 456, 0.6),
    CompoundScale(1.8, 2.6, 528, 0.5),
    CompoundScale(2.0, 3.1, 600, 0.5),
)
SURVIVAL = 0.8
"""Stochastic depth: the last block is kept with this probability, the first one always, those between in between."""


def efficientnet(
    size: int, outputs: int = 1000, padding: str = "same", epsilon: float = 1e-5, survival: float = SURVIVAL
) -> Network:
    """EfficientNet-B``size``; B0 has 5 288 548 parameters for (3, 224, 224) and 1000 outputs.

    Compound scaling multiplies width by 1.1ᵠ, depth by 1.2ᵠ and resolution by 1.15ᵠ, so that the work about doubles
    with φ; the published sizes round these.
    """
    scale = SCALES[size]
    channels, blocks, total = divisible(32 * scale.width), 0, sum(blocks_of(scale))
    layers: list[Layer] = [Convolution(channels, 3, 2, padding), BatchNorm(epsilon=epsilon, activation="swish")]
    for stage, count in zip(STAGES, blocks_of(scale), strict=True):
        filters = divisible(stage.filters * scale.width)
        for i in range(count):
            first = stage._replace(filters=filters, stride=stage.stride if i == 0 else 1)
            layers += mobile_block(channels, first, padding, epsilon, 1 - (1 - survival) * blocks / total)
            channels, blocks = filters, blocks + 1
    layers += [Convolution(4 * channels, 1), BatchNorm(epsilon=epsilon, activation="swish")]
    return Network([*layers, GlobalAveragePool(), Dropout(keep_prob=scale.keep_prob), Dense(outputs)])


def mobile_block(channels: int, stage: BlockStage, padding: str, epsilon: float, keep_prob: float) -> list[Layer]:
    """An inverted residual with squeeze-and-excitation, to a quarter of the block's input channels."""
    wide, body = channels * stage.expansion, []
    if stage.expansion > 1:
        body += [Convolution(wide, 1), BatchNorm(epsilon=epsilon, activation="swish")]
    body += [
        *depthwise(wide, stage.size, stage.stride, padding, epsilon, "swish"),
        SqueezeExcitation(max(1, channels // 4), "swish"),
        Convolution(stage.filters, 1),
        BatchNorm(epsilon=epsilon),
    ]
    if stage.stride == 1 and channels == stage.filters:
        return [Residual(tuple(body), keep_prob=keep_prob)]
    return body


def blocks_of(scale: CompoundScale) -> list[int]:
    """How many blocks each stage has."""
    return [math.ceil(stage.blocks * scale.depth) for stage in STAGES]


def _torchvision(size: int) -> tuple[str, ...]:
    prefixes = ["features.0.0", "features.0.1"]
    for k, (stage, count) in enumerate(zip(STAGES, blocks_of(SCALES[size]), strict=True), start=1):
        for i in range(count):
            block, first = f"features.{k}.{i}.block", 1 if stage.expansion > 1 else 0
            for part in range(first + 1):
                prefixes += [f"{block}.{part}.0", f"{block}.{part}.1"]
            prefixes += [f"{block}.{first + 1}.fc1", f"{block}.{first + 1}.fc2"]
            prefixes += [f"{block}.{first + 2}.0", f"{block}.{first + 2}.1"]
    return (*prefixes, "features.8.0", "features.8.1", "classifier.1")


def _hugging_face(size: int) -> tuple[str, ...]:
    prefixes = ["efficientnet.embeddings.convolution", "efficientnet.embeddings.batchnorm"]
    stages = [stage for stage, n in zip(STAGES, blocks_of(SCALES[size]), strict=True) for _ in range(n)]
    for i, stage in enumerate(stages):
        parts = ["expansion.expand_conv", "expansion.expand_bn"] if stage.expansion > 1 else []
        parts += ["depthwise_conv.depthwise_conv", "depthwise_conv.depthwise_norm"]
        parts += ["squeeze_excite.reduce", "squeeze_excite.expand", "projection.project_conv", "projection.project_bn"]
        prefixes += [f"efficientnet.encoder.blocks.{i}.{part}" for part in parts]
    return (*prefixes, "efficientnet.encoder.top_conv", "efficientnet.encoder.top_bn", "classifier")


def _architecture(size: int) -> Architecture:
    side = SCALES[size].resolution
    torchvision = Publication("torchvision", _torchvision(size), {"epsilon": 1e-5 if size < 5 else 1e-3})
    publications = (torchvision, Publication("Hugging Face", _hugging_face(size), TENSORFLOW))

    def build(outputs: int = 1000, padding: str = "same", epsilon: float = 1e-5) -> Network:
        return efficientnet(size, outputs, padding, epsilon)

    return FunctionArchitecture(f"efficientnet_b{size}", build, (3, side, side), 1000, publications)


EFFICIENTNETS = tuple(_architecture(size) for size in range(len(SCALES)))
