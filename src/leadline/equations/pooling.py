"""Pooling: each channel's image made smaller by the maximum or mean of small windows (course 4, pooling layers).

Shapes: ``x (m, channels, height, width)`` → ``y (m, channels, n_h, n_w)`` with n = ⌊(n + 2p − f)/s⌋ + 1 as for
convolution; pixels that no window reaches are left out. There is nothing to learn.

**Backward.** The maximum passes its derivative to the pixel it came from (the first of equal ones); the mean gives
every pixel of the window its share, 1/N. Where windows overlap, the shares add up.

The padding of a maximum counts as −∞ and never wins. The padding of a mean is 0 and part of the N = f_h · f_w values.
"""

from __future__ import annotations

import torch
from torch import Tensor

from leadline.equations.convolution import Pair, Window, output_size, pad, padded_shape, patches, unpad

# The overloads that write into given tensors, looked up once.
_max = torch.ops.aten.max_pool2d_with_indices.out
_max_backward = torch.ops.aten.max_pool2d_with_indices_backward.grad_input
_mean = torch.ops.aten.avg_pool2d.out
_mean_backward = torch.ops.aten.avg_pool2d_backward.grad_input


def pooled_shape(shape: torch.Size | tuple[int, ...], size: Pair, window: Window) -> tuple[int, ...]:
    """The shape after pooling images of ``shape`` (…, height, width)."""
    *rest, height, width = padded_shape(torch.Size(shape), window.padding)
    rows = output_size(height, size[0], window.stride[0])
    return (*rest, rows, output_size(width, size[1], window.stride[1]))


# ----- maximum


def max_pool(
    x: Tensor, size: Pair, window: Window, out: Tensor | None = None, indices: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The largest value of each window, and where it was: an index into the image's height · width pixels, int64."""
    x, padding = _even(x, window, float("-inf"))
    if out is None or indices is None:
        return torch.ops.aten.max_pool2d_with_indices.default(x, size, window.stride, padding)
    return _max(x, size, window.stride, padding, out=out, indices=indices)


def max_pool_backward(
    d_y: Tensor, x: Tensor, indices: Tensor, size: Pair, window: Window, out: Tensor | None = None
) -> Tensor:
    """d_x: the derivative of each window at the pixel that was the largest; ``x`` gives only its shape."""
    given, padding = _even(x, window, 0.0)
    fixed = (size, window.stride, padding, (1, 1), False, indices)
    if out is None or given is not x:
        d_x = torch.ops.aten.max_pool2d_with_indices_backward.default(d_y, given, *fixed)
        return d_x if given is x else unpad(d_x, window.padding)
    return _max_backward(d_y, given, *fixed, grad_input=out)


def max_pool_equation(x: Tensor, size: Pair, window: Window) -> tuple[Tensor, Tensor]:
    """The largest value of each window, and its place in the window, row after row."""
    y, places = patches(pad(x, window.padding, float("-inf")), size, window).flatten(-2).max(-1)
    return y, places


def max_pool_backward_equation(d_y: Tensor, x: Tensor, places: Tensor, size: Pair, window: Window) -> Tensor:
    """d_x, for ``places`` of `max_pool_equation`: window by window place, derivatives go back where they came from."""
    d_windows = (places.unsqueeze(-1) == torch.arange(size[0] * size[1])) * d_y.unsqueeze(-1)
    return _put_back(d_windows.unflatten(-1, size), x, window)


# ----- mean


def average_pool(x: Tensor, size: Pair, window: Window, out: Tensor | None = None) -> Tensor:
    """The mean of each window."""
    x, padding = _even(x, window, 0.0)
    if out is None:
        return torch.ops.aten.avg_pool2d.default(x, size, window.stride, padding)
    return _mean(x, size, window.stride, padding, out=out)


def average_pool_backward(d_y: Tensor, x: Tensor, size: Pair, window: Window, out: Tensor | None = None) -> Tensor:
    """d_x: every pixel's share of its windows' derivatives; ``x`` gives only its shape."""
    given, padding = _even(x, window, 0.0)
    fixed = (size, window.stride, padding, False, True, None)
    if out is None or given is not x:
        d_x = torch.ops.aten.avg_pool2d_backward.default(d_y, given, *fixed)
        return d_x if given is x else unpad(d_x, window.padding)
    return _mean_backward(d_y, given, *fixed, grad_input=out)


def average_pool_equation(x: Tensor, size: Pair, window: Window) -> Tensor:
    """The mean of each window, taken patch by patch."""
    return patches(pad(x, window.padding), size, window).mean((-2, -1))


def average_pool_backward_equation(d_y: Tensor, x: Tensor, size: Pair, window: Window) -> Tensor:
    """d_x, window place by window place."""
    share = d_y / (size[0] * size[1])
    return _put_back(share[..., None, None].expand(*share.shape, *size), x, window)


def global_average_pool(x: Tensor, out: Tensor | None = None) -> Tensor:
    """The mean of each channel: (m, channels)."""
    return torch.mean(x, (2, 3), out=out)


def global_average_pool_backward(d_y: Tensor, x: Tensor, out: Tensor | None = None) -> Tensor:
    """d_x: the same share, 1/(height · width), for every pixel of a channel."""
    share = (d_y / (x.shape[2] * x.shape[3]))[:, :, None, None].expand(x.shape)
    return share.contiguous() if out is None else out.copy_(share)


# ----- windows


def _even(x: Tensor, window: Window, value: float) -> tuple[Tensor, Pair]:
    """``x`` and the padding left to the kernel, which knows only equal sides."""
    padding = window.even_padding
    return (x, padding) if padding is not None else (pad(x, window.padding, value), (0, 0))


def _put_back(d_windows: Tensor, x: Tensor, window: Window) -> Tensor:
    """Add up (m, c, n_h, n_w, f_h, f_w) at the pixels the windows saw."""
    d_padded = x.new_zeros(padded_shape(x.shape, window.padding))
    rows, columns, f_h, f_w = d_windows.shape[2:]
    for u in range(f_h):
        for v in range(f_w):
            down = slice(u, u + (rows - 1) * window.stride[0] + 1, window.stride[0])
            across = slice(v, v + (columns - 1) * window.stride[1] + 1, window.stride[1])
            d_padded[:, :, down, across] += d_windows[..., u, v]
    return unpad(d_padded, window.padding)
