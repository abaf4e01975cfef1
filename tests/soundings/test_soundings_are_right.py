"""On real data: do forecasts hold, and is what is ranked first among the best? The benchmark does more of it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = [pytest.mark.needs_data, pytest.mark.verify]


@pytest.fixture(scope="module")
def benchmark(data_folder: Path) -> ModuleType:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from benchmarks import soundings

    soundings.DATA = data_folder
    return soundings


@pytest.mark.parametrize("case", [0, 1, 2, 3])
def test_forecasts_from_half_of_the_data_hold_all_of_it(benchmark: ModuleType, case: int):
    found = benchmark.forecasts(benchmark.cases()[case], repetitions=10, first_seed=40_000)
    assert found.given >= 5
    assert found.held >= 0.7 * found.given  # 90 % is stated; of 10, three misses would be too many
    assert found.width < 2.0


def test_what_is_ranked_first_is_among_the_two_best(benchmark: ModuleType, tmp_path: Path):
    case = benchmark.cases()[3]
    places = []
    for start in ("a rate ten times too small", "too few epochs", "four hidden units"):
        ranked = benchmark.ranking(case, start, 40_000, 30.0, tmp_path)
        assert ranked is not None
        places.append(ranked.place)
    assert sum(place <= 2 for place in places) >= 2
