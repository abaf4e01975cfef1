"""Layers in ONNX, as they predict: dropout and stochastic depth leave out nothing, averages are the running ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from leadline.equations.activations import ACTIVATIONS
from leadline.equations.convolution import Window
from leadline.errors import LeadlineError
from leadline.export.onnx_graph import OnnxGraph
from leadline.network import (
    Activation,
    AveragePool,
    BatchNorm,
    Concatenate,
    Convolution,
    Dense,
    Dropout,
    Ensemble,
    Flatten,
    GlobalAveragePool,
    Image,
    Layer,
    MaxPool,
    PeriodicEmbedding,
    PiecewiseEmbedding,
    Residual,
    SqueezeExcitation,
)
from leadline.network.layer import Shape, Tensors, branch
from leadline.network.windows import pair, window_for


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
            value, shape = exported(layer, inner, value), layer.output_shape(shape)
        return value


def exported(layer: Layer, export: LayerExport, value: str) -> str:
    """The layer's output for ``value``; LeadlineError, naming it, for a layer that ONNX has no form of."""
    form = FORMS.get(type(layer))
    if form is None:
        raise LeadlineError(
            f"{export.place} {layer} cannot be exported: ONNX knows nothing of its Python code. "
            "Train with Leadline's own layers, or export that part with its own framework."
        )
    return form(layer, export, value)


def _dense(layer: Dense, export: LayerExport, value: str) -> str:
    return export.activated(layer.activation, export.dense(value, "weight", "bias"))


def _activation(layer: Activation, export: LayerExport, value: str) -> str:
    return export.activated(layer.activation, value)


def _nothing(layer: Layer, export: LayerExport, value: str) -> str:
    return value


def _flatten(layer: Flatten, export: LayerExport, value: str) -> str:
    shape = export.graph.constant([-1, math.prod(export.input_shape)], "rows_and_values", np.int64)
    return export.graph.add("Reshape", value, shape)


def _image(layer: Image, export: LayerExport, value: str) -> str:
    shape = export.graph.constant([-1, layer.height, layer.width, layer.channels], "rows_and_pixels", np.int64)
    return export.graph.add("Transpose", export.graph.add("Reshape", value, shape), perm=[0, 3, 1, 2])


def _batch_norm(layer: BatchNorm, export: LayerExport, value: str) -> str:
    tensors = [export.tensor(name) for name in ("gamma", "beta", "running_mean", "running_variance")]
    normalized = export.graph.add("BatchNormalization", value, *tensors, epsilon=layer.epsilon)
    return export.activated(layer.activation, normalized)


def _convolution(layer: Convolution, export: LayerExport, value: str) -> str:
    window = window_for(export.input_shape, layer.size, layer.stride, layer.padding, layer.dilation)
    biases = [export.tensor("bias")] if "bias" in export.tensors else []
    attributes = _window(layer.size, window) | {"group": layer.groups, "dilations": list(window.dilation)}
    found = export.graph.add("Conv", value, export.tensor("weight"), *biases, **attributes)
    return export.activated(layer.activation, found)


def _pool(layer: MaxPool | AveragePool, export: LayerExport, value: str) -> str:
    stride = layer.size if layer.stride is None else layer.stride
    attributes = _window(layer.size, window_for(export.input_shape, layer.size, stride, layer.padding))
    if isinstance(layer, MaxPool):
        found = export.graph.add("MaxPool", value, **attributes)
    else:
        found = export.graph.add("AveragePool", value, count_include_pad=1, **attributes)
    return export.activated(layer.activation, found)


def _window(size: Any, window: Window) -> dict[str, Any]:
    top, bottom, left, right = window.padding
    return {"kernel_shape": list(pair(size)), "strides": list(window.stride), "pads": [top, left, bottom, right]}


def _global_average_pool(layer: GlobalAveragePool, export: LayerExport, value: str) -> str:
    axes = export.graph.constant([2, 3], "axes", np.int64)
    return export.graph.add("ReduceMean", value, axes, keepdims=0)


def _concatenate(layer: Concatenate, export: LayerExport, value: str) -> str:
    parts = [export.through(part, name, value) for name, part in layer.branches().items()]
    return export.graph.add("Concat", *parts, axis=1)


def _residual(layer: Residual, export: LayerExport, value: str) -> str:
    body = export.through(layer.body, "body", value)
    shortcut = export.through(layer.shortcut, "shortcut", value)
    return export.activated(layer.activation, export.graph.add("Add", body, shortcut))


