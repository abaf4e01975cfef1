from __future__ import annotations

import pytest
import torch
from proof import distance, finite_differences
from torch import Tensor

from leadline.equations.convolution import (
    Window,
    convolution,
    convolution_backward_input,
    convolution_backward_input_equation,
    convolution_backward_parameters,
    convolution_backward_parameters_equation,
    convolution_equation,
    output_size,
    same_padding,
    same_upper_padding,
    true_convolution,
)

CASES = {  # x, weight, window, groups
    "valid": ((2, 3, 6, 7), (4, 3, 3, 3), Window(), 1),
    "even filter, stride": ((2, 2, 7, 6), (3, 2, 2, 4), Window((2, 3)), 1),
    "same": ((2, 3, 5, 5), (2, 3, 3, 3), Window(padding=(1, 1, 1, 1)), 1),
    "uneven padding": ((2, 2, 6, 5), (3, 2, 3, 3), Window((2, 2), (0, 1, 2, 1)), 1),
    "dilated": ((1, 2, 8, 9), (2, 2, 3, 2), Window((1, 2), (1, 1, 0, 0), (2, 3)), 1),
    "groups": ((2, 4, 5, 5), (6, 2, 3, 3), Window((2, 2), (1, 1, 1, 1)), 2),
    "depthwise": ((2, 3, 6, 6), (6, 1, 3, 3), Window((1, 1), (1, 1, 1, 1)), 3),
    "pointwise": ((3, 4, 3, 3), (5, 4, 1, 1), Window(), 1),
    "pixels that no filter reaches": ((1, 1, 8, 8), (1, 1, 3, 3), Window((3, 3)), 1),
}
each_case = pytest.mark.parametrize("name", CASES)


