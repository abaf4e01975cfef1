from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight

from leadline.errors import UsageError
from leadline.network import Dense, Network
from leadline.optimize import Adam, GradientDescent
from leadline.training import EarlyStopping, Examples, TrainingSettings, fit, outputs
from leadline.training.class_weights import balanced_weights, weights_by_label
from leadline.training.population import PopulationTrainer, ResolvedMember, train_to_end

SOFTMAX, LOGISTIC = "softmax_cross_entropy", "binary_cross_entropy"
WEIGHTS = {SOFTMAX: (0.5, 4.0, 1.5), LOGISTIC: (0.5, 4.0)}
SETTINGS = TrainingSettings(epochs=3, batch_size=32, optimizer=Adam(0.02), precision="float64")


def examples(loss: str, m: int = 150, weighted: bool = False, seed: int = 0) -> Examples:
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(m, 4, generator=random, dtype=torch.float64)
    noisy = x[:, :3] + torch.randn(m, 3, generator=random, dtype=torch.float64)
    y = noisy.argmax(1) if loss == SOFTMAX else (noisy[:, :1] > 1).double()
    return Examples(x, y, torch.rand(m, generator=random, dtype=torch.float64) if weighted else None)


def network(loss: str) -> Network:
    return Network([Dense(6, "tanh"), Dense(3 if loss == SOFTMAX else 1)])


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    labels = np.array([0] * 7 + [1] * 2 + [3])
    expected = compute_class_weight("balanced", classes=np.unique(labels), y=labels)
    assert balanced_weights(labels, 4) == pytest.approx([*expected[:2], 1.0, expected[2]])


def test_the_weight_of_a_label_between_two_classes_lies_between_theirs() -> None:
    labels = torch.tensor([[0.0], [1.0], [0.25]])
    assert weights_by_label(labels, torch.tensor([2.0, 6.0])).tolist() == [2.0, 6.0, 3.0]


@pytest.mark.parametrize("loss", [SOFTMAX, LOGISTIC])
def test_one_step_is_that_of_torchs_weighted_cross_entropy(loss: str) -> None:
    data = examples(loss)
    settings = replace(SETTINGS, epochs=1, batch_size=150, optimizer=GradientDescent(1.0), class_weights=WEIGHTS[loss])
    start = network(loss).initialize((4,), 0, torch.float64)
    theta = start.theta.clone()
    dense = [
        start.named()[f"layers.{i}.{name}"].clone().requires_grad_() for i in (0, 1) for name in ("weight", "bias")
    ]
    done = fit(network(loss), loss, data, data, settings, start)
    z = torch.tanh(data.x @ dense[0].T + dense[1]) @ dense[2].T + dense[3]
    both = torch.hstack([torch.zeros_like(z), z]) if loss == LOGISTIC else z
    weight = torch.tensor(WEIGHTS[loss], dtype=torch.float64)
    cost = torch.nn.functional.cross_entropy(both, data.y.long().flatten(), weight)
    cost.backward()
    gradient = torch.cat([part.grad.flatten() for part in dense if part.grad is not None])
    moved = torch.cat(
        [done.parameters.named()[f"layers.{i}.{n}"].flatten() for i in (0, 1) for n in ("weight", "bias")]
    )
    before = torch.cat([part.detach().flatten() for part in dense])
    torch.testing.assert_close(before - moved, gradient, rtol=0, atol=1e-12)
    assert done.history[0].cost == pytest.approx(float(cost.detach()), abs=1e-12) and not torch.equal(theta, moved)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", [SOFTMAX, LOGISTIC])
