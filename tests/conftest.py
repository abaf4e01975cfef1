"""What tests share: the folder of real data sets, and what may not be skipped where it is required."""

from __future__ import annotations

import os

# One thread for each test process: several run at once, and on some processors products differ in their last bit with
# the number of threads. Before torch is imported, which reads it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from browser import chromium
from leadline.extensions import restored

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def agreed(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests write the code themselves that their experiments name; nothing is remembered in the user's own folder."""
    monkeypatch.setenv("LEADLINE_TRUST", "all")
    monkeypatch.setenv("LEADLINE_STATE", str(tmp_path_factory.getbasetemp() / "state"))


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real data sets, named by LEADLINE_DATA or beside the repository; the test skips without it."""
    folder = Path(os.environ.get("LEADLINE_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"the real data sets are not in {folder}; LEADLINE_DATA names their folder")
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A started Chromium, one for all pages that are looked at; only tests marked ``needs_browser`` ask for it."""
    with chromium() as started:
        yield started


@pytest.fixture(autouse=True)
def quick_trainings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings in tests leave out the probes of the diagnosis, which take seconds, but where a test is about them."""
    if "probes" not in {marker.name for marker in request.node.iter_markers()}:
        monkeypatch.setattr("leadline.session.recorder.seconds_allowed", lambda seconds: 0.0)
        monkeypatch.setattr("leadline.session.probing.unprobed", lambda run: False)


REQUIRED = {f"needs_{name}" for name in os.environ.get("LEADLINE_REQUIRE", "").split()}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where LEADLINE_REQUIRE names "data", "browser" or "postgresql", a test that needs it may not be skipped."""
    report = yield
    needed = REQUIRED & {marker.name for marker in item.iter_markers()}
    if report.skipped and needed and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but {', '.join(sorted(needed))} is required here: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def _own_extensions() -> Iterator[None]:
    """What a test registers (a layer, a loss, …) is let go of after it, so that another test may use the name."""
    with restored():
        yield
