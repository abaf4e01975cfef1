"""A trained network: layers, θ and the preparation of its inputs, ready to predict on new rows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from leadline.data import Preparation
from leadline.data.class_values import class_values
from leadline.equations.losses import LOSSES
from leadline.errors import LeadlineError
from leadline.measure import Task, task_named
from leadline.network import Network, Parameters
from leadline.runs.checkpoint import load_checkpoint
from leadline.runs.decision import Decision, read_decision
from leadline.runs.final import read_final
from leadline.runs.folder import FINAL_CHECKPOINT
from leadline.runs.given_form import in_form_of
from leadline.runs.predictions import predictions_table
from leadline.training import outputs

if TYPE_CHECKING:
    from leadline.runs.run import Run

STATISTICS = "statistics."


@dataclass(frozen=True)
class TrainedNetwork:
    """A network with its parameters; `predict` takes rows as they come, `from_run` loads a run's best parameters.

    ``classes`` are the names of classes or labels, empty for regression. The network's own output is logits,
    or standardized values.
    """

    network: Network
    parameters: Parameters
    preparation: Preparation = field(repr=False)
    loss: str
    task: Task
    classes: tuple[str, ...] = ()
    target: str = "value"
    decision: Decision = field(default_factory=Decision, repr=False)
    class_type: str = "text"

    @classmethod
    def from_run(cls, run: Run) -> TrainedNetwork:
        """Load a run's network. `leadline.errors.LeadlineError`: no checkpoint, or one of another network."""
        return cls._loaded(run, run.checkpoint_path, read_decision(run.folder))

    @classmethod
    def final_of_run(cls, run: Run) -> TrainedNetwork:
        """The network that a run predicts new rows with: trained once more on train and dev where that was asked."""
        final = read_final(run.folder)
        return cls.from_run(run) if final is None else cls._loaded(run, run.folder / FINAL_CHECKPOINT, final.decision)

    @classmethod
    def _loaded(cls, run: Run, path: Path, decision: Decision) -> TrainedNetwork:
        tensors, state = load_checkpoint(path)
        if not {"loss", "task", "input_shape"} <= state.keys():
            raise LeadlineError(f"The checkpoint {path} is damaged: it does not say of what it is.")
        experiment, preparation = run.experiment, run.preparation
        experiment.load_modules()
        loss = state["loss"]
        network = Network.from_section(experiment.network).for_loss(loss)
        dtype = torch.float64 if experiment.training.precision == "float64" else torch.float32
        parameters = network.initialize(tuple(state["input_shape"]), dtype=dtype)
        for name, tensor in parameters.named().items():
            _fill(tensor, tensors.get(name), name)
        for name, tensor in parameters.named_statistics().items():
            _fill(tensor, tensors.get(STATISTICS + name), name)
        task = task_named(state["task"])
        return cls(network, parameters, preparation, loss, task, run.classes, run.target, decision, run.class_type)

    def predict(self, rows: Any) -> Any:
        """Predictions for new rows: a table, an array, a file, or a list of dictionaries.

        Classes (m,) as they were given, as integers where those were integers; values (m,) or (m, k) in the target's
        units for regression, 0 or 1 (m, k) for several labels. A frame of pandas gets a series or frame with its
        index, one of polars gets polars, all else an array.
        """
        outputs = self.outputs(self.prepared(rows))
        if self.task.one_class:
            values = self.class_values[self.decision.answers(self.task, outputs)]
            return in_form_of(rows, values, [self.target])
        names = self.classes or self.target.split(", ")
        return in_form_of(rows, self.task.shown_answers(outputs, self.classes), names)

    def predict_probabilities(self, rows: Any) -> Any:
        """The probability of each class, or of each label: (m, k), in the order of ``classes``; a frame for a frame."""
        if not self.task.named_outputs:
            raise LeadlineError(f"A {self.task} has no probabilities; use predict.")
        return in_form_of(rows, self.outputs(self.prepared(rows)), self.classes)

    @property
    def class_values(self) -> np.ndarray:
        """The classes as they were given, (k,): text, integers or booleans."""
        return class_values(self.classes, self.class_type)

    def predictions(self, rows: Any) -> pa.Table:
        """Predictions and probabilities as a table, one row per new row."""
        return self.predictions_of(self.outputs(self.prepared(rows)))

    def predictions_of(self, outputs: np.ndarray) -> pa.Table:
        """The same of outputs that are computed already, as `outputs` gives them."""
        answers = self.decision.answers(self.task, outputs)
        table = predictions_table(self.task, self.classes, outputs, target=self.target, answers=answers)
        if not self.task.one_class or self.class_type == "text":
            return table
        place = table.column_names.index("prediction")
        return table.set_column(place, "prediction", pa.array(self.class_values[answers]))

    def export(self, path: str | os.PathLike[str], name: str = "leadline") -> Path:
        """Write an ONNX file that makes predictions of raw columns without Leadline; see `leadline.export`.

        Raises `leadline.errors.LeadlineError` for a layer that cannot be exported, by its name.
        """
        from leadline.export import onnx_model, write_onnx

        calibration, threshold = self.decision.calibration, self.decision.threshold
        scaling = None if calibration is None else calibration.scaling
        reached = None if threshold is None else threshold.value.value
        model = onnx_model(self.network, self.parameters, self.preparation, self.loss, name, scaling, reached)
        return write_onnx(model, path)

    def prepared(self, rows: Any) -> np.ndarray:
        """New rows as the network's inputs, (m, …)."""
        precision = "float64" if self.parameters.theta.dtype == torch.float64 else "float32"
        return self.preparation.inputs(rows, dtype=precision)

    def outputs(self, inputs: np.ndarray | Tensor) -> np.ndarray:
        """For prepared inputs (m, …): probabilities of classes or labels (m, k), or values in the target's units.

        Probabilities are calibrated where the run's `Decision` says so.
        """
        theta = self.parameters.theta
        x = torch.as_tensor(inputs).to(theta.device, theta.dtype)
        z = outputs(self.network, self.parameters, x)
        return self.decision.outputs(as_outputs(z, self.loss, self.preparation))


def as_outputs(z: Tensor, loss: str, preparation: Preparation) -> np.ndarray:
    """A network's own outputs (m, k) as probabilities of classes or labels, or values in the target's units."""
    return preparation.outputs(LOSSES[loss].prediction(z).double().cpu().numpy())


def state_tensors(parameters: Parameters) -> dict[str, Tensor]:
    """Parameters and untrained statistics by the names they have in a checkpoint."""
    statistics = {STATISTICS + name: tensor for name, tensor in parameters.named_statistics().items()}
    return {**parameters.named(), **statistics}


def _fill(tensor: Tensor, saved: Tensor | None, name: str) -> None:
    if saved is None or saved.shape != tensor.shape:
        got: Sequence[int] | str = "nothing" if saved is None else tuple(saved.shape)
        raise LeadlineError(
            f"The checkpoint is of another network: {name} needs shape {tuple(tensor.shape)}, got {got}."
        )
    if not saved.is_floating_point() or not torch.isfinite(saved).all():
        raise LeadlineError(f"The checkpoint is damaged: {name} holds {saved.dtype} or values that are no numbers.")
    tensor.copy_(saved)
