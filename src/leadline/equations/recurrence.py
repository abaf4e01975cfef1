"""Recurrent units and backpropagation through time (course 1, networks for sequences), derived by hand.

A batch of sequences is ``x (m, steps, n_in)``; ``mask (m, steps)`` is 1 for real steps and 0 for padding, or None where
all are real. At a padded step the state stays what it was and the output is 0, so what lies past an example's end
changes neither an output nor a gradient, wherever the padding stands. Weights are as torch keeps them: ``weight``
``(k·n, n_in)`` from the input, ``recurrent (k·n, n)`` from the state, ``bias (k·n,)`` and, for the GRU, which needs it
apart, ``recurrent_bias (k·n,)``, with k gates one above the other.

**Backward.** Each step has a pre-activation z_t = W x_t + U h_{t−1} + b. Going back in time, what arrives at h_t is the
output's derivative and what step t + 1 sends. It becomes dz_t by the unit's own formulas below; then

    dh_{t−1} = dz_t U (and what the unit hands on directly),    dW = Σ_t dz_tᵀ x_t,    dU = Σ_t dz_tᵀ h_{t−1},
    db = Σ_t dz_t,    dx_t = dz_t W.

The products with W are of all steps at once; only those with U have to wait for each other. ``truncate`` steps back
(truncated backpropagation through time) hand nothing on across blocks of that many steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from leadline.equations.dense import dense, dense_backward_bias, dense_backward_input, dense_backward_weight


@dataclass
class Trace:
    """What the forward pass keeps: the inputs, the state before each step and the gates, (m, steps, …) each."""

    x: Tensor
    before: Tensor
    gates: Tensor
    extra: Tensor | None = None
    mask: Tensor | None = None


@dataclass
class Gradients:
    """Derivatives of the cost by the input, the weights and the first state (of an LSTM: h and c side by side)."""

    x: Tensor
    weight: Tensor
    recurrent: Tensor
    bias: Tensor
    start: Tensor
    recurrent_bias: Tensor | None = None


def simple_recurrent(
    x: Tensor, weight: Tensor, recurrent: Tensor, bias: Tensor, start: Tensor | None = None, mask: Tensor | None = None
) -> tuple[Tensor, Tensor, Trace]:
    """``h_t = tanh(W x_t + U h_{t−1} + b)`` (Elman, 1990): outputs (m, steps, n), the last state (m, n), the trace."""
    m, steps, n = len(x), x.shape[1], recurrent.shape[1]
    given = _of_all_steps(x, weight, bias)
    h = x.new_zeros(m, n) if start is None else start
    outputs, before, states = (x.new_empty(m, steps, n) for _ in range(3))
    for t in range(steps):
        before[:, t] = h
        new = torch.addmm(given[:, t], h, recurrent.t()).tanh_()
        states[:, t] = new
        h, outputs[:, t] = _step(new, h, mask, t)
    return outputs, h, Trace(x, before, states, mask=mask)


def simple_recurrent_backward(
    d_outputs: Tensor,
    d_last: Tensor | None,
    weight: Tensor,
    recurrent: Tensor,
    trace: Trace,
    truncate: int | None = None,
) -> Gradients:
    """``dz_t = (1 − h_t²) dh_t``."""
    steps = d_outputs.shape[1]
    d_z = torch.empty_like(trace.gates)
    d_h = torch.zeros_like(trace.before[:, 0]) if d_last is None else d_last
    for t in range(steps - 1, -1, -1):
        arrived, kept = _arrived(d_outputs, d_h, trace.mask, t)
        torch.mul(arrived, 1 - trace.gates[:, t].square(), out=d_z[:, t])
        d_h = kept + d_z[:, t] @ recurrent
        d_h = _cut(d_h, t, truncate)
    return _collected(d_z, d_z, trace, weight, d_h)


def gru(
    x: Tensor,
    weight: Tensor,
    recurrent: Tensor,
    bias: Tensor,
    recurrent_bias: Tensor,
    start: Tensor | None = None,
    mask: Tensor | None = None,
) -> tuple[Tensor, Tensor, Trace]:
    """The gated recurrent unit (Cho et al., 2014) with torch's gates r, u and candidate n, in this order::

    r, u = σ(W x + b + U h + b'),    n = tanh(W_n x + b_n + r (U_n h + b'_n)),    h_t = (1 − u) n + u h_{t−1}
    """
    m, steps, n = len(x), x.shape[1], recurrent.shape[1]
    given = _of_all_steps(x, weight, bias)
    h = x.new_zeros(m, n) if start is None else start
    outputs, before, recalled = (x.new_empty(m, steps, n) for _ in range(3))
    gates = x.new_empty(m, steps, 3 * n)
    for t in range(steps):
        before[:, t] = h
        own = torch.addmm(recurrent_bias, h, recurrent.t())
        ru = torch.sigmoid(given[:, t, : 2 * n] + own[:, : 2 * n])
        reset, update = ru[:, :n], ru[:, n:]
        candidate = torch.tanh(given[:, t, 2 * n :] + reset * own[:, 2 * n :])
        gates[:, t, : 2 * n], gates[:, t, 2 * n :], recalled[:, t] = ru, candidate, own[:, 2 * n :]
        h, outputs[:, t] = _step(torch.lerp(candidate, h, update), h, mask, t)
    return outputs, h, Trace(x, before, gates, recalled, mask)


def gru_backward(
    d_outputs: Tensor,
    d_last: Tensor | None,
    weight: Tensor,
    recurrent: Tensor,
    trace: Trace,
    truncate: int | None = None,
) -> Gradients:
    """With q = U_n h + b'_n: ``dn̂ = dh (1 − u)(1 − n²)``, ``dû = dh (h_{t−1} − n) u (1 − u)``, ``dr̂ = dn̂ q r (1 − r)``.

    The candidate's part of U sees ``dn̂ r``, its part of W sees ``dn̂``; u hands ``dh u`` straight on to h_{t−1}.
    """
    n = recurrent.shape[1]
    d_given, d_own = torch.empty_like(trace.gates), torch.empty_like(trace.gates)
    d_h = torch.zeros_like(trace.before[:, 0]) if d_last is None else d_last
    assert trace.extra is not None
    for t in range(d_outputs.shape[1] - 1, -1, -1):
        arrived, kept = _arrived(d_outputs, d_h, trace.mask, t)
        reset, update, candidate = trace.gates[:, t].split(n, 1)
        h, recalled = trace.before[:, t], trace.extra[:, t]
        d_candidate = arrived * (1 - update) * (1 - candidate.square())
        d_given[:, t, :n] = d_candidate * recalled * reset * (1 - reset)
        d_given[:, t, n : 2 * n] = arrived * (h - candidate) * update * (1 - update)
        d_given[:, t, 2 * n :] = d_candidate
        d_own[:, t, : 2 * n] = d_given[:, t, : 2 * n]
        d_own[:, t, 2 * n :] = d_candidate * reset
        d_h = _cut(kept + arrived * update + d_own[:, t] @ recurrent, t, truncate)
    collected = _collected(d_given, d_own, trace, weight, d_h)
    collected.recurrent_bias = dense_backward_bias(d_own.flatten(0, 1))
    return collected


def lstm(
    x: Tensor, weight: Tensor, recurrent: Tensor, bias: Tensor, start: Tensor | None = None, mask: Tensor | None = None
) -> tuple[Tensor, Tensor, Trace]:
    """Long short-term memory (Hochreiter and Schmidhuber, 1997; with a forget gate) with torch's gates i, f, g, o::

        i, f, o = σ(…),    g = tanh(…),    c_t = f c_{t−1} + i g,    h_t = o tanh c_t

    ``start`` and the last state (m, 2n) hold h and c side by side. The trace's ``extra`` is c_{t−1} and tanh c_t.
    """
    m, steps, n = len(x), x.shape[1], recurrent.shape[1]
    given = _of_all_steps(x, weight, bias)
    state = x.new_zeros(m, 2 * n) if start is None else start
    h, c = state[:, :n], state[:, n:]
    outputs, before = x.new_empty(m, steps, n), x.new_empty(m, steps, n)
    gates, cells = x.new_empty(m, steps, 4 * n), x.new_empty(m, steps, 2 * n)
    for t in range(steps):
        before[:, t], cells[:, t, :n] = h, c
        z = torch.addmm(given[:, t], h, recurrent.t())
        z[:, : 2 * n].sigmoid_()
        z[:, 2 * n : 3 * n].tanh_()
        z[:, 3 * n :].sigmoid_()
        gates[:, t] = z
        i, f, g, o = z.split(n, 1)
        new = f * c + i * g
        squashed = torch.tanh(new)
        cells[:, t, n:] = squashed
        h, outputs[:, t] = _step(o * squashed, h, mask, t)
        c = new if mask is None else torch.where(mask[:, t, None] > 0, new, c)
    return outputs, torch.cat([h, c], 1), Trace(x, before, gates, cells, mask)


def lstm_backward(
    d_outputs: Tensor,
    d_last: Tensor | None,
    weight: Tensor,
    recurrent: Tensor,
    trace: Trace,
    truncate: int | None = None,
) -> Gradients:
    """``dc_t += dh_t o (1 − tanh² c_t)``, then dî = dc g i(1 − i), df̂ = dc c_{t−1} f(1 − f), dĝ = dc i (1 − g²),
    dô = dh tanh(c_t) o(1 − o), and ``dc_{t−1} = dc f``.
    """
    n = recurrent.shape[1]
    d_z = torch.empty_like(trace.gates)
    last = torch.zeros_like(trace.gates[:, 0, : 2 * n]) if d_last is None else d_last
    d_h, d_c = last[:, :n], last[:, n:]
    assert trace.extra is not None
    for t in range(d_outputs.shape[1] - 1, -1, -1):
        arrived, kept = _arrived(d_outputs, d_h, trace.mask, t)
        i, f, g, o = trace.gates[:, t].split(n, 1)
        c, squashed = trace.extra[:, t].split(n, 1)
        real = 1.0 if trace.mask is None else trace.mask[:, t, None]
        d_new = (d_c + arrived * o * (1 - squashed.square())) * real
        step = [d_new * g * i * (1 - i), d_new * c * f * (1 - f), d_new * i * (1 - g.square())]
        torch.cat([*step, arrived * squashed * o * (1 - o)], 1, out=d_z[:, t])
        d_c = d_new * f + d_c * (1 - real)
        d_h = kept + d_z[:, t] @ recurrent
        d_h, d_c = _cut(d_h, t, truncate), _cut(d_c, t, truncate)
    return _collected(d_z, d_z, trace, weight, torch.cat([d_h, d_c], 1))


def _of_all_steps(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """W x_t + b of every step in one product."""
    return dense(x.flatten(0, 1), weight, bias).view(*x.shape[:2], -1)


def _step(new: Tensor, h: Tensor, mask: Tensor | None, t: int) -> tuple[Tensor, Tensor]:
    """The state after a step and its output: where the step is padding, the state before and 0."""
    if mask is None:
        return new, new
    real = mask[:, t, None] > 0
    return torch.where(real, new, h), torch.where(real, new, torch.zeros_like(new))


def _arrived(d_outputs: Tensor, d_h: Tensor, mask: Tensor | None, t: int) -> tuple[Tensor, Tensor]:
    """What arrives at a step's own state, and what passes over a padded step untouched."""
    if mask is None:
        return d_outputs[:, t] + d_h, torch.zeros_like(d_h)
    real = mask[:, t, None]
    return (d_outputs[:, t] + d_h) * real, d_h * (1 - real)


def _cut(d_h: Tensor, t: int, truncate: int | None) -> Tensor:
    """Nothing is handed back across the beginning of a block of ``truncate`` steps."""
    return torch.zeros_like(d_h) if truncate and t and t % truncate == 0 else d_h


def _collected(d_given: Tensor, d_own: Tensor, trace: Trace, weight: Tensor, d_start: Tensor) -> Gradients:
    """The products over all steps at once: d_given is by what W x + b gave, d_own by what U h gave."""
    flat, own = d_given.flatten(0, 1), d_own.flatten(0, 1)
    return Gradients(
        dense_backward_input(flat, weight).view_as(trace.x),
        dense_backward_weight(flat, trace.x.flatten(0, 1)),
        dense_backward_weight(own, trace.before.flatten(0, 1)),
        dense_backward_bias(flat),
        d_start,
    )
