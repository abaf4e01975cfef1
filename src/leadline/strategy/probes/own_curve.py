"""Would more training data help this network: its own dev error after training on each half of the examples.

Both halves are trained with as many updates as the whole, so that only the number of examples differs; the whole is the
run and the same training with another seed, whose losses are averaged as those of the halves are.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from leadline.strategy.probes.budget import Budget
from leadline.strategy.probes.candidates import again
from leadline.strategy.probes.curve import Growth
from leadline.strategy.probes.retraining import Losses, ProbedTraining, losses_of, part_of, retrain
from leadline.strategy.probes.significance import independent_difference, mean_difference

PROBE = "the network's learning curve"
SEED = 9_500
LEAST = 60
CLEAR = 0.05
TRAININGS = 2.5
"""What it takes, in trainings of the whole."""
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
    seed = training.settings.seed + SEED
    with budget.timed(PROBE):
        whole = retrain(training, [again(training, seed)], budget.left / 2)
        halves = [
            retrain(_longer(part_of(training, part)), [again(_longer(training), seed)], budget.left / (2 - k))[0]
            for k, part in enumerate(torch.tensor_split(order, 2))
        ]
    known = [each for each in (*whole, *halves) if each is not None and each.in_full]
    if len(known) < 3:
        budget.skip(PROBE)
        return None
    if training.ensemble is None:
        known.insert(0, losses_of(training, training.network, training.parameters))
    return _growth(training, known[:-2], known[-2:], m)


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
    fall, p = mean_difference(before - after)
    means = (float(before.mean()), float(after.mean()))
    return Growth("the network", (m // 2, m), means, fall, p, HALVING * fall.value, of_network=True)
