"""Bias, variance or noise: what the references say about a network's errors, where no human level is given.

A reference that predicts unseen examples better than the network fits its own training examples shows avoidable bias.
One that does better on dev, though the network fits its training examples well, shows variance. Where nothing does
better, the error may be noise: then it is as low as that of models of other kinds, and does not fall with more
examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from leadline.measure.intervals import Estimate
from leadline.strategy.findings import MODERATE, STRONG, WEAK, Finding, Quantity
from leadline.strategy.ladder import BIAS, VARIANCE
from leadline.strategy.probes.curve import Growth
from leadline.strategy.probes.examined import Examined
from leadline.strategy.probes.memorization import ENOUGH
from leadline.strategy.probes.references import Reference
from leadline.strategy.probes.significance import independent_difference, mean_difference
from leadline.text import listed

CLEAR = 0.01
SMALL_SHARE = 0.1
"""Differences of squared errors below this share of the error do not matter."""
UNCLEAR, UNLIKELY = 0.05, 0.2
AS_GOOD, AS_NEAR = 0.15, 1.1
"""References within this share of the network's error are as good as it."""
MUCH_BETTER = 0.35
"""The share of the network's error that no reference may be able to take off, where it is called the floor."""
FLAT = 0.15
"""A learning curve that may fall by at most this share of the error is flat."""
REGULARIZE = "Regularize (L2, dropout, augmentation, a smaller network), or get more training data."
CONVOLVE = (
    "Use convolutional layers, which share what they learn between the places of an image, or augment the images: a "
    "dense network learns each place by itself."
)


@dataclass(frozen=True)
class Beside:
    """A reference beside the network.

    Attributes:
        name: of the reference.
        on_dev: the network's dev loss less the reference's, on the same examples.
        p_value: that they are equally good there.
        on_training: the network's training loss less the reference's out-of-fold loss on the same examples; None where
            the latter is unknown.
        p_training: that these are equal.

    """

    name: str
    on_dev: Estimate
    p_value: float
    on_training: Estimate | None
    p_training: float


def beside(examined: Examined, found: Sequence[Reference]) -> tuple[Beside, ...]:
    """The references beside the network; p-values are corrected for how many there are."""
    train, dev, looks = examined.train, examined.dev, max(1, len(found))
    made = []
    for each in found:
        gap, p = mean_difference(examined.losses(dev.y, dev.outputs) - examined.losses(dev.y, each.dev))
        fit, p_fit = None, 1.0
        if each.out_of_fold is not None:
            own = examined.losses(train.y, train.outputs)
            fit, p_fit = mean_difference(own - examined.losses(train.y, each.out_of_fold))
        made.append(Beside(each.name, gap, min(1.0, p * looks), fit, min(1.0, p_fit * looks)))
    return tuple(made)


def bias_findings(examined: Examined, compared: Sequence[Beside]) -> list[Finding]:
    """That a reference predicts unseen examples better than the network fits its own: avoidable bias."""
    dev_loss = _dev_loss(examined)
    return _bias(examined, compared, dev_loss) if dev_loss > 0 else []


def verdict_findings(
    examined: Examined, compared: Sequence[Beside], growth: Growth | None, own: Growth | None = None
) -> list[Finding]:
    """What the references show about the other gaps: variance, more data, or that nothing measured does better.

    ``growth`` is the learning curve of a reference, ``own`` that of the network.
    """
    dev_loss = _dev_loss(examined)
    if not compared or dev_loss == 0:
        return []
    variance = _variance(examined, compared, dev_loss)
    more = _more_data(examined, own, dev_loss) or _more_data(examined, growth, dev_loss)
    if variance:
        return [*variance, *more]
    if own is not None and not own.falls:
        more = [replace(each, strength=WEAK) for each in more]  # a curve of another model, against the network's own
    concluding = [each for each in more if each.concludes]
    return concluding or [*_floor(examined, compared, own or growth, dev_loss), *more]


def _dev_loss(examined: Examined) -> float:
    return float(examined.losses(examined.dev.y, examined.dev.outputs).mean())


def _matters(examined: Examined, gap: Estimate, dev_loss: float) -> bool:
    limit = examined.matters if examined.by_share else SMALL_SHARE * dev_loss
    return gap.value > limit


