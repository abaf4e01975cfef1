"""Examples that occur more than once: copies in training and dev set, and equal inputs with different targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leadline.measure.intervals import Estimate, proportion
from leadline.strategy.findings import MODERATE, STRONG, WEAK, Finding, Quantity
from leadline.strategy.probes.examined import Array, Examined
from leadline.strategy.probes.significance import independent_difference, mean_difference

BEYOND_CHANCE = 100.0
"""Equal rows must be this many times as frequent as independent columns would make them."""
MOST_COLUMNS = 64
LEAST_SHARE = 0.01
LEAST_COPIES = 10
MUCH_OF_ERROR = 0.5
"""A floor that is at least this share of the error is what the error is about."""


@dataclass(frozen=True, eq=False)
class Repeats:
    """Which examples of the training and dev set (m,), in this order, have the same inputs.

    ``group`` numbers different inputs; ``floor`` is the error that the best answer to each input still makes.
    """

    group: Array
    repeated: float
    floor: Estimate


def repeats(examined: Examined) -> Repeats:
    """Equal inputs among the training and dev examples, and the floor that different targets of theirs set."""
    rows = np.concatenate([examined.train.rows, examined.dev.rows])
    group = np.unique(examined.hashes[rows], return_inverse=True)[1].reshape(-1)
    counts = np.bincount(group)
    return Repeats(group, float((counts[group] > 1).mean()), _floor(examined, group, counts))


def copy_findings(examined: Examined, repeated: Repeats) -> list[Finding]:
    """Copies across sets that make the dev error too good, and contradicting targets that make up much of the error."""
    return [*_across(examined, repeated), *_contradictions(examined, repeated)]


def _across(examined: Examined, repeated: Repeats) -> list[Finding]:
    dev, m = examined.dev, len(examined.train)
    seen = np.isin(repeated.group[m:], repeated.group[:m])
    share = proportion(int(seen.sum()), len(dev))
    if seen.sum() < LEAST_COPIES or share.value < LEAST_SHARE or not _copied(examined, repeated.group) or seen.all():
        return []
    losses = examined.losses(dev.y, dev.outputs)
    gap, p = independent_difference(losses[seen], losses[~seen])
    without = examined.error(dev.y[~seen], dev.outputs[~seen])
    whole = examined.error(dev.y, dev.outputs)
    matters = without.value - whole.value > examined.matters
    strength = STRONG if p < 1e-3 and gap.value > 0 else MODERATE if matters or share.value >= 0.2 else WEAK
    statement = (
        f"{share.plain()} of the dev examples have a copy in the training set ({int(seen.sum())} of {len(dev)}). "
        f"Without them the dev {examined.metric} is {without.plain()} instead of {whole.plain()}"
        f"{_range(without)}: the dev set measures what was learnt by heart."
    )
    return [
        Finding(
            "duplicates-across-sets",
            statement,
            (
                Quantity("dev examples with a copy in the training set", share),
                Quantity(f"dev {examined.metric}", whole),
                Quantity(f"dev {examined.metric} without copies", without),
            ),
            strength,
            'Keep copies in one set: split.duplicates = "together", and train again.',
            change={"split.duplicates": "together"},
            settle="A split that keeps copies together.",
            p_value=p if strength == STRONG else None,
        )
    ]


def _contradictions(examined: Examined, repeated: Repeats) -> list[Finding]:
    floor, error = repeated.floor, examined.error(examined.dev.y, examined.dev.outputs)
    comparable = examined.by_share or examined.metric == "RMSE"
    if not comparable or floor.interval[0] <= examined.matters or floor.value < MUCH_OF_ERROR * error.value:
        return []
    whole = floor.value >= error.interval[0]
    statement = (
        f"Equal inputs have different targets: {100 * repeated.repeated:.0f} % of the examples share their inputs with "
        f"another, and the best answer to each input still makes an {examined.metric} of {floor.plain()}{_range(floor)}"
        f"; the network's dev {examined.metric} is {error.plain()}."
    )
    return [
        Finding(
            "contradicting-targets",
            statement,
            (Quantity("floor that equal inputs set", floor), Quantity(f"dev {examined.metric}", error)),
            STRONG if whole else MODERATE,
            "Add inputs that tell examples with equal inputs apart, or review their targets: no network of these "
            "inputs can be right about all of them.",
            settle="A second target for some of the repeated examples tells noise from wrong labels.",
        )
    ]


def _floor(examined: Examined, group: Array, counts: Array) -> Estimate:
    """What the best answer to each input gets wrong of these examples, with an interval over different inputs."""
    y = np.concatenate([examined.train.y, examined.dev.y])
    if examined.classifies:
        table = np.zeros((len(counts), max(2, len(examined.classes))))
        np.add.at(table, (group, y), 1)
        wrong = counts - table.max(1)
    else:
        values = np.nan_to_num(y.reshape(len(y), -1))
        means = np.stack([np.bincount(group, column) / counts for column in values.T], axis=1)
        wrong = np.bincount(group, (((values - means[group]) ** 2) / examined.scale).mean(1))
    each = np.repeat(wrong / counts, counts) if len(counts) < len(group) else np.zeros(len(group))
    owner = np.repeat(np.arange(len(counts)), counts)
    floor, _ = mean_difference(each, owner)
    low, high = max(0.0, floor.interval[0]), floor.interval[1]
    if examined.metric == "RMSE" and examined.task == "regression":
        size = float(np.sqrt(examined.scale.mean()))
        value, low, high = (size * max(0.0, each) ** 0.5 for each in (floor.value, low, high))
        return Estimate(value, low, high, len(y), unit="")
    return Estimate(floor.value, low, high, len(y))


def _copied(examined: Examined, group: Array) -> bool:
    """Whether equal inputs are copies and no coincidence: far more of them than columns on their own would bring about.

    If columns were independent, two rows would be equal in column j with the probability Σ p² of its values, and in all
    columns with the product of these.
    """
    counts = np.bincount(group)
    pairs = float((counts * (counts - 1) / 2).sum())
    columns = [column.values for column in examined.columns] or list(examined.train.x[:, :MOST_COLUMNS].T)
    by_chance = len(group) * (len(group) - 1) / 2
    for values in columns:
        shares = np.unique(values, return_counts=True)[1] / len(values)
        by_chance *= float((shares**2).sum())
    return pairs > BEYOND_CHANCE * max(by_chance, 1 / BEYOND_CHANCE)


def _range(error: Estimate) -> str:
    return f" ({error.range()})" if error.range() else ""
