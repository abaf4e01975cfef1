"""One run's folder: which file holds what, written so that a crash leaves whole files behind."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError

RATE_FILE = "learning_rate"
STOP_FILE = "stop"


class RunFolder:
    """The files of one run.

    ================================  ======================================================================
    ``run.json``                      name, times, status: running, done, interrupted, diverged; final errors
    ``experiment.toml``               the resolved experiment: training from it repeats the run
    ``environment.json``              Python, torch, platform, threads, Leadline's version, commit
    ``data.json``                     content hash, rows, columns, split sizes, notices
    ``split.npz``                     row indices of each set
    ``preparation.json``              how rows become inputs; fitted on the training rows
    ``transfer.json``                 where layers were taken over from, and whether its guidelines hold
    ``history.jsonl``                 one line per epoch, append-only
    ``checkpoint.safetensors``        the best parameters so far, with their state
    ``predictions/SET.parquet``       row, label, prediction, probabilities, segments
    ``metrics.json``                  metrics of each open set, over all, by class and by segment
    ``diagnosis.json``                the ladder, the gaps and the conclusion
    ``mismatch.json``                 how dev differs from what training is like, where a train-dev set tells
    ``multitask.json``                the tasks learnt together and each on its own, if they were compared
    ``test_opened.json``              when the test set was opened, if it was
    ``gathered.json``                 slices or clusters in which dev mistakes gather, once they were looked for
    ``mistakes.csv``                  the mistakes that were looked through, with their causes
    ``label_reviews.csv``             what people said about labels: a layer of corrections over the data
    ``label_verdicts.csv``            what people said about labels since corrections were applied last
    ``out_of_fold.npz``               probabilities from networks that had not seen the example, for `labels`
    ``soundings.json``                what each remedy would change, measured; ``next.toml`` is the best of them
    ``prediction.json``               what soundings predicted for this run, and whether it held
    ``climb.json``, ``climb.html``    the story of the climb that led to this run
    ``report.html``                   all of it to read
    ``tags.jsonl``                    tags as they were added and removed
    ``learning_rate``                 the rate from the next epoch on, while it trains, set by hand
    ``stop``                          asks the training to end after its epoch, and to keep what it has reached
    ================================  ======================================================================
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    def write_text(self, name: str, text: str) -> Path:
        """Write a whole file or nothing: a new file takes the old one's place only once it is complete."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.partial")
        draft.write_text(text, encoding="utf-8")
        draft.replace(target)
        return target

    def write_json(self, name: str, value: object) -> Path:
        """Write JSON that any reader accepts: numbers that are not finite become null."""
        return self.write_text(name, json.dumps(finite(value), indent=2, ensure_ascii=False) + "\n")

    def read_json(self, name: str) -> Any:
        """The value in a JSON file. `leadline.errors.LeadlineError`: no such file, or it is damaged."""
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise LeadlineError(f"{self.path} has no {name}: is it a run's folder?") from None
        except (OSError, ValueError) as error:
            raise LeadlineError(f"{self.path / name} cannot be read: {error}") from None

    def append_epoch(self, epoch: dict[str, Any]) -> None:
        """Add one line to the history."""
        with (self.path / "history.jsonl").open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(finite(epoch)) + "\n")

    def history(self) -> list[dict[str, Any]]:
        """The epochs so far, oldest first; a last line that a crash cut short is left out."""
        return list(self._epochs())

    def _epochs(self) -> Iterator[dict[str, Any]]:
        path = self.path / "history.jsonl"
        if not path.exists():
            return
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                try:
                    yield json.loads(line)
                except ValueError:
                    return


def finite(value: object) -> Any:
    """The value with every NaN and infinity replaced by ``None``, and tuples and NumPy scalars made plain."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if hasattr(value, "item") and not hasattr(value, "__len__"):
        value = value.item()  # pyright: ignore[reportAttributeAccessIssue] - a NumPy or torch scalar
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
