"""The mistakes of a run, looked through one by one: their causes, what fixing each would bring, where they gather."""

from __future__ import annotations

import csv
import io
import re
from functools import partial
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from leadline.errors import UsageError
from leadline.review import edits
from leadline.review.mistake_list import ORDERS
from leadline.review.sheet import ReviewSheet
from leadline.review.store import Change, Edit, ReviewStore
from leadline.runs.run import Run
from leadline.web.mistakes import WINDOW, Card, Filter, tags_of
from leadline.web.site import CurrentSite, Fields, FormFields, NamedRun, Site, templates

router = APIRouter(prefix="/runs/{name}/mistakes")
STATES = {"": "all", "open": "not looked at", "done": "looked through"}


def _filter(request: Request) -> Filter:
    asked = request.query_params
    order, group, state = asked.get("order", "sample"), asked.get("group", ""), asked.get("state", "")
    if order not in ORDERS or state not in STATES or not re.fullmatch(r"[0-9]{0,4}", group, re.ASCII):
        raise HTTPException(404, "There are no mistakes under this address.")
    names = {name: asked.get(name, "")[:1000] for name in ("true", "predicted", "cause")}
    return Filter(**names, group=int(group) if group else None, state=state, order=order)


Asked = Annotated[Filter, Depends(_filter)]


@router.get("")
def mistakes(request: Request, site: CurrentSite, run: NamedRun, asked: Asked) -> Response:
    """The page; its cards come in windows."""
    store = ReviewStore(run.folder)
    sheet = site.mistakes.sheet(store)
    return site.render(
        request,
        "mistakes.html",
        run=run,
        asked=asked,
        states=STATES,
        keep=urlencode(asked.query()),
        link=partial(_link, asked),
        seen="|".join(store.files()),
        **_panel(site, run, store),
        **_window(site, run, sheet, asked, -1),
    )


@router.get("/cards")
def cards(request: Request, site: CurrentSite, run: NamedRun, asked: Asked, after: int = -1) -> Response:
    """The next window of cards, after a place in the order."""
    sheet = site.mistakes.sheet(ReviewStore(run.folder))
    window = _window(site, run, sheet, asked, after)
    return site.render(request, "mistake_cards.html", run=run, keep=urlencode(asked.query()), **window)


@router.get("/groups")
def groups(request: Request, site: CurrentSite, run: NamedRun, asked: Asked) -> Response:
    """Slices and clusters where mistakes gather, or that they are being looked for."""
    task = site.mistakes.groups(run)
    drawn = site.examples.look(run)
    values = {"task": task, "asked": asked, "drawn": drawn, "link": partial(_link, asked)}
    return site.render(request, "mistake_groups.html", run=run, **values)


@router.get("/panel")
def panel(request: Request, site: CurrentSite, run: NamedRun) -> Response:
    """What the causes come to, however long it takes to work out."""
    return site.render(request, "mistake_panel.html", run=run, **_panel(site, run, ReviewStore(run.folder), wait=True))


@router.get("/state")
def state(site: CurrentSite, run: NamedRun, seen: str = "") -> Response:
    """What has changed since the files were as ``seen`` says: 204 for nothing, else the panel and all causes."""
    store = ReviewStore(run.folder)
    if "|".join(store.files()) == seen:
        return Response(status_code=204)
    sheet = site.mistakes.sheet(store)
    return _state(site, run, store, tags_of(sheet, sheet.examined), every=True)


@router.get("/export.csv")
def export(site: CurrentSite, run: NamedRun) -> Response:
    """The looked-through mistakes with their causes, as `leadline mistakes --import` reads them."""
    table = site.mistakes.sheet(ReviewStore(run.folder)).table()
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows(table.lines())
    name = re.sub(r"[^\w.-]", "_", run.name, flags=re.ASCII)
    headers = {"Content-Disposition": f'attachment; filename="mistakes-{name}.csv"'}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/tag")
def tag(site: CurrentSite, run: NamedRun, fields: FormFields) -> Response:
    """Tick a cause for a mistake (``on=1``) or take the tick away; a cause that is new is made."""
    row, label, prediction = _mistake(site, run, fields)
    edit = edits.tag(row, fields.one("cause"), fields.one("on") == "1", label, prediction)
    return _act(site, run, fields, edit)


