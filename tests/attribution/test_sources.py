"""Where attribution comes from, which source wins, and what leaves the process."""

from __future__ import annotations

import hashlib
import hmac
import json
from types import SimpleNamespace
from typing import Any

import anthropic
import httpx2
import pytest
from opentelemetry import context as otel_context, propagate
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from otel_claude import ClaudeInstrumentor, _attribution, attribution, semconv
from otel_claude._sources import Serving
from otel_claude.web import WsgiAttribution

KEY = "0123456789abcdef-secret"


def hashed(user):
    return "hmac:" + hmac.new(KEY.encode(), user.encode(), hashlib.sha256).hexdigest()[:32]


@pytest.fixture
def incoming():
    """Puts baggage into the context, as the propagator of a server does."""
    tokens = []

    def come(header):
        context = propagate.extract({"baggage": header})
        tokens.append(otel_context.attach(context))

    yield come
    for token in reversed(tokens):
        otel_context.detach(token)


def said(telemetry, *names):
    attributes = telemetry.spans[-1].attributes or {}
    return tuple(attributes.get(name) for name in names)


def test_the_settings_give_defaults_that_anything_else_beats(telemetry, client, ask, monkeypatch):
    monkeypatch.setenv("OTEL_CLAUDE_ATTRIBUTION", "team=core,feature=jobs,plan=pro")
    telemetry.instrument()
    client.messages.create(**ask())
    names = (semconv.TEAM, semconv.FEATURE, semconv.TAG_PREFIX + "plan")
    assert said(telemetry, *names) == ("core", "jobs", "pro")
    with attribution(feature="search", plan="free"):
        client.messages.create(**ask())
    assert said(telemetry, *names) == ("core", "search", "free")
    assert telemetry.total(semconv.M_REQUESTS, claude__team="core") == 2


def test_the_resource_gives_defaults_too(client, ask):
    resource = Resource(
        {"claude.team": "core", "claude.feature": "jobs", "claude.tag.tier": 3, "service.name": "s"}
    )
    exporter = InMemorySpanExporter()
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = ClaudeInstrumentor()
    instrumentor.instrument(tracer_provider=tracers, attribution={"feature": "nightly"})
    try:
        client.messages.create(**ask())
    finally:
        instrumentor.uninstrument()
    (span,) = exporter.get_finished_spans()
    attributes = dict(span.attributes or {})
    assert attributes[semconv.TEAM] == "core"
    assert attributes[semconv.FEATURE] == "nightly", "the setting beats the resource"
    assert attributes[semconv.TAG_PREFIX + "tier"] == "3"


@pytest.mark.parametrize("wanted", [False, True])
def test_the_user_of_the_request_only_when_asked_for(telemetry, client, ask, wanted):
    telemetry.instrument(user_from_metadata=wanted)
    client.messages.create(**ask(metadata={"user_id": "m-1"}))
    assert said(telemetry, semconv.USER_ID) == ("m-1" if wanted else None,)
    with attribution(user="u-1"):
        client.messages.create(**ask(metadata={"user_id": "m-1"}))
    assert said(telemetry, semconv.USER_ID) == ("u-1",)
    for odd in ({"user_id": None}, {}):
        client.messages.create(**ask(metadata=odd))
        assert said(telemetry, semconv.USER_ID) == (None,)


def test_baggage_is_read_by_the_allow_list_only(telemetry, client, ask, incoming):
    telemetry.instrument(baggage_keys="user,tenant=acme.tenant,plan", metric_attribution=["tenant"])
    incoming("user.id=u%201,acme.tenant=t-9,claude.feature=spoofed,claude.tag.plan=" + "x" * 300)
    client.messages.create(**ask())
    names = (semconv.USER_ID, semconv.TENANT, semconv.FEATURE, semconv.TAG_PREFIX + "plan")
    assert said(telemetry, *names) == ("u 1", "t-9", None, None)
    assert telemetry.total(semconv.M_REQUESTS, claude__tenant="t-9") == 1
    with attribution(tenant="own"):
        client.messages.create(**ask(metadata={"user_id": "m"}))
    assert said(telemetry, *names) == ("u 1", "own", None, None)


