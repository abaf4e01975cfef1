"""Probes of a training name what holds it up, and nothing where nothing does (course 2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from leadline.network import Dense, Dropout, Flatten, Network
from leadline.optimize import Adam, GradientDescent
from leadline.strategy.findings import Finding
from leadline.strategy.probes.budget import Budget
from leadline.strategy.probes.candidates import DECADES, candidates
from leadline.strategy.probes.memorization import ENOUGH, share_not_memorized
from leadline.strategy.probes.own_curve import own_growth
from leadline.strategy.probes.retraining import Candidate, ProbedTraining, losses_of, part_of, retrain
from leadline.strategy.probes.training import PROBE, p_of_fall, training_findings
from leadline.training import EarlyStopping, Examples, TrainingSettings, fit

SOUND = TrainingSettings(epochs=40, batch_size=64, optimizer=Adam(0.005))


def examples(n: int, seed: int, noise: bool = False) -> Examples:
    """Points in and out of a ring; with ``noise``, classes by chance."""
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 2, generator=random)
    y = torch.rand(n, 1, generator=random) < 0.5 if noise else (torch.sin(2.5 * x.norm(dim=1, keepdim=True)) > 0)
    return Examples(x, y.float())


def trained(
    settings: TrainingSettings, network: Network | None = None, noise: bool = False, **options: Any
) -> ProbedTraining:
    network = network or Network([Dense(32, "relu"), Dense(32, "relu"), Dense(1)])
    train, dev = examples(500, 0, noise), examples(400, 1, noise)
    found = fit(network, "binary_cross_entropy", train, dev, settings)
    return ProbedTraining(
        network, "binary_cross_entropy", settings, train, dev, found.parameters, found.history, found.stopped, **options
    )


def findings(training: ProbedTraining) -> tuple[Finding, ...]:
    return training_findings(training, Budget(30.0))


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        (replace(SOUND, optimizer=Adam(1e-6)), "learning-rate-too-low"),
        (replace(SOUND, optimizer=Adam(3.0)), "learning-rate-too-high"),
        (replace(SOUND, l2=64.0), "penalty-too-strong"),
        (replace(SOUND, epochs=2, optimizer=Adam(0.003)), "training-cut-off"),
    ],
)
def test_a_fault_of_the_training_is_named_with_the_change_that_lowers_both_errors(
    settings: TrainingSettings, code: str
) -> None:
    found = findings(trained(settings))
    assert code in {finding.code for finding in found}
    assert found[0].gap == "avoidable bias"
    assert found[0].change
    numbers = {quantity.name: quantity.measured for quantity in found[0].evidence}
    assert numbers["fall of the dev error"].interval[0] > 0


def test_the_first_finding_is_the_one_that_helps_most() -> None:
    assert findings(trained(replace(SOUND, optimizer=Adam(1e-6))))[0].code == "learning-rate-too-low"
    dropped = Network([Dense(24, "relu"), Dropout(keep_prob=0.1), Dense(24, "relu"), Dropout(keep_prob=0.1), Dense(1)])
    first = findings(trained(SOUND, dropped))[0]
    assert first.code == "dropout-too-strong"
    assert [layer["type"] for layer in first.change["network.layers"]] == ["dense"] * 3


def test_a_network_that_is_too_small_is_named_with_a_bigger_one() -> None:
    first = findings(trained(SOUND, Network([Dense(1, "tanh"), Dense(1)])))[0]
    assert first.code == "avoidable-bias"
    assert [layer["units"] for layer in first.change["network.layers"]] == [64, 32, 1]


def test_raw_inputs_of_different_size_are_named() -> None:
    sizes = torch.tensor([1e-3, 300.0])
    raw = trained(replace(SOUND, optimizer=Adam(0.003)))
    train, dev = (replace(each, x=each.x * sizes) for each in (raw.train, raw.dev))
    found = fit(raw.network, raw.loss, train, dev, raw.settings)
    probed = replace(
        raw,
        train=train,
        dev=dev,
        parameters=found.parameters,
        history=found.history,
        standardized=lambda: (raw.train, raw.dev),
    )
    assert findings(probed)[0].code == "inputs-not-normalized"


def test_a_sound_training_and_one_of_noise_have_no_fault() -> None:
    assert findings(trained(replace(SOUND, epochs=80))) == ()
    assert findings(trained(SOUND, noise=True)) == ()
    stopping = EarlyStopping(10)
    assert findings(trained(replace(SOUND, early_stopping=stopping), noise=True)) == ()


def test_without_time_the_probe_is_left_out_and_says_so() -> None:
    budget = Budget(0.0)
    assert training_findings(trained(replace(SOUND, optimizer=Adam(1e-6))), budget) == ()
    assert PROBE in budget.probing().skipped


def test_the_range_test_spans_six_decades_without_the_rate_itself() -> None:
    rates = [c.change["training.learning_rate"] for c in candidates(trained(SOUND)) if c.code.startswith("learning-")]
    assert min(rates) == DECADES[0] and max(rates) == DECADES[-1]
    assert not [rate for rate in rates if 0.0026 < rate < 0.009]


def test_descent_is_tried_with_adam_and_adam_is_not() -> None:
    steps = [c.step for c in candidates(trained(replace(SOUND, epochs=1, optimizer=GradientDescent(0.01))))]
    assert "Optimize with Adam" in steps
    assert "Optimize with Adam" not in [c.step for c in candidates(trained(replace(SOUND, epochs=1)))]


def test_a_candidate_is_measured_as_if_it_had_trained_alone() -> None:
    training = trained(replace(SOUND, epochs=5))
    candidate = Candidate("avoidable-bias", "", "", "", training.network, training.settings)
    (again,) = retrain(training, [candidate], 30.0)
    assert again is not None and again.in_full and again.epochs == 5
    own = losses_of(training, training.network, training.parameters)
    assert (again.dev != own.dev).float().mean() < 0.01  # the same seed, within rounding


def test_a_population_that_runs_out_of_time_while_members_end_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worse half leaves at a time at which some of it have just ended by early stopping."""
    clock = iter(np.arange(0.0, 1e6, 0.5))
    monkeypatch.setattr("leadline.strategy.probes.retraining.time.process_time", lambda: float(next(clock)))
    training = trained(replace(SOUND, epochs=200, early_stopping=EarlyStopping(1)), noise=True)
    tried = candidates(training)
    for seconds in (4.0, 8.0, 16.0, 32.0):
        assert len(retrain(training, tried, seconds)) == len(tried)


