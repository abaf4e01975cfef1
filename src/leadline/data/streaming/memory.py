"""How much memory this process may still take: of the machine, or of the control group that it runs in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")
UNLIMITED = 1 << 60
"""The first version of control groups writes a number of this size where there is no limit."""

FILES = {
    2: ("memory.max", "memory.current", "inactive_file"),
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
"""By version: the limit, what is used, and the line of ``memory.stat`` that says how much of it can be given up."""


def memory_available() -> int:
    """Bytes that are free for this process: of the machine, or of any control group around it where that is less."""
    limits = [*_of_machine(), *_of_groups()]
    return min(limits) if limits else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _of_machine() -> Iterator[int]:
    lines = (_read(Path("/proc/meminfo")) or "").splitlines()
    for line in lines:
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) << 10


def _of_groups() -> Iterator[int]:
    """What is left in the process's own group and in each around it; a container may show its own as the root."""
    for line in (_read(OWN_GROUPS) or "0::/").splitlines():
        _, controllers, place = line.split(":", 2)
        if controllers == "":
            version, root = 2, GROUPS
        elif "memory" in controllers.split(","):
            version, root = 1, GROUPS / "memory"
        else:
            continue
        own = root / place.lstrip("/")
        for group in {root, own, *(each for each in own.parents if root in each.parents)}:
            left = _left(group, version)
            if left is not None:
                yield left


def _left(group: Path, version: int) -> int | None:
    """Bytes that are left in one group; None where it has no limit or cannot be looked at."""
    of_limit, of_use, of_cache = FILES[version]
    limit, used = _read(group / of_limit), _read(group / of_use)
    try:
        if limit is None or used is None or limit.strip() == "max" or int(limit) >= UNLIMITED:
            return None
        cache = [
            int(line.split()[1])
            for line in (_read(group / "memory.stat") or "").splitlines()
            if line.startswith(f"{of_cache} ")
        ]
        return max(int(limit) - int(used) + sum(cache), 0)
    except (ValueError, IndexError):
        return None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return None
