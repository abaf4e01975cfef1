"""The progress bar."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from leadline.cli.main import run as leadline
from leadline.cli.screen import ProgressBar, Terminal, print_fitted, print_under, wrapped
from leadline.experiment import Experiment
from leadline.session.plan import make_plan


def test_the_bar_stands_where_training_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when batches come so quickly that the end of an epoch is not drawn."""
    screen = StringIO()
    bar = ProgressBar(Console(file=screen, force_terminal=True, width=120))
    bar.planned(make_plan(Experiment.from_dict({"data": {"source": "digits"}, "training": {"epochs": 4}})))
    assert bar.bar is not None
    monkeypatch.setattr(bar, "_due", lambda: False)
    for epoch in (1, 2, 3):
        bar.epoch({"epoch": epoch, "cost": 0.5, "dev_error": 0.25})
    monkeypatch.setattr(bar, "_due", lambda: True)
    bar.step(5, 10, 0.5)
    assert bar.bar.tasks[0].completed == 3.5
    assert bar.bar.tasks[0].fields["text"] == "epoch 3, cost 0.5000, dev error 25.0 %"
    bar.close()
    assert "parameters" in screen.getvalue()


def test_prose_breaks_between_words_and_never_within_a_number() -> None:
    text = "h: error 53 188 (50 966 to 55 585, n = 4 128), p = 0.005, 17.4 % of 1 070 000\n  a/path/without/any/space"
    for width in range(24, 90):
        lines = wrapped(text, width).split("\n")
        assert all(len(line) <= width for line in lines[:-1]), width
        assert " ".join(line.strip() for line in lines) == " ".join(text.split())
        for kept in ("53 188", "n = 4 128", "p = 0.005", "17.4 %", "1 070 000"):
            assert any(kept in line for line in lines), (width, kept)
        assert "a/path/without/any/space" in lines[-1], "what is to be copied stays whole"
    assert wrapped("  indented words go on", 14) == "  indented\n    words go\n    on"


def test_a_terminal_wraps_what_is_no_markup() -> None:
    screen = StringIO()
    terminal = Terminal(file=screen, force_terminal=True, width=20, color_system=None, soft_wrap=True)
    terminal.print("one two three four five", markup=False)
    print_under(terminal, "Next step", "get more of the data")
    assert screen.getvalue() == "one two three four\n  five\nNext step: get more\n  of the data\n"


@pytest.mark.parametrize("width", [30, 80])
def test_a_table_on_a_narrow_terminal_loses_no_number(width: int) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("Run", "Dev error", "95 % interval"):
        table.add_column(title, no_wrap=True)
    table.add_row("digits-20261121", "53 188", "50 966 to 55 585")
    screen = StringIO()
    print_fitted(Terminal(file=screen, force_terminal=True, width=width, color_system=None, soft_wrap=True), table)
    shown = screen.getvalue()
    assert "…" not in shown and max(map(len, shown.split("\n"))) <= width
    assert ("50 966 to 55 585" in shown) == (width == 80)


def test_the_first_rows_of_a_table_without_a_header_are_shown_as_they_were_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bare.csv").write_text("".join(f"{k * 7 % 60},{k % 5},{'xy'[k % 2]}\n" for k in range(60)))
    arguments = ["train", "bare.csv", "--target", "3", "--epochs", "1", "--quick"]
    assert leadline(arguments) == 0
    streams = capsys.readouterr()
    lines = [" ".join(line.split()) for line in streams.out.splitlines()]
    assert "column_1 column_2 column_3" in lines and "7 1 y" in lines
    assert any(line.startswith("number") and line.endswith("target") for line in lines)
    assert streams.err == "Note: --target: 3 is column_3, column 3 of 3 counted from 1: x, y, x, y, x, …\n"
    assert leadline([*arguments, "--names", "size,place,kind", "--target", "kind", "-q"]) == 0
    assert "epochs = 1" not in streams.out


def test_the_experiment_is_shown_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert leadline(["train", "digits", "--epochs", "1", "--name", "a", "--quick", "--show-experiment"]) == 0
    out = capsys.readouterr().out
    assert "epochs = 1" in out and "Experiment: runs/a/experiment.toml" in out
    assert leadline(["show", "a"]) == 0
    assert "epochs = 1" not in capsys.readouterr().out
    assert leadline(["show", "a", "--show-experiment"]) == 0
    assert "epochs = 1" in capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("_LEADLINE_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("COMP_WORDS", "leadline tra")
    monkeypatch.setenv("COMP_CWORD", "1")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "leadline tra")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    with pytest.raises(SystemExit):
        leadline([])
    assert "train" in capsys.readouterr().out


def test_runs_are_completed_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("first", "second"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "run.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("_LEADLINE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "leadline show f")
    monkeypatch.setenv("COMP_CWORD", "2")
    with pytest.raises(SystemExit):
        leadline([])
    assert capsys.readouterr().out.split() == ["first"]