def test_members_with_weights_train_as_they_would_alone(loss: str, weighted: bool) -> None:
    """Members with other class weights, a subset with padded batches, and weights of single examples."""
    train, dev = examples(loss, weighted=weighted), examples(loss, 60, seed=1)
    subset = torch.arange(0, 150, 2)
    settings = replace(SETTINGS, early_stopping=EarlyStopping(9, "dev_cost"))
    own = replace(settings, seed=1, class_weights=WEIGHTS[loss])
    singles = [
        ResolvedMember(network(loss), settings),
        ResolvedMember(network(loss), own),
        ResolvedMember(network(loss), own, subset),
    ]
    for single, got in zip(singles, train_to_end(PopulationTrainer(singles, loss, train, dev)), strict=True):
        rows = slice(None) if single.subset is None else single.subset
        weights = None if train.weights is None else train.weights[rows]
        alone = fit(single.network, loss, Examples(train.x[rows], train.y[rows], weights), dev, single.settings)
        torch.testing.assert_close(got.parameters.theta, alone.parameters.theta, rtol=0, atol=1e-12)
        for mine, theirs in zip(got.history, alone.history, strict=True):
            costs = (theirs.cost, theirs.dev_cost, theirs.train_error)
            assert (mine.cost, mine.dev_cost, mine.train_error) == pytest.approx(costs, abs=1e-12)


@pytest.mark.parametrize("loss", [SOFTMAX, LOGISTIC])
def test_weights_are_as_repeated_examples(loss: str) -> None:
    """T3.21: a class of weight 3 gives the gradient of its examples three times over."""
    train = examples(loss)
    k = 3 if loss == SOFTMAX else 2
    repeats = torch.where(train.y.flatten() == 1, 3, 1)
    repeated = Examples(train.x.repeat_interleave(repeats, 0), train.y.repeat_interleave(repeats, 0))
    settings = replace(SETTINGS, optimizer=GradientDescent(0.5), batch_size=len(repeated))
    weights = tuple(3.0 if c == 1 else 1.0 for c in range(k))
    by_weight = fit(network(loss), loss, train, None, replace(settings, class_weights=weights))
    by_rows = fit(network(loss), loss, repeated, None, settings)
    torch.testing.assert_close(by_weight.parameters.theta, by_rows.parameters.theta, rtol=0, atol=1e-12)


def test_an_ensemble_takes_class_weights_and_weighted_examples() -> None:
    train = examples(SOFTMAX, weighted=True)
    settings = replace(SETTINGS, class_weights=WEIGHTS[SOFTMAX])
    plain = fit(network(SOFTMAX).ensemble(3), SOFTMAX, replace(train, weights=None), train, SETTINGS)
    done = fit(network(SOFTMAX).ensemble(3), SOFTMAX, train, train, settings)
    assert not torch.allclose(done.parameters.theta, plain.parameters.theta)
    z = outputs(done.network, done.parameters, train.x)
    expected = torch.nn.functional.cross_entropy(z, train.y, torch.tensor(WEIGHTS[SOFTMAX], dtype=torch.float64))
    assert done.history[-1].dev_cost == pytest.approx(float(expected), abs=1e-12)


def test_a_rare_class_with_a_large_weight_is_predicted_more_often() -> None:
    train = examples(LOGISTIC, 600)
    settings = replace(SETTINGS, epochs=40, optimizer=Adam(0.01))
    shares = []
    for weights in (None, tuple(balanced_weights(train.y.numpy(), 2))):
        done = fit(network(LOGISTIC), LOGISTIC, train, None, replace(settings, class_weights=weights))
        shares.append(float((outputs(done.network, done.parameters, train.x) > 0).double().mean()))
    assert shares[1] > shares[0] + 0.1


@pytest.mark.parametrize(
    ("loss", "weights", "message"),
    [
        ("squared_error", (1.0, 2.0), "one class each"),
        (SOFTMAX, (1.0, 2.0), "each of 3 classes, got 2"),
        (LOGISTIC, (1.0, 2.0, 3.0), "each of 2 classes, got 3"),
        (SOFTMAX, (1.0, 0.0, 2.0), "greater than 0"),
    ],
)
def test_weights_that_do_not_fit(loss: str, weights: tuple[float, ...], message: str) -> None:
    data = examples(SOFTMAX if loss == "squared_error" else loss)
    if loss == "squared_error":
        data = Examples(data.x, data.x[:, :3])
    shape = network(SOFTMAX if loss == "squared_error" else loss)
    for kind in (shape, shape.ensemble(2)):
        with pytest.raises(UsageError, match=message):
            fit(kind, loss, data, None, replace(SETTINGS, class_weights=weights))
