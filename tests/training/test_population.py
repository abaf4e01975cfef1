"""A population: every member equals the same network trained alone."""

from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np
import pytest
import torch

from leadline.equations.activations import ACTIVATIONS
from leadline.equations.losses import LOSSES
from leadline.errors import UsageError
from leadline.limits import Precision
from leadline.network import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Network,
    PeriodicEmbedding,
    PiecewiseEmbedding,
)
from leadline.network.layer import ShapeError
from leadline.optimize import Adam, AdamW, GradientDescent, Momentum, Nesterov, Optimizer, RMSprop
from leadline.optimize.schedules import Cosine, Exponential, InverseTime
from leadline.training import EarlyStopping, Examples, FitResult, Goal, TrainingSettings, fit
from leadline.training.population import (
    Member,
    Population,
    PopulationTrainer,
    ResolvedMember,
    population_outputs,
    train_to_end,
)
from leadline.training.population.losses import population_loss
from leadline.training.population.member_state import make_rows
from leadline.training.population.plan import SharedBatches, plan_epoch
from leadline.training.population.updates import LARGE

SOFTMAX = "softmax_cross_entropy"
M, N_IN, CLASSES = 230, 7, 3
RULES = [Adam(), AdamW(), Momentum(), Momentum(bias_correction=True), Nesterov(), RMSprop(), GradientDescent()]
REGULARIZED = Network(
    [
        Dense(9),
        BatchNorm(),
        Activation("relu"),
        Dropout(keep_prob=0.8),
        Dense(8, "tanh"),
        Dropout(keep_prob=0.7),
        Dense(CLASSES),
    ]
)
PLAIN = Network([Dense(8, "relu"), Dense(CLASSES)])


def examples(settings: TrainingSettings, m: int = M, loss: str = SOFTMAX) -> Examples:
    random = torch.Generator().manual_seed(3)
    x = torch.randn(m, N_IN, generator=random, dtype=torch.float64)
    signal = x @ torch.randn(N_IN, CLASSES, generator=random, dtype=torch.float64)
    y = {
        SOFTMAX: signal.argmax(1),
        "squared_error": signal,
        "binary_cross_entropy": (signal[:, :1] > 0).double(),
        "multi_label_cross_entropy": (signal > 0).double().masked_fill(signal.abs() < 0.3, float("nan")),
    }[loss]
    return Examples.of(x, y, settings)


def subset(size: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(M)[:size]


def varied() -> list[Member]:
    """Members that differ in everything they may differ in; subsets with 8, 3, 6, 4 and 1 batches of 32."""
    return [
        Member(seed=4),
        Member(seed=5, learning_rate=0.02, subset=subset(91, 1), epochs=5),
        Member(seed=6, l2=0.3, keep_prob=(1.0, 0.5), subset=subset(165, 2), gain=1.3),
        Member(seed=7, l1=0.2, keep_prob=0.6, subset=subset(100, 3), epochs=2, clip_norm=0.1),
        Member(seed=4, l2=0.1, l1=0.01, learning_rate=0.004),
        Member(seed=8, keep_prob=1.0, subset=subset(20, 4), schedule=InverseTime(0.5)),
    ]


def alone(single: ResolvedMember, loss: str, train: Examples, dev: Examples | None) -> FitResult:
    rows = single.subset
    own = train if rows is None else Examples(train.x[rows], train.y[rows])
    return fit(single.network, loss, own, dev, single.settings)


def assert_same(got: FitResult, wanted: FitResult, tolerance: float) -> None:
    assert got.network == wanted.network
    assert (got.stopped, got.best_epoch, got.restored) == (wanted.stopped, wanted.best_epoch, wanted.restored)
    assert got.parameters.named().keys() == wanted.parameters.named().keys()
    torch.testing.assert_close(got.parameters.theta, wanted.parameters.theta, rtol=0, atol=tolerance)
    for name, value in wanted.parameters.named_statistics().items():
        torch.testing.assert_close(got.parameters.named_statistics()[name], value, rtol=0, atol=tolerance)
    assert len(got.history) == len(wanted.history)
    for mine, theirs in zip(got.history, wanted.history, strict=True):
        assert (mine.epoch, mine.steps) == (theirs.epoch, theirs.steps)
        for name in ("cost", "train_error", "dev_cost", "dev_error", "dev_goal", "learning_rate"):
            value, wanted_value = getattr(mine, name), getattr(theirs, name)
            same = wanted_value is None or pytest.approx(wanted_value, rel=tolerance, abs=tolerance) == value
            assert same and (value is None) == (wanted_value is None), (name, value, wanted_value)


def assert_as_alone(
    network: Network,
    members: list[Member],
    settings: TrainingSettings,
    loss: str = SOFTMAX,
    tolerance: float = 1e-12,
    goal: Goal | None = None,
) -> list[FitResult]:
    train = examples(settings, loss=loss)
    dev = Examples(*(t[:57] for t in (examples(settings, 90, loss).x, examples(settings, 90, loss).y)), goal=goal)
    fits = Population(network, members).fit(loss, train, dev, settings)
    for member, got in zip(members, fits, strict=True):
        assert_same(got, alone(member.resolve(network, settings), loss, train, dev), tolerance)
    return fits


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.name}{getattr(rule, 'bias_correction', '') or ''}")
@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_every_member_equals_its_network_trained_alone(rule: Optimizer, precision: Precision, tolerance: float) -> None:
    settings = TrainingSettings(
        epochs=3, batch_size=32, optimizer=replace(rule, learning_rate=0.01), clip_norm=0.9, precision=precision
    )
    assert_as_alone(REGULARIZED, varied(), settings, tolerance=tolerance)


