"""Layers that training leaves as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor
from typing_extensions import override

from leadline.network.composite import Composite
from leadline.network.layer import Layer, LayerContext, ParameterSpec, Shape, Tensors, Tree


@dataclass(frozen=True)
class Frozen(Composite, abstract=True):
    """The first layers of a network, frozen: they compute as in prediction, and what they know is not in θ.

    Their parameters count as statistics, so that no update, penalty or average touches them; batch normalization takes
    its running mean and variance and does not move them, and dropout is off. It stands at a network's beginning, where
    nobody asks for the derivative by its input.
    """

    body: Sequence[Layer]

    @override
    def branches(self) -> dict[str, Sequence[Layer]]:
        return {"body": self.body}

    @override
    def output_shape(self, input_shape: Shape) -> Shape:
        return self.branch_shape("body", input_shape)

    @override
    def parameters(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        return {}

    def statistics(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """All tensors of the layers, by path: ``body.0.weight``."""
        return {**super().parameters(input_shape), **super().statistics(input_shape)}

    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """As in prediction, whatever the mode."""
        if "still" not in memory.kept:
            tensors = Tree(memory.statistics)
            memory.kept["still"] = tensors, LayerContext(needs_input_gradient=False, statistics=tensors)
        tensors, still = memory.kept["still"]
        still.lengths = memory.lengths
        output = self.branch_forward("body", tensors, x, still)
        memory.kept["lengths"] = still.kept["lengths"]
        return output

    @override
    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor | None:
        return None

    @property
    @override
    def frozen(self) -> bool:
        return True

    @property
    @override
    def draws(self) -> bool:
        return False

    @override
    def least_batch(self, input_shape: Shape) -> int:
        return 1

    @property
    @override
    def depth(self) -> int:
        return sum(layer.depth for layer in self.body)
