"""Messages speak of options to whoever gave options, and of keys to whoever wrote a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadline.cli.main import run as leadline
from leadline.cli.option_names import OPTIONS, in_options
from leadline.experiment import Experiment

ALL = ("--target", "--epochs", "--set")


@pytest.mark.parametrize(
    ("arguments", "options", "expected"),
    [
        (["train", "t.csv"], ALL, "--epochs: got 0; --set data.types.size: text."),
        (["train", "t.toml"], ALL, "training.epochs: got 0; data.types.size: text."),
        (["check", "t.csv"], ("--target",), "training.epochs: got 0; data.types.size: text."),
    ],
)
def test_keys_become_options(arguments: list[str], options: tuple[str, ...], expected: str) -> None:
    assert in_options("training.epochs: got 0; data.types.size: text.", arguments, options) == expected


def test_what_only_looks_like_a_key_stays() -> None:
    for text in ("my.data.csv: no such file.", "runs/data.old/x", "test.parquet", "leadline.data.read(x)"):
        assert in_options(text, ["train", "t.csv"], ALL) == text


def test_every_option_stands_for_a_key() -> None:
    for key in OPTIONS:
        section, name = key.split(".")
        fields = type(getattr(Experiment(), section)).model_fields
        assert name in fields or any(field.alias == name for field in fields.values())


def test_a_table_without_a_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3,4\n")
    (tmp_path / "e.toml").write_text('[data]\nsource = "t.csv"\n')
    assert leadline(["train", "t.csv"]) == 2
    assert capsys.readouterr().err == "leadline: --target: say which column of t.csv to predict: a, b.\n"
    assert leadline(["train", "e.toml"]) == 2
    assert capsys.readouterr().err == "leadline: data.target: say which column of t.csv to predict: a, b.\n"
