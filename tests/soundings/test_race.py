from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from leadline.soundings.effects import Effect
from leadline.soundings.measurement import RemedyMeasurement
from leadline.soundings.race import leaders, promises
from leadline.strategy.remedies import RemedyOptions


def line(key: str, errors: list[float], change: float = -0.1) -> RemedyMeasurement:
    group: Any = [SimpleNamespace(dev=SimpleNamespace(error=error), diverged=np.isinf(error)) for error in errors]
    return RemedyMeasurement(
        RemedyOptions(key, key, ("variance",), (), {}), dev=Effect(change, 0.0, 0.0, 0.0), group=group
    )


def test_what_is_behind_beyond_luck_does_not_lead():
    close, best, far = line("close", [0.11, 0.13]), line("best", [0.10, 0.12]), line("far", [0.20, 0.22])
    assert leaders([close, far, best], usual_sd=0.01) == [best, close]
    assert leaders([close, far, best], usual_sd=0.2) == [best, close, far]


def test_many_seeds_tell_a_small_difference():
    first, second = [0.10, 0.12] * 2, [0.11, 0.13] * 2
    assert len(leaders([line("a", first), line("b", second)], usual_sd=0.01)) == 2
    assert len(leaders([line("a", first * 20), line("b", second * 20)], usual_sd=0.01)) == 1


def test_lines_without_networks_of_their_own_do_not_race():
    extrapolated, unmeasured = line("longer", []), RemedyMeasurement(RemedyOptions("l2", "L2", ("variance",), (), {}))
    assert leaders([extrapolated, unmeasured], 0.01) == []
    ahead = line("a", [0.3, 0.31, np.inf])
    assert leaders([extrapolated, ahead], 0.01) == [ahead]
    assert ahead.error == pytest.approx(0.305)  # without the network that diverged


def test_what_does_not_lower_the_error_promises_nothing():
    assert promises(line("a", [0.1], -0.01))
    assert not promises(line("a", [0.1], 0.01))
    assert not promises(RemedyMeasurement(RemedyOptions("l2", "L2", ("variance",), (), {})))
