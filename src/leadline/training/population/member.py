"""The members of a population: what each has of its own, and what it is when it trains alone."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from leadline.errors import LeadlineError, UsageError
from leadline.network import Network
from leadline.network.layer import Layer
from leadline.optimize import Optimizer
from leadline.optimize.schedules import Schedule
from leadline.training.settings import TrainingSettings

SHARED_SETTINGS = ("batch_size", "precision", "device")


@dataclass(frozen=True)
class Member:
    """What one member of a population has of its own; whatever is None it shares with the others.

    ``beta`` is the first β of the update rule (momentum's β, Adam's β₁), ``beta2`` Adam's β₂; other hyper-parameters
    come with ``optimizer``, a whole rule of the same class as the others'. ``keep_prob`` is one number for all dropout
    layers or one for each; ``gain`` multiplies the standard deviation of every dense layer's start. ``subset`` holds
    the indices of the member's training examples (a fold, a fraction): NumPy array, tensor or list. ``label`` is the
    column of the targets (m, k) that the member alone is trained towards; where one member has it, all have.
    """

    seed: int | None = None
    learning_rate: float | None = None
    beta: float | None = None
    beta2: float | None = None
    l2: float | None = None
    l1: float | None = None
    clip_norm: float | None = None
    keep_prob: float | Sequence[float] | None = None
    gain: float | None = None
    epochs: int | None = None
    schedule: Schedule | None = None
    optimizer: Optimizer | None = None
    subset: Any = field(default=None, compare=False, repr=False)
    label: int | None = None

    def resolve(self, network: Network, settings: TrainingSettings) -> ResolvedMember:
        """This member as a network and settings that train alone; raises `UsageError` for values that cannot be."""
        own = {name: getattr(self, name) for name in ("seed", "l2", "l1", "clip_norm", "epochs", "schedule")}
        given = {name: value for name, value in own.items() if value is not None}
        own_settings = replace(settings, optimizer=self._rule(settings.optimizer), **given)
        subset = None if self.subset is None else _indices(self.subset)
        return ResolvedMember(self._network(network), own_settings, subset, self.label)

    def _rule(self, shared: Optimizer) -> Optimizer:
        rule = shared if self.optimizer is None else self.optimizer
        betas = [item.name for item in fields(rule) if item.name in ("beta", "beta1", "beta2")]
        given: dict[str, float] = {}
        if self.learning_rate is not None:
            given["learning_rate"] = self.learning_rate
        for name, value, available in (("beta", self.beta, betas[:1]), ("beta2", self.beta2, betas[1:])):
            if value is None:
                continue
            if not available:
                raise UsageError(f"{name} is given, but {rule.name} has none")
            given[available[0]] = value
        return replace(rule, **given) if given else rule

    def _network(self, network: Network) -> Network:
        layers: list[Layer] = list(network.layers)
        if self.gain is not None:
            for i in _places(layers, "gain"):
                layers[i] = replace(layers[i], gain=self.gain)  # type: ignore[type-var]  # layers are dataclasses
        if self.keep_prob is not None:
            places = _places(layers, "keep_prob")
            for i, keep_prob in zip(places, self._keep_probs(len(places)), strict=True):
                layers[i] = replace(layers[i], keep_prob=keep_prob)  # type: ignore[type-var]
        return Network(layers)

    def _keep_probs(self, n_layers: int) -> list[float]:
        given = self.keep_prob
        values: list[float] = [*given] if isinstance(given, Sequence) else [given or 0.0] * n_layers
        if n_layers == 0:
            raise UsageError("keep_prob is given, but the network has no dropout layer")
        if len(values) != n_layers:
            raise UsageError(f"keep_prob has {len(values)} values, but the network has {n_layers} dropout layers")
        return values


def _places(layers: Sequence[Layer], name: str) -> list[int]:
    """The layers in which members may differ by this field."""
    return [i for i, layer in enumerate(layers) if name in layer.member_fields]


@dataclass(frozen=True, eq=False)
class ResolvedMember:
    """A member as it would train alone: its network, its settings, its examples' indices and its target's column.

    ``subset`` None: all examples; ``label`` None: all columns.
    """

    network: Network
    settings: TrainingSettings
    subset: Tensor | None = None
    label: int | None = None

    def own(self, y: Tensor) -> Tensor:
        """The member's part of targets (m, …)."""
        return y if self.label is None else y[:, self.label : self.label + 1]


