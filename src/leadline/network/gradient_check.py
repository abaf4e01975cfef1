"""Gradient checking (course 2, setting up the optimization): what backward computes against differences of the cost.

Three kinds of derivative are compared by ``‖a − b‖/(‖a‖ + ‖b‖)``, in float64; it is below 1e-7 where backward is right:

- of the cost J, penalties included, by every parameter: the check of the course, on the flat vector θ;
- of every layer by its *input*, for that layer alone, ``Σ d_y ∘ layer(x)`` with a fixed d_y: what it hands down;
- of the loss by the network's output, and of each penalty by θ.

The first finds any error; the others tell whose it is, since an error in one layer's input derivative spoils the
gradients of all layers below. Where a start is constant (biases, γ and β), the check is made near it and not
at it: a forgotten factor γ does not show while γ is 1. Dropout keeps one mask; batch normalization its statistics.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import numpy as np
import torch
from torch import Tensor

from leadline.equations.initialization import fan_in
from leadline.equations.losses import LOSSES
from leadline.equations.penalties import l1_penalty, l1_penalty_backward, l2_penalty, l2_penalty_backward
from leadline.errors import LeadlineError, UsageError
from leadline.network.differences import Differences, differences
from leadline.network.gradient_rows import GradientCheck, GradientRow, blame, compare
from leadline.network.layer import ParameterSpec
from leadline.network.network import Network
from leadline.network.parameters import Parameters, Slot
from leadline.network.targets import check_batches, check_targets

Array = Tensor | np.ndarray


def gradient_check(
    network: Network,
    x: Array,
    y: Array,
    loss: str,
    l2: float = 0.0,
    l1: float = 0.0,
    seed: int = 0,
    epsilon: float = 1e-7,
    entries: int = 40,
    parameters: Parameters | None = None,
) -> GradientCheck:
    """Check every derivative of ``network`` and ``loss`` on a batch ``x`` (m, …) with targets ``y``; print the result.

    Of each tensor, ``entries`` entries are checked, drawn by ``seed`` (all of them where it has fewer); a dozen
    examples are enough, and a few seconds. ``epsilon`` is the smallest step. ``parameters`` are checked where they
    are; without them a start is drawn. Raises `LeadlineError`, before any computation, where something does not fit.
    """
    if not 0 < epsilon <= 1e-3:
        raise UsageError(f"epsilon must be greater than 0 and at most 0.001, got {epsilon!r}")
    if not isinstance(entries, int) or entries < 1:
        raise UsageError(f"entries must be a whole number of at least 1, got {entries!r}")
    inputs, targets = torch.as_tensor(x).to(torch.float64).contiguous(), torch.as_tensor(y)
    if targets.is_floating_point() or LOSSES.lookup(loss).task != "multiclass":
        targets = targets.to(torch.float64)
    check_targets(network, loss, inputs, targets)
    check_batches(network, tuple(inputs.shape[1:]), len(inputs), len(inputs))
    network = network.for_loss(loss)
    if parameters is None:
        parameters = start_near(network, tuple(inputs.shape[1:]), seed).to(inputs.device)
    check = _Check(network, loss, inputs, targets, parameters.to(inputs.device, torch.float64).clone(), l2, l1)
    check.draw = _Draw(seed, epsilon, entries)
    return GradientCheck(tuple(blame(check.rows())), len(inputs), epsilon)


def start_near(network: Network, input_shape: tuple[int, ...], seed: int) -> Parameters:
    """The network's start in float64, with small random numbers added where a parameter starts constant."""
    parameters = network.initialize(input_shape, seed, torch.float64)
    random = torch.Generator().manual_seed(seed + 1)
    for slot in parameters.layout.slots:
        if slot.parameter.std == 0:
            view = parameters.view(slot)
            view.add_(torch.randn(view.shape, dtype=torch.float64, generator=random) * _nudge(slot.parameter))
    return parameters


def _nudge(parameter: ParameterSpec) -> float:
    return 0.1 if len(parameter.shape) < 2 else fan_in(parameter.shape) ** -0.5


@dataclass(frozen=True)
class _Draw:
    """Which entries of a tensor are checked, and by which steps."""

    seed: int
    epsilon: float
    entries: int

    def differences(self, cost: Callable[[], float], variable: Tensor, size: float) -> Differences:
        """The derivatives of ``cost()`` by a sample of ``variable``."""
        random = torch.Generator().manual_seed(self.seed)
        sample = torch.randperm(variable.numel(), generator=random)[: self.entries].sort().values
        return differences(cost, variable, sample, self.epsilon, size)