def test_the_nearer_source_wins(telemetry, client, ask, incoming):
    telemetry.instrument(
        attribution="user=default,tenant=default,team=default,feature=default,endpoint=default",
        user_from_metadata=True,
        baggage_keys="user,tenant,team,feature",
    )
    incoming("user.id=baggage,claude.tenant=baggage,claude.team=baggage,claude.feature=baggage")
    names = (semconv.USER_ID, semconv.TENANT, semconv.TEAM, semconv.FEATURE, semconv.ENDPOINT)
    client.messages.create(**ask())
    assert said(telemetry, *names) == (*["baggage"] * 4, "default")
    client.messages.create(**ask(metadata={"user_id": "metadata"}))
    assert said(telemetry, semconv.USER_ID) == ("metadata",)
    found = []

    def app(_environ, _start):
        with attribution(team="block"):
            client.messages.create(**ask(metadata={"user_id": "metadata"}))
        found.append(said(telemetry, *names))
        return []

    web = WsgiAttribution(app, lambda _: {"user": "web", "team": "web", "tenant": "web"})
    web({"werkzeug.request": SimpleNamespace(url_rule=SimpleNamespace(rule="/r"))}, None)
    assert found == [("web", "web", "block", "baggage", "/r")]


def test_baggage_is_ignored_by_default(watched, client, ask, incoming):
    incoming("user.id=u,claude.tenant=t,claude.team=m")
    client.messages.create(**ask())
    assert said(watched, semconv.USER_ID, semconv.TENANT, semconv.TEAM) == (None, None, None)


def carried():
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return dict(p.split("=") for p in headers.get("baggage", "").split(",") if p)


def test_nothing_goes_out_unless_asked_for(telemetry):
    telemetry.instrument(baggage_keys="user,tenant")
    with attribution(user="u", tenant="t"):
        assert carried() == {}


def test_propagated_sends_what_is_in_force_under_the_configured_names(telemetry):
    telemetry.instrument(baggage_keys="user,tenant=acme.tenant", attribution="tenant=default")
    with attribution(user="u 1", team="m"), attribution.propagated():
        assert carried() == {"user.id": "u+1", "acme.tenant": "default"}
        with attribution(tenant="inner"):
            assert carried()["acme.tenant"] == "inner", "it follows the blocks inside"
        assert carried()["acme.tenant"] == "default"
    with attribution(user="u", team="m"), attribution.propagated("team", "tier"):
        assert carried() == {"claude.team": "m"}
    assert carried() == {}


def test_propagated_works_without_the_instrumentation(monkeypatch):
    monkeypatch.setenv("OTEL_CLAUDE_HASH_KEY", KEY)
    from otel_claude import _sources

    _sources.use(None)
    try:
        with attribution(user="u", team="m"), attribution.propagated("user", "team"):
            assert carried() == {"user.id": hashed("u").replace(":", "%3A"), "claude.team": "m"}
    finally:
        _sources.use(None)


@pytest.fixture
def looking(api):
    """A client, and the baggage of its requests as an HTTP instrumentation would send it."""
    seen = []
    http = httpx2.Client(event_hooks={"request": [lambda _: seen.append(carried())]})
    with anthropic.Anthropic(api_key="k", base_url=api.url, http_client=http) as client:
        yield client, seen


def test_requests_to_the_api_never_carry_what_goes_out(watched, looking, ask, incoming):
    client, seen = looking
    incoming("theirs=1")
    with attribution(user="u", tenant="t"), attribution.propagated("user", "tenant"):
        client.messages.create(**ask())
        list(client.messages.create(**ask(), stream=True))
        assert carried().keys() == {"theirs", "user.id", "claude.tenant"}
    assert seen == [{"theirs": "1"}] * 2
    assert said(watched, semconv.USER_ID, semconv.TENANT) == ("u", "t")


