"""A served folder of runs, and a client that sends what a browser never would."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from browser import Visit
from leadline.runs.store import RunStore
from leadline.web.serving import LocalServer


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers in lower case, and the text."""

    status: int
    headers: dict[str, str]
    text: str
    content: bytes = b""

    def json(self) -> Any:
        """What a script reads."""
        return json.loads(self.text)


@dataclass
class Served:
    """A running server; `get` and `post` ask as its own pages do unless headers say otherwise."""

    server: LocalServer
    root: Path
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    @property
    def origin(self) -> str:
        return f"http://{self.host}"

    @property
    def cookie(self) -> str:
        return f"leadline_{self.server.port}={self.server.secrets.session}"

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: str | None = None) -> Answer:
        """Send exactly this; the path goes out as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            got = connection.getresponse()
            content = got.read()
            found = {name.lower(): value for name, value in got.getheaders()}
            return Answer(got.status, found, content.decode("utf-8", "replace"), content)
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        """As a page of the application that was opened."""
        return self.ask("GET", path, {"Cookie": self.cookie, **headers})

    def post(self, path: str, fields: dict[str, Any] | None = None, **headers: str) -> Answer:
        """As the script of such a page."""
        own = {
            "Cookie": self.cookie,
            "Origin": self.origin,
            "X-CSRF-Token": self.server.secrets.csrf,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return self.ask("POST", path, own | headers, urlencode(fields or {}, doseq=True))


@contextmanager
def serving(root: Path) -> Iterator[Served]:
    """Serve the runs in a folder from a thread."""
    server = LocalServer(RunStore(root))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield Served(server, root)
    finally:
        server.stop()
        thread.join(timeout=10)


def look(browser: Any, served: Served, path: str = "/", width: int = 1280, scheme: str = "light") -> Visit:
    """Open a page of the application as the user does, in a browser that may reach nothing else."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    found = Visit(context.new_page())

    def answer(route: Any) -> None:
        if route.request.url.startswith((served.origin + "/", "data:")):
            route.continue_()
        else:
            found.requests.append(route.request.url)
            route.abort()

    found.page.route("**/*", answer)
    found.listen()
    found.page.goto(served.server.url(path))
    found.page.wait_for_selector("html.drawn", timeout=20_000)
    return found
