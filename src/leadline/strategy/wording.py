"""How a ladder reads as plain text: the table, the sizes in sentences, and the notes below it."""

from __future__ import annotations

from collections.abc import Sequence

from leadline.measure.intervals import Estimate, difference
from leadline.strategy.ladder import BIAS, EXAMPLES, VARIANCE, Gap, Ladder, Level, Rung
from leadline.strategy.probes import NO_TIME, Probing
from leadline.text import capitalized, duration, grouped

BAR = 24
_EIGHTHS = " ▏▎▍▌▋▊▉█"
CLOSED = "closed (open it with leadline diagnose RUN --open-test)"


def ladder_text(ladder: Ladder, principal: Sequence[str] = ()) -> str:
    """The ladder as aligned lines: a set with its error, interval, n and a bar; a gap with its verdict.

    Below it stands what was measured beside the network.
    """
    top = max(each.error.value for each in (*ladder.rungs, *ladder.levels)) or 1.0
    gaps = {gap.upper: _gap_cells(gap, gap.name in principal) for gap in ladder.gaps}
    rows: list[tuple[str, str, str, str]] = []
    for rung in ladder.rungs:
        if rung.name in gaps:
            rows.append(gaps[rung.name])
        rows.append(_rung_cells(ladder, rung, rung.error.value / top))
    beside = [_level_cells(level, level.error.value / top) for level in ladder.levels]
    name, value, interval = (max(len(row[k]) for row in (*rows, *beside)) for k in range(3))

    def line(row: tuple[str, str, str, str]) -> str:
        a, b, c, d = row
        return f"  {a:<{name}}  {b:>{value}}  {c:<{interval}}  {d}".rstrip()

    lines = [line(row) for row in rows]
    lines += [f"  {'test':<{name}}  {CLOSED}" for closed in ladder.closed if closed == "test"]
    lines += ["Measured beside the network", *map(line, beside)] if beside else []
    title = "Error" if ladder.metric == "error" else f"Error ({ladder.metric})"
    return "\n".join([f"{title} with {100 * ladder.rungs[-1].error.level:.0f} % interval over {EXAMPLES}", *lines])


def _rung_cells(ladder: Ladder, rung: Rung, share: float) -> tuple[str, str, str, str]:
    error = rung.error
    if rung.assumed:
        return (rung.name, error.plain(), "assumed", "") if ladder.unit == "%" else (rung.name, "", "unknown", "")
    count = "" if error.n is None else f"n = {grouped(error.n)}"
    return rung.name, error.plain(), error.range(), f"{_bar(share):<{BAR}}  {count}"


def _level_cells(level: Level, share: float) -> tuple[str, str, str, str]:
    error = level.error
    count = "" if error.n is None else f"n = {grouped(error.n)}"
    count += "" if level.over == EXAMPLES else f", over {level.over}"
    return level.name, error.plain(), error.range(), f"{_bar(share):<{BAR}}  {count}"


def _gap_cells(gap: Gap, is_principal: bool) -> tuple[str, str, str, str]:
    verdict = gap.verdict + (" ←" if is_principal else "")
    if gap.reason:
        return "  " + gap.name, "", "", verdict
    return "  " + gap.name, gap.size.signed(), gap.size.range(), verdict


def _bar(share: float) -> str:
    eighths = round(share * BAR * 8)
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


def size_text(ladder: Ladder, gap: Gap) -> str:
    """Such as ``dev error is 6.1 points above training error (4.0 to 8.9)``."""
    size = gap.size
    number = f"{size.number(abs(size.value))} {size.unit}".rstrip()
    side = "above" if size.value >= 0 else "below"
    interval = f" ({size.range()})" if size.range() else ""
    return f"{_set_text(ladder, gap.upper)} is {number} {side} {_set_text(ladder, gap.lower)}{interval}"


def _set_text(ladder: Ladder, name: str) -> str:
    error = "error" if ladder.metric == "error" else ladder.metric
    return {"train": f"training {error}", "human": "the human level"}.get(name, f"{name} {error}")