def _bias(examined: Examined, compared: Sequence[Beside], dev_loss: float) -> list[Finding]:
    shown = [
        each
        for each in compared
        if each.on_training is not None and each.p_training < CLEAR and _matters(examined, each.on_training, dev_loss)
    ]
    if not shown:
        return []
    best = max(shown, key=lambda each: each.on_training.value if each.on_training else 0.0)
    assert best.on_training is not None
    better = best.on_dev.value > 0
    by, what = _shown(examined, best.on_training), _what(examined)
    statement = (
        f"Avoidable bias: {best.name} predicts training examples that it has not seen better than the network fits "
        f"them; the network's training {what} is higher by {by.plain()} ({by.range()})."
    )
    return [
        Finding(
            "avoidable-bias",
            statement,
            (Quantity(f"training {what} above that of {best.name} on unseen examples", by), *_on_dev(examined, best)),
            STRONG if better else MODERATE,
            "Measure what closes the gap: leadline sound RUN tries a bigger network, other rates and more epochs.",
            BIAS,
            settle="A sounding, or the probes of the training with more time.",
        )
    ]


def with_capacity(finding: Finding, left: Estimate | None) -> Finding:
    """Avoidable bias with what the network makes of 100 examples alone: whether its size is in the way.

    ``left`` is the share of them, or of their variance, that it did not learn by heart; None where it was not measured.
    """
    if finding.code != "avoidable-bias" or left is None:
        return finding
    evidence = (*finding.evidence, Quantity(f"not learnt by heart of {left.n} training examples", left))
    if left.value > ENOUGH:
        return replace(
            finding,
            code="cannot-memorize",
            stage=finding.stage,
            evidence=evidence,
            statement=f"{finding.statement} The network does not learn even {left.n} examples by heart: it leaves "
            f"{left.plain()} of them.",
            next_step="Use a bigger network (network.layers), or look for what keeps its gradients from the first "
            "layers: activations that saturate, a bad start.",
        )
    return replace(
        finding,
        evidence=evidence,
        statement=f"{finding.statement} The network learns {left.n} examples by heart (all but {left.plain()}), so "
        "what holds it back is the training, or that it needs more units for all of them.",
    )


def _variance(examined: Examined, compared: Sequence[Beside], dev_loss: float) -> list[Finding]:
    """A reference does better on dev, though the network fits its training examples well."""
    shown = [
        each
        for each in compared
        if each.p_value < CLEAR and _matters(examined, each.on_dev, dev_loss) and _fits_as_well(each)
    ]
    if not shown:
        return []
    best = max(shown, key=lambda each: each.on_dev.value)
    by, what = _shown(examined, best.on_dev), _what(examined)
    step, settle = REGULARIZE, "A sounding of the penalties, and of more data (leadline sound RUN)."
    if examined.images_without_convolutions:
        step, settle = CONVOLVE, "A training with convolutional layers, or with augmentation."
    statement = (
        f"Variance: {best.name} learnt from the same examples and predicts dev examples better, by {by.plain()} "
        f"({by.range()}) of {what}, though the network fits its training examples no worse."
    )
    return [
        Finding(
            "variance",
            statement,
            _on_dev(examined, best),
            STRONG,
            step,
            VARIANCE,
            settle=settle,
        )
    ]


def _fits_as_well(each: Beside) -> bool:
    return each.on_training is None or each.on_training.value <= 0


def _more_data(examined: Examined, growth: Growth | None, dev_loss: float) -> list[Finding]:
    if growth is None or not growth.falls:
        return []
    of_network = growth.of_network
    gain = Estimate(growth.doubling, n=len(examined.dev), unit="points" if examined.by_share else "")
    if not _matters(examined, gain, dev_loss) and growth.doubling < SMALL_SHARE * dev_loss:
        return []
    overfits, gap = _overfits(examined)
    if growth.losses[-1] > AS_NEAR * dev_loss and not overfits and not of_network:
        return []  # what a worse model has still to learn, the network may know
    fall, what = _shown(examined, growth.fall), _what(examined)
    statement = (
        f"More training data would help: from {growth.sizes[-2]} to {growth.sizes[-1]} training examples the dev "
        f"{what} of {growth.name} still fell by {fall.plain()} ({fall.range()})."
    )
    if overfits:
        statement += f" The network's dev {what} is {_shown(examined, gap).plain()} above its training {what}."
    return [
        Finding(
            "more-data-helps",
            statement,
            (Quantity(f"fall of the dev {what} from half to all training examples", fall),),
            STRONG if overfits or of_network else MODERATE,
            f"Collect more training data: twice as many should take off about {gain.plain()} more.",
            VARIANCE,
            settle="A sounding, which measures the network's own learning curve.",
        )
    ]


def _overfits(examined: Examined) -> tuple[bool, Estimate]:
    train, dev = examined.train, examined.dev
    gap, p = independent_difference(examined.losses(train.y, train.outputs), examined.losses(dev.y, dev.outputs))
    return gap.value > 0 and p < CLEAR, gap


