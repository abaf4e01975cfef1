"""Can a network learn a hundred examples by heart? One that cannot is too small, or something keeps it from learning.

It trains on them without penalties, dropout or smoothing, by Adam at several rates as one population. Where it can, its
size is no reason for a training error above what other models reach.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from leadline.measure.intervals import Estimate
from leadline.network import Dropout, Network
from leadline.optimize import Adam, Constant
from leadline.strategy.probes.budget import Budget
from leadline.strategy.probes.retraining import Candidate, ProbedTraining, part_of, retrain

PROBE = "memorization"
EXAMPLES, EPOCHS = 100, 400
RATES = (0.001, 0.003, 0.01, 0.03)
ENOUGH = 0.1
"""A network that gets at most this share of them wrong, or leaves this share of their variance, has learnt them."""


def share_not_memorized(training: ProbedTraining, budget: Budget) -> Estimate | None:
    """What the network still gets wrong of 100 training examples that it has learnt alone; None without time.

    The fraction wrong, or the share of their targets' variance that is left.
    """
    if budget.left <= 0:
        budget.skip(PROBE)
        return None
    m = len(training.train)
    rows = torch.randperm(m, generator=torch.Generator().manual_seed(0))[: min(EXAMPLES, m)]
    few = part_of(training, rows)
    few = replace(few, dev=few.train)
    with budget.timed(PROBE):
        losses = [each for each in retrain(few, _at_rates(few), budget.left) if each is not None]
    if not losses:
        budget.skip(PROBE)
        return None
    left = min(float(each.train.mean()) for each in losses)
    if left > ENOUGH and not all(each.in_full for each in losses):
        budget.skip(PROBE)
        return None
    if training.unit != "%":
        left /= float(few.train.y.double().var(unbiased=False)) or 1.0
    return Estimate(left, n=len(few.train))


def _at_rates(few: ProbedTraining) -> list[Candidate]:
    """The bare network with nothing that holds its fit back, at several rates."""
    layers = [Dropout(keep_prob=1.0) if isinstance(layer, Dropout) else layer for layer in few.network.layers]
    bare = replace(
        few.settings,
        epochs=EPOCHS,
        batch_size=len(few.train),
        schedule=Constant(),
        l2=0.0,
        l1=0.0,
        label_smoothing=0.0,
        early_stopping=None,
        gradient_tolerance=None,
    )
    network, raw = Network(layers), few.standardized is not None
    tried = [replace(bare, optimizer=Adam(rate)) for rate in RATES]
    return [Candidate("cannot-memorize", "", "", "", network, each, standardized=raw) for each in tried]
