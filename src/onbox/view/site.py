"""The pages by their addresses. Every page is a plain document that works without its script."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from jinja2 import TemplateNotFound
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from onbox.errors import OnboxError, UsageError
from onbox.report.text import one_line
from onbox.view.addresses import fields_of, file_of
from onbox.view.library import Library
from onbox.view.pages import Pages
from onbox.view.query import Query
from onbox.view.trial_pages import TrialPages

STATIC = Path(__file__).parent / "static"
REPORT_STYLE = Path(__file__).parents[1] / "report" / "templates" / "report.css"
STATIC_FILES = {
    "report.css": (REPORT_STYLE, "text/css"),
    "view.css": (STATIC / "view.css", "text/css"),
    "view.js": (STATIC / "view.js", "text/javascript"),
    "icon.svg": (STATIC / "icon.svg", "image/svg+xml"),
}

FOLLOWERS_MAX = 16
LIVE_S = 1.0
TRIES = 30

Show = Callable[[Query], Response]


class Site:
    """All pages over one library."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._pages = Pages(library)
        self._trial = TrialPages(self._pages)
        self._followers = 0

    def app(self) -> Starlette:
        """What answers a request that may be asked."""
        pages, trial = self._pages, self._trial
        shown: dict[str, Show] = {
            "/": pages.trials,
            "/compare": pages.compare,
            "/trial": trial.trial,
            "/runs": trial.runs,
            "/run": trial.run,
            "/speed": trial.speed,
            "/standup": trial.standup,
        }
        return Starlette(
            routes=[
                *(Route(path, self._shown(show), methods=["GET"]) for path, show in shown.items()),
                Route("/files/{rest:path}", self._answered(self._file), methods=["GET"]),
                Route("/live", self._live, methods=["GET"]),
                Route("/static/{name}", _static, methods=["GET"]),
            ],
            exception_handlers={404: self._missing},
        )

    def _shown(self, show: Show) -> Callable[[Request], Response]:
        return self._answered(lambda request: show(Query(fields_of(request.scope["query_string"]))))

    def _answered(self, answer: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def safely(request: Request) -> Response:
            try:
                return answer(request)
            except OnboxError as error:
                return self._problem(error.message, 404 if isinstance(error, UsageError) else 500)
            except OSError as error:
                return self._problem(f"a file cannot be read: {error.strerror}", 500)
            except Exception as error:
                # Evidence is anybody's data: what it breaks is one page, and never the server.
                print(f"onbox view: {one_line(request.url.path)}: {one_line(repr(error)[:500])}", file=sys.stderr)
                return self._problem(f"this page could not be made: {type(error).__name__}", 500)

        return safely

    def _file(self, request: Request) -> Response:
        return self._trial.file(*file_of(request.scope["raw_path"]))

    async def _live(self, request: Request) -> Response:
        """What changes of a trial's page, as server-sent events, until it has a verdict."""
        at = Query(fields_of(request.scope["query_string"])).text("at")
        if self._followers >= FOLLOWERS_MAX:
            return PlainTextResponse("too many pages follow a trial\n", 503)
        return StreamingResponse(self._followed(request, at), media_type="text/event-stream")

    async def _followed(self, request: Request, at: str) -> AsyncIterator[str]:
        self._followers += 1
        try:
            last, went_wrong = None, 0
            while not await request.is_disconnected() and went_wrong < TRIES:
                try:
                    part = await run_in_threadpool(self._trial.live_part, at)
                    went_wrong = 0
                except Exception as error:
                    # As in `_answered`: the next look may do.
                    print(f"onbox view: /live: {one_line(repr(error)[:500])}", file=sys.stderr)
                    went_wrong += 1
                    part = last if last is not None else " "
                if part == "":
                    yield "event: ended\ndata: {}\n\n"
                    return
                yield ": as before\n\n" if part == last else f"event: state\ndata: {json.dumps(part)}\n\n"
                last = part
                await asyncio.sleep(LIVE_S)
        finally:
            self._followers -= 1

    def _problem(self, message: str, status: int) -> Response:
        try:
            return HTMLResponse(self._pages.problem(message), status)
        except TemplateNotFound:
            return PlainTextResponse(f"{message}\n", status)

    async def _missing(self, request: Request, error: Exception) -> Response:
        return self._problem("there is no such page", 404)


def _static(request: Request) -> Response:
    found: Any = STATIC_FILES.get(request.path_params["name"])
    if found is None:
        return PlainTextResponse("there is no such file\n", 404)
    return Response(found[0].read_bytes(), media_type=found[1])
