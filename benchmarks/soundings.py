"""Whether soundings are right, on four real data sets: `python -m benchmarks.soundings [--part PART] …`.

forecasts: networks trained on parts of half of the training set forecast the dev error on all of it; how often does the
stated 90 % interval hold the error of a network that is then trained on all?
ranking: from different starts, is the remedy that soundings rank first among the two best when every remedy is trained
in full with seeds of its own?
climb: the test error that `leadline climb` ends with, against the default experiment and against random search with the
same time; each final experiment trained anew with the same fresh seeds.

The seeds of splits begin at FIRST_SEED; those below were used to develop the method, and are not used here.
``--budget`` is the time of one sounding or climb in seconds; a case whose usual training takes long gets a multiple of
it for its climb.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leadline.data import Dataset
from leadline.experiment import Experiment
from leadline.measure import proportion
from leadline.runs.trained import TrainedNetwork
from leadline.search import PreparedExperiment, train_variants
from leadline.session.plan import read_data
from leadline.session.training import run_experiment
from leadline.soundings import sound
from leadline.soundings.candidates import MORE_DATA, TOGETHER
from leadline.soundings.climb import climb
from leadline.soundings.clock import Clock
from leadline.soundings.effects import Effect, effect
from leadline.soundings.learning_curve import learning_curve, levels_of
from leadline.soundings.scores import Score, Scorer
from leadline.soundings.training import BudgetedTrainer
from leadline.soundings.variants import nested_subsets, penalty_for

FIRST_SEED = 60_000
DATA = Path(os.environ.get("LEADLINE_DATA") or Path(__file__).resolve().parent.parent.parent / "shared" / "data")
CURVE_SEEDS, OUTCOME_SEEDS, TRUE_SEEDS = 4, 3, 6


def dense(*units: int) -> list[dict[str, Any]]:
    """ReLU layers and a linear output."""
    hidden = [{"type": "dense", "units": n, "activation": "relu"} for n in units[:-1]]
    return [*hidden, {"type": "dense", "units": units[-1]}]


@dataclass(frozen=True)
class Case:
    """A data set, and a quick experiment on it; its climb gets ``longer`` times the budget."""

    name: str
    data: Mapping[str, Any]
    layers: Sequence[Mapping[str, Any]]
    training: Mapping[str, Any]
    split: Mapping[str, Any]
    longer: float = 1.0

    def experiment(self, **changes: Any) -> Experiment:
        """The quick experiment."""
        tables = {"data": self.data, "network": {"layers": self.layers}, "training": self.training, "split": self.split}
        return Experiment.from_dict(tables).replace(changes)

    def default(self) -> Experiment:
        """Nothing given but the data."""
        return Experiment.from_dict({"data": self.data, "split": self.split})


def cases() -> list[Case]:
    """Digits, 3 000 of MNIST's images, California's districts, and wines."""
    tables, mnist = DATA / "tables", DATA / "mnist" / "train-images-idx3-ubyte.gz"
    common = {"learning_rate": 0.003, "schedule": "cosine"}
    return [
        Case("digits", {"source": "digits"}, dense(32, 10), common | {"epochs": 30, "batch_size": 32}, {}),
        Case(
            "MNIST, 3 000 images",
            {"source": str(mnist)},
            dense(32, 10),
            common | {"epochs": 10, "batch_size": 64},
            {"train": 3_000, "dev": 3_000, "test": 5_000},
        ),
        Case(
            "california housing",
            {"source": str(tables / "california_housing.csv"), "target": "median_house_value"},
            dense(32, 32, 1),
            common | {"epochs": 15, "batch_size": 128, "l2": 0.01},
            {},
            longer=4.0,
        ),
        Case(
            "wine quality",
            {"source": str(tables / "winequality-white.csv"), "target": "column_12", "task": "regression"},
            dense(32, 32, 1),
            common | {"epochs": 30, "batch_size": 32, "l2": 0.03},
            {},
        ),
    ]


# ----- forecasts


@dataclass(frozen=True)
class Forecasts:
    """How often the interval held single trainings on all of the data, and the mean of some."""

    case: str
    given: int
    withheld: int
    held: int
    held_means: int
    means: int
    width: float
    fall: float
    seconds: float


def forecasts(case: Case, repetitions: int, first_seed: int = FIRST_SEED) -> Forecasts:
    """Curves from half of the training set against what all of it gives, over splits, subsets and seeds."""
    data, started = read_data(case.experiment()), time.perf_counter()
    held, held_means, widths, falls, withheld = [], [], [], [], 0
    for repetition in range(repetitions):
        seed = first_seed + repetition
        bench = BudgetedTrainer(PreparedExperiment(case.experiment(**{"split.seed": seed}), data), Clock(3600))
        m = len(bench.plan.split.train)
        half = nested_subsets(bench.plan, [m // 2], seed)[0]
        sizes = [len(half) // k for k in (8, 4, 2, 1)]
        variants = []
        for k in range(CURVE_SEEDS):
            order = np.random.default_rng(seed + k).permutation(half)
            variants += [_on(bench, np.sort(order[:size]), m, 100 * repetition + k) for size in sizes]
        outcomes = [bench.variant({}, 100 * repetition + 50 + k) for k in range(OUTCOME_SEEDS)]
        trained = bench.train([*variants, *outcomes])
        curve = learning_curve(levels_of(trained[: len(variants)]), "", m=m // 2)
        now = float(np.mean([t.dev.error for t in trained if t.n == sizes[-1]]))
        if not curve.allows_forecast:
            withheld += 1
            continue
        forecast = curve.forecasts[0]
        errors = [t.dev.error for t in trained[len(variants) :]]
        step = 0.5 / len(bench.plan.split.dev) if data.is_classification else 0.0
        held += [forecast.low - step <= errors[0] <= forecast.high + step]
        held_means += [forecast.low - step <= np.mean(errors) <= forecast.high + step]
        widths.append((forecast.high - forecast.low) / np.mean(errors))
        falls.append(1 - np.mean(errors) / now)
    return Forecasts(
        case.name,
        len(held),
        withheld,
        sum(held),
        sum(held_means),
        len(held_means),
        float(np.median(widths)) if widths else float("nan"),
        float(np.median(falls)) if falls else float("nan"),
        time.perf_counter() - started,
    )


def _on(bench: BudgetedTrainer, subset: np.ndarray, m: int, seed: int) -> Any:
    return bench.variant(penalty_for(bench.plan.experiment, len(subset), m), seed, subset)


# ----- ranking

STARTS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("as it is", {}),
    ("a rate ten times too small", {"training.learning_rate": 0.0003}),
    ("a rate thirty times too large", {"training.learning_rate": 0.1}),
    ("too few epochs", {"epochs": 0.15}),
    ("a penalty far too strong", {"l2": 0.1}),
    ("four hidden units", {"units": 4}),
)
"""Where the experiment begins, so that different remedies are the best ones."""


def start(case: Case, name: str, seed: int) -> Experiment:
    """The quick experiment, spoilt in one way."""
    changes = dict(next(changes for label, changes in STARTS if label == name))
    experiment = case.experiment(**{"split.seed": seed})
    if "units" in changes:
        return experiment.replace({"network.layers": dense(changes["units"], case.layers[-1]["units"])})
    if "epochs" in changes:
        return experiment.replace({"training.epochs": max(2, round(changes["epochs"] * case.training["epochs"]))})
    if "l2" in changes:
        return experiment.replace({"training.l2": changes["l2"] * case.training["batch_size"]})
    return experiment.replace(changes)


@dataclass(frozen=True)
class Ranked:
    """The remedy that was ranked first, and its place when all are trained in full."""

    case: str
    start: str
    first: str
    place: int
    of: int
    best: str
    seconds: float


def ranking(case: Case, name: str, seed: int, budget: float, folder: Path) -> Ranked | None:
    """Sound one start, then train each remedy's option in full; None where no remedy was ranked."""
    started, data = time.perf_counter(), read_data(case.experiment())
    run = run_experiment(start(case, name, seed), data, runs=folder)
    found = sound(run, budget, data)
    spent = time.perf_counter() - started
    ranked = [s for s in found.soundings if s.change is not None and s.changes and s.key not in (MORE_DATA, TOGETHER)]
    if not ranked:
        return None
    bench = BudgetedTrainer(PreparedExperiment(run.experiment, data), Clock(3600))
    variants = [bench.variant(s.changes, 7_000 + k) for s in ranked for k in range(TRUE_SEEDS)]
    trained = bench.train(variants)
    groups = [trained[k * TRUE_SEEDS : (k + 1) * TRUE_SEEDS] for k in range(len(ranked))]
    errors = [float(np.mean([t.dev.error for t in group])) for group in groups]
    place = 1 + sum(error < errors[0] for error in errors)
    best = ranked[int(np.argmin(errors))]
    return Ranked(case.name, name, ranked[0].name, place, len(ranked), best.name, spent)


