"""T3.13: transfer learning: cut the head, new head, freeze by how much data there is, and the guidelines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import leadline as ll
from leadline.experiment import Experiment
from leadline.network import Image, Network
from leadline.session import guidelines, transfer_fit
from leadline.session.plan import Plan, make_plan
from leadline.session.transfer import FEW, MANY, automatic_freeze
from leadline.training import fit

LAYERS: list[ll.Layer] = [
    Image(8, 8, 1),
    ll.Convolution(6, 3, padding="same"),
    ll.BatchNorm(activation="relu"),
    ll.MaxPool(2),
    ll.Convolution(8, 3, activation="relu"),
    ll.Flatten(),
    ll.Dropout(keep_prob=0.9),
    ll.Dense(8),
]
KEPT = 7


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    data = ll.read("digits")
    return np.asarray(data.inputs), data.target


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, digits: tuple[np.ndarray, np.ndarray]) -> Path:
    """Runs: eight digits of ten."""
    folder = tmp_path_factory.mktemp("transfer")
    x, y = digits
    first = y < 8
    ll.train(Network(LAYERS), ll.read((x[first], y[first])), epochs=3, batch_size=64, name="eight", runs=folder)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "cache"))


def two(digits: tuple[np.ndarray, np.ndarray], n: int | None = None) -> ll.Dataset:
    """The other two digits."""
    x, y = digits
    last = np.flatnonzero(y >= 8)[:n]
    return ll.read((x[last], y[last] - 8))


def planned(data: ll.Dataset, folder: Path, network: dict[str, Any], **training: Any) -> Plan:
    wanted = Experiment.from_dict({"network": {"from": "eight"} | network, "training": training})
    return make_plan(wanted, data, runs=folder)


def test_t3_13_the_head_is_cut_and_a_new_one_put_on(digits, folder: Path) -> None:
    """T3.13: all layers but the output layer are taken over with their weights; the new one fits the new task."""
    plan = planned(two(digits), folder, {"freeze": "none"})
    source = ll.load_run("eight", folder).trained_network()
    assert plan.network.layers[:KEPT] == source.network.layers[:KEPT]
    assert plan.network.layers[KEPT:] == (ll.Dense(1),)
    assert plan.transfer is not None
    start = plan.transfer.start(plan.training)
    theirs = source.parameters.named() | source.parameters.named_statistics()
    for name, tensor in (start.named() | start.named_statistics()).items():
        if not name.startswith("layers.7"):
            assert torch.equal(tensor, theirs[name]), name


def test_t3_13_a_head_of_several_layers(digits, folder: Path) -> None:
    """T3.13."""
    head = [{"type": "dense", "units": 5, "activation": "tanh"}, {"type": "dense", "units": 1}]
    plan = planned(two(digits), folder, {"head": head})
    assert [str(layer) for layer in plan.network.layers[KEPT:]] == ["Dense(5, activation='tanh')", "Dense(1)"]


@pytest.mark.parametrize("most_bytes", [transfer_fit.MOST_BYTES, 0], ids=["features kept", "in the loop"])
@pytest.mark.parametrize("freeze", [3, "all"])
def test_t3_13_frozen_parameters_are_bit_identical_after_training(
    digits, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, freeze: int | str, most_bytes: int
) -> None:
    """T3.13: weights, batch norm's γ, β and running statistics; and what is not frozen has moved."""
    monkeypatch.setattr(transfer_fit, "MOST_BYTES", most_bytes)
    source = ll.load_run("eight", folder)
    run = ll.transfer(source, two(digits), freeze=freeze, epochs=4, batch_size=32, l2=0.5, runs=tmp_path)
    before, after = (r.trained_network().parameters for r in (source, run))
    frozen = 3 if freeze == 3 else KEPT
    theirs = before.named() | before.named_statistics()
    moved = []
    for name, tensor in (after.named() | after.named_statistics()).items():
        if int(name.split(".")[1]) < frozen:
            assert tensor.numpy().tobytes() == theirs[name].numpy().tobytes(), name
        elif tensor.shape != theirs[name].shape or not torch.equal(tensor, theirs[name]):
            moved.append(name)
    expected = {"layers.4.weight", "layers.4.bias"} if freeze == 3 else set()
    assert {"layers.7.weight", "layers.7.bias"} | expected == set(moved)


def test_t3_13_training_the_head_is_descent_with_a_masked_gradient(digits, folder: Path) -> None:
    """T3.13: descent on features equals descent on the whole network whose frozen gradients are set to 0.

    Dropout is left out of this network; the whole network is told to compute as in prediction where it is frozen.
    """
    head = [{"type": "dense", "units": 4, "activation": "tanh"}, {"type": "dense", "units": 1}]
    layers = [*Network(LAYERS[:6]).config(), *head]
    plan = planned(
        two(digits),
        folder,
        {"layers": layers, "freeze": "all"},
        precision="float64",
        optimizer="gradient_descent",
        learning_rate=0.3,
        epochs=25,
        batch_size="full",
        l2=0.7,
        early_stopping=False,
    )
    assert plan.transfer is not None and plan.transfer.kept == plan.transfer.cut == 6
    done = transfer_fit.fit_transferred(plan, plan.transfer, plan.training)
    theta, mask = _masked_descent(plan, plan.transfer.start(plan.training))
    assert torch.equal(done.parameters.theta[~mask], plan.transfer.start(plan.training).theta[~mask])
    torch.testing.assert_close(done.parameters.theta, theta, rtol=1e-9, atol=1e-11)
    assert not torch.allclose(theta[mask], plan.transfer.start(plan.training).theta[mask], atol=1e-2)


