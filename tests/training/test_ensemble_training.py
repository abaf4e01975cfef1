"""An ensemble trains member by member, as a population does, and is judged by its mean."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from leadline.errors import UsageError
from leadline.network import BatchNorm, Dense, Dropout, Network, PeriodicEmbedding, as_population
from leadline.optimize import AdamW
from leadline.optimize.schedules import Cosine
from leadline.training import EarlyStopping, Epoch, Examples, TrainingSettings, cost_and_error, fit, outputs
from leadline.training.population.active_members import member_of

SOFTMAX = "softmax_cross_entropy"
MEMBER = Network(
    [
        PeriodicEmbedding((0, 1)),
        Dense(8, "mish"),
        Dense(7),
        BatchNorm(activation="tanh"),
        Dropout(keep_prob=0.8),
        Dense(3),
    ]
)
SETTINGS = TrainingSettings(
    epochs=6,
    batch_size=32,
    optimizer=AdamW(0.01, weight_decay=0.1),
    schedule=Cosine(6),
    dropout_schedule=Cosine(6),
    label_smoothing=0.1,
    precision="float64",
)


def examples(m: int, seed: int = 0) -> Examples:
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(m, 4, generator=random, dtype=torch.float64)
    return Examples(x, (x[:, :3] + 0.5 * torch.randn(m, 3, generator=random, dtype=torch.float64)).argmax(1))


def test_every_member_trains_as_it_would_alone() -> None:
    network = MEMBER.ensemble(3)
    start = network.initialize((4,), seed=5, dtype=torch.float64)
    starts = as_population(start)
    done = fit(network, SOFTMAX, examples(150), None, replace(SETTINGS, seed=5), start)
    trained = as_population(done.parameters)
    for i in range(3):
        own = member_of(starts, i).clone()
        alone = fit(MEMBER, SOFTMAX, examples(150), None, replace(SETTINGS, seed=3 * 5 + i), own)
        torch.testing.assert_close(member_of(trained, i).theta, alone.parameters.theta, rtol=0, atol=1e-12)
        statistics = member_of(trained, i).named_statistics()
        torch.testing.assert_close(statistics, alone.parameters.named_statistics(), rtol=0, atol=1e-12)


def test_the_kept_epoch_is_the_best_one_of_the_mean() -> None:
    train, dev = examples(60), examples(200, seed=1)
    settings = replace(SETTINGS, epochs=40, label_smoothing=0.0, schedule=Cosine(400), optimizer=AdamW(0.03))
    settings = replace(settings, early_stopping=EarlyStopping(40, "dev_cost"))
    seen: list[float] = []

    def measure(record: Epoch, trainer: object) -> None:
        parameters = trainer.parameters  # type: ignore[attr-defined]
        cost, error = cost_and_error(SOFTMAX, outputs(network, parameters, dev.x), dev.y)
        assert (record.dev_cost, record.dev_error) == (cost, error)
        seen.append(cost)

    network = MEMBER.ensemble(4).for_loss(SOFTMAX)
    done = fit(network, SOFTMAX, train, dev, settings, on_epoch=measure)
    assert len(seen) == 40 and done.stopped == "epochs" and done.restored
    assert done.best_epoch == 1 + min(range(40), key=seen.__getitem__) < 40
    assert cost_and_error(SOFTMAX, outputs(network, done.parameters, dev.x), dev.y)[0] == min(seen)


def test_the_same_seed_gives_the_same_ensemble_and_another_one_another() -> None:
    network = MEMBER.ensemble(2)
    first, again, other = (
        fit(network, SOFTMAX, examples(90), None, replace(SETTINGS, seed=seed)).parameters.theta for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_member_that_diverges_ends_the_training_at_good_parameters() -> None:
    done = fit(
        Network([Dense(8, "relu"), Dense(3)]).ensemble(2),
        "squared_error",
        Examples(torch.full((64, 2), 1e3), torch.full((64, 3), 1e6)),
        None,
        TrainingSettings(epochs=9, batch_size=8, optimizer=AdamW(1e30)),
    )
    assert done.stopped == "diverged" and done.divergence is not None
    assert str(done.divergence).startswith("a member of the ensemble: training diverged in epoch")
    assert torch.isfinite(done.parameters.theta).all()


def test_a_small_gradient_ends_the_training() -> None:
    settings = TrainingSettings(epochs=500, batch_size=90, optimizer=AdamW(0.05), gradient_tolerance=0.05)
    data = examples(90)
    data = Examples(data.x.float(), data.y)
    done = fit(Network([Dense(3)]).ensemble(2), SOFTMAX, data, None, settings)
    assert done.stopped == "tolerance" and len(done.history) < 500


class Unvaried:
    """Leaves examples as they are, and counts as augmentation."""

    generator = torch.Generator()

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return x


def test_what_an_ensemble_cannot_train_on() -> None:
    train = examples(40)
    with pytest.raises(UsageError, match=r"network\.members.*does not vary its examples.*members = 1"):
        fit(MEMBER.ensemble(2), SOFTMAX, train, None, SETTINGS, augment=Unvaried())
