"""Examples as pages show them: images made anew from pixels, rows of tables as names and values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leadline.data import Dataset
from leadline.report.figures.images import FEW_PIXELS, png_bytes
from leadline.report.quantities import fact, number
from leadline.runs.run import Run
from leadline.session.run_data import data_of
from leadline.web.memory import RecentValues, signature

SETS = ("train", "train_dev", "dev", "test")


@dataclass(frozen=True)
class ExampleDisplay:
    """How a run's examples are shown: as images (with sharp pixels where those are few), as rows, or not at all."""

    images: bool = False
    pixels: bool = False
    version: str = ""


class ExampleStore:
    """The data sets of the runs that were looked at lately, and images cut from them."""

    def __init__(self) -> None:
        self._data: RecentValues[Dataset | None] = RecentValues(3)
        self._sets: RecentValues[dict[str, frozenset[int]]] = RecentValues(8)
        self._images: RecentValues[bytes] = RecentValues(4096)

    def data(self, run: Run) -> Dataset | None:
        """The run's data; None where they came from Python, are gone, or have changed since."""
        section = run.experiment.data.model_dump(mode="json")
        key = (run.data_hash, json.dumps(section, sort_keys=True, default=str))
        return self._data.get(key, lambda: data_of(run))

    def look(self, run: Run) -> ExampleDisplay:
        """How the run's examples are shown; this is known without their data."""
        shape, version = run.image_shape, run.data_hash[:12]
        if not shape or run.experiment.data.source is None:
            return ExampleDisplay(version=version)
        return ExampleDisplay(True, max(shape[:2]) <= FEW_PIXELS, version)

    def fields(self, run: Run, rows: Sequence[int]) -> list[list[tuple[str, str]]]:
        """Column names and values of each row, without the target; empty where there are none to show."""
        if run.image_shape or (data := self.data(run)) is None:
            return [[] for _ in rows]
        hidden = set(data.target_names)
        return [[(name, _value(v)) for name, v in row.items() if name not in hidden] for row in data.rows(rows)]

    def belongs(self, run: Run, part: str, row: int) -> bool:
        """Whether a row is in the set `part` of the run."""
        path = run.folder / "split.npz"
        sets = self._sets.get(signature(path), lambda: {k: frozenset(v.tolist()) for k, v in run.split.items()})
        return row in sets.get(part, ())

    def image(self, run: Run, row: int) -> bytes | None:
        """A row's image as PNG; None where there is none."""
        data = self.data(run)
        if data is None or data.image_shape is None or not 0 <= row < data.n:
            return None
        key = (run.data_hash, row)
        return self._images.get(key, lambda: png_bytes(data.images(np.array([row]))[0]))


def _value(value: Any) -> str:
    text = number(value) if isinstance(value, float) else fact(value)
    return text if len(text) <= 200 else text[:200] + "…"
