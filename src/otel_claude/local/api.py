"""The REST API over an engine; its OpenAPI document is at `/openapi.json`."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import APIRouter, HTTPException, Path, Query, Request

from otel_claude.local import models
from otel_claude.local.ask import Ask, AskBy, AskCalls, AskSeries, AskWindow, now
from otel_claude.local.engine import Engine, coverage as coverage_of
from otel_claude.local.queries import (
    calls as call_queries,
    errors as error_queries,
    hours as hour_queries,
    latency as latency_queries,
    summary as summary_queries,
    usage as usage_queries,
    verdicts,
)

router = APIRouter(prefix="/api")


def engine_of(request: Request) -> Engine:
    """The engine that answers this server's questions."""
    return cast("Engine", request.app.state.engine)


def answer(ask: Ask, found: dict[str, Any]) -> dict[str, Any]:
    """An answer with the period that it is about."""
    period = ask.period
    return {"from_ns": period.start, "to_ns": period.end, **found}


@router.get("/summary", response_model=models.Summary)
def summary(request: Request, ask: Annotated[Ask, Query()]) -> Any:
    """Totals of a period, those of the period before, and the calls that stand out."""
    return answer(ask, summary_queries.summary(engine_of(request), ask.period, ask.filters))


@router.get("/costs", response_model=models.Costs)
def costs(request: Request, ask: Annotated[AskBy, Query()]) -> Any:
    """Calls, tokens and money by a dimension."""
    found = summary_queries.costs(
        engine_of(request), ask.period, ask.filters, by=ask.by, limit=ask.limit
    )
    return answer(ask, found)


@router.get("/timeseries", response_model=models.Timeseries)
def timeseries(request: Request, ask: Annotated[AskSeries, Query()]) -> Any:
    """Calls, tokens, money and times over time."""
    found = summary_queries.timeseries(
        engine_of(request),
        ask.period,
        ask.filters,
        by=ask.by,
        top=ask.top,
        step=None if ask.step is None else int(ask.step * 1e9),
    )
    return answer(ask, found)


@router.get("/facets", response_model=models.Facets)
def facets(request: Request, ask: Annotated[Ask, Query()]) -> Any:
    """The values that there are to filter by."""
    return answer(ask, {"values": summary_queries.facets(engine_of(request), ask.period)})


@router.get("/calls", response_model=models.Calls)
def calls(request: Request, ask: Annotated[AskCalls, Query()]) -> Any:
    """A page of calls."""
    found = call_queries.calls(
        engine_of(request),
        ask.period,
        ask.filters,
        sort=ask.sort,
        descending=ask.order == "desc",
        limit=ask.limit,
        offset=ask.offset,
    )
    return answer(ask, found)


_Hex = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="span id")]
_Trace = Annotated[str | None, Query(pattern="^[0-9a-f]{32}$", description="trace id")]


@router.get("/calls/{id}", response_model=models.Call)
def call(request: Request, id: _Hex, trace: _Trace = None) -> Any:  # noqa: A002 - the path's name
    """One call with its whole span, content, events, evaluations and trace."""
    found = call_queries.call(engine_of(request), id, trace)
    if found is None:
        raise HTTPException(404, "there is no such call; it may have been too old to be kept")
    return found


@router.get("/latency", response_model=models.Latency)
def latency(request: Request, ask: Annotated[AskBy, Query()]) -> Any:
    """Durations and times to first token."""
    found = latency_queries.latency(
        engine_of(request), ask.period, ask.filters, by=ask.by, limit=ask.limit
    )
    return answer(ask, found)


@router.get("/errors", response_model=models.Errors)
def errors(request: Request, ask: Annotated[Ask, Query()]) -> Any:
    """What went wrong."""
    return answer(ask, error_queries.errors(engine_of(request), ask.period, ask.filters))


@router.get("/usage", response_model=models.Usage)
def usage(request: Request, ask: Annotated[Ask, Query()]) -> Any:
    """Who uses it, and when."""
    return answer(ask, usage_queries.usage(engine_of(request), ask.period, ask.filters))


@router.get("/tokens/window", response_model=models.TokenWindow)
def tokens_window(request: Request, ask: Annotated[AskWindow, Query()]) -> Any:
    """Tokens of a rolling window, by user or account, against a limit."""
    return usage_queries.token_window(
        engine_of(request),
        ask.filters,
        by=ask.by,
        hours=ask.hours or 5,
        limit=ask.limit,
        now=now(),
        rows=ask.rows,
    )


@router.get("/tokens/daily", response_model=models.TokensDaily)
def tokens_daily(request: Request, ask: Annotated[Ask, Query()]) -> Any:
    """Tokens and money of each UTC day."""
    days = usage_queries.tokens_daily(engine_of(request), ask.period, ask.filters)
    return answer(ask, {"days": days})


@router.get("/evaluations", response_model=models.Evaluations)
def evaluations(request: Request, ask: Annotated[AskBy, Query()]) -> Any:
    """Results of evaluations."""
    found = verdicts.evaluations(engine_of(request), ask.period, ask.filters, by=ask.by)
    return answer(ask, found)


@router.get("/budgets", response_model=models.Budgets)
def budgets(request: Request, ask: Annotated[Ask, Query()]) -> Any:
    """Where each budget stands."""
    return answer(ask, verdicts.budgets(engine_of(request), ask.period))


@router.get("/coverage", response_model=models.Coverage)
def coverage(request: Request, ask: Annotated[Ask, Query()]) -> Any:
    """How much of everything the stored calls are, where spans may have been sampled."""
    return answer(ask, {**coverage_of(engine_of(request), ask.period)})


@router.get("/forecast", response_model=models.Forecast)
def forecast(request: Request, ask: Annotated[Ask, Query()]) -> Any:
    """What today and this month will have cost. The period that is asked about does not matter."""
    return hour_queries.forecast_of(engine_of(request), ask.filters, now=now())


@router.get("/anomalies", response_model=models.Anomalies)
def anomalies(request: Request, ask: Annotated[Ask, Query()]) -> Any:
    """Hours that differ from their own history."""
    return answer(ask, hour_queries.anomalies_of(engine_of(request), ask.period, ask.filters))
