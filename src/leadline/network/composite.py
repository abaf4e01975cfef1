"""Layers made of layers: their parameters' names carry the path, such as ``layers.3.body.0.weight``."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import Tensor
from typing_extensions import override

from leadline.network.layer import Layer, LayerContext, OverSteps, ParameterSpec, Shape, Tensors, branch
from leadline.network.sequence import shapes_through, takes_any_length


class Composite(Layer, abstract=True):
    """Sequences of layers by name, each of which sees the layer's input; subclasses say how their outputs combine."""

    @abstractmethod
    def branches(self) -> dict[str, Sequence[Layer]]:
        """The sequences, in the order of their parameters."""

    def parameters(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """Those of all layers, by path: ``body.0.weight``."""
        return {
            f"{path}.{name}": parameter
            for path, layer, shape in self._inner_layers(input_shape)
            for name, parameter in layer.parameters(shape).items()
        }

    @override
    def statistics(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        return {
            f"{path}.{name}": statistic
            for path, layer, shape in self._inner_layers(input_shape)
            for name, statistic in layer.statistics(shape).items()
        }

    def activation_values(self, input_shape: Shape) -> int:
        """Those of all layers, and the sum."""
        inner = sum(layer.activation_values(shape) for _, layer, shape in self._inner_layers(input_shape))
        return inner + super().activation_values(input_shape)

    @override
    def flops(self, input_shape: Shape) -> int:
        return sum(layer.flops(shape) for _, layer, shape in self._inner_layers(input_shape))

    @property
    @override
    def depth(self) -> int:
        return max(sum(layer.depth for layer in layers) for layers in self.branches().values())

    def with_branches(self, branches: Mapping[str, Sequence[Layer]]) -> Layer:
        """The same layer with other sequences; here they are the fields of that name."""
        return replace(self, **branches)  # type: ignore[type-var]  # every concrete layer is a dataclass

    def widened(self, factor: float, input_widened: bool) -> Layer | None:
        """None: what is widened are the layers inside (`leadline.network.edits.widened`)."""
        return None

    @property
    @override
    def draws(self) -> bool:
        return any(layer.draws for layers in self.branches().values() for layer in layers)

    @override
    def least_batch(self, input_shape: Shape) -> int:
        return max((layer.least_batch(shape) for _, layer, shape in self._inner_layers(input_shape)), default=1)

    def branch_shape(self, name: str, input_shape: Shape) -> Shape:
        """The shape of one example after a sequence."""
        return shapes_through(self.branches()[name], input_shape, name)[-1]

    def branch_forward(self, name: str, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """Through one sequence."""
        lengths = memory.lengths
        for i, layer in enumerate(self.branches()[name]):
            path = f"{name}.{i}"
            inner = memory.inner(path)
            inner.lengths = lengths
            x = layer.forward(branch(p, path), x, inner)
            lengths = layer.output_lengths(inner)
        memory.kept["lengths"] = lengths  # equal for all branches whose outputs can be combined
        return x

    @property
    @override
    def over_steps(self) -> OverSteps:
        kinds: set[OverSteps] = {_over_steps(layers) for layers in self.branches().values()}
        return kinds.pop() if len(kinds) == 1 else "fixed"

    @override
    def output_lengths(self, memory: LayerContext) -> Tensor | None:
        return memory.kept["lengths"]

    def branch_backward(self, name: str, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor | None:
        """Back through one sequence; None when nobody needs the derivative by the input."""
        layers, d_x = self.branches()[name], d_y
        for i in range(len(layers) - 1, -1, -1):
            path = f"{name}.{i}"
            inner = memory.inner(path)
            inner.needs_input_gradient = i > 0 or memory.needs_input_gradient
            below = layers[i].backward(branch(p, path), branch(g, path), d_x, inner)
            if below is None:
                return None
            d_x = below
        return d_x

    def _inner_layers(self, input_shape: Shape) -> list[tuple[str, Layer, Shape]]:
        """Every layer with its path and the shape of its input."""
        layers_with_paths = []
        for name, layers in self.branches().items():
            shapes = shapes_through(layers, input_shape, name)
            layers_with_paths += [(f"{name}.{i}", layer, shapes[i]) for i, layer in enumerate(layers)]
        return layers_with_paths


def _over_steps(layers: Sequence[Layer]) -> OverSteps:
    """What layers one after another do with sequences."""
    if all(layer.over_steps == "any" for layer in layers):
        return "any"
    return "removed" if takes_any_length(layers) else "fixed"
