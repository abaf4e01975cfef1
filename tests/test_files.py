"""Files are written whole or not at all, and read with one line about what is wrong."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from leadline import files
from leadline.errors import LeadlineError


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    files.write_text(path, "one")
    files.write_text(path, "zwei – drei")
    assert path.read_text(encoding="utf-8") == "zwei – drei"
    assert _names(path.parent) == ["a.txt"]


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_refusal_leaves_the_old_file_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    path = files.write_text(tmp_path / "a.txt", "old")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(*((Path, "replace") if function == "replace" else (files.os, function)), refuse)
    with pytest.raises(LeadlineError, match=r"a\.txt cannot be written: No space left on device\.$"):
        files.write_text(path, "new")
    assert path.read_text(encoding="utf-8") == "old" and _names(tmp_path) == ["a.txt"]


def test_an_error_while_the_draft_is_written_keeps_the_old_file(tmp_path: Path) -> None:
    path = files.write_text(tmp_path / "a.txt", "old")
    with pytest.raises(ZeroDivisionError), files.replacing(path) as draft:
        draft.write_text("half", encoding="utf-8")
        _ = 1 / 0
    assert path.read_text(encoding="utf-8") == "old" and _names(tmp_path) == ["a.txt"]


def test_content_and_name_reach_the_disk_before_and_after_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(files.os, "fsync", lambda handle: (seen.append(_kind(handle)), fsync(handle))[1])
    monkeypatch.setattr(Path, "replace", lambda old, new: (seen.append("rename"), replace(old, new))[1])
    files.write_text(tmp_path / "a.txt", "x")
    assert seen == ["file", "rename", "folder"]


def _kind(handle: int) -> str:
    return "folder" if Path(f"/proc/self/fd/{handle}").is_dir() else "file"


def test_a_long_name_has_a_draft_too(tmp_path: Path) -> None:
    path = files.write_text(tmp_path / ("ö" * 120 + ".txt"), "x")
    assert path.exists()


def test_remove_drafts_leaves_all_else(tmp_path: Path) -> None:
    files.draft_of(tmp_path / "a.txt").write_text("half", encoding="utf-8")
    (tmp_path / ".hidden").touch()
    files.remove_drafts(tmp_path)
    assert _names(tmp_path) == [".hidden"]


def test_lines_are_added_after_one_that_was_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"a": 1}\n{"a": ', encoding="utf-8")
    files.append_line(path, '{"a": 3}')
    files.append_line(path, "null")
    files.append_line(path, "[" * 100_000)
    with path.open("ab") as file:
        file.write(b"\xff\xfe{\n")
    files.append_line(path, '{"a": 4}')
    assert list(files.read_json_lines(path)) == [{"a": 1}, {"a": 3}, {"a": 4}]
    assert list(files.read_json_lines(tmp_path / "none.jsonl")) == []


def test_plain_values_of_every_kind() -> None:
    @dataclass
    class Found:
        share: float
        parts: tuple[int, ...]

    value = {
        1: Found(float("nan"), (1, 2)),
        "array": np.array([[1.5, np.inf]]),
        "number": np.float32(0.5),
        "tensor": torch.tensor([1, 2]),
        "scalar": torch.tensor(2.5),
        "none": None,
        "flag": True,
        "text": "é",
    }
    assert json.loads(files.json_text(value)) == {
        "1": {"share": None, "parts": [1, 2]},
        "array": [[1.5, None]],
        "number": 0.5,
        "tensor": [1, 2],
        "scalar": 2.5,
        "none": None,
        "flag": True,
        "text": "é",
    }
    assert files.plain([np.float64(0.123456789), 12345678], digits=3) == [0.123, 12345678]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "it is empty"),
        (b'{"a": 1', "it is damaged"),
        (b"\xff\xfe\x00", "it is damaged"),
        (b"[" * 100_000, "it is damaged"),
        (b"[1]", "it holds no JSON object"),
    ],
)
def test_a_damaged_object_is_one_line(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(LeadlineError, match=what) as caught:
        files.read_object(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_a_file_that_is_a_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "run.json").mkdir()
    with pytest.raises(LeadlineError, match=r"cannot be read: Is a directory\.$"):
        files.read_json(tmp_path / "run.json")
    with pytest.raises(LeadlineError, match="cannot be written"):
        files.append_line(tmp_path / "run.json", "x")


def test_one_cache_with_a_folder_for_each_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEADLINE_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert files.cache_folder("images") == tmp_path / "leadline" / "images"
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "own"))
    assert files.cache_folder("weights") == tmp_path / "own" / "weights"
    (tmp_path / "own" / "features").touch()
    with pytest.raises(LeadlineError, match="LEADLINE_CACHE names another folder"):
        files.cache_folder("features")
