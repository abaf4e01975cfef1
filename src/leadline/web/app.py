"""The application: its pages behind the guard."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException

from leadline import trust
from leadline.errors import LeadlineError
from leadline.runs.store import RunStore
from leadline.web.pages import ROUTERS
from leadline.web.security import RequestGuard, Secrets
from leadline.web.site import Site
from leadline.web.trainings import TrainingQueue


def create_app(
    store: RunStore, port: int, secrets: Secrets | None = None, closing: Callable[[], bool] = lambda: False
) -> FastAPI:
    """The application over the runs of ``store``, for a server on 127.0.0.1 and ``port``.

    ``secrets`` hold the token that the opened address must carry; ``closing`` says whether the server is about to stop.
    """
    trust.ask_with(trust.refuse)  # what nobody has agreed to on the command line never runs from here
    secrets = secrets or Secrets()
    app = FastAPI(title="Leadline", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.site = Site(store, secrets, TrainingQueue(store), closing)
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(LeadlineError, _mistake)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_middleware(RequestGuard, secrets=secrets, port=port)
    return app


def _mistake(request: Request, error: Exception) -> Response:
    return _said(request, 400, str(error))


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _said(request, error.status_code, error.detail)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    wrong = error.errors()[0]
    return _said(request, 400, f"{wrong['loc'][-1]}: {wrong['msg']}.")


def _said(request: Request, status: int, text: str) -> Response:
    """An error as a line for the page's script to show, or as a page of its own."""
    if "HX-Request" in request.headers or request.method == "POST":
        return PlainTextResponse(text, status)
    site: Site = request.app.state.site
    return site.render(request, "error.html", status, text=text)
