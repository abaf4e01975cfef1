"""One run: how it trains, where its error comes from, and what to do about it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from leadline.web.site import CurrentSite, NamedRun

router = APIRouter()


@router.get("/runs/{name}")
def overview(request: Request, site: CurrentSite, run: NamedRun) -> Response:
    """The run's page."""
    return site.render(request, "run.html", run=run)
