"""What a run is in a few values: ``run.json`` in its folder, read and written in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from leadline.errors import LeadlineError
from leadline.runs.folder import RunFolder

if TYPE_CHECKING:
    from leadline.measure import Estimate

SUMMARY = "run.json"


@dataclass(frozen=True)
class RunSummary:
    """Times, status, task, metric and errors of a run; what is not known yet, or not in an older folder, is None.

    Attributes:
        status: "running", "done", "interrupted", "diverged" or "failed".
        name: of the run.
        started: date and time, ISO 8601 with the zone.
        seconds: of training and measuring.
        source: where the data came from, in one line.
        task: of the data, by name.
        metric: what is optimized, a name of `leadline.measure.METRICS`.
        parameters: how many numbers the network has.
        epochs: how many were trained.
        best_epoch: the best by the dev set; None without one.
        kept_epoch: the one whose parameters are kept.
        stopped: why training ended, a word of `leadline.training.FitResult`.
        errors: by set in the ladder's names (train, train-dev, dev, test), as fractions or in the target's unit.
        conclusion: of the diagnosis.
        learning_rates_by_hand: by the epoch from which on somebody set it; 0 gave it back to the schedule.
        unknown: keys of a later version, which are kept as they are.

    """

    status: str
    name: str | None = None
    started: str | None = None
    seconds: float | None = None
    source: str | None = None
    task: str | None = None
    metric: str | None = None
    parameters: int | None = None
    epochs: int | None = None
    best_epoch: int | None = None
    kept_epoch: int | None = None
    stopped: str | None = None
    errors: Mapping[str, Estimate] = field(default_factory=dict)
    conclusion: str | None = None
    learning_rates_by_hand: Mapping[int, float] = field(default_factory=dict)
    unknown: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> RunSummary:
        """The summary that `to_json` described. KeyError, TypeError, ValueError or AttributeError: it is damaged."""
        from leadline.measure import Estimate

        known = {each.name for each in fields(cls)} - {"unknown"}
        arguments = {key: value for key, value in values.items() if key in known}
        if not isinstance(arguments["status"], str):
            raise TypeError(f"status is {arguments['status']!r}")
        arguments["errors"] = {name: Estimate.from_json(each) for name, each in (arguments.get("errors") or {}).items()}
        rates = arguments.get("learning_rates_by_hand") or {}
        arguments["learning_rates_by_hand"] = {int(epoch): float(rate) for epoch, rate in rates.items()}
        return cls(**arguments, unknown={key: value for key, value in values.items() if key not in known})

    def to_json(self) -> dict[str, Any]:
        """Plain values, as they stand in ``run.json``."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        values = {"name": values.pop("name"), "status": values.pop("status"), **values}
        values["errors"] = {name: measured.to_json() for name, measured in self.errors.items()}
        del values["unknown"]
        rates = values.pop("learning_rates_by_hand")
        if rates:
            values["learning_rates_by_hand"] = {str(epoch): rate for epoch, rate in rates.items()}
        return values | dict(self.unknown)


def read_summary(folder: RunFolder) -> RunSummary:
    """A run's summary. `leadline.errors.LeadlineError`: there is none, or it is damaged."""
    values = folder.read_json(SUMMARY)
    try:
        return RunSummary.from_json(values)
    except (KeyError, TypeError, ValueError, AttributeError, LeadlineError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise LeadlineError(f"{folder / SUMMARY} is damaged: {reason}") from None


def write_summary(folder: RunFolder, summary: RunSummary) -> None:
    """Write a run's summary, whole or not at all."""
    folder.write_json(SUMMARY, summary.to_json())
