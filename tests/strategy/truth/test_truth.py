"""The constructed truths are true, and advice on them is right (issue of advice: THEORY course 3)."""

from __future__ import annotations

import tempfile

import numpy as np
import pytest

from leadline.experiment import Experiment
from leadline.session.training import run_experiment
from leadline.training import DivergenceError

from . import FAMILIES, HELD_OUT, case, share, train, try_families
from .case import Step
from .trials import true_error
from .verdict import HARMFUL, OPEN, RIGHT, VERDICTS, judge

MOST_RIGHT, LEAST_HARMFUL = 0.9, 0.02
"""What is asked for; the intervals of three draws a family must hold it."""
WITH_CURE = [name for name in FAMILIES if case(FAMILIES[name], 0).cure]


def test_there_are_enough_families_of_every_kind() -> None:
    assert len(FAMILIES) >= 24
    tasks = {case(family, k).data.task for family in FAMILIES.values() for k in range(3)}
    assert tasks >= {"binary", "multiclass", "regression"}
    assert any(case(family, 0).data.image_shape for family in FAMILIES.values())
    assert any(case(family, 0).data.sources for family in FAMILIES.values())


def test_held_out_families_are_kept_apart() -> None:
    assert len(HELD_OUT) >= 6
    assert not set(HELD_OUT) & set(FAMILIES)


@pytest.mark.parametrize("name", FAMILIES)
def test_draws_differ_in_size_and_a_number_repeats_its_draw(name: str) -> None:
    family = FAMILIES[name]
    sizes = {case(family, k).data.n for k in range(6)}
    assert len(sizes) >= 5
    first, again = case(family, 3), case(family, 3)
    assert first.changes == again.changes
    assert first.data.fingerprint() == again.data.fingerprint()


def cured_share(name: str, draws: int) -> float:
    """The mean share of the true error that is left when what is right has been done."""
    left = []
    for k in range(draws):
        drawn = case(FAMILIES[name], k)
        with tempfile.TemporaryDirectory() as folder:
            experiment = Experiment().replace(drawn.changes)
            try:
                before = true_error(train(drawn, folder), drawn)
            except DivergenceError:
                before = 1.0  # it diverged
            cured = run_experiment(experiment.replace(drawn.cure), drawn.data, runs=folder)
            left.append(true_error(cured, drawn) / before)
    return float(np.mean(left))


@pytest.mark.parametrize("name", WITH_CURE)
def test_what_is_called_right_lowers_the_error_on_new_examples(name: str) -> None:
    assert cured_share(name, 1) < 0.95


@pytest.mark.verify
@pytest.mark.parametrize("name", WITH_CURE)
def test_what_is_called_right_lowers_the_error_on_new_examples_by_a_fifth_in_the_mean(name: str) -> None:
    assert cured_share(name, 8) < 0.8


def test_a_step_is_right_open_or_harmful() -> None:
    family = FAMILIES["small_network"]
    assert judge(Step.BIGGER, family) == RIGHT
    assert judge(Step.UNKNOWN, family) == judge(Step.BIGGER_DEV, family) == OPEN
    assert judge(Step.REGULARIZE, family) == judge(Step.STOP, family) == HARMFUL
    assert judge(Step.BIGGER_DEV, FAMILIES["small_dev_set"]) == RIGHT


@pytest.mark.probes
@pytest.mark.parametrize("name", list(FAMILIES)[::6])
def test_a_family_gets_a_diagnosis_with_its_evidence(name: str) -> None:
    """The short form: one draw of every sixth family; the whole is a benchmark and `make verify`."""
    (trial,) = try_families([name], draws=1)
    assert trial.verdict in VERDICTS
    assert trial.text


@pytest.mark.probes
@pytest.mark.verify
def test_over_all_families_advice_is_rarely_harmful() -> None:
    """What 20 draws of each family come to is in benchmarks/RESULTS.md; this holds what has been reached."""
    trials = try_families(draws=3)
    assert share(trials, RIGHT)[2] > MOST_RIGHT
    assert share(trials, HARMFUL)[1] < LEAST_HARMFUL
