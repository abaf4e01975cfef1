"""What people see: colours on a terminal only, progress on stderr where stdout is for a program."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from leadline.session.plan import Plan
    from leadline.strategy import Diagnosis


def console(stderr: bool = False) -> Console:
    """A console without guesses at what to colour; off a terminal and under NO_COLOR, Rich leaves colour out.

    Off a terminal there is no width to keep to either, and a cut-off name helps no program.
    """
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, soft_wrap=True, width=None if stream.isatty() else 200)


def print_json(value: object) -> None:
    """One JSON value on stdout, and nothing else there."""
    from leadline.runs.folder import finite

    sys.stdout.write(json.dumps(finite(value), indent=2, ensure_ascii=False) + "\n")


def print_diagnosis(screen: Console, diagnosis: Diagnosis) -> None:
    """The ladder, the conclusion and the next step; the words that matter in bold."""
    for line in str(diagnosis).splitlines():
        head, colon, rest = line.partition(":")
        if colon and head in ("Conclusion", "Next step"):
            screen.print(f"[bold]{head}:[/bold]", end="")
            screen.print(rest, markup=False)
        else:
            screen.print(line, markup=False)


def ending(summary: Mapping[str, Any]) -> str:
    """How a training went, in one line."""
    reason = {
        "epochs": "",
        "early stopping": ", stopped early",
        "tolerance": ", stopped where the gradient had vanished",
        "request": ", stopped on request",
        "interrupted": ", interrupted",
        "diverged": ", diverged",
    }.get(summary["stopped"], "")
    kept = f"; epoch {summary['kept_epoch']} is kept" if summary["kept_epoch"] != summary["epochs"] else ""
    return f"{summary['epochs']} epochs in {summary['seconds']:.1f} s{reason}{kept}."


class ProgressBar:
    """Shows how a training goes on: epochs, cost, dev error and time left."""

    def __init__(self, screen: Console) -> None:
        self.screen = screen
        self.bar: Progress | None = None
        self.task = TaskID(0)
        self.shown = 0.0
        self.done = 0
        self.text = ""
        self.percent = True

    def planned(self, plan: Plan) -> None:
        """Print what is about to be done, and show the bar on a terminal."""
        screen, sizes = self.screen, plan.split.sizes
        self.percent = plan.data.task != "regression"
        screen.print(plan.experiment.to_toml(), style="dim", markup=False)
        for notice in plan.notices:
            screen.print(f"Note: {notice}", markup=False, style="yellow")
        parts = " · ".join(f"{name.replace('_', '-')} {n:,}" for name, n in sizes.items() if n).replace(",", " ")
        closed = " (closed)" if sizes["test"] else ""
        screen.print(
            f"[bold]{plan.data.name}[/bold]: {plan.data.task}, {parts}{closed}; "
            f"{plan.n_parameters:,} parameters".replace(",", " ", 3),
        )
        if screen.is_terminal:
            self.bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[text]}"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(elapsed_when_finished=False),
                console=screen,
                transient=True,
                refresh_per_second=10,
            )
            self.task = self.bar.add_task("Training", total=plan.training.epochs, text="")
            self.bar.start()

    def step(self, step: int, steps: int, cost: float) -> None:
        """Within a long epoch the bar moves, too."""
        if self.bar is not None and steps > 1 and self._due():
            self.bar.update(self.task, completed=self.done + min(step / steps, 0.999), text=self.text)

    def epoch(self, epoch: Mapping[str, Any]) -> None:
        """An epoch is done."""
        self.done, self.text = epoch["epoch"], self._text(epoch)
        if self.bar is not None and self._due():
            self.bar.update(self.task, completed=epoch["epoch"], text=self.text)

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None

    def _due(self) -> bool:
        """A thousand short epochs need no thousand updates of the screen."""
        now = time.monotonic()
        if now - self.shown < 0.05:
            return False
        self.shown = now
        return True

    def _text(self, epoch: Mapping[str, Any]) -> str:
        text = f"epoch {epoch['epoch']}, cost {epoch['cost']:.4f}"
        error = epoch["dev_error"]
        if error is None:
            return text
        return f"{text}, dev error {100 * error:.1f} %" if self.percent else f"{text}, dev RMSE {error:.5g}"
