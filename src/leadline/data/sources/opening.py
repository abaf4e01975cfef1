"""Opening a source, whatever it is: a path, the name of a bundled data set, or objects given in Python."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from leadline.data.sources.bundled import BUNDLED, read_bundled
from leadline.data.sources.formats import FILE_FORMATS, labelled, open_file
from leadline.data.sources.images import is_image_name, read_image_folder, read_plain_images
from leadline.data.sources.objects import open_object
from leadline.data.sources.raw import Raw, RawArrays
from leadline.data.sources.request import SourceRequest
from leadline.errors import LeadlineError, UsageError, nearest


def open_source(source: Any, request: SourceRequest) -> Raw:
    """Read ``source`` as it stands. Paths may hold ``~`` and ``$VARIABLES`` and start from ``request.folder``.

    Raises LeadlineError for a source that is missing or damaged.
    """
    if isinstance(source, str) and source in BUNDLED and not Path(source).exists():
        return read_bundled(source, request.target)
    if isinstance(source, str | os.PathLike):
        path = resolved(os.fspath(source), request.folder)
        if path.is_dir() or is_image_name(path.name):
            by_class = request.labelled and path.is_dir()
            return (read_image_folder if by_class else read_plain_images)(path, request.images)
        return _with_labels(open_file(path, request), request)
    if isinstance(source, tuple) and len(source) == 2:
        source, request = source[0], replace(request, target=source[1])
    return open_object(source, request)


def resolved(source: str, folder: Path | None) -> Path:
    """The existing file that ``source`` means; LeadlineError with the nearest names where there is none."""
    expanded = os.path.expandvars(source)
    unset = re.search(r"\$\{?(\w+)\}?", expanded)
    path = Path(expanded).expanduser() if not expanded.startswith("~") else _home(expanded)
    path = (folder or Path()) / path
    if path.is_dir() and _holds_images(path):
        return path
    if path.is_dir():
        files = sorted(each.name for each in path.iterdir() if each.is_file())[:8]
        listed = f" Name a file in it: {', '.join(files)}." if files else " It holds no files."
        raise LeadlineError(f"{source} is a folder.{listed}")
    if path.is_file():
        return path
    if unset:
        raise LeadlineError(f"{source}: the environment variable {unset.group(1)} is not set.")
    if not path.parent.is_dir():
        raise LeadlineError(f"{source}: no such file; the folder {path.parent} does not exist.")
    names = [each.name for each in path.parent.iterdir() if each.is_file()]
    names += BUNDLED if path.parent == Path() else ()
    hint = nearest(path.name, names) if names else ""
    raise LeadlineError(f"{source}: no such file.{hint if 'Did you mean' in hint else ''}")


def table_files(source: Any, folder: Path | None) -> list[str]:
    """The tables in a folder that holds nothing else but hidden files and notes; [] for any other source."""
    if not isinstance(source, str | os.PathLike):
        return []
    path = (folder or Path()) / Path(os.path.expandvars(os.fspath(source)))
    if not path.is_dir():
        return []
    files = [each for each in sorted(path.iterdir()) if not each.name.startswith((".", "_")) and each.suffix != ".md"]
    fit = all(each.is_file() and _is_table(each.name) for each in files)
    return [str(each) for each in files] if fit else []


def _is_table(name: str) -> bool:
    return any(form.is_table and form.named(name) for form in FILE_FORMATS.values())


def _holds_images(path: Path) -> bool:
    return any(is_image_name(name) for _, _, names in os.walk(path) for name in names)


def _home(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise LeadlineError(f"{path}: the home folder is not known; write the path in full.") from error


def _with_labels(raw: Raw, request: SourceRequest) -> Raw:
    """Inputs joined with the targets of another file, where ``request.target`` is one."""
    if not isinstance(raw, RawArrays) or raw.target is not None or not isinstance(request.target, str):
        return raw
    path = request.labels_path()
    if path is None:
        raise UsageError(f"{raw.source}: the target '{request.target}' is neither an array in it nor a file of labels.")
    return labelled(raw, open_file(path, SourceRequest()))
