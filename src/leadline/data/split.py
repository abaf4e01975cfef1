"""Splits: which example serves for training, for steering (dev), and for the final judgement (test).

Automatic sizes: dev and test each take a fifth of the examples, and at most 10 000 of them, because 10 000
examples already tell an error of 10 % to within ±0.6 points. So 1 000 examples are split 60/20/20, 100 000
80/10/10, and a million 98/1/1. Where only one of the two is wanted it takes 30 % (70/30), at most 10 000.
Source: course 2, train/dev/test sets; course 3, size of the dev and test sets.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np

from leadline.data.dataset import Column, Dataset
from leadline.data.settings import Size, SplitSettings
from leadline.errors import LeadlineError, UsageError

ENOUGH = 10_000
"""Dev or test examples beyond which an automatic set does not grow."""


@dataclass(frozen=True, eq=False)
class Split:
    """Disjoint sets as ascending int64 row numbers of a data set; an unused set is empty.

    ``train_dev`` is held out of the training set (same distribution, never trained on).
    """

    train: np.ndarray
    dev: np.ndarray
    test: np.ndarray
    train_dev: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    notices: tuple[str, ...] = ()

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
        """Write the row numbers of each set to an ``.npz`` file."""
        with Path(path).open("wb") as file:
            np.savez_compressed(file, train=self.train, train_dev=self.train_dev, dev=self.dev, test=self.test)

    @classmethod
    def load(cls, path: str | Path) -> Split:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(**{name: arrays[name] for name in ("train", "dev", "test", "train_dev")})


def automatic_sizes(n: int, dev: bool = True, test: bool = True) -> tuple[int, int]:
    """Numbers of dev and test examples for n examples (see the head of this module); 0 where not wanted."""
    share = 0.2 if dev and test else 0.3
    size = min(round(share * n), ENOUGH)
    if size == 0 and n >= 1 + dev + test:
        size = 1
    return size * dev, size * test


def split(data: Dataset, settings: SplitSettings | None = None) -> Split:
    """Deal the examples of ``data`` to train, dev and test sets.

    Sets that came from files of their own are kept; the others are drawn from the main source, seeded, and by
    default stratified by class. Raises UsageError for sizes that do not fit, LeadlineError for a training set
    that is empty or lacks a class which dev or test have.
    """
    settings = settings or SplitSettings()
    origin = np.zeros(data.n, np.int8) if data.sets is None else data.sets
    main, dev, test = (np.flatnonzero(origin == code).astype(np.int64) for code in range(3))
    n_train, n_train_dev, n_dev, n_test = _sizes(len(main), settings, len(dev) > 0, len(test) > 0)
    order = main[_draw(data.target[main], data.is_classification and settings.stratify, settings.seed)]
    bounds = np.cumsum([n_train, n_train_dev, n_dev, n_test])
    train, train_dev, drawn_dev, drawn_test, unused = (np.sort(part) for part in np.split(order, bounds))
    made = Split(train, dev if len(dev) else drawn_dev, test if len(test) else drawn_test, train_dev)
    _check_classes(data, made)
    notices = _duplicate_notices(data, made)
    if len(unused):
        notices.append(f"{len(unused)} examples are in no set, because of the sizes under [split].")
    if len(dev) and not made.sizes["test"]:
        notices.append("The test set is empty: dev came from its own file; give [data.test] or split.test.")
    return Split(made.train, made.dev, made.test, made.train_dev, tuple(notices))


def _sizes(n: int, settings: SplitSettings, dev_given: bool, test_given: bool) -> tuple[int, int, int, int]:
    """Numbers of train, train-dev, dev and test examples to draw from the n of the main source."""
    want_dev = settings.dev != 0 and not dev_given
    want_test = settings.test != 0 and not test_given and not (settings.test == "auto" and dev_given)
    train_dev = _count(settings.train_dev, n, 0)
    auto_dev, auto_test = automatic_sizes(n, want_dev, want_test)
    if settings.train != "auto":
        taken = sum(_count(size, n, 0) for size in (settings.train, settings.dev, settings.test)) + train_dev
        autos = (want_dev and settings.dev == "auto") + (want_test and settings.test == "auto")
        auto_dev = auto_test = max(n - taken, 0) // max(autos, 1)
    dev = _count(settings.dev, n, auto_dev) if want_dev else 0
    test = _count(settings.test, n, auto_test) if want_test else 0
    rest = n - dev - test - train_dev
    train = _count(settings.train, n, rest)
    if isinstance(settings.train, float) and abs(train - rest) <= 3:
        train = rest  # fractions that add up to 1 leave nobody out because of rounding
    if train > rest or train < 1:
        asked = f"train {train}, train-dev {train_dev}, dev {dev}, test {test}"
        raise UsageError(f"split: {n} examples do not suffice for {asked}; lower the sizes under [split].")
    return train, train_dev, dev, test


def _count(size: Size, n: int, automatic: int) -> int:
    if isinstance(size, str):
        return automatic
    return round(size * n) if isinstance(size, float) and size <= 1 else int(size)


def _draw(target: np.ndarray, stratify: bool, seed: int) -> np.ndarray:
    """A seeded random order of rows; stratified, every stretch of it holds each class in its share."""
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(target))
    if not stratify or len(target) == 0:
        return shuffled
    by_class = shuffled[np.argsort(target[shuffled], kind="stable")]
    counts = np.bincount(target[by_class])
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    position = (np.arange(len(by_class)) - starts + 0.5) / np.repeat(counts, counts)
    return by_class[np.lexsort((generator.random(len(position)), position))]


def _check_classes(data: Dataset, made: Split) -> None:
    if not data.is_classification:
        return
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


def _duplicate_notices(data: Dataset, made: Split) -> list[str]:
    """One notice for each pair of sets that share examples with exactly the same inputs."""
    if len(made.dev) + len(made.test) + len(made.train_dev) == 0:
        return []
    hashes = row_hashes(data.inputs)
    notices = []
    for (first, rows), (second, others) in combinations(made.sets.items(), 2):
        shared = _count_shared(hashes[others], hashes[rows])
        if shared:
            share = 100 * shared / len(others)
            notices.append(
                f"{shared} of {len(others)} {second} examples ({share:.2g} %) have exactly the inputs of "
                f"a {first} example."
            )
    return notices


def _count_shared(few: np.ndarray, many: np.ndarray) -> int:
    """How many of ``few`` are among ``many``; sorts only the few."""
    if len(few) == 0:
        return 0
    values, counts = np.unique(few, return_counts=True)
    places = np.minimum(np.searchsorted(values, many), len(values) - 1)
    found = np.zeros(len(values), bool)
    found[places[values[places] == many]] = True
    return int(counts[found].sum())


def row_hashes(inputs: tuple[Column, ...] | np.ndarray) -> np.ndarray:
    """A 64-bit hash of the inputs of every example, uint64 (n,): equal rows have equal hashes."""
    if isinstance(inputs, np.ndarray):
        words = _words(inputs.reshape(len(inputs), -1))
        columns = (words[:, j] for j in range(words.shape[1]))
        n = len(inputs)
    else:
        columns = (_words(column.values[:, None])[:, 0] for column in inputs)
        n = len(inputs[0].values)
    hashes = np.full(n, 0x9E3779B97F4A7C15, np.uint64)
    for column in columns:
        hashes = (hashes ^ _mixed(column)) * np.uint64(0x100000001B3)
        hashes ^= hashes >> np.uint64(29)
    return hashes


def _words(values: np.ndarray) -> np.ndarray:
    """The bits of each row as 64-bit words, uint64 (n, ⌈row bytes / 8⌉)."""
    values = np.ascontiguousarray(values)
    if values.dtype.kind == "f":
        values = values + values.dtype.type(0)  # turns −0.0 into 0.0
    raw = values.view(np.uint8).reshape(len(values), -1)
    if raw.shape[1] % 8:
        raw = np.pad(raw, ((0, 0), (0, 8 - raw.shape[1] % 8)))
    return np.ascontiguousarray(raw).view(np.uint64)


def _mixed(words: np.ndarray) -> np.ndarray:
    """Every bit of a word spread over all bits (the finalizer of MurmurHash3)."""
    words = words ^ (words >> np.uint64(33))
    words = words * np.uint64(0xFF51AFD7ED558CCD)
    return words ^ (words >> np.uint64(33))
