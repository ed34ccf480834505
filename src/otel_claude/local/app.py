"""The web application: receiver, REST API and page behind one guard."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from otel_claude import __version__
from otel_claude.local import api, insights, page, receive, service
from otel_claude.local.engine import QueryError
from otel_claude.local.guard import Guard

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import AsyncIterator

    from fastapi import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from otel_claude.local.backend import Backend
    from otel_claude.local.fleet.view import View


def make_app(backend: Backend | View, *, token: str | None = None) -> FastAPI:
    """The application of a backend.

    Args:
        backend: stores and answers, or only answers.
        token: needed for everything, if given; without one only this machine is served.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        backend.hub.open()
        yield
        backend.hub.close()

    app = FastAPI(
        title="otel-claude",
        version=__version__,
        description="Claude calls of one machine. Money is USD; `_ns` are nanoseconds since the "
        "epoch, `_s` seconds.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.backend = backend
    app.state.engine = backend.engine
    receiver = receive.router if backend.receives else receive.closed
    for router in (receiver, api.router, insights.router, service.router):
        app.include_router(router)
    page.mount(app)
    app.add_exception_handler(QueryError, _refuse_query)
    app.add_exception_handler(RequestValidationError, _refuse_parameters)

    app.add_middleware(_Timed, times=backend.counts.query_seconds)
    app.add_middleware(Guard, token=token)
    return app


class _Timed:
    """Takes the time of questions, until their answer begins."""

    def __init__(self, app: ASGIApp, times: deque[float]) -> None:
        self._app = app
        self._times = times

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()

        async def timed(message: Message) -> None:
            if message["type"] == "http.response.start" and scope["path"].startswith("/api/"):
                self._times.append(time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, timed if scope["type"] == "http" else send)


def _refuse_parameters(_request: Request, error: Exception) -> JSONResponse:
    """One sentence for each parameter that cannot be."""
    told = []
    for found in cast("RequestValidationError", error).errors():
        place = ".".join(str(part) for part in found["loc"][1:])
        message = found["msg"].removeprefix("Value error, ")
        told.append(f"{place}: {message}" if place else message)
    return JSONResponse({"detail": "; ".join(told)}, status_code=422)


def _refuse_query(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=400)
