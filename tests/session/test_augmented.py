"""Augmentation in an experiment: on training images alone, repeatable, refused where there are no images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import leadline as ll
from leadline.data.augmentation import Augmenter
from leadline.errors import UsageError
from leadline.experiment import Experiment
from leadline.runs.checkpoint import load_checkpoint
from leadline.session.plan import Plan, make_plan
from leadline.session.training import run_experiment
from leadline.strategy.folds import out_of_fold_probabilities
from leadline.training import DivergenceError, EarlyStopping, Examples, FitResult, fit
from leadline.variants.executor import train_alone
from leadline.variants.variants import PreparedExperiment

BASE = {
    "data": {"source": "digits"},
    "network": {"layers": [{"type": "dense", "units": 16, "activation": "relu"}, {"type": "dense", "units": 10}]},
    "training": {"epochs": 3, "batch_size": 128, "learning_rate": 0.01},
}
VARIED = {"crop": 1, "rotation": 10, "elastic": {"alpha": 2.0, "sigma": 2.0}}


def plan_with(augment: dict[str, Any], **sections: dict[str, Any]) -> Plan:
    merged = {name: BASE.get(name, {}) | sections.get(name, {}) for name in {*BASE, *sections}}
    return make_plan(Experiment.from_dict(merged | {"augment": augment}))


def fitted(plan: Plan, **changes: Any) -> FitResult:
    train = plan.examples("train")
    assert train is not None
    return fit(
        plan.network,
        plan.loss,
        train,
        plan.examples("dev"),
        replace(plan.training, **changes),
        augment=plan.augmenter(),
    )


def test_the_same_experiment_gives_the_same_parameters():
    once, again, other = (fitted(plan_with(VARIED, training={"seed": seed})).parameters.theta for seed in (0, 0, 1))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)


def test_the_runs_seed_is_that_of_the_variations():
    varied = []
    for seed in (0, 0, 1):
        plan = plan_with(VARIED, training={"seed": seed})
        augment, train = plan.augmenter(), plan.examples("train")
        assert augment is not None and train is not None
        varied.append(augment(train.x[:32]).clone())
    assert torch.equal(varied[0], varied[1]) and not torch.equal(varied[0], varied[2])


def test_a_resolved_experiment_repeats_the_run(tmp_path: Path):
    first = run_experiment(Experiment.from_dict(BASE | {"augment": VARIED}), runs=tmp_path, name="first")
    assert first.experiment.to_dict()["augment"] == VARIED
    again = run_experiment(first.experiment, runs=tmp_path, name="again")
    tensors, others = (load_checkpoint(run.folder / "checkpoint.safetensors")[0] for run in (first, again))
    assert tensors and all(torch.equal(tensors[name], others[name]) for name in others)
    dev = "predictions/dev.parquet"
    assert (first.folder / dev).read_bytes() == (again.folder / dev).read_bytes()


def test_only_training_images_are_varied(monkeypatch: pytest.MonkeyPatch):
    """Dev is measured as it is, and so is the training error of the ladder."""
    seen: list[int] = []
    call = Augmenter.__call__
    monkeypatch.setattr(Augmenter, "__call__", lambda self, x: seen.append(len(x)) or call(self, x))
    plan = plan_with(VARIED)
    train, dev = plan.examples("train"), plan.examples("dev")
    assert train is not None and dev is not None
    before = train.x.clone(), dev.x.clone()
    finished = fit(plan.network, plan.loss, train, dev, plan.training, augment=plan.augmenter())
    assert sum(seen) == 3 * len(train)
    assert torch.equal(train.x, before[0]) and torch.equal(dev.x, before[1])
    plain = make_plan(Experiment.from_dict(BASE))
    np.testing.assert_array_equal(plan.inputs("train"), plain.inputs("train"))
    np.testing.assert_array_equal(plan.inputs("dev"), plain.inputs("dev"))
    assert not torch.equal(finished.parameters.theta, fitted(plain).parameters.theta)


def test_a_full_batch_is_varied_too():
    whole = {"batch_size": "full", "epochs": 2}
    assert not torch.equal(
        fitted(plan_with(VARIED, training=whole)).parameters.theta,
        fitted(plan_with({}, training=whole)).parameters.theta,
    )


def test_early_stopping_goes_back_to_the_best_epoch():
    finished = fitted(plan_with(VARIED), early_stopping=EarlyStopping(patience=5), epochs=6)
    assert finished.restored and finished.best_epoch is not None


def test_a_divergence_is_explained_from_the_same_images():
    """The replay draws what was drawn; otherwise it may find another place, or none."""
    plan = plan_with({"crop": 1, "zoom": 0.3}, training={"learning_rate": 1e30, "optimizer": "gradient_descent"})
    with pytest.raises(DivergenceError, match="no longer finite"):
        raise fitted(plan).divergence or AssertionError("it did not diverge")


def test_python_passes_a_value(tmp_path: Path):
    run = ll.train(
        ll.Network([ll.Dense(10)]),
        "digits",
        epochs=1,
        augmentation=ll.Augmentation(crop=1, zoom=0.1),
        runs=tmp_path,
    )
    assert run.experiment.augment.crop == 1
    assert "[augment]" in (run.folder / "experiment.toml").read_text()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"data": {"source": "table.csv", "target": "y"}, "augment": {"crop": 1}}, "augment.crop: takes images"),
        ({"data": {"source": "digits"}, "augment": {"saturation": 0.1}}, "augment.saturation: takes colour images"),
        ({"data": {"source": "digits"}, "augment": {"crop": 8}}, "augment.crop: got 8"),
    ],
)
def test_what_cannot_be_varied_is_refused_before_training(
    keys: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("table.csv").write_text("a,y\n" + "".join(f"{k * k % 7 / 2},{k % 2}\n" for k in range(40)))
    with pytest.raises(UsageError, match=message):
        make_plan(Experiment.from_dict(keys))


@pytest.mark.parametrize("normalization", ["unit", "standardize", "none"])
def test_the_normalization_does_not_change_what_is_seen(normalization: str):
    """Images are varied as pixels from black to white, and normalized afterwards."""
    plans = [plan_with({"crop": 1, "contrast": 0.3}, data={"normalization": n}) for n in ("unit", normalization)]
    seen = []
    for plan in plans:
        augment, train = plan.augmenter(), plan.examples("train")
        assert augment is not None and train is not None
        varied = augment(train.x[:64]).double().numpy()
        encoder = plan.preparation.encoders
        seen.append(varied * encoder.scale + encoder.center)  # pyright: ignore[reportAttributeAccessIssue]
    varying = np.ones(64, bool) if normalization != "standardize" else plans[1].preparation.encoders.scale > 0  # pyright: ignore[reportAttributeAccessIssue]
    np.testing.assert_allclose(seen[0][:, varying], seen[1][:, varying], atol=1e-4)


def test_a_variant_in_a_search_is_trained_as_the_run_would_be():
    """Not in a population, which knows no augmentation; nor with one that is not its own."""
    bench = PreparedExperiment(Experiment.from_dict(BASE | {"augment": VARIED}))
    variant = bench.variant({"training.seed": 3})
    assert variant.kind is None and bench.variant({"augment.crop": None}).kind is None
    alone = fitted(plan_with(VARIED, training={"seed": 3}), early_stopping=variant.resolved.settings.early_stopping)
    assert torch.equal(train_alone(variant).parameters.theta, alone.parameters.theta)
    with pytest.raises(UsageError, match="takes colour images"):
        bench.variant({"augment.hue": 0.1})


def test_folds_are_varied_one_after_the_other():
    plan = plan_with(VARIED, training={"epochs": 2})
    train = plan.examples("train")
    assert train is not None
    few = Examples(train.x[:200], train.y[:200])
    found = [
        out_of_fold_probabilities(plan.network, plan.loss, few, plan.training, 2, augment=augment)
        for augment in (plan.augmenter, plan.augmenter, None)
    ]
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.allclose(found[0], found[2])