def _squeeze_excitation(layer: SqueezeExcitation, export: LayerExport, value: str) -> str:
    graph = export.graph
    mean = graph.add("ReduceMean", value, graph.constant([2, 3], "axes", np.int64), keepdims=0)
    hidden = export.activated(layer.activation, export.dense(mean, "reduce_weight", "reduce_bias"))
    scale = export.activated(layer.gate, export.dense(hidden, "expand_weight", "expand_bias"))
    return graph.add("Mul", value, graph.add("Unsqueeze", scale, graph.constant([2, 3], "axes", np.int64)))


def _periodic(layer: PeriodicEmbedding, export: LayerExport, value: str) -> str:
    graph = export.graph
    frequencies = export.array(2 * math.pi * export.tensors["frequencies"], "frequencies")
    angles = graph.add("Mul", _apart(layer.columns, export, value), frequencies)
    return _beside(export, value, graph.add("Concat", graph.add("Cos", angles), graph.add("Sin", angles), axis=2))


def _piecewise(layer: PiecewiseEmbedding, export: LayerExport, value: str) -> str:
    graph, edges = export.graph, np.array(layer.bin_edges())
    above, beyond = np.zeros(len(edges) - 1), np.ones(len(edges) - 1)  # the first and the last part are not held
    above[0], beyond[-1] = np.finfo(np.float32).min, np.finfo(np.float32).max
    low, width, least, most = (
        graph.constant(numbers, f"{export.place}.{name}", np.float32)
        for numbers, name in ((edges[:-1], "low"), (np.diff(edges), "width"), (above, "least"), (beyond, "most"))
    )
    parts = graph.add("Div", graph.add("Sub", _apart(layer.columns, export, value), low), width)
    return _beside(export, value, graph.add("Min", graph.add("Max", parts, least), most))


def _apart(columns: Sequence[int], export: LayerExport, value: str) -> str:
    """The chosen columns with an axis for their features, (m, c, 1)."""
    graph = export.graph
    if columns:
        value = graph.add("Gather", value, graph.constant(list(columns), f"{export.place}.columns", np.int64), axis=1)
    return graph.add("Unsqueeze", value, graph.constant([2], "feature_axis", np.int64))


def _beside(export: LayerExport, value: str, features: str) -> str:
    """The inputs and behind them what each column's linear map makes of its features (m, c, K)."""
    graph, weight = export.graph, export.tensors["embedding_weight"]
    embedded = graph.add("Einsum", features, export.tensor("embedding_weight"), equation="mck,cdk->mcd")
    embedded = graph.add("Add", embedded, export.tensor("embedding_bias"))
    shape = graph.constant([-1, weight.shape[0] * weight.shape[1]], f"{export.place}.embedded_shape", np.int64)
    return graph.columns([value, graph.add("Reshape", embedded, shape)])


def _ensemble(layer: Ensemble, export: LayerExport, value: str) -> str:
    """The mean of every member's chain of layers: of values, or of probabilities as logits."""
    graph, outputs = export.graph, []
    for i in range(layer.members):
        tensors = {name: tensor[i] for name, tensor in export.tensors.items()}
        member = LayerExport(graph, f"{export.place}.members.{i}", tensors, export.input_shape)
        predicted = export.activated(layer.mean_of, member.through(layer.layers, "layers", value))
        outputs.append(graph.add("Unsqueeze", predicted, graph.constant([0], "member_axis", np.int64)))
    members = graph.add("Concat", *outputs, axis=0)
    mean = graph.add("ReduceMean", members, graph.constant([0], "member_axis", np.int64), keepdims=0)
    if layer.mean_of == "linear":
        return mean
    log_mean = graph.add("Log", mean)
    if layer.mean_of == "softmax":
        return log_mean
    return graph.add("Sub", log_mean, graph.add("Log", graph.add("Sub", graph.constant(1.0, "one", np.float32), mean)))


FORMS: dict[type[Layer], Callable[..., str]] = {
    Dense: _dense,
    Activation: _activation,
    Dropout: _nothing,
    Ensemble: _ensemble,
    Flatten: _flatten,
    Image: _image,
    BatchNorm: _batch_norm,
    Convolution: _convolution,
    MaxPool: _pool,
    AveragePool: _pool,
    GlobalAveragePool: _global_average_pool,
    PeriodicEmbedding: _periodic,
    PiecewiseEmbedding: _piecewise,
    Concatenate: _concatenate,
    Residual: _residual,
    SqueezeExcitation: _squeeze_excitation,
}
"""How each kind of layer is written; what is not here cannot be exported."""
