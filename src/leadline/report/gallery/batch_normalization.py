"""Batch normalization's effect on the distribution of activations."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from leadline.network import Activation, BatchNorm, Dense, Layer, Network
from leadline.report.figures.figure import Figure, Frame, Trace, axis
from leadline.report.style import SERIES

DEPTH, UNITS, GAIN = 6, 64, 2.5
EDGES = np.linspace(-1, 1, 41)


def hidden_activations(batch_norm: bool) -> list[Tensor]:
    """Outputs of each tanh layer at the start of training, with weights that are too large."""
    block: list[Layer] = [Dense(UNITS, gain=GAIN), *([BatchNorm()] if batch_norm else []), Activation("tanh")]
    network = Network(block * DEPTH)
    x = torch.randn(512, UNITS, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    parameters = network.initialize((UNITS,), seed=5, dtype=torch.float64)
    memories = network.memories(parameters, training=True)
    activations = []
    for layer, p, memory in zip(network, parameters.layers, memories, strict=True):
        x = layer.forward(p, x, memory)
        if isinstance(layer, Activation):
            activations.append(x.clone())
    return activations


def activation_histograms() -> Figure:
    """Histograms of the tanh outputs with and without batch normalization, layer by layer."""
    without, with_norm = hidden_activations(False), hidden_activations(True)
    frames = [
        Frame(
            f"layer {number}",
            [
                _bars(plain, SERIES[1], "without"),
                _bars(normalized, SERIES[0], "with batch norm"),
            ],
        )
        for number, (plain, normalized) in enumerate(zip(without, with_norm, strict=True), start=1)
    ]
    highest = max(max(bars["y"]) for frame in frames for bars in frame.data)
    layout = {
        "xaxis": axis("output of a tanh unit", range=[-1.02, 1.02]),
        "yaxis": axis("share of outputs (%)", range=[0, 1.05 * highest]),
        "barmode": "overlay",
        "bargap": 0.05,
    }
    description = "Histograms of hidden activations with and without batch normalization."
    return Figure("What the units of a layer put out", description, [], layout, "medium", frames, "depth", start=3)


def _bars(values: Tensor, colour: str, name: str) -> Trace:
    counts, _ = np.histogram(values.numpy(), EDGES)
    return {
        "type": "bar",
        "x": (EDGES[:-1] + EDGES[1:]) / 2,
        "y": 100 * counts / counts.sum(),
        "marker": {"color": colour, "opacity": 0.6},
        "name": name,
        "hovertemplate": f"{name}, around %{{x:.2f}}: %{{y:.1f}} %<extra></extra>",
    }
