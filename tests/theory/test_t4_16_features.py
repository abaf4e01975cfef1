"""T4.16: transfer in practice: frozen features are computed once and kept; same result, several times faster."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import leadline as ll
from leadline.experiment import Experiment
from leadline.network import Image, Network
from leadline.session import features, transfer_fit
from leadline.session.plan import Plan, make_plan
from leadline.session.transfer_fit import fit_transferred


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "features"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("features")
    x, y = _digits()
    network = Network(
        [
            Image(8, 8, 1),
            ll.Convolution(16, 3, padding="same"),
            ll.BatchNorm(activation="relu"),
            ll.Residual((ll.Convolution(16, 3, padding="same"), ll.BatchNorm()), activation="relu"),
            ll.GlobalAveragePool(),
            ll.Dense(8),
        ]
    )
    ll.train(network, ll.read((x[y < 8], y[y < 8])), epochs=2, batch_size=64, name="eight", runs=folder)
    return folder


def _digits() -> tuple[np.ndarray, np.ndarray]:
    data = ll.read("digits")
    return np.asarray(data.inputs), data.target


def planned(folder: Path, **training: Any) -> Plan:
    x, y = _digits()
    settings = {"epochs": 5, "batch_size": 32} | training
    wanted = Experiment.from_dict({"network": {"from": "eight", "freeze": "all"}, "training": settings})
    return make_plan(wanted, ll.read((x[y >= 8], y[y >= 8])), runs=folder)


def fitted(plan: Plan) -> Any:
    assert plan.transfer is not None
    return fit_transferred(plan, plan.transfer, plan.training)


@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-11), ("float32", 2e-4)])
def test_t4_16_kept_features_give_the_same_parameters(
    folder: Path, monkeypatch: pytest.MonkeyPatch, precision: str, tolerance: float
) -> None:
    """T4.16: as computed for each batch anew, over mini-batches in their random order."""
    plan = planned(folder, precision=precision)
    kept = fitted(plan)
    again = fitted(plan)
    monkeypatch.setattr(transfer_fit, "MOST_BYTES", 0)
    in_loop = fitted(plan)
    assert torch.equal(kept.parameters.theta, again.parameters.theta)
    torch.testing.assert_close(kept.parameters.theta, in_loop.parameters.theta, rtol=tolerance, atol=tolerance)
    assert not torch.equal(kept.parameters.theta, in_loop.parameters.theta[torch.randperm(len(kept.parameters.theta))])


def test_t4_16_an_epoch_is_several_times_faster(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """T4.16: medians of epochs, each way in turn."""
    plan = planned(folder, epochs=12)
    seconds: dict[int, list[float]] = {transfer_fit.MOST_BYTES: [], 0: []}
    for _ in range(3):
        for most in seconds:
            monkeypatch.setattr(transfer_fit, "MOST_BYTES", most)
            seconds[most] += [epoch.seconds for epoch in fitted(plan).history]
    kept, in_loop = (statistics.median(times) for times in seconds.values())
    assert in_loop / kept > 3


def test_t4_16_features_are_computed_once(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """T4.16: another head or learning rate finds them; other rows or weights do not."""
    computed: list[int] = []
    ours = features.outputs

    def counted(network: Network, parameters: Any, x: torch.Tensor) -> torch.Tensor:
        computed.append(len(x))
        return ours(network, parameters, x)

    monkeypatch.setattr(features, "outputs", counted)
    plan = planned(folder)
    fitted(plan)
    assert computed == [len(plan.split.train), len(plan.split.dev)]
    fitted(planned(folder, learning_rate=0.1, seed=3))
    assert len(computed) == 2 == len(list(cache.glob("*.npy")))
    assert plan.transfer is not None
    parameters = plan.transfer.feature_parameters(plan.transfer.start(plan.training))
    key = features.features_key(plan, "dev", plan.transfer.features, parameters)
    assert key != features.features_key(plan, "train", plan.transfer.features, parameters)
    parameters.theta[0] += 1e-3
    assert key != features.features_key(plan, "dev", plan.transfer.features, parameters)


def test_t4_16_a_damaged_file_is_made_anew(folder: Path, cache: Path) -> None:
    """T4.16."""
    plan = planned(folder)
    whole = fitted(plan)
    for path in cache.glob("*.npy"):
        path.write_bytes(path.read_bytes()[:100])
    assert torch.equal(fitted(plan).parameters.theta, whole.parameters.theta)


def test_t4_16_varied_images_have_features_of_their_own(folder: Path, cache: Path) -> None:
    """T4.16: with augmentation the frozen layers are computed in the loop, nothing is kept, and they stay frozen."""
    plan = planned(folder)
    varied = make_plan(plan.experiment.replace({"augment.crop": 1}), plan.data, runs=folder)
    done, still = fitted(varied), fitted(plan)
    assert len(list(cache.glob("*.npy"))) == 2
    source = ll.load_run("eight", folder).trained_network().parameters
    theirs = source.named() | source.named_statistics()
    for name, tensor in (done.parameters.named() | done.parameters.named_statistics()).items():
        if not name.startswith("layers.5"):
            assert tensor.numpy().tobytes() == theirs[name].numpy().tobytes(), name
    assert not torch.equal(done.parameters.theta, still.parameters.theta)
