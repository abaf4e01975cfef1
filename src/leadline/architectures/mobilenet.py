"""MobileNet v1 and v2 (Howard et al., 2017; Sandler et al., 2018; course 4, MobileNet)."""

from __future__ import annotations

from leadline.architectures.architecture import FunctionArchitecture, PixelScaling, Publication
from leadline.network import BatchNorm, Convolution, Dense, Dropout, GlobalAveragePool, Layer, Network, Residual

V1_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
"""Filters and stride of each depthwise separable convolution."""

V2_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, filters, blocks, and the stride of the first block."""


def mobilenet_v1(
    outputs: int = 1000, width: float = 1.0, padding: str = "same", epsilon: float = 1e-5, keep_prob: float = 0.999
) -> Network:
    """Depthwise separable convolutions; 4 231 976 parameters for (3, 224, 224) and 1000 outputs.

    A full convolution of f×f over c channels with k filters costs c k f² products a pixel; a depthwise one and a 1×1
    one after it c f² + c k. ``width`` multiplies all numbers of filters.
    """
    filters = divisible(32 * width)
    layers: list[Layer] = [Convolution(filters, 3, 2, padding), BatchNorm(epsilon=epsilon, activation="relu6")]
    channels = filters
    for filters, stride in V1_BLOCKS:
        layers += depthwise(channels, 3, stride, padding, epsilon, "relu6")
        channels = divisible(filters * width)
        layers += [Convolution(channels, 1), BatchNorm(epsilon=epsilon, activation="relu6")]
    return Network([*layers, GlobalAveragePool(), Dropout(keep_prob=keep_prob), Dense(outputs)])


def mobilenet_v2(
    outputs: int = 1000, width: float = 1.0, padding: str = "same", epsilon: float = 1e-5, keep_prob: float = 0.8
) -> Network:
    """Inverted residuals: the shortcuts join narrow layers; 3 504 872 parameters for (3, 224, 224) and 1000 outputs."""
    channels = divisible(32 * width)
    layers: list[Layer] = [Convolution(channels, 3, 2, padding), BatchNorm(epsilon=epsilon, activation="relu6")]
    for expansion, base, count, first_stride in V2_STAGES:
        filters = divisible(base * width)
        for i in range(count):
            stride = first_stride if i == 0 else 1
            layers += inverted_residual(channels, filters, expansion, stride, padding, epsilon)
            channels = filters
    last = divisible(1280 * max(1.0, width))
    layers += [Convolution(last, 1), BatchNorm(epsilon=epsilon, activation="relu6")]
    return Network([*layers, GlobalAveragePool(), Dropout(keep_prob=keep_prob), Dense(outputs)])


def inverted_residual(
    channels: int, filters: int, expansion: int, stride: int, padding: str, epsilon: float
) -> list[Layer]:
    """Widen by a 1×1 convolution, filter each channel, narrow by a 1×1 one that stays linear; add x where that fits."""
    wide, body = channels * expansion, []
    if expansion > 1:
        body += [Convolution(wide, 1), BatchNorm(epsilon=epsilon, activation="relu6")]
    body += [
        *depthwise(wide, 3, stride, padding, epsilon, "relu6"),
        Convolution(filters, 1),
        BatchNorm(epsilon=epsilon),
    ]
    return [Residual(tuple(body))] if stride == 1 and channels == filters else body


def depthwise(
    channels: int, size: int, stride: int, padding: str, epsilon: float, activation: str
) -> tuple[Layer, Layer]:
    """One filter for each channel, and batch norm."""
    return (
        Convolution(channels, size, stride, padding, groups=channels),
        BatchNorm(epsilon=epsilon, activation=activation),
    )


def divisible(filters: float, by: int = 8) -> int:
    """The nearest multiple of ``by``, unless that takes away more than a tenth: then the next one."""
    rounded = max(by, int(filters + by / 2) // by * by)
    return rounded + by if rounded < 0.9 * filters else rounded


# TensorFlow's conventions, from which Hugging Face's weights come.
TENSORFLOW = {"padding": "same_upper", "epsilon": 1e-3}
FROM_MINUS_ONE = PixelScaling((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def _hugging_face_pairs(paths: list[str]) -> list[str]:
    return [f"{path}.{kind}" for path in paths for kind in ("convolution", "normalization")]


def _v2_hugging_face() -> tuple[str, ...]:
    paths = [f"mobilenet_v2.conv_stem.{part}" for part in ("first_conv", "conv_3x3", "reduce_1x1")]
    blocks = sum(count for _, _, count, _ in V2_STAGES) - 1
    for i in range(blocks):
        paths += [f"mobilenet_v2.layer.{i}.{part}" for part in ("expand_1x1", "conv_3x3", "reduce_1x1")]
    return (*_hugging_face_pairs([*paths, "mobilenet_v2.conv_1x1"]), "classifier")


def _v2_torchvision() -> tuple[str, ...]:
    prefixes = ["features.0.0", "features.0.1"]
    blocks = [expansion for expansion, _, count, _ in V2_STAGES for _ in range(count)]
    for i, expansion in enumerate(blocks, start=1):
        widened = 1 if expansion > 1 else 0
        for k in range(widened + 1):
            prefixes += [f"features.{i}.conv.{k}.0", f"features.{i}.conv.{k}.1"]
        prefixes += [f"features.{i}.conv.{widened + 1}", f"features.{i}.conv.{widened + 2}"]
    last = len(blocks) + 1
    return (*prefixes, f"features.{last}.0", f"features.{last}.1", "classifier.1")


_V1_PATHS = ["mobilenet_v1.conv_stem", *(f"mobilenet_v1.layer.{i}" for i in range(2 * len(V1_BLOCKS)))]
MOBILENET_V1 = FunctionArchitecture(
    "mobilenet_v1",
    mobilenet_v1,
    (3, 224, 224),
    1000,
    (Publication("Hugging Face", (*_hugging_face_pairs(_V1_PATHS), "classifier"), TENSORFLOW, FROM_MINUS_ONE),),
)
MOBILENET_V2 = FunctionArchitecture(
    "mobilenet_v2",
    mobilenet_v2,
    (3, 224, 224),
    1000,
    (
        Publication("torchvision", _v2_torchvision()),
        Publication("Hugging Face", _v2_hugging_face(), TENSORFLOW, FROM_MINUS_ONE),
    ),
)
