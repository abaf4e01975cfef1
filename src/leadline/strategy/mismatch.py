"""How different two sets are, and in which features (course 3, addressing data mismatch).

A classifier two-sample test (Lopez-Paz and Oquab, 2017): a classifier learns on one half of both sets which set an
example is from, and is judged on the other half. If the sets have one distribution it can only guess, so its area
under the ROC curve is 0.5 but for chance. The permutation p-value says how often shuffled set labels reach an area as
large; since the judged half was never learnt from, the test is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import erfc, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from leadline.errors import LeadlineError
from leadline.measure.groups import group_codes

MOST_EXAMPLES = 10_000
"""Examples of each set that are looked at; more would hardly change the answer."""

LEAST_EXAMPLES = 20
PERMUTATIONS = 999
LEAST_KNOWN, NORMAL_FROM = 2, 10
"""Known values of a side below which only what is missing is told, and groups from which sums are about normal."""
TRIES = 20
CLEAR = 0.01
"""A p-value below which sets, or features by Bonferroni's correction, are said to differ."""

Columns = Mapping[str, np.ndarray]
"""Columns by name: numbers float (n,) with NaN for missing, or text (n,)."""


@dataclass(frozen=True)
class FeatureDifference:
    """How far one feature alone tells the sets apart: the area under its ROC curve, 0.5 to 1, and in words how."""

    name: str
    auc: float
    p: float
    words: str


