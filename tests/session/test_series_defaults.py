"""Series from the file to predictions (T5.06, T5.15): what is chosen, kept and predicted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import leadline as ll
from leadline.errors import LeadlineError
from leadline.experiment import Experiment
from leadline.network import GRU, Dense, Network, Series, gradient_check
from leadline.session.plan import make_plan
from leadline.training import fit


def written(folder: Path, m: int = 80, ragged: bool = True) -> Path:
    """A bump early or late, in noise."""
    random = np.random.default_rng(0)
    lines = ["@classLabel true early late", "@data"]
    for i in range(m):
        steps = 14 + (i % 5) * ragged
        values = 0.3 * random.normal(size=steps)
        values[2:5] += (i % 2 == 0) * 2.0
        values[9:12] += (i % 2) * 2.0
        lines.append(",".join(f"{v:.3f}" for v in values) + f":{['early', 'late'][i % 2]}")
    path = folder / "bumps.ts"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("ragged", [True, False])
def test_a_run_on_series(tmp_path: Path, ragged: bool) -> None:
    path = written(tmp_path, ragged=ragged)
    run = ll.train(data=str(path), runs=tmp_path / "runs", epochs=20, quick=True)
    kinds = [layer["type"] for layer in run.experiment.network.layers or ()]
    assert kinds[:2] == ["series", "convolution1d"]
    trained = ll.load_run(run.name, tmp_path / "runs").trained_network()
    early = np.zeros(14)
    early[2:5] = 2
    late = np.zeros(14)
    late[9:12] = 2
    assert trained.predict([early, late]).tolist() == ["early", "late"]
    assert trained.predict(str(path)).tolist() == ["early", "late"] * 40
    with pytest.raises(LeadlineError, match="Series have no ONNX form here"):
        trained.export(tmp_path / "x.onnx")


def test_defaults_repeat_and_check(tmp_path: Path) -> None:
    plan = make_plan(Experiment().replace({"data.source": str(written(tmp_path))}))
    again = make_plan(plan.experiment)
    assert again.experiment == plan.experiment and again.network == plan.network
    first = plan.network.layers[0]
    assert isinstance(first, Series) and first.ragged and first.steps == plan.input_shape[0] - 1
    y = plan.targets(plan.data.target[plan.split.train[:6]])
    assert gradient_check(plan.network, plan.inputs("train")[:6], y, plan.loss).passed


def test_layers_of_ones_own(tmp_path: Path) -> None:
    path = written(tmp_path)
    series, gru = {"type": "series", "steps": 18, "ragged": True}, {"type": "gru", "units": 8, "last": True}
    layers = [series, gru, {"type": "dense", "units": 1}]
    experiment = Experiment().replace({"data.source": str(path), "network.layers": layers})
    plan = make_plan(experiment.replace({"training.epochs": 60, "training.learning_rate": 0.02}))
    assert plan.network == Network([Series(18, ragged=True), GRU(8, last=True), Dense(1)])
    result = fit(plan.network, plan.loss, plan.training_set(), plan.dev_set(), plan.training)
    answers = plan.trained(result).outputs(plan.inputs("dev")).argmax(1)
    assert (answers == plan.data.target[plan.split.dev]).mean() > 0.8