@pytest.mark.parametrize("loss", sorted(set(LOSSES) - {SOFTMAX}))
def test_losses(loss: str) -> None:
    network = Network(
        [Dense(8, "relu"), Dropout(keep_prob=0.9), Dense(1 if loss == "binary_cross_entropy" else CLASSES)]
    )
    members = [Member(seed=1), Member(seed=2, l2=0.1, subset=subset(77, 5)), Member(seed=3, learning_rate=0.03)]
    assert_as_alone(network, members, TrainingSettings(epochs=3, batch_size=32, precision="float64"), loss)


def test_an_output_activation_that_is_no_part_of_the_loss() -> None:
    network = Network([Dense(8, "relu"), Dense(CLASSES, "tanh")])
    assert_as_alone(
        network, [Member(seed=1), Member(seed=2)], TrainingSettings(2, 32, precision="float64"), "squared_error"
    )


@pytest.mark.parametrize("same_seed", [True, False])
def test_own_betas_and_rates(same_seed: bool) -> None:
    members = [
        Member(seed=0 if same_seed else k, beta=0.8 + 0.03 * k, beta2=0.99 + 0.002 * k, learning_rate=0.01 / (1 + k))
        for k in range(4)
    ]
    assert_as_alone(PLAIN, members, TrainingSettings(epochs=3, batch_size=50, precision="float64"))
    rules = [Member(optimizer=Adam(0.01, epsilon=10.0**-k)) for k in range(4, 8)]
    assert_as_alone(PLAIN, rules, TrainingSettings(epochs=2, batch_size=50, precision="float64"))
    assert Member(beta=0.5).resolve(PLAIN, TrainingSettings(optimizer=Momentum())).settings.optimizer == Momentum(
        beta=0.5
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.name}{getattr(rule, 'bias_correction', '') or ''}")
def test_large_members(rule: Optimizer) -> None:
    """Large members take other ways: gradients in place, and one kernel call for each."""
    network = Network([Dense(90, "relu"), Dense(90, "relu"), Dense(CLASSES)])
    members = [Member(seed=1), Member(seed=2, learning_rate=0.02, subset=subset(91, 1)), Member(seed=3, epochs=1)]
    members += [Member(seed=4, learning_rate=0.03, l2=0.1)]
    settings = TrainingSettings(
        epochs=2, batch_size=40, optimizer=replace(rule, learning_rate=0.01), precision="float64"
    )
    assert network.layout((N_IN,)).n > LARGE
    assert_as_alone(network, members, settings)
    if isinstance(rule, Adam):
        assert_as_alone(network, [Member(beta=0.8), Member(beta=0.9)], settings)


