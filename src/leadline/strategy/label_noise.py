"""How likely each label is wrong, given what a model that has not seen the example says of it.

Such probabilities q(j | x) are of the labels as they were *given*. If wrong labels arise by class, T(k, j) being the
share of class k that is labelled j, then q = π T with π(k | x) the probabilities of the right classes. From these:

1. q is calibrated by one temperature, which the given labels judge without bias.
2. T is estimated by the confident joint of confident learning (Northcutt, Jiang and Chuang, 2021): an example counts as
   of class k where q(k) reaches the mean that class k has among the examples labelled so.
3. π of each example is q freed of T, by multiplicative updates of maximum likelihood (Richardson, 1972; Lucy, 1974).
4. By Bayes' rule ``P(right | x, given j) = π(j) T(j, j) / Σ_k π(k) T(k, j)``.

So a 4 that was labelled 9 is suspect where many 4s are labelled 9, while an equally ambiguous example of a pair that
nobody confuses is only hard: confident learning by itself ranks both alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

Array = NDArray[Any]
LEAST = 1e-12
TEMPERATURES = (0.1, 20.0)
UPDATES = 50


@dataclass(frozen=True, eq=False)
class LabelNoise:
    """What the labels are made of.

    Attributes:
        transition: T (K, K): of the examples of a class (row), the shares that are labelled as each (column).
        right: probability of each class being the right one, given the label, too, (m, K).
        wrong: probability that the given label is wrong, (m,).

    """

    transition: Array
    right: Array
    wrong: Array


def label_noise(labels: Array, probabilities: Array) -> LabelNoise:
    """Judge class indices (m,) by out-of-sample probabilities (m, K), rows summing to 1."""
    q = calibrated(labels, probabilities)
    joint = confident_joint(labels, q)
    transition = joint / np.maximum(joint.sum(1, keepdims=True), LEAST)
    joined = _freed(q, transition) * transition[:, labels].T
    right = joined / np.maximum(joined.sum(1, keepdims=True), LEAST)
    return LabelNoise(transition, right, 1 - right[np.arange(len(labels)), labels])


def calibrated(labels: Array, probabilities: Array) -> Array:
    """The probabilities at the temperature at which the labels are likeliest (Guo and others, 2017), (m, K)."""
    logs = np.log(np.maximum(probabilities, LEAST))
    rows = np.arange(len(labels))

    def cost(log_temperature: float) -> float:
        z = logs / np.exp(log_temperature)
        highest = z.max(1)
        return float((highest + np.log(np.exp(z - highest[:, None]).sum(1)) - z[rows, labels]).mean())

    low, high = np.log(TEMPERATURES)
    best = minimize_scalar(cost, bounds=(low, high), method="bounded").x
    z = logs / np.exp(best)
    raised = np.exp(z - z.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def confident_joint(labels: Array, probabilities: Array) -> Array:
    """Counts by right class (row) and label (column), (K, K); each label's column adds up to its examples.

    A class that no example is confidently of keeps its own labels.
    """
    k = probabilities.shape[1]
    counts = np.bincount(labels, minlength=k)
    own = np.bincount(labels, probabilities[np.arange(len(labels)), labels], minlength=k)
    threshold = np.where(counts > 0, own / np.maximum(counts, 1), np.inf)
    reaches = probabilities >= threshold - 1e-6
    confident = reaches.any(1)
    guess = np.where(reaches, probabilities, -1.0).argmax(1)
    joint = np.zeros((k, k))
    np.add.at(joint, (guess[confident], labels[confident]), 1)
    np.fill_diagonal(joint, np.maximum(joint.diagonal(), 1))
    return joint / joint.sum(0, keepdims=True) * counts


def _freed(q: Array, transition: Array) -> Array:
    """π (m, K) with π T nearest to q in likelihood."""
    clean = q.copy()
    for _ in range(UPDATES):
        clean *= (q / np.maximum(clean @ transition, LEAST)) @ transition.T
        clean /= np.maximum(clean.sum(1, keepdims=True), LEAST)
    return clean
