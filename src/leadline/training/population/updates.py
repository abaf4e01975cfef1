"""The update rule of members whose steps are counted alike, with their own hyper-parameters and learning rates."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from leadline.equations.averages import Number
from leadline.optimize import Adam, RMSprop
from leadline.optimize.optimizer import Optimizer, State
from leadline.optimize.schedules import Constant
from leadline.training.population.member_state import MemberState, number

LARGE = 8_192
"""From so many parameters on, a kernel call for each member costs less than another pass over all members."""
UNIT_STEP_RULES = (Adam, RMSprop)
"""Rules whose step is the learning rate times a direction that θ is no part of, and whose kernel saves many passes."""

LINE = 16
"""Numbers that torch's kernels take at once, at most; what is left at the end they compute, and round, one by one."""


def zeros_with_margin(like: Tensor) -> Tensor:
    """Zeros of that shape with some more behind them, so that `whole_lines` stays in their memory."""
    return like.new_zeros(like.numel() + LINE)[: like.numel()].view(like.shape)


def whole_lines(tensor: Tensor) -> Tensor:
    """The numbers (P, n) as one row, with as many of those behind them in memory as fill the last line.

    A kernel then has nothing left at the end to round otherwise, wherever a member's numbers lie.
    """
    return tensor.as_strided((-(-tensor.numel() // LINE) * LINE,), (1,))


class Update:
    """One rule for some rows of a population; these rows make the same number of updates in an epoch.

    Kernels take one number of each kind. Where members have their own, large members are updated one after another,
    each by its own rule; for small ones the kernel takes a step of rate 1 from zero, and θ moves by the members' rates
    times that, or the rule's equation is applied to all. ``work`` (P, n) is memory for that step, if there is any; like
    the gradient it is from `zeros_with_margin`.
    """

    def __init__(
        self, rows: list[MemberState], theta: Tensor, gradient: Tensor, n_penalized: int, work: Tensor | None
    ) -> None:
        self.rows, self.theta, self.gradient = rows, theta, gradient
        rules = [row.resolved.settings.optimizer for row in rows]
        self.schedules = [row.resolved.settings.schedule for row in rows]
        self._bases = [float(rule.learning_rate) for rule in rules]
        independent = rows[0].independent
        self.base = number(self._bases, theta.device, independent)
        self.rule = type(rules[0]).stack([replace(rule, learning_rate=1.0) for rule in rules])
        self.state: State = self.rule.start(theta, n_penalized)
        self._each: list[tuple[Optimizer, State]] = []
        differing = isinstance(self.base, Tensor) or not self.state.fused
        if differing and theta.shape[1] >= LARGE and self.state.averages:
            self._each = [(rule, self._state_of(i, rule, n_penalized)) for i, rule in enumerate(rules)]
        one_kernel = type(self.rule) in UNIT_STEP_RULES and self.state.fused and not self._each
        self._unit_step = work if one_kernel and isinstance(self.base, Tensor) else None
        self._unit_state = self._state_in_lines() if self._unit_step is not None else None
        self._constant: Number = self.base
        if isinstance(self.base, Tensor) and self._unit_step is not None:
            self._constant = self.base.to(theta)

    def _state_of(self, i: int, rule: Optimizer, n_penalized: int) -> State:
        """The state of one row, over its part of the averages."""
        state = rule.start(self.theta[i], n_penalized)
        state.averages = {name: average[i] for name, average in self.state.averages.items()}
        return state

    def _state_in_lines(self) -> State:
        """The state that the kernel of unit steps moves: the same averages, in whole lines."""
        self.state.averages = {name: zeros_with_margin(average) for name, average in self.state.averages.items()}
        averages = {name: whole_lines(average) for name, average in self.state.averages.items()}
        state = self.rule.start(next(iter(averages.values())))
        state.averages = averages
        return state

    @property
    def steps(self) -> int:
        """The updates of an epoch."""
        return self.rows[0].steps

    def rates(self, epoch: int, n: int) -> list[Number]:
        """The members' learning rates, one number or (P, 1), at the next n updates."""
        if all(isinstance(schedule, Constant) for schedule in self.schedules):
            return [self._constant] * n
        schedule, step = self.schedules[0], self.state.step
        if all(other is schedule or other == schedule for other in self.schedules):
            return [schedule(self.base, epoch, step + k) for k in range(n)]
        independent, device = self.rows[0].independent, self.theta.device
        return [number(self._each_rate(epoch, step + k), device, independent) for k in range(n)]

    def first_rates(self, epoch: int) -> list[float]:
        """The learning rate of each member at its next update."""
        return self._each_rate(epoch, self.state.step)

    def _each_rate(self, epoch: int, step: int) -> list[float]:
        pairs = zip(self.schedules, self._bases, strict=True)
        return [float(schedule(base, epoch, step)) for schedule, base in pairs]

    def step(self, rate: Number) -> None:
        """Move the rows one step down their gradients."""
        if self._each:
            self._step_each(rate)
        elif isinstance(rate, Tensor) and self._unit_step is not None and self._unit_state is not None:
            step = whole_lines(self._unit_step).zero_()
            self.rule.update(step, whole_lines(self.gradient), self._unit_state, 1.0)
            self.state.step += 1
            self.theta.addcmul_(self._unit_step, rate.to(self.theta))
        else:
            self.rule.update(self.theta, self.gradient, self.state, rate)

    def _step_each(self, rate: Number) -> None:
        rates = rate.flatten().tolist() if isinstance(rate, Tensor) else [rate] * len(self.rows)
        for theta, gradient, (rule, state), own in zip(
            self.theta.unbind(0), self.gradient.unbind(0), self._each, rates, strict=True
        ):
            rule.update(theta, gradient, state, own)
        self.state.step += 1

    def continue_from(self, averages: dict[str, Tensor], step: int) -> None:
        """Take over what was remembered of these rows."""
        for name, average in self.state.averages.items():
            average.copy_(averages[name])
        in_lines = [] if self._unit_state is None else [self._unit_state]
        for state in (self.state, *in_lines, *(own for _, own in self._each)):
            state.step = step
