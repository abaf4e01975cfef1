"""Files that are damaged, or made to do harm: an answer or one clear line, soon and in little memory."""

from __future__ import annotations

import datetime
import gzip
import json
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image
from pyarrow import parquet
from safetensors.torch import load_file, save_file

from leadline import Dense, Network
from leadline.architectures.files import read_tensors
from leadline.cli.main import run as leadline
from leadline.data import read
from leadline.data.sources.limits import DEEPEST, gunzip
from leadline.errors import LeadlineError, UsageError
from leadline.experiment import Experiment
from leadline.runs.run import load_run
from leadline.session.training import train
from leadline.strategy.predictions_table import read_predictions
from leadline.training import TrainingSettings


@pytest.mark.parametrize("line", ["[" * 100_000, '{"a": ' * 100_000, '{"a": [' * 50_000, "[\n" * 100_000])
@pytest.mark.parametrize("first", ["", '{"a": 1, "y": 0}\n'])
def test_json_that_is_nested_without_end(tmp_path: Path, line: str, first: str) -> None:
    (tmp_path / "deep.jsonl").write_text(first + line + "\n", encoding="utf-8")
    with pytest.raises(LeadlineError, match=f"nested more than {DEEPEST} deep"):
        read(tmp_path / "deep.jsonl", "y")


def test_brackets_in_texts_are_no_nesting(tmp_path: Path) -> None:
    lines = [json.dumps({"a": "[{" * 20, "b": [[k]], "c": k % 5, "y": k % 2}) for k in range(40)]
    (tmp_path / "t.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert read(tmp_path / "t.jsonl", "y").n == 40


def test_a_gzip_bomb_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadline.data.sources.limits.FREE_BYTES", 1 << 20)
    with pytest.raises(LeadlineError, match=r"bomb\.csv\.gz unpacks to more than"):
        gunzip("bomb.csv.gz", gzip.compress(b"\0" * (1 << 24)))
    rows = "".join(f"{k},{k * k}\n" for k in range(200_000)).encode()
    assert gunzip("t.csv.gz", gzip.compress(rows[:10]) + gzip.compress(rows[10:]) + b"\0\0") == rows
    with pytest.raises(EOFError):
        gunzip("cut.gz", gzip.compress(rows)[:-9])


def test_an_archive_bomb_is_refused_before_it_is_read(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", x=np.zeros((300, 1 << 20), np.uint8), y=np.arange(300) % 2)
    with pytest.raises(LeadlineError, match=r"bomb\.npz unpacks to more than"):
        read(tmp_path / "bomb.npz")
    np.savez(tmp_path / "empty.npz")
    with pytest.raises(LeadlineError, match="holds no arrays"):
        read(tmp_path / "empty.npz")


WRONG_HDF5 = {
    "external": "takes its values from other",
    "virtual": "takes its values from other",
    "link": "the target is missing",  # it is not followed, and so there is only y
    "empty": "is empty",
}


def test_hdf5_reads_no_other_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(range(20)))
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["x"] = np.arange(20.0).reshape(10, 2)
    for name in WRONG_HDF5:
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["y"] = np.arange(10) % 2
            if name == "external":
                file.create_dataset("x", (10, 2), "u1", external=[(str(secret), 0, 20)])
            elif name == "virtual":
                layout = h5py.VirtualLayout((10, 2), "f8")
                layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (10, 2))
                file.create_virtual_dataset("x", layout)
            elif name == "link":
                file["x"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "x")
            else:
                file["x"] = h5py.Empty("f8")
        with pytest.raises(LeadlineError, match=WRONG_HDF5[name]):
            read(tmp_path / f"{name}.h5")


def test_durations_are_numbers_of_seconds(tmp_path: Path) -> None:
    spans = pa.array([datetime.timedelta(seconds=k % 17, milliseconds=500) for k in range(60)])
    parquet.write_table(pa.table({"d": spans, "y": [k % 2 for k in range(60)]}), tmp_path / "t.parquet")
    data = read(tmp_path / "t.parquet", "y")
    assert [feature.kind for feature in data.features] == ["number"]
    assert data.inputs[0].values[:2].tolist() == [0.5, 1.5]


@pytest.mark.parametrize("target", ["nope", "target"])
def test_the_digits_have_one_target(target: str) -> None:
    with pytest.raises(UsageError, match=f"digits has no target '{target}'"):
        read("digits", target)
    assert read("digits", "digit").n == 1797


