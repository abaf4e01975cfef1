"""What tests share: the folder of real data sets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real data sets, named by LEADLINE_DATA or beside the repository; the test skips without it."""
    folder = Path(os.environ.get("LEADLINE_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"the real data sets are not in {folder}; LEADLINE_DATA names their folder")
    return folder
