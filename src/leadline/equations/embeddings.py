"""Embeddings of numbers: one number becomes several, from which a network reads its value more easily.

Gorishniy et al. (2022), on embeddings for numerical features. A column x becomes K features φ(x), and from them a
linear map of its own makes d numbers. Tensors hold examples last, (c, m) for c columns of m examples and (P, c, m) for
a population, because torch's kernels go through memory in that order: features are (…, c, K, m), outputs (…, c, d, m).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def periodic(x: Tensor, frequencies: Tensor) -> Tensor:
    """φ(x) = [cos 2πf₁x, …, cos 2πf_Kx, sin 2πf₁x, …, sin 2πf_Kx], (…, c, 2K, m), for frequencies (…, c, K)."""
    k = frequencies.shape[-1]
    angles = torch.mul(frequencies.unsqueeze(-1) * (2 * math.pi), x.unsqueeze(-2))
    features = x.new_empty(*angles.shape[:-2], 2 * k, x.shape[-1])
    cosine, sine = features.split(k, -2)
    torch.cos(angles, out=cosine)
    torch.sin(angles, out=sine)
    return features


def periodic_backward(
    d_features: Tensor, features: Tensor, x: Tensor, frequencies: Tensor, input_gradient: bool = True
) -> tuple[Tensor | None, Tensor]:
    """``d_x = Σₖ 2πfₖ e_k`` and ``d_fₖ = Σ 2πx e_k`` over the examples, where e_k = cos·d_sin − sin·d_cos.

    The derivative of the cosine is minus the sine and that of the sine the cosine, which the forward pass has computed.
    d_x is None without ``input_gradient``.
    """
    k = frequencies.shape[-1]
    cosine, sine = features.split(k, -2)
    d_cosine, d_sine = d_features.split(k, -2)
    d_angles = torch.mul(cosine, d_sine).addcmul_(sine, d_cosine, value=-1).mul_(2 * math.pi)
    d_x = torch.matmul(frequencies.unsqueeze(-2), d_angles).squeeze(-2) if input_gradient else None
    d_frequencies = torch.matmul(d_angles, x.unsqueeze(-1)).squeeze(-1)
    return d_x, d_frequencies


def piecewise_linear(x: Tensor, edges: Tensor) -> Tensor:
    """φₜ(x) = (x − bₜ₋₁)/(bₜ − bₜ₋₁), held within 0 and 1, (…, c, T, m), for ascending edges b₀ … b_T.

    The first part is not held above 0 nor the last one below 1, so numbers beyond the edges still differ.
    """
    low, width = edges[:-1].unsqueeze(-1), edges.diff().unsqueeze(-1)
    features = x.unsqueeze(-2).sub(low).div_(width)
    features[..., 1:, :].clamp_min_(0.0)
    features[..., :-1, :].clamp_max_(1.0)
    return features


def piecewise_linear_backward(d_features: Tensor, features: Tensor, edges: Tensor) -> Tensor:
    """``d_x = Σₜ d_φₜ/(bₜ − bₜ₋₁)`` over the parts that are not held."""
    last = features.shape[-2] - 1
    part = torch.arange(last + 1, device=features.device).unsqueeze(-1)
    moves = ((features > 0) | (part == 0)) & ((features < 1) | (part == last))
    return (d_features * moves / edges.diff().unsqueeze(-1)).sum(-2)


def columnwise_linear(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """``W φ + b`` with a map of its own for each column: weight (…, c, d, K), bias (…, c, d), result (…, c, d, m)."""
    return torch.matmul(weight, features).add_(bias.unsqueeze(-1))


def columnwise_linear_backward(d_y: Tensor, features: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """``d_φ = Wᵀ d_y``, ``d_W = d_y φᵀ``, ``d_b = Σ d_y`` over the examples: a dense layer for each column."""
    return torch.matmul(weight.mT, d_y), torch.matmul(d_y, features.mT), d_y.sum(-1)
