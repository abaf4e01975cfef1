"""Every finding prints as text and as JSON."""

from __future__ import annotations

import json

import numpy as np

from leadline.measure import proportion
from leadline.strategy import (
    ScoredModel,
    analyse,
    ceilings_of_table,
    compare,
    find_label_errors,
    find_slices,
    human_level,
    label_share_of_rates,
    select,
)


def findings():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 400)
    near = np.where(rng.random(400) < 0.1, (truth + 1) % 3, truth)
    far = np.where(rng.random(400) < 0.3, (truth + 1) % 3, truth)
    district = rng.choice(["North", "South"], 400)
    wrong = rng.random(400) < np.where(district == "North", 0.4, 0.05)
    models = [
        ScoredModel("small", proportion(360, 400), {"latency_ms": 5.0}),
        ScoredModel("big", proportion(380, 400), {"latency_ms": 50.0}),
    ]
    probabilities = np.full((400, 3), 0.1)
    probabilities[np.arange(400), truth] = 0.8
    yield compare("accuracy", truth, near, far)
    yield select(models, "accuracy", {"latency_ms": "<= 10"})
    yield analyse({"blurry": wrong[wrong], "dark": rng.random(wrong.sum()) < 0.2}, proportion(wrong.sum(), 400))
    yield find_slices({"district": district}, wrong)[0]
    yield human_level({"A": near, "B": far, "C": truth}, truth)
    yield ceilings_of_table({"as it is": rng.random(400) < 0.7, "detector": rng.random(400) < 0.9})
    yield find_label_errors(near, probabilities)
    yield find_label_errors(near, probabilities).pattern
    yield label_share_of_rates(0.1, 0.006, 500)


def test_every_finding_has_json_that_any_reader_takes_and_text():
    for finding in findings():
        assert json.loads(json.dumps(finding.to_json(), allow_nan=False)), finding
        assert "object at" not in str(finding) and "Estimate(" not in str(finding)


def test_a_selection_says_what_the_rejected_miss():
    selection = list(findings())[1].to_json()
    assert selection["winner"]["name"] == "small"
    assert selection["rejected"][0] | {"score": 0} == {
        "name": "big",
        "score": 0,
        "satisficing": {"latency_ms": 50.0},
        "missed": "latency_ms 50 instead of ≤ 10",
    }
