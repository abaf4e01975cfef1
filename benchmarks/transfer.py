"""Transfer on CIFAR-10: pre-trained on eight classes, transferred to the two others with 50 images a class.

Against the same network trained from scratch on the same images, over five seeds: each draws its own 100 training
images, and all are measured on the 2 000 test images of the two classes. Intervals are Student's over the seeds; what
is compared is paired by seed. There is one source for all seeds, and no dev set: 100 images are all there is. The same
with 500 images a class, over three seeds, for how much to freeze depends on how much data there is.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import t

import leadline as ll
from leadline.network import Image, Layer

CLASSES = ("ship", "truck")  # the last two by name; the others are the source's
SOURCE_IMAGES, SOURCE_EPOCHS = 5_000, 12  # images of a class: all of them
LEVEL = 0.95


@dataclass(frozen=True)
class Size:
    """How many images of a class the new task has, and how it is trained on them."""

    images: int
    seeds: int
    epochs: int
    batch_size: int


SIZES = (Size(50, seeds=5, epochs=40, batch_size=20), Size(500, seeds=3, epochs=15, batch_size=64))


@dataclass(frozen=True)
class Task:
    """Images uint8 (n, 32, 32, 3) with labels 0, 1, …: to train on and to test on."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def layers(outputs: int) -> list[Layer]:
    """A small network: three convolutions with batch norm; 94 000 parameters."""
    convolutions: list[Layer] = []
    for filters in (32, 64, 128):
        convolutions += [ll.Convolution(filters, 3, padding="same"), ll.BatchNorm(activation="relu"), ll.MaxPool(2)]
    return [Image(32, 32, 3), *convolutions[:-1], ll.GlobalAveragePool(), ll.Dense(outputs)]


def tasks(folder: Path) -> tuple[Task, Task]:
    """The source's eight classes and the two others."""
    sets = [ll.read(folder / "cifar10" / f"{name}.parquet", target="label") for name in ("train", "test")]
    names = list(sets[0].classes)
    chosen = [names.index(name) for name in CLASSES]
    others = [k for k in range(len(names)) if k not in chosen]

    def of(classes: list[int]) -> Task:
        parts = []
        for data in sets:
            rows = np.flatnonzero(np.isin(data.target, classes))
            parts += [np.asarray(data.inputs)[rows], np.searchsorted(classes, data.target[rows])]
        return Task(*parts)

    return of(others), of(chosen)


def few(task: Task, per_class: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """So many training images of each class, drawn by the seed."""
    random = np.random.default_rng(seed)
    rows = [random.choice(np.flatnonzero(task.y == k), per_class, replace=False) for k in range(task.y.max() + 1)]
    chosen = np.sort(np.concatenate(rows))
    return task.x[chosen], task.y[chosen]


def pretrained(task: Task, runs: Path, per_class: int, epochs: int) -> ll.Run:
    """The source: eight classes."""
    data = ll.read(few(task, per_class, 0))
    split = {"dev": 0.05, "test": 0}
    return ll.train(ll.Network(layers(8)), data, epochs=epochs, batch_size=128, split=split, name="eight", runs=runs)


def test_error(run: ll.Run, task: Task) -> float:
    """The share of the test images that the run's network gets wrong."""
    answers = run.trained_network().predict(task.x_test)
    return float(np.mean([int(answer) for answer in answers] != task.y_test))


def measured(task: Task, source: ll.Run, ways: Sequence[int | str], size: Size, runs: Path) -> dict[str, list[float]]:
    """Test errors by way and seed: from scratch, and transferred with these layers frozen."""
    errors: dict[str, list[float]] = {"from scratch": []} | {f"freeze = {way}": [] for way in ways}
    for seed in range(size.seeds):
        data = ll.read(few(task, size.images, seed))
        settings = {"epochs": size.epochs, "batch_size": size.batch_size, "seed": seed, "runs": runs}
        settings |= {"split": {"dev": 0, "test": 0}, "learning_rate": 0.003, "schedule": "cosine"}
        trainings: dict[str, Callable[[], ll.Run]] = {
            "from scratch": lambda d=data, s=settings: ll.train(ll.Network(layers(1)), d, **s)
        }
        for way in ways:
            trainings[f"freeze = {way}"] = lambda d=data, s=settings, w=way: ll.transfer(source, d, freeze=w, **s)
        for name, training in trainings.items():
            errors[name].append(test_error(training(), task))
    return errors


def interval(values: Sequence[float] | np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """Mean and half the width of Student's interval for it."""
    found = np.asarray(values)
    half = t.ppf(0.5 + level / 2, len(found) - 1) * found.std(ddof=1) / np.sqrt(len(found))
    return float(found.mean()), float(half)


def table(errors: dict[str, list[float]], heading: str) -> list[str]:
    """Lines of a Markdown table: mean error, and the difference from training from scratch, paired by seed."""
    scratch = np.array(errors["from scratch"])
    lines = [f"| {heading} | test error, mean over seeds | against from scratch, paired |", "|---|---|---|"]
    for name, values in errors.items():
        mean, half = interval(values)
        difference = ""
        if name != "from scratch":
            gain, spread = interval(np.array(values) - scratch)
            difference = f"{100 * gain:+.1f} points ({100 * (gain - spread):+.1f} to {100 * (gain + spread):+.1f})"
        lines.append(f"| {name} | {100 * mean:.1f} % ± {100 * half:.1f} | {difference} |")
    return lines


def run(source_images: int = SOURCE_IMAGES, source_epochs: int = SOURCE_EPOCHS) -> list[str]:
    """Lines of Markdown tables."""
    folder = Path(os.environ.get("LEADLINE_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    source_task, task = tasks(folder)
    lines = []
    with tempfile.TemporaryDirectory() as temporary:
        runs = Path(temporary)
        source = pretrained(source_task, runs, source_images, source_epochs)
        dev = source.diagnosis.ladder.rung("dev")
        print(f"Source: {8 * source_images:,} images of eight classes, dev error {dev.error if dev else '?'}.\n")
        for size in SIZES:
            heading = f"{size.images} images of each of {' and '.join(CLASSES)}, {size.seeds} seeds"
            found = table(measured(task, source, ("all", 4, "none"), size, runs), heading)
            print("\n".join([*found, ""]), flush=True)
            lines += [*found, ""]
    return lines


if __name__ == "__main__":
    run()
