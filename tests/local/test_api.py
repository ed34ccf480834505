"""Every figure of the REST API against the same worked out by hand from what was sent."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import statistics
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

import httpx2
import pyarrow.parquet as pq
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_claude import local, semconv
from otel_claude.local.backend import Backend
from otel_claude.local.queries.filters import DIMENSIONS
from otel_claude.local.server import Server, listen
from tests.local.conftest import send, traffic

SENT = traffic(1500, hours=20, seed=3)


@pytest.fixture(scope="module")
def http():
    backend = Backend()
    with Server(backend, listen("127.0.0.1", 0, token=None)) as running:
        with httpx2.Client(base_url=running.url, trust_env=False, timeout=60) as client:
            send(client, SENT)
            yield client
    backend.close()


@pytest.fixture(scope="module")
def sent():
    """The calls as plain dictionaries, decoded by the protobuf library alone."""
    found = []
    for body in SENT.requests():
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            for span in group.scope_spans[0].spans:
                call = {
                    pair.key: getattr(pair.value, pair.value.WhichOneof("value"))
                    for pair in span.attributes
                }
                call["id"] = span.span_id.hex()
                call["start"] = span.start_time_unix_nano
                call["seconds"] = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
                found.append(call)
    return found


def get(http, path, **parameters):
    answer = http.get(f"/api/{path}", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def money(calls):
    return sum((Decimal(repr(c.get(semconv.COST_TOTAL, 0.0))) for c in calls), Decimal(0))


def near(found, expected):
    return found == pytest.approx(expected, rel=1e-9)


def quantile(values, share):
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    return ordered[low] + (ordered[min(low + 1, len(ordered) - 1)] - ordered[low]) * (place - low)


def test_summary(http, sent):
    found = get(http, "summary", days=2)
    totals = found["totals"]
    failed = [c for c in sent if semconv.ERROR_TYPE in c]
    assert totals["calls"] == len(sent)
    assert totals["errors"] == len(failed)
    assert near(totals["success_rate"], 1 - len(failed) / len(sent))
    assert abs(Decimal(totals["cost_usd"]) - money(sent)) < Decimal("1e-9")
    prompt = sum(c.get(semconv.USAGE_INPUT_TOKENS, 0) for c in sent)
    read = sum(c.get(semconv.USAGE_CACHE_READ, 0) for c in sent)
    assert totals["input_tokens"] == prompt
    assert near(totals["cache_hit_rate"], read / prompt)
    uncached = math.fsum(c.get(semconv.COST_UNCACHED, c.get(semconv.COST_TOTAL, 0.0)) for c in sent)
    assert totals["cache_savings_usd"] == pytest.approx(uncached - float(money(sent)), abs=1e-9)
    seconds = [c["seconds"] for c in sent]
    assert near(totals["duration"]["p95"], quantile(seconds, 0.95))
    first = [c[semconv.RESPONSE_TIME_TO_FIRST_CHUNK] for c in sent if semconv.REQUEST_STREAM in c]
    assert near(totals["first_token"]["p50"], statistics.median(first))
    assert found["users"] == len({c[semconv.USER_ID] for c in sent})
    assert found["outcomes"] == dict(Counter(c[semconv.OUTCOME] for c in sent))
    assert found["slowest"]["id"] == max(sent, key=lambda c: c["seconds"])["id"]
    assert found["previous"] is None


@pytest.mark.parametrize(
    ("by", "name"),
    [
        ("model", semconv.REQUEST_MODEL),
        ("feature", semconv.FEATURE),
        ("tag.experiment", "claude.tag.experiment"),
        ("user", semconv.USER_ID),
        ("tenant", semconv.TENANT),
    ],
)
def test_costs(http, sent, by, name):
    found = get(http, "costs", by=by, days=2, limit=1000)
    groups = defaultdict(list)
    for call in sent:
        groups[call.get(name)].append(call)
    assert {row["key"]: row["calls"] for row in found["rows"]} == {
        key: len(calls) for key, calls in groups.items()
    }
    for row in found["rows"]:
        assert abs(Decimal(row["cost_usd"]) - money(groups[row["key"]])) < Decimal("1e-9")
        assert near(sum(row["components"].values()), row["cost_usd"])
    assert near(math.fsum(row["share"] for row in found["rows"]), 1)
    assert near(found["total"]["cost_usd"], float(money(sent)))
    assert [row["cost_usd"] for row in found["rows"]] == sorted(
        (row["cost_usd"] for row in found["rows"]), reverse=True
    )


def test_the_total_is_of_all_rows_also_those_not_shown(http, sent):
    found = get(http, "costs", by="user", days=2, limit=1)
    assert len(found["rows"]) == 1
    assert found["keys"] == len({c[semconv.USER_ID] for c in sent})
    assert near(found["total"]["cost_usd"], float(money(sent)))


@pytest.mark.parametrize("by", [None, "model", "user"])
def test_timeseries(http, sent, by):
    found = get(http, "timeseries", days=2, **({"by": by, "top": 2} if by else {}))
    assert near(sum(point["cost_usd"] for point in found["points"]), float(money(sent)))
    step = int(found["step_seconds"] * 1e9)
    expected = Counter(call["start"] // step for call in sent)
    calls: Counter[int] = Counter()
    for point in found["points"]:
        assert point["at_ns"] % step == 0
        calls[point["at_ns"] // step] += point["calls"]
    assert calls == expected
    assert len(expected) <= 121
    if by:
        assert len(found["keys"]) == 2
        assert {p["key"] for p in found["points"]} <= {*found["keys"], "(other)"}


@pytest.mark.parametrize(
    ("parameters", "holds"),
    [
        ({"model": "claude-haiku-4-5"}, lambda c: c[semconv.REQUEST_MODEL] == "claude-haiku-4-5"),
        (
            {"model": ["claude-haiku-4-5", "claude-opus-4-5"], "feature": "chat"},
            lambda c: c[semconv.REQUEST_MODEL] != "claude-sonnet-4-5"
            and c[semconv.FEATURE] == "chat",
        ),
        ({"tag.experiment": "A"}, lambda c: c["claude.tag.experiment"] == "A"),
        ({"show": "failed"}, lambda c: semconv.ERROR_TYPE in c),
        ({"show": "refused"}, lambda c: c.get(semconv.STOP_REASON) == "refusal"),
        ({"show": "truncated"}, lambda c: False),
        ({"error_category": "-"}, lambda c: semconv.ERROR_TYPE not in c),
        ({"min_cost": 0.01}, lambda c: c.get(semconv.COST_TOTAL, 0) >= 0.01),
        ({"min_duration": 5}, lambda c: c["seconds"] >= 5),
        ({"user": "' OR 1=1 --"}, lambda c: False),
        ({"tag.x'] = 'y' OR tags['experiment": "A"}, lambda c: False),
    ],
)
def test_filters(http, sent, parameters, holds):
    wanted = {c["id"] for c in sent if holds(c)}
    found = get(http, "calls", days=2, limit=1000, **parameters)
    assert found["total"] == len(wanted)
    assert {call["id"] for call in found["calls"]} <= wanted
    assert get(http, "summary", days=2, **parameters)["totals"]["calls"] == len(wanted)


@pytest.mark.parametrize(
    ("kind", "measure"),
    [("slow", lambda c: c["seconds"]), ("expensive", lambda c: c.get(semconv.COST_TOTAL))],
)
def test_the_slowest_and_the_dearest_twentieth(http, sent, kind, measure):
    values = [measure(c) for c in sent if measure(c) is not None]
    limit = quantile(values, 0.95)
    expected = sum(value >= limit - 1e-12 for value in values)
    assert get(http, "calls", days=2, show=kind)["total"] == expected
    assert expected == pytest.approx(len(values) / 20, abs=2)


def test_pages_meet_without_gap_or_overlap(http, sent):
    seen = []
    for offset in range(0, 1500, 400):
        page = get(http, "calls", days=2, limit=400, offset=offset, sort="cost", order="asc")
        seen += [call["id"] for call in page["calls"]]
    assert len(seen) == len(set(seen)) == len(sent)
    by_id = {c["id"]: c for c in sent}
    costs = [by_id[i].get(semconv.COST_TOTAL) for i in seen]
    known = [cost for cost in costs if cost is not None]
    assert costs == [*sorted(known), *[None] * (len(costs) - len(known))]


def test_latency(http, sent):
    found = get(http, "latency", days=2)
    assert sum(part["calls"] for part in found["duration_histogram"]) == len(sent)
    for part in found["duration_histogram"]:
        inside = sum(part["from_s"] <= c["seconds"] < part["to_s"] for c in sent)
        assert abs(inside - part["calls"]) <= 1, "calls at the very edge may be on either side"
    opus = [c["seconds"] for c in sent if c[semconv.REQUEST_MODEL] == "claude-opus-4-5"]
    (group,) = [g for g in found["groups"] if g["key"] == "claude-opus-4-5"]
    assert near(group["duration"]["p99"], quantile(opus, 0.99))
    assert [g["key"] for g in found["by_context"]][:2] == ["small", "medium"]


def test_errors(http, sent):
    found = get(http, "errors", days=2)
    failed = [c for c in sent if semconv.ERROR_TYPE in c]
    assert found["errors"] == len(failed)
    assert {g["key"]: g["errors"] for g in found["by_category"]} == Counter(
        c[semconv.ERROR_CATEGORY] for c in failed
    )
    assert sum(p["errors"] for p in found["points"]) == len(failed)
    assert found["retried"] == len(failed)
    assert found["recovered"] == 0
    assert all(call["failed"] for call in found["recent"])


def test_usage(http, sent):
    found = get(http, "usage", days=2)
    users = Counter(c[semconv.USER_ID] for c in sent)
    assert found["by_user"][0]["calls"] == users.most_common(1)[0][1]
    assert sum(day["calls"] for day in found["days"]) == len(sent)
    hours = Counter(((c["start"] // 3_600_000_000_000) + 72) % 168 for c in sent)
    assert {h["weekday"] * 24 + h["hour"]: h["calls"] for h in found["hours"]} == hours


def test_the_hours_of_the_week_begin_on_monday(http, sent):
    from datetime import datetime, timezone

    call = sent[0]
    moment = datetime.fromtimestamp(call["start"] / 1e9, tz=timezone.utc)
    found = get(http, "usage", days=2)["hours"]
    assert any((h["weekday"], h["hour"]) == (moment.weekday(), moment.hour) for h in found)


def test_the_token_window_against_a_limit(http, sent):
    found = get(http, "tokens/window", hours=48, limit=100_000)
    used: Counter[str] = Counter()
    for call in sent:
        used[call[semconv.USER_ID]] += call.get(semconv.USAGE_INPUT_TOKENS, 0) + call.get(
            semconv.USAGE_OUTPUT_TOKENS, 0
        )
    assert {row["key"]: row["tokens"] for row in found["rows"]}.items() <= used.items()
    top = found["rows"][0]
    assert top["tokens"] == used.most_common(1)[0][1]
    assert near(top["used"], top["tokens"] / 100_000)
    assert top["left_tokens"] == max(0, 100_000 - top["tokens"])
    assert get(http, "tokens/window")["hours"] == 5


def test_daily_tokens_are_disjoint(http, sent):
    days = get(http, "tokens/daily", days=3)["days"]
    for day in days:
        parts = ("uncached_input_tokens", "cache_read_tokens", "cache_write_tokens")
        assert sum(day[p] for p in parts) + day["output_tokens"] == day["total_tokens"]
    assert sum(day["calls"] for day in days) == len(sent)


def test_facets(http, sent):
    values = get(http, "facets", days=2)["values"]
    assert set(values["model"]) == {c[semconv.REQUEST_MODEL] for c in sent}
    assert values["tags"] == ["experiment"]


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_export_of_calls(http, sent, form):
    answer = http.get("/api/export", params={"days": 2, "format": form, "model": "claude-opus-4-5"})
    assert answer.status_code == 200
    assert f"claude-calls.{form}" in answer.headers["content-disposition"]
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(answer.text)))
    elif form == "json":
        rows = answer.json()
    else:
        rows = pq.read_table(io.BytesIO(answer.content)).to_pylist()
    wanted = [c for c in sent if c[semconv.REQUEST_MODEL] == "claude-opus-4-5"]
    assert [row["span_id"] for row in rows] == [
        c["id"] for c in sorted(wanted, key=lambda c: c["start"])
    ]
    total = math.fsum(float(row["cost"]) for row in rows if row["cost"])
    assert near(total, float(money(wanted)))


@pytest.mark.parametrize("what", ["costs", "timeseries", "daily", "latency", "errors", "usage"])
@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_export_of_tables(http, what, form):
    answer = http.get("/api/export", params={"days": 2, "format": form, "what": what})
    assert answer.status_code == 200
    assert len(answer.content) > 100


def test_an_export_without_calls(http):
    parameters = {"model": "none", "format": "csv"}
    assert http.get("/api/export", params=parameters).text.startswith("start_ns,")
    assert http.get("/api/export", params={**parameters, "format": "json"}).json() == []
    for what in ("calls", "costs"):
        answer = http.get(
            "/api/export", params={"model": "none", "format": "parquet", "what": what}
        )
        assert pq.read_table(io.BytesIO(answer.content)).num_rows == 0


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("summary?hours=0", "hours"),
        ("summary?hours=nan", "hours"),
        ("summary?hours=1&days=1", "one of hours, days and from"),
        ("summary?from=yesterday", "'yesterday' is no instant"),
        ("summary?from=2026-01-02&to=2026-01-01", "before"),
        ("summary?modell=x", "'modell'"),
        ("summary?tag.=x", "tag."),
        ("costs?by=colour", "'colour'"),
        ("costs?limit=0", "limit"),
        ("timeseries?step=1&days=30", "step"),
        ("timeseries?step=inf", "step"),
        (f"calls?tag.{'x' * 300}=y", "tag."),
        ("calls?sort=name", "sort"),
        ("calls?offset=-1", "offset"),
        ("calls?show=nice", "show"),
        ("calls/xyz", "id"),
        ("export?format=xlsx", "format"),
        ("tokens/window?by=colour", "by"),
    ],
)
def test_bad_parameters_are_named(http, path, says):
    answer = http.get(f"/api/{path}")
    assert answer.status_code == 422
    assert says in answer.json()["detail"]


def test_links_of_the_page_know_every_dimension():
    script = (Path(local.__file__).parent / "web/js/route.js").read_text()
    listed = script.partition("export const FILTERS = {")[2].partition("}")[0]
    assert set(DIMENSIONS) <= set(re.findall(r"^ +(\w+):", listed, re.MULTILINE))


def test_a_tag_as_long_as_tags_are_kept(http):
    assert http.get("/api/calls", params={f"tag.{'x' * 256}": "y"}).status_code == 200


def test_a_call_that_is_not_there(http):
    assert http.get(f"/api/calls/{'0' * 16}").status_code == 404


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM calls",
        "INSERT INTO schema_version VALUES (9)",
        "SELECT 1; SELECT 2",
        "COPY calls TO '/tmp/x.csv'",
        "ATTACH '/tmp/x.db'",
        "INSTALL httpfs",
        "SET memory_limit = '1TB'",
        "PRAGMA memory_limit = '1TB'",  # those that only show are SELECTs in DuckDB 1.5
        "CALL pragma_version()",
        "SELECT * FROM read_text('/etc/passwd')",
        "FROM '/etc/passwd'",
        "WITH x AS (SELECT 1) DELETE FROM calls",
        "CREATE TABLE x (a INT)",
        "EXPLAIN ANALYZE DELETE FROM calls",
        "selct",
        "",
    ],
)
def test_sql_is_read_only(http, text):
    answer = http.post("/api/sql", json={"sql": text})
    assert answer.status_code == 400, answer.text
    assert answer.json()["detail"]
    assert get(http, "summary", days=2)["totals"]["calls"] == 1500


def test_sql(http):
    body = {"sql": "SELECT model, count(*) AS n FROM calls WHERE model = $m GROUP BY model",
            "parameters": {"m": "claude-opus-4-5"}}  # fmt: skip
    answer = http.post("/api/sql", json=body).json()
    assert answer["columns"] == ["model", "n"]
    assert len(answer["rows"]) == 1
    answer = http.post("/api/sql", json={"sql": "FROM calls", "limit": 7}).json()
    assert (len(answer["rows"]), answer["truncated"]) == (7, True)


def test_sql_of_any_type_is_json(http):
    text = "SELECT '\\xAA'::BLOB, ['\\xAA'::BLOB], {'a': 1.5::DECIMAL(5, 2)}, 'nan'::DOUBLE"
    answer = http.post("/api/sql", json={"sql": text})
    assert answer.status_code == 200, answer.text
    assert answer.json()["rows"] == [["aa", ["aa"], {"a": 1.5}, None]]


def test_sql_that_takes_too_long_is_given_up(http, monkeypatch):
    from otel_claude.local import sql

    monkeypatch.setattr(sql.query, "__kwdefaults__", {"seconds": 0.2})
    long = "SELECT sum(a.i * b.i % 7) FROM range(1000000) a(i), range(1000000) b(i)"
    answer = http.post("/api/sql", json={"sql": long})
    assert answer.status_code == 400
    assert "given up" in answer.json()["detail"]


def test_health_and_metrics_show_the_state(http):
    health = http.get("/health").json()
    assert (health["status"], health["calls"], health["queue_items"]) == ("ok", 1500, 0)
    assert health["query_seconds_p95"] > 0
    text = http.get("/metrics").text
    assert "otel_claude_calls 1500.0" in text
    assert "otel_claude_stored_items_total 1500.0" in text


def test_the_contract_is_published(http):
    document = http.get("/openapi.json").json()
    assert {"/api/summary", "/api/calls/{id}", "/api/stream", "/health"} <= set(document["paths"])
    json.dumps(document)


def test_the_chart_library_comes_from_here(http):
    answer = http.get("/plotly.min.js")
    assert "plotly" in answer.text[:300]
    assert answer.headers["cache-control"] == "no-cache"  # kept, but asked for: it may be upgraded
    again = http.get("/plotly.min.js", headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304


def test_the_stream_tells_of_new_calls(http):
    with http.stream("GET", "/api/stream") as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("retry")
        assert http.get("/health").json()["streams"] == 1
        with httpx2.Client(base_url=http.base_url, trust_env=False) as other:
            send(other, traffic(2, seed=99, hours=1e-3))
        data = next(line for line in lines if line.startswith("data"))
    assert json.loads(data.removeprefix("data: ")) == {"calls": 2}