def test_the_fall_of_an_error_needs_more_than_chance() -> None:
    random = np.random.default_rng(0)
    before = (random.random(300) < 0.3).astype(float)
    assert p_of_fall(before, (random.random(300) < 0.1).astype(float)) < 1e-6
    assert p_of_fall(before, before) == 1.0
    assert p_of_fall(before, (random.random(300) < 0.5).astype(float)) > 0.99


def test_the_fall_of_a_mean_square_may_not_hang_on_one_example() -> None:
    random = np.random.default_rng(1)
    before = random.standard_normal(200) ** 2
    after = before.copy()
    after[:] += 0.01 * random.standard_normal(200) ** 2  # a little worse everywhere
    before[0] = 5_000.0
    assert p_of_fall(before, after) > 0.5


def test_an_ensemble_is_probed_by_one_of_its_members() -> None:
    slow = trained(replace(SOUND, optimizer=Adam(1e-6)))
    ensemble = slow.network.ensemble(3)
    found = fit(ensemble, slow.loss, slow.train, slow.dev, slow.settings)
    probed = replace(slow, ensemble=ensemble, parameters=found.parameters, seconds=0.3)
    assert probed.seconds_alone == pytest.approx(0.1)
    first = findings(probed)[0]
    assert first.code == "learning-rate-too-low"
    assert "one member" in first.statement


def test_images_without_convolutions_are_tried_with_them() -> None:
    random = torch.Generator().manual_seed(3)
    images, y = torch.rand(500, 8, 8, 1, generator=random) * 0.3, torch.randint(0, 2, (500, 1), generator=random)
    shapes = torch.tensor([[[1.0, 1, 1], [1, 0, 1], [1, 1, 1]], [[0.0, 1, 0], [1, 1, 1], [0, 1, 0]]])
    for i in range(500):
        top, left = (int(n) for n in torch.randint(0, 6, (2,), generator=random))
        images[i, top : top + 3, left : left + 3, 0] += shapes[int(y[i, 0])]
    flat = Network([Flatten(), Dense(32, "relu"), Dense(1)])
    train, dev = (Examples(images[rows], y[rows].float()) for rows in (slice(0, 300), slice(300, 500)))
    found = fit(flat, "binary_cross_entropy", train, dev, SOUND)
    probed = ProbedTraining(
        flat,
        "binary_cross_entropy",
        SOUND,
        train,
        dev,
        found.parameters,
        found.history,
        found.stopped,
        image_shape=(8, 8, 1),
    )
    first = training_findings(probed, Budget(4.0))[0]
    assert first.code == "no-convolutions" and first.gap == "variance"
    types = [layer["type"] for layer in first.change["network.layers"]]
    assert types[0] == "image" and "convolution" in types


def test_what_a_network_can_learn_by_heart() -> None:
    left = share_not_memorized(trained(SOUND), Budget(30.0))
    assert left is not None and left.value < 0.02
    deep = Network([*(Dense(8, "sigmoid") for _ in range(10)), Dense(1)])
    left = share_not_memorized(trained(replace(SOUND, epochs=2), deep), Budget(30.0))
    assert left is not None and left.value > ENOUGH
    assert share_not_memorized(trained(SOUND), Budget(0.0)) is None


def test_the_networks_own_learning_curve() -> None:
    """More examples help a network that learns a clean ring by heart, and none helps against noise."""
    by_heart = replace(SOUND, epochs=80)
    few = part_of(trained(by_heart), torch.arange(320))
    found = fit(few.network, few.loss, few.train, few.dev, few.settings)
    grown = own_growth(replace(few, parameters=found.parameters, history=found.history), Budget(30.0))
    assert grown is not None and grown.falls and grown.of_network and grown.sizes == (160, 320)
    noise = own_growth(trained(by_heart, noise=True), Budget(30.0))
    assert noise is not None and not noise.falls
    budget = Budget(0.0)
    assert own_growth(replace(trained(by_heart, noise=True), seconds=5.0), budget) is None
    assert "the network's learning curve" in budget.skipped
