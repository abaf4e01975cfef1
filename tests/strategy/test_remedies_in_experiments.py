"""Every remedy's change is an experiment that trains: the advice can be followed as it stands."""

from __future__ import annotations

import ast
import inspect
from dataclasses import replace

import pytest

from leadline.cli.main import run as leadline
from leadline.experiment import Experiment
from leadline.session.plan import make_plan
from leadline.strategy import Advice, Evidence
from leadline.strategy.ladder import BIAS, MISMATCH, OVERFITTING, VARIANCE
from leadline.strategy.remedies import capacity, examples, optimization, regularization, remedies
from leadline.toml_text import toml_value

LAYERS = [
    {"type": "dense", "units": 16, "activation": "relu"},
    {"type": "dropout", "keep_prob": 0.7},
    {"type": "dense", "units": 10},
]
BASE = Experiment.from_dict(
    {
        "data": {"source": "digits", "normalization": "none"},
        "network": {"layers": LAYERS},
        "training": {"epochs": 2, "l2": 0.1, "l1": 0.1, "batch_size": 64, "optimizer": "momentum"},
    }
)
DENSE = Evidence.from_run(
    BASE.to_dict(), [], n_train=1000, n_dev=300, n_parameters=50_000, n_outputs=1, image_shape=(8, 8, 1)
)
DENSE = replace(DENSE, layers=tuple(layer for layer in LAYERS if layer["type"] != "dropout"), augmentation=False)
FALLING = [1 / (k + 1) for k in range(20)]
LEVEL, JUMPING = [0.1 + 0.9 * 0.4**k for k in range(20)], [0.1 + 0.05 * (k % 2) for k in range(20)]
RISING_DEV = [0.2, 0.1, *(0.1 + 0.02 * k for k in range(18))]
EVIDENCE = [
    replace(DENSE, costs=FALLING, stopped="epochs", epochs=20),
    replace(DENSE, costs=FALLING, stopped="early stopping", epochs=20, patience=2),
    replace(DENSE, costs=JUMPING, learning_rate=0.01, layers=LAYERS),
    replace(DENSE, costs=LEVEL, dev_costs=RISING_DEV, patience=0, l2=0.0, learning_rate=0.01),
    replace(DENSE, costs=LEVEL, layers=LAYERS[-1:]),
]
CONVOLUTIONS = [
    {"type": "image", "height": 8, "width": 8},
    {"type": "convolution", "filters": 4, "padding": "same"},
    {"type": "residual", "body": [{"type": "convolution", "filters": 4, "padding": "same", "groups": 2}]},
    {"type": "global_average_pool"},
    {"type": "dense", "units": 10},
]
EVIDENCE.append(replace(DENSE, costs=LEVEL, layers=CONVOLUTIONS))
GAPS = (BIAS, VARIANCE, MISMATCH, OVERFITTING)
FOUND = {(remedy.title, str(remedy.change)): remedy for e in EVIDENCE for gap in GAPS for remedy in remedies(gap, e)}


def titles_in_the_source() -> set[str]:
    """What is given as a title to any advice in the catalogue, as written; an f-string as its constant parts."""
    trees = [ast.parse(inspect.getsource(module)) for module in (optimization, capacity, regularization, examples)]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    first = [c.args[0] for c in calls if getattr(c.func, "attr", "") == "advise" and c.args]
    assert len(first) > 15
    return {a.value for a in first if isinstance(a, ast.Constant) and isinstance(a.value, str)} | {
        str(a.values[0].value) for a in first if isinstance(a, ast.JoinedStr) and isinstance(a.values[0], ast.Constant)
    }


def test_the_cases_below_hold_every_remedy_there_is():
    found = {title for title, _ in FOUND}
    missing = [title for title in titles_in_the_source() if not any(known.startswith(title) for known in found)]
    assert not missing and len(found) >= 18


@pytest.mark.parametrize("remedy", FOUND.values(), ids=lambda r: r.title)
def test_its_change_is_an_experiment_that_can_be_planned(remedy: Advice):
    if not remedy.change:
        assert remedy.title.split()[0] in ("Collect", "Synthesize", "Look")
        return
    changed = BASE.replace(remedy.change)
    assert changed != BASE
    assert Experiment.from_dict(changed.to_dict()) == changed
    plan = make_plan(changed)
    for key in ("epochs", "l2", "l1", "learning_rate"):
        if f"training.{key}" in remedy.change:
            assert getattr(plan.experiment.training, key) == remedy.change[f"training.{key}"]
    if "split.dev" in remedy.change:
        assert len(plan.split.dev) == remedy.change["split.dev"]


@pytest.mark.parametrize("remedy", [r for r in FOUND.values() if r.change], ids=lambda r: r.title)
def test_the_command_takes_it_with_set(remedy: Advice, tmp_path, capsys):
    (tmp_path / "base.toml").write_text(BASE.to_toml())
    options = [f"{key}={toml_value(value)}" for key, value in remedy.change.items()]
    # One epoch tells that it is taken; a remedy that is about the epochs comes after that and wins.
    sets = [text for option in ["training.epochs=1", *options] for text in ("--set", option)]
    runs = ["--runs", str(tmp_path / "runs"), "--quiet", "--name", "next"]
    assert leadline(["train", str(tmp_path / "base.toml"), *sets, *runs]) == 0, capsys.readouterr().err


def test_convolutions_get_twice_the_filters_also_inside_other_layers():
    found = next(
        remedy for title, remedy in ((r.title, r) for r in FOUND.values()) if title == "Widen the convolutions"
    )
    plan = make_plan(BASE.replace(found.change))
    before = make_plan(BASE.replace({"network.layers": CONVOLUTIONS}))
    assert [shape[0] for shape in plan.network.shapes((64,))] == [64, 1, 8, 8, 8, 10]
    assert plan.n_parameters > 3 * before.n_parameters / 2
    assert not any(remedy.title == "Add a hidden layer" for remedy in remedies(BIAS, EVIDENCE[-1]))
