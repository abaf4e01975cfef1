from __future__ import annotations

import pytest
import torch

from leadline.errors import UsageError
from leadline.network import Dense, Dropout, LayerContext, Network
from leadline.optimize import Adam
from leadline.optimize.schedules import Cosine
from leadline.training import Examples, TrainingSettings, fit
from leadline.training.regularization import Regularization, regularization_at


def test_dropout_and_smoothing_fall_by_their_schedules() -> None:
    settings = TrainingSettings(label_smoothing=0.2, label_smoothing_schedule=Cosine(10), dropout_schedule=Cosine(20))
    assert regularization_at(settings, 0) == Regularization(1.0, 0.2)
    halfway = regularization_at(settings, 10)
    assert halfway.dropout == pytest.approx(0.5) and halfway.smoothing == pytest.approx(0, abs=1e-15)
    assert regularization_at(TrainingSettings(), 7) == Regularization()


@pytest.mark.parametrize(("part", "kept"), [(1.0, 0.6), (0.5, 0.8), (0.0, 1.0)])
def test_a_part_of_dropout_keeps_more(part: float, kept: float) -> None:
    memory = LayerContext(training=True, generator=torch.Generator().manual_seed(0), dropout=part)
    y = Dropout(keep_prob=0.6).forward({}, torch.ones(400, 400), memory)
    assert float((y > 0).float().mean()) == pytest.approx(kept, abs=0.01)
    assert float(y.max()) == pytest.approx(1 / kept)


@pytest.mark.parametrize(("smoothing", "probability"), [(0.0, 0.99), (0.3, 0.8)])
def test_trained_probabilities_tend_to_the_smoothed_labels(smoothing: float, probability: float) -> None:
    """With ε = 0.3 and three classes, the label keeps 0.7 and gets another 0.1."""
    y = torch.arange(30) % 3
    train = Examples(torch.nn.functional.one_hot(y, 3).double(), y)
    settings = TrainingSettings(epochs=400, optimizer=Adam(0.1), label_smoothing=smoothing, precision="float64")
    done = fit(Network([Dense(3)]), "softmax_cross_entropy", train, None, settings)
    z = done.network.forward(done.parameters, train.x)
    chosen = torch.softmax(z, -1).gather(1, y[:, None])
    assert float(chosen.min()) > 0.99 if smoothing == 0 else float(chosen.mean()) == pytest.approx(probability, 1e-3)


def test_numbers_are_not_smoothed() -> None:
    with pytest.raises(UsageError, match="label_smoothing is for classes"):
        fit(
            Network([Dense(1)]),
            "squared_error",
            Examples(torch.randn(9, 2), torch.randn(9, 1)),
            None,
            TrainingSettings(label_smoothing=0.1),
        )
    with pytest.raises(UsageError, match="at least 0 and less than 1"):
        TrainingSettings(label_smoothing=1.0)
