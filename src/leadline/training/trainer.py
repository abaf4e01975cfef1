"""The training loop: the whole data set on the device, batches by index, nothing in a step that can be outside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from leadline.equations.losses import LOSSES
from leadline.network import Network, Parameters
from leadline.training.batches import Augment, Batches, batch_slices, default_batch_size, epoch_order, order_by_length
from leadline.training.checks import check_problem
from leadline.training.class_weights import check_class_weights, example_weights
from leadline.training.compiled import CompiledSteps
from leadline.training.divergence import DivergenceGuard, Steps
from leadline.training.evaluate import cost_and_error, outputs
from leadline.training.interruption import Interrupted
from leadline.training.objective import Objective
from leadline.training.regularization import check_smoothing, regularization_at
from leadline.training.settings import TrainingSettings
from leadline.training.state import EpochProgress, tensors_below
from leadline.training.stream import Stream

# Outputs (m, k) and targets → what a set is judged by; less is better.
Goal = Callable[[Tensor, Tensor], float]
# Cost and error of a dev set, and what it is judged by where that is monitored; all None without a dev set.
DevMeasure = tuple[float | None, float | None, float | None]
STEPS_BETWEEN_LOOKS = 64  # costs are computed, and checked, for this many steps at once


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training set brought; an error is the fraction wrong, or the RMSE in training units.

    ``cost`` (penalties included) and ``train_error`` are means over the epoch's batches, each taken before its
    update; ``penalty`` is the part of the cost that the penalties have, which ``dev_cost`` is without. ``dev_goal`` is
    `Examples.goal` of the dev set, where early stopping monitors it.
    """

    epoch: int
    cost: float
    train_error: float
    dev_cost: float | None
    dev_error: float | None
    learning_rate: float
    steps: int
    seconds: float
    penalty: float = 0.0
    dev_goal: float | None = None

    @classmethod
    def of(
        cls, epoch: int, means: Sequence[float], dev: DevMeasure, learning_rate: float, steps: int, seconds: float
    ) -> Epoch:
        """An epoch from its ``means`` (cost, error, penalty) and from what `measure_dev` gave."""
        (cost, error, penalty), (dev_cost, dev_error, dev_goal) = means, dev
        return cls(epoch, cost, error, dev_cost, dev_error, learning_rate, steps, seconds, penalty, dev_goal)


@dataclass(frozen=True)
class Examples:
    """One set: inputs (m, …) and targets, as tensors on the device of training.

    ``weights`` (m,) say how much each example counts in the cost; None counts all alike. ``goal`` maps outputs (m, k)
    and targets to what a set for measuring is judged by, where that is another number than its error: less is better.
    """

    x: Tensor
    y: Tensor
    weights: Tensor | None = None
    goal: Goal | None = None

    def __len__(self) -> int:
        return len(self.x)

    @classmethod
    def of(
        cls,
        x: object,
        y: object,
        settings: TrainingSettings,
        weights: object = None,
        goal: Goal | None = None,
    ) -> Examples:
        """Take arrays or tensors to the device and precision of training; class indices stay integers."""
        inputs, targets = torch.as_tensor(x), torch.as_tensor(y)
        targets = targets.to(settings.dtype) if targets.is_floating_point() else targets.to(torch.int64)
        weighed = None if weights is None else torch.as_tensor(weights).to(settings.device, settings.dtype)
        return cls(inputs.to(settings.device, settings.dtype), targets.to(settings.device), weighed, goal)


