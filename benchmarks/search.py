"""A search by Leadline against Optuna that drives a plain PyTorch loop, and coarse-to-fine against random search.

Speed: the same trials (learning rate and λ drawn by the same sampler), the same network, batches and epochs, dev error
after every epoch on both sides, no pruning. The PyTorch side is the loop of PyTorch's tutorials with fused Adam and all
tensors in memory, inside `Study.optimize` with Optuna's storage in memory. Leadline's side is all that a search does
between asking for the first trial and the record of the last. Times are taken in turns; a ratio of trials per minute.

Trials needed: on three real tables, 20 searches each with seeds of their own. The mark is the dev error that random
search has reached after 64 trials in the median of the seeds; counted is how many trials each way needs to reach it.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import optuna
import torch
from torch import nn

from benchmarks.compare import compare
from leadline.data import read
from leadline.experiment import Experiment
from leadline.search import PreparedExperiment, SearchSettings, Space, log, one_minus_log
from leadline.search.records import TrialRecord
from leadline.search.samplers import strategy
from leadline.search.storage import open_storage, open_study
from leadline.search.worker import Worker, records_of
from leadline.training.threads import limited_threads

BATCH, EPOCHS, TRAIN, DEV = 64, 10, 3_200, 800
SPEED = (  # layer sizes, trials, rounds, the ratio that is asked for
    ((13, 32, 32, 2), 64, 5, 20.0),
    ((64, 32, 10), 64, 5, 8.0),
    ((784, 128, 10), 32, 3, 1.5),
)
SPACE = Space((log("training.learning_rate", 1e-4, 1e-1), log("training.l2", 1e-3, 10.0)))
TABLES = (  # file, target, what to change, epochs
    ("pima-indians-diabetes.csv", "column_9", {}),
    ("winequality-white.csv", "column_12", {"data.task": "regression"}),
    ("titanic.csv", "Survived", {}),
)
MARK, MOST, SEEDS = 64, 128, 20
WIDE = Space(
    (
        log("training.learning_rate", 1e-5, 1.0),
        one_minus_log("training.optimizer.beta1", 0.5, 0.999),
        log("training.l2", 1e-3, 1e3),
    )
)


def searched(bench: PreparedExperiment, space: Space, settings: SearchSettings) -> list[TrialRecord]:
    """The trials of one search, in memory and without what comes after them."""
    chosen = strategy(settings.sampler, space, settings.trials, settings.seed)
    storage = open_storage(None)
    study = open_study(storage, "benchmark", chosen.sampler)
    Worker(bench, space, study, storage, chosen, settings).run()
    return records_of(study, space)


def examples(sizes: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Normal inputs and labels that depend on them."""
    random = np.random.default_rng(1)
    x = random.normal(size=(TRAIN + DEV, sizes[0])).astype(np.float32)
    return x, (x[:, : sizes[-1]] + random.normal(size=(TRAIN + DEV, sizes[-1]))).argmax(1)


def bench_of(sizes: Sequence[int]) -> PreparedExperiment:
    """The experiment with these layers."""
    hidden = [{"type": "dense", "units": units, "activation": "relu"} for units in sizes[1:-1]]
    values = {
        "split": {"train": TRAIN, "dev": DEV, "test": 0},
        "network": {"layers": [*hidden, {"type": "dense", "units": sizes[-1]}]},
        "training": {"epochs": EPOCHS, "batch_size": BATCH, "schedule": "constant", "early_stopping": False},
    }
    return PreparedExperiment(Experiment.from_dict(values), read(*examples(sizes)))


def leadline_search(bench: PreparedExperiment, trials: int) -> Callable[[], object]:
    """A random search of Leadline's."""
    settings = SearchSettings(trials=trials, pruning=False)
    return lambda: searched(bench, SPACE, settings)