# ----- climb


@dataclass(frozen=True)
class Climbed:
    """Test errors of three ways to spend a budget, each the mean over seeds, and the differences with intervals."""

    case: str
    seconds: float
    is_rate: bool
    default: float
    random: float
    climb: float
    against_default: Effect
    against_random: Effect
    trials: int
    steps: int


def climbed(case: Case, seed: int, budget: float, folder: Path) -> Climbed:
    """Climb, search at random for the same time, and train the results anew."""
    experiment = case.default().replace({"split.seed": seed})
    data = read_data(experiment)
    story = climb(experiment, budget, data, runs=folder / "climb")
    from leadline.runs.run import load_run

    reached = load_run(story.best, folder / "climb").experiment
    best, trials = random_search(experiment, data, story.spent, seed)
    groups = [test_scores(each, data) for each in (experiment, best, reached)]
    means = [float(np.mean([score.error for score in group])) for group in groups]
    return Climbed(
        case.name,
        story.spent,
        data.is_classification,
        means[0],
        means[1],
        means[2],
        effect(groups[0], groups[2]),
        effect(groups[1], groups[2]),
        trials,
        len(story.steps),
    )


def random_search(experiment: Experiment, data: Dataset, seconds: float, seed: int) -> tuple[Experiment, int]:
    """Draws from the usual space, trained as populations until the time is over; the best by its dev error."""
    bench, clock, random = PreparedExperiment(experiment, data), Clock(seconds), np.random.default_rng(seed)
    best, least, trials = experiment, np.inf, 0
    while not clock.over:
        drawn = [bench.variant(_drawn(random, bench.plan.experiment)) for _ in range(4)]
        for outcome in train_variants(drawn, lambda records: tuple(records) if clock.over else ()):
            error = outcome.dev_error
            if outcome.stopped == "pruned" or error is None:
                continue
            trials += 1
            if error < least:
                best, least = outcome.variant.experiment, error
    return best, trials