def _masked_descent(plan: Plan, parameters: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """The whole network trained by hand: forward, backward, mask, step; and the mask."""
    network, settings = plan.network, plan.training
    train = plan.examples("train")
    assert train is not None and plan.transfer is not None
    mask = torch.zeros_like(parameters.theta, dtype=torch.bool)
    penalized = torch.zeros_like(mask)
    for slot in parameters.layout.slots:
        mask[slot.start : slot.stop] = slot.layer >= plan.transfer.frozen
        penalized[slot.start : slot.stop] = slot.parameter.penalized
    gradients = parameters.zeros_like()
    for _ in range(settings.epochs):
        memories = network.memories(parameters, training=True)
        for i in range(plan.transfer.frozen):
            memories[i].training = False
        z = network.forward(parameters, train.x, memories)
        d_z = (torch.sigmoid(z) - train.y) / len(train)
        for i in range(len(network) - 1, plan.transfer.frozen - 1, -1):
            back = network.layers[i].backward(parameters.layers[i], gradients.layers[i], d_z, memories[i])
            assert back is not None
            d_z = back
        gradients.theta.add_(parameters.theta * penalized, alpha=settings.l2 / len(train))
        parameters.theta.sub_(gradients.theta * mask, alpha=float(settings.optimizer.learning_rate))
    return parameters.theta, mask


def test_t3_13_nothing_frozen_is_ordinary_training_from_the_sources_weights(digits, folder: Path) -> None:
    """T3.13."""
    plan = planned(two(digits), folder, {"freeze": "none"}, epochs=3, batch_size=32)
    assert plan.transfer is not None
    start = plan.transfer.start(plan.training)
    train = plan.examples("train")
    assert train is not None
    expected = fit(plan.network, plan.loss, train, plan.examples("dev"), plan.training, start)
    done = transfer_fit.fit_transferred(plan, plan.transfer, plan.training)
    assert torch.equal(done.parameters.theta, expected.parameters.theta)


def test_t3_13_how_much_is_frozen_by_how_much_data_there_is() -> None:
    """T3.13: all with little data, the first half with more, nothing with much."""
    network = Network([*LAYERS[:KEPT], ll.Dense(4), ll.Dense(1)])
    chosen = [automatic_freeze(m, network, 8) for m in (10, FEW - 1, FEW, MANY - 1, MANY)]
    assert chosen == [8, 8, 4, 4, 0]  # of the three layers with weights, the first and what goes with it
    residual = ll.Network([ll.Residual((ll.Convolution(3, 1), ll.Convolution(3, 1)))] * 4)
    assert automatic_freeze(FEW, residual, 4) == 2


def test_t3_13_a_guideline_that_does_not_hold_is_told_with_its_numbers(digits, folder: Path, tmp_path: Path) -> None:
    """T3.13: the source should have more data than the new task."""
    x, y = digits
    few = ll.train(Network([ll.Dense(9, "relu"), ll.Dense(8)]), ll.read((x[:60], y[:60] % 8)), epochs=2, runs=tmp_path)
    run = ll.transfer(few, two(digits), epochs=2, runs=tmp_path)
    assert few.data["split"]["train"] == 36 and run.data["split"]["train"] == 212
    notice = next(notice for notice in run.data["notices"] if "more data" in notice)
    assert "36 examples" in notice and "212" in notice
    assert notice in (run.folder / "report.html").read_text(encoding="utf-8")
    assert run.transfer is not None
    assert {each["name"]: each["holds"] for each in run.transfer["guidelines"]}["more data"] is False
    well = ll.transfer(ll.load_run("eight", folder), two(digits), epochs=2, runs=tmp_path)
    assert not any("more data" in notice for notice in well.data["notices"])


def test_t3_13_features_that_help_are_told_from_those_that_do_not(
    digits, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T3.13: a linear classifier on the source's features, against one on those of the same layers untrained."""
    plan = planned(two(digits), folder, {"freeze": "all"})
    assert plan.transfer is not None
    trained, _ = guidelines.feature_errors(plan, plan.transfer)
    assert len(trained) == len(plan.split.dev)
    assert trained.mean() < 0.1
    for wrong, holds in (
        ((0.02, 0.3), True),
        ((0.1, 0.12), None),
        ((0.3, 0.25), False),
    ):
        errors = tuple(np.arange(100) < 100 * share for share in wrong)
        monkeypatch.setattr(guidelines, "feature_errors", lambda plan, transfer, e=errors: e)
        *_, found = guidelines.check_guidelines(plan, plan.transfer)
        assert (found.name, found.holds) == ("helpful features", holds)
        assert f"{100 * wrong[0]:.0f}." in found.text and f"{100 * wrong[1]:.0f}." in found.text


def test_t3_13_leaving_one_out_is_what_fitting_without_it_gives() -> None:
    """T3.13."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(12, 5)), random.normal(size=(12, 2))
    _, left_out = guidelines.ridge(x @ x.T, y, 0.3)
    for i in range(12):
        others = np.delete(np.arange(12), i)
        w = np.linalg.solve(x[others].T @ x[others] + 0.3 * np.eye(5), x[others].T @ y[others])
        np.testing.assert_allclose(left_out[i], x[i] @ w, rtol=1e-9)
