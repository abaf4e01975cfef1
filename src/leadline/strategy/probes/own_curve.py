"""Would more training data help this network: its own dev error after training on each half of the examples.

Both halves are trained with as many updates as the whole, so that only the number of examples differs; the whole is the
run and the same training with another seed, whose losses are averaged as those of the halves are.
"""

from __future__ import annotations

from dataclasses import replace
from math import erfc, hypot, sqrt

import numpy as np
import torch

from leadline.measure.intervals import Estimate, normal_quantile
from leadline.strategy.probes.budget import Budget
from leadline.strategy.probes.candidates import again
from leadline.strategy.probes.curve import Growth
from leadline.strategy.probes.retraining import Losses, ProbedTraining, losses_of, part_of, retrain
from leadline.strategy.probes.significance import independent_difference, mean_difference

PROBE = "the network's learning curve"
SEED = 9_500
LEAST = 60
CLEAR = 0.05
SEEDS = 3
TRAININGS = 2.5
"""What one seed takes, in trainings of the whole, a quarter more than the examples seen."""
HALVING = 0.5
"""Where only two sizes are known, a doubling is expected to bring this share of the last one."""


def own_growth(training: ProbedTraining, budget: Budget) -> Growth | None:
    """The fall of the network's dev loss from half to all of its training examples; None without the time for it.

    None, too, where the training error is not clearly lower: then it is not for want of examples that dev is as it is.
    """
    m, own = len(training.train), losses_of(training, training.trained, training.parameters)
    gap, p = independent_difference(own.train.numpy(), own.dev.numpy())
    if m < LEAST or gap.value <= 0 or p > CLEAR:
        return None
    if budget.left < TRAININGS * training.seconds_alone:
        budget.skip(PROBE)
        return None
    order = torch.randperm(m, generator=torch.Generator().manual_seed(SEED))
    seeds = SEEDS if budget.left >= SEEDS * TRAININGS * training.seconds_alone else 1
    with budget.timed(PROBE):
        whole = _trained(training, training, seeds, budget.left / 2)
        parts = [part_of(training, part) for part in torch.tensor_split(order, 2)]
        first = _trained(parts[0], _longer(training), seeds, budget.left / 2)
        second = _trained(parts[1], _longer(training), seeds, budget.left)
    if min(len(each) for each in (whole, first, second)) < seeds:
        budget.skip(PROBE)
        return None
    if training.ensemble is None:
        whole.append(own)
    return _growth(training, whole, [*first, *second], m)


def _trained(examples: ProbedTraining, settings: ProbedTraining, seeds: int, seconds: float) -> list[Losses]:
    """Trainings on these examples with several seeds, those that came to their end."""
    tried = [again(settings, settings.settings.seed + SEED + k) for k in range(seeds)]
    return [each for each in retrain(examples, tried, seconds) if each is not None and each.in_full]


def _longer(training: ProbedTraining) -> ProbedTraining:
    """With twice the epochs, and patience and schedules to match."""
    own = training.settings
    stopping = own.early_stopping
    if stopping is not None:
        stopping = replace(stopping, patience=2 * stopping.patience)
    slower = {name: getattr(own, name).stretched(2.0) for name in ("schedule", "dropout_schedule")}
    return replace(training, settings=replace(own, epochs=2 * own.epochs, early_stopping=stopping, **slower))


def _growth(training: ProbedTraining, whole: list[Losses], halves: list[Losses], m: int) -> Growth:
    scale = 1.0 if training.unit == "%" else float(training.train.y.double().var(unbiased=False)) or 1.0
    before, after = (np.mean([each.dev.numpy() for each in made], axis=0) / scale for made in (halves, whole))
    fall, _ = mean_difference(before - after)
    low, high = fall.interval
    sampling = (high - low) / 2 / normal_quantile(fall.level)
    se = hypot(sampling, *(_luck_of_seeds(made) / scale for made in (halves, whole)))
    width = normal_quantile(fall.level) * se
    fall = Estimate(fall.value, fall.value - width, fall.value + width, fall.n, fall.level, fall.unit)
    means = (float(before.mean()), float(after.mean()))
    p = erfc(abs(fall.value) / se / sqrt(2))
    return Growth("the network", (m // 2, m), means, fall, p, HALVING * fall.value, of_network=True)


def _luck_of_seeds(made: list[Losses]) -> float:
    """Standard error of the mean over trainings that differ in their seed."""
    means = [float(each.dev.mean()) for each in made]
    return float(np.std(means, ddof=1)) / sqrt(len(means)) if len(means) > 1 else 0.0