def _drawn(random: np.random.Generator, experiment: Experiment) -> dict[str, Any]:
    """The tiers of the theory: learning rate; then β, batch size and units; then layers and decay."""
    return {
        "training.learning_rate": float(10 ** random.uniform(-4, -1)),
        "training.optimizer.beta1": float(1 - 10 ** random.uniform(-3, -0.3)),
        "training.batch_size": int(random.choice([32, 64, 128, 256])),
        "network.units": int(random.choice([16, 32, 64, 128, 256])),
        "network.hidden_layers": int(random.choice([1, 2, 3])),
        "training.l2": float(10 ** random.uniform(-4, 0.5)),
        "training.epochs": min(experiment.training.epochs or 100, 100),
        "training.schedule": {"type": "cosine"},
    }


def test_scores(experiment: Experiment, data: Dataset, seeds: int = 4) -> list[Score]:
    """Errors on the test set of networks trained with fresh seeds."""
    bench = PreparedExperiment(experiment, data)
    plan = bench.plan
    scorer = Scorer(plan, plan.split.test)
    variants = [bench.variant({"training.seed": 9_000 + k}) for k in range(seeds)]
    found = []
    for outcome in train_variants(variants, keep_fits=True):
        assert outcome.fit is not None
        prepared = outcome.variant.prepared.plan
        fit = outcome.fit
        trained = TrainedNetwork(
            fit.network, fit.parameters, prepared.preparation, outcome.variant.loss, plan.data.task
        )
        found.append(scorer.score(trained.outputs(prepared.inputs("test"))))
    return found


