"""The analyses over REST."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from otel_claude.local import models_insights as models
from otel_claude.local.api import answer, engine_of
from otel_claude.local.ask import Ask, AskBy, now
from otel_claude.local.queries import compare as compare_queries, savings as savings_queries, state
from otel_claude.local.queries.sessions import sessions_of

router = APIRouter(prefix="/api")


@router.get("/savings", response_model=models.Savings)
def savings(request: Request, ask: Annotated[Ask, Query()]) -> Any:
    """What could be saved, with the arithmetic."""
    return answer(ask, savings_queries.savings_of(engine_of(request), ask.period, ask.filters))


@router.get("/cache-misses", response_model=models.Misses)
def cache_misses(request: Request, ask: Annotated[Ask, Query()]) -> Any:
    """Why prompt caches missed, in dollars, where responses say so."""
    return answer(ask, state.misses_of(engine_of(request), ask.period, ask.filters))


@router.get("/sessions", response_model=models.Sessions)
def sessions(request: Request, ask: Annotated[Ask, Query()]) -> Any:
    """How prompts grow within sessions, and loops."""
    return answer(ask, sessions_of(engine_of(request), ask.period, ask.filters))


@router.get("/weekly", response_model=models.Weekly)
def weekly(request: Request, ask: Annotated[Ask, Query()]) -> Any:
    """The last seven days against the seven before. The period that is asked about does not matter."""
    return state.weekly_of(engine_of(request), ask.filters, now=now())


@router.get("/reliability", response_model=models.Reliability)
def reliability(request: Request, ask: Annotated[Ask, Query()]) -> Any:
    """The last 15 minutes. The period that is asked about does not matter."""
    return state.reliability_of(engine_of(request), ask.filters, now=now())


@router.get("/compare", response_model=models.Compare)
def compare(request: Request, ask: Annotated[AskBy, Query()]) -> Any:
    """Values of a dimension side by side, with intervals and sample sizes."""
    found = compare_queries.compare(
        engine_of(request), ask.period, ask.filters, by=ask.by, limit=min(ask.limit, 50)
    )
    return answer(ask, found)
