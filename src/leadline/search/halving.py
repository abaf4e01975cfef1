"""Successive halving: at a few rungs of its training, a trial goes on only if it is among the best that came there.

Asynchronous (Li et al., 2020: A system for massively parallel hyperparameter tuning): a trial is compared with all that
have reached the rung, itself and those that arrive with it included, and waits for nobody.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Halving:
    """Rungs at 1/``factor``², 1/``factor`` of a trial's own epochs; the best 1/``factor`` of each go on."""

    factor: int = 3
    rungs: int = 2

    def epochs(self, total: int) -> list[int]:
        """The epochs of a training of ``total`` at whose end it stands on rung 0, 1, …"""
        epochs = [math.ceil(total / self.factor ** (self.rungs - k)) for k in range(self.rungs)]
        return sorted({epoch for epoch in epochs if epoch < total})

    def hopeless(self, arrived: Mapping[int, float], others: Iterable[float]) -> list[int]:
        """Who of those that ``arrived`` at a rung together, with their dev errors, had better stop.

        ``others`` are the errors of all that came there before. Fewer than ``factor`` in all go on without a choice.
        Ties go on together.
        """
        errors = sorted([*arrived.values(), *others])
        if len(errors) < self.factor:
            return []
        limit = errors[math.ceil(len(errors) / self.factor) - 1]
        return [number for number, error in arrived.items() if not error <= limit]


def at_rungs(epochs: Sequence[int], epoch: int) -> int | None:
    """The rung on which a trial stands after this epoch, if it stands on one."""
    return epochs.index(epoch) if epoch in epochs else None
