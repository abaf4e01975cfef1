"""Who may ask and what may be answered: the guard before every page, and the headers behind it.

The application listens on 127.0.0.1, but every page that the browser has open can send requests there, and so can every
program of every user of the machine. So a request is answered only if it names this server as its host (DNS
rebinding), comes from this application's own pages (cross-site requests) and carries the cookie that was given in
exchange for the token of the printed address (other users). A change needs the page's own secret in a header besides.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from html import escape
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CSRF_HEADER = "X-CSRF-Token"
READING = ("GET", "HEAD")
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""No other origin, nothing inline, nothing evaluated. Data blocks of figures are no scripts and need no leave."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class Secrets:
    """What one start of the server knows: the address's token, and what follows from it."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    @property
    def session(self) -> str:
        """The cookie's value."""
        return self._derived("session")

    @property
    def csrf(self) -> str:
        """What a page sends along with a change, in the header ``X-CSRF-Token``."""
        return self._derived("change")

    def _derived(self, purpose: str) -> str:
        return hmac.new(self.token.encode(), purpose.encode(), sha256).hexdigest()


class RequestGuard:
    """Middleware that answers only this machine's own pages; ``port`` is the one that the server listens on."""

    def __init__(self, app: ASGIApp, secrets: Secrets, port: int) -> None:
        self.app, self.secrets = app, secrets
        self.hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self.origins = frozenset(f"http://{host}" for host in self.hosts)
        self.cookie = f"leadline_{port}"  # cookies are shared between the ports of a host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request or refuse it; every answer gets the headers."""
        if scope["type"] != "http":
            return  # there are no web sockets here, and nothing to do at start and end

        begun: list[bool] = []

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                begun.append(True)
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if "cache-control" not in headers:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        answer = self._refusal(scope) or self.app
        try:
            await answer(scope, receive, protected)
        except Exception:
            logging.getLogger(__name__).exception("This is a fault of Leadline's, please report it.")
            if not begun:
                fault = _no(500, "Something went wrong that is a fault of Leadline's; the terminal says what.")
                await fault(scope, receive, protected)

    def _refusal(self, scope: Scope) -> Response | None:
        """What is answered in place of the page; None lets the request through."""
        headers, method = Headers(scope=scope), scope["method"]
        if headers.get("host", "").lower() not in self.hosts:
            return _no(421, "This server answers to 127.0.0.1 only.")
        if method not in (*READING, "POST"):
            return _no(405, "Only GET and POST are understood here.")
        if not self._own_page(scope, headers):
            return _no(403, "This request comes from another site.")
        if (answer := self._exchange(scope)) is not None:
            return answer
        if not self._knows_session(headers):
            return _no(403, "Open the address that `leadline open` printed: it holds the key to this page.")
        if method == "POST" and not _same(headers.get(CSRF_HEADER, ""), self.secrets.csrf):
            return _no(403, "The page is out of date: load it again.")
        return None

    def _own_page(self, scope: Scope, headers: Mapping[str, str]) -> bool:
        """Whether a page of this server asks, or somebody opens a page."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if scope["method"] == "POST":
            return origin in self.origins and site in (None, "same-origin")
        opened = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        return (origin is None or origin in self.origins) and (site in (None, "same-origin", "none") or opened)

    def _exchange(self, scope: Scope) -> Response | None:
        """The token in the address for a cookie, and the address without it.

        A page that goes on by itself, since a redirect would count as coming from wherever the link stood, and the
        cookie would stay behind.
        """
        query = parse_qsl(scope["query_string"].decode("latin-1"))
        given = [value for name, value in query if name == "token"]
        if scope["method"] != "GET" or not given:
            return None
        if not _same(given[0], self.secrets.token):
            return _no(403, "This address is of an earlier start: open the one that was printed last.")
        rest = urlencode([(name, value) for name, value in query if name != "token"])
        path = "/" + scope["raw_path"].decode("latin-1").partition("?")[0].lstrip("/\\")  # never //other.host
        goal = escape(f"{path}?{rest}" if rest else path)
        page = HTMLResponse(
            f'<!DOCTYPE html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={goal}">'
            f'<title>Leadline</title><a href="{goal}">Go on</a>'
        )
        page.set_cookie(self.cookie, self.secrets.session, httponly=True, samesite="strict", path="/")
        return page

    def _knows_session(self, headers: Mapping[str, str]) -> bool:
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return False
        own = cookies.get(self.cookie)
        return own is not None and _same(own.value, self.secrets.session)


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _no(status: int, text: str) -> Response:
    return PlainTextResponse(text + "\n", status)
