"""What a run's network uses, measured on its dev set; kept in ``importance.json``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from leadline.data import Dataset
from leadline.data.preparation import Preparation
from leadline.errors import LeadlineError
from leadline.measure.classification import example_log_loss
from leadline.runs.folder import IMPORTANCE
from leadline.runs.run import Run
from leadline.runs.trained import TrainedNetwork
from leadline.session.plan import Plan
from leadline.session.run_data import same_plan
from leadline.strategy.importance import Importance, permutation_importance

MOST_EXAMPLES = 5_000
"""Dev examples that are looked at; more would hardly change an interval."""


def measure_importance(run: Run, data: Dataset | None = None) -> Importance:
    """Shuffle each column of the dev set in turn, keep what the network loses by it, and return it.

    The loss is the log loss, or for numbers the squared error in parts of the target's variance, whose increase is by
    how much R² falls.

    Raises:
        LeadlineError: there are no columns, no single target or no dev set, or the data cannot be read.

    """
    plan = same_plan(run, data)
    columns = column_places(plan.preparation)
    rows = plan.split.dev
    if len(rows) < 2:
        raise LeadlineError(f"{run.name} has no dev set, on which importance is measured.")
    if not (run.task.one_class or (run.task.graded and plan.data.target.shape[1] == 1)):
        raise LeadlineError(
            f"{run.name}: importance is measured for classes or one number, not for {run.task} targets."
        )
    if len(rows) > MOST_EXAMPLES:
        rows = np.sort(np.random.default_rng(0).choice(rows, MOST_EXAMPLES, replace=False))
    losses, constant, name = _losses(run.trained_network(), plan, rows)
    inputs = plan.preparation.inputs(plan.data, rows, dtype=plan.training.precision)
    importance = permutation_importance(inputs, columns, losses, constant, name, plan.groups(rows))
    run.folder.write_json(IMPORTANCE, importance.to_json())
    return importance


def load_importance(run: Run) -> Importance | None:
    """What was measured before; None where nothing was. `LeadlineError`: the file is damaged."""
    if not (run.folder / IMPORTANCE).exists():
        return None
    try:
        return Importance.from_json(run.folder.read_json(IMPORTANCE))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LeadlineError(f"{run.folder / IMPORTANCE} is damaged ({error!r}); delete it to measure anew.") from None


def column_places(preparation: Preparation) -> dict[str, list[int]]:
    """By name, the places that a column has among the network's inputs. `LeadlineError`: there are no columns."""
    if not isinstance(preparation.encoders, tuple):
        raise LeadlineError("Importance is measured of columns, and these examples are arrays.")
    places, start = {}, 0
    for encoder in preparation.encoders:
        width = len(encoder.outputs)
        places[encoder.name] = list(range(start, start + width))
        start += width
    return places


def _losses(
    trained: TrainedNetwork, plan: Plan, rows: np.ndarray
) -> tuple[Callable[[np.ndarray], np.ndarray], np.ndarray, str]:
    """The loss of each of these examples from inputs, that of the best constant, and what it is called."""
    target = plan.data.target[rows]
    if plan.data.task.one_class:
        share = np.bincount(plan.data.target[plan.split.train], minlength=len(plan.data.classes)).astype(float)
        constant = example_log_loss(target, np.tile(share / share.sum(), (len(rows), 1)))
        return lambda x: example_log_loss(target, trained.outputs(x)), constant, "log loss"
    values = target[:, 0]
    variance = max(float(values.var()), np.finfo(float).tiny)
    constant = (values - plan.data.target[plan.split.train].mean()) ** 2 / variance
    return lambda x: (values - trained.outputs(x)[:, 0]) ** 2 / variance, constant, "R²"
