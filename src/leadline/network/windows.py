"""What layers that move a window over images have in common: reading their fields, and images' shapes and memory."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from leadline.equations.convolution import (
    Pair,
    Sides,
    Window,
    output_size,
    round_up_padding,
    same_padding,
    same_upper_padding,
)
from leadline.errors import UsageError, nearest
from leadline.network.layer import LayerContext, Shape, ShapeError

PADDINGS = ("valid", "same", "same_upper", "round_up")
Size = int | tuple[int, int]
Padding = str | int | tuple[int, int] | tuple[int, int, int, int]


def check_count(layer: str, name: str, value: object, least: int = 1) -> None:
    """Raise `UsageError` unless ``value`` is a whole number of at least ``least``."""
    if not _whole(value, least):
        raise UsageError(f"{layer}: {name} must be a whole number of at least {least}, got {value!r}")


def check_size(layer: str, name: str, value: object, least: int = 1) -> None:
    """Raise `UsageError` unless ``value`` is a whole number or a pair of them, for rows and columns."""
    if not _whole(value, least) and not _wholes(value, (2,), least):
        raise UsageError(
            f"{layer}: {name} must be a whole number of at least {least}, or two for rows and columns, got {value!r}"
        )


def check_padding(layer: str, padding: object) -> None:
    """Raise `UsageError` for a padding that is neither a name, nor pixels for all, opposite, or single sides."""
    if isinstance(padding, str):
        if padding not in PADDINGS:
            raise UsageError(f"{layer}: unknown padding '{padding}'.{nearest(padding, PADDINGS)}")
    elif not _whole(padding, 0) and not _wholes(padding, (2, 4), 0):
        raise UsageError(
            f"{layer}: padding must be one of {', '.join(PADDINGS)}, or pixels: one number, (rows, columns) or "
            f"(top, bottom, left, right); got {padding!r}"
        )


def pair(value: Size) -> Pair:
    """One number for rows and columns, or one for each."""
    return (value, value) if isinstance(value, int) else value


def window_for(image: Shape, size: Size, stride: Size, padding: Padding, dilation: Size = 1) -> Window:
    """How a filter of ``size`` moves over an ``image`` (channels, height, width)."""
    return Window(pair(stride), _sides(image, pair(size), pair(stride), padding, pair(dilation)), pair(dilation))


def output_image(image: Shape, filters: int, size: Size, window: Window) -> Shape:
    """(filters, n_h, n_w); raises `ShapeError` where the filter is larger than the padded image."""
    top, bottom, left, right = window.padding
    (f_h, f_w), (height, width) = pair(size), image[1:]
    rows = output_size(height, f_h, window.stride[0], top + bottom, window.dilation[0])
    columns = output_size(width, f_w, window.stride[1], left + right, window.dilation[1])
    if rows < 1 or columns < 1:
        padded = f", {height + top + bottom}×{width + left + right} with padding" if any(window.padding) else ""
        raise ShapeError(f"a window of {f_h}×{f_w} does not fit into an image of {height}×{width} pixels{padded}")
    return (filters, rows, columns)


def check_image(shape: Shape) -> None:
    """Raise `ShapeError` unless ``shape`` is that of an image."""
    if len(shape) == 1:
        raise ShapeError(
            f"expects images of shape (channels, height, width), got {shape}; put Image(height, width, channels) first"
        )
    if len(shape) != 3:
        raise ShapeError(f"expects images of shape (channels, height, width), got {shape}")


def channels_last(x: Tensor, memory: LayerContext, name: str = "x") -> Tensor:
    """The images with all channels of a pixel together, as kernels like them; a copy only where they are not yet."""
    if not x.is_contiguous(memory_format=torch.channels_last):
        return memory.buffer(f"{name} channels last", x.shape, x).copy_(x)
    if x.shape[1] > 1 or not x.is_contiguous():
        return x
    # One channel lies both ways. Kernels go by the strides, and then compute the next images channels first.
    _, _, height, width = x.shape
    return x.as_strided(x.shape, (height * width, 1, width, 1))


def _sides(image: Shape, size: Pair, stride: Pair, padding: Padding, dilation: Pair) -> Sides:
    if padding == "valid":
        return (0, 0, 0, 0)
    if padding == "same":
        return (*same_padding(size[0], dilation[0]), *same_padding(size[1], dilation[1]))
    if padding == "same_upper":
        rows = same_upper_padding(image[1], size[0], stride[0], dilation[0])
        return (*rows, *same_upper_padding(image[2], size[1], stride[1], dilation[1]))
    if padding == "round_up":
        rows = round_up_padding(image[1], size[0], stride[0], dilation[0])
        columns = round_up_padding(image[2], size[1], stride[1], dilation[1])
        return (*rows, *columns)
    if isinstance(padding, int):
        return (padding,) * 4  # type: ignore[return-value]  # four numbers
    assert isinstance(padding, tuple)
    if len(padding) == 2:
        return (padding[0], padding[0], padding[1], padding[1])
    return padding


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _wholes(value: object, lengths: tuple[int, ...], least: int) -> bool:
    return isinstance(value, tuple) and len(value) in lengths and all(_whole(part, least) for part in value)


def onnx_window(size: Pair, window: Window) -> dict[str, Any]:
    """A window as the attributes of an ONNX operator."""
    top, bottom, left, right = window.padding
    return {"kernel_shape": list(size), "strides": list(window.stride), "pads": [top, left, bottom, right]}
