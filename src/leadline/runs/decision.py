"""How a run's network answers: the calibration of its probabilities, and the threshold between two classes.

Both are chosen on dev examples after training and kept in ``decision.json``. They change neither the parameters nor
the costs of the history.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from leadline.errors import LeadlineError
from leadline.measure import Task
from leadline.measure.scaling import Calibrated
from leadline.measure.thresholds import Threshold
from leadline.runs.folder import DECISION, RunFolder


@dataclass(frozen=True)
class Decision:
    """From a network's probabilities to answers; without parts, probabilities and their largest."""

    calibration: Calibrated | None = None
    threshold: Threshold | None = None

    def outputs(self, outputs: np.ndarray) -> np.ndarray:
        """A network's probabilities (m, K), calibrated; other outputs as they are."""
        return outputs if self.calibration is None else self.calibration.scaling(outputs)

    def answers(self, task: Task, outputs: np.ndarray) -> np.ndarray:
        """Labels from outputs that are calibrated already, as `Task.answers` gives them."""
        if self.threshold is None:
            return task.answers(outputs)
        return (outputs[:, 1] >= self.threshold.value.value).astype(np.int64)

    @property
    def lines(self) -> list[str]:
        """What was chosen, a sentence each; empty where nothing was."""
        return [str(part) for part in (self.calibration, self.threshold) if part is not None]

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads back."""
        parts = {"calibration": self.calibration, "threshold": self.threshold}
        return {name: None if part is None else part.to_json() for name, part in parts.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Decision:
        """The decision that `to_json` described. KeyError, TypeError or ValueError: it is damaged."""
        calibration, threshold = values["calibration"], values["threshold"]
        return cls(
            None if calibration is None else Calibrated.from_json(calibration),
            None if threshold is None else Threshold.from_json(threshold),
        )


def read_decision(folder: RunFolder) -> Decision:
    """What a run's folder says; nothing was chosen where it says nothing. `LeadlineError`: it is damaged."""
    if not (folder / DECISION).exists():
        return Decision()
    values = folder.read_json(DECISION)
    try:
        return Decision.from_json(values)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LeadlineError(f"{folder / DECISION} is damaged ({error!r}); delete it to predict without it.") from None


def write_decision(folder: RunFolder, decision: Decision) -> None:
    """Write it into a run's folder; no file where nothing was chosen."""
    if decision == Decision():
        (folder / DECISION).unlink(missing_ok=True)
        return
    folder.write_json(DECISION, decision.to_json())
