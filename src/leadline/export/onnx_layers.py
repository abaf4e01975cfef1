"""Layers in ONNX, as they predict: dropout and stochastic depth leave out nothing, averages are the running ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from leadline.equations.activations import ACTIVATIONS
from leadline.export.onnx_graph import OnnxGraph
from leadline.network import Layer
from leadline.network.layer import Shape, Tensors, branch


class LayerExport:
    """One layer on its way into a graph: where it stands (``layers.3.body.0``), its tensors, its input's shape."""

    def __init__(self, graph: OnnxGraph, place: str, tensors: Tensors, input_shape: Shape) -> None:
        self.graph, self.place, self.tensors, self.input_shape = graph, place, tensors, input_shape

    def tensor(self, name: str) -> str:
        """A parameter or statistic as a constant under its own name, float32."""
        return self.array(self.tensors[name], name)

    def array(self, values: Tensor, name: str) -> str:
        """Values as a constant, float32."""
        return self.graph.constant(values.detach().cpu().numpy(), f"{self.place}.{name}", np.float32)

    def activated(self, name: str, value: str) -> str:
        """g(value)."""
        return ACTIVATIONS[name].onnx(self.graph, value)

    def dense(self, value: str, weight: str, bias: str) -> str:
        """x Wᵀ + b, without b where the layer has none."""
        biases = [self.tensor(bias)] if bias in self.tensors else []
        return self.graph.add("Gemm", value, self.tensor(weight), *biases, transB=1)

    def through(self, layers: Sequence[Layer], name: str, value: str) -> str:
        """Layers inside this one, one after another."""
        shape = self.input_shape
        for i, layer in enumerate(layers):
            path = f"{name}.{i}"
            inner = LayerExport(self.graph, f"{self.place}.{path}", branch(self.tensors, path), shape)
            value, shape = inner.exported(layer, value), layer.output_shape(shape)
        return value

    def exported(self, layer: Layer, value: str) -> str:
        """The layer's output for ``value``; `LeadlineError`, naming it, for one that does not say how."""
        return layer.onnx(self, value) if layer.says("onnx") else Layer.onnx(layer, self, value)

    def member(self, i: int) -> LayerExport:
        """The same place for one member of an ensemble, whose tensors are its part of these."""
        tensors = {name: tensor[i] for name, tensor in self.tensors.items()}
        return LayerExport(self.graph, f"{self.place}.members.{i}", tensors, self.input_shape)