def test_requests_to_the_api_never_carry_what_came_in(telemetry, looking, ask, incoming):
    client, seen = looking
    telemetry.instrument(baggage_keys="user,tenant=acme.tenant")
    incoming("theirs=1,user.id=u,acme.tenant=t")
    client.messages.create(**ask())
    assert seen == [{"theirs": "1"}]
    assert said(telemetry, semconv.USER_ID, semconv.TENANT) == ("u", "t")
    assert carried().keys() == {"theirs", "user.id", "acme.tenant"}, "other requests do"


def test_adopted_spans_leave_no_context_behind(telemetry, api, ask):
    telemetry.instrument(native="adopt")
    before = otel_context.get_current()
    trace_options: Any = {"tracer_provider": telemetry.tracers}
    with anthropic.Anthropic(api_key="k", base_url=api.url, open_telemetry=trace_options) as client:
        with attribution(user="u"), attribution.propagated("user"):
            inside = otel_context.get_current()
            client.messages.create(**ask())
            assert otel_context.get_current() is inside
    assert otel_context.get_current() is before
    assert said(telemetry, semconv.USER_ID) == ("u",)


def test_user_ids_are_hashed_before_anything_leaves(telemetry, client, ask, caplog, incoming):
    telemetry.instrument(
        hash_key=KEY,
        user_from_metadata=True,
        baggage_keys="user",
        metric_attribution="user",
        log_calls=True,
    )
    caplog.set_level("INFO")
    with attribution(user="alice"):
        client.messages.create(**ask())
        with attribution.propagated("user"):
            assert carried() == {"user.id": hashed("alice").replace(":", "%3A")}
    client.messages.create(**ask(metadata={"user_id": "bob"}))
    assert [(s.attributes or {})[semconv.USER_ID] for s in telemetry.spans] == [
        hashed("alice"),
        hashed("bob"),
    ]
    points = telemetry.metrics()[semconv.M_COST]
    assert {p.attributes[semconv.USER_ID] for p in points} == {hashed("alice"), hashed("bob")}
    logged = [json.loads(r.getMessage()) for r in caplog.records if r.name == "otel_claude.calls"]
    assert [line["user"] for line in logged] == [hashed("alice"), hashed("bob")]
    for secret in (KEY, "alice", "bob"):
        assert secret not in caplog.text
        assert secret not in str([span.to_json() for span in telemetry.spans])
    # What another service hashed is not hashed again; what looks so only here, is.
    incoming(f"user.id={hashed('carol')}")
    client.messages.create(**ask())
    assert said(telemetry, semconv.USER_ID) == (hashed("carol"),)
    with attribution(user=hashed("carol")):
        client.messages.create(**ask())
    assert said(telemetry, semconv.USER_ID) == (hashed(hashed("carol")),)


def test_the_key_may_stand_in_a_file(telemetry, client, ask, tmp_path):
    path = tmp_path / "key"
    path.write_text(KEY + "\n")
    telemetry.instrument(hash_key=f"file:{path}")
    with attribution(user="alice"):
        client.messages.create(**ask())
    assert said(telemetry, semconv.USER_ID) == (hashed("alice"),)


@pytest.mark.parametrize("bad", ["short-secret", "file:/nowhere/key", 7])
def test_a_bad_key_leaks_neither_ids_nor_itself(telemetry, client, ask, caplog, bad):
    telemetry.instrument(hash_key=bad)
    for user in ("alice", "alice", "bob"):
        with attribution(user=user):
            client.messages.create(**ask())
    first, second, third = ((s.attributes or {})[semconv.USER_ID] for s in telemetry.spans)
    assert first == second != third, "users stay apart"
    assert first.startswith("hmac:")
    (line,) = [r.getMessage() for r in caplog.records if r.name == "otel_claude"]
    assert "hash_key" in line
    assert "random key" in line
    assert "short-secret" not in line


