"""Other seeds and folds of a run as levels beside its ladder, and in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from leadline.measure import Estimate
from leadline.runs.repeated import EXAMPLES_AND_SEEDS, Evaluation
from leadline.strategy.ladder import Level
from leadline.text import grouped


def evaluation_levels(evaluation: Evaluation) -> tuple[Level, ...]:
    """The mean dev error over seeds, and the error of the cross-validation."""
    levels = []
    if evaluation.seeds is not None and "dev" in evaluation.seeds.means:
        seeds = evaluation.seeds
        name = f"mean of {len(seeds.seeds)} seeds"
        levels.append(Level(name, "repeated", seeds.means["dev"], "dev", _listed(seeds.seeds), EXAMPLES_AND_SEEDS))
    if evaluation.folds is not None:
        folds = evaluation.folds
        repeats = f", {folds.repeats} dealings" if folds.repeats > 1 else ""
        note = f"trainings on about {grouped(folds.n_train)} examples, dev set included"
        name = f"{folds.folds}-fold cross-validation{repeats}"
        levels.append(Level(name, "repeated", folds.mean, "train and dev", note, folds.over))
    return tuple(levels)


def evaluation_notes(evaluation: Evaluation, unit: str) -> tuple[str, ...]:
    """What the numbers of each seed or fold were, and what their intervals hold."""
    notes = []
    if (seeds := evaluation.seeds) is not None and "dev" in seeds.means:
        mean = seeds.means["dev"]
        notes.append(
            f"Dev error with seeds {_listed(seeds.seeds)}: {_values(seeds.errors['dev'], mean, unit)}. The interval of "
            "their mean holds examples and seeds; those of the sets hold examples only, for the one training that is "
            "kept." + (f" Of the mean: {mean.warning}." if mean.warning else "")
        )
    if (folds := evaluation.folds) is not None:
        also = "" if folds.repeats == 1 else " and dealings"
        notes.append(
            f"Error of the folds: {_values(folds.errors, folds.mean, unit)}. The interval of the cross-validation "
            f"holds examples{also}, but not that its trainings share most of theirs, so it is somewhat narrow."
        )
    return tuple(notes)


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))


def _values(errors: Sequence[float], mean: Estimate, unit: str) -> str:
    return ", ".join(mean.number(error) for error in errors) + (f" {unit}" if unit else "")
