"""Connectionist temporal classification (Graves et al., 2006): the cost of a label sequence that is not aligned.

``logits (m, steps, k)``, class 0 is the blank; labels (m, longest) with lengths (m,); the number of real steps is (m,).
A path names a class at every step; it spells a label sequence when repeats are merged and blanks are dropped. The cost
is −log of the sum over all paths that do, a recursion over the extended labels z = (∅, l₁, ∅, l₂, …, ∅), in logs::

    α_t(s) = y_t(z_s) + logsum(α_{t−1}(s), α_{t−1}(s − 1), α_{t−1}(s − 2) where z_s is no blank and not z_{s−2})

and the same from the end for β, where β_t(s) leaves out step t's own y. **Backward.** α_t(s) + β_t(s) is the log
probability of all paths through s at t, so the share of the whole that passes class c at t is
``γ_t(c) = Σ_{s: z_s = c} exp(α_t(s) + β_t(s) − log p)``, and with softmax outputs ŷ the derivative by the logits is
``ŷ_t(c) − γ_t(c)``: what is predicted less what the labels would have, as for any softmax. Padded steps have 0.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

BLANK = 0
Beams = dict[tuple[int, ...], tuple[float, float]]
"""Log probabilities of the paths to a prefix that end in a blank, and of those that end in its last label."""


def ctc(logits: Tensor, steps: Tensor, labels: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Costs (m,), infinite where no path of so few steps spells the labels, and their derivative by the logits."""
    log_y = torch.log_softmax(logits, 2)
    extended = torch.full((len(labels), 2 * labels.shape[1] + 1), BLANK, dtype=torch.long, device=labels.device)
    extended[:, 1::2] = labels
    y = log_y.gather(2, extended[:, None].expand(-1, logits.shape[1], -1))  # (m, steps, 2L + 1)
    skips = (extended != BLANK) & (extended != torch.roll(extended, 2, 1))
    skips[:, :2] = False
    alpha = _forward(y, skips)
    ends = 2 * lengths
    last = alpha[torch.arange(len(y)), steps - 1]
    at_end = torch.stack([_at(last, ends), _at(last, (ends - 1).clamp_min(0))], 1)
    at_end[lengths == 0, 1] = -torch.inf
    log_p = torch.logsumexp(at_end, 1)
    beta = _backward(y, skips, steps, ends)
    passes = torch.exp(alpha + beta - log_p[:, None, None]).nan_to_num(0.0)
    share = torch.zeros_like(logits).scatter_add_(2, extended[:, None].expand(-1, logits.shape[1], -1), passes)
    real = torch.arange(logits.shape[1], device=steps.device)[None] < steps[:, None]
    reachable = torch.isfinite(log_p)[:, None] & real
    return -log_p, torch.where(reachable[..., None], log_y.exp() - share, torch.zeros_like(share))


def _forward(y: Tensor, skips: Tensor) -> Tensor:
    """log α (m, steps, s)."""
    m, steps, states = y.shape
    alpha = y.new_full((m, steps, states), -torch.inf)
    alpha[:, 0, :2] = y[:, 0, :2]
    for t in range(1, steps):
        alpha[:, t] = y[:, t] + _reached(alpha[:, t - 1], skips)
    return alpha


def _reached(before: Tensor, skips: Tensor) -> Tensor:
    """The sum over the states from which one may come: the same, the one before, or over a blank."""
    one, two = torch.full_like(before, -torch.inf), torch.full_like(before, -torch.inf)
    one[:, 1:] = before[:, :-1]
    two[:, 2:] = before[:, :-2]
    return torch.logsumexp(torch.stack([before, one, two.masked_fill(~skips, -torch.inf)]), 0)


def _backward(y: Tensor, skips: Tensor, steps: Tensor, ends: Tensor) -> Tensor:
    """log β (m, steps, s): of what follows step t, so 0 at the two states in which the last real step may end."""
    m, longest, states = y.shape
    beta = y.new_full((m, longest, states), -torch.inf)
    index = torch.arange(states, device=y.device)[None]
    final = torch.where((index == ends[:, None]) | (index == ends[:, None] - 1), 0.0, -torch.inf).to(y)
    for t in range(longest - 1, -1, -1):
        if t + 1 < longest:
            after = y[:, t + 1] + beta[:, t + 1]
            one, two = torch.full_like(after, -torch.inf), torch.full_like(after, -torch.inf)
            one[:, :-1] = after[:, 1:]
            two[:, :-2] = after.masked_fill(~skips, -torch.inf)[:, 2:]
            beta[:, t] = torch.logsumexp(torch.stack([after, one, two]), 0)
        beta[:, t] = torch.where((steps - 1 == t)[:, None], final, beta[:, t])
    return beta


def _at(values: Tensor, index: Tensor) -> Tensor:
    return values.gather(1, index[:, None])[:, 0]


def greedy(logits: Tensor, steps: Tensor) -> list[list[int]]:
    """The likeliest class at each real step, repeats merged and blanks dropped."""
    best, decoded = logits.argmax(2), []
    for row, n in zip(best.tolist(), steps.tolist(), strict=True):
        path = row[:n]
        decoded.append([c for t, c in enumerate(path) if c != BLANK and (t == 0 or c != path[t - 1])])
    return decoded


def beam(logits: Tensor, width: int = 8) -> tuple[list[int], float]:
    """The likeliest label sequence for logits (steps, k), by a search that keeps ``width`` prefixes, and its log
    probability.

    Each prefix has the probabilities of the paths that end in a blank and of those that do not (Hannun et al., 2014).
    """
    log_y = torch.log_softmax(logits, 1).tolist()
    beams: Beams = {(): (0.0, -torch.inf)}
    for y in log_y:
        new: Beams = {}
        for prefix, (blank, label) in beams.items():
            both = _log_sum(blank, label)
            _add(new, prefix, both + y[BLANK], -torch.inf)
            if prefix:
                _add(new, prefix, -torch.inf, label + y[prefix[-1]])
            for c in range(1, len(y)):
                _add(new, (*prefix, c), -torch.inf, (blank if prefix and prefix[-1] == c else both) + y[c])
        beams = dict(sorted(new.items(), key=lambda item: -_log_sum(*item[1]))[:width])
    best = max(beams, key=lambda prefix: _log_sum(*beams[prefix]))
    return list(best), _log_sum(*beams[best])


def _add(
    beams: dict[tuple[int, ...], tuple[float, float]], prefix: tuple[int, ...], blank: float, label: float
) -> None:
    old = beams.get(prefix, (-torch.inf, -torch.inf))
    beams[prefix] = (_log_sum(old[0], blank), _log_sum(old[1], label))


def _log_sum(a: float, b: float) -> float:
    high = max(a, b)
    return high if high == -math.inf else high + math.log1p(math.exp(min(a, b) - high))
