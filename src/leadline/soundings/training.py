"""Trains variants of one experiment within a time, and scores each on the same dev examples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from leadline.errors import LeadlineError
from leadline.search import Executor, Outcome, PreparedExperiment, Variant
from leadline.soundings.clock import Clock, OutOfTimeError
from leadline.soundings.scores import Score, Scorer
from leadline.training import Epoch

TRAIN_SAMPLE = 4_000  # training examples on which the training error is measured: as many as a large dev set
OUT_OF_TIME = "out of time"

Progress = Callable[[int, int], None]
"""Told after each epoch: how many epochs of networks are done, and how many there are in all."""


@dataclass(frozen=True, eq=False)
class Trained:
    """What a variant came to: its scores on dev, training and train-dev examples, and the seconds that were its share.

    ``dev_errors`` are those of each epoch.
    """

    variant: Variant
    n: int
    dev: Score
    train: Score
    train_dev: Score | None
    dev_errors: tuple[float, ...]
    seconds: float
    stopped: str

    @property
    def diverged(self) -> bool:
        """Whether training left the finite numbers."""
        return self.stopped == "diverged" or not np.isfinite(self.dev.error)


class TrainingStore(Protocol):
    """Where trainings are kept that need not be done again."""

    def trained(self, variant: Variant) -> Trained | None:
        """What became of this variant; None where it has not been trained."""
        ...

    def add(self, trained: Trained, spent: float) -> None:
        """Keep a training; ``spent`` are the seconds of the budget so far."""
        ...


class BudgetedTrainer:
    """Trains variants of one experiment until the clock has run out.

    ``store`` keeps what is done, and what it has is not trained again; ``n_trained`` counts the trainings.
    """

    def __init__(self, workbench: PreparedExperiment, clock: Clock, progress: Progress | None = None) -> None:
        plan = workbench.plan
        if not len(plan.split.dev):
            raise LeadlineError("A sounding is measured on the dev set, and there is none: give split.dev a size.")
        self.workbench, self.plan, self.clock, self.progress = workbench, plan, clock, progress
        self.dev = Scorer(plan, plan.split.dev)
        self.train_dev = Scorer(plan, plan.split.train_dev, seed=2) if len(plan.split.train_dev) else None
        self.store: TrainingStore | None = None
        self.n_trained = 0
        self._train: dict[bytes, tuple[np.ndarray, Scorer]] = {}

    def variant(self, changes: Mapping[str, object], seed: int, subset: np.ndarray | None = None) -> Variant:
        """The experiment with these changes and this seed."""
        return self.workbench.variant({**changes, "training.seed": seed}, subset=subset)

    def train(self, variants: Sequence[Variant]) -> list[Trained]:
        """Train all of them; in their order.

        Raises:
            OutOfTimeError: the clock ran out before they were done.
            KeyboardInterrupt: somebody stopped them.

        """
        store = self.store
        known = {} if store is None else {i: store.trained(variant) for i, variant in enumerate(variants)}
        done = {i: trained for i, trained in known.items() if trained is not None}
        left = [i for i in range(len(variants)) if i not in done]  # an executor numbers what it trains from 0 on
        total = sum(variants[i].resolved.settings.epochs for i in left)
        epochs: dict[int, int] = {}

        def after_epoch(records: Mapping[int, Epoch]) -> Iterable[int]:
            epochs.update({i: record.epoch for i, record in records.items()})
            if self.progress is not None:
                self.progress(sum(epochs.values()), total)
            if self.clock.over:
                executor.stop(OUT_OF_TIME)
            return ()

        def keep(i: int, outcome: Outcome) -> None:
            epochs[i] = variants[left[i]].resolved.settings.epochs  # one that stopped early is done, too
            if outcome.stopped not in (OUT_OF_TIME, "interrupted"):
                done[left[i]] = trained = self._scored(outcome)
                self.n_trained += 1
                if store is not None:
                    store.add(trained, self.clock.spent)

        executor = Executor(after_epoch, keep)
        executor.run([variants[i] for i in left])
        if executor.stopped == "interrupted":
            raise KeyboardInterrupt
        if len(done) < len(variants):
            raise OutOfTimeError("The budget ended.")
        return [done[i] for i in range(len(variants))]

    def _scored(self, outcome: Outcome) -> Trained:
        variant, fitted = outcome.variant, outcome.fit
        assert fitted is not None  # an executor hands it out
        plan, prepared = variant.prepared.plan, variant.prepared
        trained = plan.trained(fitted, variant.loss)
        sample, scorer = self._train_sample(variant)
        x = prepared.train.x
        assert prepared.dev is not None
        train_dev = None
        if self.train_dev is not None:
            train_dev = self.train_dev.score(trained.outputs(plan.inputs("train_dev")))
        return Trained(
            variant,
            len(prepared.train) if variant.resolved.subset is None else len(variant.resolved.subset),
            self.dev.score(trained.outputs(prepared.dev.x)),
            scorer.score(trained.outputs(x[torch.from_numpy(sample).to(x.device)])),
            train_dev,
            tuple(epoch.dev_error for epoch in outcome.history if epoch.dev_error is not None),
            outcome.seconds,
            outcome.stopped,
        )

    def _train_sample(self, variant: Variant) -> tuple[np.ndarray, Scorer]:
        """Positions of some of the variant's own training examples, and what measures them."""
        subset = variant.resolved.subset
        own = np.arange(len(self.plan.split.train)) if subset is None else subset.numpy()
        key = b"" if subset is None else own.tobytes()
        if key not in self._train:
            chosen = own
            if len(own) > TRAIN_SAMPLE:
                chosen = np.sort(np.random.default_rng(0).choice(own, TRAIN_SAMPLE, replace=False))
            self._train[key] = chosen, Scorer(self.plan, self.plan.split.train[chosen], seed=1)
        return self._train[key]
