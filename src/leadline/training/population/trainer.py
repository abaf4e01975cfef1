"""A population in training, an epoch at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from leadline.equations.averages import Number
from leadline.equations.losses import LOSSES
from leadline.errors import LeadlineError, UsageError
from leadline.network import Parameters
from leadline.training.checks import check_problem
from leadline.training.class_weights import check_class_weights, weights_by_label
from leadline.training.divergence import DivergenceError
from leadline.training.outcome import FitResult
from leadline.training.population.active_members import as_vectors, member_of, start_members
from leadline.training.population.evaluate import population_cost_and_error, population_outputs
from leadline.training.population.guard import PopulationGuard
from leadline.training.population.member import ResolvedMember, check
from leadline.training.population.member_state import MemberState, make_rows, number, order_states, own_columns
from leadline.training.population.objective import PopulationObjective
from leadline.training.population.plan import Segment, SharedBatches
from leadline.training.population.progress import PROGRESS_VALUES, PopulationProgress
from leadline.training.regularization import check_smoothing, regularization_at
from leadline.training.state import tensors_below
from leadline.training.trainer import Epoch, Examples, monitored_goal


class PopulationTrainer:
    """Trains several `ResolvedMember` networks at once; they may differ in all that `Member` holds.

    ``run_epoch`` takes every active member once through its own examples; a member that is done (its epochs, early
    stopping, tolerance, divergence, `retire`) leaves and is not touched again. ``active`` are the members that are
    left, ``epoch`` counts the epochs done. ``between_blocks`` is called now and then within an epoch, between two
    steps, where the population's state is whole and can be saved (`remembered`).

    Each trains as it would alone, within float rounding. ``independent`` members also round alike whoever trains beside
    them, as far as kernels allow (exponentials at the end of a tensor do not): what all have in common is then handed
    over as a number for each, which takes a little longer.
    """

    def __init__(
        self,
        members: Sequence[ResolvedMember],
        loss: str,
        train: Examples,
        dev: Examples | None = None,
        independent: bool = False,
    ) -> None:
        check(members, len(train))
        self.members, self.loss = list(members), loss
        rows = make_rows(self.members, len(train), independent)
        _check_problems(rows, loss, train)
        self._train = Examples(as_vectors(train.x), train.y, train.weights)
        self._dev = None if dev is None or len(dev) == 0 else replace(dev, x=as_vectors(dev.x))
        self._batches = SharedBatches(self._train)
        self._fits: dict[int, FitResult] = {}
        self.epoch = 0
        self.progress: PopulationProgress | None = None
        self.between_blocks: Callable[[], None] = lambda: None
        self._active_members = start_members(members[0].network, loss, rows, tuple(train.x.shape[1:]))
        self._guard = PopulationGuard(self._active_members, loss)
        self._leave({i: "epochs" for i, row in enumerate(rows) if row.resolved.settings.epochs == 0})

    @property
    def active(self) -> tuple[int, ...]:
        """The members that still train, in ascending order."""
        if len(self._fits) == len(self.members):
            return ()
        return tuple(sorted(row.member for row in self._active_members.rows))

    def run_epoch(self) -> dict[int, Epoch]:
        """One epoch of every active member; its record by member. A record's seconds are the member's even share.

        A member that diverges has no record of the epoch; its `FitResult` says why.
        """
        if not self.active:
            return {}
        active, progress = self._active_members, self.progress or self._start_epoch()
        self.progress, started = progress, time.perf_counter() - progress.seconds
        for order in {id(row.order): row.order for row in active.rows}.values():
            order.draw()
        diverged: dict[int, tuple[DivergenceError, Parameters]] = {}
        for block in active.plan[progress.blocks :]:
            progress.totals[: block[0].p] += self._run_block(block)
            progress.blocks, progress.seconds = progress.blocks + 1, time.perf_counter() - started
            for i in (~torch.isfinite(progress.totals[:, 0])).nonzero().flatten().tolist():
                if i not in diverged:
                    own = replace(self._train, y=active.rows[i].resolved.own(self._train.y))
                    diverged[i] = self._guard.explain(i, own, self.epoch)
            if not diverged:
                self.between_blocks()
        self.progress = None
        self.epoch += 1
        dev_costs, dev_errors, dev_goals = self._measure_dev()
        seconds = (time.perf_counter() - started) / len(active.rows)
        records = {}
        for i, row in enumerate(active.rows):
            if i in diverged:
                continue
            cost, error, penalty = (progress.totals[i] / row.m).tolist()
            error = error ** (1 / LOSSES[self.loss].error_power)
            records[row.member] = Epoch(
                self.epoch,
                cost,
                error,
                dev_costs[i],
                dev_errors[i],
                progress.rates[i],
                row.steps,
                seconds,
                penalty,
                dev_goals[i],
            )
        self._finish_epoch(records, diverged)
        return dict(sorted(records.items()))

    def retire(self, members: Iterable[int], stopped: str = "request") -> None:
        """Let active members leave, with what they have reached; ``stopped`` is what their `FitResult` will say."""
        leaving = set(members)
        unknown = leaving - set(self.active)
        if unknown:
            raise UsageError(f"member {min(unknown)} is not in training; active are {list(self.active)}")
        self._leave({i: stopped for i, row in enumerate(self._active_members.rows) if row.member in leaving})

    def start_from(self, starts: Parameters) -> None:
        """Begin with these parameters, θ (P, n) with a row for each member, in place of the seeds' own."""
        for i, row in enumerate(self._active_members.rows):
            member_of(self._active_members.parameters, i).copy_(member_of(starts, row.member))
        self._guard = PopulationGuard(self._active_members, self.loss)

    def outputs(self, x: Tensor) -> Tensor:
        """The active members' outputs in prediction mode, (P, m, k), for examples (m, n), or their own (P, m, n)."""
        active = self._active_members
        order = torch.tensor([row.member for row in active.rows], device=x.device).argsort()
        own = x if x.dim() == 2 else x[order.argsort()]
        return population_outputs(active.network, active.parameters, own)[order]

    @property
    def gradients(self) -> Tensor:
        """∇J of each active member at the last step, (P, n)."""
        return self._active_members.gradients.theta

    def remembered(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """What `continue_from` needs besides the parameters, between two blocks while no member has left.

        Rows of tensors are those of the active members, in the order that `make_rows` gives the members.
        """
        active, progress = self._active_members, self.progress
        tensors = {f"optimizer.{name}": average for name, average in active.averages().items()}
        tensors["random.order"] = order_states(active.rows) if progress is None else progress.orders
        tensors["random.noise"] = torch.stack([row.noise.get_state() for row in active.rows])
        values = {"epoch": self.epoch, "steps": active.steps_done()}
        if progress is not None:
            tensors["epoch.totals"] = progress.totals
            values |= {f"epoch.{name}": getattr(progress, name) for name in PROGRESS_VALUES}
        return tensors, values

    def continue_from(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
        """Bring a population that has not begun to where another was; its parameters come with `start_from`."""
        active, averages = self._active_members, tensors_below("optimizer.", tensors)
        active.continue_from(averages, values["steps"])
        for row, order, noise in zip(active.rows, tensors["random.order"], tensors["random.noise"], strict=True):
            row.order.random.set_state(order.clone())  # torch crashes on a row of a larger tensor
            row.noise.set_state(noise.clone())
        self.epoch = int(values["epoch"])
        if "epoch.totals" in tensors:
            known = {name: values[f"epoch.{name}"] for name in PROGRESS_VALUES}
            self.progress = PopulationProgress(tensors["random.order"], totals=tensors["epoch.totals"].clone(), **known)
        self._guard = PopulationGuard(active, self.loss)

    def parameters(self, member: int) -> Parameters:
        """A copy of a member's θ (n,) and statistics as they are now."""
        if member in self._fits:
            return self._fits[member].parameters.clone()
        for i, row in enumerate(self._active_members.rows):
            if row.member == member:
                return member_of(self._active_members.parameters, i).clone()
        raise UsageError(f"there is no member {member}; the population has {len(self.members)}")

    @property
    def finished(self) -> dict[int, FitResult]:
        """What the members reached that have left, in the order in which they left."""
        return dict(self._fits)

    def results(self) -> list[FitResult]:
        """What every member reached, in the members' order; those still active are given as they are now."""
        fits = dict(self._fits)
        for i, row in enumerate(self._active_members.rows):
            if row.member not in fits:
                fits[row.member] = self._fit(i, row, "request")
        return [fits[member] for member in range(len(self.members))]

    # ----- steps

    def _start_epoch(self) -> PopulationProgress:
        rows = self._active_members.rows
        rates = [rate for update in self._active_members.updates for rate in update.first_rates(self.epoch)]
        return PopulationProgress(order_states(rows), rates, torch.zeros(len(rows), 3, dtype=torch.float64))

    def _run_block(self, block: list[Segment]) -> Tensor:
        """Make these steps; returns every row's sums of cost, error and penalty over its examples, float64 (p, 3)."""
        active, p, first = self._active_members, block[0].p, block[0].first
        rates = [update.rates(self.epoch, min(block[-1].last, update.steps) - first) for update in active.updates_of(p)]
        regularization = [regularization_at(row.resolved.settings, self.epoch) for row in active.rows]
        self._guard.watch(first, rates, regularization)
        rows, device = active.rows[:p], active.parameters.theta.device
        counts = torch.tensor([min(row.m, block[-1].last * row.batch_size) - first * row.batch_size for row in rows])
        counts = counts.to(device)
        penalties = active.objective(p).penalty(number([row.batch_size for row in rows], device)) * counts
        sums = torch.zeros(p, 3, dtype=torch.float64, device=device)
        for segment in block:
            active.objective(segment.p).regularize(regularization[: segment.p])
            own = [rate[segment.first - first : segment.last - first] for rate in rates]
            sums[: segment.p] += self._run_segment(segment, own)
        weighted = active.class_weights is not None or self._train.weights is not None
        costs = sums[:, 0] / sums[:, 2] * counts if weighted else sums[:, 0]
        return torch.stack([costs + penalties, sums[:, 1], penalties], 1).cpu()

    def _run_segment(self, segment: Segment, rates: list[list[Number]]) -> Tensor:
        """Make these steps; returns sums of cost, error and weight over each row's examples, float64 (p, 3)."""
        active, p, width = self._active_members, segment.p, segment.width
        objective, updates = active.objective(p), active.updates_of(p)
        x_all, y_all, weights = self._batches.of(active.rows, segment)
        y_all = own_columns(active.rows[:p], y_all)
        present, m = self._padding(objective, segment)
        if active.class_weights is not None:
            weights = _times(weights_by_label(y_all, active.class_weights[:p]), weights)
        weights = _times(weights, None if present is None else present.expand(len(segment), *present.shape))
        z_all = active.parameters.theta.new_empty(len(segment), p, active.n_outputs, width).transpose(2, 3)
        for k, x in enumerate(x_all):
            own = None if weights is None else weights[k]
            objective.gradient(objective.output(x, z_all[k]), y_all[k], m, own)
            for update, rate in zip(updates, rates, strict=False):
                update.step(rate[k])
        cost, error = objective.loss.measure(z_all, y_all, weights)
        error = error if present is None else error * present
        total = cost.new_full(cost.shape, width) if weights is None else weights.sum(-1)
        return torch.stack([(cost * total).sum(0).double(), error.sum((0, 2)).double(), total.sum(0).double()], 1)

    def _padding(self, objective: PopulationObjective, segment: Segment) -> tuple[Tensor | None, Number]:
        """The weights (p, b) of a segment's batches, None where none is padded, and their numbers of examples."""
        if segment.sizes is None:
            objective.pad(None, None)
            return None, segment.width
        theta = objective.parameters.theta
        sizes = torch.tensor(segment.sizes, device=theta.device).unsqueeze(1)
        weights = (torch.arange(segment.width, device=theta.device) < sizes).to(theta)
        objective.pad(weights, segment.sizes)
        return weights, sizes.double()

    # ----- after an epoch

    def _measure_dev(self) -> tuple[Sequence[float | None], Sequence[float | None], Sequence[float | None]]:
        """Cost and error of the dev set, and what it is judged by where that is monitored, by row."""
        rows, dev = self._active_members.rows, self._dev
        if dev is None:
            none: list[float | None] = [None] * len(rows)
            return none, none, none
        z = population_outputs(self._active_members.network, self._active_members.parameters, dev.x)
        y, own = dev.y, [dev.y] * len(rows)
        if rows[0].resolved.label is not None:
            y = own_columns(rows, y.expand(len(rows), *y.shape))
            own = list(y)
        goals = [monitored_goal(row.resolved.settings, dev) for row in rows]
        judged = [None if goal is None else goal(z[i], own[i]) for i, goal in enumerate(goals)]
        return *population_cost_and_error(self.loss, z, y, self._active_members.class_weights), judged

    def _finish_epoch(self, records: dict[int, Epoch], diverged: dict[int, tuple[DivergenceError, Parameters]]) -> None:
        """Write the histories, and retire the members that are done."""
        active = self._active_members
        for i, (error, good) in diverged.items():
            row = active.rows[i]
            member_of(active.parameters, i).copy_(good)
            self._fits[row.member] = self._fit(i, row, "diverged", error)
        norms: list[float] = []
        if any(row.resolved.settings.gradient_tolerance is not None for row in active.rows):
            norms = torch.linalg.vector_norm(active.gradients.theta, dim=1).tolist()
        leaving = dict.fromkeys(diverged, "diverged")
        for i, row in enumerate(active.rows):
            if i in diverged:
                continue
            record, settings = records[row.member], row.resolved.settings
            row.history.append(record)
            row.best.see(record, member_of(active.parameters, i) if settings.early_stopping else active.parameters)
            if settings.gradient_tolerance is not None and norms[i] < settings.gradient_tolerance:
                leaving[i] = "tolerance"
            elif row.best.out_of_patience(record.epoch):
                leaving[i] = "early stopping"
            elif self.epoch >= settings.epochs:
                leaving[i] = "epochs"
        self._leave(leaving)

    def _leave(self, leaving: dict[int, str]) -> None:
        """Keep the results of these rows, and go on with the others alone."""
        rows = self._active_members.rows
        for i, stopped in leaving.items():
            if rows[i].member not in self._fits:
                self._fits[rows[i].member] = self._fit(i, rows[i], stopped)
        if leaving and self.active:
            self._active_members = self._active_members.keep([i for i in range(len(rows)) if i not in leaving])
            self._guard = PopulationGuard(self._active_members, self.loss)

    def _fit(self, i: int, row: MemberState, stopped: str, divergence: DivergenceError | None = None) -> FitResult:
        best, network = row.best, row.resolved.network.for_loss(self.loss)
        restored = best.parameters is not None
        parameters = (best.parameters or member_of(self._active_members.parameters, i)).clone()
        return FitResult(network, parameters, list(row.history), stopped, best.epoch, restored, divergence)


def _times(weights: Tensor | None, others: Tensor | None) -> Tensor | None:
    """The product of weights of examples; None stands for 1."""
    return others if weights is None else weights if others is None else weights * others


def _check_problems(rows: list[MemberState], loss: str, train: Examples) -> None:
    """What would go wrong for any member, before training starts."""
    for row in {
        (row.m, row.batch_size, row.resolved.label, row.resolved.settings.class_weights): row for row in rows
    }.values():
        m = min(row.m, len(train))  # only the number of examples matters: the labels are looked at as a whole
        try:
            y = row.resolved.own(train.y[:m])
            check_smoothing(row.resolved.settings, loss)
            network = row.resolved.network.for_loss(loss)
            check_problem(network, loss, train.x[:m], y, row.batch_size)
            check_class_weights(row.resolved.settings, loss, network.shapes(tuple(train.x.shape[1:]))[-1][-1])
        except LeadlineError as error:
            raise type(error)(f"members[{row.member}]: {error}") from None
