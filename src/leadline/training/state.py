"""All that a training needs to go on where it was, bit for bit, as tensors and plain values.

Names of tensors: ``theta``, ``statistics.…``, ``optimizer.…``, ``best.theta``, ``best.statistics.…`` and the states of
the generators, ``random.order`` (before the epoch that is under way), ``random.noise`` and ``random.augment``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from leadline.errors import LeadlineError
from leadline.network import Parameters

if TYPE_CHECKING:
    from leadline.training.outcome import Best
    from leadline.training.trainer import Trainer

STATISTICS = "statistics."
_EPOCH = ("batches", "chunks", "seen", "rate", "seconds")


@dataclass
class EpochProgress:
    """How far an epoch has come.

    ``order`` is the state of the orders' generator before it. ``chunks`` of a stream are done, and ``batches`` of the
    epoch, or of the chunk that is under way. ``total`` (3,), float64, are the sums of cost, error and penalty over the
    ``seen`` examples. ``rate`` is the epoch's first learning rate; ``seconds`` have been spent on it.
    """

    order: Tensor
    rate: float
    batches: int = 0
    chunks: int = 0
    seen: int = 0
    seconds: float = 0.0
    total: Tensor = field(default_factory=lambda: torch.zeros(3, dtype=torch.float64))


@dataclass(frozen=True)
class TrainingState:
    """Named ``tensors`` and plain ``values`` of a training at one step; `of` takes them, `put_into` gives them back."""

    tensors: Mapping[str, Tensor]
    values: Mapping[str, Any]

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return int(self.values["epoch"])

    @classmethod
    def of(cls, trainer: Trainer, best: Best) -> TrainingState:
        """The state of a training between two steps; its tensors are the training's own, to be written at once."""
        progress, noise = trainer.progress, trainer.objective.generator
        order = trainer.order_random.get_state() if progress is None else progress.order
        tensors = {"random.order": order, **_named("", trainer.parameters)}
        tensors |= {f"optimizer.{name}": tensor for name, tensor in trainer.state.tensors().items()}
        if noise is not None:
            tensors["random.noise"] = noise.get_state()
        if trainer.augment is not None:
            tensors["random.augment"] = trainer.augment.generator.get_state()
        if best.parameters is not None:
            tensors |= _named("best.", best.parameters)
        values = {
            "epoch": trainer.epoch,
            "step": trainer.step,
            "gradient_norm": trainer.gradient_norm,
            "best_epoch": best.epoch,
            "best_value": list(best.value),
        }
        if progress is not None:
            tensors["epoch.total"] = progress.total
            values |= {f"epoch.{name}": getattr(progress, name) for name in _EPOCH}
        return cls(tensors, values)

    def put_into(self, trainer: Trainer, best: Best) -> None:
        """Bring a training that has not begun to this state. `LeadlineError`: it is that of another network."""
        tensors, values = self.tensors, self.values
        try:
            _fill("", trainer.parameters, tensors)
            trainer.state.load(_below("optimizer.", tensors))
            trainer.order_random.set_state(tensors["random.order"])
            if trainer.objective.generator is not None:
                trainer.objective.generator.set_state(tensors["random.noise"])
            if trainer.augment is not None:
                trainer.augment.generator.set_state(tensors["random.augment"])
            if "best.theta" in tensors:
                best.parameters = trainer.parameters.clone()
                _fill("best.", best.parameters, tensors)
            trainer.epoch, trainer.step = int(values["epoch"]), int(values["step"])
            trainer.gradient_norm = float(values["gradient_norm"])
            best.epoch, best.value = values["best_epoch"], (values["best_value"][0], values["best_value"][1])
            if "epoch.total" in tensors:
                facts = {name: values[f"epoch.{name}"] for name in _EPOCH}
                trainer.progress = EpochProgress(
                    order=tensors["random.order"], total=tensors["epoch.total"].clone(), **facts
                )
        except (KeyError, RuntimeError, TypeError, ValueError, IndexError) as error:
            raise LeadlineError(f"The saved state is that of another training ({error}).") from None
        trainer.guard.restart()


def _named(prefix: str, parameters: Parameters) -> dict[str, Tensor]:
    statistics = {f"{prefix}{STATISTICS}{name}": t for name, t in parameters.named_statistics().items()}
    return {f"{prefix}theta": parameters.theta, **statistics}


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _fill(prefix: str, parameters: Parameters, tensors: Mapping[str, Tensor]) -> None:
    for name, tensor in _named(prefix, parameters).items():
        saved = tensors[name]
        if saved.shape != tensor.shape:
            raise ValueError(f"{name} has shape {tuple(saved.shape)}; needed: {tuple(tensor.shape)}")
        tensor.copy_(saved)
