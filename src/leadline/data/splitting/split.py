"""Splits: which example serves for training, for steering (dev), and for the final judgement (test).

Automatic sizes: dev and test each take a fifth of the examples, and at most 10 000 of them, because 10 000
examples already tell an error of 10 % to within ±0.6 points. So 1 000 examples are split 60/20/20, 100 000
80/10/10, and a million 98/1/1. Where only one of the two is asked for it takes 30 % (70/30), at most 10 000.
Where extra sources serve for training, half of the target's examples can be spared: dev and test take a quarter each.
A precision asks for as many dev examples as tell such a difference between two error rates.
Source: course 2, train/dev/test sets; course 3, size of the dev and test sets, and training and testing on
different distributions.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from leadline.data.dataset import Dataset
from leadline.data.settings import Size, SplitSettings
from leadline.data.sources.raw import DEV as ROLE_DEV
from leadline.data.sources.raw import reading
from leadline.data.splitting.dealing import DEV, SETS, TEST, TRAIN, TRAIN_DEV, Sizes, assign, kept
from leadline.data.splitting.duplicates import duplicate_notices
from leadline.data.splitting.split_columns import SplitRequest
from leadline.errors import LeadlineError, UsageError
from leadline.files import replacing
from leadline.measure import examples_to_tell

ENOUGH = 10_000
"""Dev or test examples beyond which an automatic set does not grow, unless a precision asks for more."""

LARGEST_SHARE = 0.2
"""Dev or test never take more than this share of the examples by themselves."""


@dataclass(frozen=True, eq=False)
class Split:
    """Disjoint sets as ascending int64 row numbers of a data set; an unused set is empty.

    ``train_dev`` is held out of the training set (same distribution, never trained on). ``keys``, uint64 (n,), is
    the content of every row that was dealt (or of its group): by them a later split of more rows keeps these where
    they are.
    """

    train: np.ndarray
    dev: np.ndarray
    test: np.ndarray
    train_dev: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    notices: tuple[str, ...] = ()
    keys: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint64))

    @property
    def sets(self) -> dict[str, np.ndarray]:
        """The sets by name, empty ones too, in the order of the error ladder."""
        return {"train": self.train, "train_dev": self.train_dev, "dev": self.dev, "test": self.test}

    @property
    def sizes(self) -> dict[str, int]:
        """Number of examples in each set."""
        return {name: len(rows) for name, rows in self.sets.items()}

    def hash(self) -> str:
        """SHA-256 of which row belongs to which set: equal for equal splits on every machine."""
        digest = hashlib.sha256()
        for name, rows in self.sets.items():
            digest.update(f"{name}:{len(rows)};".encode())
            digest.update(np.ascontiguousarray(rows, dtype="<i8").data)
        return digest.hexdigest()

    def save(self, path: str | Path) -> None:
        """Write the row numbers of each set, and the keys, to an ``.npz`` file."""
        with replacing(path) as draft, draft.open("wb") as file:
            np.savez_compressed(
                file, train=self.train, train_dev=self.train_dev, dev=self.dev, test=self.test, keys=self.keys
            )

    @classmethod
    def load(cls, path: str | Path) -> Split:
        """Read what `save` wrote; LeadlineError for a file that is none or whose rows are in two sets."""
        source = Path(path).name
        if not Path(path).is_file():
            raise LeadlineError(f"{path}: no such file; split.file names a split that was saved, such as a run's.")
        with reading(source, "a split"), np.load(path, allow_pickle=False) as arrays:
            made = cls(**{name: arrays[name] for name in (*SETS, "keys")})
        rows = np.concatenate(list(made.sets.values()))
        if len(np.unique(rows)) != len(rows) or rows.min(initial=0) < 0 or rows.max(initial=-1) >= len(made.keys):
            raise LeadlineError(f"{source} is not a split: its sets share rows, or name rows that it does not know.")
        return made


def automatic_sizes(
    n: int, dev: bool = True, test: bool = True, extra: bool = False, enough: int = ENOUGH
) -> tuple[int, int]:
    """Numbers of dev and test examples for n examples (see the head of this module); 0 where not asked for.

    ``extra``: training has other sources besides these n. ``enough``: where a set stops growing.
    """
    share = LARGEST_SHARE if dev and test else 0.3
    size = min(round((0.25 if extra else share) * n), enough)
    if size == 0 and n >= 1 + dev + test:
        size = 1
    return size * dev, size * test


def split(data: Dataset, settings: SplitSettings | None = None, *, groups: Any = None, times: Any = None) -> Split:
    """Deal the examples of ``data`` to train, dev and test sets, as the settings say.

    Sets that came from files of their own are kept, and extra sources go to training; the others are drawn from the
    main source, seeded, and by default stratified by class. ``groups`` and ``times`` (n,) are values given in
    Python, in place of columns. Raises UsageError for sizes that do not fit, LeadlineError for a training set that
    is empty or lacks a class which dev or test have.
    """
    settings = settings or SplitSettings()
    request = SplitRequest.of(data, settings, groups, times)
    role = np.zeros(data.n, np.int8) if data.sets is None else data.sets
    if settings.file is not None:
        request = _as_before(request, role, settings.file)
    sets, notices = assign(request, role, partial(set_sizes, data, settings))
    train, dev, test, train_dev = (np.flatnonzero(sets == code) for code in (TRAIN, DEV, TEST, TRAIN_DEV))
    made = Split(train, dev, test, train_dev)
    check_classes(data, made)
    if settings.duplicates != "ignore":
        notices += duplicate_notices(data, made.sets)
    notices += classes_not_measured(data, made)
    unused = data.n - sum(made.sizes.values())
    if unused and not request.gives_reason:
        notices.append(f"{unused} examples are in no set, because of the sizes under [split].")
    if (role == ROLE_DEV).any() and not made.sizes["test"]:
        notices.append("The test set is empty: dev came from its own file; give [data.test] or split.test.")
    return replace(made, notices=(*request.notices, *notices), keys=request.keys)


def _as_before(request: SplitRequest, role: np.ndarray, path: str) -> SplitRequest:
    """The sets that an earlier split gives to the rows, old and new."""
    earlier = Split.load(path)
    known = int(np.isin(request.keys, earlier.keys).sum())
    n = len(role)
    notice = f"{known} of {n} examples stay in the sets that {path} has them in; {n - known} are new."
    given = kept(request.keys, earlier.keys, earlier.sets, role)
    return replace(request, given=given, notices=(*request.notices, notice))


def set_sizes(
    data: Dataset, settings: SplitSettings, n: int, n_extra: int, dev_given: bool, test_given: bool
) -> tuple[Sizes, list[str]]:
    """Numbers of examples to draw: dev and test from n of the main source, train-dev from all that training has."""
    want_dev = settings.dev != 0 and not dev_given
    want_test = settings.test != 0 and not test_given and not (settings.test == "auto" and dev_given)
    enough, notices = _enough(data, settings, n, want_dev and settings.dev == "auto")
    auto_dev, auto_test = automatic_sizes(n, want_dev, want_test, n_extra > 0, enough)
    auto_train_dev = min(round(0.1 * n_extra), auto_dev or ENOUGH) if n_extra else 0
    train_dev = _count(settings.train_dev, n + n_extra, auto_train_dev)
    if settings.train != "auto":
        taken = sum(_count(size, n, 0) for size in (settings.train, settings.dev, settings.test)) + train_dev
        autos = (want_dev and settings.dev == "auto") + (want_test and settings.test == "auto")
        spare = n + (n_extra if isinstance(settings.train, int) else 0) - taken
        auto_dev = auto_test = max(min(spare, n), 0) // max(autos, 1)
    dev = _count(settings.dev, n, auto_dev) if want_dev else 0
    test = _count(settings.test, n, auto_test) if want_test else 0
    rest = n + n_extra - dev - test - train_dev
    train = _count(settings.train, n, rest)
    if isinstance(settings.train, float) and abs(train - rest) <= 3:
        train = rest  # fractions that add up to 1 leave nobody out because of rounding
    if train > rest or train < 1 or dev + test > n:
        asked = f"train {train}, train-dev {train_dev}, dev {dev}, test {test}"
        raise UsageError(f"split: {n + n_extra} examples do not suffice for {asked}; lower the sizes under [split].")
    return Sizes(train, dev, test, train_dev), notices


def _enough(data: Dataset, settings: SplitSettings, n: int, automatic: bool) -> tuple[int, list[str]]:
    """How many examples an automatic set needs, and what the precision that was asked for comes to."""
    if settings.precision is None:
        return ENOUGH, []
    if not data.classes:
        raise UsageError("split.precision: is a difference of error rates; for a regression give split.dev as a count.")
    needed = examples_to_tell(settings.precision, settings.expected_error)
    points, error = 100 * settings.precision, 100 * settings.expected_error
    if not automatic:
        return needed, []
    requirement = (
        f"Telling error rates {points:.3g} points apart, near {error:.3g} %, takes {needed} dev examples (95 % level, "
        "80 % power)"
    )
    possible = round(LARGEST_SHARE * n)
    if needed <= possible:
        return needed, [f"{requirement}: the dev set has them."]
    return needed, [
        f"{requirement}; the dev set takes a fifth of the data at most, {possible}. Get more data, or set split.dev."
    ]


def _count(size: Size, n: int, automatic: int) -> int:
    if isinstance(size, str):
        return automatic
    return round(size * n) if isinstance(size, float) and size <= 1 else int(size)


def classes_not_measured(data: Dataset, made: Split) -> list[str]:
    """Notices about classes that training has and dev or test have not."""
    if not data.is_classification:
        return []
    notices = []
    for name in ("dev", "test"):
        counts = np.bincount(data.target[made.sets[name]], minlength=len(data.classes))
        empty = [f"'{data.classes[k]}'" for k in np.flatnonzero(counts == 0)]
        if empty and len(made.sets[name]):
            listed = ", ".join(empty[:5]) + (", …" if len(empty) > 5 else "")
            notices.append(
                f"The {name} set has no example of {listed}: how well they are recognized is not measured there."
            )
    return notices


def check_classes(data: Dataset, made: Split, known: np.ndarray | None = None) -> None:
    """LeadlineError for a class of dev or test that training lacks; ``known`` (k,) tells which it has."""
    if not data.is_classification:
        return
    if known is None:
        known = np.bincount(data.target[made.train], minlength=len(data.classes)) > 0
    for name in ("dev", "test"):
        counts = np.bincount(data.target[made.sets[name]], minlength=len(data.classes))
        strange = np.flatnonzero((counts > 0) & ~known)
        if len(strange):
            first = strange[0]
            raise LeadlineError(
                f"Class '{data.classes[first]}' is in the {name} set ({counts[first]} examples) but not in "
                "training. Add training examples of it, leave the class out, or choose another split."
            )
