"""Trials as plain values, and the folder of a search: what the report, the application and a second start read."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from leadline.errors import LeadlineError, nearest
from leadline.files import append_line, json_text, read_json_lines, read_object, replacing, write_json, write_text

LOSSES = "dev_losses"
FOLDER = "searches"
CURVE_POINTS = 40


@dataclass(frozen=True)
class TrialRecord:
    """One trial.

    ``state`` is "complete", "pruned", "diverged", "running" or "waiting". ``values`` are its hyper-parameters by key.
    ``dev_error`` is the kept epoch's, as far as the trial came: a fraction, or in the target's unit. ``epochs`` were
    done, of which ``kept_epoch`` was kept; ``seconds`` is its share of the time. ``curve`` holds some of its epochs as
    pairs of epoch and dev error, ``rungs`` its dev errors where successive halving looked. ``earlier`` are
    the numbers under which it was begun before and not finished.
    """

    number: int
    state: str
    values: Mapping[str, Any]
    dev_error: float | None = None
    dev_cost: float | None = None
    epochs: int = 0
    kept_epoch: int | None = None
    seconds: float = 0.0
    curve: Sequence[tuple[int, float]] = ()
    rungs: Mapping[int, float] = field(default_factory=dict)
    earlier: Sequence[int] = ()

    @property
    def done(self) -> bool:
        """Whether it is over and says something about its place."""
        return self.state in ("complete", "pruned", "diverged")

    def to_json(self) -> dict[str, Any]:
        """One line of ``trials.jsonl``."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> TrialRecord:
        """The inverse of `to_json`."""
        curve = tuple((int(epoch), float(error)) for epoch, error in value.get("curve", ()))
        rungs = {int(rung): float(error) for rung, error in value.get("rungs", {}).items()}
        earlier = tuple(value.get("earlier", ()))
        return cls(**{**value, "curve": curve, "rungs": rungs, "earlier": earlier})


@dataclass(frozen=True)
class SearchRecord:
    """A search as it lies in its folder; ``load`` gives one.

    ``summary`` is what ``search.json`` holds: ``name``, ``status`` ("running", "done", "interrupted"), ``started``,
    ``seconds``, ``settings``, ``space`` (tables by key), ``metric``, ``task``, ``experiment``, ``counts`` (trials by
    state), and once it is done ``best``, ``finalists``, ``importance``, ``edges`` and ``notes``.
    """

    folder: Path
    summary: Mapping[str, Any]
    trials: Sequence[TrialRecord]

    @property
    def name(self) -> str:
        """The search's name."""
        return self.summary["name"]

    @property
    def best(self) -> Mapping[str, Any] | None:
        """The best trial: number, values, dev error with interval over seeds; None before the end."""
        return self.summary.get("best")


class SearchFolder:
    """The files of one search.

    ===================  ==========================================================================
    ``search.json``      options, space, status; at the end the best, finalists, importance, edges
    ``experiment.toml``  what is searched
    ``trials.jsonl``     one line per trial, in the order in which they ended
    ``dev_losses``       the error of each trial on each dev example, one file per trial
    ``best.toml``        the experiment of the best, ready to train
    ``report.html``      all of it to read
    ===================  ==========================================================================
    """

    def __init__(self, runs: str | os.PathLike[str], name: str) -> None:
        if not re.fullmatch(r"[^\W_][\w.+-]*", name):
            raise LeadlineError(f"{name!r} cannot name a search: use letters, digits, '-', '_' and '.'.")
        self.path = Path(runs) / FOLDER / name

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    @property
    def name(self) -> str:
        """The search's name."""
        return self.path.name

    def write(self, name: str, text: str) -> Path:
        """Write a whole file or nothing. `LeadlineError`: the folder cannot be written to."""
        return write_text(self.path / name, text)

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Write ``search.json``."""
        write_json(self.path / "search.json", summary)

    def summary(self) -> dict[str, Any] | None:
        """What ``search.json`` holds; None before there is one."""
        try:
            return read_object(self.path / "search.json")
        except FileNotFoundError:
            return None

    def append(self, records: Sequence[TrialRecord]) -> None:
        """Add trials that have ended."""
        if records:
            append_line(self.path / "trials.jsonl", "\n".join(_line(record) for record in records))

    def keep_losses(self, number: int, losses: np.ndarray) -> None:
        """Keep a trial's error on each dev example, (m,)."""
        path = self.path / LOSSES / f"{number}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as draft, draft.open("wb") as file:
            np.save(file, losses.astype(np.float32))

    def losses(self, numbers: Sequence[int]) -> tuple[list[int], np.ndarray]:
        """Of these trials, those whose errors on the dev examples are kept, and the errors (trials, m)."""
        paths = {number: self.path / LOSSES / f"{number}.npy" for number in numbers}
        rows = {number: np.load(path) for number, path in paths.items() if path.exists()}
        return list(rows), np.array(list(rows.values()), np.float32)

    def write_trials(self, records: Sequence[TrialRecord]) -> None:
        """Write all trials anew."""
        self.write("trials.jsonl", "".join(_line(record) + "\n" for record in records))

    def trials(self) -> list[TrialRecord]:
        """The trials by number; a last line that a crash cut short is left out."""
        lines = read_json_lines(self.path / "trials.jsonl")
        records = {record.number: record for record in map(TrialRecord.from_json, lines)}
        return [records[number] for number in sorted(records)]


def _line(record: TrialRecord) -> str:
    return json_text(record.to_json())


def names(runs: str | os.PathLike[str] = "runs") -> list[str]:
    """The searches beside these runs, oldest first."""
    root = Path(runs) / FOLDER
    folders = [path for path in root.iterdir() if (path / "search.json").is_file()] if root.is_dir() else []
    return [path.name for path in sorted(folders, key=lambda path: (path / "experiment.toml").stat().st_mtime)]


def load(name: str | os.PathLike[str] = "last", runs: str | os.PathLike[str] = "runs") -> SearchRecord:
    """A search by its name, its folder's path, or "last". `LeadlineError`: there is none."""
    path = Path(name)
    if (path / "search.json").is_file():
        folder = SearchFolder(path.parent.parent, path.name)
        folder.path = path
    else:
        known = names(runs)
        chosen = str(name)
        if chosen == "last" and known:
            chosen = known[-1]
        if chosen not in known:
            hint = nearest(chosen, known) if known else " Begin one: leadline search digits"
            raise LeadlineError(f"There is no search '{chosen}' in {Path(runs) / FOLDER}.{hint}")
        folder = SearchFolder(runs, chosen)
    return SearchRecord(folder.path, folder.summary() or {}, folder.trials())


def thinned(curve: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """At most `CURVE_POINTS` of the points, the last included."""
    step = max(1, -(-len(curve) // CURVE_POINTS))
    kept = list(curve[step - 1 :: step])
    return kept if not curve or kept[-1] == curve[-1] else [*kept, curve[-1]]
