"""Clusters with a high error in the network's own features, for inputs without columns, such as images.

All examples are clustered by what the last hidden layer says of them, without knowing which are mistakes; so the test
of the clusters, by shuffled mistakes as for slices, is honest about how many there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.errors import UsageError
from leadline.files import plain
from leadline.measure.intervals import Estimate, difference, proportion
from leadline.strategy.slices import standardized_excess

Array = NDArray[Any]
# So many examples per cluster leave enough mistakes in each to judge its error.
EXAMPLES_PER_CLUSTER = 40
MOST_CLUSTERS = 30
REPRESENTATIVES = 9


@dataclass(frozen=True, eq=False)
class Cluster:
    """Examples that the network sees alike, with their error.

    Attributes:
        rows: positions of its examples.
        mistakes: positions of its mistakes, the most typical of the cluster first.
        error: in the cluster.
        rest: outside of it.
        excess: error − rest.
        share: of all mistakes that lie in it.
        p: chance of so bad a cluster among all of them, if mistakes were spread at random.

    """

    rows: Array
    mistakes: Array
    error: Estimate
    rest: Estimate
    excess: Estimate
    share: float
    p: float

    @property
    def representatives(self) -> Array:
        """The few mistakes to look at first."""
        return self.mistakes[:REPRESENTATIVES]

    def __str__(self) -> str:
        return (
            f"{len(self.rows)} examples alike: error {self.error}, elsewhere {self.rest.plain()}; "
            f"{100 * self.share:.0f} % of the mistakes, p = {self.p:.3f}"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values; how many rows it has in the place of the rows, and which of them are mistakes."""
        return {key: value for key, value in plain(self).items() if key != "rows"} | {"n": len(self.rows)}


def find_clusters(
    features: ArrayLike,
    wrong: ArrayLike,
    k: int | None = None,
    most: int = 5,
    significance: float = 0.05,
    shuffles: int = 999,
    seed: int = 0,
) -> tuple[Cluster, ...]:
    """Find clusters whose error is higher than elsewhere, the clearest first.

    Args:
        features: activations of the last hidden layer (m, d).
        wrong: whether each example is predicted wrongly, boolean (m,).
        k: how many clusters; by default one for every 40 examples, from 2 to 30.
        most: how many to report.
        significance: the largest p to report.
        shuffles: of the mistakes, which set the precision of p.
        seed: of the clustering and the shuffles.

    Raises:
        UsageError: if the features do not fit, or for too few examples.

    """
    x, w = np.asarray(features, float), np.asarray(wrong, bool)
    if x.ndim != 2 or len(x) != len(w):
        raise UsageError(f"Clusters need features (m, d) and m mistakes, got shapes {x.shape} and {w.shape}.")
    k = int(np.clip(len(w) // EXAMPLES_PER_CLUSTER, 2, MOST_CLUSTERS)) if k is None else k
    if not 2 <= k < len(w):
        raise UsageError(f"Clusters must number from 2 to less than the examples ({len(w)}), got {k}.")
    if not 0 < w.sum() < len(w):
        return ()
    cluster, distance = _k_means(x, k, seed)
    rng = np.random.default_rng(seed)
    outcomes = np.stack([w, *(rng.permutation(w) for _ in range(shuffles))], axis=1).astype(np.float32)
    score = standardized_excess((cluster == np.arange(k)[:, None]).astype(np.float32), outcomes, 2)
    chance = score.max(0)
    p = (chance[None, :] >= score[:, :1]).mean(1)
    order = [c for c in np.argsort(-score[:, 0]) if np.isfinite(score[c, 0]) and p[c] <= significance]
    return tuple(_cluster(np.flatnonzero(cluster == c), w, distance, float(p[c])) for c in order[:most])


def _k_means(x: Array, k: int, seed: int) -> tuple[Array, Array]:
    """The cluster of each example and its distance to the centre, (m,) each."""
    from sklearn.cluster import KMeans

    model = KMeans(k, random_state=seed).fit(x)
    labels = np.asarray(model.labels_)
    return labels, np.linalg.norm(x - model.cluster_centers_[labels], axis=1)


def _cluster(rows: Array, wrong: Array, distance: Array, p: float) -> Cluster:
    inside = np.zeros(len(wrong), bool)
    inside[rows] = True
    error = proportion(int(wrong[inside].sum()), int(inside.sum()))
    rest = proportion(int(wrong[~inside].sum()), int((~inside).sum()))
    mistakes = rows[wrong[rows]]
    mistakes = mistakes[np.argsort(distance[mistakes], kind="stable")]
    return Cluster(rows, mistakes, error, rest, difference(error, rest), len(mistakes) / int(wrong.sum()), p)
