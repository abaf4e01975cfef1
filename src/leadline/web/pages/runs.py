"""The runs: a table to search, sort and filter, with the state of those that train."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from leadline.measure import Estimate
from leadline.measure.metrics import error_unit
from leadline.report.quantities import duration, moment
from leadline.runs.folder import RunFolder
from leadline.runs.listing import Listing, RunQuery, list_runs
from leadline.runs.tags import change_tag
from leadline.web.live import RunsWatch, events, shown_state, so_far
from leadline.web.site import CurrentSite, FormFields, Site

router = APIRouter()
SHOWN = 50
RISING = ("name", "source", "status", "train_error", "dev_error")
"""Columns whose natural order begins with the smallest."""


def query_of(
    q: str = "", data: str = "", tag: str = "", status: str = "", sort: str = "started", order: str = ""
) -> RunQuery:
    """The runs that an address asks for."""
    return RunQuery(q, data, tag, status, sort, order == "down" if order else sort not in RISING)


@router.get("/")
def runs(
    request: Request,
    site: CurrentSite,
    q: str = "",
    data: str = "",
    tag: str = "",
    status: str = "",
    sort: str = "started",
    order: str = "",
    start: int = 0,
) -> Response:
    """The page, or only its table where a script asks for that."""
    query = query_of(q, data, tag, status, sort, order)
    listing = list_runs(site.index, query, start, SHOWN)
    part = request.headers.get("HX-Target") == "listing"
    return site.render(request, "runs_table.html" if part else "runs.html", **table(site, listing, query))


@router.get("/events")
def watch(site: CurrentSite, seen: str = "") -> Response:
    """What changes among the runs, as it happens; ``seen`` marks what the page shows."""
    return events(site, RunsWatch(site, seen).look)


@router.post("/tags")
def tag_runs(site: CurrentSite, fields: FormFields) -> Response:
    """Give a tag to several runs at once, or take it from them (``remove``)."""
    for run in [site.run(name) for name in fields.all("run")]:
        change_tag(run.folder, fields.one("tag"), kept="remove" not in fields)
        site.index.add(run.folder)
    return Response(status_code=204, headers={"HX-Trigger": "runs-changed"})


@router.post("/trainings/dismiss")
def dismiss(site: CurrentSite, fields: FormFields) -> Response:
    """Forget a training that failed, or that waits."""
    site.trainings.dismiss(fields.one("name"))
    return Response(status_code=204, headers={"HX-Trigger": "runs-changed"})


@router.get("/trainings/{name}")
def training(request: Request, site: CurrentSite, name: str) -> Response:
    """What became of a training that was asked for."""
    waiting = {training.name: training for training in site.trainings.shown()}
    values = {"name": name, "training": waiting.get(name), "there": site.index.knows(name)}
    return site.render(request, "training_state.html", **values)


def table(site: Site, listing: Listing, query: RunQuery) -> dict[str, Any]:
    """What the table's template shows."""

    def address(start: int = 0, **changes: Any) -> str:
        asked = replace(query, **changes)
        order = "down" if asked.descending else "up"
        fields = {"q": asked.search, "data": asked.source, "tag": asked.tag, "status": asked.status}
        fields |= {"sort": asked.sort, "order": order, "start": start or ""}
        return "/?" + urlencode({name: value for name, value in fields.items() if value})

    def sorted_by(column: str) -> str:
        same = query.sort == column
        return address(sort=column, descending=not query.descending if same else column not in RISING)

    return {
        "listing": listing,
        "query": query,
        "rows": [_shown(site, row) | {"tags": listing.tags_of.get(row["name"], [])} for row in listing.rows],
        "trainings": site.trainings.shown(),
        "state": shown_state(site),
        "address": address,
        "sorted_by": sorted_by,
        "here_again": address(listing.offset),
        "before": address(max(listing.offset - SHOWN, 0)) if listing.offset else None,
        "after": address(listing.offset + SHOWN) if listing.offset + SHOWN < listing.total else None,
    }


def _shown(site: Site, row: dict[str, Any]) -> dict[str, Any]:
    running, folder = row["status"] == "running", RunFolder(site.store.root / row["name"])
    return row | {
        "so_far": so_far(folder) if running else {"epoch": None, "dev": ""},
        "data": "/".join((row["source"] or "–").split("/")[-2:]),
        "started": moment(row["started"] or "–"),
        "time": "–" if row["seconds"] is None or running else duration(row["seconds"]),
        **{part: _measured(row, part) for part in ("train", "dev", "test")},
    }


def _measured(row: dict[str, Any], part: str) -> Estimate | None:
    if row[f"{part}_error"] is None:
        return None
    low, high, n = (row[f"{part}_{key}"] for key in ("low", "high", "n"))
    return Estimate(row[f"{part}_error"], low, high, n, unit=error_unit(row["metric"], row["task"]))
