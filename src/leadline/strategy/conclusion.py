"""Which gap to work on, and how that reads in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from leadline.measure.intervals import about
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
from leadline.strategy.remedies import Remedy
from leadline.strategy.wording import capitalized, listed, size_text

# Two gaps whose sizes differ by less than this share are both worked on: 10 against 9 points is no ranking.
ABOUT_EQUAL = 0.8
FIRST_STEPS = {
    BIAS: "Train a bigger network, longer or with a better optimizer.",
    VARIANCE: "Get more training data or regularize (L2, dropout, augmentation).",
    f"{BIAS} and {VARIANCE}": "Measure the training error too, which tells bias from variance.",
    MISMATCH: "Look through the dev mistakes, and make the training data more like the target.",
    OVERFITTING: "Use a bigger dev set, and look at the test set less often.",
}


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
    sentences = [_unsure(ladder, gap) for gap in unsure if gap.reason or gap.size.interval[1] >= weighty]
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
    return f"{names} are present; which is the largest cannot be told with these examples."


def _unsure(ladder: Ladder, gap: Gap) -> str:
    name = capitalized(gap.name)
    if gap.reason:
        return f"{name} cannot be told, for {gap.reason}{_share_of_spread(ladder, gap)}."
    enough = "" if gap.needed is None else f"; about {about(gap.needed)} examples in {gap.needed_in} would tell"
    return f"{name} cannot be told: {size_text(ladder, gap)}{enough}."


def _share_of_spread(ladder: Ladder, gap: Gap) -> str:
    """How the error compares with predicting the mean: all that can be said without a Bayes level."""
    upper = ladder.rung(gap.upper)
    if not ladder.spread or upper is None:
        return ""
    share = upper.error.value / ladder.spread
    return f"; the {upper.name} {ladder.metric} is {100 * share:.0f} % of the target's standard deviation"


def next_step(ladder: Ladder, principal: Sequence[str], found: Sequence[Remedy]) -> str:
    """The first remedy that the evidence supports, else what the gap itself asks for."""
    if found:
        return f"{found[0].title}: {found[0].reason}"
    if principal:
        return FIRST_STEPS[principal[0]]
    unsure = [gap for gap in ladder.gaps if gap.verdict == CANNOT_TELL]
    countable = [gap for gap in unsure if gap.needed is not None]
    if countable:
        gap = max(countable, key=lambda gap: gap.size.value)
        return f"Measure {gap.needed_in} on about {about(gap.needed or 0)} examples to judge {gap.name}."
    if unsure:
        return "Give the human level, or train a bigger network: if its training error falls, there was bias."
    if "test" in ladder.closed:
        return "Open the test set once, to report an error that no choice has touched."
    return "Look through the remaining mistakes, or stop here."
