"""The labels of a run, reviewed one by one: kept, changed or left open, then applied and taken back."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from leadline.errors import LeadlineError, UsageError, nearest
from leadline.review import edits
from leadline.review.store import ReviewStore
from leadline.runs.run import Run
from leadline.web.labels import class_keys
from leadline.web.pages.mistakes import author
from leadline.web.site import CurrentSite, Fields, FormFields, NamedRun, Site, templates

router = APIRouter(prefix="/runs/{name}/labels")
VERDICTS = {"keep": "right", "change": "wrong", "unsure": "unclear"}


@router.get("")
def labels(request: Request, site: CurrentSite, run: NamedRun, row: str = "", sets: str = "") -> Response:
    """The page; ``row`` is the label to look at, and ``sets=all`` brings labels of the training set, too."""
    if not run.classes or not run.task.one_class:
        raise LeadlineError(
            f"This page reviews labels where examples have one class each, which {run.name} has not. On the command "
            f"line: leadline labels {run.name} --export labels.csv writes a review queue, --apply labels.csv takes it."
        )
    task = site.labels.audit(run)
    if row and (task is None or not task.result or not _known(site, run, row)):
        raise HTTPException(404, f"Row {row[:20]} is none of the examples of {run.name}.")
    return site.render(request, "labels.html", run=run, **_values(site, run, sets, int(row) if row else None))


@router.get("/body")
def body(request: Request, site: CurrentSite, run: NamedRun, sets: str = "") -> Response:
    """The page's changing part, while something is under way."""
    return site.render(request, "label_body.html", run=run, **_values(site, run, sets))


@router.post("/start")
def start(site: CurrentSite, run: NamedRun, fields: FormFields) -> Response:
    """Look for wrong labels."""
    site.labels.audit(run, start=True)
    return _state(site, run, _sets(fields))


@router.post("/verdict")
def verdict(site: CurrentSite, run: NamedRun, fields: FormFields) -> Response:
    """Say something about a label: ``verdict`` is keep, change (to the class ``new``) or unsure."""
    queue, said, text = site.labels.queue(run), fields.one("verdict"), fields.one("row")
    if said not in VERDICTS:
        raise UsageError(f"{said[:20]!r} is no verdict.{nearest(said, VERDICTS)}")
    if not _known(site, run, text):
        raise HTTPException(404, f"Row {text[:20]} is none of the examples of {run.name}.")
    review = queue.review(int(text), VERDICTS[said], fields.one("new") if said == "change" else None)
    sets = _sets(fields)
    before = site.labels.state(run, int(text), sets == "all")
    ReviewStore(run.folder).act("labels", author(fields), edits.verdict(review))
    done = before.review is None and before.done == len(before.steps) - 1
    following = before.upcoming[0] if before.upcoming else None
    return _state(site, run, sets, following, "This round is done." if done else "")


@router.post("/undo")
def undo(site: CurrentSite, run: NamedRun, fields: FormFields) -> Response:
    """Take the page's own latest verdict back, and look at that label again."""
    undone = ReviewStore(run.folder).undo("labels", author(fields))
    if undone is None:
        return _state(site, run, _sets(fields), said="There is nothing of yours to undo.")
    cells = [*(change.cell for change in undone.changes), *undone.kept]
    said = "Changed elsewhere since: it stays." if undone.kept else "Undone."
    return _state(site, run, _sets(fields), cells[0].row if cells else None, said)


@router.post("/apply")
def apply(site: CurrentSite, run: NamedRun, fields: FormFields) -> Response:
    """Put the verdicts in force, and measure dev and test by them."""
    site.labels.change(run, "apply")
    return _state(site, run, _sets(fields))


@router.post("/back")
def back(site: CurrentSite, run: NamedRun, fields: FormFields) -> Response:
    """Take all corrections back; the verdicts wait again."""
    site.labels.change(run, "back")
    return _state(site, run, _sets(fields))


@router.get("/item")
def item(site: CurrentSite, run: NamedRun, row: str, sets: str = "") -> Response:
    """The page on another label."""
    if not _known(site, run, row):
        raise HTTPException(404, f"Row {row[:20]} is none of the examples of {run.name}.")
    return _state(site, run, sets, int(row))


def _known(site: Site, run: Run, row: str) -> bool:
    """Whether a text from the client is the row of one of the run's examples."""
    return bool(re.fullmatch(r"[0-9]{1,12}", row, re.ASCII)) and site.labels.queue(run).has(int(row))


def _sets(fields: Fields) -> str:
    return fields.one("sets") if fields.all("sets") else ""


def _state(site: Site, run: Run, sets: str, row: int | None = None, said: str = "") -> Response:
    values = _values(site, run, sets, row)
    html = templates().get_template("label_body.html").render(run=run, **values)
    asked = values["state"].asked.row if values["state"] is not None and values["state"].asked else None
    return JSONResponse({"html": html, "row": asked, "said": said})


def _values(site: Site, run: Run, sets: str, row: int | None = None) -> dict[str, Any]:
    task, change = site.labels.audit(run), site.labels.change(run)
    address = f"/runs/{quote(run.name, safe='')}/labels"
    every = sets == "all"
    values: dict[str, Any] = {
        "every": every,
        "task": task,
        "address": address,
        "state": None,
        "changing": None,
        "trouble": "",
    }
    values["expected"] = 5 * max(1, round(run.summary.seconds or 1))
    if change is not None and not change.done.is_set():
        return values | {"changing": change}
    values["trouble"] = site.labels.settled(run) or ""
    if task is None or not task.done.is_set() or task.error:
        return values
    queue = site.labels.queue(run, every)
    state = site.labels.state(run, row, every)
    rows = [] if state.asked is None else [state.asked.row]
    fields = site.examples.fields(run, rows)
    return values | {
        "state": state,
        "classes": queue.classes,
        "keys": class_keys(queue.classes),
        "fields": fields[0] if fields else [],
        "drawn": site.examples.look(run),
        "parts": {k: queue.question(k).part for k in state.upcoming},
    }
