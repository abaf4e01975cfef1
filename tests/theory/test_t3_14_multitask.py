"""T3.14: one network for several labels, some missing, compared with separate networks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

import leadline as ll
from leadline.cli.main import run as command
from leadline.equations.losses import LOSSES
from leadline.errors import UsageError
from leadline.experiment import Experiment
from leadline.measure import break_down
from leadline.session import multitask
from leadline.session.multitask import compare_multitask, widened, with_one_output
from leadline.session.plan import make_plan
from leadline.training import Examples, fit
from leadline.training.population import Member, Population

NAMES = ("car", "sign", "light")


def shared(n: int = 900, missing: tuple[float, ...] = (0.0, 0.2, 0.85)) -> tuple[np.ndarray, np.ndarray]:
    """Labels that all rest on the same two hidden features of 24 inputs; shares of them are missing."""
    random = np.random.default_rng(5)
    x = random.normal(size=(n, 24))
    hidden = np.tanh(2 * x @ (random.normal(size=(24, 2)) / np.sqrt(24)))
    y = (hidden @ np.array([[2.0, -1.0, 1.5], [1.0, 2.0, -1.5]]) + 0.05 * random.normal(size=(n, 3)) > 0).astype(float)
    y[random.random(y.shape) < np.array(missing)] = np.nan
    return x, y


def experiment(**training: object) -> Experiment:
    settings = {"epochs": 25, "batch_size": 32, "learning_rate": 0.01} | training
    layers = [{"type": "dense", "units": 12, "activation": "relu"}, {"type": "dense", "units": 3}]
    split = {"dev": 0.35, "test": 0}
    return Experiment.from_dict({"network": {"layers": layers}, "training": settings, "split": split})


def test_t3_14_the_cost_sums_over_the_labels_that_are_known() -> None:
    """T3.14: J = 1/m Σᵢ Σⱼ L(ŷⱼ, yⱼ), j over the known labels of example i; a missing one has no gradient."""
    random = torch.Generator().manual_seed(0)
    z = torch.randn(6, 3, generator=random, dtype=torch.float64)
    y = (torch.rand(6, 3, generator=random) > 0.5).double()
    y[0, 1] = y[2, 0] = y[2, 1] = y[2, 2] = y[5, 2] = float("nan")
    by_hand = 0.0
    for i in range(6):
        for j in range(3):
            if not torch.isnan(y[i, j]):
                a = torch.sigmoid(z[i, j])
                by_hand -= (y[i, j] * torch.log(a) + (1 - y[i, j]) * torch.log(1 - a)).item()
    loss = LOSSES["multi_label_cross_entropy"]
    assert float(loss.cost(z, y)) == pytest.approx(by_hand / 6, rel=1e-12)
    d_z = loss.backward(z, y)
    expected = torch.where(torch.isnan(y), torch.zeros_like(z), (torch.sigmoid(z) - y) / 6)
    torch.testing.assert_close(d_z, expected, rtol=1e-12, atol=0)


def test_t3_14_metrics_of_each_task_over_its_known_labels() -> None:
    """T3.14: error, precision, recall and F1 with n and interval."""
    truth = np.array([[1, 0, np.nan], [1, np.nan, np.nan], [0, 1, np.nan], [0, 1, np.nan], [1, 0, np.nan]])
    answers = np.array([[1, 1, 1], [0, 1, 0], [1, 1, 0], [0, 1, 1], [1, 0, 0]])
    found = break_down("multilabel", truth, answers, classes=NAMES).classes
    values = {name: measured.value for name, measured in found["car"].items()}
    assert values == pytest.approx({"error": 2 / 5, "precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3})
    values = {name: measured.value for name, measured in found["sign"].items()}
    assert values == pytest.approx({"error": 1 / 4, "precision": 2 / 3, "recall": 1, "f1": 0.8})
    low, high = found["sign"]["error"].interval
    assert low < 0.25 < high and found["sign"]["error"].n == 4 and found["sign"]["precision"].n == 3
    assert "light" not in found


def test_t3_14_separate_networks_in_a_population_are_what_each_is_alone() -> None:
    """T3.14: a member with a label trains towards that column alone, missing labels, dropout and early stopping in."""
    plan = make_plan(experiment(precision="float64", early_stopping={"patience": 4}, l2=0.1), ll.read(shared()))
    network = ll.Network([ll.Dense(7, "relu"), ll.Dropout(keep_prob=0.9), ll.Dense(1)])
    train, dev = plan.examples("train"), plan.examples("dev")
    assert train is not None and dev is not None
    members = [Member(label=label) for label in (2, 0, 1)]
    together = Population(network, members).fit(plan.loss, train, dev, plan.training)
    for member, done in zip(members, together, strict=True):
        label = slice(member.label, (member.label or 0) + 1)
        own, own_dev = Examples(train.x, train.y[:, label]), Examples(dev.x, dev.y[:, label])
        alone = fit(network, plan.loss, own, own_dev, plan.training)
        torch.testing.assert_close(done.parameters.theta, alone.parameters.theta, rtol=1e-9, atol=1e-10)
        assert [epoch.dev_error for epoch in done.history] == pytest.approx([e.dev_error for e in alone.history])
    with pytest.raises(UsageError, match="label must be given for all members or for none"):
        Population(network, [Member(label=0), Member()]).fit(plan.loss, train, dev, plan.training)


def test_t3_14_a_label_that_is_rare_gains_from_the_others(tmp_path: Path) -> None:
    """T3.14: the joint network is an ordinary run; the task with few labels is told to be better learnt together."""
    (x, y), (x_all, known) = shared(1800, (0.0, 0.1, 0.93)), shared(1800, (0.0, 0.0, 0.0))
    data = ll.read((x[:900], y[:900]), dev=(x_all[900:], known[900:]))
    wanted = experiment().replace({"split": {"test": 0}})
    run, found = compare_multitask(wanted, data, runs=tmp_path, name="joint")
    ordinary = ll.run_experiment(wanted, data, runs=tmp_path)
    assert all(torch.equal(tensor, ordinary.parameters[name]) for name, tensor in run.parameters.items())
    (compared,) = found.widths
    rare = compared.tasks[2]
    assert rare.better == "joint" and rare.difference.value > 0.05 and rare.difference.interval[0] > 0
    assert rare.n_train < 0.2 * compared.tasks[0].n_train
    assert rare.joint == run.metrics["dev"].classes[rare.task]
    difference = rare.separate["error"].value - rare.joint["error"].value
    assert rare.difference.value == pytest.approx(difference)
    assert compared.mean is not None and compared.mean.interval[0] > 0
    assert rare.task in found.conclusion.split(";")[0]
    assert run.folder.read_json("multitask.json")["widths"][0]["tasks"][2]["better"] == "joint"
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "Together or each on its own" in page


def test_t3_14_separate_networks_one_after_another_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """T3.14: where no population can train them."""
    plan = make_plan(experiment(precision="float64", epochs=6), ll.read(shared(300)))
    network = with_one_output(plan.network)
    together = multitask._fits(plan, network, [0, 1, 2])
    monkeypatch.setattr(multitask, "kind", lambda single: None)
    for one, other in zip(together, multitask._fits(plan, network, [0, 1, 2]), strict=True):
        torch.testing.assert_close(one.parameters.theta, other.parameters.theta, rtol=1e-9, atol=1e-10)


def test_t3_14_separate_networks_see_varied_images_as_the_joint_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """T3.14: with augmentation."""
    random = np.random.default_rng(1)
    labels = (random.random((60, 3)) > 0.5).astype(float)
    labels[0] = np.nan
    data = ll.read((random.integers(0, 255, (60, 8, 8, 1), np.uint8), labels))
    plan = make_plan(experiment(epochs=2).replace({"augment.crop": 2}), data)
    plain = make_plan(experiment(epochs=2), data)
    network = with_one_output(plan.network)
    varied, same = (multitask._fits(each, network, [0, 1]) for each in (plan, plain))
    train, dev = plan.examples("train"), plan.examples("dev")
    assert train is not None and dev is not None
    own, own_dev = (replace(each, y=each.y[:, :1]) for each in (train, dev))
    alone = fit(network, plan.loss, own, own_dev, plan.training, augment=plan.augmenter())
    assert torch.equal(varied[0].parameters.theta, alone.parameters.theta)
    assert not torch.equal(varied[0].parameters.theta, same[0].parameters.theta)


def test_t3_14_wider_networks_are_compared_too(tmp_path: Path) -> None:
    """T3.14: jointly learning hurts only where the network is too small; width 1 comes first."""
    _, found = compare_multitask(experiment(epochs=3), ll.read(shared(300)), widths=(3, 0.5), runs=tmp_path)
    assert [each.width for each in found.widths] == [1, 0.5, 3]
    assert [each.parameters[0] for each in found.widths] == [24 * u + u + 3 * u + 3 for u in (12, 6, 36)]
    assert [each.parameters[1] for each in found.widths] == [3 * (24 * u + u + u + 1) for u in (12, 6, 36)]
    convolutions = ll.Network([ll.Convolution(4), ll.BatchNorm(), ll.Flatten(), ll.Dense(3)])
    assert str(widened(convolutions, 2).layers[0]) == "Convolution(8, bias=False)"


def test_t3_14_advice_follows_from_the_widths() -> None:
    """T3.14."""
    worse, fine = _width(1.0, "separate"), _width(4.0, None)
    assert "--widths" in multitask.Multitask("run", "error", (worse,)).advice
    assert "0 of 1 remain" in multitask.Multitask("run", "error", (worse, fine)).advice
    assert "not the reason" in multitask.Multitask("run", "error", (worse, _width(4.0, "separate"))).advice
    assert multitask.Multitask("run", "error", (fine,)).advice == ""


def _width(width: float, better: str | None) -> multitask.WidthComparison:
    metrics = break_down("multilabel", [[1.0], [0.0]], [[1], [1]], classes=["a"]).classes["a"]
    task = multitask.TaskComparison("a", 2, metrics, metrics, metrics["error"], better, None)
    return multitask.WidthComparison(width, (1, 1), (task,), None)


def test_t3_14_several_numbers(tmp_path: Path) -> None:
    """T3.14: each in its own unit, by RMSE."""
    random = np.random.default_rng(2)
    x = random.normal(size=(400, 4))
    y = np.stack([100 * np.tanh(x[:, 0]) + 500, x[:, 1] * x[:, 2]], axis=1)
    layers = [{"type": "dense", "units": 8, "activation": "relu"}, {"type": "dense", "units": 2}]
    wanted = experiment(epochs=10).replace({"network.layers": layers})
    run, found = compare_multitask(wanted, replace(ll.read((x, y)), target_names=("height", "slope")), runs=tmp_path)
    (compared,) = found.widths
    assert [each.task for each in compared.tasks] == ["height", "slope"] and compared.mean is None
    own = run.metrics["dev"].classes
    assert [each.joint for each in compared.tasks] == [own["height"], own["slope"]]
    assert 1 < own["height"]["rmse"].value < 100 and own["slope"]["rmse"].value < 2


def test_t3_14_one_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """T3.14: from a table with empty cells to the comparison; and mistakes in one line."""
    x, y = shared(500)
    table = tmp_path / "street.csv"
    rows = [
        ",".join([*map(str, a.round(4)), *("" if np.isnan(v) else f"{v:.0f}" for v in b)])
        for a, b in zip(x, y, strict=True)
    ]
    table.write_text("\n".join([",".join([*(f"x{i}" for i in range(24)), *NAMES]), *rows]), encoding="utf-8")
    runs = ["--runs", str(tmp_path / "runs")]
    arguments = ["multitask", str(table), "--target", "car, sign,light", "--set", "training.epochs=5", "-q", *runs]
    assert command([*arguments, "--json", "--name", "street"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [task["task"] for task in found["widths"][0]["tasks"]] == list(NAMES)
    assert found["run"] == "street"
    assert command([*arguments, "--widths", "1,2"]) == 0
    told = capsys.readouterr().out
    assert "Hidden layers × 2" in told and "Conclusion:" in told and "report.html" in told
    assert command(["show", "street", *runs]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert next(row for row in rows if row[:1] == ["light"])[-1] == str(
        found["widths"][0]["tasks"][2]["joint"]["error"]["n"]
    )
    assert command(["diagnose", "street", "--open-test", "--metrics", "--json", *runs]) == 0
    classes = json.loads(capsys.readouterr().out)["metrics"]["test"]["classes"]
    assert {"error", "precision", "recall", "f1"} <= set(classes["car"])
    parquet = tmp_path / "street.parquet"
    pq.write_table(pa.table({**{f"x{i}": x[:, i] for i in range(24)}, **dict(zip(NAMES, y.T, strict=True))}), parquet)
    for wrong, message in (
        (["multitask", "digits", *runs], "has one target"),
        ([*arguments, "--widths", "wide"], "--widths: got 'wide'"),
        ([*arguments, "--widths", "0"], "--widths: got 0"),
        ([*arguments, "--set", "split.dev=0"], "compares on the dev set"),
        (["multitask", str(parquet), *arguments[2:], "--set", "data.stream=true"], "needs all examples in memory"),
    ):
        assert command(wrong) == 2
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1
