"""What is not a question about calls: health, own metrics, event stream, export, SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse

from otel_claude.local import models, models_alerts
from otel_claude.local.alerts.alerter import nothing
from otel_claude.local.api import engine_of
from otel_claude.local.ask import AskExport  # noqa: TC001 - FastAPI reads the annotations
from otel_claude.local.export import MEDIA, export
from otel_claude.local.hub import MOST_STREAMS

if TYPE_CHECKING:
    from otel_claude.local.backend import Backend
    from otel_claude.local.fleet.view import View

router = APIRouter()


def _backend(request: Request) -> Backend | View:
    backend: Backend | View = request.app.state.backend
    return backend


@router.get("/health", response_model=models.Health)
def health(request: Request) -> Any:
    """The state of the server itself; `degraded` after something could not be stored."""
    return _backend(request).health()


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request) -> Any:
    """The same for Prometheus."""
    from prometheus_client import CollectorRegistry, generate_latest

    from otel_claude.local.own_metrics import Own

    registry = CollectorRegistry(auto_describe=True)
    registry.register(Own(_backend(request)))
    return PlainTextResponse(
        generate_latest(registry).decode(), media_type="text/plain; version=0.0.4"
    )


@router.get("/api/alerts", response_model=models_alerts.Alerts)
def alerts(request: Request) -> Any:
    """Where the rules stand, and what was told. It takes no parameters."""
    backend = _backend(request)
    return nothing(backend.no_alerts) if backend.alerter is None else backend.alerter.told()


@router.get("/api/stream", response_class=StreamingResponse)
async def stream(request: Request) -> Any:
    """Server-sent events: `added`, with the number of new rows by table; `anomaly`, with one."""
    if not _backend(request).receives:
        return Response(status_code=204)  # nothing arrives here: a browser does not ask again
    hub = _backend(request).hub
    if hub.streams >= MOST_STREAMS:
        raise HTTPException(503, f"there are {MOST_STREAMS} event streams open already")
    headers = {"cache-control": "no-store"}
    return StreamingResponse(hub.listen(), media_type="text/event-stream", headers=headers)


@router.get("/api/export", response_class=StreamingResponse)
def export_rows(request: Request, ask: Annotated[AskExport, Query()]) -> Any:
    """What is asked for as a file: CSV, JSON or Parquet."""
    name = f"claude-{ask.what}.{ask.format}"
    return StreamingResponse(
        export(engine_of(request), ask),
        media_type=MEDIA[ask.format],
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


@router.post("/api/sql", response_model=models.Answer)
def sql(request: Request, body: models.Sql) -> Any:
    """One SELECT over the tables of the store; see docs/local.md for the columns."""
    return engine_of(request).query(body.sql, body.parameters, limit=body.limit)
