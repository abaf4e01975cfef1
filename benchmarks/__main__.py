"""Run benchmarks by name, all by default, and print their tables: `python -m benchmarks [dense …]`."""

from __future__ import annotations

import platform
import sys
from importlib import import_module
from pathlib import Path

import torch

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py") if path.stem != "compare")


def main(names: list[str]) -> int:
    """Run the named benchmarks; 2 for a name that does not exist."""
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"unknown benchmark '{unknown[0]}'; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    python, threads = platform.python_version(), torch.get_num_threads()
    print(f"torch {torch.__version__}, Python {python}, {threads} threads, {platform.machine()}\n")
    for name in names or NAMES:
        print(f"## {name}\n")
        import_module(f"benchmarks.{name}").run()
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
