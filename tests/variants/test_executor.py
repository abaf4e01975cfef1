from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from leadline.data import read
from leadline.errors import UsageError
from leadline.experiment import Experiment
from leadline.session.training import run_experiment
from leadline.training import Examples
from leadline.training.population import kind
from leadline.variants.executor import Executor, Outcome, train_alone, train_variants
from leadline.variants.variants import PreparedExperiment, Variant


def classes(n: int = 300, columns: int = 5, k: int = 2) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    x = random.normal(size=(n, columns))
    return x, (x[:, 0] + 0.5 * random.normal(size=n) > 0).astype(int) * (1 + random.integers(k - 1, size=n))


def bench(k: int = 2, **training: object) -> PreparedExperiment:
    settings = {"epochs": 6, "batch_size": 32, "early_stopping": {"patience": 3}} | training
    output = {"type": "dense", "units": k if k > 2 else 1}
    experiment = {
        "network": {"layers": [{"type": "dense", "units": 6, "activation": "relu"}, output]},
        "training": settings,
    }
    return PreparedExperiment(Experiment.from_dict(experiment), read(*classes(k=k)))


def mixed(workbench: PreparedExperiment) -> list[Variant]:
    """Other rates, seeds, widths, batch sizes and penalties; then another β, and a subset."""
    rates = [{"training.learning_rate": 10 ** (-1 - k / 2), "training.seed": k} for k in range(5)]
    wider = [{"network.units": 9, "training.seed": k} for k in range(2)]
    batches = [{"training.batch_size": 64}, {"training.l2": 0.1}, {"training.optimizer.beta1": 0.8}]
    changed = [workbench.variant(changes) for changes in [*rates, *wider, *batches]]
    return [*changed, workbench.variant({"training.seed": 9}, subset=range(40))]


def theta(outcome: Outcome) -> torch.Tensor:
    assert outcome.fit is not None
    return outcome.fit.parameters.theta


@pytest.mark.parametrize("places", [1, 3, 64])
def test_each_variant_ends_as_it_would_alone(places: int) -> None:
    variants = mixed(bench(precision="float64"))
    for variant, outcome in zip(variants, train_variants(variants, places=places, keep_fits=True), strict=True):
        alone = train_alone(variant)
        torch.testing.assert_close(theta(outcome), alone.parameters.theta, rtol=1e-9, atol=1e-11)
        assert [epoch.epoch for epoch in outcome.history] == [epoch.epoch for epoch in alone.history]
        assert outcome.kept_epoch == alone.best_epoch
        assert outcome.dev_cost == pytest.approx(
            min(e.dev_cost or 9 for e in alone.history if e.epoch == alone.best_epoch)
        )
        assert (outcome.stopped, outcome.variant) == (alone.stopped, variant)


@pytest.mark.parametrize("places", [1, 4])
def test_how_trials_were_grouped_does_not_change_a_bit(places: int) -> None:
    variants = mixed(bench(k=3))[:9]
    together = train_variants(variants, keep_fits=True)
    apart = train_variants(variants[::-1], places=places, keep_fits=True)[::-1]
    for i, (one, other) in enumerate(zip(together, apart, strict=True)):
        assert torch.equal(theta(one), theta(other)), f"variant {i}"
        assert [e.dev_error for e in one.history] == [e.dev_error for e in other.history]


@pytest.mark.parametrize("k", [2, 3])
def test_other_betas_and_numbers_of_examples_change_it_within_rounding(k: int) -> None:
    variants = mixed(bench(k))
    together = train_variants(variants, keep_fits=True)
    for one, other in zip(together, train_variants(variants, places=1, keep_fits=True), strict=True):
        torch.testing.assert_close(theta(one), theta(other), rtol=1e-4, atol=1e-6)
        assert one.dev_cost == pytest.approx(other.dev_cost, rel=1e-5)


def test_pruned_members_free_their_places_and_the_rest_is_not_touched() -> None:
    workbench = bench(early_stopping=False, epochs=8)
    variants = [workbench.variant({"training.seed": k}) for k in range(12)]
    full = train_variants(variants)
    seen: list[int] = []
    started: dict[int, int] = {}
    rounds = 0

    def prune(records: object) -> list[int]:
        nonlocal rounds
        assert isinstance(records, dict)
        rounds += 1
        seen.append(len(records))
        for number in records:
            started.setdefault(number, rounds)
        return [number for number, epoch in records.items() if epoch.epoch == 2 and number % 2]

    pruned = train_variants(variants, prune, places=4)
    assert [outcome.stopped for outcome in pruned] == ["epochs", "pruned"] * 6
    assert [len(outcome.history) for outcome in pruned] == [8, 2] * 6
    assert max(seen) <= 4
    assert started[4] == 4, "right after the third epoch of those that were not pruned in their second"
    for one, other in zip(full[::2], pruned[::2], strict=True):
        assert [e.dev_cost for e in one.history] == pytest.approx([e.dev_cost for e in other.history], rel=1e-5)