@dataclass(frozen=True)
class Mismatch:
    """Two sets compared: the area under the ROC curve, its p-value, and features by how well they tell the sets apart.

    ``names`` and ``sizes`` are those of the two sets.
    """

    names: tuple[str, str]
    sizes: tuple[int, int]
    auc: float
    p: float
    features: tuple[FeatureDifference, ...]

    @property
    def differ(self) -> bool:
        """Whether the sets differ more than chance explains."""
        return self.p < CLEAR or bool(self.clear_features)

    @property
    def clear_features(self) -> tuple[FeatureDifference, ...]:
        """The features that differ beyond chance, corrected for how many were looked at."""
        return tuple(feature for feature in self.features if feature.p * len(self.features) < CLEAR)

    @property
    def conclusion(self) -> str:
        """The answer in a sentence or two."""
        first, second = self.names
        measured = f"area under the ROC curve {self.auc:.3f}, p = {self.p:.3g}"
        if not self.differ:
            return f"No difference between {first} and {second} was found ({measured})."
        degree = "slightly" if self.auc < 0.6 else "clearly" if self.auc < 0.8 else "strongly"
        top = self.clear_features[:3]
        words = "; ".join(f"{feature.name}: {feature.words}" for feature in top)
        return f"{first} and {second} differ {degree} ({measured}). " + (
            f"Most telling: {words}." if top else "No single feature tells them apart; their combination does."
        )

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dictionary."""
        return asdict(self) | {"differ": self.differ, "conclusion": self.conclusion}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Mismatch:
        """What `to_json` described."""
        features = tuple(FeatureDifference(**feature) for feature in value["features"])
        (first, second), sizes = value["names"], value["sizes"]
        return cls((first, second), (sizes[0], sizes[1]), value["auc"], value["p"], features)

    def __str__(self) -> str:
        clear = {feature.name for feature in self.clear_features}
        width = max((len(feature.name) for feature in self.features), default=0)
        lines = [
            f"  {feature.name:<{width}}  {feature.auc:.3f}{' *' if feature.name in clear else '  '}  {feature.words}"
            for feature in self.features[:12]
        ]
        head = f"  {'feature':<{width}}  area   (* beyond chance)"
        return "\n".join([self.conclusion, "", head, *lines])


def compare_sets(
    first: Columns,
    second: Columns,
    names: tuple[str, str] = ("the first set", "the second set"),
    seed: int = 0,
    groups: tuple[ArrayLike | None, ArrayLike | None] = (None, None),
) -> Mismatch:
    """Compare two sets with the same columns.

    ``groups`` of each set, (n,), say which of its examples go together, such as copies: they are learnt from, judged
    and exchanged together. Raises LeadlineError for sets with other columns, or with fewer than 20 examples, or 20
    groups of them.
    """
    for name in first:
        if name not in second:
            raise LeadlineError(f"{names[1]} lacks the column '{name}' that {names[0]} has; compare what both have.")
    sizes = _size(first), _size(second)
    for name, size in zip(names, sizes, strict=True):
        if size < LEAST_EXAMPLES:
            raise LeadlineError(f"{name} has {size} examples; at least {LEAST_EXAMPLES} are needed to compare.")
    random = np.random.default_rng(seed)
    rows = [random.permutation(size)[:MOST_EXAMPLES] for size in sizes]
    columns = {
        name: np.concatenate(
            [np.asarray(columns[name])[chosen] for columns, chosen in zip((first, second), rows, strict=True)]
        )
        for name in first
    }
    is_second = np.repeat([False, True], [len(chosen) for chosen in rows])
    codes = _codes(groups, sizes, rows)
    for name, own in zip(names, (codes[~is_second], codes[is_second]), strict=True):
        count = len(np.unique(own))
        if count < LEAST_EXAMPLES:
            raise LeadlineError(f"{name} has {count} independent groups of examples; {LEAST_EXAMPLES} are needed.")
    auc, p = _two_sample_test(_numeric(columns), is_second, codes, random)
    features = [_difference(name, values, is_second, codes) for name, values in columns.items()]
    ranked = sorted(features, key=lambda feature: (-feature.auc, feature.p))
    return Mismatch(names, sizes, auc, p, tuple(ranked))


def _size(columns: Columns) -> int:
    return len(next(iter(columns.values()))) if columns else 0


def _numeric(columns: Columns) -> np.ndarray:
    """All columns as numbers, float64 (n, k): texts by the rank of how often they occur."""
    numbers = []
    for values in columns.values():
        if values.dtype.kind not in "biuf":
            _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
            values = np.argsort(np.argsort(-counts, kind="stable"))[codes.reshape(-1)]
        numbers.append(values.astype(np.float64))
    return np.stack(numbers, axis=1)


def _codes(
    groups: tuple[ArrayLike | None, ArrayLike | None], sizes: tuple[int, int], rows: list[np.ndarray]
) -> np.ndarray:
    """The group of each chosen example of both sets, whole numbers that the sets do not share."""
    codes, offset = [], 0
    for given, size, chosen in zip(groups, sizes, rows, strict=True):
        own = group_codes(given, size)
        codes.append(offset + (np.arange(size) if own is None else own)[chosen])
        offset += size
    return np.unique(np.concatenate(codes), return_inverse=True)[1].reshape(-1)


def _two_sample_test(
    x: np.ndarray, is_second: np.ndarray, codes: np.ndarray, random: np.random.Generator
) -> tuple[float, float]:
    """The area under the ROC curve on the half that was not learnt from, and its permutation p-value.

    Groups are split and permuted as a whole.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    group_is_second = np.zeros(int(codes.max()) + 1, bool)
    group_is_second[codes] = is_second
    for _ in range(TRIES):
        in_learnt = np.zeros(len(group_is_second), bool)
        in_learnt[np.array_split(random.permutation(len(group_is_second)), 2)[0]] = True
        learnt, judged = np.flatnonzero(in_learnt[codes]), np.flatnonzero(~in_learnt[codes])
        if all(0 < is_second[part].sum() < len(part) for part in (learnt, judged)):
            break
    else:
        return 0.5, 1.0
    x = _told_by_what_is_missing(x, learnt)
    classifier = HistGradientBoostingClassifier(max_iter=60, min_samples_leaf=10, random_state=0)
    scores = classifier.fit(x[learnt], is_second[learnt]).predict_proba(x[judged])[:, 1]
    ranks, (groups, places) = _ranks(scores), np.unique(codes[judged], return_inverse=True)
    labels, places = group_is_second[groups], places.reshape(-1)
    area = _area(ranks, labels[places])
    chance = [_area(ranks, random.permutation(labels)[places]) for _ in range(PERMUTATIONS)]
    return area, (1 + sum(other >= area - 1e-12 for other in chance)) / (1 + PERMUTATIONS)


def _told_by_what_is_missing(x: np.ndarray, learnt: np.ndarray) -> np.ndarray:
    """Columns (n, k) of which fewer than two values are known among those to learn from, as whether each is missing."""
    known = [len(np.unique(column[~np.isnan(column)])) > 1 for column in x[learnt].T]
    return np.where(known, x, np.isnan(x))


def _area(ranks: np.ndarray, positive: np.ndarray) -> float:
    """The area under the ROC curve by Mann and Whitney's U; ``ranks`` (n,) from 1, ties in the middle."""
    n = int(positive.sum())
    others = len(positive) - n
    if n == 0 or others == 0:
        return 0.5
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * others))


