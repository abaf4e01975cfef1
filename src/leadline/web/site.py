"""What every page stands on: the runs, the templates, and the fields of a form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import Depends, HTTPException, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment

from leadline.errors import UsageError
from leadline.report.rendering import environment
from leadline.runs.folder import RunFolder
from leadline.runs.index import RunIndex
from leadline.runs.run import Run
from leadline.runs.store import RunStore
from leadline.web.assets import asset_url, plotly_styles
from leadline.web.examples import ExampleStore
from leadline.web.labels import Labels
from leadline.web.memory import Background
from leadline.web.mistakes import Mistakes
from leadline.web.navigation import PAGES, run_tabs
from leadline.web.searches import Searches
from leadline.web.security import Secrets
from leadline.web.trainings import TrainingQueue

MOST_BYTES = 1 << 20
"""Of a form."""


@dataclass(frozen=True)
class Site:
    """The application's runs and secrets; one for each start of the server.

    ``trainings`` are those that were started from a page. ``closing`` says whether the server is about to stop, so that
    streams of events end.
    """

    store: RunStore
    secrets: Secrets
    trainings: TrainingQueue
    closing: Callable[[], bool] = field(default=lambda: False)
    examples: ExampleStore = field(default_factory=ExampleStore)
    background: Background = field(default_factory=Background)

    @cached_property
    def mistakes(self) -> Mistakes:
        """What pages on mistakes ask for."""
        return Mistakes(self.background)

    @cached_property
    def searches(self) -> Searches:
        """What pages on searches ask for."""
        return Searches(self.store)

    @cached_property
    def labels(self) -> Labels:
        """What pages on labels ask for."""
        return Labels(self.background)

    @property
    def index(self) -> RunIndex:
        """The database of the runs."""
        return RunIndex(self.store)

    def run(self, name: str) -> Run:
        """The run of exactly this name among those of the store; a name never becomes a path before it is known.

        Raises:
            HTTPException: 404, there is none.

        """
        if not self.index.knows(name):
            raise HTTPException(404, f"There is no run {name!r}.")
        return Run(RunFolder(self.store.root / name))

    def render(self, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A template as a page, or as a part of one."""
        page = templates().get_template(template)
        text = page.render(
            **values, csrf=self.secrets.csrf, here=request.url.path, runs_folder=self.store.root.resolve().name
        )
        return HTMLResponse(text, status)


@cache
def templates() -> Environment:
    """The application's templates with the report's beside them; everything that they show is escaped."""
    loaded = environment("leadline.web", "leadline.report")
    loaded.globals |= {"asset": asset_url, "plotly_styles": plotly_styles, "pages": PAGES, "run_tabs": run_tabs}
    return loaded


def _site(request: Request) -> Site:
    return request.app.state.site


CurrentSite = Annotated[Site, Depends(_site)]
"""The site, as a parameter of a page."""


def _run(name: str, site: CurrentSite) -> Run:
    return site.run(name)


NamedRun = Annotated[Run, Depends(_run)]
"""The run that ``{name}`` in the address names, as a parameter of a page."""


class Fields(dict[str, list[str]]):
    """The fields of a form; a field may come several times."""

    def one(self, name: str) -> str:
        """The value of a field that must be there. `leadline.errors.UsageError`: it is not."""
        if not self.get(name):
            raise UsageError(f"The field {name} is missing.")
        return self[name][0]

    def all(self, name: str) -> list[str]:
        """All values of a field, which may be none."""
        return self.get(name, [])


async def _fields(request: Request) -> Fields:
    fields = Fields()
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise HTTPException(413, "This is too much at once.")
    try:
        for name, value in parse_qsl(body.decode(), keep_blank_values=True):
            fields.setdefault(name, []).append(value)
    except UnicodeDecodeError:
        raise HTTPException(400, "The form is not in UTF-8.") from None
    return fields


FormFields = Annotated[Fields, Depends(_fields)]
"""The fields of the posted form (``application/x-www-form-urlencoded``), as a parameter of a page."""
