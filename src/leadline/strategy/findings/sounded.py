"""What a sounding says among the findings: it was measured, so it overrules what rules and gaps alone would advise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from leadline.measure.intervals import Estimate
from leadline.strategy.findings.catalogue import DATA, GAP, LIMIT, SOUNDING, TRAINING
from leadline.strategy.findings.finding import MODERATE, STRONG, Finding, Quantity
from leadline.strategy.findings.ranking import ranked

MORE_DATA, HELPS, NOT_MEASURED = "more_data", "helps", "not measured"
REMEDIES_OF_CODE = {
    "diverges": ("learning_rate",),
    "learning-rate-too-high": ("learning_rate",),
    "learning-rate-too-low": ("learning_rate",),
    "training-cut-off": ("longer_training",),
    "penalty-too-strong": ("l2", "l1"),
    "dropout-too-strong": ("dropout",),
    "inputs-not-normalized": ("input_normalization",),
    "cannot-memorize": ("bigger_network",),
    "avoidable-bias": ("bigger_network", "optimizer"),
}
"""Keys of the remedies that would put right what a finding of the training says."""


def after_sounding(findings: Iterable[Finding], record: Mapping[str, Any]) -> tuple[Finding, ...]:
    """The findings of a run with what its sounding has measured, the conclusion first.

    ``record`` has the keys of ``soundings.json``. Faults of the data stay in front, for they make the measured errors
    meaningless. Then comes the remedy that lowers the dev error most, of those that clearly do; or, where none does,
    that none was found, unless a fault of the training is shown whose remedy was not measured, or the conclusion was
    already that nothing is left to do. An earlier sounding's findings are replaced.
    """
    kept = [finding for finding in findings if finding.kind.stage != SOUNDING]
    measured = [each for each in record["soundings"] if each["change"] is not None and each["verdict"] != NOT_MEASURED]
    helping = [each for each in measured if each["verdict"] == HELPS]
    if helping:
        best = min(helping, key=lambda each: each["change"]["value"])
        return ranked([*kept, _helps(best, str(record["run"]))])
    return ranked([*kept, _none_helps(measured)]) if measured and _overruled(kept, measured) else ranked(kept)


def _overruled(findings: Sequence[Finding], measured: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the conclusion is one that measured remedies overrule when none of them helps."""
    conclusion = ranked(findings)[0] if findings else None
    if conclusion is None or conclusion.kind.stage in (DATA, LIMIT):
        return False
    keys = {each["key"] for each in measured}
    remedies = REMEDIES_OF_CODE.get(conclusion.code, ())
    return conclusion.kind.stage == GAP or (conclusion.kind.stage == TRAINING and any(key in keys for key in remedies))


def _helps(sounding: Mapping[str, Any], run: str) -> Finding:
    change = Estimate.from_json(sounding["change"])
    name = f"{sounding['title']}: {sounding['option']}" if sounding["option"] else sounding["title"]
    statement = f"{name} lowers the dev error, as measured: {change.signed()} ({change.range()})."
    more = sounding["key"] == MORE_DATA
    step = "Collect more training data: twice the examples" if more else f"{name} (leadline next {run} trains it)"
    return Finding(
        "remedy-helps",
        statement,
        (Quantity(f"change of the dev error with {name}", change),),
        STRONG,
        f"{step}.",
        sounding["moves"][0],
        {} if more else dict(sounding["changes"]),
    )


def _none_helps(measured: Sequence[Mapping[str, Any]]) -> Finding:
    least = min(measured, key=lambda each: each["change"]["value"])
    change = Estimate.from_json(least["change"])
    statement = (
        f"None of the {len(measured)} remedies that were measured lowers the dev error beyond chance; "
        f"{least['title']} promises most, {change.signed()} ({change.range()})."
    )
    return Finding(
        "no-remedy-helps",
        statement,
        (Quantity(f"change of the dev error with {least['title']}", change),),
        MODERATE,
        "Sound longer, which gives narrower intervals, or look through the dev mistakes for inputs that say more.",
        settle="A longer sounding, or a bigger dev set.",
    )
