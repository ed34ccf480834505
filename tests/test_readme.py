"""The README's tables are what the code says, and what the code emits is in the tables."""

from __future__ import annotations

import contextlib
import importlib.util
from pathlib import Path

import anthropic

from otel_claude import attribution, semconv

ROOT = Path(__file__).parents[1]


def test_the_tables_are_those_of_the_code():
    spec = importlib.util.spec_from_file_location("tables", ROOT / "tools" / "readme_tables.py")
    assert spec is not None
    assert spec.loader is not None
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    for page, made in tables.PAGES.items():
        text = page.read_text(encoding="utf-8")
        assert text == tables.with_tables(text, made), "run: python tools/readme_tables.py"


def test_everything_that_is_emitted_is_documented(telemetry, client, ask):
    telemetry.instrument(semconv="both", time_per_output_chunk=True)
    tools = [{"name": "look", "input_schema": {"type": "object", "properties": {}}}]
    with attribution(user="u", session="s", tenant="t", team="m", feature="f", endpoint="e"):
        client.messages.create(
            **ask(
                "tier=priority;speed=fast;geo=us;web_search=1;unified=allowed;compaction",
                tools=tools,
                service_tier="auto",
                thinking={"type": "enabled", "budget_tokens": 1024},
                max_tokens=2000,
            )
        )
    for _ in client.messages.create(**ask("events=5"), stream=True):
        pass
    client.messages.create(**ask("fail=1*529,retry-after-ms=1;model=claude-opus-5-6"))
    with contextlib.suppress(anthropic.APIStatusError):
        client.with_options(max_retries=0).messages.create(**ask("status=500"))
    documented = {attribute.name for attribute in semconv.SPAN_ATTRIBUTES}
    for span in telemetry.spans:
        assert set(span.attributes or {}) <= documented
    attribution_labels = {semconv.TENANT, semconv.TEAM, semconv.FEATURE, semconv.ENDPOINT}
    extra = {semconv.REQUEST_STREAM, semconv.CONTEXT_BUCKET}
    for name, points in telemetry.metrics().items():
        allowed = set(semconv.METRICS[name].attributes) | attribution_labels | extra
        for point in points:
            assert set(point.attributes) <= allowed, name
