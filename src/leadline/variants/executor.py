"""Trains many variants of an experiment: alike ones together as populations, others one after another.

>>> prepared = PreparedExperiment(experiment)
>>> rates = [prepared.variant({"training.learning_rate": rate}) for rate in (0.1, 0.01, 0.001)]
>>> [outcome.dev_error for outcome in train_variants(rates)]
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from leadline.training import AnyTrainer, Epoch, Examples, FitResult, fit
from leadline.training.population import PopulationTrainer
from leadline.training.threads import limited_threads, threads_for
from leadline.variants.variants import Prepared, Variant

PLACES = 64
"""How many members train at once by default."""
PARAMETERS_AT_ONCE = 2_000_000
"""A population has no more parameters than this in all: beyond, there is nothing to gain and memory to lose."""
FLOPS_FOR_THREADS = 1e7  # of one step of a whole population; its products are split among threads by member

OnEpoch = Callable[[Mapping[int, Epoch]], Iterable[int] | None]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one variant reached.

    ``history`` has one `Epoch` for each pass; its errors are fractions wrong, or the RMSE in the target's unit.
    ``stopped`` is one of `leadline.training.FitResult`'s words, "pruned", or the word that `Executor.stop` was given.
    ``kept_epoch`` is the one whose θ was kept: the best where early stopping went back to it, else the last.
    ``seconds`` are the variant's even share of the time. ``fit`` holds network and θ, None unless asked for.
    """

    variant: Variant
    history: Sequence[Epoch]
    stopped: str
    kept_epoch: int | None
    seconds: float
    fit: FitResult | None = None

    @property
    def kept(self) -> Epoch | None:
        """The record of the kept epoch."""
        return None if self.kept_epoch is None else self.history[self.kept_epoch - 1]

    @property
    def dev_error(self) -> float | None:
        """The dev error of the kept θ."""
        return self.kept.dev_error if self.kept else None

    @property
    def dev_cost(self) -> float | None:
        """The dev cost of the kept θ."""
        return self.kept.dev_cost if self.kept else None


def train_variants(
    variants: Sequence[Variant],
    on_epoch: OnEpoch | None = None,
    *,
    places: int = PLACES,
    keep_fits: bool = False,
) -> list[Outcome]:
    """Train variants of one or several experiments; outcomes in the order of the variants.

    ``on_epoch`` gets the epochs that members have just finished, by the variant's position; those whose positions it
    returns are retired, and whoever waits takes their places. ``places`` train at once. ``keep_fits`` keeps θ.

    Each variant is trained as `leadline.session.training.run_experiment` would train it, within float rounding, however
    the variants were grouped; bit for bit where the layers are ReLU's, the loss is softmax's, and no two variants of a
    kind differ in β or in their number of examples. An interruption (Ctrl-C) keeps what was reached; those that had not
    begun have no epochs.
    """
    outcomes: dict[int, Outcome] = {}

    def keep(i: int, outcome: Outcome) -> None:
        outcomes[i] = outcome if keep_fits else replace(outcome, fit=None)

    executor = Executor(on_epoch, keep, places=places)
    executor.run(variants)
    stopped = executor.stopped or "interrupted"
    return [outcomes.get(i) or Outcome(variant, [], stopped, None, 0.0) for i, variant in enumerate(variants)]


