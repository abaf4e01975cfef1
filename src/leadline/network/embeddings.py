"""Layers that put embeddings of numbers beside them: periodic and piecewise linear ones (Gorishniy et al., 2022)."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from leadline.equations.embeddings import (
    columnwise_linear,
    columnwise_linear_backward,
    periodic,
    periodic_backward,
    piecewise_linear,
    piecewise_linear_backward,
)
from leadline.errors import UsageError
from leadline.network.layer import Layer, LayerContext, ParameterSpec, Shape, ShapeError, Tensors, is_number

OUTERMOST_SHARE = 0.005
"""The share of a normal distribution that lies beyond each end of the edges that are chosen for a number of bins."""


class NumberEmbedding(Layer, abstract=True):
    """All inputs, (n,), and behind them ``units`` numbers for each of the ``columns``, made from their features.

    ``columns`` () stands for all. Parameters: ``embedding_weight`` (c, units, K) and ``embedding_bias`` (c, units) of a
    linear map for each column. They are not penalized: what they are multiplied with is bounded.
    """

    columns: tuple[int, ...]
    units: int

    axes: ClassVar[int | None] = 1

    @property
    @abstractmethod
    def n_features(self) -> int:
        """K, the features of one column."""

    @abstractmethod
    def features(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """The features (…, c, K, m) of the chosen columns ``x`` (…, c, m)."""

    @abstractmethod
    def features_backward(self, p: Tensors, g: Tensors, d_features: Tensor, memory: LayerContext) -> Tensor | None:
        """The derivative by the chosen columns, (…, c, m); gradients of the features' own parameters go into ``g``."""

    def output_shape(self, input_shape: Shape) -> Shape:
        """(n + c · units,)."""
        if len(input_shape) != 1:
            raise ShapeError(f"expects inputs of shape (n,), got {input_shape}; put Flatten() before it")
        if self.columns and max(self.columns) >= input_shape[0]:
            raise ShapeError(f"column {max(self.columns)} is not there; the inputs have {input_shape[0]}, from 0 on")
        return (input_shape[0] + self.n_columns(input_shape) * self.units,)

    def n_columns(self, input_shape: Shape) -> int:
        """c, how many columns are embedded."""
        return len(self.columns) or input_shape[0]

    def parameters(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """The linear maps; they start so that the embedding's variance is about that of its features."""
        c, k = self.n_columns(input_shape), self.n_features
        weight = ParameterSpec((c, self.units, k), std=math.sqrt(1 / k))
        return {"embedding_weight": weight, "embedding_bias": ParameterSpec((c, self.units))}

    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """[x, W φ(x) + b]."""
        n, lead = x.shape[-1], x.shape[:-1]
        chosen = self._chosen(x)
        features = self.features(p, chosen, memory)
        embedded = columnwise_linear(features, p["embedding_weight"], p["embedding_bias"])
        memory.kept["columns"], memory.kept["features"] = chosen, features
        c = embedded.shape[-3]
        y = memory.buffer("y", (*lead, n + c * self.units), x)
        y[..., :n] = x
        y[..., n:].unflatten(-1, (c, self.units)).copy_(embedded.movedim(-1, -3))
        return y

    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor | None:
        """The derivative by x is what came back for x itself, and what goes back through the embedding."""
        features = memory.kept["features"]
        c = features.shape[-3]
        n = d_y.shape[-1] - c * self.units
        d_embedded = d_y[..., n:].unflatten(-1, (c, self.units)).movedim(-3, -1).contiguous()
        d_features, d_weight, d_bias = columnwise_linear_backward(d_embedded, features, p["embedding_weight"])
        g["embedding_weight"].copy_(d_weight)
        g["embedding_bias"].copy_(d_bias)
        d_columns = self.features_backward(p, g, d_features, memory)
        if d_columns is None:
            return None
        d_x = memory.buffer("d_x", (*d_y.shape[:-1], n), d_y).copy_(d_y[..., :n])
        index = torch.tensor(self.columns or range(n), device=d_y.device)
        return d_x.index_add_(-1, index, d_columns.mT)

    def _chosen(self, x: Tensor) -> Tensor:
        """The chosen columns with the examples last, (…, c, m); once where all members see the same examples."""
        shared = x.dim() == 3 and x.stride(0) == 0
        x = x[0] if shared else x
        columns = x.index_select(-1, torch.tensor(self.columns, device=x.device)) if self.columns else x
        return columns.mT.contiguous()

    def flops(self, input_shape: Shape) -> int:
        """The linear maps, and one operation for each feature."""
        return self.n_columns(input_shape) * self.n_features * (2 * self.units + 1)

    @property
    @override
    def in_population(self) -> Layer:
        return self

    @property
    @override
    def needs_output(self) -> bool:
        return False

    def onnx_columns(self, export: Any, value: str) -> str:
        """The chosen columns with an axis for their features, (m, c, 1), in an ONNX graph."""
        graph = export.graph
        if self.columns:
            value = graph.add(
                "Gather", value, graph.constant(list(self.columns), f"{export.place}.columns", np.int64), axis=1
            )
        return graph.add("Unsqueeze", value, graph.constant([2], "feature_axis", np.int64))

    def onnx_embedded(self, export: Any, value: str, features: str) -> str:
        """The inputs and behind them what each column's linear map makes of its features (m, c, K)."""
        graph, weight = export.graph, export.tensors["embedding_weight"]
        embedded = graph.add("Einsum", features, export.tensor("embedding_weight"), equation="mck,cdk->mcd")
        embedded = graph.add("Add", embedded, export.tensor("embedding_bias"))
        shape = graph.constant([-1, weight.shape[0] * weight.shape[1]], f"{export.place}.embedded_shape", np.int64)
        return graph.columns([value, graph.add("Reshape", embedded, shape)])


@dataclass(frozen=True)
class PeriodicEmbedding(NumberEmbedding):
    """Numbers with ``units`` periodic numbers beside each: linear maps of cosines and sines of learnt frequencies.

    The ``frequencies`` of each column start at N(0, ``scale``²): small ones first describe smooth functions. Parameters
    besides the linear maps: ``frequencies`` (c, frequencies).
    """

    columns: tuple[int, ...] = ()
    frequencies: int = 8
    scale: float = 0.1
    units: int = 3

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", _whole_columns("periodic_embedding", self.columns))
        _check_whole("periodic_embedding", frequencies=self.frequencies, units=self.units)
        if not is_number(self.scale) or not 0 < self.scale < math.inf:
            raise UsageError(f"periodic_embedding: scale must be greater than 0, got {self.scale!r}")

    @property
    def n_features(self) -> int:
        """A cosine and a sine of each frequency."""
        return 2 * self.frequencies

    def parameters(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """The frequencies and the linear maps."""
        frequencies = ParameterSpec((self.n_columns(input_shape), self.frequencies), std=self.scale)
        return {"frequencies": frequencies, **super().parameters(input_shape)}

    def features(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """Cosines and sines."""
        return periodic(x, p["frequencies"])

    def features_backward(self, p: Tensors, g: Tensors, d_features: Tensor, memory: LayerContext) -> Tensor | None:
        """Also the gradient of the frequencies."""
        kept = memory.kept
        d_x, d_frequencies = periodic_backward(
            d_features, kept["features"], kept["columns"], p["frequencies"], memory.needs_input_gradient
        )
        g["frequencies"].copy_(d_frequencies)
        return d_x

    @override
    def onnx(self, export: Any, value: str) -> str:
        graph = export.graph
        frequencies = export.array(2 * math.pi * export.tensors["frequencies"], "frequencies")
        angles = graph.add("Mul", self.onnx_columns(export, value), frequencies)
        return self.onnx_embedded(
            export, value, graph.add("Concat", graph.add("Cos", angles), graph.add("Sin", angles), axis=2)
        )


@dataclass(frozen=True)
class PiecewiseEmbedding(NumberEmbedding):
    """Numbers with ``units`` piecewise linear numbers beside each: linear maps of how full each bin is.

    The ``edges`` of the bins are the same for all columns; () chooses them so that as many values of a normal
    distribution lie in each of the ``bins``, which goes with the normalizations "standardize", "robust" and "quantile".
    """

    columns: tuple[int, ...] = ()
    bins: int = 8
    units: int = 3
    edges: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", _whole_columns("piecewise_embedding", self.columns))
        _check_whole("piecewise_embedding", bins=self.bins, units=self.units)
        edges = self.edges
        if not edges:
            return
        ascending = all(is_number(edge) and math.isfinite(edge) for edge in edges)
        if not ascending or len(edges) < 2 or any(b <= a for a, b in pairwise(edges)):
            raise UsageError(f"piecewise_embedding: edges must be two or more ascending numbers, got {list(edges)}")

    def bin_edges(self) -> tuple[float, ...]:
        """The edges, given or chosen."""
        if self.edges:
            return self.edges
        shares = [OUTERMOST_SHARE + (1 - 2 * OUTERMOST_SHARE) * t / self.bins for t in range(self.bins + 1)]
        return tuple(NormalDist().inv_cdf(share) for share in shares)

    @property
    @override
    def n_features(self) -> int:
        return len(self.edges) - 1 if self.edges else self.bins

    def features(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """How full each bin is."""
        return piecewise_linear(x, x.new_tensor(self.bin_edges()))

    def features_backward(self, p: Tensors, g: Tensors, d_features: Tensor, memory: LayerContext) -> Tensor | None:
        """The edges are not trained."""
        if not memory.needs_input_gradient:
            return None
        return piecewise_linear_backward(d_features, memory.kept["features"], d_features.new_tensor(self.bin_edges()))

    @override
    def onnx(self, export: Any, value: str) -> str:
        graph, edges = export.graph, np.array(self.bin_edges())
        above, beyond = np.zeros(len(edges) - 1), np.ones(len(edges) - 1)  # the first and the last part are not held
        above[0], beyond[-1] = np.finfo(np.float32).min, np.finfo(np.float32).max
        low, width, least, most = (
            graph.constant(numbers, f"{export.place}.{name}", np.float32)
            for numbers, name in ((edges[:-1], "low"), (np.diff(edges), "width"), (above, "least"), (beyond, "most"))
        )
        parts = graph.add("Div", graph.add("Sub", self.onnx_columns(export, value), low), width)
        return self.onnx_embedded(export, value, graph.add("Min", graph.add("Max", parts, least), most))


def _whole_columns(layer: str, columns: object) -> tuple[int, ...]:
    """The columns as a tuple; `UsageError` unless they are different whole numbers from 0 on."""
    given = tuple(columns) if isinstance(columns, Sequence) else (columns,)
    if any(type(column) is not int or column < 0 for column in given) or len(set(given)) < len(given):
        raise UsageError(f"{layer}: columns must be different whole numbers from 0 on, got {columns!r}")
    return given  # type: ignore[return-value]


def _check_whole(layer: str, **values: object) -> None:
    """Raise `UsageError` for the first of these that is no whole number of at least 1."""
    for name, value in values.items():
        if type(value) is not int or value < 1:
            raise UsageError(f"{layer}: {name} must be a whole number of at least 1, got {value!r}")