def notes(ladder: Ladder, probing: Probing | None = None) -> tuple[str, ...]:
    """What has to be said besides the conclusion."""
    about_ladder = (
        *_assumed_human(ladder),
        *_below_human(ladder),
        *_easier(ladder),
        *_counted_exact(ladder),
        *_rough(ladder),
    )
    return about_ladder + (() if probing is None else _about_probes(probing))


def _about_probes(probing: Probing) -> tuple[str, ...]:
    """How long the probes took, and which were left out."""
    if probing.allowed == 0:
        return (
            "Probes were left out (--quick): nothing was measured beside the run. leadline diagnose RUN makes them.",
        )
    text = f"Probes beside the run took {duration(probing.seconds)} of {duration(probing.allowed)} allowed."
    late = [name for name, reason in probing.skipped.items() if reason == NO_TIME]
    rest = [f"{name} ({reason})" for name, reason in probing.skipped.items() if reason != NO_TIME]
    if late:
        text += f" Left out for want of time: {', '.join(late)}; leadline diagnose RUN --budget 2m makes them."
    return (text + (f" Left out: {', '.join(rest)}." if rest else ""),)


def _rough(ladder: Ladder) -> list[str]:
    """What may keep an interval from holding as often as it states."""
    warned = [rung for rung in ladder.rungs[1:] if rung.error.warning]
    return [f"{capitalized(_set_text(ladder, rung.name))}: {rung.error.warning}." for rung in warned]


def _assumed_human(ladder: Ladder) -> list[str]:
    if not ladder.rungs[0].assumed or ladder.unit != "%":
        return []
    bias, variance = ladder.gap(BIAS), ladder.gap(VARIANCE)
    if not bias or not variance or not bias.size.value > variance.size.value > variance.matters:
        return ["Human level assumed 0 %."]
    # From here on the conclusion hangs on the assumption.
    turn = Estimate(bias.size.value - variance.size.value)
    return [f"Human level assumed 0 %; if it is above {turn.plain()}, variance is the larger gap."]


def _below_human(ladder: Ladder) -> list[str]:
    """Passing the human level is never left unsaid, nor said where the interval does not show it."""
    human = ladder.rungs[0]
    gaps = [] if human.assumed else [(rung, difference(human.error, rung.error)) for rung in ladder.rungs[1:]]
    found = []
    for rung, gap in gaps:
        if gap.value <= 0:
            continue
        interval = f" ({gap.range()})" if gap.range() else ""
        text = f"{capitalized(_set_text(ladder, rung.name))} is {gap.plain()} below the human level{interval}"
        if gap.range() and gap.interval[0] <= 0:
            found.append(f"{text}; the interval includes 0, so it cannot be said to have passed that level.")
        elif rung.name in ("train", "train-dev"):
            found.append(f"{text}: that level is no guide to the Bayes error any more, so bias may be hidden.")
        elif gap.range():
            found.append(f"{text}: on these examples the model has passed that level.")
        else:
            found.append(f"{text}; without numbers of examples it cannot be said to have passed that level.")
    return found


def _easier(ladder: Ladder) -> list[str]:
    """A set that is predicted clearly better than the one before it is easier; it hides other gaps."""
    found = []
    for gap in ladder.gaps[1:]:
        if gap.size.has_interval and gap.size.interval[1] < 0:
            upper = capitalized(_set_text(ladder, gap.upper))
            lower = _set_text(ladder, gap.lower)
            unit = f" {gap.size.unit}".rstrip()
            found.append(f"{upper} is clearly below {lower} ({gap.size.range()}{unit}): that set may be easier.")
    return found


def _counted_exact(ladder: Ladder) -> list[str]:
    """Where some sets have a size and others not, the latter count as exact: say so."""
    measured = [rung for rung in ladder.rungs if rung.error.has_interval]
    bare = [rung.name for rung in ladder.rungs[1:] if not rung.error.has_interval]
    if not measured or not bare:
        return []
    return [f"The number of examples of {' and '.join(bare)} is not given, so the error counts as exact there."]
