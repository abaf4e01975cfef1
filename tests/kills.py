"""Programs that are killed at random instants, and go on: the harness of the tests of resuming."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["leadline.session.resume", "leadline.search.job", "leadline.soundings.climb"])


def train_or_go_on(experiment: Mapping[str, Any], name: str, runs: Path) -> None:
    """What the program does: train, or go on with the run that is there. States are kept all the time."""
    from leadline.cli.main import _hear_sigterm
    from leadline.experiment import Experiment
    from leadline.session import keeping
    from leadline.session.resume import train_or_resume

    torch.set_num_threads(1)
    _hear_sigterm()
    silence()
    keeping.FIRST, keeping.SHARE = 0.01, 0.5
    train_or_resume(Experiment.from_dict(dict(experiment)), name=name, runs=runs)


def silence() -> None:
    """Nobody reads what a killed program says."""
    for handle in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), handle)


def killed_until_done(
    program: Callable[..., None],
    arguments: tuple[Any, ...],
    done: Callable[[], bool],
    kills: int,
    seconds: float,
    seed: int,
) -> int:
    """Run the program and kill it after a random time below ``seconds``, ``kills`` times at most, then let it end.

    The time counts from when the program has begun to write. Returns how often it was killed.
    """
    draw, killed = random.Random(seed), 0
    while not done():
        process = CONTEXT.Process(target=program, args=arguments)
        process.start()
        if killed == kills:
            process.join(300)
            assert process.exitcode == 0, f"it ended with {process.exitcode}"
            break
        process.join(draw.random() * seconds)
        if process.is_alive():
            end(process, draw.random() < 0.3)
            killed += 1
    return killed


def end(process: BaseProcess, politely: bool) -> None:
    """End a process by SIGKILL, or by SIGTERM and, where it goes on measuring, by SIGKILL."""
    assert process.pid is not None
    os.kill(process.pid, signal.SIGTERM if politely else signal.SIGKILL)
    process.join(0.2 if politely else None)
    if process.is_alive():
        process.kill()
        process.join()
    time.sleep(0.01)
