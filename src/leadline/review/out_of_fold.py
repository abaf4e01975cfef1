"""What networks say about a run's examples that they did not train on; kept in the run's folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from leadline.files import replacing
from leadline.runs.run import Run
from leadline.session.features import frozen_features
from leadline.session.plan import Plan
from leadline.strategy.folds import assign_folds, out_of_fold_outputs, out_of_fold_probabilities
from leadline.training import Examples
from leadline.training.threads import limited_threads, threads_for

CACHE = "out_of_fold.npz"


def out_of_fold(run: Run, plan: Plan, rows: np.ndarray, k: int) -> np.ndarray:
    """Probabilities of the classes or labels, or values in the target's units, (m, K), by k networks like the run's.

    They are computed once and then read from the run's folder.
    """
    path = run.folder / CACHE
    probabilities = _kept(path, rows, k)
    if probabilities is None:
        probabilities = _computed(run, plan, rows, k)
        with replacing(path) as draft, draft.open("wb") as file:
            np.savez(file, rows=rows, k=k, probabilities=probabilities)
    return probabilities


def _kept(path: Path, rows: np.ndarray, k: int) -> np.ndarray | None:
    if path.exists():
        try:
            with np.load(path) as kept:
                if int(kept["k"]) == k and np.array_equal(kept["rows"], rows):
                    return kept["probabilities"]
        except (OSError, ValueError, KeyError):
            pass  # what is damaged is made anew
    return None


def _computed(run: Run, plan: Plan, rows: np.ndarray, k: int) -> np.ndarray:
    data, preparation, precision = plan.data, plan.preparation, plan.training.precision
    inputs = preparation.inputs(data, rows, dtype=precision)
    target = preparation.targets(data, rows, dtype=precision)
    epochs = run.summary.best_epoch or run.summary.epochs or plan.training.epochs
    settings = replace(plan.training, epochs=epochs)
    with limited_threads(threads_for(plan.network, plan.input_shape, plan.batch_size)):
        rest, inputs = frozen_features(run, inputs)
        network = rest or plan.network
        augment = plan.augmenter if rest is None else None  # what is computed once cannot vary
        examples = Examples.of(inputs, target, settings)
        if data.is_classification:
            return out_of_fold_probabilities(network, plan.loss, examples, settings, k, settings.seed, augment)
        folds = assign_folds(np.zeros(len(rows)), k, settings.seed)
        outputs = out_of_fold_outputs(network, plan.loss, examples, settings, folds, augment)
    return preparation.outputs(outputs)
