from __future__ import annotations

from leadline.measure import Estimate
from leadline.soundings.candidates import LONGER
from leadline.soundings.effects import Effect
from leadline.soundings.findings import Baseline, _cost, _doubted, _sounding
from leadline.soundings.measurement import Fidelity, RemedyMeasurement
from leadline.strategy.remedies import Option, RemedyOptions

BASE = Baseline(Estimate(0.1, 0.08, 0.12, 500), 0.02, 0.005, 5, 10.0, 0.11)


def line(key: str = "dropout", note: str = "", diverged: bool = False, skipped: bool = False) -> RemedyMeasurement:
    remedy = RemedyOptions(key, "Title", ("variance",), (Option("a way", {"training.l2": 1.0}),), {})
    found = Effect(-0.02, 0.002, 0.002, 0.004)
    made = RemedyMeasurement(remedy, remedy.options[0], found, found, found, seeds=4, cost=3.0, note=note)
    made.diverged, made.skipped = diverged, skipped
    return made


def test_what_was_only_extrapolated_is_less_sure():
    curve = line(LONGER, "Extrapolated from trainings of up to 20 epochs.")
    assert curve.dev is not None
    assert _doubted(curve, curve.dev).seeds > 0.01
    assert _doubted(line(), curve.dev) == curve.dev


def test_the_cost_is_in_proportion_to_the_runs_own():
    assert _cost(line(), BASE) == 30.0


def test_verdicts_of_lines():
    full = Fidelity()
    helps = _sounding(line(), BASE, full, 1.0, 0.01, 0.01)
    assert helps.verdict == "helps"
    assert helps.outcome is not None
    assert abs(helps.outcome.value - 0.08) < 0.001
    assert _sounding(line(diverged=True), BASE, full, 1.0, 0.01, 0.01).verdict == "hurts"
    skipped = line(skipped=True)
    skipped.dev = None
    assert _sounding(skipped, BASE, full, 1.0, 0.01, 0.01).verdict == "not measured"


def test_short_trainings_start_from_the_runs_own_error_and_are_less_sure():
    short = _sounding(line(), BASE, Fidelity(epochs=0.25), 1.1, 0.01, 0.01)
    full = _sounding(line(), BASE, Fidelity(), 1.0, 0.01, 0.01)
    assert short.outcome is not None
    assert full.outcome is not None
    assert abs(short.outcome.value - (0.11 - 0.022)) < 0.001
    widths = [high - low for low, high in (short.outcome.interval, full.outcome.interval)]
    assert widths[0] > 2 * widths[1]
