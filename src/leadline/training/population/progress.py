"""How far an epoch of a population has come."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

PROGRESS_VALUES = ("rates", "blocks", "seconds")
"""The plain values of `PopulationProgress`."""


@dataclass
class PopulationProgress:
    """``orders`` (P, …) are the states of the orders' generators before the epoch, ``rates`` each row's first rate.

    ``blocks`` of the epoch's plan are done; ``totals`` (P, 3), float64, are each row's sums of cost, error and penalty
    over their examples. ``seconds`` have been spent on it.
    """

    orders: Tensor
    rates: list[float]
    totals: Tensor
    blocks: int = 0
    seconds: float = 0.0
