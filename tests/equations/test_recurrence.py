from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from proof import distance, finite_differences
from torch import Tensor

from leadline.equations import recurrence
from leadline.equations.recurrence import Gradients

M, STEPS, N_IN, N = 3, 5, 2, 4
UNITS = {"simple_recurrent": 1, "gru": 3, "lstm": 4}
LENGTHS = {"whole": [5, 5, 5], "ragged": [5, 2, 4]}
each_unit = pytest.mark.parametrize("unit", UNITS)
each_length = pytest.mark.parametrize("lengths", LENGTHS)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def mask_of(lengths: str) -> Tensor | None:
    if lengths == "whole":
        return None
    return (torch.arange(STEPS)[None] < torch.tensor(LENGTHS[lengths])[:, None]).double()


def weights(unit: str) -> dict[str, Tensor]:
    k = UNITS[unit]
    made = {"weight": draw(k * N, N_IN, seed=1), "recurrent": draw(k * N, N, seed=2) / 2, "bias": draw(k * N, seed=3)}
    return made | ({"recurrent_bias": draw(k * N, seed=4)} if unit == "gru" else {})


def first_state(unit: str) -> Tensor:
    return draw(M, 2 * N if unit == "lstm" else N, seed=5)


def by_hand(unit: str, x: Tensor, w: dict[str, Tensor], start: Tensor, mask: Tensor | None) -> tuple[Any, ...]:
    forward: Callable[..., tuple[Any, ...]] = getattr(recurrence, unit)
    return forward(x, *w.values(), start, mask)


def derivatives(
    unit: str, d_y: Tensor, d_last: Tensor, w: dict[str, Tensor], trace: Any, truncate: int | None = None
) -> Gradients:
    backward: Callable[..., Gradients] = getattr(recurrence, f"{unit}_backward")
    return backward(d_y, d_last, w["weight"], w["recurrent"], trace, truncate)


def one_by_one(unit: str, x: Tensor, w: dict[str, Tensor], start: Tensor, lengths: list[int]) -> tuple[Tensor, Tensor]:
    """Each example alone and each step after the other, by the definitions."""
    rows, lasts = [], []
    for i, length in enumerate(lengths):
        state, row = start[i], []
        for t in range(STEPS):
            if t >= length:
                row.append(x.new_zeros(N))
                continue
            state = definition(unit, x[i, t], w, state)
            row.append(state[:N])
        rows.append(torch.stack(row))
        lasts.append(state)
    return torch.stack(rows), torch.stack(lasts)


def definition(unit: str, x: Tensor, w: dict[str, Tensor], state: Tensor) -> Tensor:
    h = state[:N]
    given, own = w["weight"] @ x + w["bias"], w["recurrent"] @ h
    if unit == "simple_recurrent":
        return torch.tanh(given + own)
    if unit == "gru":
        own = own + w["recurrent_bias"]
        reset, update = torch.sigmoid(given[:N] + own[:N]), torch.sigmoid(given[N : 2 * N] + own[N : 2 * N])
        return (1 - update) * torch.tanh(given[2 * N :] + reset * own[2 * N :]) + update * h
    i, f, g, o = (given + own).split(N)
    c = torch.sigmoid(f) * state[N:] + torch.sigmoid(i) * torch.tanh(g)
    return torch.cat([torch.sigmoid(o) * torch.tanh(c), c])


@each_unit
@each_length
def test_forward_and_backward_equal_autograd_of_the_definition(unit: str, lengths: str):
    x, w, start = draw(M, STEPS, N_IN, seed=6), weights(unit), first_state(unit)
    d_y, d_last = draw(M, STEPS, N, seed=7), draw(*start.shape, seed=8)
    leaves = [x, start, *w.values()]
    for leaf in leaves:
        leaf.requires_grad_(True)
    outputs, last = one_by_one(unit, x, w, start, LENGTHS[lengths])
    expected = torch.autograd.grad((outputs * d_y).sum() + (last * d_last).sum(), leaves)
    with torch.no_grad():
        got, got_last, trace = by_hand(unit, x, w, start, mask_of(lengths))
        torch.testing.assert_close(got, outputs, rtol=0, atol=1e-12)
        torch.testing.assert_close(got_last, last, rtol=0, atol=1e-12)
        d = derivatives(unit, d_y, d_last, w, trace)
    got_d = [d.x, d.start, d.weight, d.recurrent, d.bias, *([d.recurrent_bias] if unit == "gru" else [])]
    for one, other in zip(got_d, expected, strict=True):
        assert one is not None
        assert distance(one, other) < 1e-10


