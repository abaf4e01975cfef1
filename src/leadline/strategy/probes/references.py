"""References: other models on the very same examples, so that an error has something measured beside it.

Gradient boosting, nearest neighbours and a linear model learn from the training set and answer for the dev set; out of
fold they answer for the training set, too. They are chosen to differ from each other and from a network, and to take
seconds at most.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from leadline.strategy.folds import assign_folds
from leadline.strategy.probes.budget import Budget
from leadline.strategy.probes.examined import Array, Examined

BOOSTING, NEIGHBOURS, LINEAR = "gradient boosting", "nearest neighbours", "linear model"
CONSTANT = "constant prediction"
FOLDS = 5
MOST_TRAINED = 20_000
"""Training examples that a reference learns from; more would hardly change its error, and take long."""
MOST_NEIGHBOURS = 8_000
MOST_INPUTS = 128
"""Inputs beyond which gradient boosting is left out: it looks at each of them for every split of a tree."""
MOST_CLASSES = 20
NEIGHBOUR_COUNTS = (1, 3, 7, 15, 31)

Model = Callable[[Array, Array, Array], Array]
"""Learns from inputs (m, d) and targets, and answers for other inputs (p, d): outputs (p, K) or (p, k)."""


@dataclass(frozen=True, eq=False)
class Reference:
    """Another model on the run's examples.

    Attributes:
        name: such as ``"gradient boosting"``.
        dev: its outputs for the dev set, learnt from the training set.
        out_of_fold: its outputs for the training set, each by a model that did not learn from that example; None
            where there was no time.
        seconds: that learning from the training set took once.

    """

    name: str
    dev: Array
    out_of_fold: Array | None = None
    seconds: float = 0.0


def references(examined: Examined, budget: Budget) -> tuple[Reference, ...]:
    """Every reference that suits the task, the cheapest first, as far as the budget goes."""
    found = []
    for name, model in _models(examined).items():
        if budget.left <= 0:
            budget.skip(name)
            continue
        with budget.timed(name):
            found.append(_measured(examined, name, model, budget))
    return tuple(found)


def boosting(examined: Examined) -> Model | None:
    """Gradient boosting for the task; None where it would take too long."""
    if examined.train.x.shape[1] > MOST_INPUTS or examined.task == "multilabel":
        return None
    if examined.classifies:
        return None if len(examined.classes) > MOST_CLASSES else _boosted_classes(examined)
    return _boosted_values if examined.train.y.reshape(len(examined.train), -1).shape[1] == 1 else None


def out_of_fold(model: Model, x: Array, y: Array, folds: Array) -> Array:
    """A model's outputs for examples (m, …) it did not learn from; ``folds`` (m,) says which are left out together."""
    parts = []
    for fold in np.unique(folds):
        held_out = folds == fold
        parts.append((np.flatnonzero(held_out), model(x[~held_out], y[~held_out], x[held_out])))
    outputs = np.empty((len(x), parts[0][1].shape[1]))
    for rows, part in parts:
        outputs[rows] = part
    return outputs


def linear(examined: Examined) -> Model:
    """The linear model for the task."""
    return _models(examined)[LINEAR]


def leading_out_of_fold(examined: Examined, found: Sequence[Reference], seconds: float = inf) -> Model:
    """The reference that predicts unseen training examples best, but for nearest neighbours; `usual` if none did.

    Only those that learn the training set once within these ``seconds``; the linear model if none does.
    """
    train, models = examined.train, _models(examined)
    suited = [each for each in found if each.name in models and each.name != NEIGHBOURS]
    known = {
        each.name: examined.losses(train.y, each.out_of_fold).mean()
        for each in suited
        if each.out_of_fold is not None and each.seconds <= seconds
    }
    if known:
        return models[min(known, key=lambda name: known[name])]
    return linear(examined) if suited else usual(examined)


def usual(examined: Examined) -> Model:
    """The reference that further probes train again and again: boosting where it suits, else a linear model."""
    return boosting(examined) or _models(examined)[LINEAR]


def _models(examined: Examined) -> dict[str, Model]:
    boosted = boosting(examined)
    linear = _linear_classes(examined) if examined.classifies else _linear_values
    models = {LINEAR: linear, NEIGHBOURS: _neighbours(examined)}
    return models if boosted is None else models | {BOOSTING: boosted}


def _measured(examined: Examined, name: str, model: Model, budget: Budget) -> Reference:
    train, dev = examined.train, examined.dev
    most = MOST_NEIGHBOURS if name == NEIGHBOURS else MOST_TRAINED
    chosen = _some(len(train), most, examined.seed)
    x, y = train.x[chosen], train.y[chosen]
    begun = time.process_time()
    dev_outputs = model(x, y, dev.x)
    took = time.process_time() - begun
    if len(chosen) < len(train) or took > budget.left / 2:
        return Reference(name, dev_outputs, seconds=took)
    # A slow model answers out of fold from two halves: worse than it could, but it is no less of a reference.
    count = FOLDS if FOLDS * took < budget.left / 2 else 2
    folds = assign_folds(y if examined.classifies else np.zeros(len(y)), min(count, len(y)), examined.seed)
    return Reference(name, dev_outputs, out_of_fold(model, x, y, folds), took)