def test_own_keep_probs_with_one_seed() -> None:
    """A layer that keeps everything draws nothing, so the layers after it get other draws."""
    members = [Member(seed=4, keep_prob=keep_prob) for keep_prob in ((0.8, 0.6), (1.0, 0.6), (0.5, 0.9), 1.0)]
    assert_as_alone(REGULARIZED, members, TrainingSettings(epochs=2, batch_size=32, precision="float64"))
    layers = members[0].resolve(REGULARIZED, TrainingSettings()).network.layers
    assert [layer.keep_prob for layer in layers if isinstance(layer, Dropout)] == [0.8, 0.6]


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_activations(activation: str) -> None:
    """The passes share memory, so each kind of activation is tried with layers before and after it."""
    network = Network([Dense(9, activation), Dense(8, activation), Activation(activation), Dense(CLASSES)])
    assert_as_alone(
        network, [Member(seed=1), Member(seed=2)], TrainingSettings(epochs=2, batch_size=50, precision="float64")
    )


@pytest.mark.parametrize("embedding", [PeriodicEmbedding((0, 4, 2)), PiecewiseEmbedding(bins=5, units=2)])
@pytest.mark.parametrize("before", [[], [Dense(6, "tanh")]])
def test_embeddings(embedding: Layer, before: list[Layer]) -> None:
    network = Network([*before, embedding, Dense(8, "relu"), Dropout(keep_prob=0.8), Dense(CLASSES)])
    settings = TrainingSettings(epochs=3, batch_size=50, precision="float64")
    assert_as_alone(network, [Member(seed=1), Member(seed=2)], settings)
    assert_as_alone(network, [Member(seed=1), Member(seed=2)], replace(settings, batch_size=M))  # shared examples


@pytest.mark.parametrize("loss", [SOFTMAX, "binary_cross_entropy", "multi_label_cross_entropy"])
def test_dropout_and_label_smoothing_that_fall(loss: str) -> None:
    network = Network([*REGULARIZED.layers[:-1], Dense(1 if loss == "binary_cross_entropy" else CLASSES)])
    shared = TrainingSettings(epochs=5, batch_size=50, precision="float64", label_smoothing=0.2)
    shared = replace(shared, label_smoothing_schedule=Cosine(4), dropout_schedule=Exponential(0.5))
    assert_as_alone(network, [Member(seed=1), Member(seed=2)], shared, loss)
    own = [replace(shared, seed=1), replace(shared, label_smoothing=0.0), replace(shared, dropout_schedule=Cosine(3))]
    train, dev = examples(shared, loss=loss), examples(shared, 60, loss)
    singles = [ResolvedMember(network, settings) for settings in own]
    for single, got in zip(singles, train_to_end(PopulationTrainer(singles, loss, train, dev)), strict=True):
        assert_same(got, alone(single, loss, train, dev), 1e-12)


def test_own_schedules() -> None:
    shared = TrainingSettings(epochs=4, batch_size=40, schedule=Exponential(0.7), precision="float64")
    assert_as_alone(PLAIN, [Member(learning_rate=0.01), Member(learning_rate=0.02)], shared)
    members = [Member(schedule=Cosine(4)), Member(schedule=InverseTime()), Member(seed=1)]
    assert_as_alone(PLAIN, members, replace(shared, optimizer=Momentum(0.1)))


def test_full_batches_of_shared_and_own_subsets() -> None:
    settings = TrainingSettings(epochs=5, batch_size=M, optimizer=Momentum(0.5), precision="float64")
    assert_as_alone(REGULARIZED, [Member(seed=k, l2=k / 10) for k in range(3)], settings)
    assert_as_alone(PLAIN, [Member(seed=k, subset=subset(50 + 60 * k, k)) for k in range(3)], settings)


def test_a_default_batch_size_is_each_members_own() -> None:
    many = 2_300
    settings = TrainingSettings(epochs=2, precision="float64")
    train = examples(settings, many)
    members = [Member(seed=1), Member(seed=2, subset=np.arange(150)), Member(seed=3, subset=np.arange(1_000, 2_200))]
    for member, got in zip(members, Population(PLAIN, members).fit(SOFTMAX, train, None, settings), strict=True):
        assert_same(got, alone(member.resolve(PLAIN, settings), SOFTMAX, train, None), 1e-12)


