"""What was trained beside a run to see how far another training differs: other seeds, and folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leadline.errors import LeadlineError
from leadline.measure.intervals import Estimate
from leadline.runs.folder import RunFolder

EVALUATION = "evaluation.json"
EXAMPLES_AND_SEEDS, EXAMPLES_AND_DEALINGS = "examples and seeds", "examples and dealings"


@dataclass(frozen=True)
class SeedsRecord:
    """Trainings of one experiment with several seeds, on one split; the first is the run itself.

    Attributes:
        seeds: those that came to their end.
        errors: of each of them, by set in the ladder's names.
        means: over the seeds by set; their intervals hold examples and seeds.
        diverged: seeds whose training left the finite numbers.

    """

    seeds: tuple[int, ...]
    errors: Mapping[str, Sequence[float]]
    means: Mapping[str, Estimate]
    diverged: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values that ``from_json`` reads back."""
        means = {name: {**mean.to_json(), "over": EXAMPLES_AND_SEEDS} for name, mean in self.means.items()}
        errors = {name: list(values) for name, values in self.errors.items()}
        return {"seeds": list(self.seeds), "errors": errors, "means": means, "diverged": list(self.diverged)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SeedsRecord:
        """The inverse of ``to_json``."""
        means = {name: _estimate(each) for name, each in data["means"].items()}
        return cls(tuple(data["seeds"]), dict(data["errors"]), means, tuple(data["diverged"]))


@dataclass(frozen=True)
class FoldsRecord:
    """A cross-validation of the rows of the training and dev sets.

    Attributes:
        folds: how many.
        repeats: how often they were dealt.
        errors: of each fold, dealing after dealing.
        mean: over all rows, each predicted by a training that it had no part in.
        n_train: examples that one of its trainings had, dev set included, in the mean.

    """

    folds: int
    repeats: int
    errors: Sequence[float]
    mean: Estimate
    n_train: int

    @property
    def over(self) -> str:
        """What the interval of the mean holds."""
        return "examples" if self.repeats == 1 else EXAMPLES_AND_DEALINGS

    def to_json(self) -> dict[str, Any]:
        """Plain values that ``from_json`` reads back."""
        return {**vars(self), "errors": list(self.errors), "mean": {**self.mean.to_json(), "over": self.over}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FoldsRecord:
        """The inverse of ``to_json``."""
        return cls(**{**data, "mean": _estimate(data["mean"])})


@dataclass(frozen=True)
class Evaluation:
    """All that was trained beside a run for the sake of its error."""

    seeds: SeedsRecord | None = None
    folds: FoldsRecord | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values, without what was not measured."""
        return {name: each.to_json() for name, each in vars(self).items() if each is not None}


def load_evaluation(folder: RunFolder) -> Evaluation:
    """What a run's folder holds of it. `leadline.errors.LeadlineError`: the file is damaged."""
    if not (folder / EVALUATION).exists():
        return Evaluation()
    values = folder.read_json(EVALUATION)
    try:
        seeds = SeedsRecord.from_json(values["seeds"]) if "seeds" in values else None
        folds = FoldsRecord.from_json(values["folds"]) if "folds" in values else None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LeadlineError(f"{folder / EVALUATION} is damaged: {error!r}") from None
    return Evaluation(seeds, folds)


def write_evaluation(folder: RunFolder, evaluation: Evaluation) -> None:
    """Write it, whole or not at all."""
    folder.write_json(EVALUATION, evaluation.to_json())


def seed_part(seed: int) -> str:
    """The name of the dev predictions of another seed, as `leadline.runs.predictions.predictions_path` takes it."""
    return f"dev-seed-{seed}"


def fold_part(repeat: int) -> str:
    """The name of the predictions of rows by the trainings that they had no part in."""
    return "out-of-fold" if repeat == 0 else f"out-of-fold-{repeat + 1}"


def _estimate(values: Mapping[str, Any]) -> Estimate:
    return Estimate.from_json({key: value for key, value in values.items() if key != "over"})
