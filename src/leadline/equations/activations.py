"""Activation functions g(z) and their derivatives, written in terms of the output a = g(z).

Every forward function takes ``z`` of any shape and returns ``a`` of the same shape; every backward function takes the
derivative ``d_a`` of the cost by the output, and the output ``a`` itself, and returns ``d_z = d_a ∘ g′(z)``.
Writing g′ in terms of ``a`` lets a layer overwrite ``z`` with ``a`` and keep one tensor instead of two.
``out`` may be the first argument's own memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

LEAK = 0.01

# The overloads that write into a given tensor, looked up once: the look-up costs more than a small kernel.
_relu_backward_out = torch.ops.aten.threshold_backward.grad_input
_sigmoid_backward_out = torch.ops.aten.sigmoid_backward.grad_input
_tanh_backward_out = torch.ops.aten.tanh_backward.grad_input


def linear(z: Tensor, out: Tensor | None = None) -> Tensor:
    """g(z) = z."""
    return z if out is None or out is z else out.copy_(z)


def linear_backward(d_a: Tensor, a: Tensor, out: Tensor | None = None) -> Tensor:
    """g′ = 1."""
    return d_a if out is None or out is d_a else out.copy_(d_a)


def sigmoid(z: Tensor, out: Tensor | None = None) -> Tensor:
    """σ(z) = 1 / (1 + e⁻ᶻ)."""
    return torch.sigmoid(z, out=out)


def sigmoid_backward(d_a: Tensor, a: Tensor, out: Tensor | None = None) -> Tensor:
    """σ′ = a (1 − a)."""
    if out is None:
        return torch.ops.aten.sigmoid_backward.default(d_a, a)
    return _sigmoid_backward_out(d_a, a, grad_input=out)


def tanh(z: Tensor, out: Tensor | None = None) -> Tensor:
    """tanh(z) = (eᶻ − e⁻ᶻ) / (eᶻ + e⁻ᶻ)."""
    return torch.tanh(z, out=out)


def tanh_backward(d_a: Tensor, a: Tensor, out: Tensor | None = None) -> Tensor:
    """tanh′ = 1 − a²."""
    if out is None:
        return torch.ops.aten.tanh_backward.default(d_a, a)
    return _tanh_backward_out(d_a, a, grad_input=out)


def relu(z: Tensor, out: Tensor | None = None) -> Tensor:
    """max(0, z)."""
    return torch.clamp_min(z, 0, out=out)


def relu_backward(d_a: Tensor, a: Tensor, out: Tensor | None = None) -> Tensor:
    """g′ = 1 where a > 0, else 0 (the subgradient 0 is taken at z = 0)."""
    if out is None:
        return torch.ops.aten.threshold_backward.default(d_a, a, 0)
    return _relu_backward_out(d_a, a, 0, grad_input=out)


def leaky_relu(z: Tensor, out: Tensor | None = None) -> Tensor:
    """max(0.01 z, z)."""
    if out is None:
        return torch.nn.functional.leaky_relu(z, LEAK)
    return torch.ops.aten.leaky_relu.out(z, LEAK, out=out)


def leaky_relu_backward(d_a: Tensor, a: Tensor, out: Tensor | None = None) -> Tensor:
    """g′ = 1 where a > 0, else 0.01; a has the sign of z because the leak is positive."""
    if out is None:
        return torch.ops.aten.leaky_relu_backward.default(d_a, a, LEAK, True)
    return torch.ops.aten.leaky_relu_backward.grad_input(d_a, a, LEAK, True, grad_input=out)


def softmax(z: Tensor, out: Tensor | None = None) -> Tensor:
    """exp(zⱼ) / Σₖ exp(zₖ) along the last axis, computed after subtracting max z so that no exponential overflows."""
    return torch.softmax(z, -1) if out is None else torch.softmax(z, -1, out=out)


def softmax_backward(d_a: Tensor, a: Tensor, out: Tensor | None = None) -> Tensor:
    """d_zⱼ = aⱼ (d_aⱼ − Σₖ d_aₖ aₖ): the product with the Jacobian diag(a) − a aᵀ, without forming it."""
    if out is None:
        return torch.ops.aten._softmax_backward_data.default(d_a, a, -1, a.dtype)
    return torch.ops.aten._softmax_backward_data.out(d_a, a, -1, a.dtype, grad_input=out)


class Activation(NamedTuple):
    """A function and its backward form, as the layers look them up by name."""

    forward: Callable[..., Tensor]
    backward: Callable[..., Tensor]


ACTIVATIONS: dict[str, Activation] = {
    "linear": Activation(linear, linear_backward),
    "sigmoid": Activation(sigmoid, sigmoid_backward),
    "tanh": Activation(tanh, tanh_backward),
    "relu": Activation(relu, relu_backward),
    "leaky_relu": Activation(leaky_relu, leaky_relu_backward),
    "softmax": Activation(softmax, softmax_backward),
}
