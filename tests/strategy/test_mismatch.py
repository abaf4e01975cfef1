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


def test_ten_copies_of_each_row_leave_the_level_as_it_is() -> None:
    """T3.19: neither the test of both sets nor that of a feature takes copies for evidence."""
    together, single = 0, 0
    for k in range(20):
        random = np.random.default_rng(k)
        first, second = ({"a": random.normal(size=60), "b": random.normal(size=60)} for _ in range(2))
        which = np.repeat(np.arange(60), 10)
        copied, other = ({name: values[which] for name, values in part.items()} for part in (first, second))
        found = compare_sets(copied, other, groups=(which, which))
        together += found.p < 0.05
        single += sum(feature.p < 0.05 for feature in found.features)
    assert together <= 4 and single <= 6


def test_the_p_value_of_a_feature_in_groups_is_uniform() -> None:
    random = np.random.default_rng(0)
    p_values = []
    for _ in range(600):
        codes = np.repeat(np.arange(80), random.integers(1, 8, 80))
        values = random.normal(size=80)[codes] + 0.5 * random.normal(size=len(codes))
        p_values.append(_area_and_p(values, (np.arange(80) < 30)[codes], codes)[1])
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.03)
    assert np.mean(np.array(p_values) < 0.5) == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("known", [(0, 0), (1, 0), (1, 1), (0, 3), (2, 30)])
def test_columns_with_few_known_values(known: tuple[int, int]) -> None:
    """A column that is hardly ever known says no more than how often it is known."""
    random = np.random.default_rng(0)
    sets = []
    for count in known:
        column = np.full(200, np.nan)
        column[:count] = random.normal(size=count)
        sets.append({"rare": column, "usual": random.normal(size=200)})
    found = compare_sets(*sets)
    rare = next(feature for feature in found.features if feature.name == "rare")
    assert 0 < rare.p <= 1
    assert found.differ == (known == (2, 30))
    again = compare_sets(sets[0], {**sets[1], "usual": sets[1]["usual"]})
    assert again.p == found.p
