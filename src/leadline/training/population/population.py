"""A population as a value: one architecture, many members, trained at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from leadline.errors import UsageError
from leadline.network import Network
from leadline.training.outcome import FitResult
from leadline.training.population.member import Member, resolve
from leadline.training.population.trainer import PopulationTrainer
from leadline.training.settings import TrainingSettings
from leadline.training.trainer import Epoch, Examples

OnEpoch = Callable[[dict[int, Epoch], PopulationTrainer], Iterable[int] | None]


class Population:
    """P dense networks of one architecture that train at once, each as it would alone (idea 4 of the design).

    The members' θ are the rows of one matrix (P, n), and one kernel serves them all. They may differ in everything
    that `Member` holds. The examples are shared: only the batches are gathered for every member, so memory grows with
    P times the parameters, not with P times the data.
    """

    def __init__(self, network: Network, members: Sequence[Member]) -> None:
        if not members:
            raise UsageError("a population needs at least one member")
        self.network, self.members = network, tuple(members)

    def __len__(self) -> int:
        return len(self.members)

    def trainer(
        self, loss: str, train: Examples, dev: Examples | None = None, settings: TrainingSettings | None = None
    ) -> PopulationTrainer:
        """A training in progress, to be moved on epoch by epoch."""
        return PopulationTrainer(resolve(self.network, self.members, settings or TrainingSettings()), loss, train, dev)

    def fit(
        self,
        loss: str,
        train: Examples,
        dev: Examples | None = None,
        settings: TrainingSettings | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> list[FitResult]:
        """Train every member to its end; what `leadline.training.fit` returns, in the members' order.

        ``settings`` hold what members share. ``on_epoch`` is called after every epoch with the members' records and the
        trainer; members whose indices it returns leave the population. An interruption (Ctrl-C) keeps what was reached.
        """
        return train_to_end(self.trainer(loss, train, dev, settings), on_epoch)


def train_to_end(trainer: PopulationTrainer, on_epoch: OnEpoch | None = None) -> list[FitResult]:
    """Run epochs until no member is left."""
    try:
        while trainer.active:
            records = trainer.run_epoch()
            leaving = on_epoch(records, trainer) if on_epoch is not None else None
            if leaving:
                trainer.retire(leaving)
    except KeyboardInterrupt:
        trainer.retire(trainer.active, "interrupted")
    return trainer.results()
