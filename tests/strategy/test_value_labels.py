"""Wrong labels among several, and wrong values: planted ones are found and mended, and patterns are judged."""

from __future__ import annotations

import numpy as np
import pytest

from leadline.errors import LeadlineError, UsageError
from leadline.strategy.corrections import Corrections, Review
from leadline.strategy.label_share import explained_share, value_share
from leadline.strategy.label_text import CarriedLabels, Values, label_text
from leadline.strategy.value_labels import find_multilabel_errors, find_value_errors


def several(rng: np.random.Generator, m: int = 1500) -> tuple[np.ndarray, np.ndarray]:
    """Labels (m, 3) and probabilities of them that are mostly sure and right."""
    labels = (rng.random((m, 3)) < [0.5, 0.3, 0.4]).astype(float)
    odds = (2 * labels - 1) * rng.normal(3, 1.2, labels.shape)
    return labels, 1 / (1 + np.exp(-odds))


def test_planted_flips_of_one_label_are_found_and_called_systematic():
    rng = np.random.default_rng(0)
    labels, p = several(rng)
    flipped = np.flatnonzero((labels[:, 0] == 1) & (rng.random(1500) < 0.1))
    given = labels.copy()
    given[flipped, 0] = 0
    given[7, 2] = np.nan
    audit = find_multilabel_errors(given, p, ("sun", "rain", "wind"))
    found = np.isin(flipped, audit.suspects)
    assert found.mean() > 0.8 and np.isin(audit.suspects, flipped).mean() > 0.7
    assert (np.diff(audit.quality[audit.suspects]) >= 0).all()
    assert audit.pattern.verdict == "systematic" and audit.pattern.concentrated[0].name == "sun wrongly missing"
    k = int(flipped[found][0])
    assert "sun" not in audit.given[k] and "sun" in audit.suggested[k]
    assert audit.given[7].endswith("wind?")


def test_clean_labels_have_hardly_any_suspects():
    labels, p = several(np.random.default_rng(1))
    assert find_multilabel_errors(labels, p, "abc").rate.value < 0.02


@pytest.mark.parametrize("noise", ["normal", "laplace"])
def test_planted_wrong_values_are_found(noise):
    rng = np.random.default_rng(0)
    predictions = rng.normal(50, 10, 2000)
    values = predictions + (rng.normal(size=2000) if noise == "normal" else rng.laplace(size=2000))
    clean = find_value_errors(values, predictions)
    assert len(clean.suspects) <= 4
    wrong = rng.choice(2000, 60, replace=False)
    values[wrong] *= 2
    audit = find_value_errors(values, predictions, {"clerk": np.where(np.isin(np.arange(2000), wrong), "B", "A")})
    assert np.isin(wrong, audit.suspects).mean() > 0.95 and np.isin(audit.suspects, wrong).mean() > 0.9
    assert audit.pattern.verdict == "systematic"
    assert {cell.name for cell in audit.pattern.concentrated} >= {"clerk = B", "too high"}
    assert float(audit.suggested[wrong[0]]) == pytest.approx(predictions[wrong[0]])


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(UsageError, match="do not fit"):
        find_multilabel_errors(np.zeros((3, 2)), np.zeros((3, 3)), "ab")
    with pytest.raises(UsageError, match="do not fit"):
        find_value_errors([1.0, np.nan], [1.0, 2.0])


def test_labels_read_back_as_they_were_written():
    names = CarriedLabels(("sun", "rain"))
    for row in ([1, 1], [0, 0], [1, np.nan], [0, 1]):
        assert names.same(names.value(names.text(row), 0), row)
    with pytest.raises(LeadlineError, match=r"Row 3: unknown label 'snn'\. Did you mean 'sun'"):
        names.value("snn | rain", 3)
    values = Values()
    assert values.same(values.value(values.text([1 / 3, -2e7]), 0), [1 / 3, -2e7])
    with pytest.raises(LeadlineError, match="is no number"):
        values.value("many", 3)
    assert isinstance(label_text(np.zeros((2, 2)), ("a", "b")), CarriedLabels)


