"""Columns that give the target away: by their values, by what is missing in them, or by following the rows' order."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from leadline.data import Column
from leadline.measure.intervals import Estimate
from leadline.strategy.findings import MODERATE, STRONG, WEAK, Finding, Quantity
from leadline.strategy.probes.budget import Budget
from leadline.strategy.probes.examined import Array, Examined
from leadline.strategy.probes.references import boosting
from leadline.strategy.probes.significance import mean_difference

NEAR = {"classes": 0.1, "values": 0.02}
"""A column alone must leave at most this share of the constant prediction's loss, variance for values."""
DETERMINISTIC = {"classes": 0.03, "values": 0.005}
NEAR_BY_MISSING = 0.15
WORSE, MUCH_LEFT = 3.0, 0.2
"""Without it the loss must be this many times as large, and this share of the constant prediction's."""
LEAST_RIVALS = 2
MUCH_LEFT_ALONE, MUCH_LEFT_TOGETHER = 0.5, 0.3
"""Of the constant prediction's loss: what any other column must leave alone, and all others together."""
MOST_COLUMNS = 200
FOLLOWS = 0.999
MOST_LEVELS = 64


@dataclass(frozen=True, eq=False)
class Alone:
    """What one column alone gets wrong on dev examples (p,): by its values, and by whether it is missing."""

    column: Column
    losses: Array
    missing: Array | None


def leak_findings(examined: Examined, budget: Budget) -> list[Finding]:
    """The column, or columns, that give the target away; empty where none is suspicious, or inputs are no table."""
    columns = [each for each in examined.columns if each.kind != "image"][:MOST_COLUMNS]
    if len(columns) < 2 or boosting(examined) is None:
        return []
    dev = examined.dev
    constant = examined.losses(dev.y, examined.constant(examined.train.y, len(dev)))
    level = float(constant.mean())
    if level <= 0:
        return []
    alone = []
    for column in columns:
        if budget.left <= 0:
            break
        alone.append(_alone(examined, column))
    missing = _by_missing(examined, columns, alone, level)
    return missing or _by_value(examined, columns, alone, level)


def _by_value(examined: Examined, columns: list[Column], alone: list[Alone], level: float) -> list[Finding]:
    kind = "classes" if examined.classifies else "values"
    alone = sorted(alone, key=lambda each: each.losses.mean())
    first = [each for each in alone[:1] if each.losses.mean() <= NEAR[kind] * level]
    several = [each for each in alone if each.losses.mean() <= DETERMINISTIC[kind] * level]
    for chosen in (first, several):
        if not chosen or len(chosen) == len(columns):
            continue
        names = {each.column.name for each in chosen}
        others = _rest(examined, [column for column in columns if column.name not in names])
        if not _falls(chosen[0].losses, others, level):
            continue
        rivals = [each for each in alone if each.column.name not in names]
        strength = _strength(chosen[0], rivals, others, level, DETERMINISTIC[kind])
        if strength == WEAK:
            continue
        found = _finding(examined, [each.column for each in chosen], chosen[0].losses, others, level, "target-leak")
        ordered = all(_follows_order(each.column) for each in chosen)
        return [_of_order(found, names) if ordered else replace(found, strength=strength)]
    return []


def _strength(first: Alone, rivals: list[Alone], others: Array, level: float, exact: float) -> str:
    """How surely a column is a leak and no honest one that happens to decide the target.

    It must be (nearly) exact beside columns of which none comes near, and which say little even together. Where classes
    lie far apart, several columns tell them, each in part.
    """
    nearest = min((float(each.losses.mean()) for each in rivals), default=0.0)
    if len(rivals) < LEAST_RIVALS or nearest < MUCH_LEFT_ALONE * level:
        return WEAK
    alone_in_it = others.mean() >= MUCH_LEFT_TOGETHER * level
    return STRONG if first.losses.mean() <= exact * level and alone_in_it else MODERATE


def _by_missing(examined: Examined, columns: list[Column], alone: list[Alone], level: float) -> list[Finding]:
    known = [(each.column, each.missing, each.losses) for each in alone if each.missing is not None]
    chosen = [
        (column, missing)
        for column, missing, losses in known
        if missing.mean() <= min(NEAR_BY_MISSING * level, losses.mean() + 0.05 * level)
    ]
    if not chosen:
        return []
    _, own = min(chosen, key=lambda each: each[1].mean())
    names = {column.name for column, _ in chosen}
    kept = [column for column in columns if column.name not in names]
    others = _rest(examined, kept) if kept else None
    if others is None or not _falls(own, others, level):
        return []
    return [_finding(examined, [column for column, _ in chosen], own, others, level, "missingness-leak")]


def _falls(own: Array, others: Array, level: float) -> bool:
    """Whether all other columns together are far worse than the column alone."""
    gap, p = mean_difference(others - own)
    return p < 1e-4 and others.mean() >= WORSE * own.mean() and gap.value >= MUCH_LEFT * level


