"""The catalogue of findings: each kind by its code, with what it means; docs/guide/findings.md shows it to users.

A finding's stage says what it would invalidate. Faults of the data come first, for they make every measured error
meaningless; then what a sounding has measured, which overrules rules; faults of the training next, for gaps of a
network that did not train say nothing about it; then the gaps; last what no work on the network would change.
"""

from __future__ import annotations

from dataclasses import dataclass

from leadline.errors import UsageError, nearest
from leadline.strategy.ladder import BIAS, MISMATCH, OVERFITTING, VARIANCE

DATA, SOUNDING, TRAINING, GAP, LIMIT = "data", "sounding", "training", "gap", "limit"
STAGES = (DATA, SOUNDING, TRAINING, GAP, LIMIT)


@dataclass(frozen=True)
class Kind:
    """One kind of finding.

    Attributes:
        code: its name in files, tables and tests.
        title: what it says, in a few words.
        stage: one of `STAGES`, in the order in which findings are believed.
        meaning: how it is measured, and what it means for the errors.
        remedy: what is usually done about it.
        gap: the gap of the ladder that it concerns; empty where it concerns none or all.

    """

    code: str
    title: str
    stage: str
    meaning: str
    remedy: str
    gap: str = ""


def kind(code: str) -> Kind:
    """The kind of finding with this code. `leadline.errors.UsageError`: there is none."""
    if code not in CATALOGUE:
        raise UsageError(f"Unknown finding '{code}'.{nearest(code, list(CATALOGUE))}")
    return CATALOGUE[code]


