"""What every update rule has in common: it is a value, it starts a state, it moves θ in place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from leadline.equations.averages import Number
from leadline.errors import LeadlineError, UsageError
from leadline.extensions import Extension, Registry, registry
from leadline.optimize.checks import fraction, positive, switch


class State:
    """What an update rule remembers between two updates of one θ.

    ``step`` counts the updates done; ``averages`` holds tensors of θ's shape by name. Weight decay applies to
    the first ``n_penalized`` parameters along θ's last axis.
    """

    def __init__(self, theta: Tensor, averages: Sequence[str], n_penalized: int, fused: bool) -> None:
        self.step = 0
        self.averages = {name: torch.zeros_like(theta) for name in averages}
        self.n_penalized = n_penalized
        self.fused = fused
        self.clock = torch.zeros((), device=theta.device, dtype=torch.float32)  # the step as kernels read it
        self._scratch: Tensor | None = None

    def __getitem__(self, name: str) -> Tensor:
        return self.averages[name]

    def scratch(self, like: Tensor) -> Tensor:
        """A work buffer of θ's shape, made when first asked for and reused in every update."""
        if self._scratch is None:
            self._scratch = torch.zeros_like(like)  # not empty: a kernel may multiply what it finds by 0
        return self._scratch

    def tensors(self) -> dict[str, Tensor]:
        """All there is to save: the averages by name and ``step`` as an int64 scalar."""
        return {"step": torch.tensor(self.step), **self.averages}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Continue from saved tensors; raises `LeadlineError` where names or shapes are not this state's."""
        expected = {"step", *self.averages}
        if set(tensors) != expected:
            got, needed = ", ".join(sorted(tensors)), ", ".join(sorted(expected))
            raise LeadlineError(f"The saved optimizer state holds {got}; needed: {needed}.")
        for name, average in self.averages.items():
            if tensors[name].shape != average.shape:
                got, needed = tuple(tensors[name].shape), tuple(average.shape)
                raise LeadlineError(f"The saved optimizer state '{name}' has shape {got}; needed: {needed}.")
        for name, average in self.averages.items():
            average.copy_(tensors[name])
        self.step = int(tensors["step"])
        self._scratch = None


@dataclass(frozen=True)
class Optimizer(Extension, ABC, kind="optimizer"):
    """An update rule: its hyper-parameters and nothing else.

    A hyper-parameter is a float, or a tensor (P, 1) with one value for each member of a population θ (P, n).
    A rule is used as ``state = rule.start(theta)`` and then, once per mini-batch,
    ``rule.update(theta, gradient, state, learning_rate)``. What the rule remembers is in the state alone,
    so one rule may drive many networks. Wrong values raise `UsageError` when the rule is made.
    """

    learning_rate: Number = 0.01

    name: ClassVar[str]
    """What experiment files call the rule."""
    averages: ClassVar[tuple[str, ...]] = ()
    """The names of the tensors that the rule remembers."""

    def __post_init__(self) -> None:
        positive("learning_rate", self.learning_rate)
        for field in fields(self):
            if field.name.startswith("beta"):
                fraction(field.name, getattr(self, field.name))
            elif isinstance(field.default, bool):
                switch(field.name, getattr(self, field.name))

    def start(self, theta: Tensor, n_penalized: int | None = None) -> State:
        """The state before the first update of θ, (n,) or (P, n); by default all parameters are penalized."""
        n_penalized = theta.shape[-1] if n_penalized is None else n_penalized
        return State(theta, self.averages, n_penalized, fused=self.has_kernel and theta.is_contiguous())

    def update(self, theta: Tensor, gradient: Tensor, state: State, learning_rate: Number | None = None) -> None:
        """Move θ one step down the gradient, in place; both (n,) or both (P, n).

        ``learning_rate`` is what the schedule says now (float or (P, 1)), the rule's own by default.
        """
        rate = self.learning_rate if learning_rate is None else learning_rate
        state.step += 1
        if state.fused and not isinstance(rate, Tensor):
            self.fused(theta, gradient, state, rate)
        else:
            self.equation(theta, gradient, state, rate)

    @property
    def has_kernel(self) -> bool:
        """Whether `fused` computes this rule: a kernel takes one number for all members, and a parent's equation."""
        kinds = [kind for kind in type(self).__mro__ if {"equation", "fused"} & vars(kind).keys()]
        if "fused" not in vars(kinds[0]) and type(self).fused is not Optimizer.fused:
            return False
        return not any(isinstance(value, Tensor) for value in self._values().values())

    @abstractmethod
    def equation(self, theta: Tensor, gradient: Tensor, state: State, rate: Number) -> None:
        """The rule as its equation says, one vector operation after another; ``state.step`` is t ≥ 1."""

    def fused(self, theta: Tensor, gradient: Tensor, state: State, rate: float) -> None:
        """The same rule by one of torch's kernels that pass over memory once, where there is one."""
        self.equation(theta, gradient, state, rate)

    @classmethod
    def stack(cls, members: Sequence[Self]) -> Self:
        """One rule for a population from one rule of this class per member.

        What all members share stays a number; what differs becomes a float64 tensor (P, 1).
        """
        merged: dict[str, Any] = {}
        for field in fields(cls):
            values = [getattr(member, field.name) for member in members]
            if all(value == values[0] for value in values):
                continue
            if any(isinstance(value, bool) for value in values):
                raise UsageError(f"{field.name} must be the same for all members of a population.")
            merged[field.name] = torch.tensor(values, dtype=torch.float64).unsqueeze(1)
        return replace(members[0], **merged)

    def to_config(self) -> dict[str, Any]:
        """The table of an experiment file: ``type`` and the hyper-parameters without the learning rate.

        A hyper-parameter that differs in a population becomes the list of its P values.
        """
        values = {name: value for name, value in self._values().items() if name != "learning_rate"}
        lists = {
            name: value.flatten().tolist() if isinstance(value, Tensor) else value for name, value in values.items()
        }
        return {"type": OPTIMIZERS.name_of(self), **lists}

    def _values(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


OPTIMIZERS: Registry[type[Optimizer]] = registry("optimizer")
"""The update rules by their names in experiment files."""


def descend(theta: Tensor, direction: Tensor, rate: Number) -> None:
    """``θ = θ − α d`` in place, with one α or one for each member."""
    if isinstance(rate, Tensor):
        theta.addcmul_(direction, rate.to(theta), value=-1)
    else:
        theta.add_(direction, alpha=-rate)
