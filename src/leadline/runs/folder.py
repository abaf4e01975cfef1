"""One run's folder: which file holds what, written so that a crash leaves whole files behind."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError
from leadline.files import append_line, json_text, read_json, read_json_lines, write_json, write_text
from leadline.runs.life import claim, release

CHECKPOINT = "checkpoint.safetensors"
DECISION = "decision.json"
IMPORTANCE = "importance.json"
FINAL, FINAL_CHECKPOINT = "final.json", "final.safetensors"
HISTORY = "history.jsonl"
STATES = ("state-1.safetensors", "state-2.safetensors")
RATE_FILE = "learning_rate"
STOP_FILE = "stop"
IMPORTED = "imported.json"


class RunFolder:
    """The files of one run.

    ================================  ======================================================================
    ``run.json``                      name, times, status: running, done, interrupted, diverged; final errors
    ``experiment.toml``               the resolved experiment: training from it repeats the run
    ``paths.json``                    where the experiment's files are, to find them again from any folder
    ``environment.json``              Python, torch, platform, threads, Leadline's version, commit
    ``data.json``                     content hash, rows, columns, split sizes, notices
    ``split.npz``                     row indices of each set
    ``imported.json``                 where predictions came from that another program made; then there is no network
    ``rows.parquet``                  the examples of such predictions with their features
    ``preparation.json``              how rows become inputs; fitted on the training rows
    ``transfer.json``                 where layers were taken over from, and whether its guidelines hold
    ``history.jsonl``                 one line per epoch, append-only
    ``checkpoint.safetensors``        the best parameters so far
    ``state-1.safetensors``, ``-2``   all that the training needs to go on, of the last two times; gone once it is done
    ``checksums.json``                SHA-256 of what the run itself has written, once it is over
    ``decision.json``                 calibration and threshold: how probabilities become answers, where chosen
    ``final.safetensors``, ``.json``  the network trained once more on train and dev, where asked for, and its error
    ``predictions/SET.parquet``       row, label, prediction, probabilities, segments
    ``metrics.json``                  metrics of each open set, over all, by class and by segment
    ``diagnosis.json``                the ladder, the gaps and the conclusion
    ``mismatch.json``                 how dev differs from what training is like, where a train-dev set tells
    ``multitask.json``                the tasks learnt together and each on its own, if they were compared
    ``test_opened.json``              when the test set was opened, if it was
    ``importance.json``               what the network loses when one column is shuffled, once that was measured
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
    ``.lock``                         held by the program that is at work here
    ``stop``                          asks the training to end after its epoch, and to keep what it has reached
    ================================  ======================================================================
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._lock: int | None = None

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    def claim(self) -> None:
        """Say that this program is at work here, until `release` or its end. `LeadlineError`: another one is."""
        self._lock = claim(self.path)

    def release(self, ended: bool) -> None:
        """Give the folder back; ``ended`` says whether its ``run.json`` tells how the run ended."""
        release(self.path, self._lock, ended)
        self._lock = None

    def write_text(self, name: str, text: str) -> Path:
        """Write a whole file or nothing: a new file takes the old one's place only once it is complete."""
        return write_text(self.path / name, text)

    def write_json(self, name: str, value: object) -> Path:
        """Write JSON that any reader accepts: numbers that are not finite become null."""
        return write_json(self.path / name, value)

    def read_json(self, name: str) -> Any:
        """The value in a JSON file. `leadline.errors.LeadlineError`: no such file, or it is damaged."""
        try:
            return read_json(self.path / name)
        except FileNotFoundError:
            raise LeadlineError(f"{self.path} has no {name}: is it a run's folder?") from None

    def append_epoch(self, epoch: dict[str, Any]) -> None:
        """Add one line to the history."""
        append_line(self.path / HISTORY, json_text(epoch), durable=False)

    def write_history(self, epochs: Sequence[Mapping[str, Any]]) -> None:
        """Write the history anew."""
        write_text(self.path / HISTORY, "".join(json_text(epoch) + "\n" for epoch in epochs))

    def history(self) -> list[dict[str, Any]]:
        """The epochs so far, oldest first; a last line that a crash cut short is left out."""
        return list(read_json_lines(self.path / HISTORY))
