"""Two-sided differences of a cost, with an honest estimate of how far each may be off.

``D(h) = (J(θ+h) − J(θ−h))/(2h)`` has two errors: the curve between the two points, of the order h², and the rounding of
J, of the order 1e-16 |J|/h. At h = 1e-7 the second is 1e-9 |J|: more than one part in 1e7 of any derivative that
is smaller than |J|/100. So the steps here grow from ε to 100 000 ε, h and h/2 are combined so that h² drops out
(Richardson), and each entry takes the step whose own error estimate is least. That estimate never looks at the
derivative that is being checked.

Where J has a kink between the points (ReLU at 0, |w| at 0), no step agrees with its half: ``D(h) − D(h/2)`` stays, or,
for a kink exactly at θ, ``2 S(h/2) − S(h)`` does, with ``S(h) = (J(θ+h) − 2 J(θ) + J(θ−h))/h``. Both vanish where J is
smooth. J has no derivative there, so such entries are left out, and counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

STEPS = (1, 10, 100, 1_000, 10_000, 100_000)
"""Steps in units of ε."""
FIRST = 3
"""The step that is tried first: in float64 it is most often good enough."""
GOOD_ENOUGH = 1e-8
"""An error, relative to the root mean square of the tensor's derivatives, at which the search for a step ends."""
KINK = 1e-6
"""A disagreement between steps, on the same scale, that neither rounding nor the term in h² explains: a kink."""
ROUNDING = 8 * torch.finfo(torch.float64).eps


@dataclass(frozen=True)
class Differences:
    """The derivatives of a cost by ``entries`` (n,) of a tensor; ``rounding`` (n,) bounds what rounding can do to each.

    ``kinks`` counts the entries that were left out because the cost has no derivative there.
    """

    entries: Tensor
    values: Tensor
    rounding: Tensor
    kinks: int


def differences(
    cost: Callable[[], float], variable: Tensor, entries: Tensor, epsilon: float, size: float
) -> Differences:
    """Differentiate ``cost()`` by some ``entries`` (flat indices) of a contiguous float64 ``variable``.

    The variable is changed in place and put back. ``size`` is that of the numbers that cost() adds up: their rounding
    is the least error that its value has.
    """
    flat, centre = variable.view(-1), cost()

    def at(k: int, step: int) -> Tensor:
        return _at(cost, flat, int(entries[k]), centre, epsilon * STEPS[step], size)

    results = torch.zeros(len(entries), 3, dtype=torch.float64)  # value, disagreement between steps, rounding
    for k in range(len(entries)):
        results[k] = at(k, FIRST)
    enough = GOOD_ENOUGH * float(results[:, 0].square().mean().sqrt())
    for k in range(len(entries)):
        results[k] = _refine(lambda step, k=k: at(k, step), results[k], enough)
    value, disagreement, rounding = results.unbind(1)
    scale = float(value.square().mean().sqrt())
    smooth = disagreement <= torch.clamp_min(4 * rounding, KINK * scale)
    return Differences(entries[smooth], value[smooth], rounding[smooth], int((~smooth).sum()))


def _refine(at: Callable[[int], Tensor], first: Tensor, enough: float) -> Tensor:
    """Go on to larger steps while rounding is the larger error, to smaller ones while the steps disagree."""
    best = last = first
    step, direction = FIRST, 0
    while float(best[1:].sum()) > enough:
        next_direction = 1 if last[2] > last[1] else -1
        step += next_direction
        if next_direction == -direction or not 0 <= step < len(STEPS):
            break
        direction, last = next_direction, at(step)
        best = last if last[1:].sum() < best[1:].sum() else best
    return best


def _at(cost: Callable[[], float], flat: Tensor, entry: int, centre: float, step: float, size: float) -> Tensor:
    """Derivative, disagreement and rounding of one entry by the steps h and h/2."""
    start = float(flat[entry])
    step *= max(1.0, abs(start))
    slopes, bends = [], []
    for h in (step, step / 2):
        flat[entry] = start + h
        above, right = cost(), float(flat[entry])
        flat[entry] = start - h
        below, left = cost(), float(flat[entry])
        slopes.append((above - below) / (right - left))
        bends.append((above - 2 * centre + below) / h)
    flat[entry] = start
    value = (4 * slopes[1] - slopes[0]) / 3
    disagreement = abs(slopes[0] - slopes[1]) + abs(2 * bends[1] - bends[0]) / 2
    return torch.tensor([value, disagreement, ROUNDING * size / step], dtype=torch.float64)
