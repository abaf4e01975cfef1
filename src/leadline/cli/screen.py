"""What people see: colours on a terminal only, progress on stderr where stdout is for a program."""

from __future__ import annotations

import re
import sys
import textwrap
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from leadline.files import json_text
from leadline.text import counted, grouped

if TYPE_CHECKING:
    from rich.table import Table

    from leadline.data import Dataset
    from leadline.runs.summary import RunSummary
    from leadline.session.plan import Plan
    from leadline.strategy import Diagnosis


_NO_BREAK = "\u00a0"
# Spaces within a number, between a number and its unit, and around the "=" of "n = 345" and "p = 0.02".
_KEPT_TOGETHER = re.compile(r"(?<=\d) (?=\d{3}(?!\d)|%|points\b)|(?<=\b[np]) (?==)|(?<=\b[np] =) ")


class Terminal(Console):
    """A terminal on which prose breaks between words, and what belongs to an indented line stays indented.

    What has no spaces (a path, an address) is never broken, so that it can be copied.
    """

    def print(self, *objects: Any, **options: Any) -> None:
        """As `rich.console.Console.print`; wraps texts that are no markup."""
        if options.get("markup") is False:
            objects = tuple(wrapped(each, self.width) if isinstance(each, str) else each for each in objects)
        super().print(*objects, **options)


def wrapped(text: str, width: int) -> str:
    """The lines of a text broken between words so that they fit; what goes on is indented by two more."""
    if all(len(line) <= width for line in text.split("\n")):
        return text
    lines = []
    for line in _KEPT_TOGETHER.sub(_NO_BREAK, text).split("\n"):
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        found = textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        lines += found or [""]
    return "\n".join(lines).replace(_NO_BREAK, " ")


def console(stderr: bool = False) -> Console:
    """A console without guesses at what to colour; off a terminal and under NO_COLOR, Rich leaves colour out.

    Off a terminal there is no width to keep to either, and a cut-off name helps no program.
    """
    stream = sys.stderr if stderr else sys.stdout
    if stream.isatty():
        return Terminal(stderr=stderr, highlight=False, soft_wrap=True)
    return Console(stderr=stderr, highlight=False, soft_wrap=True, width=200)


def too_wide(screen: Console, table: Table) -> bool:
    """Whether a terminal is too narrow for a table with every cell in one line."""
    return (
        screen.is_terminal and screen.measure(table, options=screen.options.update(width=1000)).maximum > screen.width
    )


def print_fitted(screen: Console, table: Table) -> None:
    """A table; where a terminal is too narrow for it, cells go on in a second line and no number is cut off."""
    if too_wide(screen, table):
        for column in table.columns:
            column.no_wrap, column.overflow = False, "fold"
    screen.print(table, soft_wrap=False)


def print_under(screen: Console, heading: str, text: str) -> None:
    """A line such as "Next step: …" with its heading in bold."""
    line = Text(wrapped(f"{heading}: {text}", screen.width) if screen.is_terminal else f"{heading}: {text}")
    line.stylize("bold", 0, len(heading) + 1)
    screen.print(line)


def print_json(value: object) -> None:
    """One JSON value on stdout, and nothing else there."""
    sys.stdout.write(json_text(value, indent=2) + "\n")


def print_diagnosis(screen: Console, diagnosis: Diagnosis) -> None:
    """The ladder, the conclusion and the next step; the words that matter in bold."""
    for line in str(diagnosis).splitlines():
        head, colon, rest = line.partition(":")
        if colon and head in ("Conclusion", "Next step"):
            print_under(screen, head, rest.strip())
        else:
            screen.print(line, markup=False)


SHOWN_COLUMNS, SHOWN_ROWS = 12, 3


def without_header(data: Dataset) -> bool:
    """Whether columns of a table are called by their place."""
    names = () if data.table is None else data.table.column_names
    return bool(names) and all(name == f"column_{place + 1}" for place, name in enumerate(names))


def print_columns(screen: Console, data: Dataset) -> None:
    """What was understood of a table: its first rows under the columns' names and kinds."""
    if data.table is None:
        return
    kinds = {feature.name: feature.kind if feature.used else "left out" for feature in data.features}
    kinds |= dict.fromkeys(data.target_names, "target")
    names = data.table.column_names
    shown = [name for place, name in enumerate(names) if place < SHOWN_COLUMNS or name in data.target_names]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in shown:
        table.add_column(f"{name}\n{kinds.get(name, 'left out')}", justify="right")
    for row in data.table.slice(0, SHOWN_ROWS).to_pylist():
        table.add_row(*("–" if row[name] is None else str(row[name])[:20] for name in shown))
    print_fitted(screen, table)
    if len(shown) < len(names):
        screen.print(f"… of {len(names)} columns", markup=False)


def ending(summary: RunSummary) -> str:
    """How a training went, in one line."""
    reason = {
        "epochs": "",
        "early stopping": ", stopped early",
        "tolerance": ", stopped where the gradient had vanished",
        "request": ", stopped on request",
        "interrupted": ", interrupted",
        "diverged": ", diverged",
    }.get(summary.stopped or "", "")
    kept = f"; epoch {summary.kept_epoch} is kept" if summary.kept_epoch != summary.epochs else ""
    return f"{summary.epochs} epochs in {summary.seconds or 0.0:.1f} s{reason}{kept}."


def _network(plan: Plan) -> str:
    """What is trained, in a few words."""
    members = plan.network.members
    kinds = [type(layer).__name__ for layer in plan.network.member.layers]
    parameters = f"{grouped(plan.n_parameters)} parameters"
    several = f"ensemble of {members} networks, " if members > 1 else ""
    return f"{several}{counted(len(kinds), 'layer')}, {parameters}"


def _optimization(plan: Plan) -> str:
    """How it is trained, in a few words."""
    section, settings = plan.experiment.training, plan.training
    size = plan.batch_size
    batches = "the whole set as one batch" if size >= plan.n_train else f"batches of {grouped(size)}"
    rule = (section.optimizer or {}).get("type", "adam")
    return f"{rule}, {counted(settings.epochs, 'epoch')} at most, {batches}"


class ProgressBar:
    """Shows how a training goes on: epochs, cost, dev error and time left."""

    def __init__(self, screen: Console, show_experiment: bool = False) -> None:
        self.screen, self.show_experiment = screen, show_experiment
        self.bar: Progress | None = None
        self.task = TaskID(0)
        self.shown = 0.0
        self.done = 0
        self.text = ""
        self.percent = True

    def planned(self, plan: Plan) -> None:
        """Print what is about to be done, and show the bar on a terminal."""
        screen, sizes = self.screen, plan.split.sizes
        self.percent = not plan.data.task.graded
        if self.show_experiment:
            screen.print(plan.experiment.to_toml(), style="dim", markup=False)
        for notice in plan.notices:
            screen.print(f"Note: {notice}", markup=False, style="yellow")
        if without_header(plan.data):
            print_columns(screen, plan.data)
        parts = " · ".join(f"{name.replace('_', '-')} {grouped(n)}" for name, n in sizes.items() if n)
        closed = " (closed)" if sizes["test"] else ""
        screen.print(
            f"{plan.data.name}: {plan.data.task}, {parts}{closed}; {_network(plan)}; {_optimization(plan)}",
            markup=False,
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

    def evaluating(self, text: str) -> None:
        """A training beside the run begins."""
        if self.bar is not None:
            self.bar.update(self.task, description=text, completed=0, text="")
        else:
            self.screen.print(text, markup=False)

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
