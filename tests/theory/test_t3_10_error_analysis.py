"""T3.10: mistakes in rows, causes in columns, share and ceiling per cause."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.measure import proportion
from leadline.strategy import analyse


def test_t3_10_ceilings_of_dogs_blurry_and_big_cats():
    """T3.10."""
    ticks = {name: np.zeros(100, bool) for name in ("dogs", "blurry", "big cats")}
    ticks["dogs"][:10] = True
    ticks["blurry"][:50] = True
    ticks["big cats"][90:] = True
    analysis = analyse(ticks, proportion(1000, 10_000))
    assert [cause.name for cause in analysis.causes] == ["blurry", "dogs", "big cats"]
    assert {c.name: c.ceiling.value for c in analysis.causes} == pytest.approx(
        {"dogs": 0.09, "blurry": 0.05, "big cats": 0.09}
    )
    assert {c.name: c.share.value for c in analysis.causes} == {"dogs": 0.1, "blurry": 0.5, "big cats": 0.1}