@router.post("/none")
def none(site: CurrentSite, run: NamedRun, fields: FormFields) -> Response:
    """A mistake was looked through and has no cause; ``on=0``: it was not looked through."""
    row, label, prediction = _mistake(site, run, fields)
    looked = fields.one("on") == "1"
    return _act(site, run, fields, edits.unexplained(row, label, prediction) if looked else edits.forget(row))


@router.post("/remove")
def remove(site: CurrentSite, run: NamedRun, fields: FormFields) -> Response:
    """Remove a cause with its ticks."""
    return _act(site, run, fields, edits.remove_cause(fields.one("cause")))


@router.post("/undo")
def undo(site: CurrentSite, run: NamedRun, fields: FormFields) -> Response:
    """Take the page's own latest action back."""
    store = ReviewStore(run.folder)
    undone = store.undo("mistakes", author(fields))
    if undone is None:
        return _state(site, run, store, {}, "There is nothing of yours to undo.")
    said = "Undone, but for what was changed elsewhere since." if undone.kept else "Undone."
    return _state(site, run, store, _changed(store, undone.changes), said)


def _link(asked: Filter, **changed: Any) -> str:
    """The page's address with another filter."""
    return "?" + urlencode(asked.query(**changed))


def author(fields: Fields) -> str:
    """Who acts: each page that is open undoes its own actions. UsageError: it is no name."""
    name = fields.one("author")
    if not re.fullmatch(r"[\w-]{1,64}", name, re.ASCII):
        raise UsageError("The author is not a name.")
    return name


def _mistake(site: Site, run: Run, fields: Fields) -> tuple[int, str, str]:
    """The mistake that an action is about. HTTPException: the row is none."""
    text, mistakes = fields.one("row"), site.mistakes.list(run)
    row = int(text) if re.fullmatch(r"[0-9]{1,12}", text, re.ASCII) else -1
    if row not in mistakes.position:
        raise HTTPException(404, f"Row {text[:20]} is no dev mistake of {run.name}.")
    shown = mistakes.shown(mistakes.position[row])
    return row, shown.label, shown.prediction


def _act(site: Site, run: Run, fields: Fields, edit: Edit) -> Response:
    store = ReviewStore(run.folder)
    changes = store.act("mistakes", author(fields), edit)
    return _state(site, run, store, _changed(store, changes))


def _changed(store: ReviewStore, changes: tuple[Change, ...]) -> dict[str, Any]:
    return tags_of(store.sheet(), {change.cell.row for change in changes if change.cell.row >= 0})


def _state(
    site: Site, run: Run, store: ReviewStore, rows: dict[str, Any], said: str = "", every: bool = False
) -> Response:
    """The panel, and the causes of these rows; with ``every`` nobody has looked at any other row."""
    values = _panel(site, run, store) | {"run": run}
    panel = templates().get_template("mistake_panel.html").render(**values)
    toolbar = templates().get_template("mistake_toolbar.html").render(**values)
    seen = "|".join(store.files())
    return JSONResponse({"panel": panel, "toolbar": toolbar, "rows": rows, "seen": seen, "said": said, "every": every})


def _panel(site: Site, run: Run, store: ReviewStore, wait: bool = False) -> dict[str, Any]:
    sheet = site.mistakes.sheet(store)
    mistakes = site.mistakes.list(run)
    return {
        "mistakes": mistakes,
        "table": site.mistakes.causes(run, store, wait),
        "examined": sum(row in mistakes.position for row in sheet.examined),
        "picked": mistakes.picked(sheet.examined),
        "address": f"/runs/{quote(run.name, safe='')}/mistakes",
    }


def _window(site: Site, run: Run, sheet: ReviewSheet, asked: Filter, after: int) -> dict[str, Any]:
    ranks = site.mistakes.ranks(run, sheet, asked)
    if ranks is None:
        return {
            "cards": [],
            "waiting": True,
            "count": None,
            "last": -1,
            "more": False,
            "drawn": site.examples.look(run),
        }
    window = site.mistakes.list(run).window(ranks, asked.order, min(after, 1 << 60), WINDOW)
    fields = site.examples.fields(run, [mistake.row for _, mistake in window])
    shown = [
        Card(rank, mistake, tuple(sheet.tags_of(mistake.row)), mistake.row in sheet.examined, values)
        for (rank, mistake), values in zip(window, fields, strict=True)
    ]
    last = shown[-1].rank if shown else -1
    return {
        "cards": shown,
        "waiting": False,
        "count": len(ranks),
        "last": last,
        "more": bool(shown) and last < ranks[-1],
        "drawn": site.examples.look(run),
    }
