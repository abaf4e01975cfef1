"""What a diagnosis says, as a `Step`, and whether that is right."""

from __future__ import annotations

from leadline.strategy import Diagnosis

from .case import Family, Step

RIGHT, OPEN, HARMFUL = "right", "cannot tell", "harmful"
VERDICTS = (RIGHT, OPEN, HARMFUL)

STEPS_BY_CODE = {
    "target-leak": Step.REMOVE_COLUMN,
    "missingness-leak": Step.REMOVE_COLUMN,
    "order-leak": Step.SPLIT_BY_TIME,
    "drift": Step.SPLIT_BY_TIME,
    "duplicates-across-sets": Step.DUPLICATES,
    "duplicates-within-sets": Step.DUPLICATES,
    "groups-across-sets": Step.SPLIT_BY_GROUP,
    "contradicting-targets": Step.REVIEW_LABELS,
    "wrong-labels": Step.REVIEW_LABELS,
    "data-mismatch": Step.TARGET_DATA,
    "no-signal": Step.NO_SIGNAL,
    "rare-classes": Step.OTHER_METRIC,
    "heavy-tails": Step.TRANSFORM_TARGET,
    "near-duplicates": Step.SPLIT_BY_GROUP,
    "diverges": Step.LOWER_RATE,
    "learning-rate-too-high": Step.LOWER_RATE,
    "learning-rate-too-low": Step.RAISE_RATE,
    "training-cut-off": Step.LONGER,
    "penalty-too-strong": Step.WEAKER_PENALTY,
    "dropout-too-strong": Step.LESS_DROPOUT,
    "inputs-not-normalized": Step.NORMALIZE,
    "cannot-memorize": Step.ACTIVATION,
    "no-convolutions": Step.CONVOLVE,
    "more-data-helps": Step.MORE_DATA,
    "remedy-helps": Step.MEASURED,
    "no-remedy-helps": Step.UNKNOWN,
    "bias-or-variance": Step.UNKNOWN,
    "overfitting-to-dev": Step.BIGGER_DEV,
    "noise-floor": Step.STOP,
    "no-gap": Step.STOP,
    "inconclusive": Step.UNKNOWN,
}
"""By code of the finding that is the conclusion; a gap's finding is judged by the step that it names."""

# The beginnings of the sentences in which a gap's next step is said, in the order in which they are looked for.
STEPS_BY_TEXT = (
    ("Train longer", Step.LONGER),
    ("Train on without early stopping", Step.LONGER),
    ("Lower the learning rate", Step.LOWER_RATE),
    ("Raise the learning rate", Step.RAISE_RATE),
    ("Optimize with", Step.OPTIMIZER),
    ("Normalize the inputs", Step.NORMALIZE),
    ("Train a bigger network", Step.BIGGER),
    ("Widen", Step.BIGGER),
    ("Add a hidden layer", Step.BIGGER),
    ("Weaken", Step.WEAKER_PENALTY),
    ("Train without dropout", Step.LESS_DROPOUT),
    ("Regularize", Step.REGULARIZE),
    ("Use convolutional layers", Step.CONVOLVE),
    ("Get more training data or regularize", Step.REGULARIZE),
    ("Stop later", Step.LONGER),
    ("Optimize with Adam", Step.OPTIMIZER),
    ("Add an L2 penalty", Step.REGULARIZE),
    ("Strengthen", Step.REGULARIZE),
    ("Drop hidden units", Step.REGULARIZE),
    ("Stop early", Step.REGULARIZE),
    ("Augment", Step.AUGMENT),
    ("Collect more training data", Step.MORE_DATA),
    ("Narrow", Step.SMALLER),
    ("Look through the dev mistakes", Step.LOOK),
    ("Collect training data like", Step.TARGET_DATA),
    ("Synthesize", Step.TARGET_DATA),
    ("Use a bigger dev set", Step.BIGGER_DEV),
    ("Measure ", Step.UNKNOWN),
    ("Give the human level", Step.UNKNOWN),
    ("Open the test set once", Step.STOP),
    ("Look through the remaining mistakes, or stop", Step.STOP),
)


def step_of(diagnosis: Diagnosis) -> Step:
    """The direction of a diagnosis's conclusion."""
    code = diagnosis.findings[0].code if diagnosis.findings else ""
    if diagnosis.next_step.startswith("Use a bigger dev set"):
        return Step.BIGGER_DEV
    if code in STEPS_BY_CODE:
        return STEPS_BY_CODE[code]
    return next((step for text, step in STEPS_BY_TEXT if diagnosis.next_step.startswith(text)), Step.OTHER)


def judge(step: Step, family: Family) -> str:
    """Right, open, or harmful: a confident step in a wrong direction.

    To ask for a bigger dev set is open as well: it says that the examples cannot tell, and what would.
    """
    if step in family.right:
        return RIGHT
    return OPEN if step in (Step.UNKNOWN, Step.BIGGER_DEV) else HARMFUL
