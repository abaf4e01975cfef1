from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from proof import distance, finite_differences
from torch import Tensor

from leadline.equations.activations import ACTIVATIONS, softmax, softmax_backward

# The same functions, written out independently.
PLAIN: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda z: z * 1.0,
    "sigmoid": lambda z: 1 / (1 + torch.exp(-z)),
    "tanh": lambda z: (torch.exp(z) - torch.exp(-z)) / (torch.exp(z) + torch.exp(-z)),
    "relu": lambda z: torch.where(z > 0, z, torch.zeros_like(z)),
    "leaky_relu": lambda z: torch.where(z > 0, z, 0.01 * z),
    "softmax": lambda z: torch.exp(z) / torch.exp(z).sum(-1, keepdim=True),
    "relu6": lambda z: torch.where(z > 6, 6 + 0 * z, torch.where(z > 0, z, 0 * z)),
    "swish": lambda z: z / (1 + torch.exp(-z)),
    "hard_swish": lambda z: torch.where(z < -3, 0 * z, torch.where(z > 3, z, z * (z + 3) / 6)),
    "mish": lambda z: z * torch.tanh(torch.log(1 + torch.exp(z))),
    "gelu": lambda z: z * (1 + torch.erf(z / 2**0.5)) / 2,
    "smooth_clip": lambda z: z / torch.sqrt(1 + z * z / 9),
}
each = pytest.mark.parametrize("name", list(ACTIVATIONS))


def normal(*shape: int, seed: int = 0) -> Tensor:
    return 3 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def back(name: str, d_a: Tensor, z: Tensor, out: Tensor | None = None) -> Tensor:
    """The backward function, given what it is written in terms of: a, or for some functions z."""
    activation = ACTIVATIONS[name]
    return activation.backward(d_a, z if activation.by_input else activation.forward(z.clone()), out)


def test_every_activation_has_a_plain_form_here() -> None:
    assert PLAIN.keys() >= ACTIVATIONS.keys()


@each
def test_forward_and_backward_by_autograd(name: str) -> None:
    z, d_a = normal(6, 5).requires_grad_(), normal(6, 5, seed=1)
    plain = PLAIN[name](z)
    (expected,) = torch.autograd.grad(plain, z, d_a)
    a = ACTIVATIONS[name].forward(z.detach())
    torch.testing.assert_close(a, plain.detach(), rtol=1e-10, atol=1e-14)
    torch.testing.assert_close(back(name, d_a, z.detach()), expected, rtol=1e-10, atol=1e-14)


@each
def test_backward_by_finite_differences(name: str) -> None:
    z, d_a = normal(6, 5, seed=2), normal(6, 5, seed=3)
    derivative = back(name, d_a, z)
    numeric = finite_differences(lambda: (ACTIVATIONS[name].forward(z) * d_a).sum(), z)
    assert distance(derivative, numeric) < 1e-7


@each
@pytest.mark.parametrize("k", [1, 5, 1000])
def test_in_place_equals_out_of_place(name: str, k: int) -> None:
    forward = ACTIVATIONS[name].forward
    z, d_a = normal(7, k), normal(7, k, seed=1)
    a, d_z = forward(z.clone()), back(name, d_a.clone(), z)
    overwritten = z.clone()
    assert forward(overwritten, overwritten) is overwritten
    assert torch.equal(overwritten, a)
    own = d_a.clone()
    assert back(name, own, z, own) is own
    assert torch.equal(own, d_z)
    elsewhere = torch.empty_like(z)
    assert forward(z, elsewhere) is elsewhere
    assert torch.equal(elsewhere, a)
    assert back(name, d_a, z, elsewhere) is elsewhere
    assert torch.equal(elsewhere, d_z)


@each
def test_members_equal_networks_alone(name: str) -> None:
    forward = ACTIVATIONS[name].forward
    z, d_a = normal(3, 4, 5), normal(3, 4, 5, seed=1)
    a, d_z = forward(z), back(name, d_a, z)
    for member in range(3):
        torch.testing.assert_close(a[member], forward(z[member]), rtol=1e-12, atol=0)
        torch.testing.assert_close(d_z[member], back(name, d_a[member], z[member]), rtol=1e-12, atol=0)


@each
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extremes_stay_finite(name: str, dtype: torch.dtype) -> None:
    z = torch.tensor([[1e4, -1e4, 0.0, -0.0, 1e-310, -1e-40, 5e-324]], dtype=dtype)
    a = ACTIVATIONS[name].forward(z)
    assert torch.isfinite(a).all()
    assert torch.isfinite(back(name, torch.ones_like(z), z)).all()


def test_subgradient_of_relu_is_zero_at_zero() -> None:
    a = torch.zeros(1, dtype=torch.float64)
    assert back("relu", torch.ones_like(a), a).item() == 0


def test_softmax_is_unchanged_by_a_shift_of_the_logits() -> None:
    z = normal(4, 6)
    torch.testing.assert_close(softmax(z + 700.0), softmax(z), rtol=1e-10, atol=0)
    assert softmax_backward(torch.ones_like(z), softmax(z)).abs().max() < 1e-15
