"""Which set a row of a streamed table belongs to: known from the row alone, so the same in every epoch.

By default its number and the seed decide, or the value of its group; a time splits at two moments; a column may say it.
The shares are those that `leadline.data.splitting.split` would deal, met up to chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from leadline.data.columns import categories, typed
from leadline.data.settings import SplitSettings
from leadline.data.splitting.dealing import DEV, TEST, TRAIN, TRAIN_DEV, UNUSED, Sizes
from leadline.data.splitting.row_hashes import text_words
from leadline.data.splitting.split_columns import NAMES_OF_SETS
from leadline.data.streaming.row_groups import RowGroup
from leadline.data.threads import in_threads
from leadline.errors import LeadlineError, UsageError, nearest

SAMPLE_SALT, TRAIN_SALT, TRAIN_DEV_SALT = 1, 2, 3
"""Draws that must not depend on one another begin from other numbers."""


@dataclass(frozen=True)
class RowSets:
    """How rows are assigned to sets: shares of the rows that may go anywhere, and of those that train.

    ``dev`` and ``test`` are shares of the main sources' rows, ``train_dev`` of those left for training, ``train`` of
    those left after that. ``group``, ``time`` and ``column`` name columns; ``moments`` are the times (seconds or
    numbers) from which dev and test begin. ``extra`` are the sources, by number, whose rows serve for training alone.
    """

    seed: int
    dev: float = 0.0
    test: float = 0.0
    train_dev: float = 0.0
    train: float = 1.0
    group: str | None = None
    time: str | None = None
    column: str | None = None
    moments: tuple[float, float] = (np.inf, np.inf)
    extra: frozenset[int] = frozenset()

    @classmethod
    def of(
        cls,
        settings: SplitSettings,
        sizes: Sizes,
        counts: tuple[int, int],
        extra: frozenset[int],
        groups: Sequence[RowGroup],
    ) -> RowSets:
        """For the ``counts`` of rows of main and extra sources; reads the column of times, where one is named."""
        main, others = counts
        left = main + others - sizes.dev - sizes.test
        made = cls(
            settings.seed,
            sizes.dev / max(main, 1),
            sizes.test / max(main, 1),
            sizes.train_dev / max(left, 1),
            min(sizes.train / max(left - sizes.train_dev, 1), 1.0),
            settings.group,
            settings.time,
            settings.column,
            extra=extra,
        )
        if settings.time is None:
            return made
        own = [group for group in groups if group.part not in extra]
        return cls(**{**vars(made), "moments": _moments(own, settings.time, sizes)})

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that say where a row belongs."""
        return tuple(name for name in (self.group, self.time, self.column) if name is not None)

    def of_piece(self, group: RowGroup, row: int, piece: pa.Table) -> np.ndarray:
        """The set of each row, int8 (m,): TRAIN, TRAIN_DEV, … of `leadline.data.splitting.dealing`."""
        first = group.start + row
        if self.column is not None:
            sets = _named(self.column, piece.column(self.column), group, row)
        elif self.time is not None:
            moments = _times(self.time, piece.column(self.time), group, row)
            sets = np.where(moments >= self.moments[1], TEST, np.where(moments >= self.moments[0], DEV, TRAIN))
        else:
            words = self._words(first, piece)
            u = uniform(words, self.seed)
            sets = np.where(u < self.dev, DEV, np.where(u >= 1 - self.test, TEST, TRAIN))
        if group.part in self.extra:
            sets = np.where(np.isin(sets, (DEV, TEST)), self._kept_from_extra(), sets)
        if self.column is not None:
            return sets.astype(np.int8)
        held = self._drawn(TRAIN_DEV_SALT, self.train_dev, first, piece)
        unused = ~self._drawn(TRAIN_SALT, self.train, first, piece)
        training = sets == TRAIN
        sets = np.where(training & held, TRAIN_DEV, np.where(training & ~held & unused, UNUSED, sets))
        return sets.astype(np.int8)

    def sampled(self, share: float, first: int, n: int) -> np.ndarray:
        """Which of the rows ``first`` to ``first + n`` are in a sample of that share, bool (n,)."""
        return uniform(_numbers(first, n), self.seed, SAMPLE_SALT) < share

    def _kept_from_extra(self) -> int:
        """Rows of extra sources train; but no group may be on both sides."""
        return UNUSED if self.group is not None else TRAIN

    def _drawn(self, salt: int, share: float, first: int, piece: pa.Table) -> np.ndarray:
        if share in (0, 1):
            return np.full(len(piece), bool(share))
        return uniform(self._words(first, piece), self.seed, salt) < share

    def _words(self, first: int, piece: pa.Table) -> np.ndarray:
        """What decides about each row, uint64 (m,): its group, or its number where it has none."""
        numbers = _numbers(first, len(piece))
        if self.group is None:
            return numbers
        codes, levels = categories(self.group, piece.column(self.group))
        return np.where(codes < 0, numbers, text_words([*levels, ""])[codes])


