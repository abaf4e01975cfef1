"""Out-of-fold probabilities: every example is predicted by a network that was not trained on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from leadline.equations.losses import LOSSES
from leadline.errors import UsageError
from leadline.network import Network
from leadline.training import Augment, Examples, TrainingSettings, fit, outputs
from leadline.training.population import Member, Population, trains_in_population

Array = NDArray[Any]


def assign_folds(labels: Array, k: int, seed: int = 0) -> Array:
    """The fold of each example, 0…k−1, (m,): each class is dealt out evenly.

    Raises:
        UsageError: for fewer than two folds, or more folds than examples.

    """
    m = len(labels)
    if not 2 <= k <= m:
        raise UsageError(f"Folds must number from 2 to the examples ({m}), got {k}.")
    order = np.random.default_rng(seed).permutation(m)
    dealt = order[np.argsort(np.asarray(labels)[order], kind="stable")]
    folds = np.empty(m, np.int64)
    folds[dealt] = np.arange(m) % k
    return folds


def out_of_fold_probabilities(
    network: Network,
    loss: str,
    examples: Examples,
    settings: TrainingSettings,
    k: int = 5,
    seed: int = 0,
    augment: Callable[[], Augment | None] | None = None,
) -> Array:
    """Probabilities of the classes (m, K) for every example, from k networks trained as one population.

    A convolutional network trains its folds one after the other. Early stopping is left out, for it would need
    examples of its own: ``settings.epochs`` says how long to train. Inputs come prepared; what a preparation takes
    from them (means, scales) knows no labels, so it carries none of them into a fold. ``augment`` makes what varies the
    training examples of a fold; then, too, they train one after the other.

    Raises:
        UsageError: as `assign_folds`, or for a loss that gives no probabilities.

    """
    if LOSSES.lookup(loss).task not in ("multiclass", "binary"):
        raise UsageError(f"Wrong labels are looked for where examples have one class each; the loss is {loss}.")
    labels = examples.y.reshape(len(examples)).cpu().numpy().astype(np.int64)
    values = out_of_fold_outputs(network, loss, examples, settings, assign_folds(labels, k, seed), augment)
    values = np.hstack([1 - values, values]) if values.shape[1] == 1 else values
    return values / values.sum(1, keepdims=True)


def out_of_fold_outputs(
    network: Network,
    loss: str,
    examples: Examples,
    settings: TrainingSettings,
    folds: Array,
    augment: Callable[[], Augment | None] | None = None,
) -> Array:
    """Predictions of any loss (m, n_out) for every example by the network of its fold; see the function above.

    ``folds`` is the fold of each example, 0…k−1, (m,). Values of a regression are standardized as the targets are.
    """
    k = int(folds.max()) + 1
    settings = replace(settings, early_stopping=None)
    network = network.for_loss(loss)
    kept = [np.flatnonzero(folds != fold) for fold in range(k)]
    varied = augment is not None and augment() is not None
    if not varied and trains_in_population(network):
        settings = replace(settings, batch_size=_batch_size(settings, kept))
        fits = Population(network, [Member(subset=rows) for rows in kept]).fit(loss, examples, None, settings)
    else:
        fits = [
            fit(network, loss, _part(examples, rows), None, settings, augment=augment() if augment else None)
            for rows in kept
        ]
    values = np.empty((len(folds), network.shapes(tuple(examples.x.shape[1:]))[-1][0]))
    for fold, trained in enumerate(fits):
        if trained.divergence is not None:
            raise trained.divergence
        held_out = np.flatnonzero(folds == fold)
        z = outputs(trained.network, trained.parameters, _part(examples, held_out).x)
        values[held_out] = LOSSES[loss].prediction(z).double().cpu().numpy()
    return values


def _batch_size(settings: TrainingSettings, kept: list[Array]) -> int | None:
    """A whole batch of the run is larger than a fold; then the fold is one."""
    size = settings.batch_size
    return None if size is None else min(size, *(len(rows) for rows in kept))


def _part(examples: Examples, rows: Array) -> Examples:
    index = torch.as_tensor(rows, device=examples.x.device)
    return Examples(examples.x[index], examples.y[index])
