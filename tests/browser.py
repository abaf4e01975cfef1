"""A real browser for pages: Chromium with the network shut, and what it noticed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path("/usr/bin/chromium")

needs_browser = [
    pytest.mark.needs_browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed"),
]


@dataclass
class Visit:
    """An open page, and the messages and requests that it caused."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Take down what the page's console says, and any dialog."""
        self.page.on(
            "console",
            lambda message: self.complaints.append(message.text) if message.type in ("error", "warning") else None,
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append("dialog"), dialog.dismiss()))

    def overflow(self) -> int:
        """Pixels by which the page is wider than the screen."""
        return self.page.evaluate("document.documentElement.scrollWidth - innerWidth")

    def drawn(self) -> int:
        """How many figures have been drawn."""
        return self.page.evaluate(
            "[...document.querySelectorAll('.plot')].filter(p => p.querySelector('.main-svg')).length"
        )


@contextmanager
def chromium() -> Iterator[Any]:
    """A started browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-quic", "--disable-background-networking"]
        )
        yield browser
        browser.close()


def visit(browser: Any, path: Path, width: int = 1280, scheme: str = "light") -> Visit:
    """Open the file with every other request refused and counted."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    found = Visit(context.new_page())

    def answer(route: Any) -> None:
        url = route.request.url
        if url == path.as_uri():
            route.continue_()
        else:
            found.requests.append(url)
            route.abort()

    found.page.route("**/*", answer)
    found.listen()
    found.page.goto(path.as_uri())
    found.page.wait_for_selector("html.drawn", timeout=20_000)
    return found
