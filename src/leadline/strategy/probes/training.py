"""Probes of a training: whether its rate, length, penalties, inputs or network hold its errors up.

Each probe is the training with one thing changed. A finding is made only where that lowers the dev error, and the
training error too where the change is one of the fit, clearly and by as much as matters, against the run and against
the same training with another seed; what was chosen among many is measured again with a fresh seed.

Of an ensemble one member is repeated, and compared with one member as it is trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm, wilcoxon

from leadline.measure.intervals import Estimate
from leadline.strategy.findings import MODERATE, STRONG, TRAINING, Finding, Quantity
from leadline.strategy.ladder import BIAS, VARIANCE
from leadline.strategy.levelling import remaining_fall
from leadline.strategy.probes.budget import Budget
from leadline.strategy.probes.candidates import again, candidates
from leadline.strategy.probes.retraining import Candidate, Losses, ProbedTraining, losses_of, retrain

PROBE = "repeats of the training"
FRESH_SEED = 9_000
CONFIRMED = 3
"""How many of the candidates that do best are trained again with a fresh seed."""
MATTERS, LEAST_RATE = 0.1, 0.005
"""A fall of an error by a tenth matters; for rates at least half a point."""
LEVEL = 0.01
LEVEL_WHERE_BIASED = 0.05
"""Of the dev error's fall, where a reference has shown that the training set could be fitted better."""
FIRST_SHARE = 0.65  # of the time, for the first look at all candidates
LEAST_REPEATS = 3
"""Of so many trainings the time must be enough, or the look at all of them shows nothing."""


@dataclass(frozen=True, eq=False)
class Tried:
    """A candidate with its errors, and the p-value of the dev error's fall, corrected for how many there were."""

    candidate: Candidate
    losses: Losses
    p_value: float = 1.0
    against: Losses | None = None
    """What it is compared with, where that is not the reference of all."""


def training_findings(training: ProbedTraining, budget: Budget, biased: bool = False) -> tuple[Finding, ...]:
    """What holds this training up, the surest first; () where nothing that was tried does better.

    Of several causes that are shown the one whose removal helps most comes first; where two help alike, the one that is
    simpler to remove. ``biased`` says that a reference fits better, so that a better fit is known to be possible.
    """
    own = losses_of(training, training.trained, training.parameters)
    tried = _worth_trying(training, own)
    if budget.left <= (0.0 if biased else LEAST_REPEATS * training.seconds_alone):
        if not all(each.generalizes for each in tried):
            budget.skip(PROBE)
        tried = [each for each in tried if each.generalizes]  # with their own, short training
    if not tried or budget.left <= 0:
        return ()
    with budget.timed(PROBE):
        return _findings(training, own, tried, budget, biased)


def _worth_trying(training: ProbedTraining, own: Losses) -> list[Candidate]:
    """All candidates that could lower the dev error by as much as matters: a better fit only where there is room."""
    dev_error = _error(training, own.dev)
    if dev_error <= (LEAST_RATE if training.unit == "%" else 0.0):
        return []
    fits = _error(training, own.train) > _matters(training, dev_error)
    return [candidate for candidate in candidates(training) if fits or candidate.generalizes]


def _findings(
    training: ProbedTraining, own: Losses, tried: Sequence[Candidate], budget: Budget, biased: bool
) -> tuple[Finding, ...]:
    seed = training.settings.seed + FRESH_SEED
    repeats = training.ensemble is not None or not all(each.generalizes for each in tried)
    every = [*tried, again(training, seed)] if repeats else list(tried)
    losses = retrain(training, every, FIRST_SHARE * budget.left)
    first, other_seed = losses[: len(tried)], losses[-1] if repeats else None
    reference = _reference(training, own, other_seed)
    if reference is None:
        budget.skip(PROBE)
        return ()
    measured = [Tried(c, losses) for c, losses in zip(tried, first, strict=True) if losses is not None]
    leading = [each for each in measured if _gains(training, reference, each)]
    if not leading and reference is not own:
        leading = [e for e in measured if _if_unstable(training, own, reference, e, tried) is not None]
    in_full = len(measured) == len(tried) and all(each.losses.in_full for each in measured)
    if not leading and not in_full:
        leading = measured  # the best of them with the rest of the time may show what all together could not
    leading = sorted(leading, key=lambda each: _error(training, each.losses.dev))[:CONFIRMED]
    fresh = retrain(training, [each.candidate.with_seed(seed + 1) for each in leading], budget.left) if leading else []
    confirmed = [Tried(e.candidate, losses) for e, losses in zip(leading, fresh, strict=True) if losses is not None]
    shown = [e for each in confirmed if (e := _shown(training, own, reference, each, tried, biased)) is not None]
    if not shown and not in_full:
        budget.skip(PROBE)
    ordered = _in_order(training, shown, tried)
    return tuple(_finding(training, own, each.against or reference, each) for each in ordered)


