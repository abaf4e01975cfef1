"""Opening a table that stays on disk: its files, a look at some rows, and one pass over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from leadline.data.dataset import Column, Dataset, level_order
from leadline.data.encoders import Encoder, NumberEncoder, QuantileEncoder, fit_column
from leadline.data.preparation import Preparation, encoder_notices
from leadline.data.settings import DataSettings, SplitSettings, weighted_sources
from leadline.data.sources.assembly import assemble_tables, joined
from leadline.data.sources.opening import resolved, table_files
from leadline.data.sources.raw import RawTable, SourcePart, as_raw_table
from leadline.data.sources.reading import further_set, request_of, table_targets
from leadline.data.sources.request import Heads
from leadline.data.splitting.dealing import DEV, SETS, TEST, TRAIN, TRAIN_DEV, Sizes
from leadline.data.splitting.duplicates import duplicate_notices
from leadline.data.splitting.row_hashes import row_hashes
from leadline.data.splitting.split import Split, check_classes, classes_not_measured, set_sizes
from leadline.data.splitting.split_columns import set_aside
from leadline.data.streaming.facts import Facts, gather_facts
from leadline.data.streaming.row_groups import GroupedFile, RowGroup, numbered, open_grouped
from leadline.data.streaming.row_sets import RowSets, check_settings
from leadline.data.streaming.running_statistics import NumberStatistics, encoder_of
from leadline.data.streaming.typed_pieces import TypedPieces
from leadline.errors import LeadlineError, UsageError
from leadline.measure.tasks import BINARY, task_of_classes
from leadline.text import grouped

BUFFER = 1 << 18
"""Rows that are shuffled together."""

MOST_CELLS = 20_000_000
"""Cells of training rows that are kept in memory at most, so that wide tables keep fewer rows."""


@dataclass(frozen=True, eq=False)
class Opened:
    """The result of a pass over the table; see `leadline.data.streaming.table.StreamedTable`."""

    groups: tuple[RowGroup, ...]
    sets: RowSets
    data: Dataset
    split: Split
    preparation: Preparation
    pieces: TypedPieces
    n_train: int
    weights: tuple[float, ...]


SourceFiles = tuple[tuple[int, GroupedFile], ...]
"""The files of all sources, each with the number of its source: first those of ``source``, then the extra ones."""


def open_files(settings: DataSettings, folder: Path | None) -> SourceFiles:
    """Read the heads of all files that ``settings`` name: what decides how they are read, and reads them then."""
    files = []
    for part, each in enumerate((*weighted_sources("data.source", settings.source), *settings.extra)):
        if not isinstance(each.source, str):
            raise UsageError("data.stream: only files stream; save the table given as Parquet, or leave stream out.")
        listed = table_files(each.source, folder)
        paths = [Path(name) for name in listed] if listed else [resolved(each.source, folder)]
        files += [(part, open_grouped(path)) for path in paths]
    return tuple(files)


def heads_of(files: SourceFiles) -> Heads:
    """The heads that need not be read again where the files are read into memory after all."""
    return {file.path: file.head for _, file in files if file.head is not None}


def opened_stream(
    settings: DataSettings, split: SplitSettings, folder: Path | None, sample: int, files: SourceFiles
) -> Opened:
    """Make a stream of the files that ``settings`` name; see `leadline.data.streaming.table.stream`."""
    groups = numbered([(part, group) for part, file in files for group in file.groups])
    if not groups:
        raise LeadlineError(f"{files[0][1].path.name} has no rows: give a table with at least a few examples.")
    names = files[0][1].names()
    check_settings(split, names)
    looked_at = _looked_at(groups, names, sample)
    targets = table_targets(looked_at, settings.target)
    shown = assemble_tables([SourcePart(looked_at)], [looked_at], targets, replace(settings, dev=None, test=None))
    shown = set_aside(shown, {"split.group": split.group, "split.column": split.column})
    kinds = {column.name: column.kind for column in shown.inputs if isinstance(column, Column)}
    for _, file in files[1:]:
        file.check_columns([*kinds, *targets, *settings.segments])
    pieces = TypedPieces(kinds, targets, shown.task, frozenset(settings.types))
    sets, sizes, notices = _row_sets(settings, split, shown, groups)
    share = min(sample, MOST_CELLS // len(names)) / max(sizes.train, 1)
    facts = gather_facts(groups, sets, pieces, share)
    return _opened(settings, split, folder, groups, looked_at, shown, pieces, sets, notices, facts)


def _looked_at(groups: Sequence[RowGroup], names: Sequence[str], sample: int) -> RawTable:
    """Rows from the beginning of evenly spread groups."""
    chosen = [groups[k] for k in np.linspace(0, len(groups) - 1, min(len(groups), 16)).astype(int)]
    each = max(sample // len(chosen), 1)
    tables, places = [], []
    for group in chosen:
        taken = 0
        for row, piece in group.pieces():
            tables.append(piece.slice(0, each - taken))
            places.append((group, row, len(tables[-1])))
            taken += len(tables[-1])
            if taken >= each:
                break
    ends = np.cumsum([n for _, _, n in places])

    def where(row: int) -> str:
        place = int(np.searchsorted(ends, row, side="right"))
        group, first, n = places[place]
        return group.where(first)(row - int(ends[place]) + n)

    source = chosen[0].source
    return as_raw_table(source.split(".")[0], source, joined(tables, names), where)


def _row_sets(
    settings: DataSettings, split: SplitSettings, shown: Dataset, groups: Sequence[RowGroup]
) -> tuple[RowSets, Sizes, list[str]]:
    mains = len(weighted_sources("data.source", settings.source))
    n_main = sum(group.n for group in groups if group.part < mains)
    n_extra = sum(group.n for group in groups) - n_main
    given = settings.dev is not None, settings.test is not None
    sizes, notices = set_sizes(shown, split, n_main, n_extra, *given)
    extra = frozenset(range(mains, mains + len(settings.extra)))
    return RowSets.of(split, sizes, (n_main, n_extra), extra, groups), sizes, notices


def _opened(
    settings: DataSettings,
    split: SplitSettings,
    folder: Path | None,
    groups: tuple[RowGroup, ...],
    looked_at: RawTable,
    shown: Dataset,
    pieces: TypedPieces,
    sets: RowSets,
    notices: list[str],
    facts: Facts,
) -> Opened:
    n_train = int(facts.counts[TRAIN + 1])
    if n_train == 0:
        raise LeadlineError(f"{looked_at.source}: no row is left for training; lower the sizes under [split].")
    classes = shown.classes
    if facts.classes:
        classes = tuple(sorted({level for _, level in facts.classes}, key=level_order))
    table, codes, numbers, parts = _kept_rows(settings, folder, looked_at, shown, facts, groups)
    inputs = pieces.inputs(table, lambda row: f"{looked_at.source}, row {int(numbers[row]) + 1}")
    target = pieces.targets(table, lambda row: f"{looked_at.source}, row {int(numbers[row]) + 1}", classes)
    sources = (*weighted_sources("data.source", settings.source), *settings.extra)
    several = len(sources) > 1
    data = replace(
        shown,
        task=task_of_classes(len(classes)) if shown.task == BINARY else shown.task,
        classes=classes,
        inputs=inputs,
        target=target,
        settings=settings,
        notices=[*shown.notices, *_stream_notices(looked_at.source, facts, groups, codes)],
        table=table,
        sources=tuple(Path(str(each.source)).name for each in sources) if several else (),
        source_of=parts if several else None,
        weights=None,
        row_numbers=numbers,
        streamed=_described(facts, groups),
    )
    train, dev, test, train_dev = (np.flatnonzero(codes == code) for code in (TRAIN, DEV, TEST, TRAIN_DEV))
    made = Split(train, dev, test, train_dev)
    trained_on = np.array([facts.classes[TRAIN, name] > 0 for name in classes]) if facts.classes else None
    check_classes(data, made, trained_on)
    split_notices = [*notices, *classes_not_measured(data, made)]
    if split.duplicates != "ignore":
        sampled = f" (Looked for among {grouped(len(made.train))} training rows.)" if len(made.train) < n_train else ""
        split_notices += [notice + sampled for notice in duplicate_notices(data, made.sets)]
    made = replace(made, notices=tuple(split_notices), keys=row_hashes(inputs))
    preparation = _preparation(data, made, facts, tuple(looked_at.data.column_names))
    weights = tuple(float(each.weight) for each in sources)
    return Opened(groups, sets, data, made, preparation, pieces, n_train, weights)


def _kept_rows(
    settings: DataSettings,
    folder: Path | None,
    looked_at: RawTable,
    shown: Dataset,
    facts: Facts,
    groups: Sequence[RowGroup],
) -> tuple[pa.Table, np.ndarray, np.ndarray, np.ndarray]:
    """The rows in memory with their sets, numbers and sources; dev and test sets from files of their own come last."""
    names = looked_at.data.column_names
    tables, codes = list(facts.kept), list(facts.codes)
    numbers, parts = list(facts.rows), list(facts.parts)
    count = sum(group.n for group in groups)
    for code, name in ((DEV, "dev"), (TEST, "test")):
        given = getattr(settings, name)
        if given is None:
            continue
        request = request_of(settings.target, settings, folder)
        raw = further_set(name, given.source, given, looked_at, shown.target_names, request)
        assert isinstance(raw, RawTable)
        has_target = np.logical_and.reduce([raw.data.column(each).is_valid().to_numpy() for each in shown.target_names])
        tables.append(raw.data.filter(pa.array(has_target)))
        n = len(tables[-1])
        codes.append(np.full(n, code, np.int8))
        numbers.append(count + np.arange(n))
        parts.append(np.zeros(n, np.int32))
        count += n
    return joined(tables, names).combine_chunks(), np.concatenate(codes), np.concatenate(numbers), np.concatenate(parts)


def _described(facts: Facts, groups: Sequence[RowGroup]) -> dict[str, object]:
    """The whole, of which some rows are in memory; the sizes of all groups tell a changed file."""
    files: dict[str, int] = {}
    for group in groups:
        files[group.source] = files.get(group.source, 0) + group.n
    sets = {name: int(facts.counts[code + 1]) for code, name in enumerate(SETS)}
    return {"rows": sum(files.values()), "bytes": sum(group.size for group in groups), "files": files, **sets}


def _stream_notices(source: str, facts: Facts, groups: Sequence[RowGroup], codes: np.ndarray) -> list[str]:
    n_train, total = int(facts.counts[TRAIN + 1]), sum(group.n for group in groups)
    sample = int((codes == TRAIN).sum())
    message = f"{source} is streamed: {grouped(n_train)} of {grouped(total)} rows train, read from disk in every epoch."
    if sample < n_train:
        message += f" The training error is measured on {grouped(sample)} of them."
    notices = [message]
    if total > BUFFER and max(group.n for group in groups) > total / 4:
        notices.append(
            f"{source} has {len(groups)} row groups, so rows are mixed only with those near them; write it with more, "
            "such as row_group_size = 100_000."
        )
    if facts.without_target:
        notices.append(
            f"{grouped(facts.without_target)} of {grouped(total)} rows are left out: the target is missing there."
        )
    unused = int(facts.counts[0]) - facts.without_target
    if unused:
        notices.append(f"{grouped(unused)} rows are in no set, because of [split].")
    return notices


def _preparation(data: Dataset, split: Split, facts: Facts, columns: tuple[str, ...]) -> Preparation:
    """Fitted on all training rows; quantiles and words, which no pass adds up, on the sample of them."""
    encoders: list[Encoder] = []
    for column in data.inputs:
        assert isinstance(column, Column)
        if column.kind == "text":
            encoders.append(fit_column(column.take(split.train), data.normalization, data.text_encoding))
            continue
        statistics = facts.columns[column.name]
        encoder = encoder_of(column.name, column.kind, statistics, data.normalization)
        if data.normalization in ("quantile", "robust") and isinstance(statistics, NumberStatistics):
            by_rank = fit_column(column.take(split.train), data.normalization)
            if isinstance(by_rank, QuantileEncoder) or (isinstance(by_rank, NumberEncoder) and by_rank.scale > 0):
                encoder = replace(by_rank, indicator=statistics.missing > 0)
        encoders.append(encoder)
    standardized = data.task.standardized and data.normalization != "none"
    k = data.target.shape[1] if data.target.ndim == 2 else 1
    mean, scale = np.zeros(k), np.ones(k)
    if standardized:
        mean = np.array([target.mean for target in facts.targets])
        scale = np.array([target.deviation or 1.0 for target in facts.targets])
    return Preparation(
        data.task,
        data.classes,
        data.target_names,
        mean,
        scale,
        data.normalization,
        tuple(encoders),
        columns=columns,
        notices=encoder_notices(tuple(encoders)),
    )
