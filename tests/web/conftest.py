"""Small real runs behind a running server: one shared by tests that only look, and a copy for those that change."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from serving_runs import Served, serving

import leadline as ll


@pytest.fixture(scope="session")
def trained_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs digits-a, digits-b (images), fruit (a table, three classes) and houses (regression)."""
    folder = tmp_path_factory.mktemp("application")
    runs = folder / "runs"
    for name, rate in (("digits-a", 0.01), ("digits-b", 0.0005)):
        ll.train(data="digits", epochs=12, learning_rate=rate, name=name, runs=runs)
    ll.train(data=ll.read(_fruit(folder / "fruit.csv"), "kind"), epochs=30, name="fruit", runs=runs)
    ll.train(data=ll.read(_houses(folder / "houses.csv"), "price"), epochs=30, name="houses", runs=runs)
    for report in runs.glob("*/report.html"):
        report.unlink()  # five megabytes each, which every copy would copy
    return runs


@pytest.fixture(scope="session")
def served(trained_runs: Path) -> Iterator[Served]:
    """The runs behind a server, for tests that change nothing."""
    with serving(trained_runs) as found:
        yield found


@pytest.fixture
def own(trained_runs: Path, tmp_path: Path) -> Iterator[Served]:
    """A copy of the runs behind a server of its own, for tests that change something."""
    shutil.copytree(trained_runs, tmp_path / "runs")
    with serving(tmp_path / "runs") as found:
        yield found


def _fruit(path: Path, n: int = 600) -> Path:
    random = np.random.default_rng(0)
    lines = ["weight,colour,kind"]
    for i in range(n):
        kind = ("apple", "pear", "plum")[i % 3]
        lines.append(f"{100 + 40 * (i % 3) + random.normal(0, 30):.2f},{('red', 'green', 'blue')[i % 2]},{kind}")
    path.write_text("\n".join(lines) + "\n")
    return path


def _houses(path: Path, n: int = 400) -> Path:
    random = np.random.default_rng(1)
    area, rooms = random.uniform(40, 200, n), random.integers(1, 7, n)
    price = 900 * area + 4000 * rooms + random.normal(0, 9000, n)
    rows = [f"{a:.1f},{r},{p:.0f}" for a, r, p in zip(area, rooms, price, strict=True)]
    path.write_text("\n".join(["area,rooms,price", *rows]) + "\n")
    return path
