from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from leadline.errors import LeadlineError, UsageError
from leadline.limits import Monitor, Precision
from leadline.network import Activation, BatchNorm, Dense, Dropout, Network
from leadline.optimize import Adam, GradientDescent, Momentum
from leadline.optimize.schedules import InverseTime
from leadline.training import EarlyStopping, Examples, FitResult, Trainer, TrainingSettings, fit
from leadline.training import trainer as trainer_module


def moons(m: int = 200, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Two classes that a line cannot part: inside and outside of a ring."""
    x = torch.randn(m, 2, generator=torch.Generator().manual_seed(seed))
    return x, (x.square().sum(1, keepdim=True) > 1.4).float()


def train(network: Network, settings: TrainingSettings, m: int = 200, **more: object) -> FitResult:
    train_set = Examples.of(*moons(m), settings)
    dev_set = Examples.of(*moons(100, seed=1), settings)
    return fit(network, "binary_cross_entropy", train_set, dev_set, settings, **more)  # type: ignore[arg-type]


NETWORK = Network([Dense(16, "tanh"), Dense(1, "sigmoid")])


def test_learns_what_a_line_cannot_part() -> None:
    result = train(NETWORK, TrainingSettings(epochs=150, batch_size=32, optimizer=Adam(0.02)))
    assert result.history[0].cost > 0.6
    assert result.history[-1].cost < 0.15
    assert result.history[-1].dev_error is not None
    assert result.history[-1].dev_error <= 0.06
    assert result.stopped == "epochs"


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_repeats_bit_for_bit(precision: Precision) -> None:
    network = Network([Dense(8), BatchNorm(), Activation("relu"), Dropout(keep_prob=0.8), Dense(1)])
    settings = TrainingSettings(epochs=5, batch_size=33, optimizer=Momentum(0.1), precision=precision, seed=7)
    first, second = train(network, settings), train(network, settings)
    assert first.parameters.theta.dtype == settings.dtype
    assert torch.equal(first.parameters.theta, second.parameters.theta)
    assert [e.cost for e in first.history] == [e.cost for e in second.history]
    other = train(
        network, TrainingSettings(epochs=5, batch_size=33, optimizer=Momentum(0.1), precision=precision, seed=8)
    )
    assert not torch.equal(first.parameters.theta, other.parameters.theta)


def test_cost_of_an_epoch_is_the_mean_over_its_batches_before_their_updates() -> None:
    """With a learning rate of nearly nothing every batch sees the same θ: the epoch's cost is the cost of the set."""
    settings = TrainingSettings(epochs=1, batch_size=64, optimizer=GradientDescent(1e-12), l2=0.5, precision="float64")
    examples = Examples.of(*moons(192), settings)
    trainer = Trainer(
        NETWORK,
        "binary_cross_entropy",
        examples,
        None,
        settings,
        NETWORK.initialize((2,), dtype=torch.float64),
    )
    x, y = examples.x, examples.y
    data_cost, penalty = trainer.objective.loss.cost(trainer.objective.output(x), y), trainer.objective.penalty(64)
    epoch = trainer.run_epoch()
    assert epoch.cost == pytest.approx(float(data_cost + penalty), rel=1e-9)
    assert epoch.penalty == pytest.approx(float(penalty), rel=1e-9) and epoch.penalty > 0


def test_schedule_sets_the_rate_of_each_epoch() -> None:
    """T2.13: α₀ = 0.2, d = 1 gives 0.2, 0.1, 0.0667, … and is what the history says."""
    result = train(NETWORK, TrainingSettings(epochs=4, optimizer=GradientDescent(0.2), schedule=InverseTime(1.0)))
    assert [round(e.learning_rate, 4) for e in result.history] == [0.2, 0.1, 0.0667, 0.05]


def test_early_stopping_stops_at_the_planted_minimum_and_restores_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """T2.15: dev error falls to epoch 4 and rises after; patience 3 ends at epoch 7 with the parameters of epoch 4."""
    errors = iter([0.5, 0.4, 0.3, 0.2, 0.3, 0.25, 0.4, 0.1, 0.1])
    monkeypatch.setattr(trainer_module, "measure_dev", lambda *_: (1.0, next(errors), None))
    thetas: list[torch.Tensor] = []
    settings = TrainingSettings(epochs=50, optimizer=GradientDescent(0.1), early_stopping=EarlyStopping(patience=3))
    result = train(NETWORK, settings, on_epoch=lambda _, trainer: thetas.append(trainer.parameters.theta.clone()))
    assert (result.stopped, result.best_epoch, len(result.history)) == ("early stopping", 4, 7)
    assert result.restored
    assert torch.equal(result.parameters.theta, thetas[3])
    assert not torch.equal(thetas[3], thetas[6])


def test_ties_of_the_dev_error_are_broken_by_the_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    """T2.15."""
    measured = iter([(0.5, 0.2, None), (0.4, 0.2, None), (0.6, 0.2, None)])
    monkeypatch.setattr(trainer_module, "measure_dev", lambda *_: next(measured))
    assert train(NETWORK, TrainingSettings(epochs=3)).best_epoch == 2


@pytest.mark.parametrize(("monitor", "best"), [("goal", 2), ("dev_error", 3), ("dev_cost", 1)])
def test_early_stopping_goes_by_what_it_monitors(monkeypatch: pytest.MonkeyPatch, monitor: Monitor, best: int) -> None:
    """T2.15: on the dev metric; goal, error and cost have their least values in different epochs."""
    measured = iter([(0.1, 0.5, 0.9), (0.2, 0.4, 0.3), (0.3, 0.3, 0.9), (0.4, 0.4, 0.9)])
    monkeypatch.setattr(trainer_module, "measure_dev", lambda *_: next(measured))
    settings = TrainingSettings(epochs=4, early_stopping=EarlyStopping(patience=4, monitor=monitor))
    assert train(NETWORK, settings).best_epoch == best


def test_the_goal_is_measured_only_where_it_is_monitored() -> None:
    settings = TrainingSettings(epochs=3, early_stopping=EarlyStopping(patience=3))
    dev = replace(Examples.of(*moons(100, seed=1), settings), goal=lambda z, y: float(z.abs().sum()))
    examples = Examples.of(*moons(), settings)
    result = fit(NETWORK, "binary_cross_entropy", examples, dev, settings)
    goals = [record.dev_goal for record in result.history]
    assert None not in goals and result.best_epoch == 1 + goals.index(min(goal for goal in goals if goal is not None))
    for stopping in (None, EarlyStopping(patience=3, monitor="dev_cost")):
        plain = fit(NETWORK, "binary_cross_entropy", examples, dev, replace(settings, early_stopping=stopping))
        assert {record.dev_goal for record in plain.history} == {None}


def test_on_epoch_may_stop() -> None:
    result = train(NETWORK, TrainingSettings(epochs=9), on_epoch=lambda record, _: record.epoch == 2)
    assert (result.stopped, len(result.history)) == ("request", 2)


def test_interruption_keeps_what_was_reached() -> None:
    def interrupt(record: object, trainer: Trainer) -> None:
        if trainer.epoch == 3:
            raise KeyboardInterrupt

    result = train(NETWORK, TrainingSettings(epochs=9), on_epoch=interrupt)
    assert (result.stopped, len(result.history)) == ("interrupted", 3)


def test_progress_is_told_within_an_epoch() -> None:
    seen: list[tuple[int, int]] = []
    train(
        NETWORK,
        TrainingSettings(epochs=1, batch_size=1),
        on_progress=lambda step, steps, cost: seen.append((step, steps)),
    )
    assert seen == [(64, 200), (128, 200), (192, 200), (200, 200)]


def test_penalty_shrinks_weights_and_spares_biases() -> None:
    """T2.04: the squared size of the weights falls as λ grows."""
    sizes = []
    for l2 in (0.0, 1.0, 10.0):
        result = train(NETWORK, TrainingSettings(epochs=100, optimizer=GradientDescent(0.5), l2=l2))
        sizes.append(float(result.parameters.layers[0]["weight"].square().sum()))
    assert sizes[0] > 1.2 * sizes[1]
    assert sizes[1] > 3 * sizes[2]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epochs": -1}, "epochs must be a whole number of at least 0 and at most .*, got -1"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
        ({"l2": -0.1}, "l2 must be at least 0 and at most .*, got -0.1"),
        ({"clip_norm": 0.0}, "clip_norm must be greater than 0, got 0.0"),
        ({"precision": "float23"}, "unknown precision 'float23'. Did you mean 'float32'"),
    ],
)
def test_wrong_settings_say_what_is_allowed(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TrainingSettings(**wrong)  # type: ignore[arg-type]


def test_batch_norm_refuses_a_batch_of_one() -> None:
    """T2.14: a batch of one in training is a clear error."""
    network = Network([Dense(4), BatchNorm(), Dense(1)])
    with pytest.raises(LeadlineError, match="one example"):
        train(network, TrainingSettings(epochs=1, batch_size=1))
