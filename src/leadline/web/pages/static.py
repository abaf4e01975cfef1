"""Stylesheets and scripts."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response

from leadline.web.assets import assets

router = APIRouter()


@router.get("/static/{digest}/{name}")
def asset(request: Request, digest: str, name: str) -> Response:
    """An asset, to be kept for a year: other content has another address."""
    known = assets().get(name)
    if known is None or known.digest != digest:
        raise HTTPException(404, "There is no such file.")
    headers = {"ETag": f'"{digest}"', "Cache-Control": "private, max-age=31536000, immutable"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(known.content, media_type=known.media_type, headers=headers)