def resolve(network: Network, members: Sequence[Member], settings: TrainingSettings) -> list[ResolvedMember]:
    """Every member as a `ResolvedMember`; errors name the member."""
    resolved = []
    for i, member in enumerate(members):
        try:
            resolved.append(member.resolve(network, settings))
        except LeadlineError as error:
            raise UsageError(f"members[{i}]: {error}") from None
    return resolved


def trains_in_population(network: Network) -> bool:
    """Whether every layer can compute for all members of a population at once."""
    return _misfit(network) is None


def _misfit(network: Network) -> int | None:
    """The first layer that has no place in a population; what takes another's place can only stand first."""
    for i, layer in enumerate(network.layers):
        own = layer.in_population if layer.says("in_population") else None
        if own is None or (own is not layer and i > 0):
            return i
    return None


def kind(resolved: ResolvedMember) -> Hashable | None:
    """What members of one population have in common: equal for two that can train together; None: it trains alone."""
    if not trains_in_population(resolved.network):
        return None
    settings = resolved.settings
    shared = (*(getattr(settings, name) for name in SHARED_SETTINGS), settings.class_weights is None)
    return _architecture(resolved.network), shared, type(settings.optimizer), resolved.label is None


def check(members: Sequence[ResolvedMember], n_examples: int) -> None:
    """Raise `UsageError` unless these can train as one population on ``n_examples`` examples."""
    if not members:
        raise UsageError("a population needs at least one member")
    first = members[0]
    misfit = _misfit(first.network)
    if misfit is not None:
        raise UsageError(
            f"a population trains dense networks only, got layers[{misfit}] {first.network.layers[misfit]}"
        )
    for i, resolved in enumerate(members):
        _check_same(i, resolved, first)
        _check_examples(i, resolved, n_examples)


def _check_same(i: int, resolved: ResolvedMember, first: ResolvedMember) -> None:
    if _architecture(resolved.network) != _architecture(first.network):
        raise UsageError(f"members[{i}]: the architecture must be the same for all members of a population")
    for name in SHARED_SETTINGS:
        own, shared = getattr(resolved.settings, name), getattr(first.settings, name)
        if own != shared:
            raise UsageError(f"members[{i}]: {name} must be the same for all members, got {own!r} beside {shared!r}")
    if (resolved.label is None) != (first.label is None):
        raise UsageError(f"members[{i}]: label must be given for all members or for none")
    rule, shared_rule = resolved.settings.optimizer, first.settings.optimizer
    if type(rule) is not type(shared_rule):
        raise UsageError(
            f"members[{i}]: the optimizer's type must be the same for all members, "
            f"got {rule.name} beside {shared_rule.name}"
        )


def _check_examples(i: int, resolved: ResolvedMember, n_examples: int) -> None:
    subset = resolved.subset
    m = n_examples if subset is None else len(subset)
    if m == 0:
        raise UsageError(f"members[{i}]: the subset is empty; a member needs at least one training example")
    if subset is not None and (int(subset.min()) < 0 or int(subset.max()) >= n_examples):
        wrong = int(subset.min()) if int(subset.min()) < 0 else int(subset.max())
        raise UsageError(f"members[{i}]: index {wrong} of the subset is out of range; there are {n_examples} examples")


def _architecture(network: Network) -> tuple[Layer, ...]:
    """The layers without what may differ in a population."""
    return tuple(
        replace(layer, **layer.member_fields) if layer.member_fields else layer  # type: ignore[type-var]
        for layer in network.layers
    )


def _indices(subset: Any) -> Tensor:
    """The indices as int64, on the CPU."""
    indices = torch.as_tensor(subset if isinstance(subset, Tensor) else np.asarray(subset)).cpu()
    if indices.numel() == 0:
        return indices.reshape(0).to(torch.int64)
    if indices.dim() != 1 or indices.is_floating_point() or indices.dtype == torch.bool:
        raise UsageError("a subset must be a list of indices, whole numbers from 0 on")
    return indices.to(torch.int64)
