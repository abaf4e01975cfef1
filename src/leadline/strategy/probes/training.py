"""Probes of a training: whether its rate, length, penalties, inputs or network hold its errors up.

Each probe is the training with one thing changed. A finding is made only where that lowers the training error and the
dev error, both clearly and by as much as matters, against the run and against the same training with another seed; what
was chosen among many is measured again with a fresh seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm, wilcoxon

from leadline.measure.intervals import Estimate
from leadline.strategy.findings import STRONG, Finding, Quantity
from leadline.strategy.ladder import BIAS
from leadline.strategy.levelling import remaining_fall
from leadline.strategy.probes.budget import Budget
from leadline.strategy.probes.candidates import again, candidates
from leadline.strategy.probes.retraining import Candidate, Losses, ProbedTraining, losses_of, retrain

PROBE = "training"
FRESH_SEED = 9_000
CONFIRMED = 3
"""How many of the candidates that do best are trained again with a fresh seed."""
MATTERS, LEAST_RATE = 0.1, 0.005
"""A fall of an error by a tenth matters; for rates at least half a point."""
LEVEL = 0.01
FIRST_SHARE = 0.65  # of the time, for the first look at all candidates


@dataclass(frozen=True, eq=False)
class Tried:
    """A candidate with its errors, and the p-value of their fall, corrected for how many candidates there were."""

    candidate: Candidate
    losses: Losses
    p_value: float = 1.0


def training_findings(training: ProbedTraining, budget: Budget) -> tuple[Finding, ...]:
    """What holds this training up, the surest first; () where nothing that was tried does better.

    Of several causes that are shown the one whose removal helps most comes first; where two help alike, the one that is
    simpler to remove.
    """
    own = losses_of(training, training.network, training.parameters)
    if not _room(training, own):
        return ()
    if budget.left <= 0:
        budget.skip(PROBE)
        return ()
    with budget.timed(PROBE):
        return _findings(training, own, budget)


def _findings(training: ProbedTraining, own: Losses, budget: Budget) -> tuple[Finding, ...]:
    tried = candidates(training)
    seed = training.settings.seed + FRESH_SEED
    *first, other_seed = retrain(training, [*tried, again(training, seed)], FIRST_SHARE * budget.left)
    reference = _better(training, own, other_seed)
    measured = [Tried(c, losses) for c, losses in zip(tried, first, strict=True) if losses is not None]
    leading = [each for each in measured if _gains(training, reference, each.losses)]
    if not leading and not all(each.losses.in_full for each in measured):
        leading = measured  # the best of them with the rest of the time may show what all together could not
    if not leading:
        return ()
    leading = sorted(leading, key=lambda each: _error(training, each.losses.dev))[:CONFIRMED]
    fresh = retrain(training, [each.candidate.with_seed(seed + 1) for each in leading], budget.left)
    shown = []
    for each, losses in zip(leading, fresh, strict=True):
        if losses is not None and _gains(training, reference, losses):
            p = min(1.0, len(tried) * p_of_fall(reference.dev.numpy(), losses.dev.numpy()))
            shown += [Tried(each.candidate, losses, p)] if p < LEVEL else []
    return tuple(_finding(training, own, each) for each in _in_order(training, shown, tried))


def _room(training: ProbedTraining, own: Losses) -> bool:
    """Whether a better fit to the training set could lower the dev error by as much as matters."""
    return _error(training, own.train) > _matters(training, _error(training, own.dev))


def _better(training: ProbedTraining, own: Losses, other: Losses | None) -> Losses:
    """The run, or the same with another seed where that does better: a seed's luck is no fault of the training."""
    return own if other is None or _error(training, own.dev) <= _error(training, other.dev) else other


def _gains(training: ProbedTraining, reference: Losses, losses: Losses) -> bool:
    """Whether both errors fall by as much as matters."""
    return all(
        _error(training, before) - _error(training, after) >= _matters(training, _error(training, before))
        for before, after in ((reference.train, losses.train), (reference.dev, losses.dev))
    )


def _matters(training: ProbedTraining, error: float) -> float:
    return max(MATTERS * error, LEAST_RATE if training.unit == "%" else 0.0)


