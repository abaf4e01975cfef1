"""Embeddings of numbers: derived by hand, against autograd of an independent form and against differences."""

from __future__ import annotations

import math

import pytest
import torch
from proof import distance, finite_differences
from torch import Tensor

from leadline.equations.embeddings import (
    columnwise_linear,
    columnwise_linear_backward,
    periodic,
    periodic_backward,
    piecewise_linear,
    piecewise_linear_backward,
)

EDGES = torch.tensor([-1.5, -0.4, 0.1, 0.9, 2.0], dtype=torch.float64)
C, M, K, D = 3, 7, 4, 2


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def plain_periodic(x: Tensor, frequencies: Tensor) -> Tensor:
    """By complex exponentials, one column after another."""
    columns = []
    for column in range(x.shape[-2]):
        turns = torch.exp(2j * math.pi * frequencies[..., column, :, None] * x[..., column, None, :])
        columns.append(torch.cat([turns.real, turns.imag], -2))
    return torch.stack(columns, -3)


def plain_piecewise(x: Tensor, edges: Tensor) -> Tensor:
    """By cases, part after part."""
    parts, last = [], len(edges) - 2
    for t in range(last + 1):
        share = (x - edges[t]) / (edges[t + 1] - edges[t])
        share = share if t == 0 else torch.where(share < 0, 0 * x, share)
        parts.append(share if t == last else torch.where(share > 1, 1 + 0 * x, share))
    return torch.stack(parts, -2)


@pytest.mark.parametrize("lead", [(), (5,)])
def test_periodic_by_autograd_and_differences(lead: tuple[int, ...]) -> None:
    x, frequencies = normal(*lead, C, M).requires_grad_(), normal(*lead, C, K, seed=1).requires_grad_()
    plain, d = plain_periodic(x, frequencies), normal(*lead, C, 2 * K, M, seed=2)
    expected = torch.autograd.grad(plain, [x, frequencies], d)
    x, frequencies = x.detach(), frequencies.detach()
    features = periodic(x, frequencies)
    torch.testing.assert_close(features, plain.detach(), rtol=1e-10, atol=1e-12)
    got = periodic_backward(d, features, x, frequencies)
    for mine, theirs, variable in zip(got, expected, (x, frequencies), strict=True):
        assert mine is not None
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-12)
        assert distance(mine, finite_differences(lambda: (periodic(x, frequencies) * d).sum(), variable)) < 1e-7


def test_members_with_shared_examples_equal_members_with_copies() -> None:
    x, frequencies, d = normal(C, M), normal(5, C, K, seed=1), normal(5, C, 2 * K, M, seed=2)
    copies = x.expand(5, C, M).contiguous()
    features = periodic(x, frequencies)
    torch.testing.assert_close(features, periodic(copies, frequencies), rtol=0, atol=0)
    shared, own = (periodic_backward(d, features, given, frequencies) for given in (x, copies))
    torch.testing.assert_close(shared, own, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("edges", [EDGES, EDGES[:2]])
def test_piecewise_linear_by_autograd_and_differences(edges: Tensor) -> None:
    x, d = 1.5 * normal(2, C, M, seed=3), normal(2, C, len(edges) - 1, M, seed=4)
    plain = plain_piecewise(x.requires_grad_(), edges)
    (expected,) = torch.autograd.grad(plain, x, d)
    x = x.detach()
    features = piecewise_linear(x, edges)
    torch.testing.assert_close(features, plain.detach(), rtol=1e-10, atol=1e-12)
    got = piecewise_linear_backward(d, features, edges)
    torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-12)
    assert distance(got, finite_differences(lambda: (piecewise_linear(x, edges) * d).sum(), x)) < 1e-7


def test_a_number_beyond_the_edges_is_told_from_one_at_them() -> None:
    features = piecewise_linear(torch.tensor([[-9.0, -1.5, 0.1, 2.0, 9.0]], dtype=torch.float64), EDGES)[0]
    assert features[0, 0] < features[0, 1] == 0
    assert features[:, 2].tolist() == pytest.approx([1, 1, 0, 0])
    assert features[:3, 4].tolist() == [1, 1, 1]
    assert features[-1, 4] > features[-1, 3] == 1


def test_each_column_has_a_map_of_its_own() -> None:
    features, weight, bias = normal(5, C, K, M), normal(5, C, D, K, seed=1), normal(5, C, D, seed=2)
    inputs = [tensor.requires_grad_() for tensor in (features, weight, bias)]
    plain = torch.einsum("pcdk,pckm->pcdm", weight, features) + bias[..., None]
    d = normal(5, C, D, M, seed=3)
    expected = torch.autograd.grad(plain, inputs, d)
    got = columnwise_linear(features.detach(), weight.detach(), bias.detach())
    torch.testing.assert_close(got, plain.detach(), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(columnwise_linear_backward(d, features.detach(), weight.detach()), expected)