def _ranks(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[inverse.reshape(-1)]


def _difference(name: str, values: np.ndarray, is_second: np.ndarray, codes: np.ndarray) -> FeatureDifference:
    if values.dtype.kind not in "biuf":
        return _difference_of_texts(name, values.astype(str), is_second, codes)
    known = ~np.isnan(values.astype(np.float64))
    missing = [float((~known[side]).mean()) for side in (~is_second, is_second)]
    numbers, side = values[known].astype(np.float64), is_second[known]
    area, p = _area_and_p(numbers, side, codes[known])
    lack_area, lack_p = _area_and_p(~known, is_second, codes)
    few = min(side.sum(), len(side) - side.sum()) < LEAST_KNOWN
    if few or max(lack_area, 1 - lack_area) > max(area, 1 - area):
        return FeatureDifference(name, max(lack_area, 1 - lack_area), lack_p, _missing_words(missing))
    means = [float(numbers[part].mean()) for part in (~side, side)]
    medians = [float(np.median(numbers[part])) for part in (~side, side)]
    what, pair = ("mean", means) if _text(medians[0]) == _text(medians[1]) else ("median", medians)
    if _text(pair[0]) == _text(pair[1]):
        what, pair = "spread", [float(numbers[part].std()) for part in (~side, side)]
    return FeatureDifference(name, max(area, 1 - area), p, f"{what} {_text(pair[0])} against {_text(pair[1])}")


def _difference_of_texts(name: str, values: np.ndarray, is_second: np.ndarray, codes: np.ndarray) -> FeatureDifference:
    """The level whose share differs most."""
    levels, level_codes = np.unique(values, return_inverse=True)
    level_codes = level_codes.reshape(-1)
    counts = [np.bincount(level_codes[side], minlength=len(levels)) for side in (~is_second, is_second)]
    shares = [count / count.sum() for count in counts]
    most = int(np.abs(shares[0] - shares[1]).argmax())
    area, p = _area_and_p(level_codes == most, is_second, codes)
    words = f"'{levels[most] or 'missing'}' {100 * shares[0][most]:.3g} % against {100 * shares[1][most]:.3g} %"
    return FeatureDifference(name, max(area, 1 - area), min(1.0, p * len(levels)), words)


def _area_and_p(values: np.ndarray, is_second: np.ndarray, codes: np.ndarray | None = None) -> tuple[float, float]:
    """The area under the ROC curve of one feature, and the p-value of Mann and Whitney's test, ties corrected.

    Of examples in groups (``codes``), the spread is that of sums over groups; with few values of either side, where the
    normal approximation does not hold, groups are permuted between the sides.
    """
    ranks = _ranks(values)
    area = _area(ranks, is_second)
    n, m = int(is_second.sum()), int((~is_second).sum())
    centred = ranks - ranks.mean() if len(ranks) else ranks
    if n == 0 or m == 0 or not centred.any():
        return 0.5, 1.0
    groups, places = np.unique(np.arange(len(values)) if codes is None else codes, return_inverse=True)
    places = places.reshape(-1)
    sums, sizes = np.bincount(places, centred), np.bincount(places)
    side = np.zeros(len(groups), bool)
    side[places] = is_second
    if min(side.sum(), len(side) - side.sum()) < NORMAL_FROM:
        return area, _permuted_p(sums, side)
    # Of independent examples Var(U) = n m/12 · (N + 1), less for ties: n m/(N (N − 1)) Σ (rank − mean)². Of groups the
    # squares are those of their sums, with what their sizes add taken off; the area is U/(n m).
    total, g = len(values), len(groups)
    rate = n / total
    spread = (1 - rate) ** 2 * np.sum(sums[side] ** 2) + rate**2 * np.sum(sums[~side] ** 2)
    if sizes.max() == 1:
        spread = n * m / (total * (total - 1)) * float(np.sum(centred**2))
    else:
        spread = float(spread) * g / (g - 1)
    return area, erfc(abs(area - 0.5) * n * m / sqrt(2 * spread))


def _permuted_p(sums: np.ndarray, side: np.ndarray) -> float:
    """How often groups dealt anew to the sides, as many to each, have sums (g,) as far from 0 in the second one."""
    random = np.random.default_rng(0)
    observed = abs(float(sums[side].sum()))
    reached = sum(abs(float(random.permutation(sums)[side].sum())) >= observed - 1e-9 for _ in range(PERMUTATIONS))
    return (1 + reached) / (1 + PERMUTATIONS)


def _missing_words(missing: list[float]) -> str:
    return f"missing {100 * missing[0]:.3g} % against {100 * missing[1]:.3g} %"


def _text(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")
