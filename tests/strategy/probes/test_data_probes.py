"""Each probe of the data speaks where its fault was planted, and is silent where it was not (T3.17, T3.18)."""

from __future__ import annotations

import numpy as np
import pytest
from examined_examples import certain, examined, rng

from leadline.strategy.findings import STRONG, WEAK
from leadline.strategy.probes import Budget
from leadline.strategy.probes.copies import copy_findings, repeats
from leadline.strategy.probes.curve import growth
from leadline.strategy.probes.data import probe_data
from leadline.strategy.probes.groups import group_findings
from leadline.strategy.probes.labels import label_findings
from leadline.strategy.probes.leaks import leak_findings
from leadline.strategy.probes.levels import levels, nearest_neighbour_bounds
from leadline.strategy.probes.mixed_labels import mixed_label_findings
from leadline.strategy.probes.near_copies import near_copy_findings
from leadline.strategy.probes.order import order_findings
from leadline.strategy.probes.rare import rare_findings
from leadline.strategy.probes.references import references, usual
from leadline.strategy.probes.shift import shift_findings
from leadline.strategy.probes.signal import signal, signal_findings
from leadline.strategy.probes.verdict import beside, bias_findings, verdict_findings

BUDGET = 600.0


def linear(n: int = 800, d: int = 6, noise: float = 1.0, seed: int = 0):
    random = rng(seed)
    x = random.normal(size=(n, d))
    y = (x[:, 0] + x[:, 1] + noise * random.normal(size=n) > 0).astype(int)
    return x, y


def names(d: int) -> tuple[str, ...]:
    return tuple(f"x{j}" for j in range(d))


def codes(findings) -> list[str]:
    return [each.code for each in findings if each.strength != WEAK]


def test_noise_has_no_signal_and_a_real_target_has():
    """T3.17: pure noise is "nothing to learn"."""
    x, y = linear()
    noise = examined(x, rng(5).permutation(y))
    found = references(noise, Budget(BUDGET))
    assert codes(signal_findings(noise, found, signal(noise, found))) == ["no-signal"]
    real = examined(x, y)
    found = references(real, Budget(BUDGET))
    assert signal(real, found).p_value < 0.01
    assert signal_findings(real, found, signal(real, found)) == []


def test_noise_is_seldom_called_a_signal():
    """The level over three references and the network is 5 %."""
    seen = 0
    for seed in range(20):
        random = rng(100 + seed)
        data = examined(random.normal(size=(240, 4)), random.normal(size=240), seed=seed)
        seen += signal(data, references(data, Budget(BUDGET))).seen
    assert seen <= 4


def test_levels_need_no_human():
    """T3.17: the constant prediction, references and the bound of Cover and Hart stand beside the network."""
    x, y = linear()
    data = examined(x, y)
    found = references(data, Budget(BUDGET))
    by_name = {level.name: level.error.value for level in levels(data, found, repeats(data))}
    most = int(y[data.train.rows].mean() > 0.5)
    assert by_name["constant prediction"] == pytest.approx((y[data.dev.rows] != most).mean())
    assert by_name["linear model"] < by_name["constant prediction"]
    bound = by_name["Bayes error, at least"]
    assert 0.1 < bound < by_name["gradient boosting"]


def test_the_bound_follows_cover_and_hart():
    """R* ≥ ½ (1 − √(1 − 2R)) for two classes; near 0 where neighbours agree."""
    random = rng(3)
    x = random.normal(size=(400, 2))
    apart = examined(x, (x[:, 0] > 0).astype(int))
    assert nearest_neighbour_bounds(apart)[0].error.value < 0.05
    mixed = examined(x, random.integers(0, 2, 400))
    assert nearest_neighbour_bounds(mixed)[0].error.value > 0.25


def test_a_column_that_gives_the_target_away():
    x, y = linear(noise=2.0)
    leak = y + 0.01 * rng(1).normal(size=len(y))
    data = examined(np.column_stack([x, leak]), y, names=(*names(6), "paid"))
    (found,) = leak_findings(data, Budget(BUDGET))
    assert found.code == "target-leak" and found.strength == STRONG
    assert found.change == {"data.exclude": ["paid"]}
    assert "'paid'" in found.statement
    assert leak_findings(examined(x, y, names=names(6)), Budget(BUDGET)) == []


