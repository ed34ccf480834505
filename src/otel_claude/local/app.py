"""The web application: REST API now, page and receiver beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from otel_claude._version import __version__
from otel_claude.local import api
from otel_claude.local.engine import QueryError

if TYPE_CHECKING:
    from fastapi import Request

    from otel_claude.local.engine import Engine


def make_app(engine: Engine) -> FastAPI:
    """The application over an engine."""
    app = FastAPI(
        title="otel-claude",
        version=__version__,
        description="Claude calls of one machine. Money is USD; `_ns` are nanoseconds since the "
        "epoch, `_s` seconds.",
        docs_url=None,
        redoc_url=None,
    )
    app.state.engine = engine
    app.include_router(api.router)
    app.add_exception_handler(QueryError, _refuse_query)
    app.add_exception_handler(RequestValidationError, _refuse_parameters)
    return app


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
