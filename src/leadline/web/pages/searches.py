"""The searches, and each one's trials: live while it goes on, with what mattered once it is done."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request, Response

from leadline.web import searches as view
from leadline.web.live import event, events
from leadline.web.site import CurrentSite, Site

router = APIRouter()


@router.get("/searches")
def searches(request: Request, site: CurrentSite) -> Response:
    """The list, or only its table where a script asks for that."""
    part = request.headers.get("HX-Target") == "searches"
    return site.render(request, "searches_table.html" if part else "searches.html", lines=site.searches.lines())


@router.get("/searches/events")
def watch_all(site: CurrentSite) -> Response:
    """ "changed" whenever there is another search or one of them has gone on."""
    return events(site, _Watch(lambda: [(name, site.searches.files(name)) for name in site.searches.names()]))


@router.get("/searches/{name}")
def search(
    request: Request, site: CurrentSite, name: str, sort: str = "error", order: str = "up", start: int = 0
) -> Response:
    """One search; a script asks for what changes in it alone."""
    parts = {"body": "search_body.html", "trials-table": "search_trials.html"}
    template = parts.get(request.headers.get("HX-Target", ""), "search_page.html")
    return site.render(request, template, **_values(site, name, sort, order == "down", start))


@router.get("/searches/{name}/events")
def watch(site: CurrentSite, name: str) -> Response:
    """ "changed" whenever a trial has ended."""
    site.searches.find(name)
    return events(site, _Watch(lambda: site.searches.files(name)))


class _Watch:
    """Whether something has changed since the last look."""

    def __init__(self, now: Any) -> None:
        self.now = now
        self.seen = now()

    def __call__(self) -> list[str]:
        now = self.now()
        changed, self.seen = now != self.seen, now
        return [event("changed", None)] if changed else []


def _values(site: Site, name: str, sort: str, descending: bool, start: int) -> dict[str, Any]:
    record = site.searches.find(name)
    summary = record.summary
    if sort not in (*view.COLUMNS, *summary["space"]):
        sort = "error"
    base = f"/searches/{quote(name, safe='')}"

    def address(sort: str = sort, descending: bool = descending, start: int = 0) -> str:
        return f"{base}?" + urlencode({"sort": sort, "order": "down" if descending else "up", "start": start})

    whole, along = view.figures(record)
    return {
        "record": record,
        "state": str(summary.get("status", "")),
        "sampler": str((summary.get("settings") or {}).get("sampler", "")),
        "edges": summary.get("edges") or [],
        "running": summary.get("status") == "running",
        "base": base,
        "key_figures": view.key_figures(record),
        "figures": whole,
        "along": along,
        "importance": view.importance(record),
        "finalists": _finalists(record),
        "table": view.table(record, sort, descending, start),
        "keys": list(summary["space"]),
        "address": address,
        "page": view.PAGE,
        "best_toml": (record.folder / "best.toml").read_text("utf-8") if (record.folder / "best.toml").exists() else "",
    }


def _finalists(record: Any) -> list[dict[str, str]]:
    scale = view.scale_of(record.summary)
    rows = []
    for line in record.summary.get("finalists") or []:
        low, high = line["low"], line["high"]
        rows.append(
            {
                "number": str(line["number"] + 1),
                "search": view.error_text(line["dev_error"], scale),
                "mean": view.error_text(line["mean"], scale) if line["errors"] else "–",
                "interval": "" if low is None else f"{scale.factor * low:.3g} to {scale.factor * high:.3g}",
            }
        )
    return rows