def test_two_columns_that_give_the_target_away_are_both_named():
    x, y = linear(noise=2.0)
    data = examined(np.column_stack([x, y, 3.0 - y]), y, names=(*names(6), "paid", "owed"))
    (found,) = leak_findings(data, Budget(BUDGET))
    assert set(found.change["data.exclude"]) == {"paid", "owed"}


def test_a_strong_column_that_the_others_can_replace_is_no_leak():
    random = rng(2)
    x = random.normal(size=(800, 4))
    x = np.column_stack([x, x[:, 0] + 0.2 * random.normal(size=800)])
    assert leak_findings(examined(x, (x[:, 0] > 0).astype(int), names=names(5)), Budget(BUDGET)) == []


def test_missing_values_that_give_the_target_away():
    x, y = linear(noise=2.0)
    gone = rng(1).normal(size=len(y))
    gone[(y == 1) ^ (rng(2).random(len(y)) < 0.01)] = np.nan
    data = examined(np.column_stack([x, gone]), y, names=(*names(6), "discharge"))
    (found,) = leak_findings(data, Budget(BUDGET))
    assert found.code == "missingness-leak"
    assert found.change == {"data.exclude": ["discharge"]}


def test_a_counter_in_a_sorted_file():
    x, y = linear(noise=2.0)
    order = np.argsort(y, kind="stable")
    data = examined(np.column_stack([x[order], np.arange(len(y))]), y[order], names=(*names(6), "number"))
    (found,) = leak_findings(data, Budget(BUDGET))
    assert found.code == "order-leak"


