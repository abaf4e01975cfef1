"""The folder that holds the runs: new runs under readable names, and old ones by name."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path

from leadline.errors import LeadlineError, nearest
from leadline.files import PARTIAL, writing
from leadline.runs.folder import RunFolder
from leadline.runs.life import SILENCE, is_alive
from leadline.runs.summary import SUMMARY, read_summary

LONGEST_NAME = 120
BIN = ".bin"
"""Where removed runs are kept, beside the runs; deleting it deletes them."""
RESERVED_NAMES = ("last", "searches", "leadline.db")
"""What commands and the folder of runs call something else."""


class RunStore:
    """The runs below one folder, ``./runs`` by default."""

    def __init__(self, root: str | os.PathLike[str] = "runs") -> None:
        self.root = Path(root)

    def begin(self, stem: str, name: str | None = None, now: datetime | None = None) -> RunFolder:
        """A new folder under a hidden name, which `publish` makes a run; `discard` leaves nothing behind.

        The run is called `name`, or `stem` with the time, such as ``digits-20261120-213015``.
        `leadline.errors.LeadlineError`: the name is taken or no folder can have it, or the disk refuses.
        """
        if name is not None:
            check_name(name)
        if name is not None and (self.root / name).exists():
            raise LeadlineError(f"There is already a run {name!r} in {self.root}: choose another name.")
        chosen = name or _named(stem, now)
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            return self._reserve(chosen, exact=name is not None)
        except OSError as error:
            raise LeadlineError(f"Runs cannot be written to {self.root}: {error.strerror}.") from None

    def free_name(self, stem: str, taken: Collection[str] = (), now: datetime | None = None) -> str:
        """The name that `begin` would give now, also if those ``taken`` were runs already."""
        stamped = _named(stem, now)
        names = (f"{stamped}{suffix}" for suffix in ("", *(f"-{number}" for number in range(2, 1000))))
        return next(n for n in names if n not in taken and not any(p.exists() for p in self._places(n)))

    def _places(self, name: str) -> tuple[Path, Path]:
        """Where a run of this name is, and where it is while it begins."""
        return self.root / name, self.root / f".{name}{PARTIAL}"

    def _reserve(self, name: str, exact: bool) -> RunFolder:
        """Make the hidden folder and lock it; making it is what claims the name, so two programs never share one."""
        for suffix in ("", *(f"-{number}" for number in range(2, 1000))):
            place, hidden = self._places(f"{name}{suffix}")
            if _is_left(hidden):
                shutil.rmtree(hidden, ignore_errors=True)
            try:
                if not place.exists():
                    hidden.mkdir()
                    folder = RunFolder(hidden)
                    folder.claim()
                    return folder
            except FileExistsError:
                pass
            if exact:
                raise LeadlineError(f"A run {name!r} is just beginning in {self.root}: choose another name.")
        raise LeadlineError(f"A thousand runs are called {name!r} in {self.root}: choose another name.")

    def publish(self, folder: RunFolder) -> RunFolder:
        """Give a begun run its name: from here on it is kept, whatever happens."""
        if folder.path.name.endswith(PARTIAL):
            folder.path = folder.path.rename(folder.path.with_name(published_name(folder)))
        return folder

    def discard(self, folder: RunFolder) -> None:
        """Remove a run that holds nothing worth keeping, and the store's own folder if it is empty then."""
        shutil.rmtree(folder.path, ignore_errors=True)
        if self.root.is_dir() and not any(self.root.iterdir()):
            self.root.rmdir()

    def rename(self, folder: RunFolder, name: str) -> RunFolder:
        """Give a run another name. `LeadlineError`: no run can have it, it is taken, or the run is training."""
        check_name(name)
        _check_at_rest(folder)
        target = folder.path.with_name(name)
        if target.exists():
            raise LeadlineError(f"There is already a run {name!r} in {self.root}: choose another name.")
        return RunFolder(_moved(folder.path, target))

    def remove(self, folder: RunFolder) -> Path:
        """Move a run into the bin, from where `restore` brings it back. `LeadlineError`: it is training."""
        _check_at_rest(folder)
        place = self.root / BIN / folder.path.name
        if place.exists():
            place = place.with_name(f"{place.name}.{time.time_ns():x}")
        return _moved(folder.path, place)

    def restore(self, name: str) -> RunFolder:
        """Bring a run back from the bin. `LeadlineError`: it is not there, or its name is taken."""
        place = self.root / BIN / name
        if not (place / SUMMARY).is_file():
            there = sorted(each.name for each in place.parent.iterdir()) if place.parent.is_dir() else []
            listed = f" There are: {', '.join(there[-8:])}." if there else " It is empty."
            raise LeadlineError(f"There is no run {name!r} in the bin, {place.parent}.{listed}")
        if (self.root / name).exists():
            raise LeadlineError(f"There is already a run {name!r} in {self.root}: rename that one first.")
        return RunFolder(_moved(place, self.root / name))

    def folders(self) -> Iterator[RunFolder]:
        """Every published run, in the order of their names."""
        for name in sorted(self.names()):
            if (folder := self.folder(name)) is not None:
                yield folder

    def names(self) -> frozenset[str]:
        """The names of all that may be a published run; quick, for nothing is looked into."""
        if not self.root.is_dir():
            return frozenset()
        with os.scandir(self.root) as entries:
            return frozenset(entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir())

    def folder(self, name: str) -> RunFolder | None:
        """The run of a name among `names`; None where that is no run after all."""
        path = self.root / name
        return RunFolder(path) if (path / SUMMARY).is_file() else None

    def find(self, name: str) -> RunFolder:
        """A run by its name, a beginning that only one has, the path of its folder, or "last".

        `leadline.errors.LeadlineError`: there is none, or there are several.
        """
        path = Path(name)
        for candidate in (self.root / name, path):
            if (candidate / SUMMARY).is_file():
                return RunFolder(candidate)
        folders = list(self.folders())
        if not folders:
            raise LeadlineError(f"There are no runs in {self.root}. Train one: leadline train digits")
        if name == "last":
            return max(folders, key=_started)
        matches = [folder for folder in folders if folder.path.name.startswith(name)]
        if len(matches) == 1:
            return matches[0]
        names = [folder.path.name for folder in matches or folders]
        if matches:
            raise LeadlineError(f"{name!r} begins {len(names)} runs: {_shown(names)}. Give more of it.")
        hint = nearest(name, reversed(names)).replace("Allowed", "There are")
        raise LeadlineError(f"There is no run {name!r} in {self.root}.{hint}")


