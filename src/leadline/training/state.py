"""All that a training needs to go on where it was, bit for bit, as tensors and plain values.

Names of tensors: ``theta``, ``statistics.…``, ``optimizer.…``, ``best.theta``, ``best.statistics.…`` and the states of
the generators, ``random.order`` (before the epoch that is under way), ``random.noise`` and ``random.augment``. Those of
an ensemble have a row for each member.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from leadline.errors import LeadlineError
from leadline.network import Parameters

if TYPE_CHECKING:
    from leadline.training.outcome import Best

STATISTICS = "statistics."
_EPOCH = ("batches", "chunks", "seen", "rate", "seconds")


class Resumable(Protocol):
    """A training that can go on from what was saved of it."""

    @property
    def parameters(self) -> Parameters:
        """Those in training, up to date once `remembered` was called."""
        ...

    def remembered(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Between two steps: what it needs to go on besides the parameters, as named tensors and plain values."""
        ...

    def continue_from(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
        """Take back what `remembered` gave; the parameters are in place already."""
        ...


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

    def remembered(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """What `of` reads, but for the order, which each training saves as it has it."""
        return {"epoch.total": self.total}, {f"epoch.{name}": getattr(self, name) for name in _EPOCH}

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> EpochProgress | None:
        """What was saved; None where no epoch was under way."""
        if "epoch.total" not in tensors:
            return None
        counts = {name: values[f"epoch.{name}"] for name in _EPOCH}
        return cls(order=tensors["random.order"], total=tensors["epoch.total"].clone(), **counts)


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
    def of(cls, trainer: Resumable, best: Best) -> TrainingState:
        """The state of a training between two steps; its tensors are the training's own, to be written at once."""
        remembered, values = trainer.remembered()
        tensors = {**_named("", trainer.parameters), **remembered}
        if best.parameters is not None:
            tensors |= _named("best.", best.parameters)
        return cls(tensors, {**values, "best_epoch": best.epoch, "best_value": list(best.value)})

    def put_into(self, trainer: Resumable, best: Best) -> None:
        """Bring a training that has not begun to this state. `LeadlineError`: it is that of another network."""
        tensors, values = self.tensors, self.values
        try:
            _fill("", trainer.parameters, tensors)
            trainer.continue_from(tensors, values)
            if "best.theta" in tensors:
                best.parameters = trainer.parameters.clone()
                _fill("best.", best.parameters, tensors)
            best.epoch, best.value = values["best_epoch"], (values["best_value"][0], values["best_value"][1])
        except (KeyError, RuntimeError, TypeError, ValueError, IndexError) as error:
            raise LeadlineError(f"The saved state is that of another training ({error}).") from None


def tensors_below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin so, by the rest of their names."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _named(prefix: str, parameters: Parameters) -> dict[str, Tensor]:
    statistics = {f"{prefix}{STATISTICS}{name}": t for name, t in parameters.named_statistics().items()}
    return {f"{prefix}theta": parameters.theta, **statistics}


def _fill(prefix: str, parameters: Parameters, tensors: Mapping[str, Tensor]) -> None:
    for name, tensor in _named(prefix, parameters).items():
        saved = tensors[name]
        if saved.shape != tensor.shape:
            raise ValueError(f"{name} has shape {tuple(saved.shape)}; needed: {tuple(tensor.shape)}")
        tensor.copy_(saved)