def _finding(examined: Examined, columns: list[Column], own: Array, others: Array, level: float, code: str) -> Finding:
    names = [column.name for column in columns]
    told = " and ".join(f"'{name}'" for name in names[:3]) + (" and others" if len(names) > 3 else "")
    what = "Whether a value is missing in" if code == "missingness-leak" else "The column"
    what = "Columns" if code == "target-leak" and len(names) > 1 else what
    unit = "%" if examined.classifies else ""
    alone, rest, constant = (_level(values, unit) for values in (own, others, level * np.ones(len(own))))
    measure = "error" if examined.classifies else "share of the variance"
    statement = (
        f"{what} {told} {'give' if what == 'Columns' else 'gives'} the target away: alone {measure} {alone.plain()} on "
        f"dev examples; all other columns together {rest.plain()}; the constant prediction {constant.plain()}."
    )
    exclude = [*examined.settings.get("data.exclude", ()), *names]
    return Finding(
        code,
        statement,
        (Quantity("error of the column alone", alone), Quantity("error of all others together", rest)),
        STRONG,
        f"Remove the column {told} (data.exclude) and train again, unless it is known before the target is.",
        change={"data.exclude": exclude},
        settle="When, and from what, the column is filled in: is it known at the time of the prediction?",
        p_value=mean_difference(others - own)[1],
    )


def _of_order(found: Finding, names: set[str]) -> Finding:
    """The same finding where the column only counts the rows of a file that is sorted by its target."""
    told = " and ".join(f"'{name}'" for name in sorted(names))
    statement = f"The rows are sorted by the target, and the column {told} follows their order. {found.statement}"
    return replace(found, code="order-leak", statement=statement)


def _level(losses: Array, unit: str) -> Estimate:
    found, _ = mean_difference(losses)
    return Estimate(found.value, max(0.0, found.interval[0]), found.interval[1], len(losses), unit=unit)


def _alone(examined: Examined, column: Column) -> Alone:
    """What the column alone predicts of dev examples, learnt from the training set by a small tree."""
    train, dev = examined.train, examined.dev
    values = ordered_numbers(examined, column)
    learnt, asked = values[train.rows, None], values[dev.rows, None]
    lost = np.isnan(learnt)
    missing = None
    if 0.01 <= lost.mean() <= 0.99:
        missing = examined.losses(dev.y, _tree(examined, lost.astype(float), np.isnan(asked).astype(float)))
    return Alone(column, examined.losses(dev.y, _tree(examined, learnt, asked)), missing)


def ordered_numbers(examined: Examined, column: Column) -> Array:
    """A column as numbers (n,) that a tree can cut: levels of a category by the training targets that go with them."""
    if column.kind == "date":
        return np.where(np.isnat(column.values), np.nan, column.values.astype("datetime64[s]").astype(np.int64))
    if column.kind != "category":
        return column.values.astype(float)
    codes = column.values
    if len(column.levels) <= MOST_LEVELS:
        return np.where(codes < 0, np.nan, codes)
    train = examined.train
    targets = train.y.astype(float).reshape(len(train), -1)[:, 0]
    sums = np.bincount(codes[train.rows] + 1, targets, minlength=len(column.levels) + 1)
    counts = np.bincount(codes[train.rows] + 1, minlength=len(column.levels) + 1)
    means = (sums + targets.mean()) / (counts + 1)
    return np.where(codes < 0, np.nan, means[codes + 1])


def _tree(examined: Examined, x: Array, others: Array) -> Array:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    y, leaf = examined.train.y, max(2, len(x) // 200)
    if not examined.classifies:
        made = DecisionTreeRegressor(max_leaf_nodes=256, min_samples_leaf=leaf, random_state=0).fit(x, np.nan_to_num(y))
        return made.predict(others).reshape(len(others), -1)
    made = DecisionTreeClassifier(max_leaf_nodes=64, min_samples_leaf=leaf, random_state=0).fit(x, y)
    outputs = np.zeros((len(others), max(2, len(examined.classes))))
    outputs[:, made.classes_] = made.predict_proba(others)
    return outputs


def _rest(examined: Examined, columns: list[Column]) -> Array:
    """Dev losses of gradient boosting on these columns alone."""
    train, dev, model = examined.train, examined.dev, boosting(examined)
    assert model is not None  # asked for before
    x = np.stack([ordered_numbers(examined, column) for column in columns], axis=1)
    return examined.losses(dev.y, model(x[train.rows], train.y, x[dev.rows]))


def _follows_order(column: Column) -> bool:
    values = column.values
    if column.kind not in ("number", "date"):
        return False
    numbers = values.astype("datetime64[s]").astype(np.int64) if column.kind == "date" else values
    known = numbers[~np.isnan(numbers.astype(float))].astype(float)
    if len(np.unique(known)) < 0.5 * len(known):
        return False
    ranks = np.argsort(np.argsort(known, kind="stable"))
    return abs(float(np.corrcoef(ranks, np.arange(len(known)))[0, 1])) >= FOLLOWS
