"""Recurrent layers: units that read a sequence step by step and hand a state on."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from torch import Tensor
from typing_extensions import override

from leadline.equations.recurrence import (
    Gradients,
    Trace,
    gru,
    gru_backward,
    lstm,
    lstm_backward,
    simple_recurrent,
    simple_recurrent_backward,
)
from leadline.errors import UsageError
from leadline.network.layer import LayerContext, ParameterSpec, Shape, Tensors, branch
from leadline.network.steps import SequenceLayer, check_sequence, counts
from leadline.network.windows import check_count

REVERSE = "reverse"
"""The path of the parameters that read from the end to the beginning."""


class Recurrent(SequenceLayer, abstract=True):
    """``units`` numbers for each step (steps, units), or with ``last`` after the last one, (units,).

    ``bidirectional`` reads from both ends, with weights of their own: 2 · ``units`` numbers, of which with ``last``
    each half is what its direction ends with. Nothing is handed back across blocks of ``truncate`` steps.

    Parameters, with k gates: ``weight`` (k·units, n), ``recurrent`` (k·units, units), ``bias`` (k·units,), and with
    ``bidirectional`` the same under ``reverse.``. Both products start with signals of one size (Xavier).
    """

    units: int
    bidirectional: bool
    last: bool
    truncate: int | None

    gates: ClassVar[int]

    @property
    def state_units(self) -> int:
        """Numbers in the state: the units', and what else a step hands on."""
        return self.units

    def __post_init__(self) -> None:
        kind = self.kind()
        check_count(kind, "units", self.units)
        for name in ("bidirectional", "last"):
            if not isinstance(getattr(self, name), bool):
                raise UsageError(f"{kind}: {name} must be true or false, got {getattr(self, name)!r}")
        if self.truncate is not None:
            check_count(kind, "truncate", self.truncate)

    @abstractmethod
    def run(self, p: Tensors, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Trace]:
        """Outputs (m, steps, units), the last state (units first) and what goes back."""

    @abstractmethod
    def run_backward(self, p: Tensors, d_outputs: Tensor, d_last: Tensor | None, trace: Trace) -> Gradients:
        """Back through `run`."""

    def output_shape(self, input_shape: Shape) -> Shape:
        """(steps, n) or (n,), n = units, twice as many for both directions."""
        steps, _ = check_sequence(input_shape)
        n = self.units * self._directions
        return (n,) if self.last else (steps, n)

    @override
    def parameters(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        own = self.direction_parameters(input_shape[1])
        return own | ({f"{REVERSE}.{name}": spec for name, spec in own.items()} if self.bidirectional else {})

    def direction_parameters(self, n_in: int) -> dict[str, ParameterSpec]:
        """Those of one direction."""
        rows = self.gates * self.units
        return {
            "weight": ParameterSpec((rows, n_in), std=math.sqrt(1 / n_in), penalized=True),
            "recurrent": ParameterSpec((rows, self.units), std=math.sqrt(1 / self.units), penalized=True),
            "bias": ParameterSpec((rows,)),
        }

    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """Both directions read the same steps; the second from the end."""
        mask = counts(memory.lengths, x.shape[1])
        mask = None if mask is None else mask.to(x.dtype)
        outputs, state, memory.kept["trace"] = self.run(p, x, mask)
        if self.bidirectional:
            flipped = None if mask is None else mask.flip(1)
            back, back_state, memory.kept["reverse"] = self.run(branch(p, REVERSE), x.flip(1), flipped)
            if self.last:
                return torch.cat([state[:, : self.units], back_state[:, : self.units]], 1)
            return torch.cat([outputs, back.flip(1)], 2)
        return state[:, : self.units] if self.last else outputs

    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor | None:
        """Backpropagation through time in each direction; what both hand to the input is added."""
        d_x = self._direction_backward(p, g, d_y[..., : self.units], memory.kept.pop("trace"))
        if self.bidirectional:
            d_back = d_y[..., self.units :]
            d_back = d_back if self.last else d_back.flip(1)
            trace = memory.kept.pop("reverse")
            d_x = d_x + self._direction_backward(branch(p, REVERSE), branch(g, REVERSE), d_back, trace).flip(1)
        return d_x

    def _direction_backward(self, p: Tensors, g: Tensors, d_y: Tensor, trace: Trace) -> Tensor:
        if self.last:
            d_last = torch.cat([d_y, d_y.new_zeros(len(d_y), self.state_units - self.units)], 1)
            gradients = self.run_backward(p, d_y.new_zeros(1).expand(*trace.x.shape[:2], self.units), d_last, trace)
        else:
            gradients = self.run_backward(p, d_y, None, trace)
        for name in g:
            if "." not in name:
                g[name].copy_(getattr(gradients, name))
        return gradients.x

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @override
    def flops(self, input_shape: Shape) -> int:
        steps, n = input_shape
        return 2 * self._directions * steps * self.gates * self.units * (n + self.units)

    @property
    @override
    def over_steps(self) -> Literal["any", "removed"]:
        return "removed" if self.last else "any"

    @property
    @override
    def depth(self) -> int:
        return 1

    @property
    @override
    def n_outputs(self) -> int:
        return self.units

    @override
    def with_outputs(self, n: int) -> Recurrent:
        return replace(self, units=n)  # type: ignore[type-var]  # every concrete layer is a dataclass

    @property
    @override
    def needs_output(self) -> bool:
        return False


@dataclass(frozen=True)
class SimpleRecurrent(Recurrent):
    """``h = tanh(W x + U h + b)`` (Elman, 1990); see `Recurrent`."""

    units: int
    bidirectional: bool = False
    last: bool = False
    truncate: int | None = None

    gates: ClassVar[int] = 1

    @override
    def run(self, p: Tensors, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Trace]:
        return simple_recurrent(x, p["weight"], p["recurrent"], p["bias"], mask=mask)

    @override
    def run_backward(self, p: Tensors, d_outputs: Tensor, d_last: Tensor | None, trace: Trace) -> Gradients:
        return simple_recurrent_backward(d_outputs, d_last, p["weight"], p["recurrent"], trace, self.truncate)


@dataclass(frozen=True)
class GRU(Recurrent):
    """The gated recurrent unit (Cho et al., 2014) with torch's gates; see `Recurrent`.

    It has a second bias, ``recurrent_bias`` (3·units,), which the reset gate acts on.
    """

    units: int
    bidirectional: bool = False
    last: bool = False
    truncate: int | None = None

    gates: ClassVar[int] = 3

    @override
    def direction_parameters(self, n_in: int) -> dict[str, ParameterSpec]:
        return super().direction_parameters(n_in) | {"recurrent_bias": ParameterSpec((3 * self.units,))}

    @override
    def run(self, p: Tensors, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Trace]:
        return gru(x, p["weight"], p["recurrent"], p["bias"], p["recurrent_bias"], mask=mask)

    @override
    def run_backward(self, p: Tensors, d_outputs: Tensor, d_last: Tensor | None, trace: Trace) -> Gradients:
        return gru_backward(d_outputs, d_last, p["weight"], p["recurrent"], trace, self.truncate)


@dataclass(frozen=True)
class LSTM(Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997) with torch's gates; see `Recurrent`.

    The forget gate's bias starts at 1, so that the cell keeps what it has (Jozefowicz et al., 2015).
    """

    units: int
    bidirectional: bool = False
    last: bool = False
    truncate: int | None = None

    gates: ClassVar[int] = 4

    @property
    def state_units(self) -> int:
        """The units' and the cells'."""
        return 2 * self.units

    @override
    def direction_parameters(self, n_in: int) -> dict[str, ParameterSpec]:
        start = torch.zeros(4 * self.units)
        start[self.units : 2 * self.units] = 1
        return super().direction_parameters(n_in) | {"bias": ParameterSpec((4 * self.units,), value=start)}

    @override
    def run(self, p: Tensors, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Trace]:
        return lstm(x, p["weight"], p["recurrent"], p["bias"], mask=mask)

    @override
    def run_backward(self, p: Tensors, d_outputs: Tensor, d_last: Tensor | None, trace: Trace) -> Gradients:
        return lstm_backward(d_outputs, d_last, p["weight"], p["recurrent"], trace, self.truncate)
