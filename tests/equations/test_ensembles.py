"""Means of predictions: against the plain formulas by autograd, and against differences."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from proof import distance, finite_differences
from torch import Tensor

from leadline.equations.activations import ACTIVATIONS
from leadline.equations.ensembles import MEANS


def softmaxes(z: Tensor) -> Tensor:
    powers = torch.exp(z)
    return torch.log((powers / powers.sum(-1, keepdim=True)).mean(0))


def sigmoids(z: Tensor) -> Tensor:
    a = (1 / (1 + torch.exp(-z))).mean(0)
    return torch.log(a / (1 - a))


PLAIN: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda z: z.sum(0) / len(z),
    "softmax": softmaxes,
    "sigmoid": sigmoids,
}
each = pytest.mark.parametrize("name", list(MEANS))


def normal(*shape: int, seed: int = 0) -> Tensor:
    return 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@each
def test_forward_and_backward_by_autograd(name: str) -> None:
    z, d = normal(5, 7, 3).requires_grad_(), normal(7, 3, seed=1)
    plain = PLAIN[name](z)
    (expected,) = torch.autograd.grad(plain, z, d)
    z = z.detach()
    torch.testing.assert_close(MEANS[name].forward(z), plain.detach(), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(MEANS[name].backward(d, z), expected, rtol=1e-10, atol=1e-12)


@each
def test_backward_by_finite_differences(name: str) -> None:
    z, d = normal(4, 6, 3, seed=2), normal(6, 3, seed=3)
    numeric = finite_differences(lambda: (MEANS[name].forward(z) * d).sum(), z)
    assert distance(MEANS[name].backward(d, z), numeric) < 1e-7


@each
def test_predictions_of_the_mean_are_the_mean_of_predictions(name: str) -> None:
    z, predict = normal(5, 7, 3), ACTIVATIONS[name].forward
    torch.testing.assert_close(predict(MEANS[name].forward(z)), predict(z.clone()).mean(0), rtol=1e-12, atol=1e-15)


@each
def test_extreme_outputs_stay_numbers(name: str) -> None:
    z = torch.tensor([[[900.0, -900.0, 0.0]], [[800.0, -800.0, 1.0]]])
    assert torch.isfinite(MEANS[name].forward(z)).all()
    assert torch.isfinite(MEANS[name].backward(torch.ones(1, 3), z)).all()
