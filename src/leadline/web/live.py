"""Server-sent events: what changes among the runs, and in one of them, is sent to the pages that show it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Iterable
from hashlib import sha256
from typing import Any

from fastapi.responses import StreamingResponse

from leadline.errors import LeadlineError
from leadline.report.quantities import ErrorScale, with_unit
from leadline.runs.folder import RunFolder
from leadline.runs.life import status_of
from leadline.runs.summary import read_summary
from leadline.web.site import Site

SECONDS = 0.5
"""Between two looks."""


def event(name: str, data: object) -> str:
    """One event as it goes over the line."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


def events(site: Site, look: Callable[[], list[str]]) -> StreamingResponse:
    """A stream of the events that ``look`` finds, which is called again and again in a thread of its own."""

    async def stream() -> AsyncIterator[str]:
        yield "retry: 1000\n\n"
        while not site.closing():
            for message in await asyncio.to_thread(look):
                yield message
            await asyncio.sleep(SECONDS)

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream(), media_type="text/event-stream", headers=headers)


def runs_state(site: Site, names: Iterable[str], running: Iterable[str]) -> str:
    """A mark that changes when a run comes, goes or ends, or a training that was asked for does."""
    trainings = [(training.name, training.state) for training in site.trainings.shown()]
    return sha256(repr((sorted(names), sorted(running), trainings)).encode()).hexdigest()


def shown_state(site: Site) -> str:
    """The mark of what the table of runs shows, once the index is up to date."""
    if not site.store.root.is_dir():
        return runs_state(site, (), ())
    statuses = site.index.statuses()
    return runs_state(site, site.store.names(), [name for name, status in statuses.items() if status == "running"])


class RunsWatch:
    """What has changed among the runs since the last look: which there are, and how far those are that train.

    ``seen`` is the mark of what the page shows (see `shown_state`).
    """

    def __init__(self, site: Site, seen: str) -> None:
        self.site, self.seen = site, seen
        statuses = site.index.statuses() if site.store.root.is_dir() else {}
        self.ended = {name for name, status in statuses.items() if status != "running"}
        self.epochs: dict[str, dict[str, Any]] = {}

    def look(self) -> list[str]:
        """ "changed" where the table is out of date, "progress" of a run that is training."""
        names = self.site.store.names()
        self.ended &= names
        running = []
        for name in names - self.ended:
            status = _status(RunFolder(self.site.store.root / name))
            if status == "running":
                running.append(name)
            elif status is not None:
                self.ended.add(name)
        now = runs_state(self.site, names, running)
        events = [] if self.seen == now else [event("changed", None)]
        epochs = {name: so_far(RunFolder(self.site.store.root / name)) for name in running}
        events += [event("progress", {"run": n, **last}) for n, last in epochs.items() if last != self.epochs.get(n)]
        self.seen, self.epochs = now, epochs
        return events


class RunWatch:
    """What has changed in one run since the last look."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.size: int | None = None
        self.status: str | None = None

    def look(self) -> list[str]:
        """ "epochs" where there are more of them, "status" where that is another."""
        events = []
        path = self.folder / "history.jsonl"
        size = path.stat().st_size if path.exists() else 0
        status = _status(self.folder)
        if size != self.size and (last := last_epoch(self.folder)):
            events.append(event("epochs", last))
        if status not in (self.status, "running"):  # only pages of a run that trains ask
            events.append(event("status", status))
        self.size, self.status = size, status
        return events


def last_epoch(folder: RunFolder) -> dict[str, Any]:
    """The last whole line of a run's history, without reading all of it; empty where there is none."""
    path = folder / "history.jsonl"
    if not path.exists():
        return {}
    with path.open("rb") as lines:
        lines.seek(0, os.SEEK_END)
        lines.seek(max(lines.tell() - 4096, 0))
        tail = lines.read().split(b"\n")[:-1]
    for line in reversed(tail):
        try:
            return json.loads(line)
        except ValueError:
            continue
    return {}


def so_far(folder: RunFolder) -> dict[str, Any]:
    """How far a running training is: ``epoch``, and its ``dev`` error as people read it."""
    last, scale = last_epoch(folder), ErrorScale.of(_fact(folder, "task") or "")
    error = last.get("dev_error")
    shown = "" if error is None else with_unit(f"{error * scale.factor:.3g}", scale.unit)
    return {"epoch": last.get("epoch"), "dev": shown}


def _status(folder: RunFolder) -> str | None:
    said = _fact(folder, "status")
    return None if said is None else status_of(folder.path, str(said))


def _fact(folder: RunFolder, key: str) -> Any:
    """What a run's summary says; None while there is none to read: the run is gone, or just coming."""
    try:
        return getattr(read_summary(folder), key)
    except LeadlineError:
        return None
