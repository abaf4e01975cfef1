"""A network: a sequence of layers as one value, with its forward and backward pass over θ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from leadline.equations.initialization import fill_normal
from leadline.equations.losses import LOSSES
from leadline.errors import UsageError
from leadline.network.depth_report import DepthReport, depth_report
from leadline.network.ensemble import Ensemble
from leadline.network.graph import graph_svg
from leadline.network.layer import Layer, LayerContext, ParameterSpec, Shape, ShapeError, layer_from_config
from leadline.network.mismatch import explain
from leadline.network.parameters import Layout, Parameters
from leadline.network.sequence import as_sequence, shapes_through, takes_any_length
from leadline.network.summary import Summary, summarize

if TYPE_CHECKING:
    from leadline.experiment import NetworkSection


Trained = TypeVar("Trained", covariant=True)


class HasNetwork(Protocol[Trained]):
    """Anything that holds a trained network: a run."""

    def final_network(self) -> Trained:
        """The network with its parameters and the preparation of its inputs."""
        ...


@dataclass(frozen=True, init=False, repr=False)
class Network:
    """Layers in order, the output layer last. A value: it prints, compares, hashes, and holds no parameters.

    The depth counts the layers with weights, not the input. For cross-entropy losses the output layer computes
    logits; a final "sigmoid" or "softmax" that the loss implies is taken into the loss, where it is stable.
    """

    layers: tuple[Layer, ...]

    def __init__(self, layers: Iterable[Layer]) -> None:
        given = as_sequence(layers, "layers")
        if not given:
            raise UsageError("a network needs at least one layer")
        object.__setattr__(self, "layers", given)

    def __repr__(self) -> str:
        return f"Network([{', '.join(str(layer) for layer in self.layers)}])"

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    @property
    def depth(self) -> int:
        """The number of layers with weights."""
        return sum(layer.depth for layer in self.layers)

    # ----- ensembles

    @property
    def members(self) -> int:
        """How many networks of an ensemble this is; 1 if it is none."""
        only = self.layers[0]
        return only.members if isinstance(only, Ensemble) and len(self.layers) == 1 else 1

    @property
    def member(self) -> Network:
        """One member of an ensemble, as a network; without an ensemble the network itself."""
        only = self.layers[0]
        return Network(only.layers) if isinstance(only, Ensemble) and len(self.layers) == 1 else self

    def ensemble(self, members: int) -> Network:
        """The ensemble of so many networks like this one; 1 gives the network itself."""
        return self if members == 1 else Network([Ensemble(self.member.layers, members)])

    # ----- as a table of an experiment file

    def config(self) -> list[dict[str, Any]]:
        """The layers as tables, for an experiment file."""
        return [layer.config() for layer in self.layers]

    @classmethod
    def from_section(cls, section: NetworkSection) -> Network:
        """The network that ``[network]`` of a resolved experiment describes, an ensemble where it has members."""
        return cls.from_config(section.layers or ()).ensemble(section.members or 1)

    @classmethod
    def from_config(cls, tables: Sequence[dict[str, Any]]) -> Network:
        """Build from the tables of an experiment file; errors name the layer's index."""
        layers = []
        for i, table in enumerate(tables):
            try:
                layers.append(layer_from_config(table))
            except UsageError as error:
                raise UsageError(f"layers[{i}]: {error}") from None
        return cls(layers)

    @classmethod
    def from_run(cls, run: HasNetwork[Trained]) -> Trained:
        """The trained network of a run, ready to predict on new rows: the final one where it was trained once more."""
        return run.final_network()

    # ----- shapes

    def shapes(self, input_shape: Shape) -> list[Shape]:
        """The shape of one example before the first layer and after each; raises `ShapeError` naming the layer."""
        return shapes_through(self.layers, input_shape, "layers")

    def layout(self, input_shape: Shape) -> Layout:
        """Where each parameter lies in θ."""
        shapes = self.shapes(input_shape)
        return Layout.of([layer.parameters(shape) for layer, shape in zip(self.layers, shapes, strict=False)])

    def check_input(self, x: Tensor, input_shape: Shape) -> None:
        """Raise `ShapeError` unless ``x`` is a batch of examples of ``input_shape``."""
        if tuple(x.shape[1:]) != tuple(input_shape):
            raise ShapeError(
                f"layers[0] {self.layers[0]}: expects examples of shape {tuple(input_shape)}, "
                f"got {tuple(x.shape[1:])} (the array has shape {tuple(x.shape)})"
            )

    def lengths(self, x: Tensor) -> Tensor | None:
        """How many steps of each example of ``x`` count, int64 (m,), where batches are cut to the longest."""
        return self.layers[0].input_lengths(x) if takes_any_length(self.layers) else None

    # ----- parameters

    def initialize(
        self,
        input_shape: Shape,
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        generator: str = "torch",
    ) -> Parameters:
        """θ and statistics at their start.

        Values are drawn in float64 on the CPU, in layer order, so that precision and device do not change the start.
        ``generator`` "numpy" draws with ``numpy.random.RandomState(seed).randn``, to repeat published starts.
        """
        layout = self.layout(input_shape)
        start = Parameters(layout, torch.zeros(layout.n, dtype=torch.float64))
        random = np.random.RandomState(seed) if generator == "numpy" else torch.Generator().manual_seed(seed)
        for slot in layout.in_layer_order():
            view = start.view(slot)
            if slot.parameter.std > 0:
                fill_normal(view, slot.parameter.std, random)
            view.add_(slot.parameter.fill if slot.parameter.value is None else slot.parameter.value.to(view))
        return Parameters(layout, start.theta.to(device, dtype), self.statistics(input_shape, dtype, device))

    def statistics(self, input_shape: Shape, dtype: torch.dtype, device: torch.device | str) -> list[dict[str, Tensor]]:
        """The layers' untrained tensors at their start."""
        shapes = self.shapes(input_shape)
        return [
            {name: _start(parameter).to(device, dtype) for name, parameter in layer.statistics(shape).items()}
            for layer, shape in zip(self.layers, shapes, strict=False)
        ]

    # ----- passes

    def memories(
        self, parameters: Parameters, training: bool = False, generator: torch.Generator | None = None
    ) -> list[LayerContext]:
        """A fresh memory for each layer; those before the first layer with parameters need no input gradient."""
        first = min((slot.layer for slot in parameters.layout.slots), default=0)
        statistics = parameters.statistics or [{} for _ in self.layers]
        memories = [LayerContext(training, i > first, generator, statistics[i]) for i in range(len(self.layers))]
        memories[0].trim = takes_any_length(self.layers)
        return memories

    def forward(self, parameters: Parameters, x: Tensor, memories: Sequence[LayerContext] | None = None) -> Tensor:
        """The output for a batch, in a buffer of the last memory; the memories keep what `backward` needs."""
        memories = self.memories(parameters) if memories is None else memories
        i, output = 0, x
        try:
            for i in range(len(self.layers)):
                output = self.forward_layer(i, parameters, output, memories)
        except (RuntimeError, LookupError, ShapeError) as error:
            reason = explain(self, i, parameters, x, error)
            if reason is None:
                raise
            raise reason from error
        return output

    def forward_layer(self, i: int, parameters: Parameters, x: Tensor, memories: Sequence[LayerContext]) -> Tensor:
        """The output of one layer; the next layer's memory gets the lengths of its sequences."""
        layer, memory = self.layers[i], memories[i]
        output = layer.forward(parameters.layers[i], x, memory)
        if i + 1 < len(memories):
            memories[i + 1].lengths = layer.output_lengths(memory)
        return output

    def backward(
        self, parameters: Parameters, gradients: Parameters, d_output: Tensor, memories: Sequence[LayerContext]
    ) -> None:
        """Write the derivative of the cost by every parameter into ``gradients``; ``d_output`` may be overwritten."""
        d_y: Tensor | None = d_output
        for i in range(len(self.layers) - 1, -1, -1):
            assert d_y is not None
            d_y = self.layers[i].backward(parameters.layers[i], gradients.layers[i], d_y, memories[i])
            if not memories[i].needs_input_gradient:
                return

    # ----- looking at it

    def summary(
        self, input_shape: Shape | int, batch_size: int = 64, optimizer_averages: int = 2, precision: str = "float32"
    ) -> Summary:
        """Output shape, parameters, FLOPs and memory of every layer; see `leadline.network.summary.summarize`."""
        return summarize(self, input_shape, batch_size, optimizer_averages, precision)

    def graph_svg(self, input_shape: Shape | int) -> str:
        """A picture of the computation graph, as SVG text; of an ensemble that of one member."""
        return graph_svg(self.member, input_shape)

    def depth_report(self, x: Tensor | np.ndarray, seed: int = 0) -> DepthReport:
        """How large activations and gradients are at each layer, at the start, for a batch ``x`` (m, …).

        Of an ensemble one member is looked at: all start alike but for the seed.
        """
        return depth_report(self.member, x, seed)

    def for_loss(self, loss: str) -> Network:
        """The network whose output is what ``loss`` takes: a final sigmoid or softmax becomes part of the loss."""
        output = LOSSES.lookup(loss).activation
        last = self.layers[-1]
        if isinstance(last, Ensemble):
            layers = Network(last.layers).for_loss(loss).layers
            own = replace(last, layers=layers, mean_of=output)
            return Network((*self.layers[:-1], own))
        activation = getattr(last, "activation", "linear")
        if output == "linear" or activation == "linear":
            return self
        if activation != output:
            raise UsageError(
                f"layers[{len(self.layers) - 1}] {last}: an output of '{activation}' does not go with "
                f"the loss '{loss}'; use 'linear' (logits) or '{output}'"
            )
        return Network((*self.layers[:-1], *last.without_activation()))


def _start(statistic: ParameterSpec) -> Tensor:
    """A tensor of its own that holds the starting value."""
    return torch.full(statistic.shape, statistic.fill) if statistic.value is None else statistic.value.clone()
