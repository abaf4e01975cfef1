"""The probes of a run: its data and answers as the probes take them, and the seconds they may have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from leadline.data import Preparation
from leadline.data.sources.comparable import comparable
from leadline.data.splitting.row_hashes import row_hashes
from leadline.measure import Estimate
from leadline.network.edits import inner_layers
from leadline.runs.run import Run
from leadline.session.plan import Plan
from leadline.session.text_defaults import tokens_of
from leadline.strategy.findings import LIMIT, MODERATE, STRONG, Finding
from leadline.strategy.ladder import default_matters
from leadline.strategy.probes import NO_TIME, Budget
from leadline.strategy.probes.curve import Growth
from leadline.strategy.probes.data import Probed, probe_data
from leadline.strategy.probes.examined import Examined, Part
from leadline.strategy.probes.memorization import share_not_memorized
from leadline.strategy.probes.own_curve import own_growth
from leadline.strategy.probes.reduction import reduced
from leadline.strategy.probes.retraining import ProbedTraining
from leadline.strategy.probes.training import PROBE as TRAINING_PROBE
from leadline.strategy.probes.training import training_findings
from leadline.strategy.probes.verdict import verdict_findings, with_capacity

if TYPE_CHECKING:
    from leadline.session.results import Predicted

SHARE, LEAST_SECONDS, MOST_SECONDS = 1 / 3, 10.0, 20.0
"""Probes may take a third of the training's time, at most 20 s. A training of a few seconds is over before a second
model is fitted, so they may take up to 10 s then, and say so: half for the data, half for the training."""
LONGEST = 60.0
"""Seconds that may pass, on a machine that others use as well."""
DATA_SHARE = 0.5
UNSUSPECTED_SECONDS = 1.5
"""For the probes of a short training of which nothing measured says that it is at fault."""
MOST_VALUES = 1 << 24
"""Prepared values of a set that are looked at, at most; of more only a sample of the examples is."""
MOST_EXAMPLES = 20_000


def seconds_allowed(training_seconds: float) -> float:
    """Seconds that the probes of a training may take."""
    return float(np.clip(SHARE * training_seconds, LEAST_SECONDS, MOST_SECONDS))


def unprobed(run: Run) -> bool:
    """Whether the probes of a finished run were left out, on purpose or because there were none yet."""
    if run.status == "running" or not (run.folder / "diagnosis.json").exists():
        return False
    probing = run.diagnosis.probing
    return probing is None or probing.allowed == 0


def probed(
    plan: Plan,
    predicted: Mapping[str, Predicted],
    metric: str,
    error: Callable[[np.ndarray, np.ndarray], Estimate],
    training: Callable[[], ProbedTraining | None],
    budget: Budget,
) -> Probed:
    """What the probes show of a run whose sets were predicted; nothing without a dev set, or of a streamed table.

    ``metric`` is the ladder's, and ``error`` measures it from targets and outputs; ``training`` makes what the probes
    of the training repeat.
    """
    reason = _unsuited(plan, predicted)
    if reason:
        budget.skip("all probes of the data", reason)
        return Probed()
    examined = _examined(plan, predicted, metric, error)
    shown = probe_data(examined, _sets(plan), budget.part(DATA_SHARE * budget.allowed))
    repeated, own = None, None
    if any(each.strength == STRONG for each in shown.findings):
        budget.skip(TRAINING_PROBE, "a fault of the data comes first")
    elif (repeated := training()) is None:
        budget.skip(TRAINING_PROBE, "it cannot be repeated in memory")
    else:
        own = _probe_training(shown, repeated, budget, examined.images_without_convolutions)
    shown.about_gaps += verdict_findings(examined, shown.compared, shown.growth, own)
    if budget.skipped.get(TRAINING_PROBE) == NO_TIME:
        shown.about_gaps = [_less_sure(each) for each in shown.about_gaps]
    return shown


def _probe_training(shown: Probed, training: ProbedTraining, budget: Budget, dense_on_images: bool) -> Growth | None:
    """Add what probes of the training find; returns the network's learning curve where it was measured."""
    biased = bool(shown.about_gaps)
    suspected = biased or dense_on_images
    part = budget.part(_seconds_for_training(budget, training.seconds, suspected))
    of_training = training_findings(training, part, biased)
    shown.findings += of_training
    if of_training:
        return None
    if biased:
        shown.about_gaps = [with_capacity(each, share_not_memorized(training, part)) for each in shown.about_gaps]
        return None
    return own_growth(training, budget.part(max(min(part.left, SHARE * training.seconds), UNSUSPECTED_SECONDS)))


