"""Layers of a user's own: Python files whose `Layer` classes experiment files may name."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path

from leadline.errors import LeadlineError


def load_layers(path: Path) -> None:
    """Run a Python file once, so that the layers that it defines can be named; `LeadlineError` where it fails.

    The file is code and is run with the user's rights, like any script of theirs.
    """
    if not path.is_file():
        raise LeadlineError(
            f"{path}: there is no such file; network.modules names the Python files of your own layers."
        )
    name = "leadline_layers_" + hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    if name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise LeadlineError(f"{path}: not a Python file; network.modules names files that end in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        line = _line_in(error, path)
        raise LeadlineError(f"{path}{line}: {type(error).__name__}: {error}") from error


def _line_in(error: Exception, path: Path) -> str:
    """The line of the file where it failed, as ``:12``."""
    trace, line = error.__traceback__, ""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = f":{trace.tb_lineno}"
        trace = trace.tb_next
    return line