def test_the_key_is_not_in_the_settings_representation(telemetry):
    telemetry.instrument(hash_key=KEY)
    assert KEY not in repr(ClaudeInstrumentor()._settings)


def test_the_server_span_says_the_endpoint_where_nothing_else_does(watched, client, ask):
    tracer = watched.tracers.get_tracer("server")
    route = {semconv.HTTP_ROUTE: "/items/{id}"}
    with tracer.start_as_current_span("GET", kind=SpanKind.SERVER, attributes=route):
        client.messages.create(**ask())
        with attribution(endpoint="/own"):
            client.messages.create(**ask())
        with tracer.start_as_current_span("inner"):
            client.messages.create(**ask())
    calls = [s for s in watched.spans if s.name.startswith("chat")]
    endpoints = [(s.attributes or {}).get(semconv.ENDPOINT) for s in calls]
    assert endpoints == ["/items/{id}", "/own", None]


def test_a_web_request_counts_in_a_context_that_begins_anew_too(watched, client, ask):
    """FastAPI's own telemetry begins an empty OpenTelemetry context inside of a middleware."""
    client.messages.create(**ask())  # from here on, the defaults are known to be none
    with Serving(SimpleNamespace(said={"feature": "search"}, endpoint=lambda: "/ask")):
        token = otel_context.attach(otel_context.Context())
        try:
            client.messages.create(**ask())
        finally:
            otel_context.detach(token)
    assert said(watched, semconv.FEATURE, semconv.ENDPOINT) == ("search", "/ask")


def test_a_span_of_a_strange_sdk_does_no_harm(watched, client, ask):
    class Strange:
        kind = SpanKind.SERVER
        attributes = None

        def get_span_context(self):
            from opentelemetry.trace import INVALID_SPAN_CONTEXT

            return INVALID_SPAN_CONTEXT

    from opentelemetry.trace import set_span_in_context

    token = otel_context.attach(set_span_in_context(Strange()))  # type: ignore[arg-type] # strange
    try:
        client.messages.create(**ask())
    finally:
        otel_context.detach(token)
    assert said(watched, semconv.ENDPOINT) == (None,)


def test_filled_adds_only_what_was_not_said():
    found = _attribution.Attribution(user="u", tags={"a": "1"})
    assert found.filled({"user": "x", "a": "2"}) is found
    assert found.filled({"team": "t", "b": "3"}) == _attribution.Attribution(
        user="u", team="t", tags={"a": "1", "b": "3"}
    )


def test_half_characters_from_outside_cost_nobody_a_label_or_an_error(
    telemetry, client, ask, caplog
):
    """JSON of a web client can hold them, UTF-8 cannot: exporters would drop what they are in."""
    half = json.loads('"caf\\ud83d"')
    telemetry.instrument()
    with attribution(user=half, feature=half, **{f"k{half}": half}):
        client.messages.create(**ask())
    key = f"{semconv.TAG_PREFIX}kcaf?"
    assert said(telemetry, semconv.FEATURE, key, semconv.USER_ID) == ("caf?", "caf?", "caf?")
    assert telemetry.total(semconv.M_REQUESTS, claude__feature="caf?") == 1
    encode_spans(telemetry.spans)
    assert "Failed to encode" not in caplog.text


def test_a_model_with_half_a_character_fails_as_without_us_and_its_span_can_be_sent(
    telemetry, client, ask, caplog
):
    asked = ask(model=json.loads('"claude-\\ud83d"'))
    with pytest.raises(Exception, match=r".") as plain:
        client.messages.create(**asked)
    telemetry.instrument()
    with pytest.raises(type(plain.value)) as watched:
        client.messages.create(**asked)
    assert str(watched.value) == str(plain.value)
    (span,) = telemetry.spans
    assert span.name == "chat claude-?"
    encode_spans(telemetry.spans)
    assert "Failed to encode" not in caplog.text
