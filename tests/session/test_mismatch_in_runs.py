"""T3.12: a run with extra sources says how the target differs from what it was trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import leadline as ll
from leadline.session.mismatch import MISMATCH, load_mismatch


def table(n: int, shift: float, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    sharpness, brightness = random.normal(shift, 1, n), random.normal(size=n)
    cat = np.where(sharpness - shift + brightness > 0, "yes", "no")
    return pd.DataFrame({"sharpness": sharpness, "brightness": brightness, "cat": cat})


def test_a_run_with_extra_sources_has_its_mismatch_measured_and_reported(tmp_path: Path) -> None:
    data = ll.read(table(400, -2, 0), "cat", extra=[table(900, 0, 1)])
    run = ll.train(data=data, epochs=3, name="with", runs=tmp_path / "runs")
    found = load_mismatch(run.folder)
    assert found is not None and found.names == ("train-dev", "dev")
    assert [feature.name for feature in found.clear_features] == ["sharpness"] and found.auc > 0.7
    page = (run.folder / "report.html").read_text()
    assert "Data mismatch by feature" in page and found.features[0].words in page
    assert "<td>yes</td>" in page and "built-in" not in page


def test_a_run_of_one_source_has_none(tmp_path: Path) -> None:
    run = ll.train(data=ll.read(table(300, 0, 0), "cat"), epochs=2, name="without", runs=tmp_path / "runs")
    assert not (run.folder / MISMATCH).exists()
    assert "How the target differs" not in (run.folder / "report.html").read_text()
