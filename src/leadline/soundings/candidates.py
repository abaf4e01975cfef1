"""What can be sounded of one experiment: the catalogue's remedies with their options, one by one and several at once.

The remedies themselves are those of `leadline.strategy.remedies`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from leadline.experiment import Experiment
from leadline.strategy import Evidence
from leadline.strategy.findings import Finding
from leadline.strategy.findings.sounded import REMEDIES_OF_CODE
from leadline.strategy.ladder import BIAS, VARIANCE
from leadline.strategy.remedies import Option, RemedyOptions, candidates
from leadline.strategy.remedies.examples import MoreData
from leadline.strategy.remedies.optimization import LongerTraining

MORE_DATA, LONGER, TOGETHER = MoreData.name, LongerTraining.name, "together"

Shape = tuple[int, ...]


PROBED = 0.5
"""The worth of what a probe of the training has shown to lower the dev error: it is sounded first."""


def candidates_for(
    experiment: Experiment,
    m: int,
    image_shape: Shape | None,
    input_shape: Shape | None = None,
    history: Sequence[Mapping[str, Any]] = (),
) -> list[RemedyOptions]:
    """Every remedy that a resolved experiment with m training examples has room for.

    ``image_shape`` is (height, width, channels) where the inputs are images, ``input_shape`` that of one prepared
    example, against which changed networks are checked. ``history`` of the run says which learning rates are worth a
    try.
    """
    facts = {"n_train": m, "image_shape": image_shape, "input_shape": input_shape}
    return candidates(Evidence.from_run(experiment.to_dict(), history, **facts))


def with_probed(candidates: Sequence[RemedyOptions], findings: Sequence[Finding]) -> list[RemedyOptions]:
    """The candidates with the changes that probes of the training have shown to help, as further options.

    They belong to the remedy that they are an option of; a longer training keeps its own option, for it is measured in
    another way.
    """
    made = {candidate.key: candidate for candidate in candidates}
    for finding in findings:
        key = next(iter(REMEDIES_OF_CODE.get(finding.code, (LONGER,))))
        if key == LONGER or not finding.change or not finding.concludes:
            continue
        option = Option(_label(finding.change), finding.change)
        old = made.get(key) or RemedyOptions(key, finding.kind.title, (BIAS, VARIANCE), (), {})
        known = any(dict(each.changes) == dict(option.changes) for each in old.options)
        options = old.options if known else (*old.options, option)
        made[key] = replace(old, options=options, worth={BIAS: PROBED, VARIANCE: PROBED})
    return list(made.values())


def _label(change: Mapping[str, Any]) -> str:
    """The change as an option is called: its values, or that it is another network."""
    shown = {"training.learning_rate": "α", "training.l2": "λ", "training.l1": "λ₁"}
    parts = [f"{shown.get(key, key.split('.')[-1])} = {value}" for key, value in change.items() if key in shown]
    return ", ".join(parts) or next((str(v) for v in change.values() if isinstance(v, str)), "as probed")


def together(
    experiment: Experiment,
    chosen: Sequence[tuple[RemedyOptions, Option]],
    m: int,
    image_shape: Shape | None,
    input_shape: Shape | None = None,
) -> RemedyOptions | None:
    """Several remedies at once, each made for the network that those before it leave; None where fewer than two fit.

    Two remedies that would set the same key to different values do not go together: the first one stays. Layers are
    the exception, for a network can be changed twice.
    """
    changes: dict[str, Any] = {}
    names: list[str] = []
    moves: list[str] = []
    for remedy, option in chosen:
        changed = experiment.replace(changes)
        options = [each for each in candidates_for(changed, m, image_shape, input_shape) if each.key == remedy.key]
        again = next((each for made in options for each in made.options if each.label == option.label), None)
        own = option.changes if again is None else again.changes
        if not own or any(key in changes and (again is None or key != "network.layers") for key in own):
            continue
        changes |= own
        title = remedy.title if remedy.title[1:2].isupper() else remedy.title[:1].lower() + remedy.title[1:]
        names.append(option.label if "=" in option.label else f"{title} {option.label}")
        moves += [gap for gap in remedy.moves if gap not in moves]
    if len(names) < 2:
        return None
    return RemedyOptions(TOGETHER, "Together", tuple(moves), (Option(", ".join(names), changes),), {})
