"""Whether the program lives that trains a run or searches: a lock that the system frees when it ends, however it ends.

A program that was killed leaves a folder that says "running"; `status_of` says what is so.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from leadline.errors import LeadlineError
from leadline.files import writing

try:
    import fcntl
except ImportError:  # no Unix: signs of life are all there is
    fcntl = None

LOCK = ".lock"
SILENCE = 120.0
"""Seconds without a sign of life after which a program counts as ended, where no lock can tell."""
SIGNS = ("run.json", "history.jsonl", "search.json", "trials.jsonl")
_TRIES = 20  # somebody who only looks holds the lock for a moment


def claim(folder: Path) -> int | None:
    """Claim a folder until `release`, or until this program ends; None where the system has no locks.

    `LeadlineError`: another program is at work in it, or it cannot be written to.
    """
    if fcntl is None:
        return None
    with writing(folder):
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    if _locked(handle):
        return handle
    os.close(handle)
    raise LeadlineError(f"Another program is at work in {folder}.")


def release(folder: Path, handle: int | None, ended: bool) -> None:
    """Give a folder back that was claimed; where its files do not say that all has ``ended``, the free lock does."""
    if handle is None:
        return
    if ended:
        with suppress(OSError):
            (folder / LOCK).unlink(missing_ok=True)
    os.close(handle)


def is_alive(folder: Path) -> bool | None:
    """Whether a program is at work in a folder; None where nothing tells."""
    if fcntl is None:
        return None
    try:
        handle = os.open(folder / LOCK, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return None
    finally:
        os.close(handle)
    return False


def status_of(folder: Path, said: str) -> str:
    """The status of a run or search: as it says, but "interrupted" where its program ended without a word."""
    if said != "running":
        return said
    alive = is_alive(folder)
    if alive is None:
        alive = silence(folder) is None
    return "running" if alive else "interrupted"


def silence(folder: Path) -> float | None:
    """Seconds since a running training or search last wrote into its folder; None up to `SILENCE`."""
    written = [path.stat().st_mtime for name in SIGNS if (path := folder / name).exists()]
    quiet = time.time() - max(written, default=time.time())
    return quiet if quiet > SILENCE else None


def _locked(handle: int) -> bool:
    """Lock an open file for this program alone; whether that was possible."""
    assert fcntl is not None
    for _ in range(_TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        except OSError:
            return True  # a file system without locks
        else:
            return True
    return False
