"""A training that goes on from a kept state ends as one that was never ended, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
import torch

from leadline.errors import LeadlineError
from leadline.network import Dense, Network
from leadline.network.batch_norm import BatchNorm
from leadline.network.dropout import Dropout
from leadline.optimize import Adam, AdamW, Cosine, Momentum, Optimizer, RMSprop
from leadline.training import AnyTrainer, EarlyStopping, Epoch, Examples, FitResult, Trainer, TrainingSettings, fit
from leadline.training.interruption import Interrupted
from leadline.training.outcome import Best
from leadline.training.state import TrainingState

NETWORK = Network([Dense(8, "tanh"), BatchNorm(), Dropout(keep_prob=0.7), Dense(1)])


@dataclass
class Noise:
    """Varies inputs by noise of its own generator."""

    generator: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(5))

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return x + 0.1 * torch.randn(x.shape, generator=self.generator, dtype=x.dtype)


@dataclass
class Chunks:
    """A stream of 90, 90 and 20 examples in an order of its own for each epoch."""

    whole: Examples
    sample: Examples = field(init=False)

    def __post_init__(self) -> None:
        self.sample = self.whole

    def __len__(self) -> int:
        return len(self.whole)

    def chunks(self, epoch: int, batch_size: int) -> Iterator[Examples]:
        order = torch.randperm(200, generator=torch.Generator().manual_seed(epoch))
        for part in order.split(90):
            yield Examples(self.whole.x[part], self.whole.y[part])


class Keeper:
    """Keeps the state after a number of steps, and goes on from one."""

    def __init__(
        self, steps: int | None = None, state: TrainingState | None = None, history: list[Epoch] | None = None
    ):
        self.steps, self.state, self.history = steps, state, list(history or ())

    def begin(self, trainer: AnyTrainer, best: Best) -> list[Epoch]:
        self.trainer, self.best = trainer, best
        if self.state is not None:
            self.state.put_into(trainer, best)
        trainer.must_stop = self.asked
        return self.history[: trainer.epoch]

    def asked(self) -> bool:
        trainer = self.trainer
        step = trainer.state.step if isinstance(trainer, Trainer) else trainer.population.remembered()[1]["steps"][0]
        return self.steps is not None and step >= self.steps

    def between_steps(self) -> None:
        pass

    def keep(self) -> None:
        state = TrainingState.of(self.trainer, self.best)
        self.state = TrainingState({name: t.clone() for name, t in state.tensors.items()}, dict(state.values))


def examples(n: int, seed: int) -> Examples:
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 2, generator=random)
    return Examples(x, (x[:, :1] * x[:, 1:] > 0).float())


@pytest.fixture(autouse=True, params=[1 << 20, 500], ids=["batches varied together", "in twos"])
def groups(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadline.training.batches.GATHERED_BYTES", request.param)
    monkeypatch.setattr("leadline.training.trainer.STEPS_BETWEEN_LOOKS", 5)
    monkeypatch.setattr("leadline.training.population.plan.STEPS_BETWEEN_LOOKS", 5)


def ensemble_trained(
    keeper: Keeper | None, optimizer: Optimizer, stopping: EarlyStopping | None, tolerance: float | None = None
) -> FitResult:
    settings = TrainingSettings(
        epochs=7,
        batch_size=30,
        optimizer=optimizer,
        schedule=Cosine(7),
        l2=0.1,
        early_stopping=stopping,
        gradient_tolerance=tolerance,
        seed=3,
    )
    network = NETWORK.ensemble(3)
    return fit(network, "binary_cross_entropy", examples(200, 0), examples(60, 1), settings, keeper=keeper)


def trained(keeper: Keeper | None, optimizer: Optimizer, stream: bool, stopping: EarlyStopping | None) -> FitResult:
    settings = TrainingSettings(
        epochs=7, batch_size=30, optimizer=optimizer, schedule=Cosine(7), l2=0.1, early_stopping=stopping, seed=3
    )
    train = examples(200, 0)
    data = Chunks(train) if stream else train
    return fit(NETWORK, "binary_cross_entropy", data, examples(60, 1), settings, augment=Noise(), keeper=keeper)


@pytest.mark.parametrize("optimizer", [Adam(0.05), Momentum(0.3)])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("stopping", [None, EarlyStopping(patience=2)])
def test_it_ends_the_same_wherever_it_was_ended(
    optimizer: Optimizer, stream: bool, stopping: EarlyStopping | None
) -> None:
    whole = trained(None, optimizer, stream, stopping)
    stops = set()
    for steps in (1, 4, 7, 8, 14, 20, 31):
        first = Keeper(steps)
        ended = trained(first, optimizer, stream, stopping)
        if ended.stopped != "interrupted":
            continue
        assert first.state is not None
        stops.add((first.state.epoch, "epoch.total" in first.state.tensors))
        again = trained(Keeper(state=first.state, history=ended.history), optimizer, stream, stopping)
        assert torch.equal(again.parameters.theta, whole.parameters.theta)
        for name, tensor in whole.parameters.named_statistics().items():
            assert torch.equal(again.parameters.named_statistics()[name], tensor)
        assert (again.stopped, again.best_epoch, len(again.history)) == (
            whole.stopped,
            whole.best_epoch,
            len(whole.history),
        )
        for mine, other in zip(again.history, whole.history, strict=True):
            assert (mine.dev_cost, mine.dev_error, mine.learning_rate) == (
                other.dev_cost,
                other.dev_error,
                other.learning_rate,
            )
            # The penalty is that of θ at the last look, which an end in between adds one to.
            assert mine.cost - mine.penalty == pytest.approx(other.cost - other.penalty, rel=1e-5)
    assert len(stops) >= 3


@pytest.mark.parametrize("optimizer", [AdamW(0.05), Momentum(0.3), RMSprop(0.01)])
@pytest.mark.parametrize("stopping", [None, EarlyStopping(patience=2)])
@pytest.mark.parametrize("tolerance", [None, 1e-9])
def test_an_ensemble_ends_the_same_wherever_it_was_ended(
    optimizer: Optimizer, stopping: EarlyStopping | None, tolerance: float | None
) -> None:
    whole = ensemble_trained(None, optimizer, stopping, tolerance)
    stops = set()
    for steps in (1, 5, 6, 7, 14, 20, 31):
        first = Keeper(steps)
        ended = ensemble_trained(first, optimizer, stopping, tolerance)
        if ended.stopped != "interrupted":
            continue
        assert first.state is not None
        stops.add((first.state.epoch, first.state.values.get("epoch.blocks")))
        again = ensemble_trained(Keeper(state=first.state, history=ended.history), optimizer, stopping, tolerance)
        assert torch.equal(again.parameters.theta, whole.parameters.theta)
        for name, tensor in whole.parameters.named_statistics().items():
            assert torch.equal(again.parameters.named_statistics()[name], tensor)
        assert [replace(epoch, seconds=0.0) for epoch in again.history] == [
            replace(epoch, seconds=0.0) for epoch in whole.history
        ]
        assert (again.stopped, again.best_epoch) == (whole.stopped, whole.best_epoch)
    assert len(stops) >= 3 and len({blocks for _, blocks in stops}) >= 2


def test_a_training_that_had_ended_ends_at_once() -> None:
    class Last(Keeper):
        def between_steps(self) -> None:
            self.keep()

    last = Last()
    whole = trained(last, Adam(0.05), False, None)
    again = trained(Keeper(state=last.state, history=whole.history), Adam(0.05), False, None)
    assert torch.equal(again.parameters.theta, whole.parameters.theta) and again.stopped == "epochs"


def test_the_state_of_another_network_is_refused() -> None:
    keeper = Keeper(3)
    trained(keeper, Adam(0.05), False, None)
    assert keeper.state is not None
    settings = TrainingSettings(epochs=1, batch_size=30)
    with pytest.raises(LeadlineError, match="that of another training"):
        fit(
            Network([Dense(3, "tanh"), Dense(1)]),
            "binary_cross_entropy",
            examples(50, 0),
            None,
            settings,
            keeper=keeper,
        )


def test_interrupted_is_an_interruption() -> None:
    assert issubclass(Interrupted, KeyboardInterrupt)
