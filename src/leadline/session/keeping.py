"""Keeps the state of a run's training in its folder, so that it can go on after whatever ended it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError, LeadlineWarning
from leadline.files import sync
from leadline.network import Parameters
from leadline.runs.checkpoint import load_checkpoint, save_checkpoint, saved_last
from leadline.runs.folder import HISTORY, STATES, RunFolder
from leadline.training import AnyTrainer, Epoch
from leadline.training.interruption import Interrupted, Interruption
from leadline.training.outcome import Best
from leadline.training.state import TrainingState

FIRST = 5.0
"""Seconds after which the state is kept for the first time."""
SHARE = 0.01
"""The part of the time that keeping states may take."""


@dataclass
class CheckpointClock:
    """When to keep the state: first after `FIRST` seconds, then at best epochs and by time, within `SHARE` of the time.

    Attributes:
        started: when the training began.
        last: when the state was kept last, None before the first time.
        spent: seconds that this has taken so far, the ``cost`` of them the last time.

    """

    started: float
    last: float | None = None
    spent: float = 0.0
    cost: float = 0.0

    def is_due(self, now: float, best: bool) -> bool:
        """Whether to keep the state now; ``best`` says that an epoch was the best so far."""
        if self.last is None:
            return now - self.started >= FIRST
        affordable = self.spent + self.cost <= SHARE * (now - self.started)
        return affordable and (best or now - self.last >= FIRST)

    def kept(self, began: float, ended: float) -> None:
        """Take note that the state was kept."""
        self.last, self.cost = ended, ended - began
        self.spent += self.cost


class StateKeeper:
    """A `leadline.training.fit.Keeper` that writes states into a run's folder.

    The state goes into two files in turn, so that one is whole at every instant; with it go the parameters to predict
    with. ``facts`` are kept beside the training's own values.
    """

    def __init__(
        self,
        folder: RunFolder,
        interruption: Interruption,
        write_parameters: Callable[[Parameters, int], None],
        facts: Callable[[], Mapping[str, Any]],
        state: TrainingState | None = None,
        history: Sequence[Epoch] = (),
    ) -> None:
        self.folder, self.interruption, self.write_parameters, self.facts = (
            folder,
            interruption,
            write_parameters,
            facts,
        )
        self.state, self.history = state, list(history)
        self.clock = CheckpointClock(time.monotonic())

    def begin(self, trainer: AnyTrainer, best: Best) -> list[Epoch]:
        """Watch this training, and bring it to the state that was kept, if any; returns the epochs behind it."""
        self.trainer, self.best, self.best_kept = trainer, best, best.epoch
        trainer.between_steps = self.between_steps
        trainer.must_stop = lambda: self.interruption.requested
        if self.state is None:
            return []
        self.state.put_into(trainer, best)
        self.best_kept, self.state = best.epoch, None  # its tensors are copied: they need no memory any more
        return self.history[: trainer.epoch]

    def between_steps(self) -> None:
        """Keep the state if it is time. `Interrupted`: somebody has asked for the end."""
        if self.interruption.requested:
            raise Interrupted
        if self.clock.is_due(time.monotonic(), self.best.epoch != self.best_kept):
            self.keep()

    def keep(self) -> None:
        """Keep the state now, and the parameters to predict with: the best epoch's where early stopping knows one.

        A training of a few seconds that has not finished an epoch is nothing worth keeping.
        """
        began = time.monotonic()
        if self.trainer.epoch == 0 and began - self.clock.started < FIRST:
            return
        if (self.folder / HISTORY).exists():
            sync(self.folder / HISTORY)  # the state is of no use without the epochs behind it
        state = TrainingState.of(self.trainer, self.best)
        save_checkpoint(self._next(), state.tensors, {**state.values, "facts": dict(self.facts())})
        best = self.best
        if best.parameters is None:
            self.write_parameters(self.trainer.parameters, self.trainer.epoch)
        else:
            self.write_parameters(best.parameters, best.epoch or 0)
        self.best_kept = best.epoch
        self.clock.kept(began, time.monotonic())

    def _next(self) -> Path:
        """The file that is not written last."""
        paths = [self.folder / name for name in STATES]
        last = saved_last(*paths)
        return next((path for path in paths if path not in last), None) or last[-1]


def load_state(folder: RunFolder) -> TrainingState | None:
    """The last state of a run that is whole; None where none was kept. A damaged one is warned of."""
    for path in saved_last(*(folder / name for name in STATES)):
        try:
            return TrainingState(*load_checkpoint(path))
        except LeadlineError as error:
            warnings.warn(f"{error} The state before it is used.", LeadlineWarning, stacklevel=2)
    return None


def remove_states(folder: RunFolder) -> None:
    """Remove what a training that is done needs no longer."""
    for name in STATES:
        with suppress(OSError):
            (folder / name).unlink(missing_ok=True)
