"""From measured errors to a conclusion and a next step.

Bring errors from anywhere: counts, predictions of any framework, residuals, or bare percentages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import ArrayLike

from leadline.errors import UsageError
from leadline.measure.intervals import Estimate, wilson
from leadline.measure.metrics import Metric, as_error, evaluate, metric
from leadline.measure.regression import root_mean_square
from leadline.strategy.conclusion import (
    gap_findings,
    principal_gaps,
    principal_names,
    too_few_dev_examples,
    with_measured,
)
from leadline.strategy.evidence import Evidence
from leadline.strategy.findings import DATA, TESTS, WEAK, Finding, correct, ranked
from leadline.strategy.findings.sounded import after_sounding
from leadline.strategy.ladder import Ladder, Level, build_ladder, settled
from leadline.strategy.probes import Probing
from leadline.strategy.remedies import Advice, remedies_for
from leadline.strategy.wording import ladder_text, notes


@dataclass(frozen=True)
class Diagnosis:
    """Where the error comes from and what to do next.

    Attributes:
        ladder: the measured errors and gaps.
        principal: names of the gaps to work on, the largest first; several where none stands out; empty where
            no gap is present.
        conclusion: the statement of the strongest finding.
        next_step: the one thing to do: that finding's.
        remedies: for the principal gaps, in the order to try, as far as the run's evidence supports them.
        notes: what else has to be said, such as an assumed human level.
        findings: what the measurements show, the strongest first; empty in a diagnosis that was saved before there
            were any.
        probing: seconds that probes beside the run were allowed and took; None where none could be made, as for bare
            errors.

    """

    ladder: Ladder
    principal: tuple[str, ...]
    conclusion: str
    next_step: str
    remedies: tuple[Advice, ...] = ()
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    probing: Probing | None = None

    def to_json(self) -> dict[str, Any]:
        """The ladder's keys with those of the diagnosis; ``from_json`` reads them back."""
        return self.ladder.to_json() | {
            "principal": list(self.principal),
            "conclusion": self.conclusion,
            "next_step": self.next_step,
            "remedies": [remedy.to_json() for remedy in self.remedies],
            "notes": list(self.notes),
            "findings": [finding.to_json() for finding in self.findings],
            "probing": None if self.probing is None else self.probing.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Diagnosis:
        """The inverse of ``to_json``; what was saved before there were findings has none."""
        probing = data.get("probing")
        return cls(
            Ladder.from_json(data),
            tuple(data["principal"]),
            data["conclusion"],
            data["next_step"],
            tuple(Advice.from_json(remedy) for remedy in data["remedies"]),
            tuple(data["notes"]),
            tuple(Finding.from_json(finding) for finding in data.get("findings", ())),
            None if probing is None else Probing.from_json(probing),
        )

    def after_sounding(self, record: Mapping[str, Any]) -> Diagnosis:
        """The diagnosis with what a sounding has measured; ``record`` has the keys of ``soundings.json``."""
        shown = after_sounding(self.findings, record)
        if not shown:
            return self  # saved before there were findings
        return replace(self, findings=shown, conclusion=shown[0].statement, next_step=shown[0].next_step)

    def __str__(self) -> str:
        lines = [ladder_text(self.ladder, self.principal), "", f"Conclusion: {self.conclusion}"]
        lines += [f"Note: {note}" for note in self.notes]
        return "\n".join([*lines, f"Next step: {self.next_step}"])


def diagnose(
    errors: Mapping[str, Estimate],
    human: Estimate | float | None = None,
    *,
    evidence: Evidence | None = None,
    matters: float | None = None,
    metric: str = "error",
    closed: Sequence[str] = (),
    spread: float | None = None,
    findings: Sequence[Finding] = (),
    about_gaps: Sequence[Finding] = (),
    levels: Sequence[Level] = (),
    probing: Probing | None = None,
) -> Diagnosis:
    """Diagnose a model from its measured errors.

    Args:
        errors: by set: any of train, train-dev, dev and test.
        human: error of the human (or Bayes) level; None leaves avoidable bias open and says so.
        evidence: facts of the run; without them there is a next step but no remedies.
        matters: the gap size that matters; by default a tenth of the dev error, for rates at least half a
            point.
        metric: what the errors are.
        closed: sets kept shut, such as ``("test",)``.
        spread: standard deviation of a regression target.
        findings: what probes beside the run have shown of its data and its training.
        about_gaps: what they have shown of bias, variance and noise.
        levels: errors that were measured beside the network's, and bounds.
        probing: what the probes took.

    Raises:
        UsageError: for an unknown set or an impossible error.

    """
    ladder = build_ladder(errors, human, matters, metric, closed, spread, levels)
    names = tuple(gap.name for gap in principal_gaps(ladder))
    remedies = remedies_for(names, evidence) if evidence else ()
    tests = TESTS if probing is not None else 0
    probed = probing is not None and probing.allowed > 0
    shown = with_measured(gap_findings(ladder, remedies), about_gaps, human is None, probed)
    if probed and (small := too_few_dev_examples(ladder)) is not None:
        findings = [each if each.stage == DATA else replace(each, strength=WEAK) for each in findings]
        shown = (small, *(replace(each, strength=WEAK) for each in shown))
    shown = ranked([*correct(findings, tests), *shown])
    ladder, names = settled(ladder, shown), principal_names(ladder, shown)
    remedies = remedies_for(names, evidence) if evidence else ()
    first = shown[0]
    return Diagnosis(ladder, names, first.statement, first.next_step, remedies, notes(ladder, probing), shown, probing)


def diagnose_rates(
    errors: Mapping[str, float],
    n: Mapping[str, int] | None = None,
    human: float | None = None,
    **options: Any,
) -> Diagnosis:
    """Diagnose from bare error rates (fractions), with an interval for each set whose size is given.

    Raises:
        UsageError: for a size that belongs to no given error or is not positive, and as ``diagnose``.

    """
    sizes = dict(n or {})
    for name, size in sizes.items():
        if name != "human" and name not in errors:
            raise UsageError(f"The number of examples of {name} is given, but not its error.")
        if size < 1:
            raise UsageError(f"The number of examples of {name} must be at least 1, got {size}.")

    def rate(name: str, value: float) -> Estimate:
        if name not in sizes or not 0 <= value <= 1:
            return Estimate(value)
        low, high = wilson(value * sizes[name], sizes[name])
        return Estimate(value, float(low), float(high), sizes[name])

    measured = {name: rate(name, value) for name, value in errors.items()}
    return diagnose(measured, None if human is None else rate("human", human), **options)


def diagnose_predictions(
    sets: Mapping[str, tuple[ArrayLike, ArrayLike]],
    human: Estimate | float | None = None,
    metric_name: str | Metric = "error",
    groups: Mapping[str, ArrayLike] | None = None,
    **options: Any,
) -> Diagnosis:
    """Diagnose a classifier from its predictions, or any model by any metric.

    Args:
        sets: truth and prediction per set, as the metric needs them (classes, probabilities or values).
        human: error of the human level in the same form.
        metric_name: one of `leadline.measure.METRICS` or a metric. A maximized one enters the ladder as 1 − metric.
        groups: which examples of each set go together, such as copies or images of one patient; sets may be left out.
        **options: as for ``diagnose``.

    Raises:
        UsageError: for an unknown metric or arrays that do not fit.

    """
    found = metric(metric_name)
    together = groups or {}
    measured = {name: evaluate(metric_name, t, p, groups=together.get(name)) for name, (t, p) in sets.items()}
    errors = {name: as_error(metric_name, estimate) for name, estimate in measured.items()}
    title = found.title if found.direction == "minimize" else f"1 − {found.title}"
    return diagnose(errors, human, metric="error" if metric_name == "accuracy" else title, **options)


def diagnose_regression(
    residuals: Mapping[str, ArrayLike],
    human: Estimate | float | None = None,
    unit: str = "",
    spread: float | None = None,
    groups: Mapping[str, ArrayLike] | None = None,
    **options: Any,
) -> Diagnosis:
    """Diagnose a regressor from the residuals of each set, in the target's unit, by its RMSE.

    ``spread`` is the target's standard deviation: it sets the errors in proportion. Without a human or Bayes
    level the verdict on avoidable bias stays open, for noise and bias look alike.

    ``groups`` are those of `diagnose_predictions`.

    Raises:
        UsageError: for an empty set.

    """
    together = groups or {}
    errors = {
        name: root_mean_square(values, unit=unit, groups=together.get(name)) for name, values in residuals.items()
    }
    return diagnose(errors, human, metric="RMSE", spread=spread, **options)
