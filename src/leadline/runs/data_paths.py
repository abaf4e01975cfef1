"""Where a run's files are: resolved from any folder, also after the runs, the project or the data were moved.

Beside each path as it was given, a run keeps where that was, and from which folder. A path is looked for, in this
order: where the user has said that it is now, from the current folder, from the folder in which the experiment was
started (which moves with the runs), and where it was. Of these a file of the size that it had is preferred.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError, UsageError
from leadline.experiment import Experiment
from leadline.files import from_here, read_object
from leadline.runs.folder import RunFolder

PATHS = "paths.json"


def write_paths(folder: RunFolder, experiment: Experiment) -> None:
    """Keep where the files are that an experiment names, as seen from the current folder."""
    located = {given: {"path": str(path), "size": _size(path)} for given in _given(experiment) if (path := _at(given))}
    started = ""
    with suppress(ValueError):  # on another drive than the runs: nothing moves with them
        started = os.path.relpath(Path.cwd().resolve(), folder.path.resolve())
    folder.write_json(PATHS, {"started": started, "files": located})


def located(experiment: Experiment, folder: RunFolder) -> Experiment:
    """A run's experiment with each of its files where it is now; what is nowhere stays as it was given."""
    record = _record(folder)
    files = record.get("files", {})

    def moved(given: str, folders: bool) -> str:
        if given not in files:
            return given
        places = [path for path in _places(given, record, folder) if path.is_file() or (folders and path.is_dir())]
        fitting = [path for path in places if _size(path) == files[given].get("size")]
        for path in (fitting or places)[:1]:
            return given if path == _at(given) else from_here(path)
        return given

    return experiment.with_paths(moved)


def missing_data(experiment: Experiment, folder: RunFolder) -> str | None:
    """A file or folder of data that `located` did not find anywhere, as it was given; None where all are there."""
    record = _record(folder).get("files", {})
    sources = [experiment.data.source, *experiment.data.extra]
    sources += [part.source for part in (experiment.data.dev, experiment.data.test) if part is not None]
    for given in _texts(sources):
        if given in record and _at(given) is None:
            return f"{given} (it was {record[given]['path']})"
    return None


def remember_moved(folder: RunFolder, places: Mapping[str, str]) -> None:
    """Keep where files are now: by the path as the run has it."""
    record = _record(folder)
    files = record.setdefault("files", {})
    for given, place in places.items():
        files.setdefault(given, {})["moved"] = str(Path(place).expanduser().resolve())
        files[given]["size"] = _size(Path(place).expanduser())
    record.setdefault("started", "")
    folder.write_json(PATHS, record)


def named_places(experiment: Experiment, places: Sequence[str]) -> dict[str, str]:
    """What ``--data`` says: the new place of the only source, or ``GIVEN=PLACE`` for one of several.

    Raises:
        UsageError: there are several sources and it is not said which one is meant.
        LeadlineError: there is nothing at the place.

    """
    sources = list(dict.fromkeys(_texts([experiment.data.source, *experiment.data.extra])))
    by_source: dict[str, str] = {}
    for text in places:
        given, equals, place = text.partition("=")
        if not equals or given not in sources:
            if len(sources) != 1:
                raise UsageError(f"--data {text}: say which one is meant: --data '{sources[0]}=PATH'.")
            given, place = sources[0], text
        if not Path(place).expanduser().exists():
            raise LeadlineError(f"--data {place}: there is no such file or folder.")
        by_source[given] = place
    return by_source


def _record(folder: RunFolder) -> dict[str, Any]:
    """What is kept; a run of an earlier version has nothing."""
    try:
        return read_object(folder / PATHS)
    except FileNotFoundError:
        return {}


def _places(given: str, record: Mapping[str, Any], folder: RunFolder) -> Iterator[Path]:
    known = record["files"][given]
    if "moved" in known:
        yield Path(known["moved"])
    yield _expanded(given)
    if record.get("started"):
        yield folder.path / record["started"] / _expanded(given)
    if "path" in known:
        yield Path(known["path"])


def _given(experiment: Experiment) -> list[str]:
    """Every value of a key that may name a file."""
    values: list[str] = []

    def keep(given: str, _: bool) -> str:
        values.append(given)
        return given

    experiment.with_paths(keep)
    return list(dict.fromkeys(values))


def _texts(sources: list[Any]) -> Iterator[str]:
    for source in sources:
        if isinstance(source, str):
            yield source
        elif isinstance(source, Mapping):
            yield source["source"]
        elif isinstance(source, tuple | list):
            yield from _texts(list(source))


def _at(given: str) -> Path | None:
    """The file or folder of this path from the current folder, in full; None where there is none."""
    path = _expanded(given)
    return path.resolve() if path.exists() else None


def _expanded(given: str) -> Path:
    return Path(os.path.expandvars(os.path.expanduser(given)))  # noqa: PTH111 - which leaves an unknown ~name as it is


def _size(path: Path) -> int | None:
    """Of a file in bytes; a folder has none."""
    return path.stat().st_size if path.is_file() else None
