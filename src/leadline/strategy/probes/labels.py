"""Labels that look wrong: out-of-fold answers disagree with them even where the model is surest.

Where classes overlap, mistakes lie where the model is unsure; where labels were mixed up, they lie everywhere alike. So
the share of disagreements among the surer half of the examples is set beside that of all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leadline.measure.intervals import Estimate, proportion
from leadline.strategy.findings import MODERATE, STRONG, Finding, Quantity
from leadline.strategy.probes.examined import Array, Examined, Part
from leadline.strategy.probes.references import NEIGHBOURS, Reference

SURE_HALF = 0.5
HOMOGENEOUS = 0.5
"""Disagreements that are at least this much as frequent among the surer half as among all are no matter of overlap."""
SKILL = 0.6
"""The reference must have less than this share of the constant prediction's error, or its sureness means nothing."""
LEAST_RATE = 0.01
A_FIFTH = 0.2
OUTLYING = 8.0
"""Residuals beyond this many robust standard deviations are outliers."""
CARRIES = 0.5
BY_SQUARES = ("RMSE", "mse", "R²", "1 − R²")
"""Metrics that a few far values decide."""
ISOLATED = 0.5
"""Far residuals stand apart where fewer than half as many as them and these lie between half their bound and it."""


def label_findings(examined: Examined, found: Sequence[Reference]) -> list[Finding]:
    """That labels look wrong, in training or dev set, where a fifth of the suspects would change the verdict."""
    # The nearest neighbours' shares are too coarse to say where they are surer.
    train = examined.train
    known = [
        (float(examined.losses(train.y, each.out_of_fold).mean()), each.name, each.dev, each.out_of_fold)
        for each in found
        if each.out_of_fold is not None and each.name != NEIGHBOURS
    ]
    if not known or examined.task == "multilabel":
        return []
    _, model, dev, held_out = min(known, key=lambda each: each[0])
    sets = {"dev": (examined.dev, dev), "training": (train, held_out)}
    look = _wrong_classes if examined.classifies else _wrong_values
    made = [look(examined, model, name, part, outputs) for name, (part, outputs) in sets.items()]
    return [each for each in made if each is not None][:1]


def _wrong_classes(examined: Examined, model: str, name: str, part: Part, outputs: Array) -> Finding | None:
    y = part.y
    wrong = outputs.argmax(1) != y
    constant = examined.losses(y, examined.constant(examined.train.y, len(y))).mean()
    if len(y) < 100 or wrong.mean() > SKILL * constant:
        return None
    ordered = np.sort(outputs, axis=1)
    margin = ordered[:, -1] - ordered[:, -2]
    sure = np.argsort(-margin, kind="stable")[: int(SURE_HALF * len(y))]
    among_sure, among_all = proportion(int(wrong[sure].sum()), len(sure)), proportion(int(wrong.sum()), len(y))
    low = among_sure.interval[0]
    if low < LEAST_RATE or low < HOMOGENEOUS * among_all.value:
        return None
    suspects = int(wrong.sum())
    if A_FIFTH * suspects / len(y) < examined.matters / 2:
        return None
    statement = (
        f"Labels of the {name} set look wrong: even among the half of its examples about which {model} is "
        f"surest, out of fold, {among_sure.plain()} of the labels disagree ({among_sure.range()}); "
        f"among all, {among_all.plain()}. "
        "Overlapping classes would leave the sure half almost without disagreements."
    )
    return Finding(
        "wrong-labels",
        statement,
        (
            Quantity("labels that disagree among the surer half", among_sure),
            Quantity("labels that disagree among all", among_all),
        ),
        STRONG if low >= 0.7 * among_all.value else MODERATE,
        f"Review the labels that disagree most (leadline labels RUN lists them; {suspects} are suspected in the {name} "
        "set), in dev and test set alike.",
        settle="A second look at 50 of the suspected labels.",
    )


def _wrong_values(examined: Examined, model: str, name: str, part: Part, outputs: Array) -> Finding | None:
    """Far residuals that make up the squared error: wrong values where a gap sets them apart, else heavy tails.

    They have to make up the network's squared error as well: a model that fits all but a few examples says nothing of a
    network that fits none.
    """
    y = part.y
    truth = y.reshape(len(y), -1)
    if truth.shape[1] != 1 or len(y) < 100 or examined.metric not in BY_SQUARES:
        return None
    residuals = (truth - outputs.reshape(len(y), -1))[:, 0]
    size = np.abs(residuals - np.median(residuals))
    robust = 1.4826 * float(np.median(size))
    if robust <= 0:
        return None
    far = size > OUTLYING * robust
    own = examined.losses(y, part.outputs)
    carried = min(float(each[far].sum() / (each.sum() or 1.0)) for each in (size**2, own))
    share = proportion(int(far.sum()), len(y))
    if far.sum() < 3 or share.value > 0.1 or carried < CARRIES:
        return None
    evidence = (
        Quantity("values far from their prediction", share),
        Quantity("share of the squared error that they make up", Estimate(carried, n=len(y))),
    )
    text = (
        f"{int(far.sum())} of {len(y)} values of the {name} set are further from what {model} predicts than "
        f"{OUTLYING:g} robust standard deviations, and make up {100 * carried:.0f} % of the squared error"
    )
    between = int(((size > OUTLYING / 2 * robust) & ~far).sum())
    if proportion(between, between + int(far.sum())).interval[1] < ISOLATED:
        return _isolated(text, name, between, evidence)
    return _heavy_tails(examined, text, between, evidence)


def _isolated(text: str, name: str, between: int, evidence: tuple[Quantity, ...]) -> Finding:
    return Finding(
        "wrong-labels",
        f"Values of the {name} set look wrong: {text}, and only {between} lie between half of that and them: the far "
        "ones stand apart.",
        evidence,
        MODERATE,
        "Review these values (leadline labels RUN lists them); if they are right, measure by the mean absolute error "
        '(goal.optimizing = "mae").',
        settle="A second look at the outlying values.",
    )


def _heavy_tails(examined: Examined, text: str, between: int, evidence: tuple[Quantity, ...]) -> Finding:
    targets = np.concatenate([examined.train.y, examined.dev.y]).reshape(-1)
    step = 'Measure by the mean absolute error (goal.optimizing = "mae"), which few examples do not decide'
    logarithmic = bool((targets > 0).all()) and abs(_skewness(np.log(targets))) < abs(_skewness(targets)) / 3
    if logarithmic:
        step = (
            "Predict the logarithm of the target, which is positive and skewed: take it of the column before training. "
            'Or measure by the mean absolute error (goal.optimizing = "mae")'
        )
    return Finding(
        "heavy-tails",
        f"A few far values make up the error: {text}. Another {between} lie between half of that and them, so they are "
        "the end of a long tail and do not stand apart.",
        evidence,
        MODERATE,
        f"{step}.",
        change={"goal.optimizing": "mae"} if not logarithmic else {},
        settle="What a large error costs beside a small one; and whether the farthest values are right.",
    )


def _skewness(values: Array) -> float:
    centred = values - values.mean()
    return float((centred**3).mean() / max((centred**2).mean(), 1e-300) ** 1.5)
