"""What a diagnosis says, as a `Step`, and whether that is right."""

from __future__ import annotations

from leadline.strategy import Diagnosis

from .case import Family, Step

RIGHT, OPEN, HARMFUL = "right", "cannot tell", "harmful"
VERDICTS = (RIGHT, OPEN, HARMFUL)

# The beginnings of the sentences in which a next step is said, in the order in which they are looked for.
STEPS_BY_TEXT = (
    ("Train longer", Step.LONGER),
    ("Train on without early stopping", Step.LONGER),
    ("Lower the learning rate", Step.LOWER_RATE),
    ("Raise the learning rate", Step.RAISE_RATE),
    ("Optimize with", Step.OPTIMIZER),
    ("Normalize the inputs", Step.NORMALIZE),
    ("Widen", Step.BIGGER),
    ("Add a hidden layer", Step.BIGGER),
    ("Weaken", Step.WEAKER_PENALTY),
    ("Train without dropout", Step.LESS_DROPOUT),
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
    """The direction of a diagnosis's next step."""
    return next((step for text, step in STEPS_BY_TEXT if diagnosis.next_step.startswith(text)), Step.OTHER)


def judge(step: Step, family: Family) -> str:
    """Right, open, or harmful: a confident step in a wrong direction.

    To ask for a bigger dev set is open as well: it says that the examples cannot tell, and what would.
    """
    if step in family.right:
        return RIGHT
    return OPEN if step in (Step.UNKNOWN, Step.BIGGER_DEV) else HARMFUL
