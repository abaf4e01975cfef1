"""The fully connected layer."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from leadline.equations.activations import ACTIVATIONS
from leadline.equations.dense import dense, dense_backward_bias, dense_backward_input, dense_backward_weight
from leadline.equations.initialization import STANDARD_DEVIATIONS
from leadline.errors import UsageError, nearest
from leadline.network.layer import Layer, Memory, Parameter, Shape, ShapeError, Tensors, is_number


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
        if self.initializer not in ("auto", *STANDARD_DEVIATIONS):
            hint = nearest(str(self.initializer), ["auto", *STANDARD_DEVIATIONS])
            raise UsageError(f"dense: unknown initializer '{self.initializer}'.{hint}")
        if not is_number(self.gain) or not 0 < self.gain < math.inf:
            raise UsageError(f"dense: gain must be greater than 0, got {self.gain!r}")
        if not isinstance(self.bias, bool | None):
            raise UsageError(f"dense: bias must be true or false, got {self.bias!r}")

    def output_shape(self, input_shape: Shape) -> Shape:
        """(units,)."""
        if len(input_shape) != 1:
            raise ShapeError(f"expects inputs of shape (n_in,), got {input_shape}; put Flatten() before it")
        return (self.units,)

    def parameters(self, input_shape: Shape) -> dict[str, Parameter]:
        """``weight`` (units, n_in) and, unless left out, ``bias`` (units,)."""
        shape = (self.units, *input_shape)
        weight = Parameter(shape, std=self.gain * STANDARD_DEVIATIONS[self._initializer()](shape), penalized=True)
        return {"weight": weight} if self.bias is False else {"weight": weight, "bias": Parameter((self.units,))}

    def _initializer(self) -> str:
        if self.initializer != "auto":
            return self.initializer
        return "he" if self.activation in ("relu", "leaky_relu") else "xavier"

    def forward(self, p: Tensors, x: Tensor, memory: Memory) -> Tensor:
        """z = x Wᵀ + b, overwritten by a = g(z)."""
        z = memory.buffer("a", (*x.shape[:-1], self.units), x)
        dense(x, p["weight"], p.get("bias"), out=z)
        a = ACTIVATIONS[self.activation].forward(z, z)
        memory.kept["x"], memory.kept["a"] = x, a
        return a

    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: Memory) -> Tensor | None:
        """d_z = d_a ∘ g′, dW = d_zᵀ x, db = Σ d_z, d_x = d_z W."""
        x, a = memory.kept["x"], memory.kept["a"]
        d_z = ACTIVATIONS[self.activation].backward(d_y, a, d_y)
        dense_backward_weight(d_z, x, out=g["weight"])
        if "bias" in g:
            dense_backward_bias(d_z, out=g["bias"])
        if not memory.needs_input_gradient:
            return None
        return dense_backward_input(d_z, p["weight"], out=memory.buffer("d_x", x.shape, x))

    def flops(self, input_shape: Shape) -> int:
        """2 n_in units for the products and sums."""
        return 2 * input_shape[0] * self.units


def check_activation(layer: str, name: str) -> None:
    """Raise `UsageError` with the nearest names when ``name`` is no activation."""
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise UsageError(f"{layer}: unknown activation '{name}'.{nearest(str(name), ACTIVATIONS)}")
