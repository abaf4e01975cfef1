"""Images of examples."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response

from leadline.web.examples import SETS
from leadline.web.site import CurrentSite, NamedRun

router = APIRouter()


@router.get("/runs/{name}/examples/{part}/{row}.png")
def image(request: Request, site: CurrentSite, run: NamedRun, part: str, row: str) -> Response:
    """The image of an example: its set, and its row in the data. The browser keeps it; the address names the data."""
    known = part in SETS and row.isascii() and row.isdecimal() and len(row) <= 12
    if not known or not site.examples.belongs(run, part, int(row)):
        raise HTTPException(404, "There is no such example.")
    headers = {
        "ETag": f'"{site.examples.look(run).version}-{int(row)}"',
        "Cache-Control": "private, max-age=86400",
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    content = site.examples.image(run, int(row))
    if content is None:
        raise HTTPException(404, "There is no image of this example.")
    return Response(content, media_type="image/png", headers=headers)
