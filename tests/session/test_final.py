"""Training once more on train and dev: the network for new rows, beside the one that was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadline.cli.main import run as leadline
from leadline.errors import LeadlineError, UsageError
from leadline.experiment import Experiment
from leadline.network import Network
from leadline.runs.folder import FINAL, FINAL_CHECKPOINT
from leadline.runs.run import Run, load_run
from leadline.runs.verification import problems
from leadline.session import recorder
from leadline.session.plan import Plan, make_plan
from leadline.session.test_set import open_test_set
from leadline.session.training import run_experiment

LAYERS = [{"type": "dense", "units": 8, "activation": "relu"}, {"type": "dense", "units": 1}]


def written(folder: Path, m: int = 200, groups: int = 0) -> Path:
    random = np.random.default_rng(0)
    lines = ["size,price,patient,kind"]
    for i in range(m):
        size, price = random.normal(), random.normal()
        patient = i % groups if groups else i
        lines.append(f"{size:.4f},{price:.4f},p{patient},{'big' if size + random.normal() > 0 else 'small'}")
    path = folder / "table.csv"
    path.write_text("\n".join(lines))
    return path


def experiment(folder: Path, groups: int = 0, **keys: Any) -> Experiment:
    values = {"data.source": str(written(folder, groups=groups)), "data.target": "kind", "data.exclude": ["patient"]}
    return Experiment().replace({**values, **{key.replace("__", "."): value for key, value in keys.items()}})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of a small table, with nothing said of the network."""
    folder = tmp_path_factory.mktemp("final")
    return run_experiment(experiment(folder, training__epochs=12), runs=folder / "runs", quick=True, name="small")


def test_a_small_table_trains_once_more(trained: Run) -> None:
    final = trained.final
    assert trained.experiment.training.final == "train+dev"
    assert final is not None and final.folds == 8 and final.test is None
    assert final.n == trained.set_sizes["train"] + trained.set_sizes["dev"]
    assert final.error is not None and final.error.n == final.n and 0.1 < final.error.value < 0.5
    assert final.decision.calibration is not None
    assert any("trained once more on train and dev" in line for line in trained.remarks)
    assert problems(trained.folder) == []


def test_the_run_is_measured_with_the_network_that_has_not_seen_dev(trained: Run) -> None:
    plan = make_plan(trained.experiment)
    inputs, dev = plan.inputs("dev"), trained.answers("dev")
    assert trained.trained_network().outputs(inputs) == pytest.approx(dev.scores, abs=1e-6)
    assert not np.allclose(trained.final_network().outputs(inputs), dev.scores, atol=1e-3)


def test_new_rows_are_predicted_with_the_final_network(
    trained: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"size": 1.0, "price": 0.2}, {"size": -1.0, "price": 0.4}]
    expected = trained.final_network().predict_probabilities(rows)
    assert Network.from_run(trained).predict_probabilities(rows) == pytest.approx(expected)
    (tmp_path / "new.csv").write_text("size,price\n1.0,0.2\n-1.0,0.4\n")
    assert leadline(["predict", str(trained.folder.path), str(tmp_path / "new.csv")]) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    told = [float(line.split(",")[-1]) for line in lines[1:]]
    assert told == pytest.approx(expected[:, 1].tolist(), abs=1e-5)


def test_the_test_set_measures_both(trained: Run) -> None:
    opened = open_test_set(trained)
    final, plan = opened.final, make_plan(opened.experiment)
    assert final is not None and final.test is not None
    network = opened.final_network()
    wrong = network.outputs(plan.inputs("test")).argmax(1) != plan.data.target[plan.split.test]
    assert final.test.value == pytest.approx(float(wrong.mean()))
    assert opened.errors["test"].n == final.test.n


def test_a_single_network_trains_to_the_epoch_that_was_kept(tmp_path: Path) -> None:
    keys = {"network__layers": LAYERS, "training__final": "train+dev", "training__epochs": 30}
    run = run_experiment(experiment(tmp_path, **keys), runs=tmp_path / "runs", quick=True)
    final = run.final
    assert final is not None and (final.folds, final.error) == (0, None)
    assert final.epoch == run.summary.kept_epoch and final.decision == run.decision


def test_groups_are_left_out_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan(experiment(tmp_path, groups=40, split__group="patient", training__epochs=2))
    from leadline.session import final

    folds = final._folds(plan, np.arange(plan.data.n), 8)
    groups = plan.groups(np.arange(plan.data.n))
    assert folds is not None and groups is not None and set(folds.tolist()) == set(range(8))
    assert all(len({*folds[groups == group].tolist()}) == 1 for group in np.unique(groups))
    few = make_plan(experiment(tmp_path, groups=10, split__group="patient", training__epochs=2))
    assert final._folds(few, few.split.dev, 8) is None


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), LeadlineError("no room")])
def test_what_ends_the_final_training_does_not_lose_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    def fails(*_: object) -> None:
        raise fault

    monkeypatch.setattr(recorder, "train_final", fails)
    with pytest.warns(UserWarning, match="final training on train and dev .*predicts with its first network"):
        run = run_experiment(experiment(tmp_path, training__epochs=2), runs=tmp_path / "runs", quick=True)
    assert run.status == "done" and run.final is None
    assert not (run.folder / FINAL).exists() and not (run.folder / FINAL_CHECKPOINT).exists()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"training__final": "train+dev", "split__dev": 0}, "there is no dev set"),
        ({"training__final": "all"}, 'training.final: got "all"'),
    ],
)
def test_what_cannot_be_asked_for(tmp_path: Path, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_plan(experiment(tmp_path, **keys))


def test_no_final_training_where_it_would_not_be_fair_or_was_declined(tmp_path: Path) -> None:
    def final(**keys: Any) -> str | None:
        plan: Plan = make_plan(experiment(tmp_path, **keys))
        return plan.experiment.training.final

    assert final() == "train+dev"
    assert final(training__final="none") == "none"
    assert final(network__members=1) == "none"
    assert final(network__layers=LAYERS) is None


def test_a_damaged_record_is_said(trained: Run, tmp_path: Path) -> None:
    run = run_experiment(experiment(tmp_path, training__epochs=2), runs=tmp_path / "runs", quick=True)
    run.folder.write_json(FINAL, {"n": 3})
    with pytest.raises(LeadlineError, match=r"final\.json is damaged"):
        load_run(run.folder.path).final_network()
