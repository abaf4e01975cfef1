"""Results of soundings, as values that are saved with the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leadline.measure import Estimate
from leadline.soundings.learning_curve import LearningCurve

NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class TriedOption:
    """One option of a remedy as it was first tried: its mean dev error over some seeds."""

    label: str
    error: float
    seeds: int


@dataclass(frozen=True)
class Sounding:
    """One remedy, measured.

    Attributes:
        key: of the remedy.
        title: what to do.
        moves: the gaps it moves, the one it is for first.
        verdict: ``"helps"``, ``"hurts"``, ``"cannot tell"`` or ``"not measured"``.
        change: predicted change of the dev error on new examples, corrected for having been chosen among others.
        measured: the change as it was measured, without that correction.
        gap_change: predicted change of its gap.
        outcome: the dev error that one full training is expected to measure, with its 90 % interval.
        chance: that the error falls.
        cost: seconds of the full training.
        option: which of several ways is meant.
        changes: keys of the experiment with their new values; empty where it takes more than another experiment.
        seeds: how many networks it was measured with.
        tried: the options, where there were several.
        note: what else has to be said, such as why it was not measured.

    """

    key: str
    title: str
    moves: tuple[str, ...]
    verdict: str = NOT_MEASURED
    change: Estimate | None = None
    measured: Estimate | None = None
    gap_change: Estimate | None = None
    outcome: Estimate | None = None
    chance: float | None = None
    cost: float | None = None
    option: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)
    seeds: int = 0
    tried: tuple[TriedOption, ...] = ()
    note: str = ""

    @property
    def name(self) -> str:
        """Title and option."""
        return f"{self.title}: {self.option}" if self.option else self.title

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        plain = {key: getattr(self, key) for key in ("key", "title", "verdict", "chance", "cost", "option", "seeds")}
        numbers = {key: getattr(self, key) for key in _MEASURED}
        return {
            **plain,
            "moves": list(self.moves),
            "changes": dict(self.changes),
            "note": self.note,
            "tried": [vars(option) for option in self.tried],
            **{key: None if value is None else value.to_json() for key, value in numbers.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Sounding:
        """The inverse of ``to_json``."""
        numbers = {key: None if data[key] is None else Estimate.from_json(data[key]) for key in _MEASURED}
        tried = tuple(TriedOption(**option) for option in data["tried"])
        return cls(**{**data, **numbers, "moves": tuple(data["moves"]), "tried": tried})


_MEASURED = ("change", "measured", "gap_change", "outcome")


@dataclass(frozen=True)
class Soundings:
    """Everything that was measured of one run.

    Attributes:
        run: its name.
        metric: what the errors are, such as ``"error"``.
        unit: ``"%"`` for fractions, else the target's.
        principal: the gaps to work on.
        error: the baseline's dev error: the run's own experiment, mean over seeds.
        train_error: and its training error.
        seeds: how many networks the baseline has.
        epochs_share: the part of the experiment's epochs that each network had.
        data_share: and of its training examples.
        budget: seconds that were allowed.
        spent: seconds that it took.
        ended: ``"all"`` were measured, the ``"budget"`` ended, or it was ``"interrupted"``.
        soundings: the best first, those not measured last.
        curve: error by number of training examples.
        best: key of what to do next; None where nothing is expected to help.
        advice: that in a sentence.
        notes: what else has to be said.

    """

    run: str
    metric: str
    unit: str
    principal: tuple[str, ...]
    error: Estimate
    train_error: float
    seeds: int
    epochs_share: float
    data_share: float
    budget: float
    spent: float
    ended: str
    soundings: tuple[Sounding, ...]
    curve: LearningCurve | None = None
    best: str | None = None
    advice: str = ""
    notes: tuple[str, ...] = ()

    def sounding(self, key: str) -> Sounding | None:
        """The sounding of a remedy, None if there is none."""
        return next((sounding for sounding in self.soundings if sounding.key == key), None)

    def to_json(self) -> dict[str, Any]:
        """Plain values, as in ``soundings.json``."""
        return {
            **vars(self),
            "principal": list(self.principal),
            "error": self.error.to_json(),
            "soundings": [sounding.to_json() for sounding in self.soundings],
            "curve": None if self.curve is None else self.curve.to_json(),
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Soundings:
        """The inverse of ``to_json``."""
        return cls(
            **{
                **data,
                "principal": tuple(data["principal"]),
                "error": Estimate.from_json(data["error"]),
                "soundings": tuple(Sounding.from_json(sounding) for sounding in data["soundings"]),
                "curve": None if data["curve"] is None else LearningCurve.from_json(data["curve"]),
                "notes": tuple(data["notes"]),
            }
        )
