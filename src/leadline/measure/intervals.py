"""Numbers that carry their uncertainty: intervals for rates, for differences and for any metric.

Rates use Wilson's score interval (Wilson, 1927). Differences and other sums of independent estimates use the
method of variance estimates recovery (Zou and Donner, 2008), which for two Wilson intervals is Newcombe's
hybrid score interval (Newcombe, 1998, method 10). Differences on the same examples use Newcombe's paired
interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import UsageError
from leadline.text import grouped

Array = NDArray[Any]


@dataclass(frozen=True)
class Estimate:
    """An estimate, its interval and the number of examples behind it.

    ``unit`` is ``"%"`` for a fraction shown in percent, ``"points"`` for a difference of fractions, and
    otherwise the unit that follows the number (empty for none). ``low`` and ``high`` are None where no
    interval is known. ``warning`` says why the interval may not hold what it states; empty where nothing is known
    against it.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    level: float = 0.95
    unit: str = "%"
    warning: str = ""

    @property
    def has_interval(self) -> bool:
        """Whether both ends of the interval are known."""
        return self.low is not None and self.high is not None

    @property
    def interval(self) -> tuple[float, float]:
        """Both ends; the value itself where no interval is known."""
        low, high = self.low, self.high
        return (self.value if low is None else low), (self.value if high is None else high)

    def number(self, value: float | None = None) -> str:
        """The value (or another one) as digits, with as many as the interval's width justifies."""
        return _digits(self.value if value is None else value, self.unit, self._width())

    def plain(self) -> str:
        """The value with its unit, without the interval."""
        return f"{self.number()} {self.unit}".rstrip()

    def signed(self) -> str:
        """The value with its unit, and a sign also where it is above 0: a change."""
        return ("+" if self.value > 0 else "") + self.plain()

    def range(self) -> str:
        """The interval as text, such as ``1.6 to 4.8 %``; empty where there is none."""
        low, high = self.interval
        if low == high:
            return ""
        return f"{self.number(low)} to {self.number(high)}" + (" %" if self.unit == "%" else "")

    def to_json(self) -> dict[str, Any]:
        """Plain values that ``from_json`` reads back."""
        plain = {name: getattr(self, name) for name in ("value", "low", "high", "n", "level", "unit")}
        return plain | ({"warning": self.warning} if self.warning else {})

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Estimate:
        """The inverse of ``to_json``."""
        return cls(**data)

    def _width(self) -> float | None:
        return None if self.low is None or self.high is None else self.high - self.low

    def __str__(self) -> str:
        text = self.plain()
        inside = [self.range()] if self.range() else []
        if self.n is not None:
            inside.append(f"n = {grouped(self.n)}")
        return f"{text} ({', '.join(inside)})" if inside else text


def _digits(value: float, unit: str, width: float | None) -> str:
    if unit in ("%", "points"):
        # 29 of 80 is 36.2 % wherever it comes from, also as one minus the share that is right.
        value, width = round(100 * value, 9), None if width is None else 100 * width
    if not np.isfinite(value):
        return str(value)
    if width is None or width == 0:
        text = f"{value:.3g}" if 1e-4 <= abs(value) < 1000 or value == 0 else f"{value:.3e}"
        return grouped(value) if 1000 <= abs(value) < 1e9 else text
    # Two digits of the interval's width are worth showing; of percentages one is, after one decimal.
    shown, finest = (0, 1) if unit in ("%", "points") else (1, 0)
    decimals = int(np.clip(shown - np.floor(np.log10(width)), finest, 9))
    return grouped(value, decimals).replace("-", "−") if value else f"{0:.{decimals}f}"


def normal_quantile(level: float) -> float:
    """z such that a normal variable lies within ±z with probability ``level`` (1.96 at 0.95)."""
    if not 0 < level < 1:
        raise UsageError(f"The level of an interval lies between 0 and 1, got {level}.")
    return NormalDist().inv_cdf(0.5 + level / 2)


