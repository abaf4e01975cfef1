"""What the ladder alone shows: which gaps to work on, what cannot be told, and how that reads in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from leadline.strategy.findings import GAP, LIMIT, MODERATE, STRONG, WEAK, Finding, Quantity
from leadline.strategy.ladder import (
    BIAS,
    CANNOT_TELL,
    MISMATCH,
    OVERFITTING,
    PRESENT,
    VARIANCE,
    Gap,
    Ladder,
    tell_apart,
)
from leadline.strategy.remedies import Advice
from leadline.strategy.wording import size_text
from leadline.text import about, capitalized, listed

# Two gaps whose sizes differ by less than this share are both worked on: 10 against 9 points is no ranking.
ABOUT_EQUAL = 0.8
LEAST_DEV, ENOUGH_DEV = 50, 200
HARDLY, MOST_HIDDEN = 0.005, 0.03
"""An error rate of so little, that is at most so much, leaves nothing to work on."""
EITHER = f"{BIAS} and {VARIANCE}"
CODES = {
    BIAS: "avoidable-bias",
    VARIANCE: "variance",
    EITHER: "bias-or-variance",
    MISMATCH: "data-mismatch",
    OVERFITTING: "overfitting-to-dev",
}
FIRST_STEPS = {
    BIAS: "Train a bigger network, longer or with a better optimizer.",
    VARIANCE: "Get more training data or regularize (L2, dropout, augmentation).",
    EITHER: "Measure the training error too, which tells bias from variance.",
    MISMATCH: "Look through the dev mistakes, and make the training data more like the target.",
    OVERFITTING: "Use a bigger dev set, and look at the test set less often.",
}


def gap_findings(ladder: Ladder, remedies: Sequence[Advice] = ()) -> tuple[Finding, ...]:
    """What the ladder shows by itself, the gap to work on first; one finding that says so where none is present.

    `remedies` for the gaps to work on, in the order to try, give the next step.
    """
    principal = principal_gaps(ladder)
    if not principal:
        return (_no_gap_present(ladder),)
    present = sorted((gap for gap in ladder.gaps if gap.verdict == PRESENT), key=lambda gap: -gap.size.value)
    first = _gap_finding(ladder, principal[0], conclusion(ladder, principal), remedies)
    rest = [
        _gap_finding(ladder, gap, f"{capitalized(gap.name)}: {size_text(ladder, gap)}.", remedies)
        for gap in present[1:]
    ]
    return (first, *rest)


def with_measured(
    shown: Sequence[Finding], about_gaps: Sequence[Finding], assumed: bool, probed: bool = False
) -> tuple[Finding, ...]:
    """What the ladder shows, with what was measured beside the network about its gaps.

    Where the human level is given the ladder goes first. Where it is assumed, a measurement goes before what the ladder
    shows of bias and variance; that nothing measured does better makes a gap to the training error a hint, for then it
    is not known to be avoidable. A measurement that tells nothing leaves the ladder as it is; where the run was
    ``probed`` and nothing that was measured closes the gap between training and dev error, what does is open.
    """
    if not about_gaps:
        return tuple(_unconfirmed(each) if probed and assumed else each for each in shown)
    telling = tuple(each for each in about_gaps if each.code != "inconclusive")
    if not assumed or not telling:
        if assumed and probed:
            shown = tuple(_unconfirmed(each) for each in shown)
        silent = [each for each in shown if each.code == "inconclusive"]
        kept = [each for each in shown if each not in silent] or list(about_gaps)
        return (*kept, *telling)
    settled = {BIAS, VARIANCE, EITHER}
    rest = [each for each in shown if each.code not in ("inconclusive", "no-gap")]
    return (*telling, *(replace(each, strength=WEAK) if each.gap in settled else each for each in rest))


def _unconfirmed(finding: Finding) -> Finding:
    """Variance that the ladder shows, where no other model was seen to have less of it."""
    if finding.code != "variance":
        return finding
    return replace(
        finding,
        strength=MODERATE,
        statement=f"{finding.statement} No model that was measured has less of it, so it may be noise learnt by heart.",
        next_step="Measure what closes the gap: leadline sound RUN tries penalties, dropout, a smaller network and "
        "more data.",
        change={},
        settle="A sounding, or more training data.",
    )


def principal_names(ladder: Ladder, shown: Sequence[Finding]) -> tuple[str, ...]:
    """Names of the gaps to work on: those of the ladder, and before them the one that a measurement speaks of."""
    measured = [each.gap for each in shown if each.concludes and each.gap and each.stage != LIMIT]
    names = [gap.name for gap in principal_gaps(ladder)]
    known = {gap.name for gap in ladder.gaps}
    return tuple(dict.fromkeys([*(name for name in measured[:1] if name in known), *names]))


def _gap_finding(ladder: Ladder, gap: Gap, statement: str, remedies: Sequence[Advice]) -> Finding:
    remedy = next((each for each in remedies if each.gap in gap.name.split(" and ")), None)
    step = FIRST_STEPS[gap.name] if remedy is None else f"{remedy.title}: {remedy.reason}"
    return Finding(
        CODES[gap.name],
        statement,
        (Quantity(gap.name, gap.size),),
        STRONG if gap.size.has_interval else MODERATE,
        step,
        gap.name,
        {} if remedy is None else remedy.change,
        "" if gap.size.has_interval else "Numbers of examples would give this gap an interval.",
        stage=GAP,
    )


def _hardly_wrong(ladder: Ladder) -> Finding | None:
    """That hardly any dev example is wrong, and none or few can be beyond it: no gap can be large then."""
    rung = ladder.rung("dev")
    if rung is None or ladder.unit != "%" or rung.error.n is None or rung.error.value > HARDLY:
        return None
    if rung.error.interval[1] > MOST_HIDDEN:
        return None
    return Finding(
        "no-gap",
        f"Hardly a dev example is wrong: {ladder.metric} {rung.error.plain()} ({rung.error.range()}). No gap can be "
        "larger than that.",
        (Quantity(f"dev {ladder.metric}", rung.error),),
        MODERATE,
        "Open the test set once, to report an error that no choice has touched; or stop here."
        if "test" in ladder.closed
        else "Stop here, or make sure that the dev set is as hard as the use.",
        settle="A harder dev set, or a bigger one.",
    )


def _no_gap_present(ladder: Ladder) -> Finding:
    if (little := _hardly_wrong(ladder)) is not None:
        return little
    unsure = [gap for gap in ladder.gaps if gap.verdict == CANNOT_TELL]
    code = "inconclusive" if unsure else "no-gap"
    evidence = tuple(Quantity(gap.name, gap.size) for gap in ladder.gaps if not gap.reason)
    step = _step_without_gap(ladder, unsure)
    return Finding(code, conclusion(ladder, ()), evidence, MODERATE, step, settle=step if unsure else "")


def too_few_dev_examples(ladder: Ladder) -> Finding | None:
    """That the dev set is too small for its error to tell anything; None where it is not.

    With fewer than `LEAST_DEV` examples a difference of ten points is within the luck of their draw.
    """
    rung = ladder.rung("dev")
    if rung is None or rung.error.n is None or rung.error.n >= LEAST_DEV:
        return None
    error, name = rung.error, "error" if ladder.metric == "error" else ladder.metric
    spread = f", but with {error.n} examples it may be anything from {error.range()}" if error.range() else ""
    return Finding(
        "inconclusive",
        f"The dev set has {error.n} examples: too few to tell where the error comes from. The dev {name} is "
        f"{error.plain()}{spread}.",
        (Quantity(f"dev {name}", error),),
        STRONG,
        f"Use a bigger dev set: split.dev = {ENOUGH_DEV}, or more, or as much as can be spared from the training set.",
        change={"split.dev": ENOUGH_DEV},
        settle="A bigger dev set, or cross-validation (train --folds 5).",
        stage=GAP,
    )


def principal_gaps(ladder: Ladder) -> tuple[Gap, ...]:
    """The gaps to work on: the largest present one, and those that are about as large or not told from it."""
    present = sorted((gap for gap in ladder.gaps if gap.verdict == PRESENT), key=lambda gap: -gap.size.value)
    if not present:
        return ()
    first, *others = present
    return (first, *(g for g in others if _about_equal(first, g) or not _told_apart(ladder, first, g)))


def _about_equal(first: Gap, second: Gap) -> bool:
    return second.size.value >= ABOUT_EQUAL * first.size.value


def _told_apart(ladder: Ladder, first: Gap, second: Gap) -> bool:
    apart = tell_apart(ladder, first, second)
    return not apart.has_interval or apart.interval[0] > 0


def conclusion(ladder: Ladder, principal: Sequence[Gap]) -> str:
    """The finding: the gaps to work on, then those that cannot be told and could be of that order."""
    weighty = 0.5 * principal[0].size.value if principal else 0.0
    unsure = [gap for gap in ladder.gaps if gap.verdict == CANNOT_TELL]
    sentences = [_unsure(ladder, gap) for gap in unsure if gap.size.interval[1] >= weighty]
    if principal or sentences:
        return " ".join([_to_work_on(ladder, principal), *sentences] if principal else sentences)
    gap = ladder.gaps[0]
    limit = f"{gap.size.number(gap.matters)} {gap.size.unit}".rstrip()
    return f"No gap is larger than what matters ({limit})."


def _to_work_on(ladder: Ladder, principal: Sequence[Gap]) -> str:
    first, *others = principal
    if not others:
        return f"{capitalized(first.name)} is the gap to work on: {size_text(ladder, first)}."
    names = capitalized(listed([f"{gap.name} ({gap.size.plain()})" for gap in principal]))
    if all(_about_equal(first, gap) for gap in others):
        return f"{names} are present and about equally large: each is worth working on."
    return f"{names} are present; these examples do not show which is the largest."


def _unsure(ladder: Ladder, gap: Gap) -> str:
    name = capitalized(gap.name)
    if gap.reason:
        return f"{name} is inconclusive, for {gap.reason}{_share_of_spread(ladder, gap)}."
    enough = "" if gap.needed is None else f"; about {about(gap.needed)} examples in {gap.needed_in} would tell"
    return f"{name} is inconclusive: {size_text(ladder, gap)}{enough}."


def _share_of_spread(ladder: Ladder, gap: Gap) -> str:
    """How the error compares with predicting the mean: all that can be said without a Bayes level."""
    upper = ladder.rung(gap.upper)
    if not ladder.spread or upper is None:
        return ""
    share = upper.error.value / ladder.spread
    return f"; the {upper.name} {ladder.metric} is {100 * share:.0f} % of the target's standard deviation"


def _step_without_gap(ladder: Ladder, unsure: Sequence[Gap]) -> str:
    countable = [gap for gap in unsure if gap.needed is not None]
    if countable:
        gap = max(countable, key=lambda gap: gap.size.value)
        return f"Measure {gap.needed_in} on about {about(gap.needed or 0)} examples to judge {gap.name}."
    if unsure:
        return "Give the human level, or train a bigger network: if its training error falls, there was bias."
    if "test" in ladder.closed:
        return "Open the test set once, to report an error that no choice has touched."
    return "Look through the remaining mistakes, or stop here."
