"""Vanishing and exploding signals (course 2, setting up the optimization): how large signals are at each depth.

Each layer multiplies the size of the activations by some factor on the way forward, and that of the derivatives by
about the same on the way back; over L layers this is the factor to the L-th power. The report measures both at the
start of training.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from leadline.network.summary import describe

if TYPE_CHECKING:
    from leadline.network.network import Network

LARGE_CHANGE = 10.0
"""From the first to the last hidden layer; a well-started network of 50 layers stays within it."""


@dataclass(frozen=True)
class LayerScale:
    """Root mean squares over a batch: of a layer's output, and of the derivative by it (that at the output being 1)."""

    name: str
    layer: str
    activation: float
    gradient: float


@dataclass(frozen=True)
class DepthReport:
    """The scale of signals at each layer; the verdicts compare the hidden layers' first with their last."""

    layers: tuple[LayerScale, ...]

    @property
    def activations(self) -> str:
        """ "grows", "dies" or "holds", on the way from the first hidden layer to the last."""
        return _verdict(self._change("activation"))

    @property
    def gradients(self) -> str:
        """ "grows", "dies" or "holds", on the way back from the last hidden layer to the first."""
        return _verdict(1 / self._change("gradient") if self._change("gradient") else float("inf"))

    @property
    def verdict(self) -> str:
        """That of the activations unless they hold, otherwise that of the gradients."""
        return self.activations if self.activations != "holds" else self.gradients

    def factor(self) -> float:
        """By how much the activations are multiplied at each layer, on average (geometric mean)."""
        return self._change("activation") ** (1 / max(1, len(self._hidden()) - 1))

    def _hidden(self) -> tuple[LayerScale, ...]:
        return self.layers[:-1] or self.layers

    def _change(self, what: str) -> float:
        first, last = (getattr(row, what) for row in (self._hidden()[0], self._hidden()[-1]))
        return last / first if first else 0.0

    def __str__(self) -> str:
        width = max(len(f"{row.name} {row.layer}") for row in self.layers)
        lines = [f"{'layer'.ljust(width)}  activation    gradient"]
        for row in self.layers:
            label = f"{row.name} {row.layer}".ljust(width)
            lines.append(f"{label}  {row.activation:10.3g}  {row.gradient:10.3g}")
        lines.append("")
        lines.append(f"The signal {self.activations} on the way forward ({self.factor():.3g} times at each layer),")
        lines.append(f"and the gradient {self.gradients} on the way back.{_advice(self.verdict)}")
        return "\n".join(lines)


def depth_report(network: Network, x: Tensor | np.ndarray, seed: int = 0) -> DepthReport:
    """Measure the scale of activations and gradients for a batch ``x`` (m, …), in float64, at the start by ``seed``.

    The derivative at the output is drawn from N(0, 1): how it is scaled on its way back does not depend on targets.
    """
    x = torch.as_tensor(x).to("cpu", torch.float64)
    parameters = network.initialize(tuple(x.shape[1:]), seed, torch.float64)
    random = torch.Generator().manual_seed(seed)
    memories = [
        replace(memory, needs_input_gradient=True) for memory in network.memories(parameters, True, generator=random)
    ]
    activations, gradients, a = [], [], x
    for i in range(len(network)):
        a = network.forward_layer(i, parameters, a, memories)
        activations.append(_scale(a))
    d_y, scratch = torch.randn(a.shape, dtype=a.dtype, generator=random), parameters.zeros_like()
    d_y /= _scale(d_y)
    for i in range(len(network) - 1, -1, -1):
        gradients.insert(0, _scale(d_y))
        below = network.layers[i].backward(parameters.layers[i], scratch.layers[i], d_y, memories[i])
        if below is None:
            break
        d_y = below
    rows = zip(network.layers, activations, gradients, strict=True)
    return DepthReport(tuple(LayerScale(f"layers.{i}", describe(layer), a, g) for i, (layer, a, g) in enumerate(rows)))


def _scale(tensor: Tensor) -> float:
    """The root mean square; by way of the largest value, whose square may not be a number."""
    largest = float(tensor.abs().max())
    return largest * float((tensor / largest).square().mean().sqrt()) if largest else 0.0


def _verdict(change: float) -> str:
    if change > LARGE_CHANGE:
        return "grows"
    return "dies" if change < 1 / LARGE_CHANGE else "holds"


def _advice(verdict: str) -> str:
    if verdict == "holds":
        return ""
    return ' Start with He for ReLU and Xavier for tanh (initializer = "auto", gain = 1), or add batch normalization.'