_KINDS = (
    Kind(
        "target-leak",
        "A column gives the target away",
        DATA,
        "One column alone predicts the target almost without error, and far better than all the others together. Such "
        "a column is often filled in after the fact and missing, or different, when the network is used.",
        "Remove the column, unless it is known before the target is.",
    ),
    Kind(
        "missingness-leak",
        "Missing values give the target away",
        DATA,
        "Whether a column's value is missing predicts the target almost without error.",
        "Remove the column, or find out why its values are missing.",
    ),
    Kind(
        "order-leak",
        "The order of the rows gives the target away",
        DATA,
        "The place of an example in the file predicts its target, and so does a column that counts the rows.",
        "Remove the column that follows the order; split by time where the order is time.",
    ),
    Kind(
        "drift",
        "The data change along the file",
        DATA,
        "The rows at the ends of the file are predicted clearly worse by a model of the other rows than by one of as "
        "many rows at random: how inputs and target belong together changes along it, so a random split measures an "
        "easier task than predicting what comes next.",
        "Split by time, and judge on the latest examples.",
    ),
    Kind(
        "duplicates-across-sets",
        "The same examples are in training and dev sets",
        DATA,
        "Dev examples that have a copy in the training set are predicted better than those without.",
        "Keep copies in one set.",
    ),
    Kind(
        "duplicates-within-sets",
        "Examples are repeated within a set",
        DATA,
        "A set holds fewer different examples than rows, so its intervals are wider than rows suggest.",
        "Keep copies in one set and count them once.",
    ),
    Kind(
        "groups-across-sets",
        "Examples that belong together are in training and dev sets",
        DATA,
        "Rows with the same value of a column, such as a person, are in training and dev set alike, and new values are "
        "predicted worse than known ones.",
        "Split by the group.",
    ),
    Kind(
        "contradicting-targets",
        "Equal inputs have different targets",
        DATA,
        "Examples with the very same inputs have different targets: no model of these inputs can be right about all of "
        "them, and the share that must be wrong is a floor of the error.",
        "Add inputs that tell those examples apart, or review their targets.",
    ),
    Kind(
        "wrong-labels",
        "Labels look wrong",
        DATA,
        "Out-of-fold predictions disagree with the labels of some examples with near certainty; the verdict would "
        "change if a fifth of them were wrong.",
        "Review the suspected labels.",
    ),
    Kind(
        "heavy-tails",
        "A few far values make up the error",
        DATA,
        "The residuals have a long, smooth tail: a few examples make up most of the squared error, and no gap sets "
        "them apart from the others, so they look like the target's nature and not like wrong values.",
        "Measure by the mean absolute error, or train on the logarithm of a positive target.",
    ),
    Kind(
        "data-mismatch",
        "Training and dev sets are from different distributions",
        DATA,
        "A classifier tells training from dev examples, or examples of the training distribution are predicted better "
        "than those of the dev set.",
        "Collect training data like the dev set.",
        MISMATCH,
    ),
    Kind(
        "test-mismatch",
        "Dev and test sets are from different distributions",
        DATA,
        "A classifier tells dev from test examples, so the dev error steers towards another goal than the test set's.",
        "Draw dev and test sets from the same, target distribution.",
    ),
    Kind(
        "no-signal",
        "There is nothing to learn from these inputs",
        DATA,
        "Neither the network nor any measured reference predicts unseen examples better than a constant does, and no "
        "better than after the targets were shuffled.",
        "Find inputs that have to do with the target.",
    ),
    Kind(
        "rare-classes",
        "The metric does not see the rare class",
        DATA,
        "A class is so rare that predicting the other one always is about as good by this metric.",
        "Measure by a metric that sees the rare class, and set class weights or a threshold.",
    ),
    Kind(
        "remedy-helps",
        "A measured remedy lowers the dev error",
        SOUNDING,
        "A sounding has trained networks with and without this change, and the interval of the dev error's change lies "
        "below 0.",
        "Train with it.",
    ),
    Kind(
        "no-remedy-helps",
        "No measured remedy lowers the dev error",
        SOUNDING,
        "A sounding has measured the remedies for what the errors suggest, and the interval of every change holds 0 or "
        "lies above it.",
        "Sound longer, or look for inputs that say more about the target.",
    ),
    Kind(
        "diverges",
        "Training diverged",
        TRAINING,
        "The cost left the finite numbers or grew far beyond where it began.",
        "Lower the learning rate, or clip the gradients.",
        BIAS,
    ),
    Kind(
        "learning-rate-too-high",
        "The learning rate is too high",
        TRAINING,
        "The cost jumps instead of falling, and falls further at a lower learning rate.",
        "Lower the learning rate.",
        BIAS,
    ),
    Kind(
        "learning-rate-too-low",
        "The learning rate is too low",
        TRAINING,
        "The cost hardly moves, and falls much faster at a higher learning rate.",
        "Raise the learning rate.",
        BIAS,
    ),
    Kind(
        "training-cut-off",
        "Training ended before the cost had levelled off",
        TRAINING,
        "The unpenalized training cost still fell when training ended, and falls further when it goes on.",
        "Train longer.",
        BIAS,
    ),
    Kind(
        "penalty-too-strong",
        "The penalty of the weights holds the fit back",
        TRAINING,
        "Without the L2 or L1 penalty the network fits the training set clearly better.",
        "Weaken the penalty.",
        BIAS,
    ),
    Kind(
        "dropout-too-strong",
        "Dropout holds the fit back",
        TRAINING,
        "Without dropout the network fits the training set clearly better.",
        "Keep more units, or train without dropout.",
        BIAS,
    ),
    Kind(
        "inputs-not-normalized",
        "Inputs of very different size hold training up",
        TRAINING,
        "The same network on standardized inputs fits the training set clearly better in the same time.",
        "Normalize the inputs.",
        BIAS,
    ),
    Kind(
        "cannot-memorize",
        "The network cannot learn 100 examples by heart",
        TRAINING,
        "With regularization off and time enough, the network does not fit even 100 training examples: it is too "
        "small, or something in it keeps it from learning.",
        "Use a bigger network, or look for what blocks its gradients.",
        BIAS,
    ),
    Kind(
        "no-convolutions",
        "Images without convolutional layers",
        TRAINING,
        "A small network of convolutions, which share what they learn between the places of an image, predicts dev "
        "images clearly better than the network without them.",
        "Use convolutional layers, or augment the images.",
        VARIANCE,
    ),
    Kind(
        "avoidable-bias",
        "Avoidable bias",
        GAP,
        "The training error is above a given human level, or above what a measured reference, probe or "
        "sounding reaches.",
        "Use a bigger network, train longer or with a better optimizer.",
        BIAS,
    ),
    Kind(
        "variance",
        "Variance",
        GAP,
        "Unseen examples of the training distribution are predicted worse than training examples, and something "
        "measured generalizes better, or nothing else was measured.",
        "Regularize, or get more training data.",
        VARIANCE,
    ),
    Kind(
        "more-data-helps",
        "More training data would help",
        GAP,
        "The dev error falls as training examples are added, and still did at the full number.",
        "Collect more training data.",
        VARIANCE,
    ),
    Kind(
        "bias-or-variance",
        "Bias or variance",
        GAP,
        "The error is above the given level; without a training error it is open whether by bias or variance.",
        "Measure the training error, too.",
        f"{BIAS} and {VARIANCE}",
    ),
    Kind(
        "overfitting-to-dev",
        "Overfitting to the dev set",
        GAP,
        "The test error is above the dev error on which choices were made.",
        "Use a bigger dev set.",
        OVERFITTING,
    ),
    Kind(
        "noise-floor",
        "Nothing measured does better",
        LIMIT,
        "The error is as low as that of every measured reference, or close to a floor that noise in the targets sets.",
        "Stop here, or find inputs that say more about the target.",
    ),
    Kind(
        "no-gap",
        "No gap matters",
        LIMIT,
        "No gap of the ladder is larger than what matters.",
        "Open the test set once, or stop.",
    ),
    Kind(
        "inconclusive",
        "The measurements cannot tell",
        LIMIT,
        "No measurement tells where the error comes from.",
        "Measure what would tell.",
    ),
)
CATALOGUE = {each.code: each for each in _KINDS}
