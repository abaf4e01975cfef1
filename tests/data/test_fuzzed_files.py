"""Files damaged at random get an answer or one clear line, from every reader; those that once did not, for ever."""

from __future__ import annotations

import faulthandler
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
from fuzz import KEPT, SEEDS, damaged, fuzz, problem_with, reader


@pytest.mark.parametrize("kind", SEEDS)
def test_whole_files_are_read(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "cache"))
    (tmp_path / f"whole.{kind}").write_bytes(SEEDS[kind])
    assert reader(kind)(tmp_path / f"whole.{kind}") is not None


def test_damaged_files_get_an_answer_or_a_line() -> None:
    count, failures = fuzz(60.0, seed=1, most=12 * len(SEEDS))
    assert count >= 100 and failures == []


@pytest.mark.parametrize("path", sorted(KEPT.glob("*.*")), ids=lambda path: path.name)
def test_files_that_once_failed(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "cache"))
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    assert problem_with(path.name.partition(".")[2], copy) == ""


def test_a_reader_that_crashes_hangs_or_raises_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(kind: str) -> object:
        def read(path: Path) -> None:
            if kind == "csv":
                raise KeyError("a")
            if kind == "jsonl":
                faulthandler.disable()  # nobody need read where it was
                os.abort()
            time.sleep(60)

        return read

    monkeypatch.setattr("fuzz.reader", fails)
    monkeypatch.setattr("fuzz.SECONDS", 0.5)
    count, failures = fuzz(60.0, seed=1, most=3)
    problems = [problem for _, _, problem in failures]
    assert count == 3 and problems[0].startswith("KeyError: 'a'")
    assert problems[1].startswith("the process ended with -6") and problems[2].startswith("no answer within")
    assert damaged(b"abc" * 9, np.random.default_rng(0)) != b"abc" * 9
