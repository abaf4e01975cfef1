"""T3.04: every ladder row of the theory comes out as stated, and a gap carries its verdict."""

from __future__ import annotations

import pytest

from leadline.strategy import diagnose_rates

BIAS, VARIANCE, MISMATCH = "avoidable bias", "variance", "data mismatch"

# Where the notes give no human level they take it to be near 0 %; it is given here, for an assumed one settles nothing.
ROWS = [
    ({"train": 1, "dev": 11}, 0, (VARIANCE,)),
    ({"train": 15, "dev": 16}, 0, (BIAS,)),
    ({"train": 15, "dev": 30}, 0, (BIAS, VARIANCE)),
    ({"train": 0.5, "dev": 1}, 0, ()),
    ({"train": 7, "dev": 10}, 1, (BIAS,)),
    ({"train": 7, "dev": 10}, 6, (VARIANCE,)),
    ({"train": 1, "train-dev": 9, "dev": 10}, 0, (VARIANCE,)),
    ({"train": 1, "train-dev": 1.5, "dev": 10}, 0, (MISMATCH,)),
    ({"train": 10, "train-dev": 11, "dev": 12}, 0, (BIAS,)),
    ({"train": 10, "train-dev": 11, "dev": 20}, 0, (BIAS, MISMATCH)),
]


def percent(errors, human):
    return {name: value / 100 for name, value in errors.items()}, None if human is None else human / 100


@pytest.mark.parametrize("errors, human, principal", ROWS)
def test_t3_04_the_principal_gap(errors, human, principal):
    """T3.04."""
    rates, level = percent(errors, human)
    assert diagnose_rates(rates, human=level).principal == principal


@pytest.mark.parametrize("errors, human, principal", ROWS)
@pytest.mark.parametrize("n", [20_000, 1_000_000])
def test_t3_04_the_principal_gap_with_many_examples(errors, human, principal, n):
    """T3.04."""
    rates, level = percent(errors, human)
    sizes = dict.fromkeys(rates, n)
    assert diagnose_rates(rates, n=sizes, human=level).principal == principal


@pytest.mark.parametrize(
    "errors, human, gaps",
    [
        ({"train": 7, "dev": 10}, 1, {BIAS: 6, VARIANCE: 3}),
        ({"train": 7, "dev": 10}, 6, {BIAS: 1, VARIANCE: 3}),
        (
            {"train": 7, "train-dev": 10, "dev": 12, "test": 12},
            4,
            {BIAS: 3, VARIANCE: 3, MISMATCH: 2, "overfitting to dev": 0},
        ),
    ],
)
def test_t3_04_the_sizes_of_the_gaps(errors, human, gaps):
    """T3.04."""
    rates, level = percent(errors, human)
    found = diagnose_rates(rates, human=level).ladder.gaps
    assert {gap.name: 100 * gap.size.value for gap in found} == pytest.approx(gaps)


def test_t3_04_the_last_row_has_bias_variance_and_mismatch_but_no_overfitting_to_dev():
    """T3.04."""
    rates = {"train": 0.07, "train-dev": 0.10, "dev": 0.12, "test": 0.12}
    verdicts = [gap.verdict for gap in diagnose_rates(rates, human=0.04).ladder.gaps]
    assert verdicts == ["present", "present", "present", "absent"]
