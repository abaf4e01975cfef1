"""What a run ran on: enough to explain a difference, nothing about who ran it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

_LIBRARIES = ("torch", "numpy", "pyarrow", "h5py", "scikit-learn")


def environment() -> dict[str, Any]:
    """Versions, platform, processor, threads, the commit of the folder one works in; no people, no hosts."""
    return {
        "leadline": version("leadline"),
        "python": platform.python_version(),
        "libraries": {name: installed for name in _LIBRARIES if (installed := _version(name))},
        "platform": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "commit": _commit(),
    }


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    if sys.platform == "linux":
        try:
            with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123 - a pseudo-file
                for line in lines:
                    if line.startswith("model name"):
                        return line.partition(":")[2].strip()
        except OSError:
            pass
    return platform.processor() or "unknown"


def _commit() -> str | None:
    """The commit of the user's own repository, with a + when there are changes that it does not hold."""
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        return commit + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=2, check=True)
    return done.stdout.strip()
