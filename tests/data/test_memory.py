"""The memory that is free is that of the tightest group around the process, in both versions of control groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadline.data.streaming import memory
from leadline.data.streaming.memory import memory_available

MIB = 1 << 20


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in place of the system's own, where nothing is limited."""
    monkeypatch.setattr(memory, "GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(memory, "OWN_GROUPS", tmp_path / "own")
    return tmp_path


def group(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / f"memory.{name}").write_text(f"{value}\n")


def test_nested_groups_of_the_second_version(system: Path) -> None:
    (system / "own").write_text("0::/slice/pod/container\n")
    group(system / "cgroup" / "slice", max=300 * MIB, current=100 * MIB)
    group(system / "cgroup" / "slice" / "pod", max=100 * MIB, current=60 * MIB, stat=f"inactive_file {10 * MIB}")
    group(system / "cgroup" / "slice" / "pod" / "container", max="max", current=50 * MIB)
    assert memory_available() == 50 * MIB
    group(system / "cgroup" / "slice", max=110 * MIB)
    assert memory_available() == 10 * MIB


def test_a_container_that_sees_its_group_as_the_root(system: Path) -> None:
    (system / "own").write_text("0::/\n")
    group(system / "cgroup", max=80 * MIB, current=90 * MIB)
    assert memory_available() == 0


def test_groups_of_the_first_version(system: Path) -> None:
    (system / "own").write_text("12:cpu,cpuacct:/docker/a\n7:memory:/docker/a\n0::/\n")
    own = system / "cgroup" / "memory" / "docker" / "a"
    group(own, limit_in_bytes=64 * MIB, usage_in_bytes=24 * MIB, stat=f"cache 5\ntotal_inactive_file {4 * MIB}")
    assert memory_available() == 44 * MIB
    group(own, limit_in_bytes=9_223_372_036_854_771_712)
    assert memory_available() > 64 * MIB


def test_what_cannot_be_read_is_no_limit(system: Path) -> None:
    group(system / "cgroup", max="nonsense", current="")
    assert memory_available() > 0
