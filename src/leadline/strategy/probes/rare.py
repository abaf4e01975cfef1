"""Classes so rare that the constant prediction is as good: the metric does not see them."""

from __future__ import annotations

import numpy as np

from leadline.measure.intervals import proportion
from leadline.strategy.findings import STRONG, Finding, Quantity
from leadline.strategy.probes.examined import Examined
from leadline.strategy.probes.signal import Signal
from leadline.strategy.probes.significance import mean_difference

RARE = 0.15
"""A constant prediction that is wrong less often than this may hide a class that is never found."""
SMALL_GAIN = 0.25
"""The share of the constant prediction's error below which a network's gain over it is small."""


def rare_findings(examined: Examined, seen: Signal) -> list[Finding]:
    """That the share of wrong answers does not see the rare classes, where there is a signal that it does not show."""
    if not examined.classifies or not examined.by_share or not seen.seen:
        return []
    dev = examined.dev
    usual = int(np.bincount(examined.train.y).argmax())
    constant = examined.losses(dev.y, examined.constant(examined.train.y, len(dev)))
    if not 0 < constant.mean() <= RARE:
        return []
    gain, _ = mean_difference(constant - examined.losses(dev.y, dev.outputs))
    if gain.interval[0] > SMALL_GAIN * constant.mean():
        return []
    rare = dev.y != usual
    caught = proportion(int((dev.outputs.argmax(1)[rare] == dev.y[rare]).sum()), int(rare.sum()))
    by_constant, own = proportion(int(constant.sum()), len(dev)), examined.error(dev.y, dev.outputs)
    if caught.value > 0.5 and gain.value > SMALL_GAIN * constant.mean():
        return []
    binary = examined.task == "binary"
    name = "f1" if binary else "macro_f1"
    threshold = ', or choose the threshold for it: goal.threshold = "optimize".' if binary else "."
    statement = (
        f"Predicting '{examined.classes[usual]}' always has an error of {by_constant.plain()}, the network "
        f"{own.plain()}: this metric does not see the other {rare.sum()} dev examples, of which the network finds "
        f"{caught.plain()}. Their class can be told from the inputs ({seen.name}: p = {seen.p_value:.2g})."
    )
    return [
        Finding(
            "rare-classes",
            statement,
            (
                Quantity("dev error of the constant prediction", by_constant),
                Quantity("dev error", own),
                Quantity("rare examples that are found", caught),
            ),
            STRONG,
            f'Change the metric: goal.optimizing = "{name}" (or "pr_auc"), and let rare examples count as much as the '
            'others: training.class_weights = "balanced"' + threshold,
            change={"goal.optimizing": name, "training.class_weights": "balanced"},
            settle="What a missed example of the rare class costs beside a false alarm.",
        )
    ]
