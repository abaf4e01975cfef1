"""Files: written whole or not at all, kept through a power cut; JSON that any program reads; folders of the user's.

Whoever writes a file that matters goes through `replacing` or one of the functions that stand on it: the new content
gets a hidden draft beside the file, reaches the disk, and takes the file's place in one step.
"""

from __future__ import annotations

import csv
import json
import math
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError

PARTIAL = ".partial"
"""How the hidden names end of what is not finished yet."""
_LONGEST = 60  # characters of a name that its draft repeats: a file system limits names


def draft_of(path: Path) -> Path:
    """A hidden name beside a file that no other program and thread uses, for what will become that file."""
    return path.with_name(f".{path.name[:_LONGEST]}.{secrets.token_hex(4)}{PARTIAL}")


def remove_drafts(folder: Path) -> None:
    """Remove what programs that were killed left unfinished in a folder."""
    for draft in folder.glob(f".*{PARTIAL}"):
        with suppress(OSError):
            draft.unlink()


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file whole or not at all: the block writes the draft that it is given, which then takes the file's place.

    The draft is on the disk before it gets the name, and the name is before this returns, so that a power cut leaves
    the old file or the new one. Folders above the file are made.

    Raises:
        LeadlineError: the system refuses; nothing is left behind.

    """
    target = Path(path)
    draft = draft_of(target)
    with writing(target):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            yield draft
            sync(draft)
            draft.replace(target)
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        sync_folder(target.parent)


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Within this, an error of the system's becomes a `LeadlineError` that says that ``path`` cannot be written."""
    try:
        yield
    except OSError as error:
        raise LeadlineError(f"{path} cannot be written: {reason(error)}.") from None


def write_bytes(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file, whole or not at all (see `replacing`)."""
    with replacing(path) as draft:
        draft.write_bytes(content)
    return Path(path)


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write a text in UTF-8, whole or not at all (see `replacing`)."""
    return write_bytes(path, text.encode("utf-8"))


def write_json(path: str | os.PathLike[str], value: object) -> Path:
    """Write JSON that any reader accepts (see `plain`), whole or not at all (see `replacing`)."""
    return write_text(path, json_text(value, indent=2) + "\n")


def write_rows(path: str | os.PathLike[str], rows: Iterable[Sequence[object]]) -> Path:
    """Write a CSV file, whole or not at all (see `replacing`)."""
    with replacing(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return Path(path)


def append_line(path: str | os.PathLike[str], line: str, durable: bool = True) -> None:
    """Add a line to a file in one write, which the system does not divide; a line that was cut short stays by itself.

    ``durable`` lines are on the disk when this returns. `LeadlineError`: the system refuses.
    """
    with writing(path), Path(path).open("a+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - 1, 0))
        content = f"{line}\n".encode()
        if size and file.read(1) != b"\n":
            content = b"\n" + content
        if file.write(content) != len(content):
            raise OSError("the disk took only a part of the line")
        if durable:
            os.fsync(file.fileno())


def sync(path: Path) -> None:
    """Return once the content of a file is on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Return once the names in a folder are on the disk, where the system can do that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def read_json(path: str | os.PathLike[str]) -> Any:
    """The value in a JSON file.

    Raises:
        FileNotFoundError: there is none.
        LeadlineError: it cannot be read, or is damaged.

    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise LeadlineError(f"{path} cannot be read: {reason(error)}.") from None
    except (ValueError, RecursionError) as error:
        what = "it is empty" if Path(path).stat().st_size == 0 else f"it is damaged ({reason(error)})"
        raise LeadlineError(f"{path} cannot be read: {what}.") from None


def read_object(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The object in a JSON file, raising as `read_json` does; also `LeadlineError` where it holds anything else."""
    value = read_json(path)
    if not isinstance(value, dict):
        raise LeadlineError(f"{path} cannot be read: it is damaged (it holds no JSON object).")
    return value


def read_json_lines(path: str | os.PathLike[str]) -> Iterator[dict[str, Any]]:
    """The objects in a file with one on each line; lines that are none, such as one cut short, are left out.

    No file has no lines. `LeadlineError`: it cannot be read.
    """
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                with suppress(ValueError, RecursionError):
                    value = json.loads(line)
                    if isinstance(value, dict):
                        yield value
    except FileNotFoundError:
        return
    except OSError as error:
        raise LeadlineError(f"{path} cannot be read: {reason(error)}.") from None


def json_text(value: object, indent: int | None = None) -> str:
    """JSON that any reader accepts (see `plain`), letters as they are."""
    separators = (",", ":") if indent is None else None
    return json.dumps(plain(value), indent=indent, separators=separators, ensure_ascii=False, allow_nan=False)


def plain(value: object, digits: int | None = None) -> Any:
    """The value as JSON has it: dataclasses and mappings are dictionaries, arrays and tuples lists, numbers Python's.

    NaN and infinite numbers become None, for JSON has none. ``digits`` significant ones are kept; None keeps all.
    """
    if isinstance(value, str | int | None):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return float(value) if digits is None else float(f"{value:.{digits}g}")
    if isinstance(value, Mapping):
        return {str(key): plain(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, digits) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name), digits) for field in fields(value)}
    if hasattr(value, "tolist"):  # an array or a number of NumPy's or torch's
        return plain(value.tolist(), digits)  # pyright: ignore[reportAttributeAccessIssue]
    return value


def reason(error: BaseException) -> str:
    """What went wrong, in a few words: the system's own where it is the system that refused."""
    text = getattr(error, "strerror", None) or (str(error).splitlines() or [""])[0]
    return str(text).rstrip(".")[:200] or type(error).__name__


def cache_folder(kind: str) -> Path:
    """The folder of what can be made anew, such as "images": below ``$LEADLINE_CACHE``, else the user's cache folder.

    It may be deleted at any time. `LeadlineError`: it cannot be made.
    """
    folder = _user_folder("LEADLINE_CACHE", "XDG_CACHE_HOME", ".cache") / kind
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LeadlineError(
            f"Nothing can be kept in {folder}: {reason(error)}. LEADLINE_CACHE names another folder."
        ) from None
    return folder


def state_folder() -> Path:
    """The folder of what Leadline remembers for the user: ``$LEADLINE_STATE``, else in the user's state folder."""
    return _user_folder("LEADLINE_STATE", "XDG_STATE_HOME", ".local/state")


def _user_folder(own: str, standard: str, fallback: str) -> Path:
    if named := os.environ.get(own):
        return Path(named)
    if root := os.environ.get(standard):
        return Path(root) / "leadline"
    try:
        return Path.home() / fallback / "leadline"
    except RuntimeError:
        raise LeadlineError(f"This user has no home folder; name one for Leadline: {own}.") from None


def from_here(path: Path) -> str:
    """The path from the current folder: relative where it lies below, else absolute."""
    path, here = path.resolve(), Path.cwd().resolve()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
