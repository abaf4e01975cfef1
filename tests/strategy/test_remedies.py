"""Remedies rest on evidence: each appears with it and not without."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leadline.strategy import Advice, Evidence
from leadline.strategy.remedies import candidates, remedies, remedies_for

DENSE = ({"type": "dense", "units": 32, "activation": "relu"}, {"type": "dense", "units": 1})
KNOWN = Evidence(
    n_train=1000,
    n_parameters=400,
    costs=[0.3 + 0.7 * 0.6**k for k in range(40)],
    epochs=40,
    layers=DENSE,
    optimizer={"type": "adam"},
    learning_rate=0.003,
    l2=0.0,
    l1=0.0,
    patience=0,
    normalization="standardize",
)


def titles(gap, **facts):
    return [remedy.title for remedy in remedies(gap, replace(KNOWN, **facts))]


@pytest.mark.parametrize("gap", ["avoidable bias", "variance"])
def test_nothing_known_nothing_advised(gap):
    assert remedies(gap, Evidence()) == ()


def test_a_cost_that_has_levelled_off_asks_for_a_bigger_network():
    assert titles("avoidable bias") == ["Widen the hidden layers", "Add a hidden layer"]
    wider, deeper = remedies("avoidable bias", KNOWN)
    assert [layer.get("units") for layer in wider.change["network.layers"]] == [64, 1]
    assert [layer.get("units") for layer in deeper.change["network.layers"]] == [32, 32, 1]
    assert "400 parameters for 1 000 training examples" in wider.reason


def test_a_network_without_hidden_layers_gets_one():
    (remedy,) = remedies("avoidable bias", replace(KNOWN, layers=DENSE[1:]))
    assert [layer["units"] for layer in remedy.change["network.layers"]] == [64, 1]


def test_a_cost_that_still_falls_asks_for_more_epochs():
    (remedy,) = remedies("avoidable bias", replace(KNOWN, costs=[0.98**k for k in range(40)]))
    assert remedy.change == {"training.epochs": 80}
    assert remedy.reason == "the training cost still fell by 8 % over the last 4 of 40 epochs."
    assert remedy.orthogonal


@pytest.mark.parametrize("costs", [[], [0.7, 0.4], [0.7 - 1e-6 * k for k in range(40)], [0.98**k for k in range(40)]])
def test_a_cost_that_has_not_shown_that_it_levelled_off_does_not_ask_for_a_bigger_network(costs):
    assert not any("idden" in title for title in titles("avoidable bias", costs=costs))


def test_a_penalty_that_falls_does_not_make_the_cost_fall():
    costs = [0.3 + 0.7 * 0.6**k + 0.01 * (40 - k) for k in range(40)]
    assert titles("avoidable bias", costs=costs)[0] == "Train longer"
    penalties = [0.01 * (40 - k) for k in range(40)]
    assert titles("avoidable bias", costs=costs, penalties=penalties)[0] == "Widen the hidden layers"


def test_early_stopping_without_patience_that_ended_a_falling_cost_is_named():
    falling = {"costs": [0.98**k for k in range(40)], "stopped": "early stopping"}
    (remedy,) = remedies("avoidable bias", replace(KNOWN, patience=3, **falling))
    assert remedy.change == {"training.early_stopping": {"patience": 15}}
    assert "two gaps at once" in remedy.side_effect


def test_after_a_long_wait_in_vain_a_falling_training_cost_alone_asks_for_nothing():
    falling = {"costs": [0.98**k for k in range(40)], "stopped": "early stopping"}
    assert remedies("avoidable bias", replace(KNOWN, patience=10, **falling)) == ()


def test_a_jumping_cost_asks_for_a_smaller_learning_rate():
    jumping = [0.3 + 0.05 * (k % 2) for k in range(40)]
    assert titles("avoidable bias", costs=jumping)[0] == "Lower the learning rate"
    assert remedies("avoidable bias", replace(KNOWN, costs=jumping))[0].change == {"training.learning_rate": 0.001}


def test_what_holds_the_fit_back_is_named():
    assert "Weaken the L2 penalty" in titles("avoidable bias", l2=1.0)
    assert "Weaken the L1 penalty" in titles("avoidable bias", l1=1.0)
    assert "Normalize the inputs" in titles("avoidable bias", normalization="none")
    with_dropout = (DENSE[0], {"type": "dropout", "keep_prob": 0.5}, DENSE[1])
    (remedy,) = [r for r in remedies("avoidable bias", replace(KNOWN, layers=with_dropout)) if "dropout" in r.title]
    assert [layer["type"] for layer in remedy.change["network.layers"]] == ["dense", "dense"]


def test_l2_starts_mild_by_the_batch_and_grows_threefold():
    assert remedies("variance", KNOWN)[0].change == {"training.l2": 1.0}
    assert remedies("variance", replace(KNOWN, batch_size=64))[0].change == {"training.l2": 0.06}
    stronger = remedies("variance", replace(KNOWN, l2=1.0))[0]
    assert stronger.title == "Strengthen the L2 penalty" and stronger.change == {"training.l2": 3.0}
    assert stronger.reason == "the L2 penalty is mild (λ/m = 0.001)."
    assert not any("L2" in title for title in titles("variance", l2=100.0))


def test_dropout_goes_behind_each_hidden_layer_where_parameters_can_memorize():
    assert "Drop hidden units" not in titles("variance")
    (remedy,) = [r for r in remedies("variance", replace(KNOWN, n_parameters=5000)) if r.title.startswith("Drop")]
    assert [layer["type"] for layer in remedy.change["network.layers"]] == ["dense", "dropout", "dense"]


def test_early_stopping_needs_a_dev_cost_that_rose():
    rising = [1 - 0.04 * k for k in range(20)] + [0.2 + 0.02 * k for k in range(20)]
    assert "Stop early" in titles("variance", dev_costs=rising)
    assert "Stop early" not in titles("variance", dev_costs=rising, patience=10)
    assert "Stop early" not in titles("variance", dev_costs=[1 - 0.02 * k for k in range(40)])
    assert "Stop early" not in titles("variance", dev_costs=[1 - 0.04 * k for k in range(20)] + [0.241] * 20)


def test_images_without_augmentation_are_told_so():
    assert "Augment the training images" in titles("variance", image_shape=(8, 8, 1), augmentation=False)
    assert "Augment the training images" not in titles("variance", image_shape=(8, 8, 1), augmentation=True)
    assert "Augment the training images" not in titles("variance", image_shape=(8, 8, 1))


def test_several_gaps_get_the_first_ones_remedies_first():
    found = remedies_for(("variance", "data mismatch"), KNOWN)
    assert [remedy.gap for remedy in found] == ["variance"] * 2 + ["data mismatch"] * 3
    both = remedies_for(("avoidable bias and variance",), KNOWN)
    assert {remedy.gap for remedy in both} == {"avoidable bias", "variance"}


def test_a_remedy_survives_json_and_reads_well():
    remedy = remedies("variance", KNOWN)[0]
    assert Advice.from_json(remedy.to_json()) == remedy
    assert str(remedy) == ("Add an L2 penalty: no L2 penalty was used (λ = 0). Bias rises a little if λ is too large.")


def test_evidence_comes_from_a_resolved_experiment_and_its_history():
    experiment = {
        "data": {"normalization": "unit"},
        "network": {"layers": [{"type": "dense", "units": 3}]},
        "training": {"epochs": 2, "batch_size": "full", "early_stopping": {"patience": 7}, "l2": 0.5},
    }
    history = [{"cost": 1.0, "dev_cost": None, "train_error": 0.5}, {"cost": 0.5, "dev_cost": 0.7}]
    evidence = Evidence.from_run(experiment, history, n_train=10)
    assert evidence == Evidence(
        n_train=10,
        costs=(1.0, 0.5),
        dev_costs=(0.7,),
        train_errors=(0.5,),
        layers=({"type": "dense", "units": 3},),
        epochs=2,
        l2=0.5,
        l1=0.0,
        patience=7,
        early_stopping={"patience": 7},
        normalization="unit",
        augmentation=False,
    )
    assert Evidence.from_run({}, []).patience == 0


def test_class_weights_are_sounded_where_the_metric_looks_at_rare_classes():
    def sounded(**facts):
        known = replace(KNOWN, loss="binary_cross_entropy", **facts)
        return [o.changes for made in candidates(known) if made.key == "class_weights" for o in made.options]

    assert sounded(metric="f1") == [{"training.class_weights": "balanced"}]
    assert sounded(metric="accuracy") == sounded(metric="f1", class_weights={"a": 2.0}) == []
