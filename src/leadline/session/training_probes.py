"""A finished training as the probes of `leadline.strategy.probes` take it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from leadline.data import Preparation
from leadline.network import Parameters
from leadline.session.plan import Plan
from leadline.strategy.probes.retraining import ProbedTraining
from leadline.training import Epoch, Examples


def probed_training(
    plan: Plan, parameters: Parameters, history: Sequence[Epoch], stopped: str = "epochs"
) -> ProbedTraining | None:
    """The training of a plan that came to these parameters, or None for one that cannot be repeated in memory."""
    train, dev = plan.training_set(), plan.dev_set()
    if plan.transfer is not None or not isinstance(train, Examples) or not isinstance(dev, Examples):
        return None

    def standardized() -> tuple[Examples, Examples]:
        data = replace(plan.data, settings=replace(plan.data.settings, normalization="standardize"))
        scaled = Preparation.fit(data, plan.split.train)
        x = [scaled.inputs(data, plan.split.sets[part], dtype=plan.training.precision) for part in ("train", "dev")]
        made = [Examples.of(each, 0.0, plan.training).x for each in x]
        return replace(train, x=made[0]), replace(dev, x=made[1])

    rates = not plan.data.task.graded
    scale = np.ravel(plan.preparation.target_scale) if not rates else np.ones(1)
    return ProbedTraining(
        plan.network.member,
        plan.loss,
        plan.training,
        train,
        dev,
        parameters,
        history,
        stopped,
        sum(epoch.seconds for epoch in history),
        standardized if plan.data.normalization == "none" else None,
        "%" if rates else "",
        float(scale[0]) if len(scale) == 1 else 1.0,
        plan.data.image_shape,
        plan.network if plan.network.members > 1 else None,
    )
