"""θ: all parameters of a network as views into one flat tensor (idea 3 of the design)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from leadline.network.layer import ParameterSpec, Shape, Tensors, Tree


@dataclass(frozen=True)
class Slot:
    """Where one parameter lies in θ."""

    layer: int
    name: str
    parameter: ParameterSpec
    start: int

    @property
    def key(self) -> str:
        """The full name, such as ``layers.0.weight``."""
        return f"layers.{self.layer}.{self.name}"

    @property
    def stop(self) -> int:
        """One past the last entry."""
        return self.start + math.prod(self.parameter.shape)


@dataclass(frozen=True)
class Layout:
    """The order of parameters in θ: penalized ones first, so a penalty acts on ``θ[..., :n_penalized]`` at once."""

    slots: tuple[Slot, ...]
    n_layers: int

    @classmethod
    def of(cls, layers: list[dict[str, ParameterSpec]]) -> Layout:
        """Lay out the parameters of a sequence of layers."""
        named = [(i, name, parameter) for i, layer in enumerate(layers) for name, parameter in layer.items()]
        slots, start = [], 0
        for i, name, parameter in sorted(named, key=lambda item: not item[2].penalized):
            slots.append(Slot(i, name, parameter, start))
            start = slots[-1].stop
        return cls(tuple(slots), len(layers))

    @property
    def n(self) -> int:
        """The number of trained values."""
        return self.slots[-1].stop if self.slots else 0

    @property
    def n_penalized(self) -> int:
        """The number of values that penalties act on: the first ones of θ."""
        return max((slot.stop for slot in self.slots if slot.parameter.penalized), default=0)

    def in_layer_order(self) -> list[Slot]:
        """The slots by layer and, within a layer, as the layer names them."""
        return sorted(self.slots, key=lambda slot: slot.layer)


@dataclass
class Parameters:
    """θ of shape (n,), or (P, n) for a population, with named views, and the layers' untrained statistics."""

    layout: Layout
    theta: Tensor
    statistics: list[Tensors] = field(default_factory=list)
    layers: list[Tensors] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.layers = [Tree() for _ in range(self.layout.n_layers)]
        for slot in self.layout.slots:
            self.layers[slot.layer][slot.name] = self.view(slot)

    def view(self, slot: Slot) -> Tensor:
        """The part of θ that belongs to one parameter, in its shape."""
        part = self.theta[..., slot.start : slot.stop]
        return part.view(*self.theta.shape[:-1], *slot.parameter.shape)

    def named(self) -> Tensors:
        """Every parameter by its full name, in layer order."""
        return {slot.key: self.view(slot) for slot in self.layout.in_layer_order()}

    def named_statistics(self) -> Tensors:
        """Every untrained tensor by its full name."""
        return {f"layers.{i}.{name}": t for i, layer in enumerate(self.statistics) for name, t in layer.items()}

    def zeros_like(self) -> Parameters:
        """The same layout over a new vector of zeros: where gradients are written."""
        return Parameters(self.layout, torch.zeros_like(self.theta))

    def clone(self) -> Parameters:
        """A copy that shares no memory."""
        return Parameters(
            self.layout, self.theta.clone(), [{k: t.clone() for k, t in s.items()} for s in self.statistics]
        )

    def copy_(self, other: Parameters) -> Parameters:
        """Take over the values of ``other``, in place."""
        self.theta.copy_(other.theta)
        for mine, theirs in zip(self.statistics, other.statistics, strict=True):
            for name, tensor in mine.items():
                tensor.copy_(theirs[name])
        return self

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Parameters:
        """The same values on a device, in a floating-point type."""
        statistics = [{k: t.to(device, dtype) for k, t in s.items()} for s in self.statistics]
        return Parameters(self.layout, self.theta.to(device, dtype), statistics)

    def members(self) -> int | None:
        """P for a population, None for one network."""
        return self.theta.shape[0] if self.theta.dim() == 2 else None


def shape_text(shape: Shape) -> str:
    """A shape as people write it: ``64``, ``32×32×3``."""
    return "×".join(str(n) for n in shape)
