from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from leadline.equations.losses import LOSSES
from leadline.errors import UsageError
from leadline.network import (
    Activation,
    BatchNorm,
    Convolution,
    Dense,
    Dropout,
    Ensemble,
    Flatten,
    Network,
    PeriodicEmbedding,
    as_population,
    gradient_check,
    layer_from_config,
    take_over_members,
)
from leadline.training.evaluate import outputs
from leadline.training.population.active_members import member_of

MEMBER = Network(
    [PeriodicEmbedding((0, 2)), Dense(6), BatchNorm(), Activation("mish"), Dropout(keep_prob=0.8), Dense(3)],
)
ENSEMBLE = MEMBER.ensemble(4)


def inputs(m: int = 12) -> torch.Tensor:
    return torch.randn(m, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("loss", list(LOSSES))
def test_gradients(loss: str) -> None:
    y = torch.arange(12) % 3 if loss == "softmax_cross_entropy" else (inputs()[:, :3] > 0).double()
    network = ENSEMBLE
    if loss == "binary_cross_entropy":
        network, y = Network([*MEMBER.layers[:-1], Dense(1)]).ensemble(4), y[:, :1]
    check = gradient_check(network, inputs(), y, loss, l2=0.3)
    assert check.passed, str(check)


@pytest.mark.parametrize("loss", list(LOSSES))
def test_an_ensemble_predicts_the_mean_of_its_members(loss: str) -> None:
    network = ENSEMBLE.for_loss(loss)
    parameters = network.initialize((5,), seed=3, dtype=torch.float64)
    predict, population = LOSSES[loss].prediction, as_population(parameters)
    each = [predict(outputs(network.member, member_of(population, i), inputs())) for i in range(4)]
    torch.testing.assert_close(predict(outputs(network, parameters, inputs())), torch.stack(each).mean(0))
    assert float((each[0] - each[1]).abs().max()) > 1e-3  # members start differently


def test_members_are_taken_out_and_put_back() -> None:
    parameters = ENSEMBLE.initialize((5,), seed=3)
    population = as_population(parameters)
    assert population.layout == MEMBER.layout((5,))
    assert population.theta.shape == (4, MEMBER.layout((5,)).n)
    other = ENSEMBLE.initialize((5,), seed=4)
    take_over_members(other, [member_of(population, i) for i in range(4)])
    assert torch.equal(other.theta, parameters.theta)


def test_an_ensemble_counts_all_its_members() -> None:
    one, all_four = MEMBER.summary(5), ENSEMBLE.summary(5)
    assert all_four.parameters == 4 * one.parameters == ENSEMBLE.layout((5,)).n
    assert all_four.flops == 4 * one.flops
    assert ENSEMBLE.layout((5,)).n_penalized == 4 * MEMBER.layout((5,)).n_penalized
    assert [row.output_shape for row in all_four.layers] == [row.output_shape for row in one.layers]
    assert "An ensemble of 4 networks" in str(all_four) and "ensemble" not in str(one)


def test_an_ensemble_is_a_value() -> None:
    assert ENSEMBLE.members == 4 and ENSEMBLE.member == MEMBER and ENSEMBLE.depth == MEMBER.depth
    assert MEMBER.members == 1 and MEMBER.member == MEMBER and MEMBER.ensemble(1) == MEMBER
    assert ENSEMBLE.ensemble(2).members == 2
    assert Network.from_config(ENSEMBLE.config()) == ENSEMBLE
    assert layer_from_config(ENSEMBLE.layers[0].config()) == ENSEMBLE.layers[0]
    assert str(ENSEMBLE.depth_report(inputs(40))) == str(MEMBER.depth_report(inputs(40)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Network([Flatten(), Dense(1)]).ensemble(2), r"made of dense networks, got layers\[0\] Flatten"),
        (lambda: Network([Convolution(2, 3), Dense(1)]).ensemble(2), r"got layers\[0\] Convolution.*members = 1"),
        (lambda: Ensemble([Dense(1)], 1), "members must be"),
        (lambda: Ensemble([]), "at least one layer"),
        (lambda: Ensemble([Dense(1)], 2, "median"), "unknown mean_of 'median'"),
    ],
)
def test_wrong_values(make: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()