def test_more_steps_than_costs_are_kept_for() -> None:
    settings = TrainingSettings(epochs=1, batch_size=2, optimizer=GradientDescent(0.05), l2=0.01, precision="float64")
    assert_as_alone(PLAIN, [Member(seed=1), Member(seed=2, subset=subset(143, 1))], settings)


def test_images_are_flattened() -> None:
    network = Network([Flatten(), Dense(6, "relu"), Dense(CLASSES)])
    settings = TrainingSettings(epochs=2, batch_size=16, precision="float64")
    flat = examples(settings)
    train = Examples(torch.cat([flat.x, flat.x[:, :1]], 1).reshape(M, 2, 2, 2), flat.y)
    members = [Member(seed=k) for k in range(2)]
    for member, got in zip(members, Population(network, members).fit(SOFTMAX, train, train, settings), strict=True):
        assert_same(got, alone(member.resolve(network, settings), SOFTMAX, train, train), 1e-12)


def test_early_stopping_and_tolerance_are_each_members_own() -> None:
    settings = TrainingSettings(
        epochs=40, batch_size=32, optimizer=Adam(0.05), early_stopping=EarlyStopping(2), precision="float64"
    )
    fits = assert_as_alone(PLAIN, [Member(seed=k, learning_rate=0.01 * 3**k) for k in range(4)], settings)
    assert len({len(result.history) for result in fits}) > 1
    assert {result.stopped for result in fits} == {"early stopping"}
    full = TrainingSettings(
        epochs=60, batch_size=M, optimizer=GradientDescent(1.0), gradient_tolerance=0.05, precision="float64"
    )
    fits = assert_as_alone(PLAIN, [Member(seed=k, learning_rate=0.3 + k / 5) for k in range(3)], full)
    assert len({len(result.history) for result in fits}) > 1
    assert "tolerance" in {result.stopped for result in fits}


def test_members_stop_early_by_the_goal_as_they_would_alone() -> None:
    """T2.15: what is optimized is monitored, by each member on its own outputs."""
    stopping = TrainingSettings(
        epochs=30, batch_size=32, optimizer=Adam(0.05), early_stopping=EarlyStopping(2), precision="float64"
    )
    members = [Member(seed=k, learning_rate=0.01 * 3**k) for k in range(4)]

    def missed(z: torch.Tensor, y: torch.Tensor) -> float:
        return float((z.argmax(1) != 0)[y == 0].double().mean())

    fits = assert_as_alone(PLAIN, members, stopping, goal=missed)
    assert all(record.dev_goal is not None for result in fits for record in result.history)
    by_error = assert_as_alone(PLAIN, members, stopping)
    assert [result.best_epoch for result in fits] != [result.best_epoch for result in by_error]


@pytest.mark.parametrize("network", [PLAIN, Network([Dense(8, "relu"), Dropout(keep_prob=0.8), Dense(CLASSES)])])
def test_a_diverged_member_leaves_as_it_would_alone_and_the_others_go_on(network: Network) -> None:
    settings = TrainingSettings(epochs=6, batch_size=32, optimizer=GradientDescent(0.05), precision="float64")
    members = [Member(seed=1), Member(seed=2, learning_rate=1e60, subset=subset(100, 1)), Member(seed=3)]
    train = examples(settings)
    fits = Population(network, members).fit("squared_error", examples(settings, loss="squared_error"), None, settings)
    train = examples(settings, loss="squared_error")
    wanted = [alone(member.resolve(network, settings), "squared_error", train, None) for member in members]
    assert [result.stopped for result in fits] == ["epochs", "diverged", "epochs"]
    assert str(fits[1].divergence) == str(wanted[1].divergence)
    scale = float(wanted[1].parameters.theta.abs().max())
    torch.testing.assert_close(fits[1].parameters.theta / scale, wanted[1].parameters.theta / scale)
    assert torch.isfinite(fits[1].parameters.theta).all()
    assert_same(fits[0], wanted[0], 1e-12)
    assert_same(fits[2], wanted[2], 1e-12)