def _floor(examined: Examined, compared: Sequence[Beside], growth: Growth | None, dev_loss: float) -> list[Finding]:
    """Nothing measured does better; said of noise only where models of other kinds are about as good."""
    near = [each for each in compared if each.p_value > UNCLEAR or each.on_dev.value >= -AS_GOOD * dev_loss]
    closest = max(compared, key=lambda each: each.on_dev.value)
    by, what = _shown(examined, closest.on_dev), _what(examined)
    evidence = (Quantity(f"network's dev {what} less that of {closest.name}", by),)
    ahead = closest.on_dev.value > 0 and closest.p_value < UNLIKELY
    own_is_flat = growth is not None and growth.of_network and growth.fall.interval[1] < FLAT * dev_loss
    may_be_better = ahead or closest.on_dev.interval[1] >= AS_GOOD * dev_loss
    if _overfits(examined)[0] and may_be_better and not own_is_flat:
        return []  # a reference may well do better, so the gap to the training error is not known to be noise
    if not _beats_constant(examined):
        return [_nothing_beats_constant(examined, evidence)]
    could_be_much_better = closest.on_dev.interval[1] >= MUCH_BETTER * dev_loss
    if len(near) < 2 or could_be_much_better or (ahead and _matters(examined, closest.on_dev, dev_loss)):
        return [_open(closest, by, evidence)]
    statement = (
        f"Nothing that was measured does better than the network: {listed([each.name for each in near])} come to about "
        f"the same dev {what} ({closest.name}: difference {by.plain()}, {by.range()})."
    )
    if growth is not None and not growth.falls:
        statement += (
            f" From {growth.sizes[-2]} to {growth.sizes[-1]} examples the dev {what} of {growth.name} no longer fell "
            "clearly."
        )
    flat = growth is not None and growth.fall.interval[1] < 0.5 * dev_loss
    return [
        Finding(
            "noise-floor",
            statement,
            evidence,
            STRONG if flat and by.interval[1] < AS_GOOD * dev_loss else MODERATE,
            "Stop tuning, or find inputs that say more about the target: the error looks like noise in these inputs.",
            settle="A human level (goal.human_error), or a second target for some examples, tells noise from bias.",
        )
    ]


def _open(closest: Beside, by: Estimate, evidence: tuple[Quantity, ...]) -> Finding:
    return Finding(
        "inconclusive",
        f"Nothing measured does clearly better than the network: {closest.name} is nearest to doing so, by "
        f"{by.plain()} ({by.range()}). What remains may be bias or noise.",
        evidence,
        MODERATE,
        "Give the human level (goal.human_error), or sound the remedies: leadline sound.",
        settle="A human level, or a sounding of a bigger network.",
    )


def _beats_constant(examined: Examined) -> bool:
    """Whether the network is clearly better on dev than the best constant prediction."""
    dev = examined.dev
    constant = examined.losses(dev.y, examined.constant(examined.train.y, len(dev)))
    gain, p = mean_difference(constant - examined.losses(dev.y, dev.outputs))
    return gain.value > 0 and p < CLEAR


def _nothing_beats_constant(examined: Examined, evidence: tuple[Quantity, ...]) -> Finding:
    dev = examined.dev
    own, constant = (
        examined.error(dev.y, outputs) for outputs in (dev.outputs, examined.constant(examined.train.y, len(dev)))
    )
    return Finding(
        "inconclusive",
        f"Inputs have to do with the target, but neither the network nor a reference is clearly better than the "
        f"constant prediction: dev {examined.metric} {own.plain()} against {constant.plain()}. Whether more can be "
        "learnt cannot be told.",
        (*evidence, Quantity(f"dev {examined.metric} of the constant prediction", constant)),
        MODERATE,
        (
            "Measure by a metric that sees weak signals (goal.optimizing, such as roc_auc), or get"
            if examined.classifies
            else "Get"
        )
        + " more examples, or inputs that say more about the target.",
        settle="More examples, in which a small signal shows.",
    )


def _on_dev(examined: Examined, best: Beside) -> tuple[Quantity, ...]:
    return (Quantity(f"network's dev {_what(examined)} above that of {best.name}", _shown(examined, best.on_dev)),)


def _what(examined: Examined) -> str:
    return (
        "error" if examined.by_share else "squared error" if examined.task == "regression" else "share of wrong answers"
    )


def _shown(examined: Examined, gap: Estimate) -> Estimate:
    """A difference of losses as people read it: points, or variances of the target."""
    low, high = gap.interval
    unit = "" if examined.task == "regression" else "points"
    return Estimate(gap.value, low, high, gap.n, gap.level, unit)
