"""Trainings of one network in other ways: each with one thing changed, beside the training itself, for a few seconds.

What is alike trains at once as a population; the rest one after another. What a change does is measured on the same
training and dev examples as the run's own network, example by example.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from leadline.equations.losses import LOSSES
from leadline.network import Network, Parameters
from leadline.training import Epoch, Examples, FitResult, TrainingSettings, fit
from leadline.training.evaluate import outputs
from leadline.training.population import PopulationTrainer, ResolvedMember, kind
from leadline.training.threads import limited_threads, threads_for

MEASURED_EXAMPLES = 4_000  # of the training set, on which the training error is measured


@dataclass(frozen=True, eq=False)
class ProbedTraining:
    """A finished training and what it takes to repeat it otherwise.

    Attributes:
        network: that is repeated; of an ensemble one member, which takes a fraction of the time.
        loss: a name of `leadline.equations.losses.LOSSES`.
        settings: of the training.
        train: the training examples.
        dev: the dev examples.
        parameters: θ as it was kept, of ``trained``.
        history: one record for each epoch.
        stopped: why training ended.
        seconds: how long it took.
        standardized: makes training and dev examples with inputs (x − μ)/σ; None where the inputs were normalized.
        unit: of the errors: "%" for fractions wrong, else the target's.
        scale: what a regression's errors are multiplied by to be in that unit.
        image_shape: (height, width, channels) where the inputs are images; None where they are not.
        ensemble: of ``network``, that was trained; None where ``network`` itself was.

    """

    network: Network
    loss: str
    settings: TrainingSettings
    train: Examples
    dev: Examples
    parameters: Parameters
    history: Sequence[Epoch]
    stopped: str = "epochs"
    seconds: float = 0.0
    standardized: Callable[[], tuple[Examples, Examples]] | None = None
    unit: str = "%"
    scale: float = 1.0
    image_shape: tuple[int, ...] | None = None
    ensemble: Network | None = None

    @property
    def trained(self) -> Network:
        """The network that was trained."""
        return self.network if self.ensemble is None else self.ensemble

    @property
    def seconds_alone(self) -> float:
        """What repeating it once takes."""
        return self.seconds / self.trained.members


@dataclass(frozen=True, eq=False)
class Candidate:
    """One other way to train.

    Attributes:
        code: of the finding that it would show.
        cause: what is wrong, as a sentence without its end.
        name: what is changed: it follows "with".
        step: what to do, as a sentence without its end.
        network: that is trained.
        settings: of its training.
        change: keys of the experiment that do the same.
        standardized: whether it is given standardized inputs.
        generalizes: whether it is tried for the dev error alone, for it need not fit the training set better.

    """

    code: str
    cause: str
    name: str
    step: str
    network: Network
    settings: TrainingSettings
    change: Mapping[str, Any] = field(default_factory=dict)
    standardized: bool = False
    generalizes: bool = False

    def with_seed(self, seed: int) -> Candidate:
        """The same with another seed."""
        return replace(self, settings=replace(self.settings, seed=seed))


@dataclass(frozen=True, eq=False)
class Losses:
    """Errors of one network, example by example: 0 or 1, or squared; on training (m,) and on dev examples (m,).

    ``epochs`` were trained; ``in_full`` says that the training came to its own end.
    """

    train: Tensor
    dev: Tensor
    epochs: int = 0
    in_full: bool = True


def losses_of(training: ProbedTraining, network: Network, parameters: Parameters, standardized: bool = False) -> Losses:
    """The errors of a network with these parameters."""
    train, dev = training.train, training.dev
    if standardized and training.standardized is not None:
        train, dev = training.standardized()
    error, network = LOSSES[training.loss].error, network.for_loss(training.loss)
    rows = _some(len(train))

    def measured(examples: Examples, x: Tensor, y: Tensor) -> Tensor:
        return error(outputs(network, parameters, x), y).double().cpu()

    return Losses(measured(train, train.x[rows], train.y[rows]), measured(dev, dev.x, dev.y))


def part_of(training: ProbedTraining, rows: Tensor) -> ProbedTraining:
    """The training with these of its training examples, positions (p,)."""

    def chosen(examples: Examples) -> Examples:
        weights = None if examples.weights is None else examples.weights[rows]
        return replace(examples, x=examples.x[rows], y=examples.y[rows], weights=weights)

    def standardized() -> tuple[Examples, Examples]:
        assert training.standardized is not None
        train, dev = training.standardized()
        return chosen(train), dev

    scaled = None if training.standardized is None else standardized
    return replace(training, train=chosen(training.train), standardized=scaled)


class Deadline:
    """An end in seconds that the processor works, as in `Budget`, and at the latest in seconds that pass."""

    def __init__(self, seconds: float, longest: float = 60.0) -> None:
        self.begun, self.seconds = time.process_time(), seconds
        self.latest = time.monotonic() + longest

    @property
    def used(self) -> float:
        """The share of the time that is used; 1 or more where it is over."""
        if time.monotonic() >= self.latest:
            return 1.0
        return (time.process_time() - self.begun) / self.seconds if self.seconds > 0 else 1.0


def retrain(training: ProbedTraining, candidates: Sequence[Candidate], seconds: float) -> list[Losses | None]:
    """Train every candidate within these seconds in all; None for one that diverged or had no time.

    Those whose time ends before their epochs do are measured as they then are.
    """
    found: list[Losses | None] = [None] * len(candidates)
    groups = _groups(candidates)
    weights = [sum(_work(training, candidates[i]) for i in group) for group in groups]
    for k, group in enumerate(groups):
        started = time.process_time()
        fits = _fits(training, [candidates[i] for i in group], seconds * weights[k] / sum(weights[k:]))
        for i, each in zip(group, fits, strict=True):
            if each is not None and each.history and each.stopped != "diverged":
                chosen = losses_of(training, each.network, each.parameters, candidates[i].standardized)
                if bool(torch.isfinite(chosen.dev).all()) and bool(torch.isfinite(chosen.train).all()):
                    found[i] = replace(chosen, epochs=len(each.history), in_full=each.stopped != "request")
        seconds = max(seconds - (time.process_time() - started), 0.05)
    return found


def _groups(candidates: Sequence[Candidate]) -> list[list[int]]:
    """Positions of candidates that can train at once; each that cannot is a group of its own."""
    groups: dict[Any, list[int]] = {}
    for i, candidate in enumerate(candidates):
        own = kind(ResolvedMember(candidate.network, candidate.settings))
        groups.setdefault(i if own is None else (own, candidate.standardized), []).append(i)
    return list(groups.values())


def _work(training: ProbedTraining, candidate: Candidate) -> float:
    """What a candidate takes beside others, roughly: products for an example and a constant, times epochs."""
    shape, products = tuple(training.train.x.shape[1:]), 0
    for layer in candidate.network.layers:
        products += layer.flops(shape) // 2
        shape = layer.output_shape(shape)
    return (20_000 + products) * max(candidate.settings.epochs, 1)


def _fits(training: ProbedTraining, candidates: Sequence[Candidate], seconds: float) -> list[FitResult | None]:
    train, dev = training.train, training.dev
    if candidates[0].standardized and training.standardized is not None:
        train, dev = training.standardized()
    singles = [ResolvedMember(candidate.network, candidate.settings) for candidate in candidates]
    shape, batch = tuple(train.x.shape[1:]), training.settings.batch_size or len(train)
    with limited_threads(threads_for(singles[0].network, shape, batch)):
        if kind(singles[0]) is None or train.weights is not None:
            share = seconds / len(singles)
            return [_alone(training.loss, each, train, dev, Deadline(share)) for each in singles]
        return _at_once(training.loss, singles, train, dev, Deadline(seconds))


def _at_once(
    loss: str, singles: Sequence[ResolvedMember], train: Examples, dev: Examples, deadline: Deadline
) -> list[FitResult | None]:
    """Train a population; where its time will not suffice for all epochs, the worse half leaves twice on the way."""
    trainer = PopulationTrainer(singles, loss, train, dev)
    epochs, halvings = max(each.settings.epochs for each in singles), [0.25, 0.5]
    while trainer.active and deadline.used < 1:
        records = trainer.run_epoch()
        used = deadline.used
        if halvings and used > halvings[0]:
            del halvings[0]
            if used / trainer.epoch * epochs > 1:
                trainer.retire(set(_worse_half(records)) & set(trainer.active))
    if trainer.active:
        trainer.retire(trainer.active)
    return list(trainer.results())


def _worse_half(records: Mapping[int, Epoch]) -> list[int]:
    """Members with the higher dev costs (successive halving; Jamieson and Talwalkar, 2016)."""
    order = sorted(records, key=lambda i: records[i].dev_cost or 0.0)
    return order[-(-len(order) // 2) :]


def _alone(loss: str, single: ResolvedMember, train: Examples, dev: Examples, deadline: Deadline) -> FitResult | None:
    if deadline.used >= 1:
        return None

    def over(_: Epoch, __: object) -> bool:
        return deadline.used >= 1

    return fit(single.network, loss, train, dev, single.settings, on_epoch=over)


def _some(m: int) -> Tensor:
    """Positions of some of m examples, always the same."""
    if m <= MEASURED_EXAMPLES:
        return torch.arange(m)
    return torch.randperm(m, generator=torch.Generator().manual_seed(0))[:MEASURED_EXAMPLES].sort().values
