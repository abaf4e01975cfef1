"""One browser for all pages that are looked at."""

from __future__ import annotations

import pytest
from browser import chromium


@pytest.fixture(scope="session")
def browser():
    """A started Chromium; only tests marked ``needs_browser`` ask for it."""
    with chromium() as started:
        yield started