def _reference(training: ProbedTraining, own: Losses, other: Losses | None) -> Losses | None:
    """The run, or the same with another seed where that does better: a seed's luck is no fault of the training.

    Of an ensemble it is one member that was trained again.
    """
    if training.ensemble is not None:
        return other
    return own if other is None or _error(training, own.dev) <= _error(training, other.dev) else other


def _gains(training: ProbedTraining, reference: Losses, tried: Tried) -> bool:
    """Whether the dev error falls by as much as matters, and the training error as well where that is the aim."""
    pairs = [(reference.dev, tried.losses.dev)]
    if not tried.candidate.generalizes:
        pairs.append((reference.train, tried.losses.train))
    errors = [(_error(training, before), _error(training, after)) for before, after in pairs]
    return all(before - after >= _matters(training, before) for before, after in errors)


def _if_unstable(
    training: ProbedTraining, own: Losses, reference: Losses, tried: Tried, among: Sequence[Candidate]
) -> Tried | None:
    """A lower rate where the training ends well or badly by the luck of its seed.

    Another seed is much better than the run then; the rate has to be so as well, and to fit no worse than that seed.
    """
    if reference is own or tried.candidate.code != "learning-rate-too-high" or training.ensemble is not None:
        return None
    fits = _error(training, tried.losses.train) <= _error(training, reference.train)
    if not fits or not _gains(training, own, tried):
        return None
    p = min(1.0, len(among) * p_of_fall(own.dev.numpy(), tried.losses.dev.numpy()))
    return Tried(tried.candidate, tried.losses, 1.0, own) if p < LEVEL else None


def _shown(
    training: ProbedTraining,
    own: Losses,
    reference: Losses,
    tried: Tried,
    among: Sequence[Candidate],
    biased: bool,
) -> Tried | None:
    """The candidate with its p-value, if its fresh training shows that it lowers the errors; else None.

    Where a better fit is known to be possible, the training error has to show which candidate brings it, among all that
    were tried, and the dev error only that it is not learnt by heart.
    """
    if not _gains(training, reference, tried):
        return _if_unstable(training, own, reference, tried, among)
    generalizes = tried.candidate.generalizes
    looks = sum(each.generalizes == generalizes for each in among)
    alone = p_of_fall(reference.dev.numpy(), tried.losses.dev.numpy())
    p = min(1.0, looks * alone)
    if p < LEVEL:
        return Tried(tried.candidate, tried.losses, p)
    if not biased or generalizes or alone >= LEVEL_WHERE_BIASED:
        return None
    of_fit = min(1.0, looks * p_of_fall(reference.train.numpy(), tried.losses.train.numpy()))
    return Tried(tried.candidate, tried.losses, p) if of_fit < LEVEL else None


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


def _finding(training: ProbedTraining, own: Losses, reference: Losses, shown: Tried) -> Finding:
    candidate, losses, repeated = shown.candidate, shown.losses, reference is not own
    whose = "one member" if training.ensemble is not None else "the same with another seed" if repeated else "the run"
    errors = {
        when: [_measured(training, each) for each in (made.train, made.dev)]
        for when, made in (("now", reference), ("then", losses))
    }
    now, then = ([each.plain() for each in errors[when]] for when in ("now", "then"))
    epochs = f" after {losses.epochs} epochs" if candidate.code != "training-cut-off" else ""
    statement = (
        f"{candidate.cause}: with {candidate.name} the training error is {then[0]} and the dev error {then[1]}"
        f"{epochs}, where {whose} has {now[0]} and {now[1]}."
    )
    evidence = [
        Quantity(f"training error of {whose}", errors["now"][0]),
        Quantity(f"training error with {candidate.name}", errors["then"][0]),
        Quantity(f"dev error of {whose}", errors["now"][1]),
        Quantity(f"dev error with {candidate.name}", errors["then"][1]),
        Quantity("fall of the dev error", _fall(training, reference.dev.numpy(), losses.dev.numpy())),
    ]
    fall = remaining_fall([e.cost - e.penalty for e in training.history])
    if candidate.code == "training-cut-off" and fall is not None:
        evidence.append(Quantity("share of the cost's fall that the last tenth of the epochs brought", fall))
    return Finding(
        candidate.code,
        statement,
        tuple(evidence),
        STRONG if shown.p_value < LEVEL else MODERATE,
        f"{candidate.step}: that lowers the dev error by {evidence[4].measured.plain()}.",
        VARIANCE if candidate.generalizes else BIAS,
        dict(candidate.change),
        "A training with this change, or a sounding (leadline sound RUN).",
        stage=TRAINING,  # all of them are beside each other, so that what helps most is first
    )
