"""Activation functions g(z) and their derivatives, written in terms of the output a = g(z) where that can be done.

Every forward function takes ``z`` of any shape and returns ``a`` of the same shape; every backward function takes the
derivative ``d_a`` of the cost by the output, and the output ``a`` itself, and returns ``d_z = d_a ∘ g′(z)``.
Writing g′ in terms of ``a`` lets a layer overwrite ``z`` with ``a`` and keep one tensor instead of two. Swish, hard
swish, Mish and GELU fall before they rise, so that ``a`` does not tell ``z``: their backward functions take ``z``.
``out`` may be the first argument's own memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

LEAK = 0.01
CLIP = 3.0
"""Where smooth clipping levels off."""
MISH_LINEAR = 20.0
"""From here on Mish is z to the last bit of float64, and eᶻ need not be computed."""

# The overloads that write into a given tensor, looked up once: the look-up costs more than a small kernel.
_relu_backward_out = torch.ops.aten.threshold_backward.grad_input
_sigmoid_backward_out = torch.ops.aten.sigmoid_backward.grad_input
_tanh_backward_out = torch.ops.aten.tanh_backward.grad_input
_relu6_backward_out = torch.ops.aten.hardtanh_backward.grad_input


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
    return z.relu_() if out is z else torch.clamp_min(z, 0, out=out)


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


def relu6(z: Tensor, out: Tensor | None = None) -> Tensor:
    """min(max(0, z), 6): a ReLU with a ceiling, for arithmetic of few digits (Sandler et al., 2018)."""
    return torch.clamp(z, 0, 6, out=out)


def relu6_backward(d_a: Tensor, a: Tensor, out: Tensor | None = None) -> Tensor:
    """g′ = 1 where 0 < a < 6, else 0."""
    if out is None:
        return torch.ops.aten.hardtanh_backward.default(d_a, a, 0, 6)
    return _relu6_backward_out(d_a, a, 0, 6, grad_input=out)


def swish(z: Tensor, out: Tensor | None = None) -> Tensor:
    """z σ(z), also called SiLU (Ramachandran et al., 2017)."""
    return torch.ops.aten.silu.default(z) if out is None else torch.ops.aten.silu.out(z, out=out)


def swish_backward(d_a: Tensor, z: Tensor, out: Tensor | None = None) -> Tensor:
    """g′ = σ(z) (1 + z (1 − σ(z))), in terms of z."""
    if out is None:
        return torch.ops.aten.silu_backward.default(d_a, z)
    return torch.ops.aten.silu_backward.grad_input(d_a, z, grad_input=out)


def hard_swish(z: Tensor, out: Tensor | None = None) -> Tensor:
    """z · min(max(0, z + 3), 6)/6: swish from straight pieces (Howard et al., 2019)."""
    return torch.ops.aten.hardswish.default(z) if out is None else torch.ops.aten.hardswish.out(z, out=out)


def hard_swish_backward(d_a: Tensor, z: Tensor, out: Tensor | None = None) -> Tensor:
    """g′ = 0 for z < −3, 1 for z > 3, and (2 z + 3)/6 between, in terms of z."""
    d_z = torch.ops.aten.hardswish_backward.default(d_a, z)
    return d_z if out is None else out.copy_(d_z)


def mish(z: Tensor, out: Tensor | None = None) -> Tensor:
    """z tanh(log(1 + eᶻ)) (Misra, 2020), computed with one exponential: z w/(w + 2), where n = eᶻ and w = n (n + 2)."""
    w = _mish_w(torch.exp(z.clamp_max(MISH_LINEAR)))
    return torch.mul(w.div_(w + 2.0), z, out=out)


def mish_backward(d_a: Tensor, z: Tensor, out: Tensor | None = None) -> Tensor:
    """g′ = w/(w + 2) + 4 z n (n + 1)/(w + 2)², in terms of z, with n and w as in the forward function.

    tanh(log(1 + n)) = ((1 + n)² − 1)/((1 + n)² + 1) = w/(w + 2); its derivative by w is 2/(w + 2)², and that of w by z
    is 2 n (n + 1).
    """
    z = z.clamp_max(MISH_LINEAR)
    n = torch.exp(z)
    slope = n.add(1.0).mul_(n).mul_(z).mul_(4.0)
    w = _mish_w(n)
    divisor = w + 2.0
    slope.div_(divisor).add_(w).div_(divisor)
    return torch.mul(d_a, slope, out=out)


def _mish_w(n: Tensor) -> Tensor:
    """n (n + 2), over n."""
    return n.mul_(n + 2.0)


def gelu(z: Tensor, out: Tensor | None = None) -> Tensor:
    """z Φ(z), Φ the distribution function of the standard normal (Hendrycks and Gimpel, 2016)."""
    return torch.ops.aten.gelu.default(z) if out is None else torch.ops.aten.gelu.out(z, out=out)


def gelu_backward(d_a: Tensor, z: Tensor, out: Tensor | None = None) -> Tensor:
    """g′ = Φ(z) + z φ(z), in terms of z."""
    if out is None:
        return torch.ops.aten.gelu_backward.default(d_a, z)
    return torch.ops.aten.gelu_backward.grad_input(d_a, z, grad_input=out)


def smooth_clip(z: Tensor, out: Tensor | None = None) -> Tensor:
    """z / √(1 + (z/3)²): close to z near 0, never beyond ±3 (Holzmüller et al., 2024).

    The root is a hypotenuse, which does not overflow.
    """
    return torch.div(z, torch.hypot(z / CLIP, z.new_ones(())), out=out)


def smooth_clip_backward(d_a: Tensor, a: Tensor, out: Tensor | None = None) -> Tensor:
    """g′ = (1 + (z/3)²)^−3/2 = (1 − (a/3)²)^3/2, because a² (1 + z²/9) = z² gives 1 − a²/9 = 1/(1 + z²/9)."""
    inside = torch.square(a / CLIP).neg_().add_(1.0).clamp_min_(0.0)  # rounding may leave |a| a little above 3
    return torch.mul(inside.sqrt().mul_(inside), d_a, out=out)


class Activation(NamedTuple):
    """A function and its backward form, as the layers look them up by name; ``by_input``: backward takes z, not a."""

    forward: Callable[..., Tensor]
    backward: Callable[..., Tensor]
    by_input: bool = False


ACTIVATIONS: dict[str, Activation] = {
    "linear": Activation(linear, linear_backward),
    "sigmoid": Activation(sigmoid, sigmoid_backward),
    "tanh": Activation(tanh, tanh_backward),
    "relu": Activation(relu, relu_backward),
    "leaky_relu": Activation(leaky_relu, leaky_relu_backward),
    "softmax": Activation(softmax, softmax_backward),
    "relu6": Activation(relu6, relu6_backward),
    "swish": Activation(swish, swish_backward, by_input=True),
    "hard_swish": Activation(hard_swish, hard_swish_backward, by_input=True),
    "mish": Activation(mish, mish_backward, by_input=True),
    "gelu": Activation(gelu, gelu_backward, by_input=True),
    "smooth_clip": Activation(smooth_clip, smooth_clip_backward),
}
