"""The error ladder as a figure: rungs with their intervals, gaps between them, on one scale.

Its places are shares of the width, so the page draws it as an SVG that needs no script and fits any screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from leadline.measure.intervals import Estimate
from leadline.report.quantities import THIN, count, with_unit
from leadline.strategy.ladder import EXAMPLES, PRESENT, RUNGS, Gap, Ladder, Level, Rung
from leadline.text import about


@dataclass(frozen=True)
class RungRow:
    """A measured, assumed or closed error: places in percent of the width, texts as shown."""

    name: str
    at: float | None = None
    low: float | None = None
    high: float | None = None
    value: str = ""
    note: str = ""
    kind = "rung"


@dataclass(frozen=True)
class LevelRow(RungRow):
    """What was measured beside the network, or a bound of what any model can reach, in the form of a rung."""

    kind = "level"


@dataclass(frozen=True)
class GapRow:
    """The step between two rungs: what it means, from where to where, how large, and the verdict."""

    name: str
    verdict: str
    present: bool
    note: str
    value: str = ""
    start: float | None = None
    end: float | None = None
    kind = "gap"


@dataclass(frozen=True)
class LadderFigure:
    """Rungs and gaps from top to bottom, with the ticks of their scale (place in percent, text) and its title."""

    rows: Sequence[RungRow | GapRow]
    ticks: Sequence[tuple[float, str]]
    axis: str


@dataclass(frozen=True)
class _Scale:
    """From 0 to ``top``, in the unit of the errors."""

    top: float

    def place(self, value: float) -> float:
        return round(100 * min(max(value / self.top, 0.0), 1.0), 3)


def ladder_figures(ladders: Sequence[Ladder]) -> list[LadderFigure]:
    """Several ladders, those of one unit on one scale."""
    reach: dict[str, float] = {}
    for ladder in ladders:
        reach[ladder.unit] = max(reach.get(ladder.unit, 0.0), _reach(ladder))
    return [ladder_figure(ladder, reach[ladder.unit]) for ladder in ladders]


def ladder_figure(ladder: Ladder, reach: float | None = None) -> LadderFigure:
    """Lay out the ladder, on a scale up to ``reach`` or its own largest error; closed sets keep their place."""
    unit = ladder.unit
    factor = 100.0 if unit == "%" else 1.0
    ticks = nice_ticks(factor * (_reach(ladder) if reach is None else reach))
    scale = _Scale(ticks[-1] / factor)
    rungs = {rung.name: rung for rung in ladder.rungs}
    gaps = {gap.upper: gap for gap in ladder.gaps}
    rows: list[RungRow | GapRow] = []
    for name in RUNGS:
        if name in gaps:
            rows.append(_gap(gaps[name], rungs, scale))
        if name in rungs:
            rows.append(_rung(rungs[name], scale, unit))
        elif name in ladder.closed:
            rows.append(RungRow(name, note="closed"))
    rows += [_level(level, scale) for level in ladder.levels]
    title = f"{ladder.metric} ({unit})" if unit else ladder.metric
    return LadderFigure(rows, [(100 * tick / ticks[-1], _tick(tick)) for tick in ticks], title)


def _reach(ladder: Ladder) -> float:
    return max(max(each.error.interval) for each in (*ladder.rungs, *ladder.levels))


def nice_ticks(high: float, most: int = 5) -> list[float]:
    """Round numbers from 0 to the first one at or above ``high``, at most ``most`` steps of 1, 2 or 5 times ten."""
    if high <= 0:
        return [0.0, 1.0]
    rough = high / most
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    return [round(step * index, 12) for index in range(ceil(high / step - 1e-9) + 1)]


def measured_note(error: Estimate) -> str:
    """The interval and the number of examples, such as ``1.3 to 4.7 % · n = 360``."""
    examples = "" if error.n is None else f"n{THIN}={THIN}{count(error.n)}"
    return " · ".join(part for part in (error.range(), examples) if part)


def _rung(rung: Rung, scale: _Scale, unit: str) -> RungRow:
    error = rung.error
    if rung.assumed and unit != "%":
        return RungRow(rung.name, note="unknown")  # 0 is no level to expect in the unit of a target
    at, value = scale.place(error.value), with_unit(error.number(), error.unit)
    if not error.has_interval:
        return RungRow(rung.name, at, value=value, note="assumed" if rung.assumed else measured_note(error) or "given")
    low, high = error.interval
    return RungRow(rung.name, at, scale.place(low), scale.place(high), value, measured_note(error))


def _level(level: Level, scale: _Scale) -> LevelRow:
    error = level.error
    low, high = error.interval if error.has_interval else (error.value, error.value)
    value = with_unit(error.number(), error.unit)
    note = measured_note(error) + ("" if level.over == EXAMPLES else f" · over {level.over}")
    return LevelRow(level.name, scale.place(error.value), scale.place(low), scale.place(high), value, note)


def _gap(gap: Gap, rungs: dict[str, Rung], scale: _Scale) -> GapRow:
    present = gap.verdict == PRESENT
    if gap.reason:
        return GapRow(gap.name, gap.verdict, present, gap.reason)
    start, end = (scale.place(rungs[name].error.value) for name in (gap.lower, gap.upper))
    value = with_unit(_signed(gap.size, gap.size.value), gap.size.unit)
    notes = (
        [f"{_signed(gap.size, gap.size.low)} to {_signed(gap.size, gap.size.high)}"] if gap.size.has_interval else []
    )
    if gap.needed:
        notes.append(f"about {about(gap.needed).replace(' ', THIN)} examples in {gap.needed_in} would tell")
    return GapRow(gap.name, gap.verdict, present, " · ".join(notes), value, start, end)


def _signed(size: Estimate, value: float | None) -> str:
    number = size.number(value).replace("-", "−")
    return number if number.startswith("−") else f"+{number}"


def _tick(value: float) -> str:
    return count(round(value)) if value >= 1000 else f"{value:g}"
