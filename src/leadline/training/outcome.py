"""What a training comes to: the network as trained, its history, and its best epoch by the dev set."""

from __future__ import annotations

from dataclasses import dataclass, field

from leadline.network import Network, Parameters
from leadline.training.divergence import DivergenceError
from leadline.training.settings import EarlyStopping
from leadline.training.trainer import Epoch


@dataclass(frozen=True)
class FitResult:
    """A finished training: the network as trained (logits out), θ, one `Epoch` for each pass, and why it stopped.

    ``stopped`` is "epochs" (all done), "early stopping", "tolerance" (‖∇J‖ small enough), "request", "interrupted" or
    "diverged"; in the last case ``divergence`` holds the error, and θ is the last good one. ``best_epoch`` is the
    best by what is monitored (without early stopping the dev error; ties: dev cost), None without a dev set;
    ``restored`` says that θ is that epoch's.
    """

    network: Network
    parameters: Parameters
    history: list[Epoch]
    stopped: str
    best_epoch: int | None = None
    restored: bool = False
    divergence: DivergenceError | None = None

    @property
    def kept_epoch(self) -> int | None:
        """The epoch whose θ was kept: the best where early stopping went back to it, else the last; None before one."""
        last = self.history[-1].epoch if self.history else None
        return (self.best_epoch if self.restored else None) or last


@dataclass
class Best:
    """The best epoch so far by the dev set, with a copy of its parameters when they may be restored."""

    rule: EarlyStopping | None
    epoch: int | None = None
    value: tuple[float, float] = (float("inf"), float("inf"))
    parameters: Parameters | None = field(default=None, repr=False)

    def see(self, record: Epoch, parameters: Parameters) -> None:
        """Take note of an epoch."""
        if record.dev_error is None or record.dev_cost is None:
            return
        value = (record.dev_error, record.dev_cost)
        least = 0.0
        if self.rule is not None:
            least = self.rule.min_improvement
            if self.rule.monitor == "dev_cost":
                value = (record.dev_cost, record.dev_error)
            elif self.rule.monitor == "goal" and record.dev_goal is not None:
                value = (record.dev_goal, record.dev_cost)
        if self.epoch is not None and not (value[0] < self.value[0] - least or (least == 0 and value < self.value)):
            return
        self.epoch, self.value = record.epoch, value
        if self.rule is not None:
            self.parameters = parameters.clone() if self.parameters is None else self.parameters.copy_(parameters)

    def out_of_patience(self, epoch: int) -> bool:
        """Whether early stopping ends the training after ``epoch``."""
        return self.rule is not None and self.epoch is not None and epoch - self.epoch >= self.rule.patience