def uniform(words: np.ndarray, seed: int, salt: int = 0) -> np.ndarray:
    """A number in [0, 1) for each word, uint64 (n,), that looks drawn at random (splitmix64)."""
    z = words + np.uint64(((seed * 4 + salt) * 0x9E3779B97F4A7C15 + 1) & (2**64 - 1))
    z = z * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)) / 2.0**53


def check_settings(settings: SplitSettings, names: Sequence[str]) -> None:
    """UsageError for ways to split that need all rows at once, or columns that are not there."""
    if settings.file is not None:
        raise UsageError("split.file: a streamed table goes by row and seed; leave the file out, or stream = false.")
    if settings.duplicates == "together":
        raise UsageError(
            'split.duplicates: "together" compares all rows, which needs them in memory; '
            "give a group, or stream = false."
        )
    for key in ("group", "time", "column"):
        name = getattr(settings, key)
        if name is not None and name not in names:
            raise UsageError(f"split.{key}: there is no column '{name}'.{nearest(name, names)}")


def _numbers(first: int, n: int) -> np.ndarray:
    return np.arange(first, first + n, dtype=np.uint64)


def _named(name: str, values: pa.ChunkedArray, group: RowGroup, row: int) -> np.ndarray:
    """The sets that a column names; a row without one is in none."""
    codes, levels = categories(name, values)
    known = [NAMES_OF_SETS.get(level.strip().lower()) for level in levels]
    if None in known:
        wrong = levels[known.index(None)]
        place = int(np.argmax(codes == known.index(None)))
        raise LeadlineError(
            f"{group.where(row)(place)}, column '{name}': '{wrong}' is no set; sets are train, train-dev, dev, test."
        )
    return np.array([*known, UNUSED], np.int8)[codes]


def _times(name: str, values: pa.ChunkedArray, group: RowGroup, row: int) -> np.ndarray:
    """The times as float64 (m,): numbers as they are, dates in seconds."""
    where = group.where(row)
    kind = "number" if pa.types.is_integer(values.type) or pa.types.is_floating(values.type) else "date"
    if values.null_count:
        place = int(np.argmax(values.is_null().to_numpy()))
        raise LeadlineError(f"{where(place)}, column '{name}': the time is missing; fill it in, or leave the row out.")
    return typed(name, values, kind, where).values.astype(np.float64)


def _moments(groups: Sequence[RowGroup], name: str, sizes: Sizes) -> tuple[float, float]:
    """The times from which about as many rows as dev and test take are left, and as many as test takes."""
    most = sizes.dev + sizes.test
    if most == 0:
        return np.inf, np.inf

    def latest(group: RowGroup) -> np.ndarray:
        times = np.empty(0)
        for row, piece in group.pieces([name]):
            times = _latest(np.concatenate([times, _times(name, piece.column(name), group, row)]), most)
        return times

    times = np.empty(0)
    for start in range(0, len(groups), 64):
        some = groups[start : start + 64]
        times = _latest(np.concatenate([times, *in_threads(latest, some, sum(group.n for group in some))]), most)
    times = np.sort(times)
    return float(times[0]), float(times[len(times) - sizes.test]) if sizes.test else np.inf


def _latest(times: np.ndarray, most: int) -> np.ndarray:
    return times if len(times) <= most else np.partition(times, len(times) - most)[-most:]
