"""Draw cases of families, train them, and count how often the advice on them is right."""

from __future__ import annotations

import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from leadline.experiment import Experiment
from leadline.measure import wilson
from leadline.runs.run import Run
from leadline.runs.trained import TrainedNetwork
from leadline.session.test_set import open_test_set
from leadline.session.training import run_experiment
from leadline.soundings import sound
from leadline.training import DivergenceError

from .case import FAMILIES, Case, Family, Step, as_table, class_names
from .verdict import HARMFUL, OPEN, RIGHT, VERDICTS, judge, step_of

TRUE_SEEDS = (7_001, 7_002, 7_003)
LEAST_GAIN = 0.01
"""The share of the true error by which it has to fall, or rise, to count."""
OF_DATA = {
    Step.TARGET_DATA,
    Step.REVIEW_LABELS,
    Step.REMOVE_COLUMN,
    Step.SPLIT_BY_TIME,
    Step.SPLIT_BY_GROUP,
    Step.DUPLICATES,
    Step.OTHER_METRIC,
    Step.NO_SIGNAL,
    Step.BIGGER_DEV,
    Step.LOOK,
}


@dataclass(frozen=True)
class Trial:
    """One draw of a family: what was advised, and whether it was right."""

    family: str
    number: int
    step: Step
    verdict: str
    text: str
    seconds: float


@dataclass
class Tally:
    """Verdicts and steps of one family."""

    verdicts: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def add(self, trial: Trial) -> None:
        """Count a trial."""
        self.verdicts[trial.verdict] += 1
        self.steps[trial.step] += 1
        self.seconds += trial.seconds


def case(family: Family, number: int) -> Case:
    """The family's draw of that number, always the same."""
    return family.make(np.random.default_rng([zlib.crc32(family.name.encode()), number]))


def train(drawn: Case, folder: str) -> Run:
    """Train the case's experiment, as often as it was looked at, and return the best run by its dev error."""
    experiment = Experiment().replace(drawn.changes)
    seed = experiment.training.seed
    found = [
        run_experiment(experiment.replace({"training.seed": seed + k}), drawn.data, runs=folder)
        for k in range(drawn.looks)
    ]
    best = min(found, key=lambda run: run.summary.errors["dev"].value)
    return open_test_set(best, drawn.data) if drawn.open_test else best


def true_error(run: Run, drawn: Case, n: int = 3000) -> float:
    """The run's error on n further examples: the fraction wrong, or the RMSE over the target's standard deviation."""
    assert drawn.draw is not None
    rows, target = drawn.draw(n, np.random.default_rng(1))
    found = TrainedNetwork.from_run(run).predict(rows if isinstance(rows, np.ndarray) else as_table(rows, target)[0])
    if target.dtype.kind == "f":
        return float(np.sqrt(np.mean(np.square(found - target))) / np.std(target))
    names = target.astype(str) if isinstance(rows, np.ndarray) else class_names(target)
    return float(np.mean(found.astype(str) != np.asarray(names)))


def try_family(family: Family, number: int, sounding: float = 0.0) -> Trial:
    """Draw, train, diagnose and judge; with a ``sounding`` of so many seconds, judge what is said after it."""
    drawn = case(family, number)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        try:
            run = train(drawn, folder)
            if sounding:
                sound(run, sounding, drawn.data)
            diagnosis = run.diagnosis
            step, text = step_of(diagnosis), f"{diagnosis.conclusion} | {diagnosis.next_step}"
            found = judge(step, family)
            if step == Step.MEASURED:
                found = judge_measured(run, drawn, family, folder)
        except DivergenceError as error:
            text = str(error)
            step = Step.LOWER_RATE if "lower" in text else Step.OTHER
            found = judge(step, family)
    return Trial(family.name, number, step, found, text, time.perf_counter() - started)


def judge_measured(run: Run, drawn: Case, family: Family, folder: str) -> str:
    """Whether a change that a sounding advises is right: it lowers the error on new examples, in the mean of seeds.

    Where the truth is a fault of the data a better network is the wrong direction, whatever it does to that error.
    """
    if family.right <= OF_DATA or drawn.draw is None:
        return HARMFUL
    change = dict(run.diagnosis.findings[0].change)
    if not change:
        return judge(Step.MORE_DATA, family)
    errors = []
    for changes in ({}, change):
        experiments = [run.experiment.replace({**changes, "training.seed": seed}) for seed in TRUE_SEEDS]
        trained = [run_experiment(each, drawn.data, runs=folder) for each in experiments]
        errors.append(float(np.mean([true_error(each, drawn) for each in trained])))
    ratio = errors[1] / errors[0] if errors[0] else 1.0
    return RIGHT if ratio < 1 - LEAST_GAIN else HARMFUL if ratio > 1 + LEAST_GAIN else OPEN


def try_families(names: Iterable[str] = (), draws: int = 20, first: int = 0) -> list[Trial]:
    """So many draws of each family, all by default."""
    chosen = [FAMILIES[name] for name in names or FAMILIES]
    return [try_family(family, first + k) for family in chosen for k in range(draws)]


def tallies(trials: Iterable[Trial]) -> dict[str, Tally]:
    """The trials counted by family."""
    found: dict[str, Tally] = {}
    for trial in trials:
        found.setdefault(trial.family, Tally()).add(trial)
    return found


def share(trials: Sequence[Trial], verdict: str) -> tuple[float, float, float]:
    """The share of trials with this verdict and its 95 % Wilson interval, as fractions."""
    count = sum(trial.verdict == verdict for trial in trials)
    low, high = wilson(count, len(trials))
    return count / len(trials), float(low), float(high)


def table(trials: Sequence[Trial]) -> str:
    """A Markdown table by family, with all in its last line."""
    lines = [
        f"| family | {RIGHT} | {OPEN} | {HARMFUL} | what was advised |",
        "|---|---|---|---|---|",
    ]
    for name, tally in tallies(trials).items():
        steps = ", ".join(f"{step} {count}" for step, count in tally.steps.most_common(3))
        counts = " | ".join(str(tally.verdicts[verdict]) for verdict in VERDICTS)
        lines.append(f"| {name.replace('_', ' ')} | {counts} | {steps} |")
    shares = [_percent(*share(trials, verdict)) for verdict in VERDICTS]
    return "\n".join([*lines, f"| all {len(trials)} | {' | '.join(shares)} | |"])


def _percent(value: float, low: float, high: float) -> str:
    return f"{100 * value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
