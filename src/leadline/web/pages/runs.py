"""The runs: a table to search, sort and filter."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from leadline.runs.tags import change_tag
from leadline.web.site import CurrentSite, FormFields, NamedRun

router = APIRouter()


@router.get("/")
def runs(request: Request, site: CurrentSite) -> Response:
    """The table of runs."""
    return site.render(request, "runs.html", rows=site.index.rows())


@router.post("/runs/{name}/tags")
def tag(request: Request, site: CurrentSite, run: NamedRun, fields: FormFields) -> Response:
    """Add a tag to a run, or take one away (``remove``)."""
    change_tag(run.folder, fields.one("tag"), kept="remove" not in fields)
    site.index.add(run.folder)
    return site.render(request, "runs.html", rows=site.index.rows())
