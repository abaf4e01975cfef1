"""Run the application on this machine until it is interrupted."""

from __future__ import annotations

import socket
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import quote

import uvicorn

from leadline.errors import LeadlineError
from leadline.runs.store import RunStore
from leadline.web.app import create_app
from leadline.web.security import Secrets
from leadline.web.site import Site

HOST = "127.0.0.1"


class LocalServer:
    """A server on a port of 127.0.0.1, bound when it is made: 0 takes a free one.

    Raises:
        LeadlineError: the port is taken.

    """

    def __init__(self, store: RunStore, port: int = 0) -> None:
        self.socket = _bound(port)
        self.port = int(self.socket.getsockname()[1])
        self.secrets = Secrets()
        app = create_app(store, self.port, self.secrets, closing=lambda: self.server.should_exit)
        self.site: Site = app.state.site
        self.server = uvicorn.Server(
            uvicorn.Config(app, log_level="error", access_log=False, server_header=False, lifespan="off", ws="none")
        )

    def url(self, path: str = "/") -> str:
        """The address to open, with its token."""
        return f"http://{HOST}:{self.port}{quote(path)}?token={self.secrets.token}"

    def run(self) -> None:
        """Serve until `stop`, or until the program is interrupted."""
        with self.socket:
            self.server.run(sockets=[self.socket])

    def stop(self) -> None:
        """Let `run` return after the answers that are under way."""
        self.server.should_exit = True


def serve(
    store: RunStore,
    path: str = "/",
    port: int = 0,
    browser: bool = True,
    ready: Callable[[str], object] = print,
    say: Callable[[str], object] = print,
) -> None:
    """Serve the application until Ctrl-C, and open its page ``path`` in the browser.

    ``ready`` is given the address, and ``say`` at the end what becomes of trainings that were started from a page.

    Raises:
        LeadlineError: the port is taken.

    """
    server = LocalServer(store, port)
    ready(server.url(path))
    if browser:
        webbrowser.open(server.url(path))
    with suppress(KeyboardInterrupt):  # the regular way to end
        server.run()
    going_on, left_out = server.site.trainings.close()
    for name in going_on:
        say(f"{name} trains on; leadline stop {name} ends it and keeps what it has reached.")
    for name in left_out:
        say(f"{name} was waiting for its turn and will not be trained.")


def _bound(port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((HOST, port))
        opened.listen(128)
    except OSError as error:
        opened.close()
        raise LeadlineError(
            f"Port {port} cannot be used: {error.strerror}. Leave --port out, and a free one is taken."
        ) from None
    return opened