def test_copies_across_sets_make_the_dev_error_too_good():
    x, y = linear(n=600, noise=2.0)
    copied = np.concatenate([x, x[:300]]), np.concatenate([y, y[:300]])
    dev = np.zeros(900, bool)
    dev[500:] = True
    seen = np.concatenate([np.zeros(600, bool), np.ones(300, bool)])

    def by_heart(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
        guess = (values[:, 0] + values[:, 1] > 0).astype(int)
        return certain(np.where(seen[rows], copied[1][rows], guess))

    data = examined(*copied, by_heart, names=names(6), dev=dev)
    (found,) = copy_findings(data, repeats(data))
    assert found.code == "duplicates-across-sets" and found.strength == STRONG
    assert found.change == {"split.duplicates": "together"}
    alone = examined(x, y, names=names(6))
    assert copy_findings(alone, repeats(alone)) == []


def test_rows_of_few_values_are_equal_by_coincidence():
    random = rng(4)
    x = random.integers(0, 3, size=(900, 4)).astype(float)
    data = examined(x, random.integers(0, 2, 900), names=names(4))
    assert "duplicates-across-sets" not in codes(copy_findings(data, repeats(data)))


def test_equal_inputs_with_other_targets_are_a_floor():
    """T3.17: the floor is what the best answer to each input gets wrong."""
    random = rng(6)
    x = random.integers(0, 4, size=(1200, 2)).astype(float)
    y = ((x[:, 0] > 1) ^ (random.random(1200) < 0.25)).astype(int)
    data = examined(x, y, lambda values, rows: certain((values[:, 0] > 1).astype(int)))
    repeated = repeats(data)
    assert repeated.floor.value == pytest.approx(0.24, abs=0.03)
    assert codes(copy_findings(data, repeated)) == ["contradicting-targets"]


def test_a_class_too_rare_for_the_metric():
    random = rng(7)
    x = random.normal(size=(1500, 4))
    y = (x[:, 0] + 0.7 * random.normal(size=1500) > 2.2).astype(int)
    data = examined(x, y)
    seen = signal(data, references(data, Budget(BUDGET)))
    (found,) = rare_findings(data, seen)
    assert found.change == {"goal.optimizing": "f1", "training.class_weights": "balanced"}
    balanced = examined(*linear())
    assert rare_findings(balanced, signal(balanced, references(balanced, Budget(BUDGET)))) == []


def test_wrong_labels_are_told_from_classes_that_overlap():
    random = rng(8)
    centres = random.normal(size=(3, 5)) * 3
    y = random.integers(0, 3, 1200)
    x = centres[y] + random.normal(size=(1200, 5))
    flipped = np.where(random.random(1200) < 0.12, (y + random.integers(1, 3, 1200)) % 3, y)
    data = examined(x, flipped)
    assert codes(label_findings(data, references(data, Budget(BUDGET)))) == ["wrong-labels"]
    overlap = examined(*linear(n=1200, noise=1.0))
    assert label_findings(overlap, references(overlap, Budget(BUDGET))) == []


def test_rows_that_belong_together_along_the_file():
    random = rng(9)
    t = np.arange(1200)
    x = np.column_stack([np.sin(t / 40), np.cos(t / 73), t / 1200, random.normal(size=1200)])
    walk = np.cumsum(random.normal(size=1200)) * 0.3
    data = examined(x, walk + 0.1 * random.normal(size=1200))
    assert codes(order_findings(data, ())) == ["drift"]
    order = random.permutation(1200)
    assert order_findings(examined(x[order], walk[order]), ()) == []


def test_a_relation_that_turns_slowly_along_the_file():
    random = rng(15)
    x, angle = random.normal(size=(1200, 4)), np.linspace(0, 1.5, 1200)
    score = np.cos(angle) * x[:, 0] + np.sin(angle) * x[:, 1] + 0.3 * random.normal(size=1200)
    data = examined(x, (score > 0).astype(int))
    (found,) = order_findings(data, references(data, Budget(BUDGET)))
    assert found.code == "drift"
    order = random.permutation(1200)
    mixed = examined(x[order], (score[order] > 0).astype(int))
    assert order_findings(mixed, references(mixed, Budget(BUDGET))) == []


def test_one_class_that_was_often_given_the_label_of_another():
    random = rng(16)
    centres = 5 * np.eye(4)[:3]
    y = random.integers(0, 3, 1000)
    x = centres[y] + random.normal(size=(1000, 4))
    given = np.where((y == 1) & (random.random(1000) < 0.4), 2, y)
    (found,) = mixed_label_findings(examined(x, given))
    assert found.code == "wrong-labels"
    assert "'c'" in found.next_step and "'b'" in found.next_step
    assert mixed_label_findings(examined(x, y)) == []


@pytest.mark.parametrize("noise", [0.5, 1.0, 2.0])
def test_classes_that_overlap_are_no_mixed_labels(noise: float):
    x, y = linear(n=1200, d=3, noise=noise)
    assert mixed_label_findings(examined(x, y)) == []
    rare = examined(x, (x[:, 0] + noise * rng(17).normal(size=1200) > 1.0).astype(int))
    assert mixed_label_findings(rare) == []


def test_a_long_tail_is_told_from_values_that_stand_apart():
    random = rng(18)
    x = random.normal(size=(1200, 3))
    tail = examined(x, x[:, 0] + random.standard_t(1.8, 1200))
    (found,) = label_findings(tail, references(tail, Budget(BUDGET)))
    assert found.code == "heavy-tails" and found.change == {"goal.optimizing": "mae"}
    slipped = random.random(1200) < 0.03
    values = x[:, 0] + 0.3 * random.normal(size=1200) + np.where(slipped, 60.0, 0.0)
    apart = examined(x, values)
    (found,) = label_findings(apart, references(apart, Budget(BUDGET)))
    assert found.code == "wrong-labels"


def test_a_skewed_positive_target_is_to_be_transformed():
    random = rng(19)
    x = random.normal(size=(1200, 3))
    data = examined(x, np.exp(x[:, 0] + 1.6 * random.normal(size=1200)))
    (found,) = label_findings(data, references(data, Budget(BUDGET)))
    assert found.code == "heavy-tails" and "logarithm" in found.next_step


def test_one_of_two_columns_that_tells_classes_apart_is_no_leak():
    random = rng(20)
    y = random.integers(0, 2, 800)
    x = np.column_stack([8.0 * y, 0.5 * y]) + random.normal(size=(800, 2))
    assert leak_findings(examined(x, y, names=names(2)), Budget(BUDGET)) == []


@pytest.mark.parametrize("d", [5, 10])
def test_what_was_measured_twice_is_in_both_sets(d: int):
    random = rng(21)
    x = np.repeat(random.normal(size=(400, d)), 3, axis=0) + 0.005 * random.normal(size=(1200, d))
    y = np.repeat(random.integers(0, 2, 400), 3)
    dev = random.permutation(1200) < 250
    learnt = {i // 3 for i in np.flatnonzero(~dev)}

    def by_heart(_: np.ndarray, rows: np.ndarray) -> np.ndarray:
        known = np.isin(rows // 3, list(learnt))
        return certain(np.where(known, y[rows], 1 - y[rows]))

    (found,) = near_copy_findings(examined(x, y, by_heart, dev=dev))
    assert found.code == "groups-across-sets"
    alone = random.normal(size=(1200, d))
    assert near_copy_findings(examined(alone, y, dev=dev)) == []
    clusters = random.integers(0, 30, 1200)[:, None] + 0.1 * alone
    assert near_copy_findings(examined(clusters, y, dev=dev)) == []


def test_a_file_sorted_by_its_target_is_no_drift():
    x, y = linear()
    order = np.argsort(y, kind="stable")
    assert order_findings(examined(x[order], y[order]), ()) == []


def test_a_dev_set_of_another_kind():
    random = rng(10)
    dev = np.arange(1000) >= 700
    x = random.normal(size=(1000, 4)) + 1.5 * dev[:, None]
    y = np.where(dev, x[:, 1] > 1.5, x[:, 0] > 0).astype(int)
    data = examined(x, y, names=names(4), dev=dev, chosen_at_random=False)
    sets = {"train": dict(zip(names(4), x[~dev].T, strict=True)), "dev": dict(zip(names(4), x[dev].T, strict=True))}
    (found,) = shift_findings(data, references(data, Budget(BUDGET)), sets)
    assert found.code == "data-mismatch" and found.strength == STRONG
    alike = examined(*linear(), names=names(6))
    assert shift_findings(alike, (), {}) == []


# --- the gaps -----------------------------------------------------------------------------------------------


def verdict(data):
    found = references(data, Budget(BUDGET))
    compared = beside(data, found)
    return [
        *bias_findings(data, compared),
        *verdict_findings(data, compared, growth(data, "reference", usual(data))),
    ]


def test_a_reference_that_does_better_than_the_network_fits_shows_bias():
    random = rng(11)
    x = random.normal(size=(1200, 3))
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    data = examined(x, y, lambda values, rows: certain((values[:, 2] > 0).astype(int)))
    (found, *_) = verdict(data)
    assert found.code == "avoidable-bias" and found.strength == STRONG
    assert found.evidence[0].measured.interval[0] > 0


def test_a_reference_that_generalizes_better_shows_variance():
    x, y = linear(n=600, d=20, noise=0.3)
    train = examined(x, y).train.rows
    wrong = rng(12).random(600) < 0.35

    def memory(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return certain(np.where(np.isin(rows, train), y[rows], y[rows] ^ wrong[rows]))

    assert codes(verdict(examined(x, y, memory)))[0] == "variance"


def test_nothing_better_is_noise_and_never_bias():
    """T3.17: no level is given, and nothing that was measured does better."""
    x, y = linear(n=2000, noise=1.5)
    data = examined(x, y, lambda values, rows: certain((values[:, 0] + values[:, 1] > 0).astype(int)))
    assert codes(verdict(data)) == ["noise-floor"]


def test_more_data_would_help_where_the_error_still_falls():
    random = rng(13)
    x = random.normal(size=(1600, 8))
    y = (np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] > 0).astype(int)
    dev = np.arange(1600) >= 600
    train = np.flatnonzero(~dev)
    wrong = random.random(1600) < 0.25

    def memory(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return certain(np.where(np.isin(rows, train), y[rows], y[rows] ^ wrong[rows]))

    assert "more-data-helps" in codes(verdict(examined(x, y, memory, dev=dev)))


def test_probes_keep_to_their_budget_and_say_what_they_left_out():
    data = examined(*linear(), names=names(6))
    budget = Budget(0.0)
    probe_data(data, {}, budget)
    assert {"columns", "sets", "labels", "order"} <= set(budget.probing().skipped)


def test_few_examples_tell_nothing():
    x, y = linear(n=40)
    budget = Budget(BUDGET)
    assert probe_data(examined(x, y), {}, budget).findings == []
    assert "fewer than 30" in str(budget.probing().skipped)


def test_examples_of_one_person_belong_together():
    random = rng(14)
    who = random.integers(0, 120, 900)
    centre, label = random.normal(size=(120, 8)), random.integers(0, 2, 120)
    x, y = centre[who] + 0.1 * random.normal(size=(900, 8)), label[who]
    (found,) = group_findings(examined(x, y, groupings={"who": who}))
    assert found.code == "groups-across-sets" and found.change == {"split.group": "who"}
    x, y = linear(n=900)
    assert group_findings(examined(x, y, groupings={"who": who})) == []
