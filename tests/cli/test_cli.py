from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadline.cli.main import run as leadline

QUICK = ["--epochs", "30", "--quiet"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a table and a run "first" that was trained on it."""
    folder = tmp_path_factory.mktemp("trained")
    before = Path.cwd()
    os.chdir(folder)
    write_table(folder / "fruit.csv")
    assert leadline(["train", "fruit.csv", "--target", "kind", "--name", "first", *QUICK]) == 0
    yield folder
    os.chdir(before)


def write_table(path: Path, n: int = 120) -> None:
    random = np.random.default_rng(0)
    lines = ["weight,colour,kind"]
    for i in range(n):
        kind = ("apple", "pear", "plum")[i % 3]
        lines.append(f"{100 + 40 * (i % 3) + random.normal(0, 8):.2f},{('red', 'green', 'blue')[i % 3]},{kind}")
    path.write_text("\n".join(lines) + "\n")


def say(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    capsys.readouterr()
    code = leadline(list(arguments))
    streams = capsys.readouterr()
    return code, streams.out, streams.err


# --- the main job -------------------------------------------------------------------------------------------


def test_digits_reach_97_percent(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    started = time.monotonic()
    code, out, err = say(capsys, "train", "digits")
    assert code == 0, err
    assert time.monotonic() - started < 60  # half of that on an idle machine
    [run] = json.loads(say(capsys, "runs", "--json")[1])
    assert run["dev_error"] <= 0.03
    assert run["dev_low"] < run["dev_error"] < run["dev_high"]
    for expected in ("experiment.toml", "dev", "n = 359", "closed", "Conclusion:", "Next step:", "report.html"):
        assert expected in out
    folder = here / "runs" / run["name"]
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert present == {
        "run.json",
        "experiment.toml",
        "environment.json",
        "paths.json",
        "data.json",
        "split.npz",
        "preparation.json",
        "history.jsonl",
        "checkpoint.safetensors",
        "checksums.json",
        "predictions/train.parquet",
        "predictions/dev.parquet",
        "diagnosis.json",
        "metrics.json",
        "report.html",
    }


def test_train_prints_json_alone_on_stdout(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = say(capsys, "train", "fruit.csv", "--target", "kind", "--epochs", "5", "--json")
    result = json.loads(out)
    assert code == 0
    assert result["diagnosis"]["rungs"][1]["name"] == "train"
    assert "fruit: multiclass" in err


def test_options_overrule_the_experiment(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--learning-rate", "0.02", "--seed", "7", "--batch-size", "16", "--set", "training.clip_norm=1"]
    arguments = ["train", "fruit.csv", "--target", "kind", "--name", "options", *options, *QUICK]
    assert say(capsys, *arguments)[0] == 0
    experiment = json.loads(say(capsys, "show", "options", "--json")[1])["experiment"]
    assert experiment["training"]["learning_rate"] == 0.02
    assert experiment["training"]["clip_norm"] == 1
    assert experiment["training"]["batch_size"] == 16
    assert (experiment["training"]["seed"], experiment["split"]["seed"]) == (7, 7)


def test_the_saved_experiment_repeats_the_run(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert say(capsys, "train", "runs/first/experiment.toml", "--name", "again", "--quiet")[0] == 0
    files = [(trained / "runs" / name) for name in ("first", "again")]
    for name in ("experiment.toml", "split.npz", "preparation.json", "predictions/dev.parquet"):
        assert (files[0] / name).read_bytes() == (files[1] / name).read_bytes()
    first, again = (tensors_of(file / "checkpoint.safetensors") for file in files)
    assert first == again


def tensors_of(path: Path) -> dict[str, bytes]:
    from safetensors.numpy import load_file

    return {name: tensor.tobytes() for name, tensor in load_file(path).items()}


# --- the other commands -------------------------------------------------------------------------------------


def test_runs_and_show(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = say(capsys, "runs")
    assert code == 0
    assert "first" in out
    code, out, _ = say(capsys, "show", "fir")
    assert code == 0
    assert "Experiment: runs/first/experiment.toml" in out
    assert "Conclusion:" in out


def test_opening_the_test_set_is_recorded(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leadline(["train", "fruit.csv", "--target", "kind", "--name", "tested", *QUICK])
    assert "test" not in json.loads(say(capsys, "show", "tested", "--json")[1])["errors"]
    code, out, err = say(capsys, "diagnose", "tested", "--open-test")
    assert (code, err) == (0, "")
    assert "overfitting to dev" in out
    record = json.loads((trained / "runs" / "tested" / "test_opened.json").read_text())
    assert len(record["opened"]) == 1
    [row] = [row for row in json.loads(say(capsys, "runs", "--json")[1]) if row["name"] == "tested"]
    assert row["test_opened"] is True
    assert row["test_n"] == 24
    code, _, err = say(capsys, "diagnose", "tested", "--open-test")
    assert code == 0
    assert "opened 2 times" in err


def test_changed_data_do_not_open_the_test_set(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_table(trained / "other.csv")
    leadline(["train", "other.csv", "--target", "kind", "--name", "changed", *QUICK])
    write_table(trained / "other.csv", n=150)
    code, _, err = say(capsys, "diagnose", "changed", "--open-test")
    assert code == 1
    assert "has changed since" in err
    assert not (trained / "runs" / "changed" / "test_opened.json").exists()


def test_diagnose_percentages(capsys: pytest.CaptureFixture[str]) -> None:
    rates = ["--human", "4", "--train", "7", "--train-dev", "10", "--dev", "12", "--test", "12"]
    code, out, _ = say(capsys, "diagnose", *rates, "--n-dev", "500", "--json")
    diagnosis = json.loads(out)
    assert code == 0
    assert [gap["name"] for gap in diagnosis["gaps"]] == [
        "avoidable bias",
        "variance",
        "data mismatch",
        "overfitting to dev",
    ]
    assert diagnosis["rungs"][3]["n"] == 500


def test_predict(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (trained / "new.csv").write_text("colour,weight\nred,101\nblue,181\n")
    code, out, _ = say(capsys, "predict", "first", "new.csv", "--json")
    rows = json.loads(out)
    assert code == 0
    assert [row["prediction"] for row in rows] == ["apple", "plum"]
    assert sum(rows[0][f"probability_{name}"] for name in ("apple", "pear", "plum")) == pytest.approx(1)
    assert say(capsys, "predict", "first", "new.csv", "--output", "out.csv")[0] == 0
    assert (trained / "out.csv").read_text().splitlines()[1].startswith('"apple"')
    assert say(capsys, "predict", "first", "new.csv", "--output", "out.parquet")[0] == 0


def test_predict_says_that_columns_are_taken_by_their_place(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (trained / "new.csv").write_text("colour,weight\nred,101\nblue,181\n")
    (trained / "bare.csv").write_text("101,red\n181,blue\n")
    assert say(capsys, "predict", "first", "new.csv")[2] == ""
    code, _, error = say(capsys, "predict", "first", "bare.csv")
    assert code == 0
    assert " ".join(error.split()) == "Note: bare.csv has no header; columns are taken by their place: weight, colour."


def test_report(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = say(capsys, "report", "first", "--output", "copy.html")
    assert (code, out.strip()) == (0, "copy.html")
    assert "</html>" in (trained / "copy.html").read_text()


# --- wrong input: one or two lines, an exit code, nothing left behind -----------------------------------------


def table(text: str) -> dict[str, str]:
    return {"t.csv": text}


ROWS = "".join(f"{i % 7},{i % 2}\n" for i in range(40))
TRAIN_T = ["train", "t.csv", "--target", "y"]
BAD: dict[str, tuple[dict[str, str], list[str], int, str]] = {
    "missing file": ({}, ["train", "nope.csv", "--target", "y"], 1, "nope.csv: no such file"),
    "missing experiment": ({"try.toml": ""}, ["train", "tri.toml"], 1, "Did you mean 'try.toml'"),
    "unknown target": (table("a,y\n" + ROWS), ["train", "t.csv", "--target", "z"], 2, "no column 'z'"),
    "no target": (table("a,y\n" + ROWS), ["train", "t.csv"], 2, "target"),
    "one class": (table("a,y\n" + "".join(f"{i},1\n" for i in range(40))), TRAIN_T, 1, "nothing to learn"),
    "all missing": (table("a,y\n" + "".join(f"{i},\n" for i in range(40))), TRAIN_T, 1, "'y'"),
    "not finite": (table("a,y\n" + ROWS + "inf,1\n"), TRAIN_T, 1, "'a'"),
    "empty": (table("a,y\n"), TRAIN_T, 1, "t.csv"),
    "nothing": (table(""), TRAIN_T, 1, "t.csv"),
    "ragged": (table("a,y\n" + ROWS + "1,2,3\n"), TRAIN_T, 1, "line 42"),
    "unknown key": ({"e.toml": "[training]\nepoch = 3\n"}, ["train", "e.toml"], 2, "Did you mean 'epochs'"),
    "no source": ({"e.toml": "[training]\nepochs = 3\n"}, ["train", "e.toml"], 2, "data.source"),
    "unknown layer": (
        {"e.toml": '[data]\nsource = "digits"\n[network]\nlayers = [{type = "dens", units = 3}]\n'},
        ["train", "e.toml"],
        2,
        "layers[0]: unknown layer type 'dens'. Did you mean 'dense'",
    ),
    "wrong output": (
        {"e.toml": '[data]\nsource = "digits"\n[network]\nlayers = [{type = "dense", units = 3}]\n'},
        ["train", "e.toml"],
        2,
        "Dense(10)",
    ),
    "learning rate": ({}, ["train", "digits", "--learning-rate", "0"], 2, "--learning-rate: got 0"),
    "optimizer": ({}, ["train", "digits", "--optimizer", "adm"], 2, "Did you mean 'adam'"),
    "metric": ({}, ["train", "digits", "--set", "goal.optimizing=acuracy"], 2, "Did you mean 'accuracy'"),
    "unknown option": ({}, ["train", "digits", "--epoch", "3"], 2, "--epochs"),
    "unknown command": ({}, ["trian", "digits"], 2, "Did you mean 'train'"),
    "missing argument": ({}, ["train"], 2, "EXPERIMENT"),
    "no number": ({}, ["train", "digits", "--epochs", "ten"], 2, "--epochs"),
    "no such run": ({}, ["show", "nope"], 1, "There are no runs"),
    "nothing to diagnose": ({}, ["diagnose"], 2, "--train 1"),
    "no percentage": ({}, ["diagnose", "--train", "101"], 2, "between 0 and 100"),
    "human alone": ({}, ["diagnose", "--human", "1"], 2, "nothing to compare"),
    "name of a run": ({}, ["train", "digits", "--name", "a/b"], 1, "cannot name a run"),
    "device": ({}, ["train", "digits", "--set", "training.device=quantum"], 2, "training.device"),
    "sizes": ({}, ["train", "digits", "--set", "split.train=5000"], 2, "split"),
    "human of zero dev": (
        {},
        ["train", "digits", "--set", "split.dev=0", "--set", "training.early_stopping=true"],
        2,
        "needs a dev set",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files, arguments, expected, words = BAD[case]
    for name, text in files.items():
        (here / name).write_text(text)
    before = sorted(path.name for path in here.iterdir())
    code, out, err = say(capsys, *arguments)
    assert (code, out) == (expected, ""), err
    assert words in err
    assert 1 <= len(err.splitlines()) <= 2
    assert "Traceback" not in err
    assert "Internal error" not in err
    assert sorted(path.name for path in here.iterdir()) == before


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": np.zeros((20, 3)), "y": np.arange(19) % 2}, "19"),
        ({"x": np.array([["a", "b"]] * 20), "y": np.arange(20) % 2}, "x"),
        ({"x": np.full((20, 2), np.nan), "y": np.arange(20) % 2}, "x[0, 0]"),
    ],
)
def test_bad_arrays(arrays: dict[str, Any], words: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(here / "a.npz", **arrays)
    code, _, err = say(capsys, "train", "a.npz", "--set", "data.inputs=x", "--target", "y")
    assert code in (1, 2)
    assert words in err
    assert len(err.splitlines()) <= 2
    assert not (here / "runs").exists()


def test_t2_19_divergence_at_once_leaves_no_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """T2.19: training that diverges stops, names the first layer and says what to try."""
    write_line(here / "line.csv")
    code, _, err = say(capsys, "train", "line.csv", "--target", "y", *diverging("1e30"))
    assert code == 1
    assert "layers[" in err
    assert "learning rate" in err
    assert not (here / "runs").exists()


def test_t2_19_divergence_later_keeps_the_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_line(here / "line.csv")
    code, _, err = say(capsys, "train", "line.csv", "--target", "y", *diverging("3"), "--name", "kept")
    assert code == 1
    assert "diverged" in err
    summary = json.loads((here / "runs" / "kept" / "run.json").read_text())
    assert summary["status"] == "diverged"
    assert np.isfinite([epoch["cost"] for epoch in load_history(here / "runs" / "kept")]).all()
    assert (here / "runs" / "kept" / "report.html").exists()


def diverging(rate: str) -> list[str]:
    return ["--optimizer", "gradient_descent", "--learning-rate", rate, "--epochs", "300", "--quiet"]


def write_line(path: Path) -> None:
    x = np.linspace(0, 1, 60)
    path.write_text("x,y\n" + "".join(f"{a:.4f},{np.sin(9 * a):.4f}\n" for a in x))


def load_history(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


# --- as programs ---------------------------------------------------------------------------------------------


def program(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from leadline.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["runs"], ["train", "--help"]])
def test_quick_commands_do_without_torch(arguments: list[str], here: Path) -> None:
    code = (
        "import sys; from leadline.cli.main import run; code = run(sys.argv[1:]); "
        "assert 'torch' not in sys.modules; sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_colour_off_a_terminal(trained: Path) -> None:
    done = program("show", "first", cwd=trained, env={**os.environ, "TERM": "xterm-256color"})
    assert done.returncode == 0
    assert "\x1b" not in done.stdout


def test_ctrl_c_keeps_and_measures_the_run(here: Path) -> None:
    write_table(here / "fruit.csv", n=3000)
    command = [sys.executable, "-c", "from leadline.cli import main; main()", "train", "fruit.csv"]
    options = ["--target", "kind", "--name", "stopped", "--epochs", "100000"]
    options += ["--set", "training.early_stopping=false"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_for(here / "runs" / "stopped" / "history.jsonl")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and err.strip() == "leadline: ending after this step; again to stop at once."
    assert ", interrupted" in out and "leadline resume stopped" in out
    assert "Conclusion:" in out
    assert json.loads((here / "runs" / "stopped" / "run.json").read_text())["status"] == "interrupted"


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.05)


def test_an_unexpected_error_is_two_lines_and_a_log(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("leadline.cli.runs.load_run", broken)
    monkeypatch.delenv("LEADLINE_DEBUG", raising=False)
    code, _, err = say(capsys, "show", "x")
    assert code == 1
    assert "Internal error: ZeroDivisionError: planted" in err
    log = next(word for word in err.split() if word.endswith(".log"))
    assert "Traceback" in Path(log).read_text()
    Path(log).unlink()


def test_runs_tells_a_killed_training_from_one_that_goes_on(
    here: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = here / "runs" / "first"
    shutil.copytree(trained / "runs" / "first", folder)
    summary = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(summary | {"status": "running"}))
    code, shown, _ = say(capsys, "runs")
    assert code == 0 and " running " in shown
    assert shown.splitlines()[1].endswith("–"), "how long it takes is not known yet"
    then = time.time() - 3 * 3600
    for name in ("run.json", "history.jsonl"):
        os.utime(folder / name, (then, then))
    _, shown, _ = say(capsys, "runs")
    assert " interrupted " in shown and " running " not in shown and "leadline resume first" in shown
    _, shown, _ = say(capsys, "runs", "--json")
    assert json.loads(shown)[0]["status"] == "interrupted"