def _some(m: int, most: int, seed: int) -> Array:
    if m <= most:
        return np.arange(m)
    return np.sort(np.random.default_rng(seed).permutation(m)[:most])


# --- models -------------------------------------------------------------------------------------------------


def _boosted_classes(examined: Examined) -> Model:
    classes = max(2, len(examined.classes))
    rounds = max(20, min(100, 300 // classes))

    def model(x: Array, y: Array, others: Array) -> Array:
        from sklearn.ensemble import HistGradientBoostingClassifier

        present = np.unique(y)
        if len(present) == 1:
            return np.eye(classes)[np.full(len(others), present[0])]
        made = HistGradientBoostingClassifier(
            max_iter=rounds,
            learning_rate=0.08,
            max_leaf_nodes=15,
            min_samples_leaf=_leaf(len(x)),
            l2_regularization=1.0,
            early_stopping=False,  # pyright: ignore[reportArgumentType]  (scikit-learn takes both)
            random_state=examined.seed,
        )
        outputs = np.zeros((len(others), classes))
        outputs[:, present] = made.fit(x, y).predict_proba(others)
        return outputs

    return model


def _boosted_values(x: Array, y: Array, others: Array) -> Array:
    from sklearn.ensemble import HistGradientBoostingRegressor

    made = HistGradientBoostingRegressor(
        max_iter=100,
        learning_rate=0.08,
        max_leaf_nodes=15,
        min_samples_leaf=_leaf(len(x)),
        l2_regularization=1.0,
        early_stopping=False,  # pyright: ignore[reportArgumentType]
        random_state=0,
    )
    return made.fit(x, y.ravel()).predict(others)[:, None]


def _leaf(m: int) -> int:
    """Examples in a leaf: few where there are few, so that small tables can be told apart at all."""
    return int(np.clip(m // 40, 5, 20))


def _linear_classes(examined: Examined) -> Model:
    classes = max(2, len(examined.classes))

    def model(x: Array, y: Array, others: Array) -> Array:
        from sklearn.linear_model import LogisticRegression

        present = np.unique(y)
        if len(present) == 1:
            return np.eye(classes)[np.full(len(others), present[0])]
        # A penalty that grows with the inputs per example keeps wide data from being learnt by heart.
        made = LogisticRegression(C=min(1.0, len(x) / (10 * x.shape[1])), max_iter=200)
        outputs = np.zeros((len(others), classes))
        outputs[:, present] = made.fit(x, y).predict_proba(others)
        return outputs

    return model


def _linear_values(x: Array, y: Array, others: Array) -> Array:
    """Ridge regression whose penalty is chosen by leave-one-out errors in closed form."""
    from sklearn.linear_model import RidgeCV

    targets = np.nan_to_num(y.reshape(len(y), -1))
    made = RidgeCV(alphas=np.logspace(-2, 4, 13)).fit(x, targets)
    return made.predict(others).reshape(len(others), -1)


def _neighbours(examined: Examined) -> Model:
    """Nearest neighbours, as many as predict the training examples best when each is left out."""
    classes = max(2, len(examined.classes)) if examined.classifies else 0

    def model(x: Array, y: Array, others: Array) -> Array:
        from sklearn.neighbors import NearestNeighbors

        counts = [k for k in NEIGHBOUR_COUNTS if k < len(x)] or [1]
        answers = np.eye(classes)[y] if classes else np.nan_to_num(y.reshape(len(y), -1))
        made = NearestNeighbors(n_neighbors=min(max(counts) + 1, len(x)), algorithm="brute").fit(x)
        own = made.kneighbors(x, return_distance=False)[:, 1:]
        errors = [examined.losses(y, answers[own[:, :k]].mean(1)).mean() for k in counts]
        best = counts[int(np.argmin(errors))]
        near = made.kneighbors(others, n_neighbors=best, return_distance=False)
        return answers[near].mean(1)

    return model


def leading(examined: Examined, found: Sequence[Reference], seconds: float = inf) -> tuple[str, Model] | None:
    """The reference that does best on dev and learns within these ``seconds``, by name and as a model."""
    dev, models = examined.dev, _models(examined)
    suited = [each for each in found if each.seconds <= seconds]
    best = min(suited, key=lambda each: examined.losses(dev.y, each.dev).mean(), default=None)
    return None if best is None else (best.name, models[best.name])