def _in_order(training: ProbedTraining, shown: Sequence[Tried], tried: Sequence[Candidate]) -> list[Tried]:
    """What helps most first; what helps no less beyond chance, and is simpler, before it."""
    rest = sorted(shown, key=lambda each: _error(training, each.losses.dev))
    if not rest:
        return []
    best = rest[0]
    codes = [candidate.code for candidate in tried]
    alike = [e for e in rest if p_of_fall(e.losses.dev.numpy(), best.losses.dev.numpy()) > LEVEL]
    alike.sort(key=lambda each: codes.index(each.candidate.code))
    return [*alike, *(each for each in rest if each not in alike)]


def p_of_fall(before: np.ndarray, after: np.ndarray) -> float:
    """The p-value of errors (m,) of the same examples having fallen, by mean and, where they are no rates, by rank.

    A mean of squared errors may hang on a few examples; then their ranks have to agree (Wilcoxon, 1945).
    """
    fall = before - after
    spread = float(fall.std(ddof=1)) if len(fall) > 1 else 0.0
    if spread == 0.0:
        return 0.0 if len(fall) > 1 and fall.mean() > 0 else 1.0
    p = float(norm.sf(fall.mean() / (spread / len(fall) ** 0.5)))
    if np.isin(before, (0.0, 1.0)).all():
        return p
    by_rank: Any = wilcoxon(np.sqrt(before), np.sqrt(after), alternative="greater")
    return max(p, float(by_rank.pvalue))


def _error(training: ProbedTraining, losses: object) -> float:
    """The error in its unit: a fraction, or the root of a mean square."""
    mean = float(np.mean(np.asarray(losses)))
    return mean if training.unit == "%" else training.scale * mean**0.5


def _measured(training: ProbedTraining, losses: object) -> Estimate:
    return Estimate(_error(training, losses), n=len(np.asarray(losses)), unit=training.unit)


def _fall(training: ProbedTraining, before: np.ndarray, after: np.ndarray) -> Estimate:
    """How far the error falls, with the 95 % interval of new examples (paired; for a root by the delta method)."""
    value = _error(training, before) - _error(training, after)
    se = float((before - after).std(ddof=1)) / len(before) ** 0.5
    unit = "points" if training.unit == "%" else training.unit
    if training.unit != "%":
        roots = _error(training, before) + _error(training, after)
        se *= training.scale**2 / roots if roots else 0.0
    z = norm.ppf(0.975)
    return Estimate(value, value - z * se, value + z * se, len(before), unit=unit)


def _finding(training: ProbedTraining, own: Losses, shown: Tried) -> Finding:
    candidate, losses = shown.candidate, shown.losses
    now, then = ([_measured(training, each).plain() for each in (errors.train, errors.dev)] for errors in (own, losses))
    epochs = f" after {losses.epochs} epochs" if candidate.code != "training-cut-off" else ""
    statement = (
        f"{candidate.cause}: with {candidate.name} the training error is {then[0]} and the dev error {then[1]}"
        f"{epochs}, where the run has {now[0]} and {now[1]}."
    )
    evidence = [
        Quantity("training error of the run", _measured(training, own.train)),
        Quantity(f"training error with {candidate.name}", _measured(training, losses.train)),
        Quantity("dev error of the run", _measured(training, own.dev)),
        Quantity(f"dev error with {candidate.name}", _measured(training, losses.dev)),
        Quantity("fall of the dev error", _fall(training, own.dev.numpy(), losses.dev.numpy())),
    ]
    fall = remaining_fall([e.cost - e.penalty for e in training.history])
    if candidate.code == "training-cut-off" and fall is not None:
        evidence.append(Quantity("share of the cost's fall that the last tenth of the epochs brought", fall))
    step = f"{candidate.step}: that lowers the dev error by {evidence[4].measured.plain()}."
    settle = "A training with this change, or a sounding."
    return Finding(
        candidate.code, statement, tuple(evidence), STRONG, step, BIAS, dict(candidate.change), settle, shown.p_value
    )
