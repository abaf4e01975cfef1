"""One run as Python sees it: everything is read from the folder when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leadline.errors import LeadlineError
from leadline.experiment import Experiment
from leadline.runs.data_paths import located
from leadline.runs.folder import CHECKPOINT, IMPORTED, RunFolder
from leadline.runs.life import status_of
from leadline.runs.store import RunStore, published_name
from leadline.runs.summary import SUMMARY, RunSummary, read_summary

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from torch import Tensor

    from leadline.data import Preparation
    from leadline.measure import Breakdown, Estimate, Task
    from leadline.runs.decision import Decision
    from leadline.runs.final import Final
    from leadline.runs.predictions import Answers
    from leadline.runs.trained import TrainedNetwork
    from leadline.strategy import Diagnosis


DIAGNOSIS = "diagnosis.json"
SETS = ("train", "train_dev", "dev", "test")


class Run:
    """One training run: what was asked, what was measured, what was learnt.

    A run is a view of its folder. Each part is read when it is asked for and then remembered, until `refresh` forgets
    it: the run may still be training, in this program or another. `summary` is there from the beginning of training,
    the history grows with each epoch; predictions, errors, diagnosis and report come at its end. The test set's
    predictions and error are there once it was opened, so ask `has_predictions`. Files and keys of a run's folder are
    known here, in `leadline.runs.summary` and `leadline.runs.predictions`, and nowhere else.

    Every part raises `leadline.errors.LeadlineError`, which names the file, where that is missing or damaged.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    def __repr__(self) -> str:
        return f"Run({self.name!r}, {self.status})"

    @property
    def name(self) -> str:
        """The run's name, which is its folder's."""
        return published_name(self.folder)

    @property
    def status(self) -> str:
        """ "running", "done", "interrupted", "failed" or "diverged"; a run whose program was killed is interrupted."""
        return status_of(self.folder.path, self.summary.status)

    @cached_property
    def summary(self) -> RunSummary:
        """Times, status, task, metric and the errors with their intervals."""
        return read_summary(self.folder)

    @cached_property
    def task(self) -> Task:
        """What kind of target was learnt."""
        from leadline.measure import TASKS

        name = self.summary.task
        if name is None:
            raise LeadlineError(f"{self.folder / SUMMARY} is damaged: it lacks 'task'")
        if name not in TASKS:
            self.experiment.load_modules()  # where a task of the user's own is defined
        return TASKS.lookup(name, f"{self.folder / SUMMARY}: ")

    @property
    def errors(self) -> Mapping[str, Estimate]:
        """The measured error of each open set by its name in the ladder: "train", "train-dev", "dev", "test"."""
        return self.summary.errors

    @property
    def optimizing(self) -> str:
        """The name of the metric that is optimized."""
        return self.experiment.goal.optimizing or self.task.usual_metric

    @property
    def best_epoch(self) -> int | None:
        """The best epoch by the dev set; None without one."""
        return self.summary.best_epoch

    @property
    def n_parameters(self) -> int | None:
        """How many numbers the network has; None in a folder that does not say."""
        return self.summary.parameters

    @cached_property
    def experiment(self) -> Experiment:
        """The resolved experiment, with its files where they are now; training from it repeats this run."""
        return located(Experiment.from_toml(self.folder / "experiment.toml"), self.folder)

    @cached_property
    def environment(self) -> dict[str, Any]:
        """What the run ran on."""
        return self.folder.read_json("environment.json")

    @cached_property
    def data(self) -> dict[str, Any]:
        """Content hash, rows, columns, classes, split sizes and notices; not the data themselves."""
        return self.folder.read_json("data.json")

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes or labels, in the order of their indices; () for a regression."""
        return tuple(self.data.get("classes") or ())

    @property
    def class_type(self) -> str:
        """What the values of the classes were: "text", "integer" or "boolean"; text in runs of 0.1."""
        return str(self.data.get("class_type") or "text")

    @property
    def target(self) -> str:
        """What is predicted; several targets are joined by commas."""
        return str(self.data.get("target") or "value")

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """What the data was: ``sha256`` of all values, ``n``, ``name``, ``columns``, ``image_shape`` if images."""
        return self._data_part("fingerprint")

    @property
    def data_hash(self) -> str:
        """The SHA-256 of all values of the data."""
        return str(self.fingerprint.get("sha256", ""))

    @property
    def image_shape(self) -> tuple[int, ...] | None:
        """Height, width and channels where examples are images."""
        shape = self.fingerprint.get("image_shape")
        return tuple(shape) if shape else None

    @property
    def set_sizes(self) -> Mapping[str, int]:
        """Examples in each set: train, train_dev, dev, test; beside them ``sha256`` of the split."""
        return self._data_part("split")

    @property
    def notices(self) -> list[str]:
        """What was noticed about data, split and transfer before training."""
        return list(self.data.get("notices") or ())

    def _data_part(self, key: str) -> Mapping[str, Any]:
        part = self.data.get(key)
        if not isinstance(part, Mapping):
            raise LeadlineError(f"{self.folder / 'data.json'} is damaged: it lacks '{key}'")
        return part

    @property
    def history(self) -> list[dict[str, Any]]:
        """One dictionary per epoch: epoch, cost, penalty, dev_cost, train_error, dev_error, learning_rate, steps, …"""
        return self.folder.history()

    @property
    def has_diagnosis(self) -> bool:
        """Whether the run has been diagnosed, as it is once its training has ended."""
        return (self.folder / DIAGNOSIS).exists()

    @property
    def diagnosis_json(self) -> dict[str, Any]:
        """The diagnosis as plain values, as its file has it."""
        return self.folder.read_json(DIAGNOSIS)

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """The error ladder, its gaps with intervals, the conclusion and the next steps."""
        from leadline.strategy import Diagnosis

        if self.status in ("interrupted", "failed") and not self.has_diagnosis:
            raise LeadlineError(
                f"{self.name} ended before it was measured. Go on: leadline resume {self.name}\n"
                f"Or measure what it had reached: leadline report {self.name}"
            )
        return Diagnosis.from_json(self.diagnosis_json)

    @property
    def metrics(self) -> dict[str, Breakdown]:
        """Metrics of each open set ("train", "dev", …) over all examples, by class and by segment."""
        from leadline.runs.metrics import read_metrics

        return read_metrics(self)

    @cached_property
    def transfer(self) -> dict[str, Any] | None:
        """Where layers were taken over from, and whether the guidelines hold; None for a network of its own."""
        return self.folder.read_json("transfer.json") if (self.folder / "transfer.json").exists() else None

    @cached_property
    def split(self) -> dict[str, np.ndarray]:
        """Row indices of each set, int64, by name: train, dev, test."""
        import numpy as np

        with np.load(self.folder / "split.npz") as sets:
            return {name: sets[name] for name in SETS}

    @cached_property
    def preparation(self) -> Preparation:
        """How rows become the network's inputs; fitted on the training rows."""
        from leadline.data import Preparation

        _ = self.task  # is known by its name from here on
        return Preparation.from_json(self.folder.read_json("preparation.json"))

    @property
    def parameters(self) -> dict[str, Tensor]:
        """The trained parameters by name: ``layers.0.weight (n_out, n_in)``, ``layers.0.bias (n_out,)``, …"""
        return self.trained_network().parameters.named()

    def predictions(self, part: str = "dev") -> pa.Table:
        """The predictions on a set ("train", "dev", or "test" once it was opened), with rows and labels."""
        from leadline.runs.predictions import read_table

        return read_table(self.predictions_path(part))

    def predictions_path(self, part: str = "dev") -> Path:
        """Where the predictions on a set are, or would be."""
        return self.folder / "predictions" / f"{part}.parquet"

    def has_predictions(self, part: str = "dev") -> bool:
        """Whether a set was predicted."""
        return self.predictions_path(part).exists()

    @property
    def predicted_sets(self) -> tuple[str, ...]:
        """The sets that were predicted, in the order of `SETS`."""
        return tuple(part for part in SETS if self.has_predictions(part))

    def answers(self, part: str = "dev") -> Answers:
        """Labels, predictions and outputs of a set as arrays, in the order of its table of predictions."""
        from leadline.runs.predictions import read_answers

        return read_answers(self.predictions_path(part), self.task, self.classes)

    @property
    def decision(self) -> Decision:
        """How the network's probabilities become answers: their calibration, and a threshold between two classes."""
        from leadline.runs.decision import read_decision

        return read_decision(self.folder)

    @property
    def report_path(self) -> Path:
        """Where the report is, or will be."""
        return self.folder / "report.html"

    @property
    def checkpoint_path(self) -> Path:
        """Where the best parameters are."""
        return self.folder / CHECKPOINT

    @property
    def is_imported(self) -> bool:
        """Whether another program made its predictions: then there is no network."""
        return (self.folder / IMPORTED).exists()

    def needs_network(self) -> None:
        """`LeadlineError`: the run has predictions of another program, and no network."""
        if self.is_imported:
            raise LeadlineError(f"{self.name} was imported: it has predictions of another program and no network.")

    def trained_network(self) -> TrainedNetwork:
        """The network with its best parameters, ready to predict on new rows."""
        from leadline.runs.trained import TrainedNetwork

        self.needs_network()
        return TrainedNetwork.from_run(self)

    @property
    def final(self) -> Final | None:
        """What is known of the network trained once more on train and dev; None where there is none."""
        from leadline.runs.final import read_final

        return read_final(self.folder)

    def final_network(self) -> TrainedNetwork:
        """The network for new rows: trained once more on train and dev where that was asked for, else the run's own."""
        from leadline.runs.trained import TrainedNetwork

        self.needs_network()
        return TrainedNetwork.final_of_run(self)

    @property
    def remarks(self) -> list[str]:
        """How the networks answer, and what the final one is worth, a sentence each."""
        return [*self.decision.lines, *([] if self.final is None else self.final.lines)]

    def refresh(self) -> None:
        """Forget what was read, so that it is read anew from the folder."""
        for name in [key for key in self.__dict__ if key != "folder"]:
            del self.__dict__[name]


def load_run(run: str | os.PathLike[str] = "last", runs: str | os.PathLike[str] = "runs") -> Run:
    """A run by its name, a beginning of it, its folder's path, or "last", among those in `runs`."""
    return Run(RunStore(Path(runs)).find(os.fspath(run)))
