"""An ensemble of equal networks as one layer, so that all that looks at a network can look at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from leadline.equations.ensembles import MEANS
from leadline.errors import UsageError, nearest
from leadline.network.composite import Composite
from leadline.network.layer import Layer, LayerContext, ParameterSpec, Shape, Tensors
from leadline.network.parameters import Layout, Parameters
from leadline.network.sequence import as_sequence


@dataclass(frozen=True)
class Ensemble(Composite):
    """``members`` networks of the same ``layers`` for the same examples, each with its own parameters; their mean.

    Inputs are (n,), outputs (k,). ``mean_of`` says what is averaged: "linear" the outputs, "softmax" or "sigmoid" the
    probabilities, given back as logits; `Network.for_loss` sets it. Parameters have a leading axis for the members, and
    paths: ``layers.0.weight`` is (members, units, n). Training goes on in each member by itself, as in a population.
    """

    layers: Sequence[Layer]
    members: int = 8
    mean_of: str = "linear"

    def __post_init__(self) -> None:
        if not isinstance(self.layers, tuple | list) or not self.layers:
            raise UsageError(f"ensemble: layers must be at least one layer, got {self.layers!r}")
        object.__setattr__(self, "layers", as_sequence(self.layers, "ensemble: layers"))
        for i, layer in enumerate(self.layers):
            if layer.in_population != layer:
                raise UsageError(f"an ensemble is made of dense networks, got layers[{i}] {layer}; use members = 1")
        if type(self.members) is not int or self.members < 2:
            raise UsageError(f"ensemble: members must be a whole number of at least 2, got {self.members!r}")
        if self.mean_of not in MEANS:
            raise UsageError(f"ensemble: unknown mean_of '{self.mean_of}'.{nearest(str(self.mean_of), MEANS)}")

    @override
    def branches(self) -> dict[str, Sequence[Layer]]:
        return {"layers": self.layers}

    @override
    def output_shape(self, input_shape: Shape) -> Shape:
        return self.branch_shape("layers", input_shape)

    def parameters(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """Those of one member, with a leading axis."""
        return {name: self._stacked(one) for name, one in super().parameters(input_shape).items()}

    def statistics(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """Those of one member, with a leading axis."""
        return {name: self._stacked(one) for name, one in super().statistics(input_shape).items()}

    def _stacked(self, one: ParameterSpec) -> ParameterSpec:
        shape = (self.members, *one.shape)
        return replace(one, shape=shape, value=None if one.value is None else one.value.expand(shape).clone())

    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """The mean of the members' outputs for ``x`` (m, n), which all of them see."""
        z = self.branch_forward("layers", p, x.expand(self.members, *x.shape), memory)
        memory.kept["z"] = z
        return MEANS[self.mean_of].forward(z)

    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor | None:
        """Each member's part of the derivative goes back through it; what they hand down is added."""
        d_z = MEANS[self.mean_of].backward(d_y, memory.kept["z"])
        d_x = self.branch_backward("layers", p, g, d_z, memory)
        return None if d_x is None else torch.sum(d_x, 0)

    def activation_values(self, input_shape: Shape) -> int:
        """Those of all members, and the mean."""
        (k,) = self.output_shape(input_shape)
        return self.members * (super().activation_values(input_shape) - k) + k

    @override
    def flops(self, input_shape: Shape) -> int:
        return self.members * super().flops(input_shape)

    @property
    @override
    def needs_output(self) -> bool:
        return False

    @override
    def onnx(self, export: Any, value: str) -> str:
        graph, outputs = export.graph, []
        for i in range(self.members):
            predicted = export.activated(self.mean_of, export.member(i).through(self.layers, "layers", value))
            outputs.append(graph.add("Unsqueeze", predicted, graph.constant([0], "member_axis", np.int64)))
        members = graph.add("Concat", *outputs, axis=0)
        mean = graph.add("ReduceMean", members, graph.constant([0], "member_axis", np.int64), keepdims=0)
        if self.mean_of == "linear":
            return mean
        log_mean = graph.add("Log", mean)
        if self.mean_of == "softmax":
            return log_mean
        return graph.add(
            "Sub", log_mean, graph.add("Log", graph.add("Sub", graph.constant(1.0, "one", np.float32), mean))
        )


def as_population(ensemble: Parameters) -> Parameters:
    """The parameters of a network that is an ensemble as those of a population of its members: θ (P, n), a copy."""
    stacked = ensemble.layers[0]
    members = len(next(iter(stacked.values())))
    layout = _member_layout(ensemble.layout)
    theta = ensemble.theta.new_empty(members, layout.n)
    statistics: list[Tensors] = [{} for _ in range(layout.n_layers)]
    for path, tensor in (ensemble.statistics[0] if ensemble.statistics else {}).items():
        i, name = _place(path)
        statistics[i][name] = tensor.clone()
    population = Parameters(layout, theta, statistics)
    for slot in layout.slots:
        population.view(slot).copy_(stacked[f"layers.{slot.layer}.{slot.name}"])
    return population


def take_over_members(ensemble: Parameters, members: Sequence[Parameters]) -> None:
    """Write the parameters of each member, (n,), into those of their ensemble."""
    for slot in members[0].layout.slots:
        stacked = ensemble.layers[0][f"layers.{slot.layer}.{slot.name}"]
        torch.stack([member.view(slot) for member in members], out=stacked)
    for path, stacked in (ensemble.statistics[0] if ensemble.statistics else {}).items():
        i, name = _place(path)
        torch.stack([member.statistics[i][name] for member in members], out=stacked)


def _member_layout(layout: Layout) -> Layout:
    """The layout of one member."""
    places = [(*_place(slot.name), slot.parameter) for slot in layout.slots]
    layers: list[dict[str, ParameterSpec]] = [{} for _ in range(1 + max(i for i, _, _ in places))]
    for i, name, parameter in places:
        layers[i][name] = replace(parameter, shape=parameter.shape[1:], value=None)
    return Layout.of(layers)


def _place(path: str) -> tuple[int, str]:
    """Layer and name of what an ensemble calls ``layers.3.weight``."""
    _, i, name = path.split(".", 2)
    return int(i), name
