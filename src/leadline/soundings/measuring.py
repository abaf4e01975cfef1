"""Measures one remedy: which variants it takes, and what their errors say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from leadline.runs.goals import MEASURED_ANYWAY
from leadline.search import Variant
from leadline.soundings.candidates import LONGER, MORE_DATA
from leadline.soundings.clock import OutOfTimeError
from leadline.soundings.effects import Effect, difference, effect
from leadline.soundings.learning_curve import Levels, curve_sizes, learning_curve, levels_of
from leadline.soundings.measurement import Fidelity, RemedyMeasurement
from leadline.soundings.power_law import fit_power_law
from leadline.soundings.result import TriedOption
from leadline.soundings.scores import Score
from leadline.soundings.training import BudgetedTrainer, Trained
from leadline.soundings.variants import nested_subsets, penalty_for, with_epochs
from leadline.strategy.remedies import Option, RemedyOptions

# Seeds of their own for the baseline, the first tries and the measurement: what is chosen by some seeds is measured by
# others, so that the luck of the chosen is not counted as the remedy's.
BASELINE, TRYING, MEASURING = 1_000, 2_000, 3_000
LEAST_SEEDS = 2


class Measuring:
    """Measures remedies of one experiment against its baseline, which it trains first.

    ``seconds_alone`` is what the experiment takes when it is trained in full and alone, as the run was.
    """

    def __init__(
        self, bench: BudgetedTrainer, fidelity: Fidelity, unit: str, seconds_alone: float, targets: Sequence[float] = ()
    ) -> None:
        self.bench, self.fidelity, self.unit, self.targets = bench, fidelity, unit, targets
        self.seconds_alone = seconds_alone
        self.full = bench.plan.experiment
        self.short = with_epochs(self.full, fidelity.epochs) if fidelity.epochs != 1 else {}
        self.experiment = self.full.replace(self.short)
        self.m = len(bench.plan.split.train)
        self.baseline: list[Trained] = []
        self.seeds_of_baseline = fidelity.seeds

    # ----- variants

    def variant(self, changes: Mapping[str, Any], seed: int, subset: np.ndarray | None = None) -> Variant:
        """The experiment in short with these changes and this seed, on this part of the training set."""
        penalty: dict[str, Any] = {}
        if subset is None and self.fidelity.data < 1:
            (subset,) = nested_subsets(self.bench.plan, [self.n], seed)
        changes = {**self.short, **changes}
        if subset is not None:
            penalty = penalty_for(self.full.replace(changes), len(subset), self.m)
        return self.bench.variant({**changes, **penalty}, seed, subset)

    def several(self, changes: Mapping[str, Any], first_seed: int, seeds: int) -> list[Variant]:
        """The same with several seeds."""
        return [self.variant(changes, first_seed + k) for k in range(seeds)]

    @property
    def n(self) -> int:
        """Training examples of each network."""
        return max(1, round(self.m * self.fidelity.data))

    def variants_of(self, remedy: RemedyOptions) -> list[Variant]:
        """All that measuring the remedy would train, to estimate what it takes."""
        fidelity = self.fidelity
        if remedy.key == MORE_DATA:
            return [variant for variants in self._smaller_sets() for variant in variants]
        if remedy.key == LONGER:
            shares = [] if self._beginnings_tell else [0.25, 0.5]
            factors = [*shares, 2.0] if fidelity.full else shares
            return [v for f in factors for v in self.several(with_epochs(self.experiment, f), TRYING, fidelity.seeds)]
        tries, seeds = self.numbers(remedy)
        measured = self.several(remedy.options[0].changes, MEASURING, seeds)
        if len(remedy.options) == 1:
            return measured
        return [v for option in remedy.options for v in self.several(option.changes, TRYING, tries)] + measured

    def numbers(self, remedy: RemedyOptions) -> tuple[int, int]:
        """How many seeds try each option of a remedy, and how many measure the best one.

        Few where its networks train one after another while the baseline's train at once, as with augmented images:
        what such a remedy changes is mostly large beside the luck of a seed.
        """
        alone = self.variant(remedy.options[0].changes, 0).kind is None and self.variant({}, 0).kind is not None
        return (1, LEAST_SEEDS) if alone else (self.fidelity.tries, self.fidelity.seeds)

    # ----- measuring

    def train_baseline(self) -> None:
        """Train the experiment itself with several seeds."""
        self.baseline = self._sound(self.bench.train(self.several({}, BASELINE, self.fidelity.seeds)))

    def more_seeds(self, line: RemedyMeasurement | None, seeds: int) -> list[Variant]:
        """The next seeds of a line, or of the baseline."""
        if line is None:
            return self.several({}, BASELINE + self.seeds_of_baseline, seeds)
        assert line.option is not None
        # Longer training has the baseline's seeds: with a constant rate it is the same training continued.
        first = BASELINE if line.remedy.key == LONGER else MEASURING
        return self.several(line.option.changes, first + len(line.group), seeds)

    def measure_again(self, lines: Sequence[RemedyMeasurement], among: Sequence[RemedyMeasurement], seeds: int) -> None:
        """Train so many more seeds of the baseline and of these lines, and see ``among`` all in the new light."""
        racing = [None, *lines]
        trained = self.bench.train([v for line in racing for v in self.more_seeds(line, seeds)])
        groups = [trained[k * seeds : (k + 1) * seeds] for k in range(len(racing))]
        self.seeds_of_baseline += seeds
        self.baseline += self._sound(groups[0])
        for line, group in zip(lines, groups[1:], strict=True):
            line.group += group
        for line in among:
            if line.group and not line.diverged:
                self._fill(line, line.group)

    def measure(self, remedy: RemedyOptions, proxy: RemedyOptions) -> RemedyMeasurement:
        """Measure a remedy; ``proxy`` is the same one for the experiment in short."""
        if remedy.key == MORE_DATA:
            return self._more_data(remedy)
        if remedy.key == LONGER:
            return self._longer(remedy)
        return self._options(remedy, proxy)

    def _options(self, remedy: RemedyOptions, proxy: RemedyOptions) -> RemedyMeasurement:
        """Try every option with few seeds, then measure the best one with fresh seeds."""
        line, best = RemedyMeasurement(remedy), 0
        tried: list[list[Trained]] = []
        if len(proxy.options) > 1:
            tried = self._try(proxy)
            errors = [_mean([network.dev for network in group]) for group in tried]
            line.tried = [
                TriedOption(option.label, error, len(group))
                for option, error, group in zip(remedy.options, errors, tried, strict=True)
            ]
            best = int(np.argmin(errors))
        line.option = remedy.options[best]
        if tried and self._clearly_worse(tried[best]):
            self._fill(line, tried[best])
            line.note = "Each option was worse by far, so none was measured with fresh seeds."
            return line
        try:
            group = self.bench.train(self.several(proxy.options[best].changes, MEASURING, self.numbers(proxy)[1]))
        except OutOfTimeError:
            if not tried:
                raise
            self._fill(line, tried[best])
            line.note = "The budget ended before the best option was measured with fresh seeds: it may be optimistic."
            return line
        self._fill(line, group)
        line.group = group
        return line

    def _try(self, remedy: RemedyOptions) -> list[list[Trained]]:
        tries, _ = self.numbers(remedy)
        variants = [v for option in remedy.options for v in self.several(option.changes, TRYING, tries)]
        trained = self.bench.train(variants)
        return [trained[k * tries : (k + 1) * tries] for k in range(len(remedy.options))]

    def _clearly_worse(self, group: Sequence[Trained]) -> bool:
        sound = self._sound(group)
        if not sound:
            return True
        change = effect(_dev(self.baseline), _dev(sound))
        return change.value > 3 * change.se

    def _fill(self, line: RemedyMeasurement, group: Sequence[Trained]) -> None:
        """The changes that these networks show."""
        sound = self._sound(group)
        line.seeds, line.diverged = len(sound), not sound or len(sound) < len(group) / 2
        line.cost = self._times_the_baseline(group)
        if line.diverged:
            line.note = f"Training diverged with {len(group) - len(sound)} of {len(group)} seeds."
            return
        before, after = self.baseline, sound
        line.dev = effect(_dev(before), _dev(after))
        line.train = effect([t.train for t in before], [t.train for t in after])
        upper = line.dev
        if before[0].train_dev is not None:
            upper = effect(*([t.train_dev for t in ts if t.train_dev is not None] for ts in (before, after)))
        line.gap = line.train if line.remedy.gap == "avoidable bias" else difference(upper, line.train)

    def _times_the_baseline(self, group: Sequence[Trained]) -> float:
        """How many times what the baseline takes these take; alone, where a population's share would not compare."""
        seconds = float(np.mean([network.seconds for network in group]))
        usual = float(np.mean([network.seconds for network in self.baseline]))
        if group[0].variant.kind is None and self.baseline[0].variant.kind is not None:
            usual = self.seconds_alone * self.fidelity.epochs * self.fidelity.data
        return seconds / usual

    @staticmethod
    def _sound(group: Sequence[Trained]) -> list[Trained]:
        return [network for network in group if not network.diverged]

    # ----- more data

    def _smaller_sets(self) -> list[list[Variant]]:
        classes = len(self.bench.plan.data.classes)
        batch = self.experiment.training.batch_size
        sizes = curve_sizes(self.n, classes, batch if isinstance(batch, int) else self.m)
        sets = []
        for k in range(self.fidelity.seeds):
            subsets = nested_subsets(self.bench.plan, sizes, BASELINE + k)
            sets.append([self.variant({}, BASELINE + k, subset) for subset in subsets])
        return sets

    def _more_data(self, remedy: RemedyOptions) -> RemedyMeasurement:
        smaller = self.bench.train([variant for variants in self._smaller_sets() for variant in variants])
        levels = levels_of([*smaller, *self.baseline])
        line = RemedyMeasurement(remedy, Option("twice the examples", {}), seeds=self.fidelity.seeds)
        line.cost = 2.0
        line.curve = learning_curve(levels, self.unit, self.targets, m=self.m)
        if not line.curve.allows_forecast:
            line.note = f"The curve allows no forecast: {line.curve.reason}"
            return line
        line.dev = _forecast_change(levels, self.m)
        train = [np.mean([t.train.error for t in group]) for group in _by_size([*smaller, *self.baseline])[-2:]]
        rate = 2 ** -(line.curve.c or 0.5)
        rise = Effect(float(train[1] - train[0]) * rate, 0.0, abs(float(train[1] - train[0])) * rate / 2, 0.0)
        line.train, line.gap = rise, difference(line.dev, rise)
        return line

    # ----- longer training

    @property
    def _beginnings_tell(self) -> bool:
        """Whether the epochs of a training say what shorter trainings reach.

        Their learning rate is the same only where it is constant, and each epoch's dev error is the loop's own measure.
        """
        constant = (self.experiment.training.schedule or {}).get("type", "constant") == "constant"
        return constant and self.bench.dev.metric.name in MEASURED_ANYWAY

    def _longer(self, remedy: RemedyOptions) -> RemedyMeasurement:
        """Extrapolate the error by length of training, then confirm by training on to twice the length.

        With a constant rate the shorter trainings are the beginnings of the baseline's, and twice the length with the
        same seed is the same training continued. Another schedule has to come to its end at every length.
        """
        line = RemedyMeasurement(remedy, remedy.options[0], seeds=len(self.baseline))
        promised = self._extrapolated(line)
        if not self.fidelity.full:
            return line
        try:
            group = self.bench.train(self.several(with_epochs(self.experiment, 2.0), BASELINE, self.fidelity.seeds))
        except OutOfTimeError:
            if line.dev is None:
                raise
            line.note += " The budget ended before this was confirmed."
            return line
        self._fill(line, group)
        line.group = group
        line.note = f"{promised} Confirmed by training on.".strip()
        return line

    def _extrapolated(self, line: RemedyMeasurement) -> str:
        """Fill in what the curve promises, and say it."""
        levels = self._lengths()
        line.cost = 2.0
        curve = learning_curve(levels, self.unit, of="epochs")
        if not curve.allows_forecast:
            line.note = f"The curve of the error by epochs allows no forecast: {curve.reason}"
            return ""
        epochs = self.full.training.epochs or 1
        line.dev = _forecast_change(levels, epochs)
        line.note = f"Extrapolated from trainings of up to {levels.sizes[-1]} epochs."
        law = fit_power_law(levels.sizes, list(levels.means), levels.noise)
        to = float(np.median(law.expected(2.0 * epochs)))
        return f"The curve promised {_shown(to, self.unit)}."

    def _lengths(self) -> Levels:
        """Scores by number of epochs."""
        epochs = self.experiment.training.epochs or 1
        if self._beginnings_tell:
            lengths = sorted({max(1, round(epochs * share)) for share in (0.125, 0.25, 0.5)})
            groups = [[_at(networks, length) for networks in self.baseline] for length in lengths]
        else:
            trained, lengths = [], []
            for share in (0.25, 0.5):
                changes = with_epochs(self.experiment, share)
                lengths.append(changes["training.epochs"])
                trained.append(self.several(changes, BASELINE, self.fidelity.seeds))
            networks = self.bench.train([variant for group in trained for variant in group])
            k = self.fidelity.seeds
            groups = [_dev(self._sound(networks[i * k : (i + 1) * k])) for i in range(len(trained))]
        kept = [(n, group) for n, group in zip(lengths, groups, strict=True) if group and n < epochs]
        return Levels([*(n for n, _ in kept), epochs], [*(group for _, group in kept), _dev(self.baseline)])