class Executor:
    """Keeps up to ``places`` variants in training until none is left.

    Variants are numbered as they come. ``on_epoch`` is as for `train_variants`; ``on_end`` gets the number and outcome
    (with its `FitResult`) of each that is done. After an interruption or `stop`, ``stopped`` says why.
    """

    def __init__(
        self,
        on_epoch: OnEpoch | None = None,
        on_end: Callable[[int, Outcome], object] | None = None,
        *,
        places: int = PLACES,
    ) -> None:
        self.on_epoch, self.on_end, self.places = on_epoch, on_end, max(1, places)
        self.stopped: str | None = None
        self._waiting: deque[tuple[int, Variant]] = deque()
        self._groups: list[_Group] = []
        self._count = 0

    def run(self, variants: Iterable[Variant] = (), more: Callable[[int], Sequence[Variant]] | None = None) -> None:
        """Train these variants, and those that ``more`` gives when it is asked for up to so many."""
        self._take(variants)
        try:
            while self.stopped is None:
                self._fill(more)
                if not self._groups:
                    break
                for group in list(self._groups):
                    self._advance(group)
        except KeyboardInterrupt:
            self.stopped = "interrupted"
        for group in self._groups:
            group.retire(group.active, self.stopped or "request")
            self._collect(group)
        self._groups = []

    def stop(self, why: str = "request") -> None:
        """End all that is in training after this epoch, and begin nothing new; ``why`` is what outcomes will say."""
        self.stopped = why

    @property
    def in_training(self) -> int:
        """How many variants train now."""
        return sum(len(group.active) for group in self._groups)

    def _take(self, variants: Iterable[Variant]) -> None:
        for variant in variants:
            self._waiting.append((self._count, variant))
            self._count += 1

    def _fill(self, more: Callable[[int], Sequence[Variant]] | None) -> None:
        """Give free places to waiting variants; a few places are left free, since small populations are slow."""
        while self.stopped is None:
            free = self.places - self.in_training
            if free == 0 or (self._groups and free < self.places // 4):
                return
            if not self._waiting and more is not None:
                self._take(more(free))
            if not self._waiting:
                return
            self._start(free)

    def _start(self, free: int) -> None:
        """Begin with the first that waits and those of its kind."""
        first = self._waiting[0][1]
        if first.kind is None:
            self._train_alone(*self._waiting.popleft())
            return
        most = min(free, max(1, PARAMETERS_AT_ONCE // max(1, first.n_parameters)))
        kind = first.kind
        chosen = [entry for entry in self._waiting if entry[1].kind == kind][:most]
        numbers = {number for number, _ in chosen}
        self._waiting = deque(entry for entry in self._waiting if entry[0] not in numbers)
        self._groups.append(_Group(chosen))

    def _advance(self, group: _Group) -> None:
        """One epoch of a group."""
        with limited_threads(group.threads):
            records = group.run_epoch()
        leaving = set(self.on_epoch(records) or ()) if self.on_epoch and records else set()
        group.retire(leaving & set(group.active), "pruned")
        self._collect(group)

    def _collect(self, group: _Group) -> None:
        """Hand out what is done."""
        for number, outcome in group.outcomes():
            if self.on_end is not None:
                self.on_end(number, outcome)
        if not group.active:
            self._groups = [other for other in self._groups if other is not group]

    def _train_alone(self, number: int, variant: Variant) -> None:
        """A variant that no population can train: from its first epoch to its last."""
        pruned = False
        scale = variant.prepared.error_scale

        def seen(epoch: Epoch, trainer: AnyTrainer) -> bool:
            nonlocal pruned
            if self.on_epoch is not None:
                pruned = number in set(self.on_epoch({number: _in_unit(epoch, scale)}) or ())
            return pruned or self.stopped is not None

        finished = train_alone(variant, seen)
        if finished.stopped == "interrupted":
            self.stopped = "interrupted"
        if finished.stopped == "request":
            finished = replace(finished, stopped="pruned" if pruned else self.stopped or "request")
        if self.on_end is not None:
            self.on_end(number, _outcome(variant, finished))


def train_alone(variant: Variant, on_epoch: Callable[[Epoch, AnyTrainer], object] | None = None) -> FitResult:
    """Train one variant with the ordinary loop, as a run of its experiment does."""
    resolved, prepared = variant.resolved, variant.prepared
    train = variant.train if variant.train is not None else _subset(prepared, resolved.subset)
    threads = threads_for(resolved.network, prepared.plan.input_shape, variant.batch_size)
    with limited_threads(threads):
        return fit(
            resolved.network,
            variant.loss,
            train,
            prepared.dev,
            resolved.settings,
            on_epoch=on_epoch,
            augment=variant.augmenter(),
        )


class _Group:
    """Variants that train as one population."""

    def __init__(self, chosen: Sequence[tuple[int, Variant]]) -> None:
        self.numbers = [number for number, _ in chosen]
        self.variants = [variant for _, variant in chosen]
        first = self.variants[0]
        self.prepared = first.prepared
        members = [variant.resolved for variant in self.variants]
        train, dev = self.prepared.train, self.prepared.dev
        self.threads = _threads(first, len(members))
        self.trainer = PopulationTrainer(members, first.loss, train, dev, independent=True)
        self._handed_out: set[int] = set()

    @property
    def active(self) -> list[int]:
        """The numbers of those that still train."""
        return [self.numbers[member] for member in self.trainer.active]

    def run_epoch(self) -> dict[int, Epoch]:
        """One epoch; records by number, errors in the target's unit."""
        scale = self.prepared.error_scale
        return {self.numbers[i]: _in_unit(epoch, scale) for i, epoch in self.trainer.run_epoch().items()}

    def retire(self, numbers: Iterable[int], stopped: str) -> None:
        """Let these leave."""
        members = [self.numbers.index(number) for number in numbers]
        if members:
            self.trainer.retire(members, stopped)

    def outcomes(self) -> list[tuple[int, Outcome]]:
        """Numbers and outcomes of those that are done and were not handed out yet."""
        done = {member: result for member, result in self.trainer.finished.items() if member not in self._handed_out}
        self._handed_out |= set(done)
        return [(self.numbers[i], _outcome(self.variants[i], result)) for i, result in sorted(done.items())]


def _threads(variant: Variant, members: int) -> int:
    """Threads for a population: its members are split among them, so that they pay off earlier than for one network."""
    n, batch = variant.n_parameters, variant.batch_size
    return torch.get_num_threads() if 6.0 * n * batch * members >= FLOPS_FOR_THREADS else 1


def _subset(prepared: Prepared, subset: torch.Tensor | None) -> Examples:
    train = prepared.train
    if subset is None:
        return train
    index = subset.to(train.x.device)
    return Examples(train.x[index], train.y[index], None if train.weights is None else train.weights[index])


def _outcome(variant: Variant, result: FitResult) -> Outcome:
    scale = variant.prepared.error_scale
    history = [_in_unit(epoch, scale) for epoch in result.history]
    return Outcome(variant, history, result.stopped, result.kept_epoch, sum(epoch.seconds for epoch in history), result)


def _in_unit(epoch: Epoch, scale: float) -> Epoch:
    """The record with its errors in the target's unit."""
    if scale == 1:
        return epoch
    dev = None if epoch.dev_error is None else epoch.dev_error * scale
    return replace(epoch, train_error=epoch.train_error * scale, dev_error=dev)
