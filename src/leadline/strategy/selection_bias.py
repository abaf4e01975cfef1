"""What was chosen on the dev set is worse than it looks there: by how much, and what to expect on new examples.

Of many candidates measured on one dev set, the best is partly the luckiest. The bootstrap repeats the choice: the best
of a resample is measured on the examples that the resample left out (bootstrap bias correction; Tsamardinos, Greasidou
and Borboudakis, 2018). It needs the losses of every candidate on every example, and no further training. Candidates are
the trials of a search, the epochs among which early stopping chose, or runs on one split.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import UsageError
from leadline.files import plain
from leadline.measure.groups import group_codes, rate
from leadline.measure.intervals import Estimate
from leadline.measure.means import mean_interval

Array = NDArray[Any]
RESAMPLES = 500


@dataclass(frozen=True)
class ChosenError:
    """The error of the best of several candidates that were measured on one dev set.

    Attributes:
        best: the candidate with the least error, its position.
        apparent: its error on the dev set that chose it.
        expected: its error on new examples: corrected for the choice, with an interval over examples and the choice.
        candidates: how many there were.

    """

    best: int
    apparent: float
    expected: Estimate
    candidates: int

    @property
    def optimism(self) -> float:
        """By how much the best looks better than it is expected to be."""
        return self.expected.value - self.apparent

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return plain(self)


def corrected_best(
    losses: ArrayLike,
    groups: ArrayLike | None = None,
    root: bool = False,
    unit: str = "%",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> ChosenError:
    """The error of the candidate with the least mean loss, corrected for having been chosen by it.

    The interval ends where that of the corrected error does; as how much of the lead is luck is itself estimated, it
    begins where that of an error halfway to the apparent one does.

    Args:
        losses: of each candidate on each example, (c, m): 0 or 1 for right or wrong, squared or absolute errors.
        groups: of examples that go together (m,): they are drawn together.
        root: whether the error is the root of the mean loss, as an RMSE.
        unit: as in `Estimate`; ``"%"`` for losses that are shares.
        resamples: of the bootstrap.
        seed: of the draws.

    Raises:
        UsageError: for losses of another shape or that are negative or not finite.

    """
    table = np.asarray(losses, float)
    if table.ndim != 2 or not table.size or not np.isfinite(table).all() or table.min() < 0:
        raise UsageError(f"Losses need one row per candidate and one column per example, 0 or more: {table.shape}.")
    codes = group_codes(groups, table.shape[1])
    best, power = int(table.mean(1).argmin()), 0.5 if root else 1.0
    apparent = float(table[best].mean())
    left_out = max(apparent, _left_out(table, codes, resamples, np.random.default_rng(seed)))
    own = _interval(table[best], codes, unit)
    ends = [None if end is None else end**power for end in _moved(own, apparent, left_out)]
    expected = replace(own, value=left_out**power, low=ends[0], high=ends[1], unit=unit)
    return ChosenError(best, apparent**power, expected, len(table))


def _left_out(table: Array, codes: Array | None, resamples: int, rng: np.random.Generator) -> float:
    """The mean loss of the best of a resample on the examples that it left out, over resamples."""
    m = table.shape[1]
    units = m if codes is None else int(codes.max()) + 1
    if len(table) == 1 or units < 2:
        return float(table.mean(1).min())
    drawn = rng.multinomial(units, np.full(units, 1 / units), resamples)
    weights = (drawn if codes is None else drawn[:, codes]).astype(float)
    outside = (weights == 0).astype(float)
    usable = outside.any(1)
    weights, outside = weights[usable], outside[usable]
    winners = (weights @ table.T / weights.sum(1, keepdims=True)).argmin(1)
    losses = np.einsum("rm,rm->r", outside, table[winners]) / outside.sum(1)
    return float(losses.mean())


def _interval(losses: Array, codes: Array | None, unit: str) -> Estimate:
    if unit == "%" and np.isin(losses, (0, 1)).all():
        return rate(losses == 1, groups=codes)
    return mean_interval(losses, positive=True, groups=codes, unit=unit)


def _moved(own: Estimate, apparent: float, corrected: float) -> tuple[float | None, float | None]:
    """Both ends of the interval of a corrected mean loss, from that of the apparent one."""
    if own.low is None or own.high is None:
        return None, None
    halfway = (apparent + corrected) / 2
    if own.unit == "%" and 0 < apparent < 1:
        # On the scale of log-odds, on which intervals of shares keep about their width.
        low, high, base, middle, top = (
            np.log(p / (1 - p)) for p in np.clip([own.low, own.high, apparent, halfway, corrected], 1e-9, 1 - 1e-9)
        )
        odds = np.exp([middle + low - base, top + high - base])
        return tuple((odds / (1 + odds)).tolist())
    if apparent <= 0:
        return own.low, max(own.high, corrected)
    return own.low * halfway / apparent, own.high * corrected / apparent
