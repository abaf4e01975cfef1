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

from leadline.errors import LeadlineError

MOST_EXAMPLES = 10_000
"""Examples of each set that are looked at; more would hardly change the answer."""

LEAST_EXAMPLES = 20
PERMUTATIONS = 999
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
    first: Columns, second: Columns, names: tuple[str, str] = ("the first set", "the second set"), seed: int = 0
) -> Mismatch:
    """Compare two sets with the same columns.

    Raises LeadlineError for sets with other columns, or with fewer than 20 examples.
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
    auc, p = _two_sample_test(_numeric(columns), is_second, random)
    features = [_difference(name, values, is_second) for name, values in columns.items()]
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


def _two_sample_test(x: np.ndarray, is_second: np.ndarray, random: np.random.Generator) -> tuple[float, float]:
    """The area under the ROC curve on the half that was not learnt from, and its permutation p-value."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # here, because importing scikit-learn takes a second

    order = random.permutation(len(x))
    learnt, judged = np.array_split(order, 2)
    classifier = HistGradientBoostingClassifier(max_iter=60, min_samples_leaf=10, random_state=0)
    scores = classifier.fit(x[learnt], is_second[learnt]).predict_proba(x[judged])[:, 1]
    ranks = _ranks(scores)
    labels = is_second[judged]
    area = _area(ranks, labels)
    chance = [_area(ranks, random.permutation(labels)) for _ in range(PERMUTATIONS)]
    return area, (1 + sum(other >= area for other in chance)) / (1 + PERMUTATIONS)


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


def _difference(name: str, values: np.ndarray, is_second: np.ndarray) -> FeatureDifference:
    if values.dtype.kind not in "biuf":
        return _difference_of_texts(name, values.astype(str), is_second)
    known = ~np.isnan(values.astype(np.float64))
    missing = [float((~known[side]).mean()) for side in (~is_second, is_second)]
    numbers, side = values[known].astype(np.float64), is_second[known]
    if side.all() or not side.any():
        return FeatureDifference(name, 0.5 + abs(missing[0] - missing[1]) / 2, 0.0, _missing_words(missing))
    area, p = _area_and_p(numbers, side)
    lack_area, lack_p = _area_and_p(~known, is_second)
    if max(lack_area, 1 - lack_area) > max(area, 1 - area):
        return FeatureDifference(name, max(lack_area, 1 - lack_area), lack_p, _missing_words(missing))
    means = [float(numbers[part].mean()) for part in (~side, side)]
    medians = [float(np.median(numbers[part])) for part in (~side, side)]
    what, pair = ("mean", means) if _text(medians[0]) == _text(medians[1]) else ("median", medians)
    if _text(pair[0]) == _text(pair[1]):
        what, pair = "spread", [float(numbers[part].std()) for part in (~side, side)]
    return FeatureDifference(name, max(area, 1 - area), p, f"{what} {_text(pair[0])} against {_text(pair[1])}")


def _difference_of_texts(name: str, values: np.ndarray, is_second: np.ndarray) -> FeatureDifference:
    """The level whose share differs most."""
    levels, codes = np.unique(values, return_inverse=True)
    codes = codes.reshape(-1)
    counts = [np.bincount(codes[side], minlength=len(levels)) for side in (~is_second, is_second)]
    shares = [count / count.sum() for count in counts]
    most = int(np.abs(shares[0] - shares[1]).argmax())
    area, p = _area_and_p(codes == most, is_second)
    words = f"'{levels[most] or 'missing'}' {100 * shares[0][most]:.3g} % against {100 * shares[1][most]:.3g} %"
    return FeatureDifference(name, max(area, 1 - area), min(1.0, p * len(levels)), words)


def _area_and_p(values: np.ndarray, is_second: np.ndarray) -> tuple[float, float]:
    """The area under the ROC curve of one feature, and the p-value of Mann and Whitney's test, ties corrected."""
    ranks = _ranks(values)
    area = _area(ranks, is_second)
    n, m = int(is_second.sum()), int((~is_second).sum())
    if n == 0 or m == 0:
        return 0.5, 1.0
    # Var(U) = n m/12 · (N + 1), less for ties: n m/(N (N − 1)) Σ (rank − mean)²; the area is U/(n m).
    variance = float(((ranks - ranks.mean()) ** 2).sum()) / ((n + m) * (n + m - 1) * n * m)
    if variance == 0:
        return 0.5, 1.0
    return area, erfc(abs(area - 0.5) / sqrt(2 * variance))


def _missing_words(missing: list[float]) -> str:
    return f"missing {100 * missing[0]:.3g} % against {100 * missing[1]:.3g} %"


def _text(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")