class Trainer:
    """One training in progress, an epoch at a time; θ is ``parameters``, moved in place.

    ``on_progress(step, steps, cost)`` is called now and then while an epoch goes on. ``augment`` varies the inputs of
    training batches; the dev set is measured as it is. An epoch that is under way has its ``progress``, so that it can
    go on after an end (`leadline.training.state`): ``between_steps`` is called where that is possible, and
    ``must_stop`` asked after each step.
    """

    def __init__(
        self,
        network: Network,
        loss: str,
        train: Examples | Stream,
        dev: Examples | Stream | None,
        settings: TrainingSettings,
        parameters: Parameters,
        on_progress: Callable[[int, int, float], None] | None = None,
        augment: Augment | None = None,
    ) -> None:
        m = len(train)
        shown = train.sample if isinstance(train, Stream) else train
        self.network, self.loss, self.settings = network.for_loss(loss), loss, settings
        self.output_shape = self.network.shapes(tuple(shown.x.shape[1:]))[-1]
        self.train, self.dev, self.parameters, self.on_progress = train, dev, parameters, on_progress
        self.augment = augment
        self.epoch = self.step = 0
        self.progress: EpochProgress | None = None
        self.between_steps: Callable[[], None] = lambda: None
        self.must_stop: Callable[[], bool] = lambda: False
        self._began = 0.0
        self.gradient_norm = float("inf")
        check_smoothing(settings, loss)
        check_class_weights(settings, loss, self.output_shape[-1])
        self.batch_size = min(m, settings.batch_size or default_batch_size(m))
        check_problem(network, loss, shown.x, shown.y, min(self.batch_size, len(shown)))
        self.slices = batch_slices(m, self.batch_size)
        lengths = None if isinstance(train, Stream) else self.network.lengths(train.x)
        self.lengths = None if lengths is None else lengths.cpu()
        self.order_random = torch.Generator().manual_seed(settings.seed)
        noise = torch.Generator(settings.device).manual_seed(settings.seed)
        self.objective = Objective(self.network, loss, parameters, settings.l2, settings.l1, settings.clip_norm, noise)
        self.state = settings.optimizer.start(parameters.theta, parameters.layout.n_penalized)
        generators = () if augment is None else (augment.generator,)
        self.guard = DivergenceGuard(self.objective, settings.optimizer, self.state, generators)
        self.batches = self._batches(shown)
        self.compiled = self._compiled(shown)

    def _batches(self, examples: Examples) -> Batches:
        """The examples, or one chunk of them, ready to be gathered; each counts by its class and its own weight."""
        weights = example_weights(self.settings, examples.y, examples.weights)
        return Batches(examples.x, examples.y, self.batch_size, weights, self.augment)

    def run_epoch(self) -> Epoch:
        """Visit every example once, in a new order unless the batch is the whole set, then measure on the dev set.

        Raises `DivergenceError` as soon as a cost is not finite, with θ back at its last good values.
        """
        progress = self.progress or EpochProgress(self.order_random.get_state(), self._rate(self.step))
        self.progress, self._began = progress, time.perf_counter() - progress.seconds
        if isinstance(self.train, Stream):
            self._stream(self.train, progress)
        else:
            self._visit(self.slices, self._order(), progress)
        cost, error, penalty = (progress.total / len(self.train)).tolist()
        error = error ** (1 / LOSSES[self.loss].error_power)
        self.epoch += 1
        self.progress = None
        dev = measure_dev(self.network, self.parameters, self.loss, self.dev, self.settings, self.batch_size)
        seconds = time.perf_counter() - self._began
        return Epoch.of(self.epoch, (cost, error, penalty), dev, progress.rate, len(self.slices), seconds)

    def _visit(self, slices: list[slice], order: Tensor | None, progress: EpochProgress) -> None:
        """Do the steps of these batches, cut from ``order``, that are not done yet.

        Raises `Interrupted` after the step during which somebody asked for the end.
        """
        regularization = regularization_at(self.settings, self.epoch)
        self.objective.regularize(regularization)
        while progress.batches < len(slices):
            # Looks are at the same steps wherever an epoch goes on: batches are varied in groups between them.
            look = (progress.batches // STEPS_BETWEEN_LOOKS + 1) * STEPS_BETWEEN_LOOKS
            batches = slices[progress.batches : look]
            rates = [self._rate(self.step + k) for k in range(len(batches))]
            examples = None if order is None else order[batches[0].start : batches[-1].stop]
            self._run(Steps(examples, rates, regularization), progress)
            progress.seconds = time.perf_counter() - self._began
            if self.on_progress and not isinstance(self.train, Stream):
                self.on_progress(progress.batches, len(slices), float(progress.total[0]) / progress.seen)
            if self.must_stop():
                raise Interrupted
            self.between_steps()

    def _stream(self, stream: Stream, progress: EpochProgress) -> None:
        """Visit one chunk after another, but those that were visited already."""
        for chunk in islice(stream.chunks(self.epoch, self.batch_size), progress.chunks, None):
            self.batches = self._batches(chunk)
            self.guard.forget()
            order = torch.arange(len(chunk), device=chunk.x.device)
            self._visit(batch_slices(len(chunk), self.batch_size), order, progress)
            progress.chunks, progress.batches = progress.chunks + 1, 0
            if self.on_progress:
                steps = -(-progress.seen // self.batch_size)
                self.on_progress(steps, len(self.slices), float(progress.total[0]) / progress.seen)

    def _rate(self, step: int) -> float:
        """The learning rate of one update of this epoch, by the schedule."""
        rate = self.settings.schedule(self.settings.optimizer.learning_rate, self.epoch, step)
        return rate.item() if isinstance(rate, Tensor) else rate

    def _order(self) -> Tensor | None:
        """The examples in the order of this epoch; None when the batch is the whole set and order does not matter."""
        if len(self.slices) == 1:
            return None
        order = epoch_order(len(self.train), self.order_random)
        if self.lengths is not None:
            order = order_by_length(order, self.lengths, self.batch_size, self.order_random)
        return order.to(self.settings.device)

    def _compiled(self, shown: Examples) -> CompiledSteps | None:
        """The steps as one compiled call, where that is the same and quicker."""
        if self.augment is not None or self.batches.weights is not None or not shown.x.is_contiguous():
            return None
        steps, input_shape = self.settings.epochs * len(self.slices), tuple(shown.x.shape[1:])
        return CompiledSteps.of(
            self.objective, self.loss, self.settings, self.state, input_shape, self.batch_size, steps
        )

    def _run(self, steps: Steps, progress: EpochProgress) -> None:
        """Do these steps, or those before somebody asks for the end, and add what they bring to the epoch's."""
        penalty = self.objective.penalty(self.batch_size)
        y_all = self.batches.targets(steps.examples)
        weights = self.batches.weights_of(steps.examples)
        z_all = self.parameters.theta.new_empty(len(y_all), *self.output_shape)
        self.guard.watch(steps)
        if self.compiled is None:
            done, seen = self._step_by_step(steps, y_all, weights, z_all)
        else:
            smoothing = steps.regularization.smoothing
            self.compiled.run(self.batches, steps.examples, y_all, steps.rates, smoothing, z_all)
            done, seen = len(steps.rates), len(y_all)
        self.step += done
        progress.batches, progress.seen = progress.batches + done, progress.seen + seen
        loss = LOSSES[self.loss]
        z_seen, y_seen = z_all[:seen], y_all[:seen]
        cost = loss.cost(z_seen, y_seen, None if weights is None else weights[:seen]) + penalty
        if not torch.isfinite(cost):
            raise self.guard.explain(self.batches, self.epoch)
        if self.settings.gradient_tolerance is not None:
            self.gradient_norm = float(torch.linalg.vector_norm(self.objective.gradients.theta))
        measured = torch.stack([cost, loss.error(z_seen, y_seen).mean(), cost.new_zeros(()) + penalty])
        progress.total += measured.double().cpu() * seen

    def _step_by_step(self, steps: Steps, y_all: Tensor, weights: Tensor | None, z_all: Tensor) -> tuple[int, int]:
        """Do the steps one after another, with the outputs before each in ``z_all``; how many, with what examples."""
        objective, optimizer = self.objective, self.settings.optimizer
        theta, state = self.parameters.theta, self.state
        done = seen = 0
        for (x, y, w), z_kept, rate in zip(
            self.batches.of(steps.examples, y_all, weights), z_all.split(self.batch_size), steps.rates, strict=True
        ):
            z = objective.output(x)
            z_kept.copy_(z)
            optimizer.update(theta, objective.gradient(z, y, w), state, rate)
            done, seen = done + 1, seen + len(y)
            if done % self.batches.at_once == 0 and self.must_stop():
                break
        return done, seen

    def remembered(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """What is saved besides the parameters (`leadline.training.state.Resumable`)."""
        progress, noise = self.progress, self.objective.generator
        tensors = {f"optimizer.{name}": tensor for name, tensor in self.state.tensors().items()}
        tensors["random.order"] = self.order_random.get_state() if progress is None else progress.order
        if noise is not None:
            tensors["random.noise"] = noise.get_state()
        if self.augment is not None:
            tensors["random.augment"] = self.augment.generator.get_state()
        values = {"epoch": self.epoch, "step": self.step, "gradient_norm": self.gradient_norm}
        done = ({}, {}) if progress is None else progress.remembered()
        return tensors | done[0], values | done[1]

    def continue_from(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
        """Take back what was saved besides the parameters."""
        self.state.load(tensors_below("optimizer.", tensors))
        self.order_random.set_state(tensors["random.order"])
        if self.objective.generator is not None:
            self.objective.generator.set_state(tensors["random.noise"])
        if self.augment is not None:
            self.augment.generator.set_state(tensors["random.augment"])
        self.epoch, self.step = int(values["epoch"]), int(values["step"])
        self.gradient_norm = float(values["gradient_norm"])
        self.progress = EpochProgress.of(tensors, values)
        self.guard.restart()


def measure_dev(
    network: Network,
    parameters: Parameters,
    loss: str,
    dev: Examples | Stream | None,
    settings: TrainingSettings,
    batch_size: int,
) -> DevMeasure:
    """Cost and error of the dev set, and what it is judged by where that is monitored."""
    if dev is None or len(dev) == 0:
        return None, None, None
    if isinstance(dev, Stream):
        return _measure_stream(network, parameters, loss, dev, settings, batch_size)
    z = outputs(network, parameters, dev.x)
    goal = monitored_goal(settings, dev)
    weights = example_weights(settings, dev.y)
    return *cost_and_error(loss, z, dev.y, weights), None if goal is None else goal(z, dev.y)


def _measure_stream(
    network: Network, parameters: Parameters, loss: str, dev: Stream, settings: TrainingSettings, batch_size: int
) -> DevMeasure:
    """The same of a set that comes in chunks: means over examples, or for regression the root of one."""
    power = LOSSES[loss].error_power
    cost = error = counted = 0.0
    goal, kept = monitored_goal(settings, dev.sample), []
    for chunk in dev.chunks(0, batch_size):
        z = outputs(network, parameters, chunk.x)
        weights = example_weights(settings, chunk.y)
        totals = cost_and_error(loss, z, chunk.y, weights)
        share = len(chunk) if weights is None else float(weights.sum())
        cost, counted = cost + totals[0] * share, counted + share
        error += totals[1] ** power * len(chunk) / len(dev)
        if goal is not None:
            kept.append((z, chunk.y.clone()))
    judged = None if goal is None else goal(*(torch.cat(parts) for parts in zip(*kept, strict=True)))
    return cost / counted, error ** (1 / power), judged


def monitored_goal(settings: TrainingSettings, dev: Examples) -> Goal | None:
    """What early stopping needs of the dev set after each epoch, besides cost and error."""
    rule = settings.early_stopping
    return dev.goal if rule is not None and rule.monitor == "goal" else None