def _seconds_for_training(budget: Budget, training_seconds: float, suspected: bool) -> float:
    """What probes of the training may take: what is left, but at least their own share; little where nothing speaks
    for a fault and the training was short."""
    left = max(budget.left, (1 - DATA_SHARE) * budget.allowed)
    if suspected or budget.allowed != LEAST_SECONDS:
        return left
    spent = sum(budget.spent.values())
    return min(left, max(SHARE * training_seconds - spent, UNSUSPECTED_SECONDS))


def _less_sure(finding: Finding) -> Finding:
    """A limit that was concluded without having repeated the training is no strong one."""
    if finding.stage != LIMIT or finding.code == "inconclusive":
        return finding
    settle = "Probes of the training, for which there was no time: leadline diagnose RUN --budget 2m."
    return replace(finding, strength=MODERATE if finding.strength == STRONG else finding.strength, settle=settle)


def _unsuited(plan: Plan, predicted: Mapping[str, Predicted]) -> str:
    if plan.table is not None:
        return "the table is streamed and not held in memory"
    if "dev" not in predicted:
        return "there is no dev set"
    return ""


def _examined(
    plan: Plan,
    predicted: Mapping[str, Predicted],
    metric: str,
    error: Callable[[np.ndarray, np.ndarray], Estimate],
) -> Examined:
    data, split = plan.data, plan.experiment.split
    given = data.sets is not None and bool(np.any(data.sets > 0))
    is_array = isinstance(data.inputs, np.ndarray)
    preparation = _reference_preparation(plan)
    parts = reduced({name: _part(plan, preparation, predicted[name]) for name in ("train", "dev")}, is_array)
    dev = parts["dev"]
    return Examined(
        task=data.task,
        classes=data.classes,
        train=parts["train"],
        dev=dev,
        error=error,
        metric=metric,
        columns=tuple(each for each in data.inputs if each.kind != "text") if isinstance(data.inputs, tuple) else (),
        hashes=row_hashes(data.inputs),
        groupings=_groupings(plan),
        grouped=split.group is not None or split.duplicates == "together",
        chosen_at_random=not given and split.time is None and split.column is None,
        ordered=split.time is not None,
        settings={"data.exclude": list(plan.experiment.data.exclude)},
        images_without_convolutions=_dense_on_images(plan),
        matters=default_matters(error(dev.y, dev.outputs)),
        seed=plan.training.seed,
    )


def _dense_on_images(plan: Plan) -> bool:
    layers = inner_layers(plan.network.member.layers)
    return plan.data.image_shape is not None and all((layer.axes or 1) == 1 for layer in layers)


def _part(plan: Plan, preparation: Preparation, predicted: Predicted) -> Part:
    """A set, or an even sample of it where it has too many values."""
    rows = predicted.rows
    width = max(1, int(np.prod(plan.input_shape)))
    most = min(MOST_EXAMPLES, max(1, MOST_VALUES // width))
    chosen = np.arange(len(rows)) if len(rows) <= most else np.linspace(0, len(rows) - 1, most).astype(int)
    rows = rows[chosen]
    x = preparation.inputs(plan.data, rows, dtype=np.float32).reshape(len(rows), -1)
    return Part(rows, x, plan.data.target[rows], predicted.outputs[chosen])


def _reference_preparation(plan: Plan) -> Preparation:
    """What references learn from: the network's own inputs, and in place of tokens, which are no amounts, TF-IDF."""
    if tokens_of(plan.preparation) is None:
        return plan.preparation
    data = replace(plan.data, settings=replace(plan.data.settings, text="lsa"))
    return Preparation.fit(data, plan.split.train)


def _groupings(plan: Plan) -> dict[str, np.ndarray]:
    """Codes (n,) of the columns that the network is not given and whose values repeat."""
    data = plan.data
    if data.table is None:
        return {}
    used = {feature.name for feature in data.features if feature.used} | set(data.target_names)
    groupings = {}
    for name in data.table.column_names:
        if name in used:
            continue
        values = data.column(name)
        codes = np.where(values == "", -1, np.unique(values, return_inverse=True)[1].reshape(-1))
        if 1 < codes.max(initial=0) + 1 <= len(codes) / 2:
            groupings[name] = codes
    return groupings


def _sets(plan: Plan) -> dict[str, dict[str, Any]]:
    """Inputs by set and column; the test set's are compared with the others', its targets stay closed."""
    sets = {"train": plan.split.train, "dev": plan.split.dev, "test": plan.split.test}
    return {name: comparable(plan.data, rows) if len(rows) else {} for name, rows in sets.items()}
