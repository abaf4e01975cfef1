"""Calibration of probabilities on held-out examples: temperature and vector scaling.

Both map probabilities p of classes to softmax(s ∘ log p + b). A temperature T is s = 1/T for all classes and b = 0: it
says how sure the network is, and leaves the order of the classes as it was. Vector scaling has an s and a b for each
class. Both minimize the log loss, which is convex in s and b.

Source: Guo et al. (2017), On calibration of modern neural networks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq, minimize
from scipy.special import log_softmax, softmax

from leadline.errors import UsageError
from leadline.measure.calibration import calibration_error_interval
from leadline.measure.classification import calibration_curve
from leadline.measure.groups import group_codes, group_sums
from leadline.measure.intervals import Estimate, normal_quantile
from leadline.measure.means import mean_interval

Array = NDArray[Any]
LEAST = float(np.finfo(np.float32).tiny)
"""Probabilities below are taken as this one: networks compute in single precision."""
COLDEST, HOTTEST = 0.02, 50.0
FOLDS = 5
EXAMPLES_FOR_EACH_CLASS = 50
"""Vector scaling has two numbers for each class, and needs as many examples for them to be worth a try."""


@dataclass(frozen=True)
class Scaling:
    """p ↦ softmax(scale ∘ log p + shift), for probabilities (m, K) of K classes."""

    scale: tuple[float, ...]
    shift: tuple[float, ...]

    def __call__(self, probabilities: Array) -> Array:
        """The calibrated probabilities, (m, K)."""
        return softmax(self.logits(probabilities), axis=-1)

    def logits(self, probabilities: Array) -> Array:
        """scale ∘ log p + shift, (m, K)."""
        return np.log(np.maximum(probabilities, LEAST)) * self.scale + self.shift

    @property
    def temperature(self) -> float | None:
        """T where all classes are scaled by 1/T alone; else None."""
        return 1 / self.scale[0] if len({*self.scale}) == 1 and not any(self.shift) else None


@dataclass(frozen=True)
class Calibrated:
    """A scaling with what it brings: ``gain``, the change of the log loss on examples that it was not fitted on.

    ``before`` and ``after`` are the expected calibration error without and with it, ``reliability`` the confidence,
    accuracy and share of the examples in bins without it. ``temperature`` is T with its interval; None for vector
    scaling.
    """

    scaling: Scaling
    gain: Estimate
    before: Estimate
    after: Estimate
    reliability: tuple[tuple[float, float, float], ...] = ()
    temperature: Estimate | None = None

    @property
    def helps(self) -> bool:
        """Whether the log loss falls, beyond what chance explains."""
        return self.gain.high is not None and self.gain.high < 0

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads back."""
        estimates = {name: getattr(self, name).to_json() for name in ("gain", "before", "after")}
        return {
            "scale": list(self.scaling.scale),
            "shift": list(self.scaling.shift),
            **estimates,
            "reliability": [list(each) for each in self.reliability],
            "temperature": None if self.temperature is None else self.temperature.to_json(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Calibrated:
        """What `to_json` described."""
        estimates = {name: Estimate.from_json(values[name]) for name in ("gain", "before", "after")}
        temperature = values["temperature"]
        return cls(
            Scaling(tuple(map(float, values["scale"])), tuple(map(float, values["shift"]))),
            **estimates,
            reliability=tuple((float(a), float(b), float(c)) for a, b, c in values["reliability"]),
            temperature=None if temperature is None else Estimate.from_json(temperature),
        )

    def __str__(self) -> str:
        kind = "vector scaling" if self.temperature is None else f"temperature {self.temperature.plain()}"
        if self.temperature is not None and self.temperature.range():
            kind += f" ({self.temperature.range()})"
        return (
            f"Probabilities are calibrated by {kind}: calibration error {self.before.plain()} before, "
            f"{self.after.plain()} after; log loss {self.gain.signed()} on examples left out."
        )


def fit_temperature(labels: ArrayLike, probabilities: ArrayLike) -> Scaling:
    """The temperature of least log loss for class indices (m,) and probabilities (m, K); T from 0.02 to 50."""
    log_p, y = np.log(np.maximum(np.asarray(probabilities, float), LEAST)), np.asarray(labels, np.int64)
    beta = _root(lambda beta: float(_slopes(log_p, y, beta).mean()))
    k = log_p.shape[1]
    return Scaling((beta,) * k, (0.0,) * k)


def fit_vector(labels: ArrayLike, probabilities: ArrayLike) -> Scaling:
    """The scale and shift of each class with the least log loss; they begin at the temperature's."""
    p, y = np.asarray(probabilities, float), np.asarray(labels, np.int64)
    log_p, k, m = np.log(np.maximum(p, LEAST)), p.shape[1], len(p)
    one_hot = np.eye(k)[y]

    def loss(values: Array) -> tuple[float, Array]:
        log_q = log_softmax(log_p * values[:k] + values[k:], axis=1)
        difference = (np.exp(log_q) - one_hot) / m
        return -float(log_q[np.arange(m), y].mean()), np.concatenate([(difference * log_p).sum(0), difference.sum(0)])

    start = np.concatenate([fit_temperature(y, p).scale, np.zeros(k)])
    fitted = minimize(loss, start, jac=True, method="L-BFGS-B").x
    return Scaling(tuple(map(float, fitted[:k])), tuple(map(float, fitted[k:] - fitted[k:].mean())))


def temperature_interval(
    labels: ArrayLike, probabilities: ArrayLike, groups: ArrayLike | None = None, level: float = 0.95
) -> Estimate:
    """T with its interval, by the sandwich variance of 1/T, over groups where examples go together."""
    log_p, y = np.log(np.maximum(np.asarray(probabilities, float), LEAST)), np.asarray(labels, np.int64)
    beta = fit_temperature(labels, probabilities).scale[0]
    q = softmax(beta * log_p, axis=1)
    curvature = float(((q * log_p**2).sum(1) - (q * log_p).sum(1) ** 2).sum())
    sums = group_sums(_slopes(log_p, y, beta), group_codes(groups, len(y)))
    if curvature <= 0:
        return Estimate(1 / beta, None, None, len(y), level, "")
    half = normal_quantile(level) * float(np.sqrt((sums**2).sum())) / curvature
    low, high = 1 / (beta + half), 1 / max(beta - half, 1 / HOTTEST)
    return Estimate(1 / beta, low, max(high, 1 / beta), len(y), level, "")


def calibrated(
    labels: ArrayLike, probabilities: ArrayLike, method: str = "auto", groups: ArrayLike | None = None, seed: int = 0
) -> Calibrated:
    """Fit on all examples, and say what that brings by fitting on four fifths of them and measuring on the rest.

    ``method`` is "temperature", "vector", or "auto": vector scaling where it brings more than the temperature, for
    three classes or more with 50 examples each on average. Groups are never torn apart.
    """
    y, p = np.asarray(labels, np.int64), np.asarray(probabilities, float)
    if len(y) < 2:
        raise UsageError("Calibration needs at least two examples.")
    folds = _folds(group_codes(groups, len(y)), len(y), seed)
    methods: dict[str, Callable[[Array, Array], Scaling]] = {}
    if method != "vector":
        methods["temperature"] = fit_temperature
    many = p.shape[1] > 2 and len(y) >= EXAMPLES_FOR_EACH_CLASS * p.shape[1]
    if method == "vector" or (method == "auto" and many):
        methods["vector"] = fit_vector
    gains = {name: _gains(y, p, fitted, folds) for name, fitted in methods.items()}
    best = min(gains, key=lambda name: float(gains[name].mean()))
    gain = mean_interval(gains[best], groups=groups)
    temperature = temperature_interval(y, p, groups) if best == "temperature" else None
    scaling = methods[best](y, p)
    before, after = (calibration_error_interval(y, q, groups=groups) for q in (p, scaling(p)))
    return Calibrated(scaling, gain, before, after, tuple(calibration_curve(y, p)), temperature)


def _slopes(log_p: Array, y: Array, beta: float) -> Array:
    """The derivative of each example's log loss by β = 1/T, (m,): the mean of log p under q minus that of its class."""
    q = softmax(beta * log_p, axis=1)
    return (q * log_p).sum(1) - log_p[np.arange(len(y)), y]


def _root(slope: Callable[[float], float]) -> float:
    """Where a rising function crosses 0, between the hottest and the coldest temperature."""
    low, high = 1 / HOTTEST, 1 / COLDEST
    if slope(low) >= 0:
        return low
    if slope(high) <= 0:
        return high
    root: Any = brentq(slope, low, high, xtol=1e-10)
    return float(root)


def _folds(codes: Array | None, m: int, seed: int) -> Array:
    """The fold of each example, (m,)."""
    units = m if codes is None else int(codes.max()) + 1
    if units == 1:
        return np.arange(m) % FOLDS  # one group alone cannot be left out
    fold = np.random.default_rng(seed).permutation(units) % FOLDS
    return fold if codes is None else fold[codes]


def _gains(y: Array, p: Array, fitted: Callable[[Array, Array], Scaling], folds: Array) -> Array:
    """How much each example's log loss changes, by a scaling that has not seen its fold, (m,)."""
    before = -np.log(np.maximum(p[np.arange(len(y)), y], LEAST))
    after = np.empty(len(y))
    for fold in np.unique(folds):
        inside = folds == fold
        scaling = fitted(y[~inside], p[~inside])
        after[inside] = -log_softmax(scaling.logits(p[inside]), axis=1)[np.arange(inside.sum()), y[inside]]
    return after - before
