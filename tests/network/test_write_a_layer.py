"""The code of the guide on writing layers runs as it stands, and what it shows is what it prints."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from leadline.network import Dense, Network
from leadline.network.layer import LAYERS
from leadline.training import Examples, TrainingSettings, fit
from leadline.training.population import Member, Population, trains_in_population

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "write-a-layer.md"


@pytest.fixture(scope="module")
def guide() -> dict:
    """The names that the guide's code defines, after running all of it in order."""
    module = ModuleType("guide")
    sys.modules["guide"] = module
    torch.manual_seed(0)
    for block in re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL):
        exec(block, module.__dict__)
    return module.__dict__


def test_the_layer_is_right_and_the_planted_error_is_named(guide: dict) -> None:
    assert guide["check"].passed
    assert guide["check"].worst.difference < 1e-7
    row = guide["wrong"].errors[0]
    assert "layers[1] Forgetful(): the derivative by its input is wrong" in row.explain()
    assert "no one factor explains it" in row.explain()
    assert "follows from layers[1]" in str(guide["wrong"])


def test_it_trains_and_reads_from_an_experiment_file(guide: dict) -> None:
    assert guide["done"].stopped == "epochs"
    assert not torch.equal(guide["done"].parameters.named()["layers.1.slope"], torch.full((6,), 0.25))
    assert LAYERS["parametric_relu"] is guide["ParametricRelu"]


def test_its_equations_serve_populations(guide: dict) -> None:
    z, slope, d_a = torch.randn(3, 5, 4), torch.rand(3, 4), torch.randn(3, 5, 4)
    together = guide["parametric_relu_backward"](d_a, z, slope)
    for member in range(3):
        alone = guide["parametric_relu_backward"](d_a[member], z[member], slope[member])
        for a, b in zip(together, alone, strict=True):
            torch.testing.assert_close(a[member], b)


def test_the_layer_is_about_thirty_lines(guide: dict) -> None:
    text = GUIDE.read_text(encoding="utf-8")
    first = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0]
    lines = [line for line in first.splitlines() if line.strip()]
    assert len(lines) <= 35


def test_a_layer_that_says_so_trains_in_a_population_as_alone(guide: dict) -> None:
    network = Network([Dense(6), guide["SharedRelu"](), Dense(3)])
    examples = Examples(guide["x"], guide["y"])
    settings = TrainingSettings(epochs=3, batch_size=5, precision="float64")
    examples = Examples(examples.x.double(), examples.y)
    members = [Member(seed=1), Member(seed=2, learning_rate=0.02)]
    together = Population(network, members).fit("softmax_cross_entropy", examples, None, settings)
    for member, done in zip(members, together, strict=True):
        own = member.resolve(network, settings)
        alone = fit(own.network, "softmax_cross_entropy", examples, None, own.settings)
        torch.testing.assert_close(done.parameters.theta, alone.parameters.theta, rtol=1e-10, atol=1e-12)
    assert not trains_in_population(Network([Dense(6), guide["ParametricRelu"](), Dense(3)]))
    assert not trains_in_population(Network([Dense(6), guide["Forgetful"](), Dense(3)]))
