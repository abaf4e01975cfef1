"""Convolution of images and its backward form (course 4, foundations of convolutional networks).

What networks call convolution is a cross-correlation: the filter is laid on the image as it is, not flipped. With
filter k, channel c, filter row u and column v, stride s, padding p and dilation d::

    z[k, i, j] = b[k] + Σ_c Σ_u Σ_v  w[k, c, u, v] · x[c, s i + d u − p, s j + d v − p]

and x is 0 outside the image. Shapes: ``x (m, channels, height, width)``, ``weight (filters, channels/groups, f_h,
f_w)``, ``bias (filters,)``, ``z (m, filters, n_h, n_w)`` with n by `output_size`. ``groups`` cuts channels and filters
into as many parts that see only each other; with as many groups as channels the convolution is depthwise.

**Backward.** Each product w · x adds to one z, so each of the three derivatives collects the same products::

    dw[k, c, u, v] = Σ_m Σ_ij d_z[k, i, j] · x[c, s i + d u − p, s j + d v − p]
    db[k]          = Σ_m Σ_ij d_z[k, i, j]
    d_x[c, s i + d u − p, s j + d v − p] += Σ_k w[k, c, u, v] · d_z[k, i, j]

The last line runs over all i, j, u, v: it is a convolution of d_z with the flipped filter, spread out by the stride.

Every function stands twice: on the machine's kernel, and as an ``…_equation`` that spells out the formula.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]

# The kernel that autograd calls too; it is given the derivative and computes no graph.
_backward_kernel = torch.ops.aten.convolution_backward.default


class Window(NamedTuple):
    """How a filter moves over an image, for rows and columns; ``padding`` is (top, bottom, left, right)."""

    stride: Pair = (1, 1)
    padding: Sides = (0, 0, 0, 0)
    dilation: Pair = (1, 1)

    @property
    def even_padding(self) -> Pair | None:
        """(rows, columns) when opposite sides have the same padding, as kernels want it; else None."""
        top, bottom, left, right = self.padding
        return (top, left) if top == bottom and left == right else None


VALID = Window()
"""Every position, no margin: the valid convolution of the textbooks."""


def output_size(n: int, size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """``⌊(n + padding − f)/s⌋ + 1`` positions of a filter of ``size`` f along n pixels, less than 1 if it does not fit.

    ``padding`` is that of both sides together: 2p. A dilated filter covers f = d (size − 1) + 1 pixels.
    """
    return (n + padding - (dilation * (size - 1) + 1)) // stride + 1


def same_padding(size: int, dilation: int = 1) -> Pair:
    """(before, after) that keep the image's size at stride 1: p = (f − 1)/2 each; the odd pixel goes after."""
    total = dilation * (size - 1)
    return total // 2, total - total // 2


