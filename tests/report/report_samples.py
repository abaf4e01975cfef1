"""Invented runs with the shape of real ones: digits, houses and a table with two classes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from leadline.measure import break_down
from leadline.measure.intervals import Estimate, wilson
from leadline.measure.tasks import MULTICLASS, REGRESSION
from leadline.report import Confusion, Mistake, Report, Residuals
from leadline.report.contents import PictureSection, Strip
from leadline.report.figures.tiles import mosaic
from leadline.strategy.ladder import build_ladder
from leadline.toml_text import toml_text

TOML = """[data]
source = "digits"
task = "multiclass"
normalization = "standardize"

[network]
layers = [{type = "dense", units = 128, activation = "relu"}, {type = "dense", units = 10}]

[training]
epochs = 60
batch_size = 64
optimizer = {type = "adam", beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8}
learning_rate = 0.001
l2 = 0.0
"""

REMEDIES: list[dict[str, Any]] = [
    {
        "title": "Penalize large weights",
        "reason": "The dev error is 2.5 points above the training error, and weights are not penalized yet.",
        "moves": ["variance", "avoidable bias"],
        "side_effect": "Bias rises a little if λ is too large.",
        "change": {"training.l2": 0.1},
    },
    {
        "title": "Train on more data",
        "reason": "Variance shrinks as examples are added; a learning curve tells how fast.",
        "moves": ["variance"],
        "change": {"split.train": 0.8, "split.dev": 0.1, "split.test": 0.1},
    },
]


def rate(wrong: int, n: int) -> Estimate:
    """A fraction of wrong answers with its interval."""
    low, high = wilson(wrong, n)
    return Estimate(wrong / n, float(low), float(high), n)


def history(epochs: int, end: float, gap: float, scale: float = 1.0, decay: bool = False) -> list[dict[str, Any]]:
    """Curves that fall and level off, the dev curve rising again a little towards the end."""
    noise = np.random.default_rng(3)
    rows = []
    for epoch in range(1, epochs + 1):
        fall = np.exp(-epoch / (epochs / 6))
        rows.append(
            {
                "epoch": epoch,
                "cost": 2.3 * fall + 0.004 + 0.002 * noise.random(),
                "dev_cost": 2.25 * fall + 0.07 + 0.0008 * epoch + 0.004 * noise.random(),
                "train_error": scale * max(0.0, 0.6 * fall + end + 0.002 * noise.standard_normal()),
                "dev_error": scale * (0.58 * fall + end + gap + 0.002 * noise.standard_normal()),
                "learning_rate": 1e-3 * (0.96**epoch if decay else 1.0),
                "steps": 17 * epoch,
                "seconds": 0.03 * epoch,
            }
        )
    return rows


def drawn_digits() -> PictureSection:
    """A section of pictures: one wider than any phone, and one with a title that has no break."""
    images = load_digits(return_X_y=True)[0].reshape(-1, 8, 8)
    tiles = np.rint(images[:30] * 255 / 16).astype(np.uint8)
    strips = [
        Strip("Thirty digits", mosaic(tiles, 30), "Thirty digits in one row", "Shown: 30 of 1 797.", 6),
        Strip("layers[1].body[0].body[0].body[0].body[0].body[0]", mosaic(tiles[:4], 2), "Four digits", scale=2),
    ]
    return PictureSection("drawn", "How they are drawn", "Each in its own pixels.", strips)


def digits() -> Report:
    """Ten classes of drawn digits; the test set is closed."""
    images = load_digits(return_X_y=True)[0].reshape(-1, 8, 8)
    matrix = np.diag([35, 33, 36, 34, 37, 35, 36, 35, 30, 33])
    for true, predicted, n in ((8, 1, 3), (3, 8, 2), (9, 5, 1), (4, 7, 1), (5, 9, 1), (2, 3, 1)):
        matrix[true, predicted] = n
    mistakes = [
        Mistake(row, str(row % 10), str((row + 7) % 10), 0.99 - 0.03 * place, images[row] / 16)
        for place, row in enumerate((8, 33, 69, 123, 305, 456, 509, 770, 901, 1211, 1390, 1777))
    ]
    return Report(
        name="digits",
        created="2031-05-04 10:12",
        task=MULTICLASS,
        metric="error",
        conclusion="Variance holds the network back: the dev error is 2.5 points above the training error.",
        next_step="Penalize large weights: l2 = 0.1. It moves the variance and nothing else.",
        ladder=build_ladder({"train": rate(0, 1077), "dev": rate(9, 360)}, human=0.0, closed=["test"], metric="error"),
        parameters=9610,
        seconds=1.83,
        remedies=REMEDIES,
        history=history(60, 0.0, 0.025, decay=True),
        best_epoch=37,
        confusion=Confusion(matrix, [str(digit) for digit in range(10)]),
        mistakes=mistakes,
        experiment_toml=TOML,
        data={"name": "digits", "hash": "3f8a" * 16, "n": 1797, "split": {"train": 1077, "dev": 360, "test": 360}},
        environment={"leadline": "0.1.0", "torch": "2.13.0", "python": "3.11.2", "device": "cpu", "threads": 2},
        notices=["Pixels 0 and 32 never change on the training set: they are set to zero."],
    )


def houses() -> Report:
    """A regression in dollars with a full ladder."""
    rng = np.random.default_rng(1)
    true = np.clip(rng.lognormal(12.1, 0.55, 4128), 15_000, 500_001)
    predicted = true * rng.normal(1, 0.17, true.size) + rng.normal(4_000, 22_000, true.size)
    errors = {
        "train": Estimate(47_310.0, 46_480.0, 48_190.0, 12_384, unit="USD"),
        "train-dev": Estimate(49_240.0, 47_100.0, 51_380.0, 2_064, unit="USD"),
        "dev": Estimate(58_812.0, 56_470.0, 61_090.0, 4_128, unit="USD"),
    }
    mistakes = [
        Mistake(
            int(row), f"{true[row]:,.0f} USD", f"{predicted[row]:,.0f} USD", None, None,
            {"longitude": -118.31, "latitude": 34.05, "housing_median_age": 42, "median_income": 2.4,
             "ocean_proximity": "<1H OCEAN"},
        )
        for row in np.argsort(-np.abs(true - predicted))[:8]
    ]  # fmt: skip
    return Report(
        name="california_housing",
        created="2031-05-04 10:20",
        task=REGRESSION,
        metric="RMSE",
        unit="USD",
        conclusion="The training error is far above the human level: the network is too small or trained too briefly.",
        next_step="Make the network larger: three hidden layers of 128 units.",
        ladder=build_ladder(errors, closed=["test"], metric="RMSE", spread=115_000.0),
        parameters=4929,
        seconds=75.4,
        remedies=REMEDIES[:1],
        history=history(40, 0.45, 0.09, scale=100_000),
        best_epoch=40,
        residuals=Residuals(true, predicted),
        mistakes=mistakes,
        pictures=[drawn_digits()],
        experiment_toml=TOML.replace("multiclass", "regression"),
        data={"name": "california_housing.csv", "n": 20_640, "columns": ["longitude", "latitude", "median_income"]},
        environment={"leadline": "0.1.0", "torch": "2.13.0"},
        notices=["total_bedrooms: 207 missing values replaced by the median of the training set."],
    )


def many_classes(k: int) -> Report:
    """k classes with long names, and no mistakes drawn."""
    rng = np.random.default_rng(k)
    matrix = np.diag(rng.integers(40, 90, k)) + (rng.random((k, k)) < 0.12) * rng.integers(1, 9, (k, k))
    names = [
        f"{kind} {number}"
        for number, kind in zip(range(k), ("golden retriever", "tabby cat", "lorry") * k, strict=False)
    ]
    return replace(digits(), name=f"{k} kinds", confusion=Confusion(matrix, names), mistakes=())


def segmented(names: tuple[str, ...] = ("North", "South"), classes: tuple[str, ...] = ("died", "survived")) -> Report:
    """Two classes with metrics by class and by segment."""
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, 400)
    scores = np.clip(0.5 + 0.35 * (truth - 0.5) + 0.3 * rng.standard_normal(400), 0.01, 0.99)
    probabilities = np.stack([1 - scores, scores], axis=1)
    found = break_down(
        "binary", truth, probabilities.argmax(1), probabilities, classes, {names[0]: rng.choice(names, 400)}
    )
    return replace(two_classes(), breakdowns={"train": found, "dev": found})


def hostile(text: str) -> Report:
    """The same hostile text in every place that data can reach."""
    base = digits()
    gap = replace(base.ladder.gaps[0], name=text, verdict=text, reason=text, needed=None)
    ladder = replace(base.ladder, metric=text, gaps=(gap, *base.ladder.gaps[1:]))
    return replace(
        base,
        name=text,
        created=text,
        metric=text,
        conclusion=text,
        next_step=text,
        ladder=ladder,
        confusion=Confusion(np.array([[5, 1], [2, 7]]), [text, text + "2"]),
        notices=[text],
        experiment_toml=toml_text({"data": {"source": text}}),
        mistakes=[Mistake(text, text, text, 0.5, None, {text: text})],
        remedies=[{"title": text, "reason": text, "moves": [text], "change": {"training.l2": text}}],
        data={text: text},
        environment={text: [text]},
        breakdowns=segmented((text, text + "2"), (text, text + "2")).breakdowns,
        task="binary",
    )


def two_classes() -> Report:
    """A small table with two named classes."""
    matrix = np.array([[98, 12], [17, 52]])
    fields = {"Name": "Allison, Miss. Helen Loraine", "Age": 2, "Pclass": 1, "Sex": "female"}
    cards = [Mistake(row, "survived", "died", 0.97, None, fields) for row in (297, 498, 25)]
    return replace(
        digits(), name="titanic", task="binary", confusion=Confusion(matrix, ["died", "survived"]), mistakes=cards
    )


def renamed(report: Report, classes: list[str]) -> Report:
    """The report with other class names."""
    assert report.confusion is not None
    return replace(report, confusion=replace(report.confusion, classes=classes))


def bare() -> Report:
    """A report with the ladder and nothing else."""
    return replace(
        digits(), remedies=(), history=(), best_epoch=None, confusion=None, mistakes=(), experiment_toml="", data={},
        environment={}, notices=(),
    )  # fmt: skip
