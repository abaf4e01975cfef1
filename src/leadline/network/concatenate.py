"""Branches side by side whose channels are joined: fire modules, inception, dense connections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from leadline.errors import UsageError
from leadline.network.composite import Composite
from leadline.network.layer import Layer, LayerContext, Shape, ShapeError, Tensors
from leadline.network.sequence import as_sequence


@dataclass(frozen=True)
class Concatenate(Composite):
    """Sequences of layers that all see the input; their outputs stand one after another along the first axis.

    ``Concatenate([[Convolution(64, 1)], [Convolution(64, 3, padding="same")]])`` has 128 channels. An empty part hands
    the input on as it is. Parameters carry the part in their names: ``parts.1.0.weight``.
    """

    parts: Sequence[Sequence[Layer]]

    def __post_init__(self) -> None:
        if not isinstance(self.parts, Iterable) or isinstance(self.parts, str):
            raise UsageError(f"concatenate: parts is a list of lists of layers, got {self.parts!r}")
        given = tuple(self.parts)
        for i, part in enumerate(given):
            if isinstance(part, Layer) or not isinstance(part, Iterable):
                raise UsageError(f"concatenate: parts[{i}] is a list of layers, got {part!r}")
        if len(given) < 2:
            raise UsageError(f"concatenate: there must be two parts at least, got {len(given)}")
        parts = tuple(as_sequence(part, f"concatenate: parts[{i}]") for i, part in enumerate(given))
        object.__setattr__(self, "parts", parts)

    @override
    def branches(self) -> dict[str, Sequence[Layer]]:
        return {f"parts.{i}": part for i, part in enumerate(self.parts)}

    @override
    def with_branches(self, branches: Mapping[str, Sequence[Layer]]) -> Concatenate:
        return Concatenate(tuple(branches.values()))

    def output_shape(self, input_shape: Shape) -> Shape:
        """The first axes add up; the others must be equal."""
        shapes = [self.branch_shape(name, input_shape) for name in self.branches()]
        if len({shape[1:] for shape in shapes}) > 1:
            listed = ", ".join(str(shape) for shape in shapes)
            raise ShapeError(f"the parts compute {listed}; only shapes equal but for the first axis can be joined")
        return (sum(shape[0] for shape in shapes), *shapes[0][1:])

    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """The parts' outputs, copied side by side into one buffer."""
        outputs = [self.branch_forward(name, p, x, memory) for name in self.branches()]
        memory.kept["sizes"] = [output.shape[1] for output in outputs]
        shape = (len(x), sum(memory.kept["sizes"]), *outputs[0].shape[2:])
        return torch.cat(outputs, 1, out=memory.buffer("y", shape, x))

    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor | None:
        """Each part gets its channels' derivative; what comes out of them is added."""
        total: Tensor | None = None
        for name, d_part in zip(self.branches(), d_y.split(memory.kept["sizes"], 1), strict=True):
            own = memory.buffer(f"d_{name}", d_part.shape, d_part).copy_(d_part)
            d_x = self.branch_backward(name, p, g, own, memory)
            if d_x is not None:
                total = d_x if total is None else total.add_(d_x)
        return total

    @property
    @override
    def needs_output(self) -> bool:
        return False

    @override
    def onnx(self, export: Any, value: str) -> str:
        parts = [export.through(part, name, value) for name, part in self.branches().items()]
        return export.graph.add("Concat", *parts, axis=1)
