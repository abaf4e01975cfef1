"""Random networks with inputs and targets, for hypothesis."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from hypothesis import strategies as st
from torch import Tensor

from leadline.equations.activations import ACTIVATIONS
from leadline.equations.losses import LOSSES
from leadline.network import Activation, BatchNorm, Dense, Dropout, Flatten, Network


@dataclass(frozen=True)
class Problem:
    network: Network
    loss: str
    x: Tensor
    y: Tensor
    l2: float
    l1: float


def targets(loss: str, m: int, k: int, random: torch.Generator) -> Tensor:
    if loss == "softmax_cross_entropy":
        return torch.randint(0, k, (m,), generator=random)
    y = torch.randn(m, k, dtype=torch.float64, generator=random)
    if loss == "squared_error":
        return y
    labels = (y > 0).double()
    return torch.where(y > 1, torch.nan, labels) if loss == "multi_label_cross_entropy" else labels


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    loss = draw(st.sampled_from(list(LOSSES)))
    names = st.sampled_from(list(ACTIVATIONS))
    layers, units = [], st.integers(2, 6)
    input_shape = draw(st.sampled_from([(1,), (5,), (2, 3)]))
    if len(input_shape) > 1:
        layers.append(Flatten())
    for _ in range(draw(st.integers(0, 3))):
        if draw(st.booleans()):
            layers.append(Dense(draw(units), draw(names)))
        else:
            layers += [Dense(draw(units)), BatchNorm(), Activation(draw(names))]
        if draw(st.booleans()):
            layers.append(Dropout(keep_prob=draw(st.sampled_from([0.5, 0.9, 1]))))
    k = 1 if loss == "binary_cross_entropy" else draw(st.integers(2, 4))
    layers.append(Dense(k))
    m, random = draw(st.integers(4, 8)), torch.Generator().manual_seed(draw(st.integers(0, 999)))
    x = torch.randn(m, *input_shape, dtype=torch.float64, generator=random)
    strengths = st.sampled_from([0.0, 0.7])
    return Problem(Network(layers), loss, x, targets(loss, m, k, random), draw(strengths), draw(strengths))
