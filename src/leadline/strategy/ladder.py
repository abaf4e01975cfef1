"""The error ladder: human → train → train-dev → dev → test, and the gaps between its rungs.

Each gap has one meaning: from the human level (close to the Bayes error) to the training error is avoidable
bias, on to held-out data of the training distribution is variance, on to the target distribution is data
mismatch, and from the dev to the test set is overfitting to dev. Source: course 3, structuring
machine-learning projects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from leadline.errors import UsageError, nearest
from leadline.measure.intervals import Estimate, combination, difference, power_factor, smallest, wilson

if TYPE_CHECKING:
    from leadline.strategy.findings import Finding

RUNGS = ("human", "train", "train-dev", "dev", "test")
EXAMPLES = "examples"
"""What the interval of a set's error holds: not how another training would differ."""
BIAS, VARIANCE, MISMATCH, OVERFITTING = "avoidable bias", "variance", "data mismatch", "overfitting to dev"
PRESENT, ABSENT, CANNOT_TELL = "present", "absent", "cannot tell"
NO_LEVEL = "no human or Bayes level is given"
# Beyond this many examples nobody will go, and floating-point noise decides.
MOST_EXAMPLES = 10**9
# A sum of a few floating-point percentages is exact to far less than this.
ROUNDING = 1e-12
_GAPS = {
    ("human", "train"): BIAS,
    ("human", "train-dev"): f"{BIAS} and {VARIANCE}",
    ("human", "dev"): f"{BIAS} and {VARIANCE}",
    ("human", "test"): f"{BIAS} and {VARIANCE}",
    ("train", "train-dev"): VARIANCE,
    ("train", "dev"): VARIANCE,
    ("train", "test"): VARIANCE,
    ("train-dev", "dev"): MISMATCH,
    ("train-dev", "test"): MISMATCH,
    ("dev", "test"): OVERFITTING,
}


@dataclass(frozen=True)
class Rung:
    """One set of the ladder with its error; ``assumed`` where it was not measured but taken as 0."""

    name: str
    error: Estimate
    assumed: bool = False


