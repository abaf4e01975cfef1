"""What a search minimizes: the dev error of the kept epoch, in the metric that the experiment optimizes."""

from __future__ import annotations

from leadline.runs.goals import MEASURED_ANYWAY
from leadline.session.results import measure_error, predict_set
from leadline.variants.executor import Outcome


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