def _check_at_rest(folder: RunFolder) -> None:
    if is_alive(folder.path):
        raise LeadlineError(f"{folder.path.name} is at work: end it first with leadline stop {folder.path.name}.")


def _moved(path: Path, target: Path) -> Path:
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        return path.rename(target)


def check_name(name: str) -> None:
    """`leadline.errors.LeadlineError` for a name that no run can have, or that means something else."""
    if not re.fullmatch(r"[^\W_][\w.+-]*", name) or len(name) > LONGEST_NAME:
        raise LeadlineError(
            f"{name[:60]!r} cannot name a run: use letters, digits, '-', '_' and '.', at most {LONGEST_NAME}."
        )
    if name.lower() in RESERVED_NAMES:
        raise LeadlineError(f"{name!r} cannot name a run, for it means something else: choose another name.")


def _is_left(hidden: Path) -> bool:
    """Whether a run began here whose program has ended without publishing or removing it."""
    try:
        alive, age = is_alive(hidden), time.time() - hidden.stat().st_mtime
    except OSError:
        return False
    return alive is False or (alive is None and age > SILENCE)


def published_name(folder: RunFolder) -> str:
    """The run's name, whether it is published or not."""
    name = folder.path.name
    return name[1 : -len(PARTIAL)] if name.endswith(PARTIAL) else name


def _named(stem: str, now: datetime | None) -> str:
    return f"{_slug(stem)}-{now or datetime.now():%Y%m%d-%H%M%S}"


def _started(folder: RunFolder) -> tuple[str, str]:
    try:
        return read_summary(folder).started or "", folder.path.name
    except LeadlineError:
        return "", folder.path.name  # a damaged run is not the last one


def _slug(stem: str) -> str:
    """A file's or data set's name as the beginning of a run's."""
    return re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:40] or "run"


def _shown(names: list[str]) -> str:
    return ", ".join(names[-4:]) + (", …" if len(names) > 4 else "")
