"""The gallery's figures are computed in one thread, as on its page."""

from __future__ import annotations

import pytest

from leadline.report.gallery.computing import one_thread


@pytest.fixture(autouse=True, scope="package")
def in_one_thread():
    with one_thread():
        yield
