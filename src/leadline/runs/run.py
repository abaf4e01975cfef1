"""One run as Python sees it: everything is read from the folder when it is asked for."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leadline.experiment import Experiment
from leadline.runs.folder import RunFolder
from leadline.runs.store import RunStore, published_name

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from torch import Tensor

    from leadline.data import Preparation
    from leadline.measure import Breakdown
    from leadline.runs.trained import TrainedNetwork
    from leadline.strategy import Diagnosis


class Run:
    """One training run: what was asked, what was measured, what was learnt."""

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
        """ "running", "done", "interrupted" or "diverged"."""
        return self.summary["status"]

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Times, status, task, metric and the errors with their intervals."""
        return self.folder.read_json("run.json")

    @cached_property
    def experiment(self) -> Experiment:
        """The resolved experiment; training from it repeats this run."""
        return Experiment.from_toml(self.folder / "experiment.toml")

    @cached_property
    def environment(self) -> dict[str, Any]:
        """What the run ran on."""
        return self.folder.read_json("environment.json")

    @cached_property
    def data(self) -> dict[str, Any]:
        """Content hash, rows, columns, classes, split sizes and notices; not the data themselves."""
        return self.folder.read_json("data.json")

    @property
    def history(self) -> list[dict[str, Any]]:
        """One dictionary per epoch: epoch, cost, penalty, dev_cost, train_error, dev_error, learning_rate, steps, …"""
        return self.folder.history()

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """The error ladder, its gaps with intervals, the conclusion and the next steps."""
        from leadline.strategy import Diagnosis

        return Diagnosis.from_json(self.folder.read_json("diagnosis.json"))

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
            return {name: sets[name] for name in ("train", "train_dev", "dev", "test")}

    @cached_property
    def preparation(self) -> Preparation:
        """How rows become the network's inputs; fitted on the training rows."""
        from leadline.data import Preparation

        return Preparation.from_json(self.folder.read_json("preparation.json"))

    @property
    def parameters(self) -> dict[str, Tensor]:
        """The trained parameters by name: ``layers.0.weight (n_out, n_in)``, ``layers.0.bias (n_out,)``, …"""
        return self.trained_network().parameters.named()

    def predictions(self, part: str = "dev") -> pa.Table:
        """The predictions on a set ("train", "dev", or "test" once it was opened), with rows and labels."""
        from leadline.runs.predictions import read_table

        return read_table(self.folder / "predictions" / f"{part}.parquet")

    def trained_network(self) -> TrainedNetwork:
        """The network with its best parameters, ready to predict on new rows."""
        from leadline.runs.trained import TrainedNetwork

        return TrainedNetwork.from_run(self)

    def refresh(self) -> None:
        """Forget what was read, so that it is read anew from the folder."""
        for name in [key for key in self.__dict__ if key != "folder"]:
            del self.__dict__[name]


def load_run(run: str | os.PathLike[str] = "last", runs: str | os.PathLike[str] = "runs") -> Run:
    """A run by its name, a beginning of it, its folder's path, or "last", among those in `runs`."""
    return Run(RunStore(Path(runs)).find(os.fspath(run)))