def wilson(successes: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[Array, Array]:
    """Wilson's score interval of a proportion.

    ``successes`` and ``n`` broadcast; effective (fractional) numbers are allowed.

    Returns:
        Low and high ends, arrays of the broadcast shape; (0, 1) where n is 0.

    """
    k, n = np.broadcast_arrays(np.asarray(successes, float), np.asarray(n, float))
    z = normal_quantile(level)
    m = np.where(n > 0, n, 1)
    p = k / m
    centre = (p + z * z / (2 * m)) / (1 + z * z / m)
    half = z / (1 + z * z / m) * np.sqrt(np.maximum(p * (1 - p), 0) / m + z * z / (4 * m * m))
    # At the ends the formula gives exactly 0 or 1 but for rounding; say so exactly.
    low = np.where((n > 0) & (k > 0), np.clip(centre - half, 0, 1), 0.0)
    high = np.where((n > 0) & (k < n), np.clip(centre + half, 0, 1), 1.0)
    return low, high


def proportion(successes: float, n: int, level: float = 0.95) -> Estimate:
    """A rate such as an error or an accuracy, from counts, with Wilson's interval.

    Raises:
        UsageError: if n is not positive or the count lies outside 0…n.

    """
    if n <= 0 or not 0 <= successes <= n:
        raise UsageError(f"A proportion needs a count between 0 and n > 0, got {successes} of {n}.")
    low, high = wilson(successes, n, level)
    return Estimate(successes / n, float(low), float(high), int(n), level)


def newcombe(
    first: ArrayLike, n_first: ArrayLike, second: ArrayLike, n_second: ArrayLike, level: float = 0.95
) -> tuple[Array, Array]:
    """Newcombe's hybrid score interval of the difference first − second of two independent proportions.

    All four are counts that broadcast.

    Returns:
        Low and high ends.

    """
    p, q = np.asarray(first, float) / n_first, np.asarray(second, float) / n_second
    (p_low, p_high), (q_low, q_high) = wilson(first, n_first, level), wilson(second, n_second, level)
    return p - q - np.hypot(p - p_low, q_high - q), p - q + np.hypot(p_high - p, q - q_low)


def combination(weights: Sequence[float], parts: Sequence[Estimate]) -> Estimate:
    """Σ weight · part of independent estimates, with the interval that their own intervals imply.

    A part without an interval counts as known exactly; if no part has one, neither has the result. A
    difference of fractions comes out in points; n is None, for there is no single one.
    """
    value = float(sum(w * part.value for w, part in zip(weights, parts, strict=True)))
    downwards = upwards = 0.0
    for w, part in zip(weights, parts, strict=True):
        low, high = part.interval
        at_low, at_high = (low, high) if w >= 0 else (high, low)
        downwards += (w * (part.value - at_low)) ** 2
        upwards += (w * (at_high - part.value)) ** 2
    is_difference = any(w < 0 for w in weights)
    unit = "points" if is_difference and parts[0].unit == "%" else parts[0].unit
    level = parts[0].level
    if not any(part.has_interval for part in parts):
        return Estimate(value, level=level, unit=unit)
    return Estimate(value, value - downwards**0.5, value + upwards**0.5, None, level, unit)


def difference(first: Estimate, second: Estimate) -> Estimate:
    """First − second of two independent estimates; Newcombe's interval where both are proportions."""
    return combination((1.0, -1.0), (first, second))


def weighted_average(parts: Sequence[Estimate], weights: Sequence[float]) -> Estimate:
    """Average over segments, such as countries weighted by their users; weights need not sum to 1.

    Raises:
        UsageError: for negative weights, or when all are 0.

    """
    w = np.asarray(weights, float)
    if (w < 0).any() or w.sum() <= 0:
        raise UsageError(f"Segment weights must be 0 or more and not all 0, got {list(weights)}.")
    average = combination(list(w / w.sum()), parts)
    known = [part.n for part in parts if part.n is not None]
    return replace(average, n=sum(known) if len(known) == len(parts) else None)


def paired_newcombe(
    both: ArrayLike, only_first: ArrayLike, only_second: ArrayLike, n: ArrayLike, level: float = 0.95
) -> tuple[Array, Array]:
    """Newcombe's score interval of the difference of two proportions measured on the same n examples.

    ``both``, ``only_first`` and ``only_second`` count the examples on which both, or one only, have the
    property (for errors: are wrong). All broadcast. Source: Newcombe (1998), paired differences, method 10.

    Returns:
        Low and high ends of (first − second).

    """
    e, f, g, n = (np.asarray(v, float) for v in (both, only_first, only_second, n))
    h = n - e - f - g
    p, q = (e + f) / n, (e + g) / n
    (p_low, p_high), (q_low, q_high) = wilson(e + f, n, level), wilson(e + g, n, level)
    covariance = e * h - f * g
    # A positive correlation is drawn towards 0, by at most half an example.
    covariance = np.where(covariance > 0, np.maximum(covariance - n / 2, 0), covariance)
    product = (e + f) * (g + h) * (e + g) * (f + h)
    phi = np.where(product > 0, covariance / np.sqrt(np.where(product > 0, product, 1)), 0)

    def spread(a: Array, b: Array) -> Array:
        return np.sqrt(np.maximum(a * a - 2 * phi * a * b + b * b, 0))

    return p - q - spread(p - p_low, q_high - q), p - q + spread(p_high - p, q - q_low)


def paired_difference(
    wrong_first: ArrayLike, wrong_second: ArrayLike, level: float = 0.95, spread: float = 1.0
) -> Estimate:
    """Error of the first − error of the second on the same examples.

    Both are boolean arrays of shape (m,). ``spread`` is the design effect of the difference
    (`leadline.measure.groups.design_effect`): so many examples count as one.

    Raises:
        UsageError: if they differ in shape or are empty.

    """
    a, b = np.asarray(wrong_first, bool), np.asarray(wrong_second, bool)
    if a.shape != b.shape or a.ndim != 1 or not a.size:
        raise UsageError(f"A paired difference needs two equally long lists, got shapes {a.shape} and {b.shape}.")
    counts = int((a & b).sum()), int((a & ~b).sum()), int((~a & b).sum())
    low, high = paired_newcombe(*(count / spread for count in (*counts, a.size)), level=level)
    return Estimate(float((counts[1] - counts[2]) / a.size), float(low), float(high), a.size, level, "points")


def examples_for_precision(rate: float, half_width: float, level: float = 0.95) -> int:
    """How many examples measure a rate to within ±half_width: the smallest n whose Wilson interval is as
    narrow.

    Raises:
        UsageError: for a rate outside [0, 1] or a half width outside (0, 0.5).

    """
    if not 0 <= rate <= 1 or not 0 < half_width < 0.5:
        raise UsageError(f"Need a rate in [0, 1] and a half width in (0, 0.5), got {rate} and {half_width}.")

    def wide(n: int) -> bool:
        low, high = wilson(rate * n, n, level)
        return bool(high - low > 2 * half_width)

    return smallest(lambda n: not wide(n))


def examples_to_tell(gap: float, rate: float, level: float = 0.95, power: float = 0.8) -> int:
    """How many examples in each of two sets would tell a gap from 0, with probability ``power``.

    ``rate`` is the lower of the two error rates, ``rate + |gap|`` the higher one.

    Raises:
        UsageError: if the gap is 0 or a rate leaves [0, 1].

    """
    size = abs(gap)
    if size == 0 or not 0 <= rate <= rate + size <= 1:
        raise UsageError(f"Need a gap other than 0 and rates in [0, 1], got gap {gap} above {rate}.")
    needed = power_factor(level, power) * size
    return smallest(lambda n: rate_gap_half_width(rate, n, rate + size, n, level) <= needed)


def power_factor(level: float, power: float) -> float:
    """The part of a gap that the half width may have, so that the gap differs significantly from 0 with
    this probability."""
    z = normal_quantile(level)
    return z / (z + NormalDist().inv_cdf(power))


def rate_gap_half_width(low_rate: float, n_low: float, high_rate: float, n_high: float, level: float) -> float:
    """Distance from a gap of two rates to the lower end of its interval, for chosen numbers of examples."""
    low, _ = newcombe(high_rate * n_high, n_high, low_rate * n_low, n_low, level)
    return float(high_rate - low_rate - low)


def smallest(holds: Any, limit: int = 10**12) -> int:
    """The smallest n ≥ 1 from which the monotone condition holds; ``limit`` if none below it does."""
    high = 1
    while not holds(high):
        high *= 2
        if high > limit:
            return limit
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def complement(measured: Estimate) -> Estimate:
    """1 − the measured share, such as an error from an accuracy."""
    return replace(
        measured,
        value=1 - measured.value,
        low=None if measured.high is None else 1 - measured.high,
        high=None if measured.low is None else 1 - measured.low,
    )
