"""Training a network whose first layers were taken over and may be frozen."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from leadline.network import Parameters
from leadline.session.features import set_features
from leadline.training import AnyTrainer, DivergenceError, Epoch, Examples, FitResult, TrainingSettings, fit
from leadline.training.fit import Keeper
from leadline.training.threads import limited_threads, threads_for

if TYPE_CHECKING:
    from leadline.session.plan import Plan
    from leadline.session.transfer import Transfer

MOST_BYTES = 2 << 30
"""Features that would take more are computed anew for each batch."""


def fit_transferred(
    plan: Plan,
    transfer: Transfer,
    settings: TrainingSettings,
    on_epoch: Callable[[Epoch, AnyTrainer], object] | None = None,
    on_progress: Callable[[int, int, float], None] | None = None,
    keeper: Keeper | None = None,
) -> FitResult:
    """Train what is not frozen, and give back the whole network.

    Where the first layers are frozen, what they make of the examples is computed once, kept on disk, and only the rest
    is trained, on these features; the same is done batch by batch where the features are too large to keep.
    """
    whole = transfer.start(settings)
    network, parameters = plan.network, whole
    if transfer.cut == 0:
        train, dev = _examples(plan, "train"), plan.examples("dev")
    elif keeps_features(plan, transfer):
        features = transfer.feature_parameters(whole)
        train, dev = _features(plan, transfer, "train", features), None
        if len(plan.split.dev):
            dev = _features(plan, transfer, "dev", features)
        network, parameters = transfer.rest, transfer.rest_parameters(whole)
    else:
        train, dev = _examples(plan, "train"), plan.examples("dev")
        network, parameters = transfer.in_loop(whole)
    network = network.for_loss(plan.loss)
    with limited_threads(threads_for(network, tuple(train.x.shape[1:]), plan.batch_size)):
        augment = plan.augmenter()
        done = fit(network, plan.loss, train, dev, settings, parameters, on_epoch, on_progress, augment, keeper)
    return _whole(done, plan, transfer)


def keeps_features(plan: Plan, transfer: Transfer) -> bool:
    """Whether the features of all sets are small enough to be computed once and kept; varied images have new ones."""
    if plan.augmentation.active:
        return False
    n = len(plan.split.train) + len(plan.split.dev)
    size = 8 if plan.training.precision == "float64" else 4
    return n * math.prod(transfer.feature_shape) * size <= MOST_BYTES


def _examples(plan: Plan, part: str) -> Examples:
    examples = plan.examples(part)
    assert examples is not None  # a split without training examples is refused
    return examples


def _features(plan: Plan, transfer: Transfer, part: str, parameters: Parameters) -> Examples:
    examples = plan.examples(part, set_features(plan, part, transfer.features, parameters))
    assert examples is not None
    return examples


def _whole(done: FitResult, plan: Plan, transfer: Transfer) -> FitResult:
    """The fit of the whole network, with the frozen layers, and layers named by their places there."""
    shift = len(plan.network) - len(done.network)
    network = plan.network.for_loss(plan.loss)
    divergence = done.divergence
    if divergence is not None and shift:
        divergence = DivergenceError(
            re.sub(r"(?<=\blayers[.\[])\d+", lambda match: str(int(match[0]) + shift), str(divergence))
        )
    return replace(done, network=network, parameters=plan.whole(done.parameters), divergence=divergence)
