"""Clusters in features: a planted one is found first, shuffled mistakes have none."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.errors import UsageError
from leadline.strategy import find_clusters


def features(rng, m=1200, groups=6):
    group = rng.integers(0, groups, m)
    centres = np.random.default_rng(7).normal(0, 4, (groups, 8))
    return centres[group] + rng.normal(size=(m, 8)), group


def test_a_planted_cluster_is_found_first():
    found = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x, group = features(rng)
        wrong = rng.random(len(x)) < np.where(group == 2, 0.3, 0.05)
        clusters = find_clusters(x, wrong, k=6, shuffles=199, seed=seed)
        found += bool(clusters) and np.mean(group[clusters[0].rows] == 2) > 0.9
        if clusters:
            first = clusters[0]
            assert wrong[first.mistakes].all() and set(first.mistakes) <= set(first.rows)
            assert len(first.representatives) <= 9 and first.error.value > first.rest.value
    assert found >= 19


def test_the_clearest_of_two_comes_first():
    rng = np.random.default_rng(0)
    x, group = features(rng)
    wrong = rng.random(len(x)) < np.array([0.05, 0.05, 0.5, 0.05, 0.25, 0.05])[group]
    first, second = find_clusters(x, wrong, k=6)
    assert np.mean(group[first.rows] == 2) > 0.9 and np.mean(group[second.rows] == 4) > 0.9
    assert first.excess.value > second.excess.value > 0


def test_shuffled_mistakes_seldom_have_a_cluster():
    alarms = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x, _ = features(rng, 400)
        alarms += bool(find_clusters(x, rng.random(400) < 0.1, shuffles=99, seed=seed))
    assert alarms <= 8  # 5 % of 60, and what a binomial may add to it


def test_the_most_typical_mistake_comes_first_and_json_is_plain():
    rng = np.random.default_rng(0)
    x, group = features(rng)
    wrong = rng.random(len(x)) < np.where(group == 2, 0.4, 0.05)
    (first, *_) = find_clusters(x, wrong, k=6)
    centre = x[first.rows].mean(0)
    distances = np.linalg.norm(x[first.mistakes] - centre, axis=1)
    assert distances[0] < distances[-1]
    assert first.to_json()["n"] == len(first.rows) and first.to_json()["mistakes"][0] == first.mistakes[0]
    assert "examples alike" in str(first)


def test_no_mistakes_no_clusters_and_wrong_shapes_are_refused():
    assert find_clusters(np.zeros((50, 2)), np.zeros(50, bool)) == ()
    with pytest.raises(UsageError, match="features"):
        find_clusters(np.zeros((50, 2)), np.zeros(40, bool))
    with pytest.raises(UsageError, match="Clusters must number"):
        find_clusters(np.zeros((50, 2)), np.zeros(50, bool), k=50)
