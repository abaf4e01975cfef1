"""The fully connected layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from torch import Tensor
from typing_extensions import override

from leadline.equations.dense import (
    dense,
    dense_backward_bias,
    dense_backward_input,
    dense_backward_weight,
    dense_transposed,
)
from leadline.errors import UsageError
from leadline.network.activate import activate, activate_backward, check_activation
from leadline.network.layer import Layer, LayerContext, ParameterSpec, Shape, ShapeError, Tensors
from leadline.network.weights import check_start, resolved_start, weight_parameter


@dataclass(frozen=True)
class Dense(Layer):
    """a = g(x Wᵀ + b): ``units`` outputs from inputs of shape (n_in,), with weight (units, n_in) and bias (units,).

    ``initializer`` "auto" is He for ReLU and leaky ReLU, Xavier for the others; ``gain`` multiplies its standard
    deviation. ``bias`` None means: yes, unless batch normalization follows, whose shift makes it redundant.
    """

    units: int
    activation: str = "linear"
    initializer: str = "auto"
    gain: float = 1.0
    bias: bool | None = None

    axes: ClassVar[int | None] = 1
    member_fields: ClassVar[Mapping[str, Any]] = {"gain": 1.0}

    def __post_init__(self) -> None:
        if not isinstance(self.units, int) or isinstance(self.units, bool) or self.units < 1:
            raise UsageError(f"dense: units must be a whole number of at least 1, got {self.units!r}")
        check_activation("dense", self.activation)
        check_start("dense", self.initializer, self.gain, self.bias)

    @override
    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 1:
            raise ShapeError(f"expects inputs of shape (n_in,), got {input_shape}; put Flatten() before it")
        return (self.units,)

    def parameters(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """``weight`` (units, n_in) and, unless left out, ``bias`` (units,)."""
        shape = (self.units, *input_shape)
        weight = weight_parameter(shape, self.activation, self.initializer, self.gain)
        return {"weight": weight} if self.bias is False else {"weight": weight, "bias": ParameterSpec((self.units,))}

    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """z = x Wᵀ + b, a = g(z)."""
        z = memory.buffer("z", (*x.shape[:-1], self.units), x)
        memory.kept["x"] = x
        return activate(self.activation, dense(x, p["weight"], p.get("bias"), out=z), memory)

    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor | None:
        """d_z = d_a ∘ g′, dW = d_zᵀ x, db = Σ d_z, d_x = d_z W."""
        x, d_z = memory.kept.pop("x"), activate_backward(self.activation, d_y, memory)
        if memory.needs_gradients:
            dense_backward_weight(d_z, x, out=g["weight"])
            if "bias" in g:
                dense_backward_bias(d_z, out=g["bias"])
        if not memory.needs_input_gradient:
            return None
        return dense_backward_input(d_z, p["weight"], out=memory.buffer("d_x", x.shape, x))

    @override
    def forward_transposed(self, p: Tensors, x: Tensor, memory: LayerContext, out: Tensor) -> Tensor:
        if self.activation != "linear":
            return super().forward_transposed(p, x, memory, out)
        memory.kept["x"] = x
        dense_transposed(x, p["weight"], p.get("bias"), out=out.transpose(1, 2))
        return activate(self.activation, out, memory)

    def flops(self, input_shape: Shape) -> int:
        """2 n_in units for the products and sums."""
        return 2 * input_shape[0] * self.units

    @property
    @override
    def depth(self) -> int:
        return 1

    @property
    @override
    def n_outputs(self) -> int:
        return self.units

    @override
    def with_outputs(self, n: int) -> Dense:
        return replace(self, units=n)

    @property
    @override
    def in_population(self) -> Layer:
        return self

    @override
    def without_activation(self) -> tuple[Layer, ...]:
        return (replace(self, activation="linear", initializer=resolved_start(self.initializer, self.activation)),)

    @override
    def without_bias(self) -> Dense:
        return replace(self, bias=False) if self.bias is None else self

    @property
    @override
    def needs_output(self) -> bool:
        return self.activation != "linear"

    @override
    def onnx(self, export: Any, value: str) -> str:
        return export.activated(self.activation, export.dense(value, "weight", "bias"))