def test_corrections_are_applied_to_several_labels_and_to_values_and_taken_back():
    labels = np.array([[1.0, 0.0], [0.0, np.nan]])
    layer = Corrections((Review(0, "", "sun", "sun | rain", "wrong"), Review(1, "", "rain?", "rain", "wrong")))
    fixed = layer.apply(labels, ("sun", "rain"))
    assert fixed.tolist() == [[1, 1], [0, 1]]
    assert np.array_equal(layer.undo(fixed, ("sun", "rain")), labels, equal_nan=True)
    with pytest.raises(LeadlineError, match="is labelled none by now"):
        layer.apply(np.zeros((2, 2)), ("sun", "rain"))
    values = Corrections((Review(1, "", "2.5", "25", "wrong"),))
    assert values.apply(np.array([[1.0], [2.5]]), ()).tolist() == [[1.0], [25.0]]


# --- the share of the error ---------------------------------------------------------------------------------


def planted(rng: np.random.Generator, n: int, rate: float, shift: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Residuals of values of which some are wrong by about `shift`, which those are, and residuals of right values."""
    wrong, right = rng.random(n) < rate, rng.normal(size=n)
    return right + wrong * shift * rng.choice([-1, 1], n) * rng.uniform(0.7, 1.3, n), wrong, right


def test_the_share_of_wrong_values_in_an_rmse_of_plain_numbers() -> None:
    """T3.11: four residuals of 1 and one of 4 are an RMSE of 2, 1 without the wrong value."""
    residuals, wrong = np.array([1.0, -1, 1, -1, 4]), np.arange(5) == 4
    left_out = value_share(residuals, wrong)
    assert (left_out.error.value, left_out.others.value, left_out.from_labels.value) == pytest.approx((2, 1, 1))
    assert left_out.share.value == pytest.approx(0.75)
    mended = value_share(residuals, wrong, corrected=np.array([1.0, -1, 1, -1, 0]))
    assert mended.others.value == pytest.approx(0.8**0.5) and mended.share.value == pytest.approx(1 - 0.8 / 4)
    absolute = value_share(residuals, wrong, "mae")
    assert (absolute.error.value, absolute.others.value) == pytest.approx((1.6, 1.0))
    assert "MAE" in str(absolute) and "of the absolute error" in str(absolute)


def test_whether_wrong_values_are_worth_mending_now() -> None:
    """T3.11: yes where they make most of the error, no where they make little, open where examples are few."""
    rng = np.random.default_rng(0)
    assert value_share(*planted(rng, 1000, 0.08, 5.0)[:2]).worth_fixing == "yes"
    assert value_share(*planted(rng, 1000, 0.01, 2.0)[:2]).worth_fixing == "no"
    assert value_share(*planted(rng, 60, 0.1, 2.5)[:2]).worth_fixing == "cannot tell"
    none = value_share(rng.normal(size=100), np.zeros(100, bool))
    assert (none.share.value, none.worth_fixing) == (0, "no")
    with pytest.raises(UsageError, match="residuals"):
        value_share(np.ones(3), np.ones(3, bool))


@pytest.mark.verify
@pytest.mark.parametrize("n", [200, 1000])
@pytest.mark.parametrize("corrected", [True, False])
def test_the_interval_of_the_share_covers(n: int, corrected: bool) -> None:
    _, wrong, right = everything = planted(np.random.default_rng(99), 2_000_000, 0.1, 3.0)
    others = np.mean((right if corrected else right[~wrong]) ** 2)
    truth, rng, held = 1 - others / np.mean(everything[0] ** 2), np.random.default_rng(n), 0
    for _ in range(4000):
        residuals, wrong, right = planted(rng, n, 0.1, 3.0)
        kept, after = (np.ones(n, bool), right) if corrected else (~wrong, residuals)
        low, high = explained_share(residuals**2, after**2, kept).interval
        held += low <= truth <= high
    assert abs(held / 4000 - 0.95) <= 0.015
