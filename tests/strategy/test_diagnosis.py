"""The diagnosis: from counts, predictions or residuals to a conclusion, a next step and a readable page."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from leadline.errors import UsageError
from leadline.measure import proportion
from leadline.strategy import (
    Diagnosis,
    Evidence,
    diagnose,
    diagnose_predictions,
    diagnose_rates,
    diagnose_regression,
)
from leadline.strategy.findings import Finding

RNG = np.random.default_rng(0)


def digits():
    return diagnose({"train": proportion(0, 1078), "dev": proportion(10, 360)}, closed=("test",))


def test_the_page_of_a_run():
    assert str(digits()) == (
        "Error with 95 % interval over examples\n"
        "  human                     0 %  assumed\n"
        "    avoidable bias   0.0 points  0.0 to 0.4    absent\n"
        "  train                   0.0 %  0.0 to 0.4 %                            n = 1 078\n"
        "    variance        +2.8 points  1.5 to 5.0    present ←\n"
        "  dev                     2.8 %  1.5 to 5.0 %  ████████████████████████  n = 360\n"
        "  test              closed (open it with leadline diagnose RUN --open-test)\n"
        "\n"
        "Conclusion: Variance is the gap to work on: dev error is 2.8 points above training error (1.5 to 5.0).\n"
        "Note: Human level assumed 0 %.\n"
        "Next step: Get more training data or regularize (L2, dropout, augmentation)."
    )


def test_an_opened_test_set_is_not_called_closed():
    errors = {"dev": proportion(10, 360), "test": proportion(12, 360)}
    assert "closed" not in str(diagnose(errors, closed=("test",)))


def test_a_run_with_evidence_is_told_its_first_remedy():
    evidence = Evidence(n_train=1078, l2=0.0)
    diagnosis = diagnose({"train": proportion(0, 1078), "dev": proportion(10, 360)}, evidence=evidence)
    assert diagnosis.next_step == "Add an L2 penalty: no L2 penalty was used (λ = 0)."
    assert diagnosis.remedies[0].change == {"training.l2": 1.0}


def test_two_gaps_that_cannot_be_told_apart_are_both_named():
    sizes = {"train": 400, "dev": 400}
    diagnosis = diagnose_rates({"train": 0.10, "dev": 0.16}, n=sizes, human=0)
    assert diagnosis.principal == ("avoidable bias", "variance")
    assert diagnosis.conclusion.endswith("are present; these examples do not show which is the largest.")
    sharper = diagnose_rates({"train": 0.10, "dev": 0.16}, n={"train": 40_000, "dev": 40_000}, human=0)
    assert sharper.principal == ("avoidable bias",)


def test_equal_gaps_are_each_worth_working_on():
    conclusion = diagnose_rates({"train": 0.15, "dev": 0.30}, human=0).conclusion
    assert conclusion == (
        "Avoidable bias (15 points) and variance (15 points) are present and about equally large: "
        "each is worth working on."
    )


def test_too_few_examples_are_named_with_the_number_that_would_tell():
    diagnosis = diagnose_rates({"train": 0.15, "dev": 0.20}, n={"train": 700, "dev": 150}, human=0.16)
    assert diagnosis.principal == ()
    assert diagnosis.conclusion == (
        "Variance is inconclusive: dev error is 5.0 points above training error (−1.3 to 12.5); "
        "about 1 400 examples in dev would tell."
    )
    assert diagnosis.next_step == "Measure dev on about 1 400 examples to judge variance."


def test_an_open_question_far_below_the_principal_gap_is_left_out():
    sizes = {"train": 10_000, "dev": 10_000}
    diagnosis = diagnose_rates({"train": 0.01, "dev": 0.11}, n=sizes)
    assert diagnosis.ladder.gaps[0].verdict == "cannot tell"
    assert "bias" not in diagnosis.conclusion
    nearer = diagnose_rates({"train": 0.06, "dev": 0.16}, n={"train": 100, "dev": 10_000}, human=0.05)
    assert "Avoidable bias is inconclusive" in nearer.conclusion


def test_nothing_to_work_on():
    diagnosis = diagnose_rates({"train": 0.005, "dev": 0.01}, closed=("test",))
    assert diagnosis.conclusion == "No gap is larger than what matters (0.5 points)."
    assert diagnosis.next_step.startswith("Open the test set once")


def test_the_assumed_human_level_says_from_where_on_the_conclusion_turns():
    diagnosis = diagnose_rates({"train": 0.15, "dev": 0.20})
    assert diagnosis.notes == ("Human level assumed 0 %; if it is above 10 %, variance is the larger gap.",)


def test_an_assumed_human_level_never_makes_bias_present():
    """T3.17: it takes a given level, or something measured that does better."""
    for sizes in (None, {"train": 100_000, "dev": 100_000}):
        diagnosis = diagnose_rates({"train": 0.15, "dev": 0.16}, n=sizes)
        assert diagnosis.ladder.gaps[0].verdict == "cannot tell"
        assert diagnosis.findings[0].code == "inconclusive"
        assert diagnose_rates({"train": 0.15, "dev": 0.16}, n=sizes, human=0).findings[0].code == "avoidable-bias"


def test_the_conclusion_is_the_strongest_finding():
    """T3.18: a fault of the data goes before a gap, and a hint is listed without being the conclusion."""
    errors = {"train": proportion(0, 1078), "dev": proportion(10, 360)}
    leak = Finding("target-leak", "The column id gives the target away.", next_step="Remove the column id.")
    hint = replace(leak, strength="weak")
    assert diagnose(errors, findings=[leak]).conclusion == leak.statement
    assert diagnose(errors, findings=[leak]).next_step == leak.next_step
    hinted = diagnose(errors, findings=[hint])
    assert [each.code for each in hinted.findings] == ["variance", "target-leak"]
    assert hinted.conclusion == diagnose(errors).conclusion


def test_what_was_saved_before_there_were_findings_still_loads():
    saved = digits().to_json()
    for key in ("findings", "probing", "levels"):
        del saved[key]
    assert Diagnosis.from_json(saved).findings == ()
    assert Diagnosis.from_json(saved).conclusion == digits().conclusion


def test_a_set_that_is_easier_is_noted():
    diagnosis = diagnose_rates(
        {"train": 0.1, "train-dev": 0.2, "dev": 0.1}, n={"train": 5000, "train-dev": 5000, "dev": 5000}
    )
    assert any(note.startswith("Dev error is clearly below train-dev error") for note in diagnosis.notes)


def test_a_set_without_a_size_counts_as_exact_and_that_is_said():
    diagnosis = diagnose_rates({"train": 0.01, "dev": 0.1}, n={"dev": 500})
    assert "The number of examples of train is not given, so the error counts as exact there." in diagnosis.notes


def test_sizes_must_belong_to_errors():
    with pytest.raises(UsageError, match="of test is given, but not its error"):
        diagnose_rates({"dev": 0.1}, n={"test": 100})
    with pytest.raises(UsageError, match="at least 1, got 0"):
        diagnose_rates({"dev": 0.1}, n={"dev": 0})
    with pytest.raises(UsageError, match="error of dev"):
        diagnose_rates({"dev": 11.0}, n={"dev": 100})


def predictions(m, right):
    truth = RNG.integers(0, 3, m)
    return truth, np.where(RNG.random(m) < right, truth, (truth + 1) % 3)


def test_predictions_of_any_classifier():
    diagnosis = diagnose_predictions({"train": predictions(4000, 0.99), "dev": predictions(1000, 0.9)})
    assert diagnosis.principal == ("variance",)
    assert diagnosis.ladder.rungs[-1].error.n == 1000


def test_another_metric_has_its_own_ladder():
    sets = {"train": predictions(4000, 0.99), "dev": predictions(1000, 0.8)}
    diagnosis = diagnose_predictions(sets, metric_name="macro_f1")
    assert diagnosis.ladder.metric == "1 − macro F1"
    assert diagnosis.principal == ("variance",)
    assert "dev 1 − macro F1 is" in diagnosis.conclusion


def test_several_labels_per_example_have_their_ladder():
    def labels(m, wrong):
        truth = RNG.integers(0, 2, (m, 4)).astype(float)
        predicted = np.where(RNG.random((m, 4)) < wrong, 1 - truth, truth)
        truth[0, 0] = np.nan
        return truth, predicted

    diagnosis = diagnose_predictions({"train": labels(2000, 0.01), "dev": labels(500, 0.1)})
    assert diagnosis.principal == ("variance",)


def test_regression_without_a_human_level_leaves_bias_open():
    residuals = {"train": RNG.normal(size=2000), "dev": 1.5 * RNG.normal(size=500)}
    diagnosis = diagnose_regression(residuals, spread=4.0, unit="kg")
    assert diagnosis.principal == ("variance",)
    assert "Avoidable bias is inconclusive" in diagnosis.conclusion
    assert "25 % of the target's standard deviation" in diagnosis.conclusion
    assert "unknown" in str(diagnosis)


def test_regression_with_a_human_level_has_the_whole_ladder():
    residuals = {"train": RNG.normal(size=2000), "dev": 1.02 * RNG.normal(size=2000)}
    diagnosis = diagnose_regression(residuals, human=0.2, unit="kg")
    assert diagnosis.principal == ("avoidable bias",)
    assert " kg above the human level" in diagnosis.conclusion


@pytest.mark.parametrize("evidence", [None, Evidence(n_train=1078, l2=0.0, n_parameters=5000)])
def test_a_diagnosis_survives_json(evidence):
    diagnosis = diagnose(
        {"train": proportion(0, 1078), "dev": proportion(10, 360)}, evidence=evidence, closed=("test",)
    )
    assert Diagnosis.from_json(json.loads(json.dumps(diagnosis.to_json()))) == diagnosis