@pytest.mark.parametrize(
    "wrong", [{"epochs": 10**18}, {"l2": 1e308}, {"l1": 1e300}, {"epochs": True}], ids=lambda each: next(iter(each))
)
def test_settings_beyond_all_measure(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        TrainingSettings(**wrong)  # pyright: ignore[reportArgumentType]


def test_toml_that_is_nested_without_end(tmp_path: Path) -> None:
    (tmp_path / "deep.toml").write_text("[data]\nsource = " + "[" * 20_000 + "]" * 20_000, encoding="utf-8")
    with pytest.raises(UsageError, match="nested far too deep"):
        Experiment.from_toml(tmp_path / "deep.toml")


@pytest.mark.parametrize(
    "text", ["a" + ".a" * 50_000 + " = 1", "[" + "a." * 50_000 + "a]", 'x = "' + "a. " * 200 + '"']
)
def test_toml_keys_of_many_parts(tmp_path: Path, text: str) -> None:
    (tmp_path / "deep.toml").write_text(text, encoding="utf-8")
    message = "unknown key" if text.startswith("x") else "deep.toml: its values are nested far too deep"
    with pytest.raises(UsageError, match=f"(?i){message}"):
        Experiment.from_toml(tmp_path / "deep.toml")


@pytest.mark.parametrize(
    ("unit", "values"),
    [("s", [10**15, 2 * 10**15]), ("us", [-(2**62), 2**62]), ("ms", [0, 2**60]), ("s", [-(10**12), 5])],
)
def test_dates_that_no_calendar_has(tmp_path: Path, unit: str, values: list[int]) -> None:
    dates = pa.array(values * 20, pa.timestamp(unit))
    parquet.write_table(pa.table({"x": np.arange(40.0) ** 2, "t": dates, "y": ["a", "b"] * 20}), tmp_path / "t.parquet")
    with pytest.raises(LeadlineError, match="'t' holds dates outside the years 1 to 9999"):
        read(tmp_path / "t.parquet", "y")


def test_targets_beyond_all_squares(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=60)
    parquet.write_table(pa.table({"x": x, "y": x * 1e300}), tmp_path / "t.parquet")
    with pytest.raises(LeadlineError, match=r"The target y has values beyond 1e\+100"):
        train(None, tmp_path / "t.parquet", target="y", epochs=1, runs=tmp_path / "runs")


def test_images_of_no_numbers(tmp_path: Path) -> None:
    for k in range(8):
        (tmp_path / "ab"[k % 2]).mkdir(exist_ok=True)
        value = [0.5, float("nan"), float("inf")][(k == 2) + 2 * (k == 3)]
        Image.fromarray(np.full((8, 8), value, np.float32)).save(tmp_path / "ab"[k % 2] / f"{k}.tif")
    with pytest.raises(LeadlineError, match=r"2 of 8 images|2\.tif"):
        read(tmp_path)


@pytest.mark.parametrize("units", [10**9, 2 * 10**6])
def test_networks_beyond_all_memory(tmp_path: Path, units: int, capsys: pytest.CaptureFixture[str]) -> None:
    table = np.random.default_rng(0).normal(size=(60, 3))
    (tmp_path / "t.csv").write_text("a,b,y\n" + "\n".join(",".join(f"{v:.4f}" for v in row) for row in table))
    layers = (
        f'[{{type = "dense", units = {units}}}, {{type = "dense", units = {units}}}, {{type = "dense", units = 1}}]'
    )
    arguments = ["train", str(tmp_path / "t.csv"), "--target", "y", "--set", f"network.layers = {layers}", "-q"]
    assert leadline([*arguments, "--runs", str(tmp_path / "runs")]) == 1
    said = capsys.readouterr().err
    assert "Training would take at least" in said and "Make its layers smaller" in said and said.count("\n") == 2
    assert not (tmp_path / "runs").exists()


def test_predictions_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_bytes(b"set,label,prediction\ndev,a,\xff\xfe\ndev,b,b\n")
    with pytest.raises(LeadlineError, match="'prediction' is no text in UTF-8"):
        read_predictions(tmp_path / "p.csv")


def test_torch_files_are_refused_without_dangerous_advice(tmp_path: Path) -> None:
    torch.save({"w": print}, tmp_path / "w.pt")
    with pytest.raises(LeadlineError) as caught:
        read_tensors(tmp_path / "w.pt")
    assert "weights_only" not in str(caught.value) and "safetensors" in str(caught.value)


def test_checkpoints_of_nonsense(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(60, 2))
    run = train(Network([Dense(3, "tanh"), Dense(1)]), (x, x[:, 0] > 0), epochs=2, name="r", runs=tmp_path)
    whole = load_file(run.checkpoint_path)
    facts = {"loss": '"binary_cross_entropy"', "task": '"binary"', "input_shape": "[2]"}
    for wrong, what in (
        ({name: tensor.int() for name, tensor in whole.items()}, "values that are no numbers"),
        ({name: tensor * torch.nan for name, tensor in whole.items()}, "values that are no numbers"),
    ):
        save_file(wrong, run.checkpoint_path, metadata=facts)
        with pytest.raises(LeadlineError, match=what):
            load_run("r", tmp_path).trained_network()
    save_file(whole, run.checkpoint_path)
    with pytest.raises(LeadlineError, match="does not say of what it is"):
        load_run("r", tmp_path).trained_network()


def test_a_fault_of_the_machine_is_no_internal_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for error, words in (
        (OSError(28, "No space left on device", "/x/y"), "/x/y: No space left on device."),
        (OSError(5, "Input/output error"), "Input/output error."),
        (MemoryError(), "not enough memory"),
    ):

        def fails(*_: object, error: BaseException = error) -> None:
            raise error

        monkeypatch.setattr("leadline.cli.runs.load_run", fails)
        assert leadline(["show", "x", "--runs", str(tmp_path)]) == 1
        shown = capsys.readouterr().err
        assert words in shown and "Internal" not in shown and shown.count("\n") == 1
