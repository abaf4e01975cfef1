"""Activation functions g(z) and their derivatives, written in terms of the output a = g(z) where that can be done.

Every forward function takes ``z`` of any shape and returns ``a`` of the same shape; every backward function takes the
derivative ``d_a`` of the cost by the output, and the output ``a`` itself, and returns ``d_z = d_a ∘ g′(z)``.
Writing g′ in terms of ``a`` lets a layer overwrite ``z`` with ``a`` and keep one tensor instead of two. Swish, hard
swish, Mish and GELU fall before they rise, so that ``a`` does not tell ``z``: their backward functions take ``z``.
``out`` may be the first argument's own memory.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from leadline.errors import LeadlineError
from leadline.extensions import Extension, Registry, registry

LEAK = 0.01
CLIP = 3.0
"""Where smooth clipping levels off."""

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
    """z tanh(log(1 + eᶻ)) (Misra, 2020), computed from s = σ(z) alone: z q/(2 − q), where q = s (2 − s).

    With n = eᶻ, tanh(log(1 + n)) = ((1 + n)² − 1)/((1 + n)² + 1), and 1 + n = 1/(1 − s). Nothing overflows, and small s
    keep their digits.
    """
    q = _mish_q(torch.sigmoid(z))
    return torch.mul(q.div_(2.0 - q), z, out=out)


def mish_backward(d_a: Tensor, z: Tensor, out: Tensor | None = None) -> Tensor:
    """g′ = q/(2 − q) + 4 z s (1 − s)²/(2 − q)², in terms of z, with s and q as in the forward function.

    The derivative of q/(2 − q) by q is 2/(2 − q)², that of q by s is 2 (1 − s), and that of s by z is s (1 − s).
    """
    s = torch.sigmoid(z)
    rest = 1.0 - s
    slope = torch.mul(rest, rest).mul_(s).mul_(z)
    q = _mish_q(s)
    divisor = 2.0 - q
    slope = torch.add(q, slope.div_(divisor), alpha=4.0, out=slope)
    return torch.mul(d_a, slope.div_(divisor), out=out)


def _mish_q(s: Tensor) -> Tensor:
    """s (2 − s), over s."""
    return s.mul_(2.0 - s)


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


class ActivationFunction(Extension, ABC, kind="activation"):
    """A function g and its backward form, as layers look them up by name; subclass it to add one of your own.

    ``by_input`` says that backward takes z, not a = g(z). Layers pass the first argument as ``out``, too, to compute in
    place; a function that cannot do so leaves ``out`` alone and returns a new tensor. ``rectifies``: about half of the
    signal passes, as with ReLU, so that weights start as He et al. say.
    """

    name: ClassVar[str]
    by_input: ClassVar[bool] = False
    rectifies: ClassVar[bool] = False

    @abstractmethod
    def forward(self, z: Tensor, out: Tensor | None = None) -> Tensor:
        """a = g(z), of the shape of ``z``, written into ``out`` where that is given."""

    @abstractmethod
    def backward(self, d_a: Tensor, a: Tensor, out: Tensor | None = None) -> Tensor:
        """d_z = d_a ∘ g′, of the shape of ``d_a``, written into ``out`` where that is given."""

    def onnx(self, graph: Any, value: str) -> str:
        """Add g of ``value`` to an ONNX graph (`leadline.export.onnx_graph.OnnxGraph`) and return the result's name.

        Raises `LeadlineError` where the activation does not say how.
        """
        raise LeadlineError(f"activation '{self.name}' cannot be exported: its class has no method onnx.")


class Linear(ActivationFunction):
    """`linear`."""

    name = "linear"
    forward, backward = staticmethod(linear), staticmethod(linear_backward)  # type: ignore[assignment]

    @override
    def onnx(self, graph: Any, value: str) -> str:
        return value


class Sigmoid(ActivationFunction):
    """`sigmoid`."""

    name = "sigmoid"
    forward, backward = staticmethod(sigmoid), staticmethod(sigmoid_backward)  # type: ignore[assignment]

    @override
    def onnx(self, graph: Any, value: str) -> str:
        return graph.add("Sigmoid", value)


class Tanh(ActivationFunction):
    """`tanh`."""

    name = "tanh"
    forward, backward = staticmethod(tanh), staticmethod(tanh_backward)  # type: ignore[assignment]

    @override
    def onnx(self, graph: Any, value: str) -> str:
        return graph.add("Tanh", value)


class Relu(ActivationFunction):
    """`relu`."""

    name = "relu"
    rectifies = True
    forward, backward = staticmethod(relu), staticmethod(relu_backward)  # type: ignore[assignment]

    @override
    def onnx(self, graph: Any, value: str) -> str:
        return graph.add("Relu", value)


class LeakyRelu(ActivationFunction):
    """`leaky_relu`."""

    name = "leaky_relu"
    rectifies = True
    forward, backward = staticmethod(leaky_relu), staticmethod(leaky_relu_backward)  # type: ignore[assignment]

    @override
    def onnx(self, graph: Any, value: str) -> str:
        return graph.add("LeakyRelu", value, alpha=LEAK)


class Softmax(ActivationFunction):
    """`softmax`."""

    name = "softmax"
    forward, backward = staticmethod(softmax), staticmethod(softmax_backward)  # type: ignore[assignment]

    @override
    def onnx(self, graph: Any, value: str) -> str:
        return graph.add("Softmax", value, axis=-1)


class Relu6(ActivationFunction):
    """`relu6`."""

    name = "relu6"
    rectifies = True
    forward, backward = staticmethod(relu6), staticmethod(relu6_backward)  # type: ignore[assignment]

    @override
    def onnx(self, graph: Any, value: str) -> str:
        limits = [graph.constant(limit, f"limit_{limit}", np.float32) for limit in (0, 6)]
        return graph.add("Clip", value, *limits)


class Swish(ActivationFunction):
    """`swish`."""

    name = "swish"
    by_input = True
    rectifies = True
    forward, backward = staticmethod(swish), staticmethod(swish_backward)  # type: ignore[assignment]

    @override
    def onnx(self, graph: Any, value: str) -> str:
        return graph.add("Mul", value, graph.add("Sigmoid", value))


class HardSwish(ActivationFunction):
    """`hard_swish`."""

    name = "hard_swish"
    by_input = True
    rectifies = True
    forward, backward = staticmethod(hard_swish), staticmethod(hard_swish_backward)  # type: ignore[assignment]

    @override
    def onnx(self, graph: Any, value: str) -> str:
        return graph.add("HardSwish", value)


class Mish(ActivationFunction):
    """`mish`."""

    name = "mish"
    by_input = True
    rectifies = True
    forward, backward = staticmethod(mish), staticmethod(mish_backward)  # type: ignore[assignment]

    def onnx(self, graph: Any, value: str) -> str:
        """z tanh(log(1 + eᶻ))."""
        return graph.add("Mul", value, graph.add("Tanh", graph.add("Softplus", value)))


class Gelu(ActivationFunction):
    """`gelu`."""

    name = "gelu"
    by_input = True
    rectifies = True
    forward, backward = staticmethod(gelu), staticmethod(gelu_backward)  # type: ignore[assignment]

    def onnx(self, graph: Any, value: str) -> str:
        """½ z (1 + erf(z/√2)); the operator Gelu came with a later opset."""
        root, one, half = (graph.constant(number, f"gelu_{number:.3g}", np.float32) for number in (2**-0.5, 1.0, 0.5))
        upper = graph.add("Add", graph.add("Erf", graph.add("Mul", value, root)), one)
        return graph.add("Mul", graph.add("Mul", value, half), upper)


class SmoothClip(ActivationFunction):
    """`smooth_clip`."""

    name = "smooth_clip"
    forward, backward = staticmethod(smooth_clip), staticmethod(smooth_clip_backward)  # type: ignore[assignment]

    def onnx(self, graph: Any, value: str) -> str:
        """z / √(1 + (z/3)²), both divided by s = max(1, |z/3|) first, so that no square overflows."""
        third, one = graph.constant(1 / CLIP, "clip_third", np.float32), graph.constant(1.0, "clip_one", np.float32)
        size = graph.add("Max", graph.add("Abs", graph.add("Mul", value, third)), one)
        scaled = graph.add("Div", value, size)
        part, unit = graph.add("Mul", scaled, third), graph.add("Div", one, size)
        root = graph.add("Sqrt", graph.add("Add", graph.add("Mul", part, part), graph.add("Mul", unit, unit)))
        return graph.add("Div", scaled, root)


ACTIVATIONS: Registry[ActivationFunction] = registry("activation")
"""The activations by name."""
