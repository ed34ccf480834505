"""Content is recorded where it was asked for, as the conventions say, redacted and within the limit."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from contextlib import nullcontext
from typing import Any

import anthropic
import pytest

from otel_claude import _faults, attribution, semconv
from otel_claude.emit.fitting import CUT
from otel_claude.testing import Emulator
from tests.conformance.content import problems

try:  # the SDK's HTTP client is httpx2 from 1.0 on
    import httpx2 as httpx
except ImportError:
    import httpx  # type: ignore[no-redef, import-not-found, unused-ignore] # one of them

CONTENT = (
    semconv.INPUT_MESSAGES,
    semconv.OUTPUT_MESSAGES,
    semconv.SYSTEM_INSTRUCTIONS,
    semconv.TOOL_DEFINITIONS,
)
EVERYTHING = (*CONTENT, semconv.REQUEST_STOP_SEQUENCES)
TOOL = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}
ANSWER = "text=The answer in full"
KEY = "sk-ant-api03-abcdefghijkl1234"


@pytest.fixture(autouse=True)
def no_faults():
    _faults.drain()
    yield
    assert _faults.drain() == {}


@pytest.fixture
def asked(ask):
    def arguments(scenario: str = ANSWER, **more: Any) -> Any:
        found = {
            "system": "Be brief.",
            "tools": [TOOL],
            "tool_choice": {"type": "none"},
            "stop_sequences": ["END"],
        }
        return ask(scenario, **{**found, **more})

    return arguments


def details(telemetry):
    """The attributes of the content events, in order."""
    return [
        record.log_record.attributes
        for record in telemetry.log_exporter.get_finished_logs()
        if record.log_record.event_name == semconv.EVENT_DETAILS
    ]


def of(telemetry, name, span=-1):
    value = telemetry.spans[span].attributes[name]
    assert problems(name, value) == []
    return json.loads(value)


@pytest.mark.parametrize("mode", ["none", "span", "event", "both"])
@pytest.mark.parametrize("stream", [False, True])
def test_content_goes_where_the_mode_says(telemetry, client, asked, mode, stream):
    telemetry.instrument(capture=mode)
    answer = client.messages.create(**asked(), stream=stream)
    if stream:
        for _ in answer:
            pass
    on_span = set(EVERYTHING) & telemetry.attributes.keys()
    assert on_span == (set(EVERYTHING) if mode in ("span", "both") else set())
    events = details(telemetry)
    assert len(events) == (mode in ("event", "both"))
    for name in CONTENT:
        if on_span:
            assert problems(name, telemetry.attributes[name]) == []
            assert isinstance(telemetry.attributes[name], str)
        for event in events:
            assert problems(name, event[name]) == []
            assert not isinstance(event[name], str)
    if on_span:
        (message,) = of(telemetry, semconv.OUTPUT_MESSAGES)
        assert message == {
            "role": "assistant",
            "parts": [{"type": "text", "content": "The answer in full"}],
            "finish_reason": "stop",
        }
        assert telemetry.attributes[semconv.REQUEST_STOP_SEQUENCES] == ("END",)


def test_the_event_has_the_attributes_of_the_span_and_is_in_its_context(telemetry, client, asked):
    telemetry.instrument(capture="both")
    client.messages.create(**asked())
    (event,) = details(telemetry)
    shared = telemetry.attributes.keys() - {*CONTENT}
    assert {name: event[name] for name in shared} == {
        name: telemetry.attributes[name] for name in shared
    }
    (record,) = telemetry.log_exporter.get_finished_logs()
    assert record.log_record.span_id == telemetry.span.context.span_id
    assert record.log_record.severity_number.value == 5


def test_the_standard_variable(telemetry, client, asked, monkeypatch):
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "EVENT_ONLY")
    telemetry.instrument()
    client.messages.create(**asked())
    assert semconv.INPUT_MESSAGES not in telemetry.attributes
    assert semconv.INPUT_MESSAGES in details(telemetry)[0]


def test_a_feature_can_differ(telemetry, client, asked):
    telemetry.instrument(capture="span,hr=none,search=event")
    for feature in (None, "hr", "search", "else"):
        with attribution(feature=feature):
            client.messages.create(**asked())
    on_spans = [semconv.INPUT_MESSAGES in span.attributes for span in telemetry.spans]
    assert on_spans == [True, False, False, True]
    assert len(details(telemetry)) == 1


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (("input",), {semconv.INPUT_MESSAGES, semconv.REQUEST_STOP_SEQUENCES}),
        (("output",), {semconv.OUTPUT_MESSAGES}),
        (("system",), {semconv.SYSTEM_INSTRUCTIONS}),
        (("tools",), {semconv.TOOL_DEFINITIONS}),
    ],
)
def test_each_kind_can_be_chosen(telemetry, client, asked, kinds, expected):
    telemetry.instrument(capture="span", capture_content=kinds)
    client.messages.create(**asked())
    assert set(EVERYTHING) & telemetry.attributes.keys() == expected


def test_tools_have_descriptions_and_schemas_only_when_asked_for(telemetry, client, asked):
    from otel_claude import ClaudeInstrumentor

    for kinds in (("tools",), ("tools", "tool_schemas")):
        telemetry.instrument(capture="span", capture_content=kinds)
        client.messages.create(**asked())
        ClaudeInstrumentor().uninstrument()
    assert of(telemetry, semconv.TOOL_DEFINITIONS, 0) == [
        {"type": "function", "name": "get_weather"}
    ]
    (tool,) = of(telemetry, semconv.TOOL_DEFINITIONS, 1)
    assert tool["description"] == TOOL["description"]
    assert tool["parameters"] == TOOL["input_schema"]


def test_adopted_spans_get_content_too(telemetry, api, asked):
    telemetry.instrument(capture="span", native="adopt")
    trace: Any = {"tracer_provider": telemetry.tracers}
    with anthropic.Anthropic(api_key="k", base_url=api.url, open_telemetry=trace) as client:
        client.messages.create(**asked())
        for _ in client.messages.create(**asked(), stream=True):
            pass
    for number in range(2):
        assert of(telemetry, semconv.INPUT_MESSAGES, number)
        (message,) = of(telemetry, semconv.OUTPUT_MESSAGES, number)
        assert message["parts"][0]["content"] == "The answer in full"


@pytest.mark.parametrize(("scenario", "raises"), [("cut=5", False), ("drop=5", True)])
def test_an_interrupted_stream_keeps_what_came(telemetry, client, asked, scenario, raises):
    telemetry.instrument(capture="span")
    expected = pytest.raises(Exception, match="peer closed") if raises else nullcontext()
    with expected:
        for _ in client.messages.create(**asked(f"{ANSWER};{scenario}"), stream=True):
            pass
    (message,) = of(telemetry, semconv.OUTPUT_MESSAGES)
    assert "The answer in full".startswith(message["parts"][0]["content"])
    assert message["parts"][0]["content"]


@pytest.mark.parametrize("mode", ["none", "span", "event"])
def test_error_messages_and_stack_traces_are_content(telemetry, client, asked, mode):
    telemetry.instrument(capture=mode)
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(**asked("status=400,message=bad word bob@example.com"))
    (failed,) = [
        record.log_record
        for record in telemetry.log_exporter.get_finished_logs()
        if record.log_record.event_name == semconv.EVENT_EXCEPTION
    ]
    content = {semconv.EXCEPTION_MESSAGE, semconv.EXCEPTION_STACKTRACE}
    assert content & failed.attributes.keys() == (content if mode == "event" else set())
    if mode == "event":
        assert "bad word <EMAIL>" in failed.attributes[semconv.EXCEPTION_MESSAGE]
        assert "Traceback" in failed.attributes[semconv.EXCEPTION_STACKTRACE]
    assert "bad word" not in str([dict(span.attributes) for span in telemetry.spans])
    assert telemetry.span.status.description is None


def _tool_runner(api, ask):
    @anthropic.beta_tool
    def get_weather(city: str) -> str:
        """The weather of a city."""
        return f"Rain in {city}, says bob@example.com."

    with anthropic.Anthropic(api_key="k", base_url=api.url, open_telemetry=False) as client:
        assert len(list(client.beta.messages.tool_runner(**ask(tools=[get_weather])))) == 2


def test_tool_spans_have_arguments_and_results(telemetry, api, ask):
    telemetry.instrument(capture="span", capture_content=("input", "output", "tool_schemas"))
    _tool_runner(api, ask)
    (number,) = (n for n, s in enumerate(telemetry.spans) if s.name.startswith("execute_tool"))
    arguments = of(telemetry, semconv.TOOL_ARGUMENTS, number)
    assert of(telemetry, semconv.TOOL_RESULT, number) == {
        "content": f"Rain in {arguments['city']}, says <EMAIL>."
    }
    assert telemetry.spans[number].attributes[semconv.TOOL_DESCRIPTION] == TOOL["description"]


def test_tool_spans_have_no_content_otherwise(telemetry, api, ask):
    telemetry.instrument()
    _tool_runner(api, ask)
    (tool,) = (span for span in telemetry.spans if span.name.startswith("execute_tool"))
    assert not {semconv.TOOL_ARGUMENTS, semconv.TOOL_RESULT, semconv.TOOL_DESCRIPTION} & set(
        tool.attributes
    )


def test_results_of_a_batch_are_events(telemetry, client, ask):
    telemetry.instrument(capture="both")
    batch = client.messages.batches.create(
        requests=[{"custom_id": str(n), "params": ask()} for n in range(2)]
    )
    while client.messages.batches.retrieve(batch.id).processing_status != "ended":
        pass
    texts = [
        item.result.message.content[0].text for item in client.messages.batches.results(batch.id)
    ]
    said = [
        event[semconv.OUTPUT_MESSAGES][0]["parts"][0]["content"] for event in details(telemetry)
    ]
    assert said == texts


def test_count_tokens_has_no_content(telemetry, client):
    telemetry.instrument(capture="both")
    client.messages.count_tokens(
        model="claude-haiku-4-5", messages=[{"role": "user", "content": "Hello"}]
    )
    assert not set(EVERYTHING) & telemetry.attributes.keys()


# --- redaction on the way ------------------------------------------------------------------------


def test_secrets_in_every_place_are_replaced(telemetry, client, asked):
    telemetry.instrument(
        capture="both",
        capture_content=("input", "output", "system", "tools", "tool_schemas", "errors"),
    )
    mail = "bob@example.com"
    messages = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "sk-ant-api03-"},
                {"type": "text", "text": "abcdefghijkl1234"},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {
                    "type": "tool_use",
                    "id": "t",
                    "name": "f",
                    "input": {mail: {"password": "hunter2!"}},
                }
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t", "content": json.dumps({"key": KEY})}
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "document",
                    "title": mail,
                    "context": KEY,
                    "source": {
                        "type": "text",
                        "media_type": "text/plain",
                        "data": "4111 1111 1111 1111",
                    },
                }
            ],
        },
    ]
    tool = {
        **TOOL,
        "description": mail,
        "input_schema": {"type": "object", "properties": {"a": {"description": KEY}}},
    }
    client.messages.create(
        **asked(
            f"text=Mail {mail}",
            system=[{"type": "text", "text": KEY}],
            stop_sequences=[KEY],
            tools=[tool],
            messages=messages,
        )
    )
    everything = str([dict(telemetry.attributes), details(telemetry)])
    for secret in (mail, KEY, "abcdefghijkl", "hunter2", "4111"):
        assert secret not in everything
    for kind in ("<EMAIL>", "<API_KEY>", "<PASSWORD>", "<CARD>"):
        assert kind in telemetry.attributes[semconv.INPUT_MESSAGES]


def _in_single_characters(text: str) -> list[dict[str, Any]]:
    start = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5-5"}
    deltas = [{"type": "text_delta", "text": char} for char in text]
    return [
        {"type": "message_start", "message": {**start, "content": [], "usage": {}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}},
        {"type": "message_stop"},
    ]


def test_a_secret_over_many_deltas_is_replaced(telemetry, asked):
    telemetry.instrument(capture="span")
    events = _in_single_characters(f"My key is {KEY} and half \ud83d a smile")
    body = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events)
    headers = {"content-type": "text/event-stream"}
    transport = httpx.MockTransport(
        lambda _request: httpx.Response(200, headers=headers, content=body.encode())
    )
    http_client = httpx.Client(transport=transport)
    with anthropic.Anthropic(api_key="k", http_client=http_client) as client:
        assert len(list(client.messages.create(**asked(), stream=True))) == len(events)
    (message,) = of(telemetry, semconv.OUTPUT_MESSAGES)
    assert message["parts"][0]["content"] == "My key is <API_KEY> and half ? a smile"


def test_redaction_can_be_off_or_of_some_kinds_with_patterns(telemetry, client, asked):
    from otel_claude import ClaudeInstrumentor

    text = f"bob@example.com {KEY} EMP-12345"
    for options in (
        {"redact": "none"},
        {"redact": "email", "redact_patterns": {"employee": "EMP-[0-9]+"}},
    ):
        telemetry.instrument(capture="span", **options)
        client.messages.create(**asked(system=text))
        ClaudeInstrumentor().uninstrument()
    said = [of(telemetry, semconv.SYSTEM_INSTRUCTIONS, n)[0]["content"] for n in range(2)]
    assert said == [text, f"<EMAIL> {KEY} <EMPLOYEE>"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"redact": "emails"}, "no kind 'emails'"),
        ({"redact_patterns": {"x": "("}}, "redact_patterns"),
        ({"redact": "presidio"}, "Presidio"),
        ({"encrypt": "/nowhere/keys"}, "cannot be read"),
        ({"redact": 7}, "redact"),
    ],
)
def test_settings_that_cannot_be_honoured_mean_no_content_and_one_line(
    telemetry, client, asked, caplog, options, says, monkeypatch
):
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    telemetry.instrument(capture="both", **options)
    client.messages.create(**asked())
    assert not set(EVERYTHING) & telemetry.attributes.keys()
    assert details(telemetry) == []
    (line,) = [r.getMessage() for r in caplog.records if r.name == "otel_claude"]
    assert says in line
    assert semconv.COST_TOTAL in telemetry.attributes


@pytest.mark.parametrize("error", [RuntimeError("bob@example.com"), SystemExit("bob@example.com")])
def test_a_redactor_that_fails_drops_the_content_is_counted_and_logged_once(
    telemetry, client, asked, caplog, monkeypatch, error
):
    from otel_claude.privacy.redaction import Redactor

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Redactor, "_replace_in", fail)
    monkeypatch.setattr(Redactor, "_hits", fail)
    monkeypatch.setattr(_faults, "_logged", set())
    telemetry.instrument(capture="both")
    for _ in range(2):
        client.messages.create(
            **asked(
                system="bob@example.com", messages=[{"role": "user", "content": "bob@example.com"}]
            )
        )
    assert semconv.SYSTEM_INSTRUCTIONS not in telemetry.spans[0].attributes
    assert semconv.INPUT_MESSAGES not in telemetry.spans[0].attributes
    assert "bob@example.com" not in str(
        [dict(s.attributes) for s in telemetry.spans] + details(telemetry)
    )
    assert semconv.OUTPUT_MESSAGES in telemetry.spans[0].attributes, "that was clean"
    assert _faults.drain() == {"content": 4}
    logged = [r.getMessage() for r in caplog.records if r.name == "otel_claude"]
    assert len(logged) == 1
    assert "bob@example.com" not in logged[0]


# --- the limit -----------------------------------------------------------------------------------

LIMIT = 4_096


def _image(size: int) -> dict[str, Any]:
    data = base64.b64encode(bytes(range(256)) * (size // 256)).decode()
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}


@pytest.mark.parametrize("media", [False, True])
def test_an_image_of_5_mb_and_a_text_of_2_mb_stay_within_the_limit(telemetry, client, asked, media):
    kinds = ("input", "output", "media") if media else ("input", "output")
    telemetry.instrument(capture="both", capture_content=kinds)
    big = "Lorem ipsum dolor sit amet. " * 75_000
    messages = [{"role": "user", "content": [{"type": "text", "text": big}, _image(5_000_000)]}]
    client.messages.create(**asked(messages=messages))
    value = telemetry.attributes[semconv.INPUT_MESSAGES]
    assert len(value.encode()) <= 32_768
    assert len(json.dumps(details(telemetry)[0][semconv.INPUT_MESSAGES], default=str)) < 40_000
    ((mark, image),) = (message["parts"] for message in of(telemetry, semconv.INPUT_MESSAGES))
    assert mark == {"type": "generic", "generic_type": "omitted", "parts": 1}
    data = bytes(range(256)) * (5_000_000 // 256)
    assert image == {
        "type": "blob",
        "modality": "image",
        "mime_type": "image/png",
        "content": "",
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    assert telemetry.attributes[semconv.CONTENT_CUT] == (semconv.INPUT_MESSAGES,)


@pytest.mark.parametrize("media", [False, True])
def test_a_small_image_is_there_only_when_asked_for(telemetry, client, asked, media):
    kinds = ("input", "media") if media else ("input",)
    telemetry.instrument(capture="span", capture_content=kinds)
    image = _image(512)
    result = {"type": "tool_result", "tool_use_id": "t", "content": [image]}
    use = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    messages = [
        {"role": "user", "content": [image]},
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [result]},
    ]
    client.messages.create(**asked(messages=messages))
    first, _, last = (message["parts"] for message in of(telemetry, semconv.INPUT_MESSAGES))
    for part in (first[0], last[0]["response"][0]):
        assert part["content"] == (image["source"]["data"] if media else "")
        assert ("sha256" in part) is not media


def test_a_long_text_is_cut_with_a_mark(telemetry, client, asked):
    telemetry.instrument(capture="span", capture_limit=LIMIT)
    text = "".join(f"{n} words, " for n in range(60_000))
    client.messages.create(**asked(system=text, messages=[{"role": "user", "content": text}]))
    for name in (semconv.INPUT_MESSAGES, semconv.SYSTEM_INSTRUCTIONS):
        value = telemetry.attributes[name]
        assert LIMIT // 3 < len(value.encode()) <= LIMIT
        (first,) = of(telemetry, name)
        part = first["parts"][0] if name == semconv.INPUT_MESSAGES else first
        assert text.startswith(part["content"].removesuffix(CUT))
        assert part["content"].endswith(CUT)


def test_the_newest_messages_are_kept_whole(telemetry, client, asked):
    telemetry.instrument(capture="span", capture_limit=LIMIT)
    messages = [
        {"role": ("user", "assistant")[n % 2], "content": f"{n}: " + "word " * 100}
        for n in range(31)
    ]
    client.messages.create(**asked(messages=messages))
    assert len(telemetry.attributes[semconv.INPUT_MESSAGES].encode()) <= LIMIT
    kept = of(telemetry, semconv.INPUT_MESSAGES)
    mark = kept[0]["parts"].pop(0)
    assert mark["generic_type"] == "omitted"
    assert mark["messages"] + len(kept) == 31
    texts = [message["parts"][0]["content"] for message in kept]
    assert texts == [message["content"] for message in messages[-len(kept) :]]
    assert len(kept) > 4


def test_the_newest_parts_of_a_message_are_kept_whole(telemetry, client, asked):
    telemetry.instrument(capture="span", capture_limit=LIMIT)
    content = [{"type": "text", "text": f"{n}: " + "word " * 200} for n in range(10)]
    client.messages.create(**asked(messages=[{"role": "user", "content": content}]))
    (message,) = of(telemetry, semconv.INPUT_MESSAGES)
    mark, *parts = message["parts"]
    assert mark == {"type": "generic", "generic_type": "omitted", "parts": 10 - len(parts)}
    assert [part["content"] for part in parts] == [c["text"] for c in content[-len(parts) :]]


@pytest.mark.parametrize("at", range(-60, 61, 7))
def test_a_cut_never_leaves_half_a_secret(telemetry, client, asked, at):
    """Wherever the cut falls, before, in or after it."""
    telemetry.instrument(capture="span", capture_limit=1_024)
    text = "x" * (950 + at) + " " + KEY * 3 + " tail" * 3_000
    client.messages.create(**asked(messages=[{"role": "user", "content": text}]))
    value = telemetry.attributes[semconv.INPUT_MESSAGES]
    assert "sk-ant" not in value
    assert len(value.encode()) <= 1_024


@pytest.mark.parametrize("at", range(480, 540, 5))
def test_nor_where_placeholders_made_the_text_shorter(telemetry, client, asked, at):
    """What is looked at ends somewhere; redaction may bring that end within the limit."""
    telemetry.instrument(capture="span", capture_limit=1_024)
    block = f"-----BEGIN PRIVATE KEY-----\n{'A' * 2_150}\n-----END PRIVATE KEY-----\n"
    text = block * 2 + "y" * at + " " + KEY + " z" * 20_000
    client.messages.create(**asked(messages=[{"role": "user", "content": text}]))
    value = telemetry.attributes[semconv.INPUT_MESSAGES]
    assert "sk-" not in value
    assert problems(semconv.INPUT_MESSAGES, value) == []


def test_what_cannot_be_cut_is_marked(telemetry, client, asked):
    telemetry.instrument(capture="span", capture_limit=LIMIT)
    use = {"type": "tool_use", "id": "t", "name": "f", "input": {f"k{n}": n for n in range(5_000)}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": "ok"}
    messages = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [result]},
    ]
    client.messages.create(**asked(messages=messages))
    kept = of(telemetry, semconv.INPUT_MESSAGES)
    assert kept[-1]["parts"][-1]["response"] == "ok"
    client.messages.create(**asked(messages=messages[:2]))
    (message,) = of(telemetry, semconv.INPUT_MESSAGES)
    assert message["parts"][-1] == {"type": "generic", "generic_type": "omitted"}


def test_text_that_utf8_cannot_hold_is_sent_without_it(telemetry, client, asked):
    telemetry.instrument(capture="both")
    content = "half \ud83d of an emoji, whole 😀, ü"
    with pytest.raises(UnicodeEncodeError):
        client.messages.create(**asked(system=content))
    assert telemetry.attributes[semconv.SYSTEM_INSTRUCTIONS] == (
        '[{"type":"text","content":"half ? of an emoji, whole 😀, ü"}]'
    )


def test_strict_has_content_and_nothing_else(telemetry, client, asked):
    telemetry.instrument(capture="both", strict=True, capture_limit=1_024)
    client.messages.create(**asked(messages=[{"role": "user", "content": "x" * 5_000}]))
    assert set(CONTENT) <= telemetry.attributes.keys() <= semconv.registry("released")
    (event,) = details(telemetry)
    assert set(event) <= semconv.registry("released")


def test_sampled_out_spans_cost_no_content(client, asked, monkeypatch):
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    from otel_claude import ClaudeInstrumentor
    from otel_claude.call.call import Call
    from tests.conftest import Telemetry

    telemetry = Telemetry(sampler=ALWAYS_OFF)
    made: list[Call] = []
    monkeypatch.setattr(Call, "want_content", lambda call: made.extend([call]))
    for mode in ("span", "both"):
        telemetry.instrument(capture=mode)
        client.messages.create(**asked())
        ClaudeInstrumentor().uninstrument()
    assert len(made) == 1, "the event does not depend on sampling"


def test_the_emulator_is_asked_the_same_with_capture_on(telemetry, api: Emulator, client, asked):
    client.messages.create(**asked())
    telemetry.instrument(capture="both")
    client.messages.create(**asked())
    assert api.requests[0].body == api.requests[1].body
