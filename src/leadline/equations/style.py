"""The costs of neural style transfer and their derivatives (course 4; Gatys, Ecker and Bethge, 2016).

Activations ``a`` of a layer are (c, n) for c channels at n places of one image. Content is what is where: the
activations themselves. Style is which channels are active together, wherever that is: their Gram matrix.
"""

from __future__ import annotations

import torch
from torch import Tensor


def gram(a: Tensor) -> Tensor:
    """G = A Aᵀ, (c, c): the inner products of the channels."""
    return a @ a.mT


def content_cost(a: Tensor, content: Tensor) -> Tensor:
    """``1/(4 c n) Σ (A − A_content)²``."""
    return (a - content).square().sum() / (4 * a.numel())


def content_cost_backward(a: Tensor, content: Tensor) -> Tensor:
    """``d_A = (A − A_content)/(2 c n)``."""
    return (a - content) / (2 * a.numel())


def style_cost(g: Tensor, style: Tensor) -> Tensor:
    """``1/(4 c²) Σ (G − G_style)²``, both Gram matrices divided by their numbers of places.

    With equal numbers n this is course 4's ``1/(2 c n)² Σ (A Aᵀ − A_style A_styleᵀ)²``; the division lets images differ
    in size.
    """
    return (g - style).square().sum() / (2 * len(g)) ** 2


def style_cost_backward(a: Tensor, g: Tensor, style: Tensor) -> Tensor:
    """``d_A = (G − G_style) A/(c² n)`` for G = A Aᵀ/n: A stands in G twice, and G − G_style is symmetric."""
    return (g - style) @ a / (len(g) ** 2 * a.shape[1])


def total_variation(x: Tensor) -> Tensor:
    """The mean square of the differences between neighbouring pixels of an image (channels, height, width)."""
    down, right = x.diff(dim=-2), x.diff(dim=-1)
    return (down.square().sum() + right.square().sum()) / x.numel()


def total_variation_backward(x: Tensor) -> Tensor:
    """``d_x``: each difference pulls at its two pixels."""
    d_x, down, right = torch.zeros_like(x), x.diff(dim=-2), x.diff(dim=-1)
    d_x[..., 1:, :] += down
    d_x[..., :-1, :] -= down
    d_x[..., 1:] += right
    d_x[..., :-1] -= right
    return d_x.mul_(2 / x.numel())
