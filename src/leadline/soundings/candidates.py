"""What can be sounded of one experiment: the catalogue's remedies with their options, one by one and several at once.

The remedies themselves are those of `leadline.strategy.remedies`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from leadline.experiment import Experiment
from leadline.strategy import Evidence
from leadline.strategy.remedies import Option, RemedyOptions, candidates
from leadline.strategy.remedies.examples import MoreData
from leadline.strategy.remedies.optimization import LongerTraining

MORE_DATA, LONGER, TOGETHER = MoreData.name, LongerTraining.name, "together"

Shape = tuple[int, ...]


def candidates_for(
    experiment: Experiment, m: int, image_shape: Shape | None, input_shape: Shape | None = None
) -> list[RemedyOptions]:
    """Every remedy that a resolved experiment with m training examples has room for.

    ``image_shape`` is (height, width, channels) where the inputs are images, ``input_shape`` that of one prepared
    example, against which changed networks are checked.
    """
    facts = {"n_train": m, "image_shape": image_shape, "input_shape": input_shape}
    return candidates(Evidence.from_run(experiment.to_dict(), [], **facts))


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
