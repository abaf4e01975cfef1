"""How soundings look on a terminal: progress while they go on, then rows of a table and the forecast in words."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from leadline.measure.intervals import Estimate
from leadline.session.plan import Plan
from leadline.soundings import Sounding, Soundings
from leadline.soundings.climb import ClimbStep, step_text
from leadline.soundings.measurement import Fidelity
from leadline.text import duration, grouped

STYLES = {"helps": "green", "hurts": "red"}


class SoundingProgress:
    """Says what is measured and how far it is; each verdict as it comes."""

    def __init__(self, screen: Console) -> None:
        self.screen = screen
        self.bar: Progress | None = None
        self.task = TaskID(0)
        self.shown = 0.0
        self.title = ""
        self.told: set[str] = set()

    def scheduled(self, count: int, seconds: float, fidelity: Fidelity) -> None:
        """What is about to be done, and what it is estimated to take."""
        part = "in full" if fidelity.full else f"with {fidelity.epochs:g} of the epochs"
        part += "" if fidelity.data == 1 else f" and {fidelity.data:g} of the training examples"
        self.screen.print(
            f"{count} remedies to sound, each network trained {part}, {fidelity.seeds} seeds: "
            f"{duration(seconds)} or less.",
            markup=False,
        )
        if self.screen.is_terminal:
            self.close()
            self._show("")

    def _show(self, title: str) -> None:
        columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
        self.bar = Progress(*columns, console=self.screen, transient=True)
        self.task = self.bar.add_task(title, total=1.0)
        self.bar.start()

    def begin(self, title: str) -> None:
        """A remedy is about to be measured."""
        self.title = title
        if self.bar is not None:
            self.bar.update(self.task, description=title, completed=0, total=1.0)

    def progress(self, done: int, total: int) -> None:
        """So many epochs are done."""
        now = time.monotonic()
        if self.bar is not None and now - self.shown > 0.05:
            self.shown = now
            self.bar.update(self.task, description=self.title, completed=done, total=total)

    def measured(self, soundings: Soundings) -> None:
        """Say what came out of the remedies that are new."""
        for sounding in soundings.soundings:
            if sounding.key not in self.told:
                self.told.add(sounding.key)
                change = "" if sounding.measured is None else f" {sounding.measured.signed()}"
                self.screen.print(f"  {sounding.name}: {sounding.verdict}{change}", markup=False, style="dim")

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


class ClimbProgress(SoundingProgress):
    """Says what each step of a climb brought; soundings and trainings share one line that moves."""

    def scheduled(self, count: int, seconds: float, fidelity: Fidelity) -> None:
        """Soundings are about to begin."""
        self.told = set()
        super().scheduled(count, seconds, fidelity)

    def planned(self, plan: Plan) -> None:
        """A training is about to begin."""
        if self.screen.is_terminal:
            self.close()
            self._show(f"Training, {plan.training.epochs} epochs")

    def step(self, step: int, steps: int, cost: float) -> None:
        """Batches of a training are done."""

    def epoch(self, epoch: Mapping[str, Any]) -> None:
        """An epoch of a training is done."""
        if self.bar is not None:
            self.bar.update(self.task, description=f"Training, epoch {epoch['epoch']}")

    def evaluating(self, text: str) -> None:
        """Another seed or a fold is about to train."""
        if self.bar is not None:
            self.bar.update(self.task, description=text)

    def stepped(self, step: ClimbStep) -> None:
        """A run is done."""
        self.close()
        self.screen.print(step_text(step), markup=False)


def cells(sounding: Sounding) -> list[Text | str]:
    """One row: remedy, change, interval, gap, cost, verdict."""
    if sounding.change is None:
        return [sounding.name, "–", "–", "–", _cost(sounding), sounding.verdict]
    gap = "–" if sounding.gap_change is None else sounding.gap_change.signed()
    verdict = Text(sounding.verdict, style=STYLES.get(sounding.verdict, ""))
    return [sounding.name, sounding.change.signed(), sounding.change.range(), gap, _cost(sounding), verdict]


def note_lines(found: Soundings) -> list[str]:
    """What has to be said of single remedies."""
    return [f"{sounding.title}: {sounding.note}" for sounding in found.soundings if sounding.note]


def forecast_lines(found: Soundings) -> list[str]:
    """What more data promises, or why nothing can be said."""
    curve = found.curve
    if curve is None:
        return []
    if not curve.allows_forecast:
        return [f"No forecast for more data: {curve.reason}"]
    lines = []
    for forecast in curve.forecasts:
        expected = Estimate(forecast.error, forecast.low, forecast.high, None, 0.9, found.unit)
        lines.append(
            f"With {grouped(forecast.n)} training examples: dev {found.metric} {expected.plain()} "
            f"({expected.range()}, 90 %)."
        )
    for needed in curve.needed:
        target = Estimate(needed.target, unit=found.unit)
        lines.append(f"For {target.plain()}: {needed}.")
    return lines


def _cost(sounding: Sounding) -> str:
    return "–" if sounding.cost is None else duration(sounding.cost)
