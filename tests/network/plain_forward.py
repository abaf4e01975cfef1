"""The networks of these tests written again in plain torch operations, for autograd to differentiate."""

from __future__ import annotations

import torch
from torch import Tensor

from leadline.network import Activation, BatchNorm, Dense, Dropout, Flatten, LayerContext, Network, Parameters


def activation(name: str, z: Tensor) -> Tensor:
    if name == "linear":
        return z
    if name == "sigmoid":
        return 1 / (1 + torch.exp(-z))
    if name == "tanh":
        return 1 - 2 / (torch.exp(2 * z) + 1)
    if name == "relu":
        return z * (z > 0)
    if name == "leaky_relu":
        return torch.where(z > 0, z, z / 100)
    if name == "relu6":
        return torch.minimum(z * (z > 0), torch.tensor(6.0))
    if name == "swish":
        return z / (1 + torch.exp(-z))
    if name == "hard_swish":
        return torch.where(z < -3, 0 * z, torch.where(z > 3, z, z * (z + 3) / 6))
    if name == "mish":
        return z * torch.tanh(torch.log1p(torch.exp(z)))
    if name == "gelu":
        return z * torch.special.ndtr(z)
    if name == "smooth_clip":
        return z / torch.sqrt(1 + (z / 3) ** 2)
    assert name == "softmax"
    powers = torch.exp(z)
    return powers / powers.sum(-1, keepdim=True)


def output(network: Network, parameters: Parameters, theta: Tensor, x: Tensor, memories: list[LayerContext]) -> Tensor:
    """The network's output in training mode with ``theta`` (n,), and the dropout masks that the memories kept."""
    p = Parameters(parameters.layout, theta).layers
    for layer, own, memory in zip(network.layers, p, memories, strict=True):
        if isinstance(layer, Dense):
            z = torch.einsum("mi,oi->mo", x, own["weight"])
            x = activation(layer.activation, z + own["bias"] if "bias" in own else z)
        elif isinstance(layer, BatchNorm):
            deviation = torch.sqrt(((x - x.mean(0)) ** 2).mean(0) + layer.epsilon)
            x = own["gamma"] * (x - x.mean(0)) / deviation + own["beta"]
        elif isinstance(layer, Dropout):
            x = x if layer.keep_prob == 1 else x * (memory.kept["mask"] > 0) / layer.keep_prob
        elif isinstance(layer, Activation):
            x = activation(layer.activation, x)
        else:
            assert isinstance(layer, Flatten)
            x = x.flatten(1)
    return x


def cost(loss: str, z: Tensor, y: Tensor) -> Tensor:
    """J without penalties."""
    if loss == "squared_error":
        return ((z - y) ** 2).sum() / (2 * len(y))
    if loss == "softmax_cross_entropy":
        return -torch.log(activation("softmax", z)[torch.arange(len(y)), y]).mean()
    a, known = activation("sigmoid", z), torch.nan_to_num(y, nan=0.0)
    terms = known * torch.log(a) + (1 - known) * torch.log(1 - a)
    return -torch.where(torch.isnan(y), torch.zeros_like(z), terms).sum() / len(y)
