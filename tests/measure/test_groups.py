"""Examples in groups: ten copies of each row say no more than the rows, in every metric."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.errors import UsageError
from leadline.measure import METRICS, break_down, cost_metric, evaluate, false_alarm_metric, proportion
from leadline.measure.groups import clustered_rate, design_effect, group_codes, group_means

COPIES = 10


def answers(rng: np.random.Generator, name: str, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Truth and what the metric needs, of a middling model."""
    found = METRICS[name]
    if found.needs == "values":
        truth = rng.normal(size=m)
        return truth, truth + rng.laplace(size=m)
    if found.tasks == ("multilabel",):
        truth = rng.integers(0, 2, (m, 3)).astype(float)
        return truth, np.where(rng.random((m, 3)) < 0.2, 1 - truth, truth)
    truth = rng.integers(0, 2, m)
    if found.needs == "scores":
        return truth, 1 / (1 + np.exp(-(2 * truth - 1 + rng.normal(size=m))))
    return truth, np.where(rng.random(m) < 0.2, 1 - truth, truth)


@pytest.mark.parametrize("name", METRICS)
def test_copies_leave_every_interval_as_wide_as_without_them(name):
    rng = np.random.default_rng(0)
    truth, given = answers(rng, name, 300)
    alone = evaluate(name, truth, given)
    copied, groups = np.repeat(truth, COPIES, axis=0), np.repeat(np.arange(300), COPIES)
    order = rng.permutation(300 * COPIES)
    together = evaluate(name, copied[order], np.repeat(given, COPIES, axis=0)[order], groups=groups[order])
    assert together.value == pytest.approx(alone.value)
    assert together.n == 300 * COPIES
    width, expected = (m.interval[1] - m.interval[0] for m in (together, alone))
    assert width == pytest.approx(expected, rel=0.08)
    blind = evaluate(name, copied, np.repeat(given, COPIES, axis=0))
    assert blind.interval[1] - blind.interval[0] < 0.6 * expected


@pytest.mark.parametrize("metric", [cost_metric([[0, 1], [5, 0]]), false_alarm_metric(60.0)], ids=lambda m: m.name)
def test_copies_in_metrics_of_the_users_own_numbers(metric):
    rng = np.random.default_rng(0)
    truth, given = answers(rng, "error", 300)
    alone = evaluate(metric, truth, given)
    together = evaluate(metric, np.repeat(truth, 10), np.repeat(given, 10), groups=np.repeat(np.arange(300), 10))
    assert together.value == pytest.approx(alone.value)
    width, expected = (m.interval[1] - m.interval[0] for m in (together, alone))
    assert width == pytest.approx(expected, rel=0.08)


def test_a_breakdown_measures_everything_over_groups():
    rng = np.random.default_rng(0)
    truth, given = answers(rng, "error", 200)
    groups = np.repeat(np.arange(200), 5)
    t, p = np.repeat(truth, 5), np.repeat(given, 5)
    town = np.repeat(rng.choice(["a", "b"], 200), 5)
    rows = {}
    for label, own in (("groups", groups), ("rows", None)):
        found = break_down("binary", t, p, segments={"town": town}, groups=own)
        rows[label] = [found.overall["error"], found.classes["1"]["recall"], found.segments["town"]["a"]["error"]]
    for grouped, single in zip(rows["groups"], rows["rows"], strict=True):
        widths = [m.interval[1] - m.interval[0] for m in (grouped, single)]
        assert widths[0] == pytest.approx(5**0.5 * widths[1], rel=0.1)


def test_groups_of_one_change_nothing():
    rng = np.random.default_rng(0)
    for name in ("error", "f1", "rmse", "roc_auc"):
        truth, given = answers(rng, name, 100)
        assert evaluate(name, truth, given, groups=np.arange(100)) == evaluate(name, truth, given)


def coverage(m: int, groups: int, rate: float, correlation: float, draws: int) -> float:
    """Of a rate in groups of very different size, each of which errs by a rate of its own (beta-binomial)."""
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(draws):
        weight = 1 / correlation - 1
        own = rng.beta(rate * weight, (1 - rate) * weight, groups)
        sizes = rng.multinomial(m - groups, rng.dirichlet(np.full(groups, 2.0))) + 1
        codes = np.repeat(np.arange(groups), sizes)
        found = clustered_rate(rng.random(m) < own[codes], np.ones(m), groups=codes)
        hits += found.interval[0] <= rate <= found.interval[1]
    return hits / draws


@pytest.mark.parametrize(("groups", "rate", "correlation"), [(100, 0.1, 0.3), (40, 0.3, 0.1), (200, 0.05, 0.05)])
def test_a_rate_in_uneven_groups_covers_what_it_states(groups, rate, correlation):
    assert coverage(2000, groups, rate, correlation, 1500) == pytest.approx(0.95, abs=0.025)


def test_few_groups_are_wide_and_say_so():
    assert coverage(300, 8, 0.3, 0.1, 1500) >= 0.9
    found = clustered_rate(np.arange(60) % 3 == 0, np.ones(60), groups=np.arange(60) % 6)
    assert "only 6 independent groups" in found.warning and "only 6" in str(found.to_json())
    assert not clustered_rate(np.arange(60) % 3 == 0, np.ones(60), groups=np.arange(60) % 30).warning


def test_no_mistake_in_groups_counts_the_groups():
    alone, copies = (
        proportion(0, 50),
        evaluate("error", np.zeros(500, int), np.zeros(500, int), groups=np.arange(500) % 50),
    )
    assert copies.interval[1] == pytest.approx(alone.interval[1], rel=0.05)


def test_linearized_means_and_the_design_effect():
    rng = np.random.default_rng(0)
    values, codes = rng.random(90), group_codes(rng.choice(["a", "b", "c", "d", "e"], 90), 90)
    assert group_means(values, codes).mean() == pytest.approx(values.mean())
    copied = np.repeat(values - values.mean(), 4)
    assert design_effect(copied, np.repeat(np.arange(90), 4)) == pytest.approx(4, rel=0.05)
    with pytest.raises(UsageError, match="one name or number per example"):
        group_codes([1, 2], 3)