class _Check:
    """One network at one point: passes that keep what they need, and a row for each tensor."""

    draw: _Draw

    def __init__(
        self, network: Network, loss: str, x: Tensor, y: Tensor, parameters: Parameters, l2: float, l1: float
    ) -> None:
        self.network, self.loss, self.y, self.m = network, LOSSES[loss], y, len(x)
        self.loss_name = loss
        self.parameters, self.l2, self.l1 = parameters, l2, l1
        generator = torch.Generator(x.device).manual_seed(0)
        self.memories = [
            replace(memory, needs_input_gradient=True, fixed_noise=True)
            for memory in network.memories(parameters, training=True, generator=generator)
        ]
        self.inputs = [x]  # of each layer; the last is the network's output
        for i in range(len(network)):
            self.inputs.append(self._forward(i, self.inputs[i]).clone())
        self._check_repeatable()
        self.gradients = parameters.zeros_like()
        self.d_outputs = self._backward()

    def rows(self) -> list[GradientRow]:
        """Every comparison, in the order of the network."""
        rows = []
        for i in range(len(self.network)):
            rows += [self._parameter_row(slot) for slot in self.parameters.layout.slots if slot.layer == i]
            rows.append(self._input_row(i))
        return [*rows, self._loss_row(), *self._penalty_rows()]

    # ----- passes

    def _forward(self, i: int, x: Tensor) -> Tensor:
        return self.network.forward_layer(i, self.parameters, x, self.memories)

    def _check_repeatable(self) -> None:
        """A layer that draws new noise in every pass has no cost to differentiate."""
        for i, layer in enumerate(self.network.layers):
            if not torch.equal(self._forward(i, self.inputs[i]), self.inputs[i + 1]):
                raise LeadlineError(
                    f"layers[{i}] {layer}: computes another output when run again on the same inputs; "
                    "while memory.fixed_noise is set, a layer must use its noise of the first pass again"
                )

    def _backward(self) -> list[Tensor]:
        """Fill the gradients, and return the derivative by each layer's input and, last, by the network's output."""
        d_y = self.loss.backward(self.inputs[-1], self.y)
        derivatives = [d_y.clone()]
        for i in range(len(self.network) - 1, -1, -1):
            arguments = (self.parameters.layers[i], self.gradients.layers[i], d_y, self.memories[i])
            d_x = self.network.layers[i].backward(*arguments)
            if d_x is None or d_x.shape != self.inputs[i].shape:
                got = "None" if d_x is None else f"shape {tuple(d_x.shape)}"
                raise LeadlineError(
                    f"layers[{i}] {self.network.layers[i]}: backward must return the derivative by its input, "
                    f"of shape {tuple(self.inputs[i].shape)}; got {got}"
                )
            d_y = d_x.clone()
            derivatives.append(d_x.clone())
        weights, gradient = self._penalized(self.parameters), self._penalized(self.gradients)
        if self.l2:
            l2_penalty_backward(weights, self.l2, self.m, gradient)
        if self.l1:
            l1_penalty_backward(weights, self.l1, self.m, gradient)
        return derivatives[::-1]

    def _penalized(self, parameters: Parameters) -> Tensor:
        return parameters.theta[: self.parameters.layout.n_penalized]

    def _cost(self, slot: Slot) -> float:
        """J by one parameter, but for what it does not change: layers before its own, penalties on other weights."""
        x = self.inputs[slot.layer]
        for i in range(slot.layer, len(self.network)):
            x = self._forward(i, x)
        cost = self.loss.cost(x, self.y)
        weights = self.parameters.view(slot).reshape(-1)
        if self.l2 and slot.parameter.penalized:
            cost = cost + l2_penalty(weights, self.l2, self.m)
        if self.l1 and slot.parameter.penalized:
            cost = cost + l1_penalty(weights, self.l1, self.m)
        return float(cost)

    # ----- rows

    def _parameter_row(self, slot: Slot) -> GradientRow:
        """J by one parameter."""
        size = abs(self._cost(slot)) + float(self.inputs[-1].abs().mean())
        numeric = self.draw.differences(partial(self._cost, slot), self.parameters.view(slot), size)
        layer = str(self.network.layers[slot.layer])
        return compare(slot.key, slot.layer, layer, numeric, self.gradients.view(slot), slot.parameter.penalized)

    def _input_row(self, i: int) -> GradientRow:
        """One layer by its input, the layer alone."""
        d_y, x = self.d_outputs[i + 1], self.inputs[i].clone(memory_format=torch.contiguous_format)
        unit = 1.0 / max(float(d_y.norm()), torch.finfo(torch.float64).tiny)  # a vanished d_y checks as well as any
        d_y = d_y * unit
        size = float((d_y * self.inputs[i + 1]).abs().sum())
        numeric = self.draw.differences(lambda: float((self._forward(i, x) * d_y).sum()), x, size)
        return compare(f"layers.{i}.input", i, str(self.network.layers[i]), numeric, self.d_outputs[i] * unit)

    def _loss_row(self) -> GradientRow:
        """The loss by the output."""
        z = self.inputs[-1].clone()
        cost = cast(Callable[..., Tensor], self.loss.cost)
        size = abs(float(cost(z, self.y))) + float(z.abs().mean())
        numeric = self.draw.differences(lambda: float(cost(z, self.y)), z, size)
        return compare("loss", None, self.loss_name, numeric, self.d_outputs[-1])

    def _penalty_rows(self) -> list[GradientRow]:
        """Each penalty by the penalized part of θ."""
        weights, rows = self._penalized(self.parameters), []
        for name, strength, penalty, backward in (
            ("l2", self.l2, l2_penalty, l2_penalty_backward),
            ("l1", self.l1, l1_penalty, l1_penalty_backward),
        ):
            if strength and len(weights):
                cost = partial(_penalty_value, penalty, weights, strength, self.m)
                numeric = self.draw.differences(cost, weights, cost())
                analytic = backward(weights, strength, self.m, torch.zeros_like(weights))
                rows.append(compare(name, None, f"{name} penalty", numeric, analytic))
        return rows


def _penalty_value(penalty: Callable[..., Tensor], weights: Tensor, strength: float, m: int) -> float:
    return float(penalty(weights, strength, m))