def _forecast_change(levels: Levels, now: int) -> Effect:
    """From ``now`` to twice as much, by the law of these levels."""
    law = fit_power_law(levels.sizes, list(levels.means), levels.noise)
    change = law.expected(2.0 * now) - law.expected(float(now))
    draws = [np.mean([score.draws for score in scores], 0) for scores in levels.scores[-2:]]
    sampling = float(np.std(draws[1] - draws[0]))
    return Effect(float(np.mean(change)), sampling, float(np.std(change)), levels.next_spread())


def _at(trained: Trained, epochs: int) -> Score:
    """The baseline's score as it was after so many epochs: the best so far where early stopping goes back to it."""
    stopping = trained.variant.experiment.training.early_stopping
    seen = trained.dev_errors[:epochs]
    error = min(seen) if stopping is not None and stopping.patience else seen[-1]
    return Score(error, trained.dev.draws - trained.dev.error + error)


def _by_size(group: Sequence[Trained]) -> list[list[Trained]]:
    sizes = sorted({network.n for network in group})
    return [[network for network in group if network.n == n] for n in sizes]


def _dev(group: Sequence[Trained]) -> list[Score]:
    return [network.dev for network in group]


def _mean(scores: Sequence[Score]) -> float:
    return float(np.mean([score.error for score in scores]))


def _shown(error: float, unit: str) -> str:
    return f"{100 * error:.2g} %" if unit == "%" else f"{error:.4g}"