def optuna_search(bench: PreparedExperiment, sizes: Sequence[int], trials: int) -> Callable[[], object]:
    """The same trials by Optuna and PyTorch."""
    variant = bench.variant()
    train, dev = variant.prepared.train, variant.prepared.dev
    assert dev is not None

    def objective(trial: optuna.Trial) -> float:
        rate = trial.suggest_float("training.learning_rate", 1e-4, 1e-1, log=True)
        decay = trial.suggest_float("training.l2", 1e-3, 10.0, log=True) / BATCH
        torch.manual_seed(0)
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(sizes):
            layers += [nn.Linear(n_in, n_out), nn.ReLU()]
        model = nn.Sequential(*layers[:-1])
        optimizer = torch.optim.Adam(model.parameters(), lr=rate, weight_decay=decay, fused=True)
        criterion = nn.CrossEntropyLoss()
        error = 1.0
        for _ in range(EPOCHS):
            order = torch.randperm(len(train))
            for start in range(0, len(train), BATCH):
                index = order[start : start + BATCH]
                optimizer.zero_grad()
                criterion(model(train.x[index]), train.y[index]).backward()
                optimizer.step()
            with torch.no_grad():
                error = float((model(dev.x).argmax(1) != dev.y).float().mean())
        return error

    def search() -> None:
        sampler = strategy("random", SPACE, trials, 0).sampler
        optuna.create_study(sampler=sampler).optimize(objective, n_trials=trials)

    return search


def speed() -> list[str]:
    """Trials per minute, in turns."""
    lines = [
        "| network (batch), trials, asked | way | ms per trial | trials per minute over the last way's (quartiles) |",
        "|---|---|---|---|",
    ]
    for sizes, trials, rounds, asked in SPEED:
        bench = bench_of(sizes)
        ways = {
            "Leadline": leadline_search(bench, trials),
            "Optuna and PyTorch": optuna_search(bench, sizes, trials),
        }
        name = f"{'-'.join(map(str, sizes))} ({BATCH}), {trials}, {asked}×"
        comparison = compare(name, ways, rounds, warm_up=1)
        for way, seconds in comparison.seconds.items():
            median, low, high = comparison.ratios[way]
            lines.append(f"| {name} | {way} | {1e3 * seconds / trials:.2f} | {median:.2f} ({low:.2f} to {high:.2f}) |")
        print("\n".join(lines[-2:]), flush=True)
    return lines


def table_bench(file: str, target: str, changes: Mapping[str, str]) -> PreparedExperiment:
    """A real table with a network of two small layers."""
    folder = Path(os.environ.get("LEADLINE_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    values = {
        "data": {"source": str(folder / "tables" / file), "target": target},
        "split": {"dev": 0.3, "test": 0.1},
        "network": {"layers": [{"type": "dense", "units": 16, "activation": "relu"}, {"type": "dense", "units": 1}]},
        "training": {"epochs": 12, "batch_size": 64, "schedule": "constant", "early_stopping": False},
    }
    return PreparedExperiment(Experiment.from_dict(values).replace(changes))


def needed(errors: Sequence[float], mark: float) -> int:
    """How many trials it took to come down to the mark; one more than there were if they did not."""
    return next((i + 1 for i, error in enumerate(errors) if error <= mark), len(errors) + 1)


def errors_of(bench: PreparedExperiment, sampler: str, trials: int, seed: int) -> list[float]:
    """The dev errors of a search in the order of the trials; a diverged one counts as infinite."""
    found = searched(bench, WIDE, SearchSettings(trials=trials, sampler=sampler, seed=seed, pruning=False))
    return [float("inf") if trial.dev_error is None else trial.dev_error for trial in found]


def trials_needed() -> list[str]:
    """Coarse-to-fine against random search, by trials."""
    lines = [
        f"| table | mark: random search after {MARK} | trials of random | trials of coarse-to-fine | share |",
        "|---|---|---|---|---|",
    ]
    for file, target, changes in TABLES:
        bench = table_bench(file, target, changes)
        random = [errors_of(bench, "random", MOST, seed) for seed in range(SEEDS)]
        zooming = [errors_of(bench, "coarse-to-fine", MARK, seed) for seed in range(SEEDS)]
        mark = statistics.median(min(errors[:MARK]) for errors in random)
        counts = [statistics.median(needed(errors, mark) for errors in way) for way in (random, zooming)]
        share = counts[1] / counts[0]
        lines.append(f"| {file} | {mark:.4g} | {counts[0]:g} | {counts[1]:g} | {share:.2f} (asked: at most 0.6) |")
        print(lines[-1], flush=True)
    return lines


def run() -> list[str]:
    """Lines of the Markdown tables."""
    with limited_threads(torch.get_num_threads()):
        return [*speed(), "", *trials_needed()]


if __name__ == "__main__":
    run()
