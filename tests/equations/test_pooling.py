from __future__ import annotations

import pytest
import torch
from proof import distance, finite_differences
from torch import Tensor

from leadline.equations.convolution import Window
from leadline.equations.pooling import (
    average_pool,
    average_pool_backward,
    average_pool_backward_equation,
    average_pool_equation,
    global_average_pool,
    global_average_pool_backward,
    max_pool,
    max_pool_backward,
    max_pool_backward_equation,
    max_pool_equation,
    pooled_shape,
)

CASES = {  # x, size, window
    "halves": ((2, 3, 6, 8), (2, 2), Window((2, 2))),
    "floor": ((2, 2, 7, 5), (2, 3), Window((2, 2))),
    "overlap": ((2, 2, 7, 7), (3, 3), Window((2, 2))),
    "padding": ((2, 2, 6, 7), (3, 3), Window((2, 2), (1, 1, 1, 1))),
    "uneven padding": ((1, 2, 6, 6), (3, 3), Window((2, 2), (0, 1, 0, 1))),
    "step by step": ((1, 2, 4, 5), (2, 2), Window()),
}
each_case = pytest.mark.parametrize("name", CASES)
each_format = pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])


def draw(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def case(name: str) -> tuple[Tensor, Tensor, tuple[int, int], Window]:
    """x, d_y, size, window."""
    shape, size, window = CASES[name]
    return draw(shape, 1), draw(pooled_shape(shape, size, window), 2), size, window


@each_case
@each_format
def test_maximum(name: str, memory_format: torch.memory_format) -> None:
    x, d_y, size, window = case(name)
    images, d_images = x.contiguous(memory_format=memory_format), d_y.contiguous(memory_format=memory_format)
    y, indices = max_pool(images, size, window)
    expected, places = max_pool_equation(x, size, window)
    assert torch.equal(y, expected)
    derivative = max_pool_backward(d_images, images, indices, size, window)
    torch.testing.assert_close(derivative, max_pool_backward_equation(d_y, x, places, size, window), rtol=0, atol=1e-12)
    out, at, d_x = torch.empty_like(y), torch.empty_like(indices), torch.empty_like(images)
    assert torch.equal(max_pool(images, size, window, out, at)[0], y)
    torch.testing.assert_close(max_pool_backward(d_images, images, at, size, window, d_x), derivative, rtol=0, atol=0)


@each_case
@each_format
def test_mean(name: str, memory_format: torch.memory_format) -> None:
    x, d_y, size, window = case(name)
    images, d_images = x.contiguous(memory_format=memory_format), d_y.contiguous(memory_format=memory_format)
    y = average_pool(images, size, window)
    torch.testing.assert_close(y, average_pool_equation(x, size, window), rtol=0, atol=1e-12)
    derivative = average_pool_backward(d_images, images, size, window)
    expected = average_pool_backward_equation(d_y, x, size, window)
    torch.testing.assert_close(derivative, expected, rtol=0, atol=1e-12)
    out, d_x = torch.empty_like(y), torch.empty_like(images)
    assert torch.equal(average_pool(images, size, window, out), y)
    assert torch.equal(average_pool_backward(d_images, images, size, window, d_x), derivative)


@each_case
def test_gradients_by_finite_differences(name: str) -> None:
    x, d_y, size, window = case(name)
    indices = max_pool(x, size, window)[1]
    pairs = (
        (lambda: max_pool(x, size, window)[0], max_pool_backward(d_y, x, indices, size, window)),
        (lambda: average_pool(x, size, window), average_pool_backward(d_y, x, size, window)),
    )
    for forward, derivative in pairs:
        numeric = finite_differences(lambda forward=forward: (forward() * d_y).sum(), x, step=1e-5)
        assert distance(derivative, numeric) < 1e-7


def test_gradients_by_autograd() -> None:
    x, d_y, size, window = case("padding")
    leaf = x.clone().requires_grad_()
    arguments = (size, window.stride, (1, 1))
    by_maximum = torch.autograd.grad(torch.nn.functional.max_pool2d(leaf, *arguments), leaf, d_y)[0]
    by_mean = torch.autograd.grad(torch.nn.functional.avg_pool2d(leaf, *arguments), leaf, d_y)[0]
    ours = max_pool_backward(d_y, x, max_pool(x, size, window)[1], size, window)
    torch.testing.assert_close(ours, by_maximum, rtol=0, atol=1e-10)
    torch.testing.assert_close(average_pool_backward(d_y, x, size, window), by_mean, rtol=0, atol=1e-10)


def test_padding_never_is_the_maximum() -> None:
    y, _ = max_pool(torch.full((1, 1, 4, 4), -5.0), (3, 3), Window((2, 2), (1, 1, 1, 1)))
    assert torch.equal(y, torch.full((1, 1, 2, 2), -5.0))
    y, _ = max_pool(torch.full((1, 1, 4, 4), -5.0), (3, 3), Window((2, 2), (0, 1, 0, 1)))
    assert torch.equal(y, torch.full((1, 1, 2, 2), -5.0))


@each_format
def test_global_mean(memory_format: torch.memory_format) -> None:
    x, d_y = draw((2, 3, 4, 5), 1).contiguous(memory_format=memory_format), draw((2, 3), 2)
    torch.testing.assert_close(global_average_pool(x), x.flatten(2).mean(2), rtol=0, atol=1e-12)
    derivative = global_average_pool_backward(d_y, x)
    torch.testing.assert_close(derivative, (d_y / 20)[:, :, None, None].expand_as(x), rtol=0, atol=1e-15)
    out, d_x = torch.empty_like(d_y), torch.empty_like(x)
    assert torch.equal(global_average_pool(x, out), out)
    assert torch.equal(global_average_pool_backward(d_y, x, d_x), derivative)


def test_global_mean_by_finite_differences() -> None:
    x, d_y = draw((2, 3, 2, 3), 1), draw((2, 3), 2)
    numeric = finite_differences(lambda: (global_average_pool(x) * d_y).sum(), x, step=1e-4)
    assert distance(global_average_pool_backward(d_y, x), numeric) < 1e-7