def test_a_late_divergence_is_replayed_from_a_snapshot() -> None:
    """Growth by a constant factor takes over 128 steps to leave float64; the velocity matters at each."""
    network = Network([Dense(CLASSES)])
    settings = TrainingSettings(epochs=200, batch_size=64, optimizer=Momentum(15.0, beta=0.5), precision="float64")
    train = examples(settings, loss="squared_error")
    members = [Member(seed=1), Member(seed=2, learning_rate=0.1, epochs=100), Member(seed=3, subset=subset(150, 2))]
    fits = Population(network, members).fit("squared_error", train, None, settings)
    for i in (0, 2):
        wanted = alone(members[i].resolve(network, settings), "squared_error", train, None)
        assert wanted.stopped == fits[i].stopped == "diverged"
        assert len(wanted.history) * wanted.history[0].steps > 128
        assert str(fits[i].divergence) == str(wanted.divergence)
        torch.testing.assert_close(fits[i].parameters.theta, wanted.parameters.theta, rtol=1e-9, atol=0)


def trainer_of(members: list[Member], settings: TrainingSettings) -> PopulationTrainer:
    return Population(PLAIN, members).trainer(SOFTMAX, examples(settings), examples(settings, 40), settings)


def test_step_by_step_with_pruning() -> None:
    settings = TrainingSettings(epochs=4, batch_size=32, precision="float64")
    members = [Member(seed=k, subset=subset(100 + 40 * k, k)) for k in range(4)]
    trainer = trainer_of(members, settings)
    records = trainer.run_epoch()
    assert list(records) == [0, 1, 2, 3] == list(trainer.active)
    worst = max(records, key=lambda member: records[member].dev_cost or 0.0)
    before = trainer.parameters(worst).theta
    trainer.retire([worst])
    assert worst not in trainer.active
    while trainer.active:
        assert worst not in trainer.run_epoch()
    fits = trainer.results()
    assert (fits[worst].stopped, len(fits[worst].history)) == ("request", 1)
    assert torch.equal(fits[worst].parameters.theta, before)
    train = examples(settings)
    for member in set(range(4)) - {worst}:
        wanted = alone(members[member].resolve(PLAIN, settings), SOFTMAX, train, examples(settings, 40))
        assert_same(fits[member], wanted, 1e-12)
    assert trainer.run_epoch() == {}
    with pytest.raises(UsageError, match=f"member {worst} is not in training"):
        trainer.retire([worst])


def test_on_epoch_says_who_leaves() -> None:
    settings = TrainingSettings(epochs=3, batch_size=64, precision="float64")
    fits = Population(PLAIN, [Member(seed=k) for k in range(3)]).fit(
        SOFTMAX, examples(settings), None, settings, lambda records, trainer: [1] if trainer.epoch == 2 else None
    )
    assert [(result.stopped, len(result.history)) for result in fits] == [("epochs", 3), ("request", 2), ("epochs", 3)]


def test_an_interruption_keeps_what_was_reached() -> None:
    def interrupt(records: object, trainer: PopulationTrainer) -> None:
        raise KeyboardInterrupt

    settings = TrainingSettings(epochs=3, batch_size=64)
    fits = Population(PLAIN, [Member(), Member(seed=1)]).fit(SOFTMAX, examples(settings), None, settings, interrupt)
    assert [(result.stopped, len(result.history)) for result in fits] == [("interrupted", 1)] * 2


def test_no_epochs_is_the_start() -> None:
    settings = TrainingSettings(epochs=2, batch_size=64)
    fits = Population(PLAIN, [Member(epochs=0, seed=5), Member()]).fit(SOFTMAX, examples(settings), None, settings)
    assert torch.equal(fits[0].parameters.theta, PLAIN.initialize((N_IN,), 5).theta)
    assert (fits[0].history, len(fits[1].history)) == ([], 2)


def test_results_do_not_depend_on_who_else_is_in_the_population() -> None:
    settings = TrainingSettings(epochs=3, batch_size=32, precision="float64")
    members = varied()
    train = examples(settings)
    together = Population(REGULARIZED, members).fit(SOFTMAX, train, None, settings)
    halves = [Population(REGULARIZED, part).fit(SOFTMAX, train, None, settings) for part in (members[:2], members[2:])]
    for got, wanted in zip(together, [*halves[0], *halves[1]], strict=True):
        assert_same(got, wanted, 1e-12)


