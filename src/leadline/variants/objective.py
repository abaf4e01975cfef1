"""What a search minimizes: the dev error of the kept epoch, in the metric that the experiment optimizes."""

from __future__ import annotations

from leadline.runs.trained import TrainedNetwork
from leadline.session.results import measure_error, predict_set
from leadline.variants.executor import Outcome

KNOWN_FROM_TRAINING = ("accuracy", "rmse")
"""The metrics whose error the training loop measures after each epoch anyway."""


def dev_error_of(outcome: Outcome) -> float | None:
    """The kept epoch's dev error: less is better, 0 is perfect; None where nothing was measured.

    A pruned or diverged trial has the loop's own measure, since its last word is no competitor's.
    """
    plan = outcome.variant.prepared.plan
    name = outcome.variant.experiment.goal.optimizing or "accuracy"
    if name in KNOWN_FROM_TRAINING or outcome.fit is None or outcome.dev_error is None:
        return outcome.dev_error
    data = plan.data
    trained = TrainedNetwork(
        outcome.fit.network,
        outcome.fit.parameters,
        plan.preparation,
        outcome.variant.loss,
        data.task,
        data.classes,
        data.target_name,
    )
    return measure_error(data.task, name, predict_set(trained, plan, "dev")).value
