"""Other processes of this machine at work on a search: they end with the one that began them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.process import BaseProcess

import torch

SECONDS_TO_END = 5.0


@contextmanager
def processes_at_work(work: Callable[[], None], count: int) -> Iterator[list[BaseProcess]]:
    """Within this, so many processes do the work, which can be pickled; each gets its share of the cores.

    Afterwards they are waited for, and ended where they take longer than `SECONDS_TO_END`.
    """
    if count < 1:
        yield []
        return
    before = torch.get_num_threads()
    threads = max(1, (os.cpu_count() or 1) // (count + 1))
    context = multiprocessing.get_context("spawn")
    processes: list[BaseProcess] = [
        context.Process(target=_work, args=(work, threads), daemon=True) for _ in range(count)
    ]
    for process in processes:
        process.start()
    torch.set_num_threads(threads)
    try:
        yield processes
    finally:
        torch.set_num_threads(before)
        for process in processes:
            process.join(timeout=SECONDS_TO_END)
            process.kill()


def interrupt(processes: list[BaseProcess]) -> None:
    """Ask them to end, so that they give back what they have not finished."""
    for process in processes:
        if process.pid is not None and process.is_alive():
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGINT)


def _work(work: Callable[[], None], threads: int) -> None:
    """The main function of another process."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    with suppress(KeyboardInterrupt):
        work()


def _end_with_parent() -> None:
    """End this process when the one that began it is gone, however that ended: nobody would read what it computes."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
