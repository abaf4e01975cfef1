"""From what was measured of each remedy to what it says: corrected changes, verdicts, and what to do next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from leadline.measure import Estimate
from leadline.runs.run import Run
from leadline.soundings.candidates import LONGER, MORE_DATA
from leadline.soundings.effects import (
    CANNOT_TELL,
    HELPS,
    HURTS,
    OUTCOME_LEVEL,
    Effect,
    chance_of_gain,
    outcome,
    shrunk,
    usual_variance,
    verdict,
)
from leadline.soundings.measurement import Fidelity, RemedyMeasurement
from leadline.soundings.result import NOT_MEASURED, Sounding, Soundings

PROMISING = 0.65
"""A remedy is worth its training from this chance on that the error falls."""
PROXY_DOUBT = 0.5  # the share of a change that a shorter training may have over- or understated


@dataclass(frozen=True)
class Baseline:
    """The run's own experiment with other seeds.

    ``sd`` is the spread of one training to the next, ``full_seconds`` what the run took by itself; ``run_error`` is the
    dev error of the run.
    """

    error: Estimate
    train_error: float
    sd: float
    seeds: int
    full_seconds: float
    run_error: float


def findings(base: Baseline, lines: Sequence[RemedyMeasurement], fidelity: Fidelity, run: Run) -> Soundings:
    """Set the remedies beside each other.

    Where many are tried the best has had luck as well. What was chosen by some seeds has been measured with others, and
    every change is drawn towards none by the luck that its measurement can have had (`leadline.soundings.effects`).
    """
    scale = 1.0 if fidelity.full else base.run_error / base.error.value if base.error.value else 1.0
    measured = [line for line in lines if line.dev is not None and line.remedy.key != MORE_DATA]
    effects = [_doubted(line, _scaled(line.dev, scale)) for line in measured if line.dev is not None]
    usual = usual_variance(effects, base.error.value)
    usual_of_seeds = usual_variance(effects, base.error.value, seeds_only=True)
    soundings = [_sounding(line, base, fidelity, scale, usual, usual_of_seeds) for line in lines]
    soundings.sort(key=lambda sounding: (sounding.change is None, sounding.change.value if sounding.change else 0.0))
    best = next((s for s in soundings if s.changes and s.verdict == HELPS), None)
    promising = next((s for s in soundings if s.changes and (s.chance or 0.0) >= PROMISING), None)
    curve = next((line.curve for line in lines if line.curve is not None), None)
    ladder = run.diagnosis.ladder
    return Soundings(
        run.name,
        ladder.metric,
        ladder.unit,
        run.diagnosis.principal,
        base.error,
        base.train_error,
        base.seeds,
        fidelity.epochs,
        fidelity.data,
        0.0,
        0.0,
        "all",
        tuple(soundings),
        curve,
        None if best is None else best.key,
        _advice(best or promising, soundings, run.name),
        tuple(_notes(base, len(measured), fidelity)),
    )


def _sounding(
    line: RemedyMeasurement, base: Baseline, fidelity: Fidelity, scale: float, usual: float, usual_of_seeds: float
) -> Sounding:
    remedy, option = line.remedy, line.option
    changes = dict(option.changes) if option else {}
    label = option.label if option else ""
    shown = Sounding(
        remedy.key,
        remedy.title,
        remedy.moves,
        option=label,
        changes=changes,
        seeds=line.seeds,
        tried=tuple(line.tried),
        note=line.note,
        cost=_cost(line, base),
    )
    if line.diverged:
        return replace(shown, verdict=HURTS)
    if line.dev is None:
        return replace(shown, verdict=NOT_MEASURED if line.skipped else CANNOT_TELL)
    unit = "points" if base.error.unit == "%" else base.error.unit
    raw = _scaled(line.dev, scale)
    gap = _scaled(line.gap, scale) if line.gap is not None else None
    start = base.error.value if fidelity.full else base.run_error
    if remedy.key == MORE_DATA:
        return _more_data(shown, line, raw, gap, unit, base)
    change = shrunk(_doubted(line, raw), usual)
    misfit = PROXY_DOUBT * abs(raw.value) if not fidelity.full or _extrapolated(line) else 0.0
    misfit = misfit if fidelity.full else (misfit**2 + base.sd**2) ** 0.5
    return replace(
        shown,
        verdict=verdict(change),
        change=change.measured(unit),
        measured=raw.measured(unit),
        gap_change=None if gap is None else shrunk(gap, usual).measured(unit),
        outcome=outcome(raw, start, usual_of_seeds, base.error.unit, misfit),
        chance=round(chance_of_gain(change), 4),
    )


def _extrapolated(line: RemedyMeasurement) -> bool:
    """Whether nothing but a curve speaks for longer training."""
    return line.remedy.key == LONGER and line.note.startswith("Extrapolated")


def _doubted(line: RemedyMeasurement, change: Effect) -> Effect:
    """An effect that was only extrapolated is less sure than its curve: the law says that it can only be a gain."""
    if not _extrapolated(line):
        return change
    return replace(change, seeds=math.hypot(change.seeds, PROXY_DOUBT * abs(change.value)))


def _more_data(
    shown: Sounding, line: RemedyMeasurement, raw: Effect, gap: Effect | None, unit: str, base: Baseline
) -> Sounding:
    """More data is not chosen among options, so nothing is taken back: the law says what its interval is."""
    curve = line.curve
    first = curve.forecasts[0] if curve is not None and curve.forecasts else None
    change = raw.measured(unit)
    ends = None
    if first is not None:
        ends = Estimate(first.error, first.low, first.high, None, OUTCOME_LEVEL, base.error.unit)
    return replace(
        shown,
        verdict=verdict(raw),
        change=change,
        measured=change,
        gap_change=None if gap is None else gap.measured(unit),
        outcome=ends,
        chance=round(chance_of_gain(raw), 4),
    )


def _cost(line: RemedyMeasurement, base: Baseline) -> float | None:
    """Seconds of the full training: the run's own, times what this took beside the baseline."""
    if line.cost is None:
        return None
    return round(base.full_seconds * line.cost, 2)


