"""Well-known networks by name in an experiment."""

from __future__ import annotations

import pytest

from leadline.errors import UsageError
from leadline.experiment import Experiment
from leadline.session.plan import make_plan


def experiment(**network: object) -> Experiment:
    return Experiment.from_dict({"data": {"source": "digits"}, "network": network})


def test_an_architecture_becomes_layers_that_repeat_the_run() -> None:
    """T4.12: any input size and class count that fit, by name in an experiment file."""
    plan = make_plan(experiment(architecture="resnet20"))
    again = make_plan(Experiment.from_dict(plan.experiment.to_dict()))
    assert again.network == plan.network
    assert plan.experiment.network.architecture is None
    assert plan.network.shapes(plan.input_shape)[-1] == (10,)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({"architecture": "resnet21"}, "Did you mean .*resnet20"),
        ({"architecture": "lenet5", "layers": [{"type": "dense", "units": 10}]}, "leave one of them out"),
    ],
)
def test_what_is_wrong_is_one_line(network: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_plan(experiment(**network))
