"""The application sees its own types, objects and exceptions; our faults stay ours."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import anthropic
import pytest
from anthropic import Stream
from anthropic.lib.streaming import MessageStream
from anthropic.types import Message

from otel_claude import ClaudeInstrumentor, _faults, semconv
from otel_claude.capture import patch


def test_types_are_the_sdks_own(watched, client, ask):
    message = client.messages.create(**ask())
    assert type(message) is Message
    stream = client.messages.create(**ask(), stream=True)
    assert type(stream) is Stream
    assert isinstance(stream, Stream)
    first = next(stream)
    assert first.type == "message_start"
    assert [event.type for event in stream][-1] == "message_stop"
    with client.messages.stream(**ask()) as helper:
        assert type(helper) is MessageStream
        assert "".join(helper.text_stream) == helper.get_final_text()
    with pytest.raises(anthropic.BadRequestError) as raised:
        client.messages.create(**ask("status=400"))
    assert raised.value.type == "invalid_request_error"


def test_raw_responses_are_the_sdks_own(watched, client, ask):
    raw = client.messages.with_raw_response.create(**ask())
    assert type(raw) is anthropic._response.APIResponse
    assert raw.parse() is raw.parse()
    assert raw.headers["request-id"]
    assert len(watched.spans) == 1


def test_the_deprecation_warning_points_at_the_callers_line(watched, client, ask):
    with pytest.warns(DeprecationWarning, match="deprecated") as seen:
        client.messages.create(**ask(model="claude-sonnet-4-5"))
    assert seen[0].filename == __file__


@contextmanager
def broken(monkeypatch: pytest.MonkeyPatch, target: object, name: str) -> Iterator[None]:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("injected")

    with monkeypatch.context() as patched:
        patched.setattr(target, name, fail)
        yield
    _faults.drain()
    _faults._logged.clear()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("otel_claude.capture.request", "request_fields"),
        ("otel_claude.capture.request", "operation_of"),
        ("otel_claude.capture.native", "with_span_of"),
        ("otel_claude.capture.response", "read_message"),
        ("otel_claude.capture.response", "read_attempt"),
        ("otel_claude.capture.stream", "watch"),
        ("otel_claude.capture.stream", "read_block"),
        ("otel_claude.emit.recorder", "Bill"),
        ("otel_claude.emit.counters", "finish_reason"),
        ("otel_claude.emit.spans", "set_span_in_context"),
    ],
)
def test_a_fault_of_ours_is_counted_and_the_call_goes_on(
    telemetry, client, ask, monkeypatch, caplog, module, name
):
    import importlib

    telemetry.instrument()
    with broken(monkeypatch, importlib.import_module(module), name):
        assert type(client.messages.create(**ask())) is Message
        with client.messages.stream(**ask()) as stream:
            assert stream.get_final_text()
        with pytest.raises(anthropic.BadRequestError):
            client.messages.create(**ask("status=400"))
        faults = telemetry.total(semconv.M_FAULTS)
    ours = [record for record in caplog.records if record.name == "otel_claude"]
    assert faults >= 1
    assert all(record.levelno == logging.WARNING for record in ours)
    assert len({record.args for record in ours}) == len(ours), "each site is logged once"


def test_our_frames_do_not_change_exceptions(watched, client, ask):
    with pytest.raises(anthropic.BadRequestError) as raised:
        client.messages.create(**ask("status=400"))
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
    assert "test_app_unchanged" in traceback.extract_tb(raised.value.__traceback__)[0].filename


def test_uninstrument_restores_the_very_functions(telemetry, client, ask):
    base = anthropic._base_client.SyncAPIClient
    before = {
        (owner, name): getattr(__import__(module, fromlist=[owner]), owner).__dict__[name]
        for module, owner, name, _ in patch.PATCHES
        if _has(module, owner, name)
    }
    telemetry.instrument()
    assert base.__dict__["request"] is not before["SyncAPIClient", "request"]
    ClaudeInstrumentor().uninstrument()
    for module, owner, name, _ in patch.PATCHES:
        if _has(module, owner, name):
            kind = getattr(__import__(module, fromlist=[owner]), owner)
            assert kind.__dict__[name] is before[owner, name]
    client.messages.create(**ask())
    assert not [span for span in telemetry.spans if span.name.startswith("chat")]


def _has(module: str, owner: str, name: str) -> bool:
    try:
        return name in getattr(__import__(module, fromlist=[owner]), owner).__dict__
    except (ImportError, AttributeError):
        return False


def test_instrument_uninstrument_instrument_again_counts_each_call_once(telemetry, client, ask):
    for _ in range(3):
        telemetry.instrument()
        client.messages.create(**ask())
        ClaudeInstrumentor().uninstrument()
        client.messages.create(**ask())
    assert telemetry.total(semconv.M_REQUESTS) == 3
    assert len([span for span in telemetry.spans if span.name.startswith("chat")]) == 3


def test_wrappers_captured_before_instrument_are_seen(telemetry, client, ask):
    raw, create = client.messages.with_raw_response.create, client.messages.create
    telemetry.instrument()
    raw(**ask())
    create(**ask())
    assert telemetry.total(semconv.M_REQUESTS) == 2


def test_somebody_elses_wrapper_around_ours_survives_uninstrument(telemetry, client, ask):
    import wrapt

    seen = []

    def theirs(wrapped, instance, args, kwargs):
        seen.append(1)
        return wrapped(*args, **kwargs)

    base = anthropic._base_client.SyncAPIClient
    original = base.__dict__["request"]
    telemetry.instrument()
    wrapt.wrap_function_wrapper(base, "request", theirs)
    try:
        ClaudeInstrumentor().uninstrument()
        client.messages.create(**ask())
        telemetry.instrument()
        client.messages.create(**ask())
        assert len(seen) == 2
        assert telemetry.total(semconv.M_REQUESTS) == 1
    finally:
        ClaudeInstrumentor().uninstrument()
        setattr(base, "request", original)  # noqa: B010 - a type checker sees a method
