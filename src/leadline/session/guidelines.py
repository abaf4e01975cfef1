"""When transfer makes sense: the same kind of input, more data at the source, features that help (course 3).

The first is a condition: data that the source cannot take are an error. The others are looked at before training, and
where one does not hold, a warning says so, with the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from leadline.measure import Estimate, paired_difference, proportion
from leadline.network import Network, Parameters
from leadline.session.transfer import Transfer
from leadline.text import grouped
from leadline.training import outputs

if TYPE_CHECKING:
    from leadline.session.plan import Plan

MOST_EXAMPLES = 500
"""So many of the training and of the dev examples are looked at."""
STRENGTHS = (0.01, 0.1, 1.0, 10.0)
"""λ of the linear classifier, in units of the features' mean square."""


@dataclass(frozen=True)
class Guideline:
    """One of them: whether it holds (None: undecided), and the numbers in words."""

    name: str
    holds: bool | None
    text: str

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"name": self.name, "holds": self.holds, "text": self.text}


def check_guidelines(plan: Plan, transfer: Transfer) -> tuple[Guideline, ...]:
    """Whether the source is one to learn from; each that does not hold is worth a warning."""
    guidelines = [_same_input(plan, transfer), _more_data(plan, transfer), _features_help(plan, transfer)]
    return tuple(each for each in guidelines if each is not None)


def _same_input(plan: Plan, transfer: Transfer) -> Guideline:
    shape = plan.preparation.image_shape
    kind = f"images of {shape[0]}×{shape[1]}×{shape[2]}" if shape else f"{plan.preparation.n_inputs} inputs"
    return Guideline("same input", True, f"{plan.data.name} and {transfer.source.name} have the same inputs: {kind}.")


def _more_data(plan: Plan, transfer: Transfer) -> Guideline:
    m, n, name = len(plan.split.train), transfer.pretrained.n_train, transfer.source.name
    if n is None:
        return Guideline("more data", None, f"How many examples {name} was trained on is not known.")
    numbers = f"{name} was trained on {grouped(n)} examples, here there are {grouped(m)}."
    if n > m:
        return Guideline("more data", True, numbers)
    return Guideline(
        "more data",
        False,
        f"Transfer helps where the source has more data than the new task: {numbers} Compare with a network trained "
        "from scratch.",
    )


def _features_help(plan: Plan, transfer: Transfer) -> Guideline | None:
    """A linear classifier on the source's features against one on those of the same layers untrained."""
    if not plan.data.is_classification or not len(plan.split.dev):
        return None
    trained, untrained = feature_errors(plan, transfer)
    difference = paired_difference(untrained, trained)
    ours, theirs = (proportion(int(wrong.sum()), len(wrong)) for wrong in (trained, untrained))
    numbers = (
        f"a linear classifier on the features of {transfer.source.name} has a dev error of "
        f"{_with_interval(ours)}, on those of the same layers untrained {_with_interval(theirs)}: {_change(difference)}"
    )
    if difference.value <= 0:
        return Guideline(
            "helpful features", False, f"What the source has learnt seems to be of no use here: {numbers}."
        )
    holds = True if difference.interval[0] > 0 else None
    return Guideline("helpful features", holds, f"{numbers[0].upper()}{numbers[1:]}.")


def _with_interval(measured: Estimate) -> str:
    return f"{measured.plain()} ({measured.range()})" if measured.range() else measured.plain()


def _change(saved: Estimate) -> str:
    """What the source's features change, from the error that they save."""
    low, high = saved.interval
    change = Estimate(-saved.value, -high, -low, saved.n, saved.level, saved.unit)
    return f"{change.signed()} ({change.range()})" if change.range() else change.signed()


def feature_errors(plan: Plan, transfer: Transfer) -> tuple[np.ndarray, np.ndarray]:
    """Which dev examples (m,) linear classifiers get wrong: on the source's features, and on untrained ones."""
    layers = Network(transfer.network.layers[: transfer.kept])
    settings = plan.training
    start = transfer.start(settings)
    trained = transfer.first_parameters(layers, start)
    untrained = layers.initialize(transfer.input_shape, settings.seed, settings.dtype, settings.device)
    rows = {part: _some(plan.split.sets[part]) for part in ("train", "dev")}
    x, x_dev = (plan.preparation.inputs(plan.data, rows[part], dtype=settings.precision) for part in ("train", "dev"))
    y, y_dev = (plan.data.target[rows[part]] for part in ("train", "dev"))

    def wrong(parameters: Parameters) -> np.ndarray:
        made = [outputs(layers, parameters, torch.as_tensor(each).to(parameters.theta)) for each in (x, x_dev)]
        features, dev = (each.flatten(1).double().cpu().numpy() for each in made)
        return _linear_answers(features, y, dev, len(plan.data.classes)) != y_dev

    return wrong(trained), wrong(untrained)


def _some(rows: np.ndarray) -> np.ndarray:
    return rows if len(rows) <= MOST_EXAMPLES else rows[np.linspace(0, len(rows) - 1, MOST_EXAMPLES).astype(int)]


def _linear_answers(x: np.ndarray, y: np.ndarray, x_dev: np.ndarray, k: int) -> np.ndarray:
    """Classes (m,) by ridge regression towards ±1, its λ chosen by leaving one out.

    It is solved in the examples, few here, not in the features, so any number of these will do.
    """
    mean, deviation = x.mean(0), x.std(0)
    used = deviation > 0
    if not used.any():
        return np.full(len(x_dev), np.bincount(y).argmax())
    x, x_dev = ((each[:, used] - mean[used]) / deviation[used] for each in (x, x_dev))
    x, x_dev = (np.hstack([each / np.sqrt(used.sum()), np.ones((len(each), 1))]) for each in (x, x_dev))
    targets = 2.0 * (y[:, None] == np.arange(k)) - 1
    best, least = np.zeros_like(targets), np.inf
    for strength in STRENGTHS:
        weights, left_out = ridge(x @ x.T, targets, strength)
        error = float((left_out.argmax(1) != y).mean())
        if error < least:
            best, least = weights, error
    return (x_dev @ x.T @ best).argmax(1)


def ridge(kernel: np.ndarray, targets: np.ndarray, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Weights (m, k) of the examples, and the answer (m, k) for each example when it is left out of the fit.

    ``kernel`` (m, m) holds the examples' products. The answers without an example follow from the one inverse
    (Allen, 1974).
    """
    inverse = np.linalg.inv(kernel + strength * np.eye(len(kernel)))
    weights = inverse @ targets
    return weights, targets - weights / np.diag(inverse)[:, None]
