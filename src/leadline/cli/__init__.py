"""The command line: a thin layer over the Python API, with exit codes 0 done, 1 failed, 2 wrong usage."""

from leadline.cli.main import app, main

__all__ = ["app", "main"]
