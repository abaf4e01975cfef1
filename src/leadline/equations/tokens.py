"""Tokens as vectors: a row of a table per token (course 1, networks for sequences), and positions.

``tokens (m, steps)`` are whole numbers, ``table (words, n)``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def embed(tokens: Tensor, table: Tensor) -> Tensor:
    """The table's row for each token, (m, steps, n)."""
    return table[tokens]


def embed_backward(d_y: Tensor, tokens: Tensor, words: int, padding: int | None = None) -> Tensor:
    """The table's derivative (words, n): those of equal tokens add up. The row of ``padding`` stays as it is."""
    d_table = d_y.new_zeros(words, d_y.shape[-1])
    d_table.index_add_(0, tokens.reshape(-1), d_y.reshape(-1, d_y.shape[-1]))
    if padding is not None:
        d_table[padding] = 0
    return d_table


def sinusoids(steps: int, n: int, like: Tensor) -> Tensor:
    """Positions as sines and cosines (Vaswani et al., 2017), (steps, n): feature 2k is sin(t/10000^(2k/n)), 2k + 1 its
    cosine.
    """
    angle = torch.arange(steps, dtype=torch.float64)[:, None] * torch.exp(
        torch.arange(0, n, 2, dtype=torch.float64) * (-math.log(10_000.0) / n)
    )
    made = torch.stack([angle.sin(), angle.cos()], 2).flatten(1)[:, :n]
    return made.to(like)
