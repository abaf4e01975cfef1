"""The fully connected layer."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from leadline.equations.dense import dense, dense_backward_bias, dense_backward_input, dense_backward_weight
from leadline.errors import UsageError
from leadline.network.activate import activate, activate_backward, check_activation
from leadline.network.layer import Layer, Memory, Parameter, Shape, ShapeError, Tensors
from leadline.network.weights import check_start, weight_parameter


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

    def __post_init__(self) -> None:
        if not isinstance(self.units, int) or isinstance(self.units, bool) or self.units < 1:
            raise UsageError(f"dense: units must be a whole number of at least 1, got {self.units!r}")
        check_activation("dense", self.activation)
        check_start("dense", self.initializer, self.gain, self.bias)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(units,)."""
        if len(input_shape) != 1:
            raise ShapeError(f"expects inputs of shape (n_in,), got {input_shape}; put Flatten() before it")
        return (self.units,)

    def parameters(self, input_shape: Shape) -> dict[str, Parameter]:
        """``weight`` (units, n_in) and, unless left out, ``bias`` (units,)."""
        shape = (self.units, *input_shape)
        weight = weight_parameter(shape, self.activation, self.initializer, self.gain)
        return {"weight": weight} if self.bias is False else {"weight": weight, "bias": Parameter((self.units,))}

    def forward(self, p: Tensors, x: Tensor, memory: Memory) -> Tensor:
        """z = x Wᵀ + b, a = g(z)."""
        z = memory.buffer("z", (*x.shape[:-1], self.units), x)
        memory.kept["x"] = x
        return activate(self.activation, dense(x, p["weight"], p.get("bias"), out=z), memory)

    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: Memory) -> Tensor | None:
        """d_z = d_a ∘ g′, dW = d_zᵀ x, db = Σ d_z, d_x = d_z W."""
        x, d_z = memory.kept.pop("x"), activate_backward(self.activation, d_y, memory)
        dense_backward_weight(d_z, x, out=g["weight"])
        if "bias" in g:
            dense_backward_bias(d_z, out=g["bias"])
        if not memory.needs_input_gradient:
            return None
        return dense_backward_input(d_z, p["weight"], out=memory.buffer("d_x", x.shape, x))

    def flops(self, input_shape: Shape) -> int:
        """2 n_in units for the products and sums."""
        return 2 * input_shape[0] * self.units

    @property
    def depth(self) -> int:
        """1."""
        return 1

    @property
    def needs_output(self) -> bool:
        """For an activation's derivative."""
        return self.activation != "linear"