def test_what_waits_is_asked_for_when_places_are_free() -> None:
    workbench = bench(epochs=2)
    asked: list[int] = []
    ended: dict[int, Outcome] = {}

    def more(free: int) -> list[Variant]:
        asked.append(free)
        return (
            [workbench.variant({"training.seed": 10 * len(asked) + k}) for k in range(free)] if len(asked) < 4 else []
        )

    Executor(on_end=lambda i, outcome: ended.update({i: outcome}), places=3).run(more=more)
    assert asked[0] == 3
    assert sorted(ended) == [*range(sum(asked[:3]))]
    assert [ended[i].variant.resolved.settings.seed for i in range(3)] == [10, 11, 12]


def test_stop_keeps_what_was_reached() -> None:
    workbench = bench(epochs=50, early_stopping=False)
    ended: dict[int, Outcome] = {}
    executor = Executor(places=2)

    def stop(records: object) -> None:
        assert isinstance(records, dict)
        if any(epoch.epoch == 3 for epoch in records.values()):
            executor.stop("budget")

    executor.on_epoch, executor.on_end = stop, lambda i, outcome: ended.update({i: outcome})
    executor.run([workbench.variant({"training.seed": k}) for k in range(4)])
    assert {i: (outcome.stopped, len(outcome.history)) for i, outcome in ended.items()} == {
        0: ("budget", 3),
        1: ("budget", 3),
    }


def test_an_interruption_keeps_what_was_reached() -> None:
    def interrupt(records: object) -> None:
        raise KeyboardInterrupt

    outcomes = train_variants([bench().variant()] * 3, interrupt, places=2)
    assert [(outcome.stopped, len(outcome.history)) for outcome in outcomes] == [("interrupted", 1)] * 2 + [
        ("interrupted", 0)
    ]


def test_networks_that_are_not_dense_train_alone() -> None:
    images = np.random.default_rng(0).random((60, 6, 6, 1)).astype(np.float32)
    layers = [
        {"type": "image", "height": 6, "width": 6, "channels": 1},
        {"type": "convolution", "filters": 2, "size": 3, "activation": "relu"},
        {"type": "flatten"},
        {"type": "dense", "units": 1},
    ]
    experiment = {"network": {"layers": layers}, "training": {"epochs": 3, "batch_size": 16}}
    workbench = PreparedExperiment(Experiment.from_dict(experiment), read(images, np.arange(60) % 2))
    variants = [workbench.variant({"training.seed": k}) for k in range(2)]
    assert kind(variants[0].resolved) is None
    outcomes = train_variants(variants, lambda records: [1] if 1 in records else [], keep_fits=True)
    assert [outcome.stopped for outcome in outcomes] == ["epochs", "pruned"]
    assert torch.equal(theta(outcomes[0]), train_alone(variants[0]).parameters.theta)


