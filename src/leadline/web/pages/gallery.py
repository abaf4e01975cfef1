"""The theory in interactive figures; each section is computed when it first comes into view."""

from __future__ import annotations

from functools import cache
from threading import Lock

from fastapi import APIRouter, HTTPException, Request, Response

from leadline.report.figures.figure import Figure
from leadline.report.gallery import SECTIONS
from leadline.report.gallery.computing import one_thread
from leadline.web.site import CurrentSite

router = APIRouter()
_one_at_a_time = Lock()


@router.get("/gallery")
def gallery(request: Request, site: CurrentSite) -> Response:
    """All sections, without their figures yet."""
    return site.render(request, "gallery_page.html", sections=SECTIONS)


@router.get("/gallery/{slug}")
def section(request: Request, site: CurrentSite, slug: str) -> Response:
    """The figures of a section, as a part of the page."""
    with _one_at_a_time:
        figures = _figures(slug)
    if not figures:
        raise HTTPException(404, "There is no such section.")
    return site.render(request, "gallery_figures.html", slug=slug, figures=figures)


@cache
def _figures(slug: str) -> tuple[Figure, ...]:
    with one_thread():
        return tuple(build() for section in SECTIONS if section.slug == slug for build in section.figures)
