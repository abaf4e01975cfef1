"""What a search minimizes: the dev error of the kept epoch, in the metric that the experiment optimizes."""

from __future__ import annotations

import numpy as np

from leadline.equations.losses import LOSSES
from leadline.runs.goals import MEASURED_ANYWAY
from leadline.session.results import measure_error, predict_set
from leadline.training.evaluate import outputs
from leadline.variants.executor import Outcome

MOST_EXAMPLES = 20_000
"""Dev examples up to which the error of each is kept for every variant."""


def dev_error_of(outcome: Outcome) -> float | None:
    """The kept epoch's dev error: less is better, 0 is perfect; None where nothing was measured.

    A pruned or diverged trial has the loop's own measure, since its last word is no competitor's.
    """
    variant, plan = outcome.variant, outcome.variant.prepared.plan
    name = variant.experiment.goal.optimizing or plan.optimizing
    if name in MEASURED_ANYWAY or outcome.fit is None or outcome.dev_error is None:
        return outcome.dev_error
    trained = plan.trained(outcome.fit, variant.loss)
    return measure_error(plan.data.task, name, predict_set(trained, plan, "dev")).value


def dev_losses_of(outcome: Outcome) -> np.ndarray | None:
    """The error of each dev example with the kept epoch's θ, float32 (m,), whose mean gives the dev error.

    0 or 1, the share of wrong labels, or the squared distance in training units. None where the variant minimizes a
    metric that is no mean over examples, for a dev set of more than `MOST_EXAMPLES`, and where nothing was kept.
    """
    variant, dev, fit = outcome.variant, outcome.variant.prepared.dev, outcome.fit
    name = variant.experiment.goal.optimizing or variant.prepared.plan.optimizing
    if fit is None or dev is None or not 0 < len(dev) <= MOST_EXAMPLES or name not in MEASURED_ANYWAY:
        return None
    z = outputs(fit.network, fit.parameters, dev.x)
    losses = LOSSES[variant.loss].error(z, dev.y).float().cpu().numpy()
    return losses if losses.shape == (len(dev),) and np.isfinite(losses).all() else None
