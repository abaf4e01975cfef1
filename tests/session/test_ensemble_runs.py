"""An ensemble through a whole run: experiment, checkpoint, predictions, ONNX, transfer, variants, and refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

import leadline as ll
from leadline.errors import UsageError
from leadline.experiment import Experiment
from leadline.session.training import run_experiment
from leadline.variants.executor import train_alone
from leadline.variants.variants import PreparedExperiment

LAYERS = [
    {"type": "activation", "activation": "smooth_clip"},
    {"type": "periodic_embedding", "columns": [0, 1], "frequencies": 4},
    {"type": "dense", "units": 8, "activation": "mish"},
    {"type": "dropout", "keep_prob": 0.9},
]


def table(m: int = 240) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    a, b = random.normal(size=m), random.normal(size=m)
    colour = np.where(random.random(m) < 0.5, "red", "blue")
    return {"a": a, "b": b, "colour": colour, "kind": np.where(a * b > 0, "same", "other"), "sum": a + 2 * b}


def experiment(target: str, tmp_path: Path, outputs: int = 1, members: int | None = 3, **more: Any) -> Experiment:
    path = tmp_path / "table.csv"
    columns = table()
    kept = [name for name in columns if name in ("a", "b", "colour", target)]
    rows = zip(*(columns[name] for name in kept), strict=True)
    path.write_text("\n".join([",".join(kept), *(",".join(map(str, row)) for row in rows)]))
    network = {"layers": [*LAYERS, {"type": "dense", "units": outputs}], "members": members}
    training = {"epochs": 8, "batch_size": 32, "dropout_schedule": "cosine", "optimizer": "adamw"}
    values = {
        "data": {"source": str(path), "target": target, "normalization": "robust"},
        "network": network | more,
        "training": training | {"early_stopping": {"patience": 8, "monitor": "dev_cost"}},
    }
    return Experiment.from_dict(values)


@pytest.mark.parametrize(("target", "outputs"), [("kind", 1), ("kind", 2), ("sum", 1)])
def test_a_run_of_an_ensemble(target: str, outputs: int, tmp_path: Path) -> None:
    run = run_experiment(experiment(target, tmp_path, outputs), runs=tmp_path / "runs")
    network = run.trained_network()
    assert network.network.members == 3 and run.experiment.network.members == 3
    assert run.experiment.training.dropout_schedule == {"type": "cosine"}  # ends with the training
    rows = {name: table()[name] for name in ("a", "b", "colour")}
    new = [dict(zip(rows, values, strict=True)) for values in zip(*rows.values(), strict=True)]
    predicted = network.predict(new)
    session: Any = onnxruntime.InferenceSession(str(network.export(tmp_path / "model.onnx")))
    columns = {item.name: np.asarray(rows[item.name]) for item in session.get_inputs()}
    found = session.run(None, {name: v.astype(object) if v.dtype.kind == "U" else v for name, v in columns.items()})
    if target == "sum":
        assert np.allclose(found[0], predicted, atol=1e-4)
    else:
        assert found[0].tolist() == predicted.tolist()
        assert np.allclose(found[1], network.predict_probabilities(new), atol=1e-5)
    again = run_experiment(run.experiment, runs=tmp_path / "runs", name="again")
    assert np.array_equal(again.trained_network().predict(new), predicted)  # a resolved experiment repeats its run


def test_one_member_is_the_single_network(tmp_path: Path) -> None:
    run = run_experiment(experiment("kind", tmp_path, members=1), runs=tmp_path / "runs")
    assert run.trained_network().network.members == 1
    assert run.trained_network().network.config()[:-1] == LAYERS


def test_python_takes_an_ensemble_as_any_network(tmp_path: Path) -> None:
    network = ll.Network([ll.Dense(6, "relu"), ll.Dense(1)]).ensemble(2)
    run = ll.train(network, ll.read(*_arrays()), epochs=2, runs=tmp_path)
    assert run.trained_network().network.member.config() == list(run.experiment.network.layers or ())
    assert run.trained_network().network.members == run.experiment.network.members == 2


def _arrays() -> tuple[np.ndarray, np.ndarray]:
    columns = table()
    return np.stack([columns["a"], columns["b"]], 1), (columns["kind"] == "same").astype(int)


def test_transfer_takes_over_a_member(tmp_path: Path) -> None:
    run = run_experiment(experiment("kind", tmp_path), runs=tmp_path / "runs")
    values = experiment("kind", tmp_path).to_dict()
    values["network"] = {"from": str(run.folder.path), "freeze": 2}
    other = run_experiment(Experiment.from_dict(values), runs=tmp_path / "runs", name="other")
    taken, given = other.trained_network().parameters.layers, run.trained_network().parameters.layers[0]
    assert np.array_equal(taken[1]["frequencies"].numpy(), given["layers.1.frequencies"][0].numpy())
    values["network"]["members"] = 2
    with pytest.raises(UsageError, match=r"network\.members.*network\.from"):
        run_experiment(Experiment.from_dict(values), runs=tmp_path / "runs")


def test_variants_of_an_ensemble_train_as_its_run_does(tmp_path: Path) -> None:
    bench = PreparedExperiment(experiment("kind", tmp_path))
    variant = bench.variant({"training.seed": 0})
    assert variant.kind is None and variant.resolved.network.members == 3
    run = run_experiment(experiment("kind", tmp_path), runs=tmp_path / "runs")
    trained, kept = train_alone(variant).parameters.theta, run.trained_network().parameters.theta
    assert np.array_equal(trained.numpy(), kept.numpy())
    assert bench.variant({"network.members": 1}).kind is not None
    assert bench.variant({"network.members": 2}).resolved.network.members == 2


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            [{"type": "flatten"}, {"type": "dense", "units": 1}],
            r"network\.members: an ensemble is made of dense networks",
        ),
        ([{"type": "dense", "units": 2, "activation": "relu"}, {"type": "dense", "units": 5}], r"network\.layers\[1\]"),
    ],
)
def test_what_no_ensemble_can_be_made_of(layers: list[dict[str, Any]], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        run_experiment(experiment("kind", tmp_path, layers=layers), runs=tmp_path / "runs")