@each_unit
def test_backward_against_finite_differences(unit: str):
    x, w, start, mask = draw(M, STEPS, N_IN, seed=6), weights(unit), first_state(unit), mask_of("ragged")
    d_y, d_last = draw(M, STEPS, N, seed=7), draw(*start.shape, seed=8)

    def cost() -> Tensor:
        outputs, last, _ = by_hand(unit, x, w, start, mask)
        return (outputs * d_y).sum() + (last * d_last).sum()

    d = derivatives(unit, d_y, d_last, w, by_hand(unit, x, w, start, mask)[2])
    for name, variable in [("x", x), ("start", start), *w.items()]:
        assert distance(getattr(d, name), finite_differences(cost, variable)) < 1e-7


@each_unit
def test_equal_to_torchs_module_with_its_weights(unit: str):
    kind = {"simple_recurrent": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[unit]
    module = kind(N_IN, N, batch_first=True, dtype=torch.float64)
    x, start = draw(M, STEPS, N_IN, seed=6), first_state(unit)
    p = dict(module.named_parameters())
    bias = [p["bias_ih_l0"], p["bias_hh_l0"]] if unit == "gru" else [p["bias_ih_l0"] + p["bias_hh_l0"]]
    with torch.no_grad():
        h = (start[None, :, :N].contiguous(), start[None, :, N:].contiguous()) if unit == "lstm" else start[None]
        expected, _ = module(x, h)
        got, *_ = getattr(recurrence, unit)(x, p["weight_ih_l0"], p["weight_hh_l0"], *bias, start)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-12)


@each_unit
def test_padding_never_leaks(unit: str):
    """T5.05: an example alone, padded among longer ones, and at another place: the same to 1e-12."""
    w, start = weights(unit), first_state(unit)
    x = draw(M, STEPS, N_IN, seed=6)
    d_y = draw(M, STEPS, N, seed=7)
    alone, last, trace = by_hand(unit, x[1:2, :2], w, start[1:2], None)
    d_alone = derivatives(unit, d_y[1:2, :2], torch.zeros_like(last), w, trace)
    x[1, 2:] = 1e6
    padded, padded_last, trace = by_hand(unit, x, w, start, mask_of("ragged"))
    d_padded = derivatives(unit, d_y, torch.zeros_like(padded_last), w, trace)
    moved, moved_last, _ = by_hand(unit, x.flip(0), w, start.flip(0), mask_of("ragged").flip(0))  # pyright: ignore[reportOptionalMemberAccess]
    for output, state in ((padded[1], padded_last[1]), (moved[1], moved_last[1])):
        torch.testing.assert_close(output[:2], alone[0], rtol=0, atol=1e-12)
        assert (output[2:] == 0).all()
        torch.testing.assert_close(state, last[0], rtol=0, atol=1e-12)
    torch.testing.assert_close(d_padded.x[1, :2], d_alone.x[0], rtol=0, atol=1e-12)
    assert (d_padded.x[1, 2:] == 0).all()


def test_truncated_backpropagation_hands_nothing_across_blocks():
    unit = "lstm"
    x, w, start = draw(M, 4, N_IN, seed=6), weights(unit), first_state(unit)
    outputs, last, trace = by_hand(unit, x, w, start, None)
    d_y = torch.zeros_like(outputs)
    d_y[:, -1] = 1
    cut = derivatives(unit, d_y, torch.zeros_like(last), w, trace, truncate=2)
    assert (cut.x[:, :2] == 0).all()
    assert (cut.x[:, 2:] != 0).any()
