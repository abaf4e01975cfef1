"""An ensemble over folds: each member trains on all but its fold, and what it left out judges it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from leadline.network import Dense, Dropout, Network, as_population
from leadline.optimize import AdamW
from leadline.optimize.schedules import Cosine
from leadline.training import EarlyStopping, Examples, TrainingSettings, cost_and_error, fit, outputs
from leadline.training.fold_members import fit_over_folds
from leadline.training.population.active_members import member_of

SOFTMAX = "softmax_cross_entropy"
MEMBER = Network([Dense(8, "tanh"), Dropout(keep_prob=0.8), Dense(3)])
SETTINGS = TrainingSettings(
    epochs=5, batch_size=16, optimizer=AdamW(0.02), schedule=Cosine(5), dropout_schedule=Cosine(5), precision="float64"
)


def examples(m: int = 83) -> Examples:
    random = torch.Generator().manual_seed(0)
    x = torch.randn(m, 4, generator=random, dtype=torch.float64)
    return Examples(x, (x[:, :3] + torch.randn(m, 3, generator=random, dtype=torch.float64)).argmax(1))


@pytest.mark.parametrize("folds", [np.arange(83) % 4, np.r_[np.zeros(40), np.arange(43) % 4].astype(int)])
def test_every_member_trains_alone_on_what_is_not_in_its_fold(folds: np.ndarray) -> None:
    """Folds of nearly one size, and of sizes so different that epochs have other numbers of steps."""
    train = examples()
    done = fit_over_folds(MEMBER.ensemble(4), SOFTMAX, train, folds, SETTINGS)
    trained = as_population(done.parameters)
    for i in range(4):
        rows, left_out = torch.as_tensor(folds != i), torch.as_tensor(folds == i)
        settings = replace(SETTINGS, seed=i)
        alone = fit(MEMBER, SOFTMAX, Examples(train.x[rows], train.y[rows]), None, settings)
        torch.testing.assert_close(member_of(trained, i).theta, alone.parameters.theta, rtol=0, atol=1e-12)
        z = outputs(alone.network, alone.parameters, train.x[left_out])
        torch.testing.assert_close(done.outputs[left_out], z, rtol=0, atol=1e-10)
    assert done.epoch == 5


def test_the_epoch_is_that_of_the_least_cost_of_what_was_left_out() -> None:
    train, folds = examples(), np.arange(83) % 4
    settings = replace(SETTINGS, epochs=60, optimizer=AdamW(0.05), schedule=Cosine(300))
    settings = replace(settings, early_stopping=EarlyStopping(60, "dev_cost"))
    chosen = fit_over_folds(MEMBER.ensemble(4), SOFTMAX, train, folds, settings)
    costs = []
    for epochs in range(1, 61, 3):
        done = fit_over_folds(
            MEMBER.ensemble(4), SOFTMAX, train, folds, replace(settings, epochs=epochs, early_stopping=None)
        )
        costs.append(cost_and_error(SOFTMAX, done.outputs, train.y)[0])
        assert done.epoch == epochs
    kept = cost_and_error(SOFTMAX, chosen.outputs, train.y)[0]
    assert 1 < chosen.epoch < 60 and kept <= min(costs)
    again = fit_over_folds(
        MEMBER.ensemble(4), SOFTMAX, train, folds, replace(settings, epochs=chosen.epoch, early_stopping=None)
    )
    torch.testing.assert_close(again.parameters.theta, chosen.parameters.theta, rtol=0, atol=1e-12)
    torch.testing.assert_close(again.outputs, chosen.outputs, rtol=0, atol=1e-12)


def test_patience_ends_it() -> None:
    settings = replace(SETTINGS, epochs=500, optimizer=AdamW(0.05), early_stopping=EarlyStopping(5, "dev_cost"))
    seen: list[int] = []
    done = fit_over_folds(MEMBER.ensemble(2), SOFTMAX, examples(), np.arange(83) % 2, settings, seen.append)
    assert len(seen) == done.epoch + 5 < 500