def draw(shape: tuple[int, ...] | torch.Size, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def case(name: str, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor, Tensor, Window, int]:
    """x, weight, bias, d_z, window, groups."""
    x_shape, w_shape, window, groups = CASES[name]
    x, weight, bias = draw(x_shape, 1, dtype), draw(w_shape, 2, dtype), draw(w_shape[:1], 3, dtype)
    d_z = draw(convolution_equation(x, weight, bias, window, groups).shape, 4, dtype)
    return x, weight, bias, d_z, window, groups


def loop(x: Tensor, weight: Tensor, bias: Tensor, window: Window, groups: int) -> Tensor:
    """T4.01 by its definition, one product after another."""
    top, bottom, left, right = window.padding
    padded = x.new_zeros(x.shape[0], x.shape[1], x.shape[2] + top + bottom, x.shape[3] + left + right)
    padded[:, :, top : top + x.shape[2], left : left + x.shape[3]] = x
    f_h, f_w = weight.shape[2:]
    rows = output_size(x.shape[2], f_h, window.stride[0], top + bottom, window.dilation[0])
    columns = output_size(x.shape[3], f_w, window.stride[1], left + right, window.dilation[1])
    z = x.new_zeros(x.shape[0], weight.shape[0], rows, columns)
    for k in range(weight.shape[0]):
        first = k // (weight.shape[0] // groups) * weight.shape[1]
        for i in range(rows):
            for j in range(columns):
                total = bias[k] * torch.ones(len(x), dtype=x.dtype)
                for c in range(weight.shape[1]):
                    for u in range(f_h):
                        for v in range(f_w):
                            row = i * window.stride[0] + u * window.dilation[0]
                            column = j * window.stride[1] + v * window.dilation[1]
                            total = total + weight[k, c, u, v] * padded[:, first + c, row, column]
                z[:, k, i, j] = total
    return z


@each_case
def test_equation_is_the_definition(name: str) -> None:
    x, weight, bias, _, window, groups = case(name)
    expected = loop(x, weight, bias, window, groups)
    torch.testing.assert_close(convolution_equation(x, weight, bias, window, groups), expected, rtol=0, atol=1e-12)


@each_case
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_kernel_equals_equation(
    name: str, dtype: torch.dtype, tolerance: float, memory_format: torch.memory_format
) -> None:
    x, weight, bias, d_z, window, groups = case(name, dtype)
    images, d_images = x.contiguous(memory_format=memory_format), d_z.contiguous(memory_format=memory_format)
    pairs = (
        (convolution(images, weight, bias, window, groups), convolution_equation(x, weight, bias, window, groups)),
        (convolution(images, weight, None, window, groups), convolution_equation(x, weight, None, window, groups)),
        (
            convolution_backward_input(d_images, images, weight, window, groups),
            convolution_backward_input_equation(d_z, x, weight, window, groups),
        ),
        *zip(
            convolution_backward_parameters(d_images, images, weight, window, groups),
            convolution_backward_parameters_equation(d_z, x, weight, window, groups),
            strict=True,
        ),
    )
    for kernel, equation in pairs:
        torch.testing.assert_close(kernel, equation, rtol=tolerance, atol=10 * tolerance)


@each_case
def test_gradients_by_finite_differences(name: str) -> None:
    x, weight, bias, d_z, window, groups = case(name)

    def cost() -> Tensor:
        return (convolution(x, weight, bias, window, groups) * d_z).sum()

    d_w, d_b = convolution_backward_parameters(d_z, x, weight, window, groups)
    derivatives = ((x, convolution_backward_input(d_z, x, weight, window, groups)), (weight, d_w), (bias, d_b))
    for variable, derivative in derivatives:
        assert derivative is not None
        assert distance(derivative, finite_differences(cost, variable, step=1e-4)) < 1e-7


@each_case
def test_gradients_by_autograd(name: str) -> None:
    x, weight, bias, d_z, window, groups = case(name)
    inputs = [x.clone().requires_grad_(), weight.clone().requires_grad_(), bias.clone().requires_grad_()]
    top, bottom, left, right = window.padding
    padded = torch.nn.functional.pad(inputs[0], (left, right, top, bottom))
    z = torch.nn.functional.conv2d(padded, inputs[1], inputs[2], window.stride, 0, window.dilation, groups)
    torch.testing.assert_close(convolution(x, weight, bias, window, groups), z.detach(), rtol=0, atol=1e-12)
    ours = (
        convolution_backward_input(d_z, x, weight, window, groups),
        *convolution_backward_parameters(d_z, x, weight, window, groups),
    )
    for derivative, expected in zip(ours, torch.autograd.grad(z, inputs, d_z), strict=True):
        torch.testing.assert_close(derivative, expected, rtol=1e-10, atol=1e-10)


def test_without_a_bias_there_is_no_derivative_by_it() -> None:
    x, weight, _, d_z, window, groups = case("same")
    assert convolution_backward_parameters(d_z, x, weight, window, groups, bias=False)[1] is None


def test_true_convolution_is_associative() -> None:
    a, b = draw((1, 1, 3, 3), 1), draw((1, 1, 3, 3), 2)
    x, wide, wider = draw((1, 1, 6, 6), 3), Window(padding=(2, 2, 2, 2)), Window(padding=(4, 4, 4, 4))
    one_by_one = true_convolution(true_convolution(x, a, None, wide), b, None, wide)
    together = true_convolution(x, true_convolution(a, b, None, wide), None, wider)
    torch.testing.assert_close(one_by_one, together, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n", range(1, 12))
@pytest.mark.parametrize("size", range(1, 6))
@pytest.mark.parametrize("stride", range(1, 4))
def test_paddings_give_the_sizes_they_promise(n: int, size: int, stride: int) -> None:
    assert output_size(n, size, 1, sum(same_padding(size))) == n
    assert output_size(n, size, 1, sum(same_padding(size, 2)), 2) == n
    before, after = same_upper_padding(n, size, stride)
    assert 0 <= after - before <= 1
    if stride <= size or (n - 1) % stride + 1 >= size:
        assert output_size(n, size, stride, before + after) == -(-n // stride)
    assert output_size(n, size, stride, 0) == len(range(0, n - size + 1, stride)) or n < size