@pytest.mark.parametrize("rule", [Adam(), RMSprop(), Momentum(), GradientDescent()], ids=lambda rule: rule.name)
@pytest.mark.parametrize("units", [7, 600], ids=["small", "large"])
def test_independent_members_do_not_differ_by_a_bit(rule: Optimizer, units: int) -> None:
    network = Network([Dense(units, "relu"), Dropout(keep_prob=0.9), Dense(3)])
    random = torch.Generator().manual_seed(0)
    examples = Examples(torch.randn(70, 13, generator=random), torch.arange(70) % 3)
    settings = TrainingSettings(epochs=4, batch_size=16, optimizer=rule, early_stopping=None)
    given = [Member(seed=k, learning_rate=0.01 * 1.1 ** (k // 2), l2=0.1 * (k // 3)) for k in range(6)]
    singles = [member.resolve(network, settings) for member in given]

    def trained(members: list[int]) -> dict[int, torch.Tensor]:
        chosen = [singles[i] for i in members]
        trainer = PopulationTrainer(chosen, "softmax_cross_entropy", examples, examples, independent=True)
        return dict(zip(members, [fit.parameters.theta for fit in train_to_end(trainer)], strict=True))

    together = trained([*range(6)])
    for members in ([4], [0, 1], [5, 3, 2], [1, 2, 3, 4, 5]):
        for i, theta in trained(members).items():
            assert torch.equal(theta, together[i]), f"member {i} among {members}"


def test_outputs_of_a_population() -> None:
    settings = TrainingSettings(epochs=1, batch_size=32, precision="float64")
    trainer = trainer_of([Member(seed=k) for k in range(3)], settings)
    x = examples(settings).x
    starts = [PLAIN.initialize((N_IN,), k, torch.float64) for k in range(3)]
    got = population_outputs(PLAIN, trainer._active_members.parameters, x)
    torch.testing.assert_close(got, torch.stack([PLAIN.forward(start, x).clone() for start in starts]))


@pytest.mark.parametrize("weighted", [False, True])
def test_the_population_form_of_softmax_is_the_equation(weighted: bool) -> None:
    random = torch.Generator().manual_seed(1)
    z = torch.randn(4, 5, 6, generator=random, dtype=torch.float64) * torch.tensor([1, 10, 1e4, 0]).view(4, 1, 1)
    z[0, 0, :2] = 7.0  # a tie, as all of the last member are
    y = torch.randint(0, 6, (4, 5), generator=random)
    weights = torch.tensor([1.0, 1.0, 0.0, 1.0, 0.0], dtype=torch.float64).expand(4, 5) if weighted else None
    view = z.transpose(1, 2).contiguous().transpose(1, 2)
    loss, equation = population_loss(SOFTMAX), LOSSES[SOFTMAX]
    cost, error = loss.measure(view, y, weights)
    torch.testing.assert_close(cost, equation.cost(z, y, weights))
    assert torch.equal(error, equation.error(z, y))
    wanted = equation.backward(z, y, weights)
    torch.testing.assert_close(loss.backward(view, y, weights), wanted)
    torch.testing.assert_close(loss.backward(view, y, weights, out=torch.empty_like(view)), wanted)
    assert torch.equal(loss.measure(view[:1, 1:], y[:1, 1:])[1], equation.error(z[:1, 1:], y[:1, 1:]))


def test_a_batch_that_all_share_is_not_copied_for_the_members() -> None:
    settings = TrainingSettings(batch_size=M)
    train = examples(settings)
    rows = make_rows([ResolvedMember(PLAIN, replace(settings, seed=k)) for k in range(8)], M)
    (segment,) = plan_epoch(rows, CLASSES)[0]
    x_all, y_all, _ = SharedBatches(train).of(rows, segment)
    (x,) = x_all
    assert x.shape == (8, M, N_IN)
    assert x.data_ptr() == train.x.data_ptr()
    assert y_all.data_ptr() == train.y.data_ptr()


def live_bytes() -> int:
    gc.collect()
    storages = {}
    for thing in gc.get_objects():
        if type(thing) is torch.Tensor:
            storage = thing.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())


def test_memory_grows_with_the_parameters_not_with_the_data() -> None:
    m, n_in, batch_size = 4_000, 500, 10
    settings = TrainingSettings(epochs=2, batch_size=batch_size)
    train = Examples(torch.randn(m, n_in), torch.randint(0, CLASSES, (m,)))

    def grown(members: int) -> int:
        before = live_bytes()
        trainer = Population(PLAIN, [Member(seed=k) for k in range(members)]).trainer(SOFTMAX, train, None, settings)
        trainer.run_epoch()
        return live_bytes() - before

    few, many = grown(2), grown(18)
    per_member = (many - few) / 16
    parameters = 4 * PLAIN.layout((n_in,)).n
    batch = 4 * batch_size * (n_in + 4 * 8 + 4 * CLASSES)
    assert per_member < 9 * parameters + 2 * batch + 2 * 4 * m + 20_000  # and its order, 4 bytes an example
    assert per_member < train.x.nbytes / 20


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (Member(subset=[0, M]), f"members[1]: index {M} of the subset is out of range; there are {M} examples"),
        (Member(subset=[-1]), "members[1]: index -1 of the subset is out of range"),
        (Member(subset=[]), "members[1]: the subset is empty"),
        (Member(subset=[0.5]), "members[1]: a subset must be a list of indices"),
        (Member(subset=np.array([True, False])), "members[1]: a subset must be a list of indices"),
        (Member(optimizer=Momentum()), "members[1]: the optimizer's type must be the same"),
        (Member(keep_prob=0.5), "members[1]: keep_prob is given, but the network has no dropout layer"),
        (Member(learning_rate=-1.0), "members[1]: learning_rate must be greater than 0, got -1"),
        (Member(l2=-1.0), "members[1]: l2 must be at least 0"),
        (Member(gain=0.0), "members[1]: dense: gain must be greater than 0"),
        (Member(epochs=-2), "members[1]: epochs must be a whole number"),
    ],
    ids=lambda value: value[12:40] if isinstance(value, str) else "",
)
def test_errors_name_the_member(member: Member, message: str) -> None:
    settings = TrainingSettings(batch_size=32)
    with pytest.raises(UsageError) as caught:
        Population(PLAIN, [Member(), member]).trainer(SOFTMAX, examples(settings), None, settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_cannot_vary() -> None:
    settings = TrainingSettings(batch_size=32)
    train = examples(settings)

    def message(network: Network, **changes: object) -> str:
        singles = [ResolvedMember(PLAIN, settings), ResolvedMember(network, replace(settings, **changes))]  # type: ignore[arg-type]
        with pytest.raises(UsageError) as caught:
            PopulationTrainer(singles, SOFTMAX, train)
        return str(caught.value)

    assert message(Network([Dense(9, "relu"), Dense(CLASSES)])).startswith("members[1]: the architecture must be")
    assert "batch_size must be the same for all members, got 16 beside 32" in message(PLAIN, batch_size=16)
    assert "precision must be the same" in message(PLAIN, precision="float64")
    with pytest.raises(UsageError, match="at least one member"):
        Population(PLAIN, [])
    with pytest.raises(UsageError, match="at least one member"):
        PopulationTrainer([], SOFTMAX, train)
    with pytest.raises(UsageError, match="keep_prob has 3 values, but the network has 2 dropout layers"):
        Population(REGULARIZED, [Member(keep_prob=[0.5] * 3)]).trainer(SOFTMAX, train, None, settings)
    with pytest.raises(UsageError, match="beta2 is given, but momentum has none"):
        Population(PLAIN, [Member(beta2=0.9)]).trainer(SOFTMAX, train, None, TrainingSettings(optimizer=Momentum()))


def test_a_batch_of_one_cannot_be_normalized() -> None:
    settings = TrainingSettings(batch_size=32)
    with pytest.raises(ShapeError, match=r"members\[1\]: .*batch of one"):
        Population(REGULARIZED, [Member(), Member(subset=range(33))]).trainer(
            SOFTMAX, examples(settings), None, settings
        )