@dataclass(frozen=True)
class Level:
    """An error that was measured beside the network's, or a bound of what any model can reach.

    Attributes:
        name: such as ``"constant prediction"`` or ``"gradient boosting"``.
        kind: ``"constant"``, ``"reference"`` for another model, ``"floor"`` for what no model of these inputs can
            beat, ``"bound"`` for an estimated bound of the Bayes error, ``"repeated"`` for other trainings of the
            network itself.
        error: with its interval, in the ladder's metric and unit.
        measured_on: the set it was measured on, ``"dev"`` as a rule.
        note: how it was measured.
        over: what the interval holds, such as ``"examples and seeds"``.

    """

    name: str
    kind: str
    error: Estimate
    measured_on: str = "dev"
    note: str = ""
    over: str = EXAMPLES

    def to_json(self) -> dict[str, Any]:
        """Plain values that ``from_json`` reads back."""
        return {**vars(self), "error": self.error.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Level:
        """The inverse of ``to_json``."""
        return cls(**{**data, "error": Estimate.from_json(data["error"])})


@dataclass(frozen=True)
class Gap:
    """The step between two neighbouring rungs.

    Attributes:
        name: what the step means, such as ``"variance"``.
        lower: the rung nearer to the human level.
        upper: the rung further from it.
        size: error of ``upper`` − error of ``lower``, with its interval.
        verdict: ``"present"``, ``"absent"`` or ``"cannot tell"``.
        matters: the size up to which a gap counts as absent.
        needed: how many examples in ``needed_in`` would tell (with 80 % probability), where the verdict
            cannot.
        needed_in: the sets that would have to have them.
        reason: why the verdict cannot tell, where more examples would not help.

    """

    name: str
    lower: str
    upper: str
    size: Estimate
    verdict: str
    matters: float
    needed: int | None = None
    needed_in: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Ladder:
    """The rungs and gaps of one model in one metric for which less is better.

    Attributes:
        rungs: in the order of ``RUNGS``.
        gaps: between neighbours, one fewer than the rungs.
        metric: what the errors are, such as ``"error"`` or ``"RMSE"``.
        closed: sets that exist but are kept shut, such as the test set.
        spread: standard deviation of a regression target, that is the RMSE of predicting the mean.
        levels: rungs that need no human: the constant prediction, references, floors and bounds.

    """

    rungs: tuple[Rung, ...]
    gaps: tuple[Gap, ...]
    metric: str = "error"
    closed: tuple[str, ...] = ()
    spread: float | None = None
    levels: tuple[Level, ...] = ()

    def rung(self, name: str) -> Rung | None:
        """The rung of that name, or None."""
        return next((rung for rung in self.rungs if rung.name == name), None)

    def gap(self, name: str) -> Gap | None:
        """The gap of that name, or None."""
        return next((gap for gap in self.gaps if gap.name == name), None)

    @property
    def reference(self) -> Rung:
        """The rung that stands for the task: dev, or the highest one below it."""
        return _reference(self.rungs)

    @property
    def unit(self) -> str:
        """The unit of the errors: ``"%"`` for rates (stored as fractions), else the target's."""
        return self.rungs[-1].error.unit

    def to_json(self) -> dict[str, Any]:
        """Plain values that ``from_json`` reads back; a closed set is a rung without a value."""
        rungs = [_rung_to_json(rung) for rung in self.rungs]
        closed = [{"name": name, "value": None, "note": "closed"} for name in self.closed]
        return {
            "metric": self.metric,
            "unit": self.unit,
            "level": self.rungs[-1].error.level,
            "intervals_over": EXAMPLES,
            "spread": self.spread,
            "rungs": rungs + closed,
            "gaps": [_gap_to_json(gap) for gap in self.gaps],
            "levels": [level.to_json() for level in self.levels],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Ladder:
        """The inverse of ``to_json``; other keys are left alone."""
        level, unit = data["level"], data["unit"]
        rungs = tuple(
            Rung(r["name"], _rung_error(r, level, unit), r["assumed"]) for r in data["rungs"] if r["note"] != "closed"
        )
        closed = tuple(r["name"] for r in data["rungs"] if r["note"] == "closed")
        gaps = tuple(_gap_from_json(gap, level, "points" if unit == "%" else unit) for gap in data["gaps"])
        levels = tuple(Level.from_json(each) for each in data.get("levels", ()))
        return cls(rungs, gaps, data["metric"], closed, data["spread"], levels)


_GAP_TEXTS = ("name", "verdict", "matters", "needed", "needed_in", "reason")


def _rung_to_json(rung: Rung) -> dict[str, Any]:
    """An assumed level is 0 for rates and unknown for anything else."""
    error = rung.error
    unknown = rung.assumed and error.unit != "%"
    note = "unknown" if unknown else "assumed" if rung.assumed else ""
    value = None if unknown else error.value
    numbers = {"value": value, "low": error.low, "high": error.high, "n": error.n}
    return {"name": rung.name, **numbers, "assumed": rung.assumed, "note": note, "warning": error.warning}


def _rung_error(data: Mapping[str, Any], level: float, unit: str) -> Estimate:
    numbers = data["value"] or 0.0, data["low"], data["high"], data["n"]
    return Estimate(*numbers, level, unit, data.get("warning", ""))


def _gap_to_json(gap: Gap) -> dict[str, Any]:
    size = {"value": gap.size.value, "low": gap.size.low, "high": gap.size.high}
    return {"from": gap.lower, "to": gap.upper} | size | {name: getattr(gap, name) for name in _GAP_TEXTS}


def _gap_from_json(data: Mapping[str, Any], level: float, unit: str) -> Gap:
    size = Estimate(data["value"], data["low"], data["high"], None, level, unit)
    return Gap(lower=data["from"], upper=data["to"], size=size, **{name: data[name] for name in _GAP_TEXTS})


def build_ladder(
    errors: Mapping[str, Estimate],
    human: Estimate | float | None = None,
    matters: float | None = None,
    metric: str = "error",
    closed: Sequence[str] = (),
    spread: float | None = None,
    levels: Sequence[Level] = (),
) -> Ladder:
    """Build the ladder from the errors of any subset of the sets.

    Args:
        errors: by set name (``RUNGS`` without human); at least one.
        human: error of the human (or Bayes) level; None takes 0 for the figures and says so. The verdict on avoidable
            bias then stays open, unless the training error is so small that there is no room for any.
        matters: the gap size that matters, in the unit of the errors; by default the larger of one tenth of
            the dev error and, for rates, half a point.
        metric: what the errors are.
        closed: sets that exist but are not looked at.
        spread: standard deviation of a regression target.
        levels: errors measured beside the network's, and bounds.

    Raises:
        UsageError: for an unknown set, an error that is negative (or above 1 for a rate), or no set at all.

    """
    _check(errors, human)
    unit = next(iter(errors.values())).unit
    level = human if isinstance(human, Estimate) else Estimate(0.0 if human is None else human, unit=unit)
    rungs = (
        Rung("human", replace(level, unit=unit), assumed=human is None),
        *(Rung(name, errors[name]) for name in RUNGS if name in errors),
    )
    limit = default_matters(_reference(rungs).error) if matters is None else matters
    gaps = tuple(_gap(lower, upper, limit) for lower, upper in pairwise(rungs))
    return Ladder(rungs, gaps, metric, tuple(name for name in closed if name not in errors), spread, tuple(levels))


def default_matters(error: Estimate) -> float:
    """The size up to which a gap does not matter: a tenth of the error, for rates at least half a point."""
    return max(0.1 * error.value, 0.005 if error.unit == "%" else 0.0)


def judge(size: Estimate, matters: float) -> str:
    """The verdict on a gap.

    Present if it is larger than what matters and its interval lies above 0; absent if the whole interval lies
    below what matters; otherwise the examples cannot tell. Without an interval the value alone decides.
    """
    low, high = size.interval
    if size.value > matters + ROUNDING and low > 0:
        return PRESENT
    return ABSENT if high <= matters + ROUNDING else CANNOT_TELL


def tell_apart(ladder: Ladder, first: Gap, second: Gap) -> Estimate:
    """Size of the first gap − size of the second, with an interval that respects a rung they share."""
    weights = dict.fromkeys((rung.name for rung in ladder.rungs), 0.0)
    for gap, sign in ((first, 1.0), (second, -1.0)):
        weights[gap.upper] += sign
        weights[gap.lower] -= sign
    return combination([weights[rung.name] for rung in ladder.rungs], [rung.error for rung in ladder.rungs])


def settled(ladder: Ladder, findings: Sequence[Finding]) -> Ladder:
    """The ladder with a gap present that is open for want of a level, where something measured shows it."""
    shown = {finding.gap for finding in findings if finding.concludes and finding.gap}

    def settle(gap: Gap) -> Gap:
        if gap.reason != NO_LEVEL or gap.name not in shown:
            return gap
        return replace(gap, verdict=PRESENT, reason="shown by a measurement beside the network")

    return replace(ladder, gaps=tuple(settle(gap) for gap in ladder.gaps))


def _check(errors: Mapping[str, Estimate], human: Estimate | float | None) -> None:
    if not errors:
        raise UsageError(f"The ladder needs the error of at least one set: {', '.join(RUNGS[1:])}.")
    given: dict[str, Estimate] = dict(errors)
    if human is not None:
        unit = next(iter(errors.values())).unit
        given["human"] = human if isinstance(human, Estimate) else Estimate(human, unit=unit)
    for name, error in given.items():
        if name not in RUNGS:
            raise UsageError(f"Unknown set '{name}' in the ladder.{nearest(name, RUNGS)}")
        if not 0 <= error.value < float("inf") or (error.unit == "%" and error.value > 1):
            most = " and at most 100 %" if error.unit == "%" else ""
            raise UsageError(f"The error of {name} must be a number of at least 0{most}, got {error.number()}.")


def _reference(rungs: Sequence[Rung]) -> Rung:
    below_test = [rung for rung in rungs[1:] if rung.name != "test"]
    return below_test[-1] if below_test else rungs[-1]


def _gap(lower: Rung, upper: Rung, matters: float) -> Gap:
    size = difference(upper.error, lower.error)
    gap = Gap(_GAPS[lower.name, upper.name], lower.name, upper.name, size, judge(size, matters), matters)
    if lower.assumed and (gap.verdict != ABSENT or upper.error.unit != "%"):
        # An error of at most 0.4 % cannot hide much, whatever the level is; of a larger one nothing is known.
        return replace(gap, verdict=CANNOT_TELL, reason=NO_LEVEL)
    return _with_needed(gap, lower, upper) if gap.verdict == CANNOT_TELL else gap


def _with_needed(gap: Gap, lower: Rung, upper: Rung) -> Gap:
    """Add how many examples would tell, if the errors stay as they are.

    Beyond what matters the interval must come to lie above 0; below it, below what matters. A gap at that
    very limit would need endless examples, so half of what matters is the finest step asked for.
    """
    beyond = gap.size.value > gap.matters + ROUNDING
    margin = gap.size.value if beyond else max(gap.matters - gap.size.value, gap.matters / 2)
    allowed = margin * power_factor(gap.size.level, 0.8)

    def half_width(n_lower: float | None, n_upper: float | None) -> float:
        size = difference(_resized(upper.error, n_upper), _resized(lower.error, n_lower))
        low, high = size.interval
        return size.value - low if beyond else high - size.value

    smaller = _smaller(lower, upper)
    if smaller is upper:
        needed = smallest(lambda n: half_width(lower.error.n, n) <= allowed, MOST_EXAMPLES)
    else:
        needed = smallest(lambda n: half_width(n, upper.error.n) <= allowed, MOST_EXAMPLES)
    if needed < MOST_EXAMPLES:
        return replace(gap, needed=needed, needed_in=smaller.name)
    # One set alone cannot do it: the other's own uncertainty is already too large.
    needed = smallest(lambda n: half_width(n, n) <= allowed, MOST_EXAMPLES)
    return replace(gap, needed=needed, needed_in=f"{lower.name} and {upper.name}")


def _smaller(lower: Rung, upper: Rung) -> Rung:
    if not lower.error.has_interval:
        return upper
    if not upper.error.has_interval:
        return lower
    return upper if (upper.error.n or 0) <= (lower.error.n or 0) else lower


def _resized(error: Estimate, n: float | None) -> Estimate:
    """The error as it would be measured on n examples; unchanged where its n is unknown or stays."""
    if n is None or error.n is None or not error.has_interval or n == error.n:
        return error
    if error.unit == "%" and _is_proportion(error):
        low, high = wilson(error.value * n, n, error.level)
        return replace(error, low=float(low), high=float(high))
    shrink = (error.n / n) ** 0.5
    low, high = error.interval
    return replace(
        error,
        low=error.value - (error.value - low) * shrink,
        high=error.value + (high - error.value) * shrink,
    )


def _is_proportion(error: Estimate) -> bool:
    """Whether the interval is Wilson's of n examples, and not one of F1 or another function of counts."""
    return error.n is not None and bool(
        np.allclose(wilson(error.value * error.n, error.n, error.level), error.interval, atol=1e-6)
    )