def test_augmented_images_train_alone_and_as_a_run_does(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    images, labels = random.random((80, 6, 6)).astype(np.float32), np.arange(80) % 2
    experiment = Experiment.from_dict({"training": {"epochs": 2, "batch_size": 16, "seed": 3}, "augment": {"crop": 1}})
    variant = PreparedExperiment(experiment, read(images, labels)).variant()
    assert variant.kind is None
    (outcome,) = train_variants([variant])
    run = run_experiment(experiment, read(images, labels), runs=tmp_path)
    assert [e.dev_cost for e in outcome.history] == [e["dev_cost"] for e in run.history]


def test_a_streamed_training_set_is_not_taken_into_memory() -> None:
    settings = {"training": {"epochs": 2, "batch_size": 32}, "data": {"stream": True}}
    workbench = PreparedExperiment(Experiment.from_dict(settings), read(*classes()))
    variant = workbench.variant({"training.learning_rate": 0.1})
    assert variant.kind is None
    (outcome,) = train_variants([variant])
    assert outcome.history[0].steps == -(-len(workbench.plan.split.train) // 32)
    with pytest.raises(UsageError, match="a subset needs the training set in memory"):
        workbench.variant(subset=range(10))


def test_weights_and_other_training_sets_train_alone() -> None:
    workbench = bench()
    train = workbench.variant().prepared.train
    doubled = Examples(torch.cat([train.x, train.x]), torch.cat([train.y, train.y]))
    variant = workbench.variant({}, train=doubled, name="twice")
    assert (variant.kind, variant.name) == (None, "twice")
    (outcome,) = train_variants([variant])
    assert outcome.history[0].steps == -(-2 * len(train) // 32)


def test_a_regression_is_measured_in_the_unit_of_the_target() -> None:
    x, _ = classes()
    y = 1000 * x[:, 0]
    settings = {"training": {"epochs": 200, "batch_size": "full", "learning_rate": 0.02}}
    workbench = PreparedExperiment(Experiment.from_dict(settings), read(x, y))
    (outcome,) = train_variants([workbench.variant()], keep_fits=True)
    variant = outcome.variant
    assert outcome.fit is not None and variant.prepared.dev is not None
    predicted = outcome.fit.network.forward(outcome.fit.parameters, variant.prepared.dev.x)
    scale = variant.prepared.plan.preparation.target_scale[0]
    rmse = float((predicted - variant.prepared.dev.y).square().mean().sqrt()) * scale
    assert outcome.dev_error == pytest.approx(rmse, rel=1e-4)
    assert 1 < rmse < 500


def test_a_diverged_variant_says_so_and_the_others_go_on() -> None:
    workbench = bench(early_stopping=False)
    variants = [
        workbench.variant({"training.optimizer": "gradient_descent", "training.learning_rate": rate})
        for rate in (0.1, 1e30)
    ]
    good, bad = train_variants(variants)
    assert (good.stopped, bad.stopped) == ("epochs", "diverged")
    assert bad.dev_error is None or bad.history


def test_the_data_are_prepared_once() -> None:
    workbench = bench()
    plain, other, whitened = (
        workbench.variant(changes) for changes in ({}, {"training.l2": 1.0}, {"data.normalization": "none"})
    )
    assert plain.prepared is other.prepared
    assert plain.prepared is not whitened.prepared
    assert plain.kind == other.kind != whitened.kind
    assert workbench.variant({"data.normalization": "none"}).prepared is whitened.prepared
    x, _ = classes()
    rows = workbench.plan.split.train
    np.testing.assert_allclose(whitened.prepared.train.x.numpy(), x[rows], rtol=1e-6)
    assert abs(float(plain.prepared.train.x.mean())) < 1e-6


def test_what_is_not_given_is_chosen_as_for_a_training_alone() -> None:
    workbench = PreparedExperiment(Experiment(), read(*classes(3000)))
    plain = workbench.variant().experiment
    assert plain == workbench.plan.experiment
    small = workbench.variant({"training.batch_size": 32}).experiment.training
    full = workbench.variant({"training.batch_size": "full"}).experiment.training
    assert (small.epochs, full.epochs) == (200, 1000)
    assert full.schedule is not None
    assert full.schedule["epochs"] == 1000, "the cosine ends with the training"
    rated = workbench.variant({"training.learning_rate": 0.5}).experiment.training
    assert rated.schedule == plain.training.schedule, "a rate that is given does not change the schedule"
    wider = workbench.variant({"network.units": 7, "network.hidden_layers": 3}).experiment
    assert wider.training == plain.training, "nor does the width change the penalty"


def test_the_experiment_of_a_variant_repeats_it() -> None:
    workbench = bench()
    variant = workbench.variant({"network.units": 4, "training.learning_rate": 0.03, "training.optimizer.beta1": 0.7})
    again = PreparedExperiment(Experiment.from_dict(variant.experiment.to_dict()), read(*classes())).variant()
    assert again.experiment == variant.experiment
    first, second = train_variants([variant]), train_variants([again])
    assert [e.dev_cost for e in first[0].history] == [e.dev_cost for e in second[0].history]


def test_errors_name_the_key() -> None:
    with pytest.raises(UsageError, match=r"training: unknown key|training\.learning_rat: unknown key"):
        bench().variant({"training.learning_rat": 1})
    with pytest.raises(UsageError, match="hidden_layers: got 0"):
        bench().variant({"network.hidden_layers": 0})
    with pytest.raises(UsageError, match="beta7"):
        bench().variant({"training.optimizer.beta7": 1})