# ----- tables


def run(
    parts: Iterable[str] = ("forecasts", "ranking", "climb"),
    chosen: Sequence[Case] | None = None,
    repetitions: int | None = None,
    budget: float = 30.0,
) -> None:
    """Print the tables."""
    chosen = cases() if chosen is None else chosen
    for part in parts:
        print(f"### {part}\n", flush=True)
        {"forecasts": _forecasts, "ranking": _ranking, "climb": _climb}[part](chosen, repetitions, budget)
        print(flush=True)


def _forecasts(chosen: Sequence[Case], repetitions: int | None, budget: float) -> None:
    print("| data | repetitions | held (90 % stated) | means of three held | withheld | width, of the error | fall |")
    print("|---|---|---|---|---|---|---|")
    for case in chosen:
        f = forecasts(case, repetitions or 50)
        held = proportion(f.held, f.given) if f.given else "–"
        print(
            f"| {case.name} | {f.given + f.withheld} | {held} | {f.held_means} of {f.means} | {f.withheld} | "
            f"{100 * f.width:.1f} % | {100 * f.fall:.1f} % |",
            flush=True,
        )


def _ranking(chosen: Sequence[Case], repetitions: int | None, budget: float) -> None:
    print("| data | start | ranked first | its place when all are trained in full | the best then |")
    print("|---|---|---|---|---|")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for case in chosen:
            for k in range(repetitions or 1):
                for name, _ in STARTS:
                    ranked = ranking(case, name, FIRST_SEED + k, budget, Path(folder))
                    if ranked is None:
                        continue
                    found.append(ranked)
                    print(
                        f"| {ranked.case} | {ranked.start} | {ranked.first} | {ranked.place} of {ranked.of} | "
                        f"{ranked.best} |",
                        flush=True,
                    )
    good = sum(ranked.place <= 2 for ranked in found)
    print(f"\nAmong the two best: {proportion(good, len(found))}", flush=True)


def _climb(chosen: Sequence[Case], repetitions: int | None, budget: float) -> None:
    print("| data, seconds | default | random search (trials) | climb (runs) | − default | − random search |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for case in chosen:
            for k in range(repetitions or 1):
                c = climbed(case, FIRST_SEED + k, case.longer * budget, Path(folder) / f"{case.name}-{k}")
                means = (c.default, c.random, c.climb)
                shown = [f"{100 * mean:.2f} %" if c.is_rate else f"{mean:.4g}" for mean in means]
                differences = [e.measured("points" if c.is_rate else "") for e in (c.against_default, c.against_random)]
                print(
                    f"| {c.case}, {c.seconds:.0f} | {shown[0]} | {shown[1]} ({c.trials}) | {shown[2]} ({c.steps}) | "
                    + " | ".join(f"{d.plain()} ({d.range()})" for d in differences)
                    + " |",
                    flush=True,
                )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", action="append", choices=("forecasts", "ranking", "climb"))
    parser.add_argument("--case", action="append", choices=[case.name for case in cases()])
    parser.add_argument("--repetitions", type=int)
    parser.add_argument("--budget", type=float, default=30.0)
    given = parser.parse_args()
    chosen = [case for case in cases() if not given.case or case.name in given.case]
    run(given.part or ("forecasts", "ranking", "climb"), chosen, given.repetitions, given.budget)