def _scaled(change: Effect, scale: float) -> Effect:
    return Effect(scale * change.value, scale * change.sampling, scale * change.seeds, scale * change.seed_sd)


def _advice(best: Sounding | None, soundings: Sequence[Sounding], run: str) -> str:
    """What to do next in a sentence or two: the best of what clearly helps, more data included.

    What only may help is called so, with what would tell, and is never the next step.
    """
    data = next((s for s in soundings if s.key == MORE_DATA and s.change is not None and s.verdict == HELPS), None)
    texts = [_promise(best, run)] if best is not None and best.change is not None else []
    if data is not None and data.change is not None:
        clear = best is not None and best.verdict == HELPS and best.change is not None
        change = f"{data.change.signed()} ({data.change.range()})"
        if clear and best is not None and best.change is not None and best.change.value <= data.change.value:
            return texts[0]
        text = f"Twice the training data would {'do more' if clear else 'help'}: {change}."
        return " ".join([*texts, text] if clear else [text, *texts])
    return texts[0] if texts else "Nothing that was measured is expected to lower the dev error beyond chance."


def _promise(best: Sounding, run: str) -> str:
    change = best.change
    assert change is not None
    effect = f"{best.name} is expected to change the dev error by {change.signed()} ({change.range()})"
    if best.verdict == HELPS:
        return f"{effect}: leadline next {run} trains it."
    return (
        f"No remedy helps beyond chance. {effect}, with a chance of {100 * (best.chance or 0):.0f} %: a longer "
        f"sounding would tell, or leadline next {run} --remedy {best.key} tries it."
    )


def _notes(base: Baseline, count: int, fidelity: Fidelity) -> list[str]:
    notes = [
        (
            f"Each change is the mean over seeds beside the run's own experiment ({base.seeds} seeds), on the same dev "
            "examples. Options were chosen with some seeds and measured with others."
        )
    ]
    if count > 1:
        notes.append(
            f"The best of {count} remedies is chosen for its measured change: every change is shrunk for "
            "selection bias."
        )
    if not fidelity.full:
        shares = [
            f"{_part(share)} of the {what}"
            for share, what in ((fidelity.epochs, "epochs"), (fidelity.data, "training examples"))
            if share < 1
        ]
        notes.append(
            f"To keep to the budget each network had {' and '.join(shares)}; what the full training would change is "
            "estimated in proportion, and less sure."
        )
    return notes


def _part(share: float) -> str:
    return f"1/{round(1 / share)}"
