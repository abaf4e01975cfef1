"""Running the user's own modules: those that an experiment names, and those that installed packages announce."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import warnings
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from threading import RLock

from leadline.errors import LeadlineError, LeadlineWarning

GROUP = "leadline.extensions"
"""The group of entry points by which installed packages announce modules of theirs."""

LOCK = RLock()
"""Held while modules are loaded, since what they define enters registries."""


@dataclass
class Loaded:
    """The files that were run, each with what it held then, and whether the installed packages' modules were."""

    files: dict[Path, str]
    installed: bool = False


loaded = Loaded({})


def load_module(name: str, key: str = "extensions.modules") -> None:
    """Run a Python file, or import a module by its dotted name, once, so that what it defines is known by name.

    A file that has changed since is run again. Either is code and runs with the user's rights, like any script of
    theirs. Raises `LeadlineError` with the file and the line where it fails; ``key`` is where it was named.
    """
    path = Path(name)
    if path.suffix != ".py" and "/" not in name and not path.exists():
        return _import(name, key)
    if not path.is_file():
        raise LeadlineError(f"{name}: there is no such file; {key} names your own Python files.")
    with LOCK:
        content = path.read_bytes()
        path = path.resolve()
        digest = hashlib.sha256(content).hexdigest()
        if loaded.files.get(path) != digest:
            _run_file(path, name)
            loaded.files[path] = digest
    return None


def _import(name: str, key: str) -> None:
    try:
        import_module(name)
    except ModuleNotFoundError as error:
        raise LeadlineError(
            f"{name}: there is no such file and no such module ({error}); {key} names Python files "
            "(mine.py) and modules that can be imported."
        ) from None
    except LeadlineError:
        raise
    except Exception as error:
        raise LeadlineError(f"{name} cannot be imported: {type(error).__name__}: {error}") from error


def _run_file(path: Path, shown: str) -> None:
    name = "leadline_extension_" + hashlib.sha256(str(path).encode()).hexdigest()[:12]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise LeadlineError(f"{shown}: not a Python file; its name has to end in .py.")
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        kind = "" if isinstance(error, LeadlineError) else f"{type(error).__name__}: "
        raise LeadlineError(f"{shown}{_line_in(error, path)}: {kind}{error}") from error


def _line_in(error: Exception, path: Path) -> str:
    """The line of the file where it failed, as ``:12``."""
    trace, line = error.__traceback__, ""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = f":{trace.tb_lineno}"
        trace = trace.tb_next
    return line


def load_installed() -> None:
    """Load, once, the modules that installed packages announce; one that fails is left out with a warning."""
    if loaded.installed:
        return
    with LOCK:
        if loaded.installed:
            return
        loaded.installed = True
        for entry in metadata.entry_points(group=GROUP):
            try:
                entry.load()
            except Exception as error:
                package = entry.dist.name if entry.dist else entry.value
                reason = str(error) if isinstance(error, LeadlineError) else f"{type(error).__name__}: {error}"
                text = f"The extension '{entry.name}' of {package} cannot be loaded and is left out: {reason}"
                warnings.warn(text, LeadlineWarning, stacklevel=2)
