from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from leadline.errors import LeadlineError
from leadline.strategy.mismatch import _area_and_p, compare_sets


def columns(n: int, seed: int, **changes: float) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        "age": random.normal(40 + changes.get("age", 0), 10, n),
        "income": np.where(random.random(n) < changes.get("missing", 0.05), np.nan, random.lognormal(size=n)),
        "country": random.choice(
            ["fr", "pt", "es"], n, p=[0.6 - changes.get("fr", 0), 0.2 + changes.get("fr", 0), 0.2]
        ),
    }


def test_equal_distributions_are_not_told_apart() -> None:
    p_values = [compare_sets(columns(150, 2 * k), columns(150, 2 * k + 1)).p for k in range(20)]
    assert sum(p < 0.05 for p in p_values) <= 4
    found = compare_sets(columns(400, 1), columns(400, 2))
    assert not found.differ and 0.4 < found.auc < 0.6
    assert found.conclusion.startswith("No difference between the first set and the second set was found")


@pytest.mark.parametrize(
    ("change", "feature", "words"),
    [
        ({"age": 12}, "age", "median 39.99 against 51"),
        ({"missing": 0.5}, "income", "missing 4"),
        ({"fr": 0.35}, "country", "'fr' 6"),
    ],
)
def test_the_feature_that_differs_comes_first(change: dict, feature: str, words: str) -> None:
    found = compare_sets(columns(600, 1), columns(600, 2, **change), ("web", "mobile"))
    assert found.differ and found.p <= 0.001
    assert found.features[0].name == feature
    assert words in found.features[0].words
    assert [each.name for each in found.clear_features] == [feature]
    assert found.conclusion.startswith("web and mobile differ")


def test_a_difference_that_only_the_combination_shows() -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 2000))
    together = {"a": a, "b": a + 0.1 * b}
    apart = {"a": random.normal(size=2000), "b": random.normal(size=2000)}
    found = compare_sets(together, apart)
    assert found.differ and found.auc > 0.8 and found.clear_features == ()
    assert "their combination does" in found.conclusion


def test_areas_and_p_values_are_mann_and_whitneys() -> None:
    random = np.random.default_rng(3)
    values = np.round(random.normal(size=200), 1)
    side = random.random(200) < 0.4
    values[side] += 0.3
    area, p = _area_and_p(values, side)
    expected = stats.mannwhitneyu(values[side], values[~side], use_continuity=False, method="asymptotic")
    assert area == pytest.approx(expected.statistic / (side.sum() * (~side).sum()))
    assert p == pytest.approx(expected.pvalue)


def test_sets_that_cannot_be_compared() -> None:
    with pytest.raises(LeadlineError, match="lacks the column 'age'"):
        compare_sets(columns(50, 0), {"country": np.array(["fr"] * 50)})
    with pytest.raises(LeadlineError, match="the second set has 5 examples"):
        compare_sets(columns(50, 0), columns(5, 0))
