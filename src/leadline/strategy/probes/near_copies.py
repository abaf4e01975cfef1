"""Examples that are nearly the same in training and dev set: measured twice, or varied and saved again.

How near the nearest training example of a dev example should be follows from how near the fifth to twentieth are, if
examples lie evenly around it. Where many are far nearer than that, examples belong together.
"""

from __future__ import annotations

import numpy as np

from leadline.measure.intervals import proportion
from leadline.strategy.findings import MODERATE, STRONG, Finding, Quantity
from leadline.strategy.probes.examined import Array, Examined
from leadline.strategy.probes.significance import independent_difference

MOST, NEAR, FAR = 8_000, 5, 20
CLOSE = 0.3
"""A nearest example at less than this share of the distance of the twentieth is suspiciously near."""
LEAST_SHARE, TIMES = 0.1, 5.0
"""A tenth of the dev examples must be so, and five times as many as even examples would bring about."""
LEAST, CLEAR = 20, 1e-3
MOSTLY = 0.5
"""Where most have a near copy, those without are too few to show that they are predicted worse."""


def near_copy_findings(examined: Examined) -> list[Finding]:
    """That dev examples have a near copy in the training set, and are predicted better for it."""
    train, dev = examined.train, examined.dev
    if not examined.chosen_at_random or examined.grouped or len(train) < 5 * FAR:
        return []
    distances = _distances(train.x[:MOST], dev.x[:MOST])
    own = distances[:, 0] > 0  # copies that are exact are another probe's
    close = own & (distances[:, 0] < CLOSE * distances[:, FAR - 1])
    expected = _expected(distances[distances[:, NEAR - 1] > 0])
    share = proportion(int(close.sum()), len(close))
    if close.sum() < LEAST or share.value < LEAST_SHARE or share.interval[0] < TIMES * expected or close.all():
        return []
    losses = examined.losses(dev.y[:MOST], dev.outputs[:MOST])
    gap, p = independent_difference(losses[close], losses[~close])
    chosen = ~close
    without, whole = (examined.error(dev.y[:MOST][rows], dev.outputs[:MOST][rows]) for rows in (chosen, slice(None)))
    if gap.value <= 0 or (p > CLEAR and share.value < MOSTLY):
        return []
    return [
        Finding(
            "groups-across-sets",
            f"{share.plain()} of the dev examples have a near copy in the training set, less than {CLOSE:g} times as "
            f"far as their surroundings ({100 * expected:.1f} % would be by chance): they look like the same thing "
            f"measured or varied again. Without them the dev {examined.metric} is {without.plain()} instead of "
            f"{whole.plain()}.",
            (
                Quantity("dev examples with a near copy in the training set", share),
                Quantity(f"dev {examined.metric}", whole),
                Quantity(f"dev {examined.metric} without near copies", without),
            ),
            STRONG if p < CLEAR else MODERATE,
            "Keep what belongs together in one set: give a column that names the original, and split.group = that "
            "column; then train again.",
            settle="Whether the network will meet things that it was not trained on.",
        )
    ]


def _distances(x: Array, others: Array) -> Array:
    """Distances (p, FAR) of the nearest training examples, the nearest first."""
    from sklearn.neighbors import NearestNeighbors

    made = NearestNeighbors(n_neighbors=FAR, algorithm="brute").fit(x)
    return np.asarray(made.kneighbors(others)[0])


def _expected(distances: Array) -> float:
    """The share of examples whose nearest is so close by chance, in as many dimensions as the further ones show.

    Dimensions by maximum likelihood from the ratios of distances (Levina and Bickel, 2004). The nearest of the nineteen
    within the twentieth's distance is closer than r of it with probability 1 − (1 − r^D)^19.
    """
    if not len(distances):
        return 1.0
    last, inner = distances[:, FAR - 1 :], distances[:, NEAR - 1 : FAR - 1]
    spread = float(np.mean(np.log(last / inner)))
    # The mean of log(T_k/T_j) for j = 5 … 19 is (1/D) times the mean of the sums of 1/i for i = j … 19.
    harmonic = float(np.mean([sum(1 / i for i in range(j, FAR)) for j in range(NEAR, FAR)]))
    dimensions = harmonic / max(spread, 1e-9)
    return float(1 - (1 - CLOSE**dimensions) ** (FAR - 1))