def same_upper_padding(n: int, size: int, stride: int = 1, dilation: int = 1) -> Pair:
    """(before, after), no more than ⌈n/s⌉ positions need; the odd pixel goes after (TensorFlow's and ONNX's rule)."""
    total = max((-(-n // stride) - 1) * stride + dilation * (size - 1) + 1 - n, 0)
    return total // 2, total - total // 2


def round_up_padding(n: int, size: int, stride: int = 1, dilation: int = 1) -> Pair:
    """(before, after) with which n = ⌈(n − f)/s⌉ + 1: what the last whole window leaves gets one (Caffe)."""
    return 0, max(-(n - dilation * (size - 1) - 1) % stride, 0)


# ----- forward


def convolution(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, window: Window = VALID, groups: int = 1
) -> Tensor:
    """z, by the machine's kernel."""
    padding = window.even_padding
    if padding is None:
        x, padding = pad(x, window.padding), (0, 0)
    return torch.convolution(x, weight, bias, window.stride, padding, window.dilation, False, (0, 0), groups)


def convolution_equation(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, window: Window = VALID, groups: int = 1
) -> Tensor:
    """z, as a matrix product of every patch of the image with every filter."""
    seen = _grouped(patches(pad(x, window.padding), (weight.shape[2], weight.shape[3]), window), groups)
    filters = weight.unflatten(0, (groups, -1))
    z = torch.einsum("mgcijuv,gkcuv->mgkij", seen, filters).flatten(1, 2)
    return z if bias is None else z + bias[:, None, None]


def true_convolution(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, window: Window = VALID, groups: int = 1
) -> Tensor:
    """The convolution of mathematics: the filter is flipped both ways, which makes the operation associative."""
    return convolution(x, weight.flip(-1, -2), bias, window, groups)


# ----- backward


def convolution_backward_parameters(
    d_z: Tensor, x: Tensor, weight: Tensor, window: Window = VALID, groups: int = 1, bias: bool = True
) -> tuple[Tensor, Tensor | None]:
    """(dw, db), db only with ``bias``; of ``weight`` only the shape matters."""
    padding = window.even_padding
    if padding is None:
        x, padding = pad(x, window.padding), (0, 0)
    _, d_w, d_b = _backward(d_z, x, weight, window, padding, groups, (False, True, bias))
    return d_w, (d_b if bias else None)


def convolution_backward_input(
    d_z: Tensor, x: Tensor, weight: Tensor, window: Window = VALID, groups: int = 1
) -> Tensor:
    """d_x, shaped as ``x``, whose values do not matter."""
    padding = window.even_padding
    if padding is not None:
        return _backward(d_z, x, weight, window, padding, groups, (True, False, False))[0]
    padded = x.new_empty(1).expand(padded_shape(x.shape, window.padding))
    d_padded = _backward(d_z, padded, weight, window, (0, 0), groups, (True, False, False))[0]
    return unpad(d_padded, window.padding)


def convolution_backward_parameters_equation(
    d_z: Tensor, x: Tensor, weight: Tensor, window: Window = VALID, groups: int = 1
) -> tuple[Tensor, Tensor]:
    """(dw, db): every derivative times the patch it came from, and times 1, summed over examples and positions."""
    seen = _grouped(patches(pad(x, window.padding), (weight.shape[2], weight.shape[3]), window), groups)
    d_w = torch.einsum("mgkij,mgcijuv->gkcuv", _grouped(d_z, groups), seen).flatten(0, 1)
    return d_w, d_z.sum((0, 2, 3))


def convolution_backward_input_equation(
    d_z: Tensor, x: Tensor, weight: Tensor, window: Window = VALID, groups: int = 1
) -> Tensor:
    """d_x: every derivative goes back to the pixels of its patch, by the weight it met there."""
    d_padded = x.new_zeros(padded_shape(x.shape, window.padding))
    (height, width), filters = d_z.shape[2:], weight.unflatten(0, (groups, -1))
    for u in range(weight.shape[2]):
        for v in range(weight.shape[3]):
            rows = _steps(u, height, window.stride[0], window.dilation[0])
            columns = _steps(v, width, window.stride[1], window.dilation[1])
            part = torch.einsum("mgkij,gkc->mgcij", _grouped(d_z, groups), filters[..., u, v])
            d_padded[:, :, rows, columns] += part.flatten(1, 2)
    return unpad(d_padded, window.padding)


def _backward(
    d_z: Tensor, x: Tensor, weight: Tensor, window: Window, padding: Pair, groups: int, output_mask: tuple[bool, ...]
) -> tuple[Tensor, Tensor, Tensor]:
    """(d_x, dw, db) those of ``output_mask``."""
    filters = [weight.shape[0]]
    return _backward_kernel(
        d_z, x, weight, filters, window.stride, padding, window.dilation, False, (0, 0), groups, output_mask
    )


# ----- padding and patches


def pad(x: Tensor, padding: Sides, value: float = 0.0) -> Tensor:
    """``x`` with a margin of ``value``: (top, bottom, left, right) pixels; without one, ``x`` itself."""
    top, bottom, left, right = padding
    return functional.pad(x, (left, right, top, bottom), value=value) if any(padding) else x


def unpad(x: Tensor, padding: Sides) -> Tensor:
    """The inside of an image with a margin: what `pad` was given, and its own backward form."""
    top, bottom, left, right = padding
    return x[..., top : x.shape[-2] - bottom, left : x.shape[-1] - right] if any(padding) else x


def padded_shape(shape: torch.Size, padding: Sides) -> tuple[int, ...]:
    """The shape of a batch of images with a margin."""
    top, bottom, left, right = padding
    return (*shape[:-2], shape[-2] + top + bottom, shape[-1] + left + right)


def patches(x: Tensor, size: Pair, window: Window) -> Tensor:
    """What a filter sees at every position: (m, c, n_h, n_w, f_h, f_w), a view of ``x``, whose padding is in it."""
    (m, c, height, width), (s_m, s_c, s_h, s_w) = x.shape, x.stride()
    rows = output_size(height, size[0], window.stride[0], 0, window.dilation[0])
    columns = output_size(width, size[1], window.stride[1], 0, window.dilation[1])
    moves = (s_h * window.stride[0], s_w * window.stride[1], s_h * window.dilation[0], s_w * window.dilation[1])
    return x.as_strided((m, c, rows, columns, *size), (s_m, s_c, *moves), x.storage_offset())


def _grouped(x: Tensor, groups: int) -> Tensor:
    """(m, c, …) as (m, groups, c/groups, …)."""
    return x.unflatten(1, (groups, -1))


def _steps(first: int, count: int, stride: int, dilation: int) -> slice:
    """The pixels that one filter row or column meets, one for each position."""
    start = first * dilation
    return slice(start, start + (count - 1) * stride + 1, stride)
