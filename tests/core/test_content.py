"""What is said in a call is kept where an observer asks for it, however it is read, and only then."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
import pytest

from otel_claude import _faults
from otel_claude.call.content import Content
from otel_claude.capture import patch
from otel_claude.capture.watch import Watch


class Listener:
    """An observer that may ask for content."""

    def __init__(self, *, asks: bool = True) -> None:
        self.asks = asks
        self.calls: list[Any] = []
        self.runs: list[Any] = []

    def listening(self) -> bool:
        return True

    def before(self, call: Any) -> None:
        if self.asks:
            call.want_content()

    def after(self, call: Any) -> None:
        self.calls.append(call)

    def before_run(self, run: Any) -> None:
        pass

    def after_run(self, run: Any) -> None:
        self.runs.append(run)

    @property
    def content(self) -> Content:
        (call,) = self.calls
        assert isinstance(call.content, Content)
        return call.content


@pytest.fixture
def listener():
    _faults.drain()
    found = Listener()
    patch.install(Watch((found,), adopt=False, run_observers=(found,)))
    yield found
    patch.remove()
    assert _faults.drain() == {}


def test_nothing_is_kept_where_nobody_asks(listener, client, ask):
    listener.asks = False
    client.messages.create(**ask())
    for _ in client.messages.create(**ask(), stream=True):
        pass
    assert [call.content for call in listener.calls] == [None, None]


def test_a_plain_call_keeps_request_and_answer(listener, client, ask):
    message = client.messages.create(**ask(system="Be brief."))
    content = listener.content
    assert content.input_messages == [
        {"role": "user", "parts": [{"type": "text", "content": "Hello"}]}
    ]
    assert content.system_instructions == [{"type": "text", "content": "Be brief."}]
    assert content.answer_text == message.content[0].text
    assert content.output_message == {
        "role": "assistant",
        "parts": [{"type": "text", "content": message.content[0].text}],
    }
    assert content.request["model"] == "claude-sonnet-5-5"


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_application_changes_after_the_call_is_not_seen(listener, client, ask, stream):
    messages: Any = [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]
    answer = client.messages.create(**ask(messages=messages), stream=stream)
    if not stream:
        listener.content.hold()
        answer.content[0].text = "changed"
    messages[0]["content"][0]["text"] = "changed"
    messages.append({"role": "user", "content": "more"})
    if stream:
        for _ in answer:
            pass
    assert listener.content.input_messages == [
        {"role": "user", "parts": [{"type": "text", "content": "Hello"}]}
    ]
    assert "changed" not in listener.content.answer_text


TOOL = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}
HOW = ["events", "text_stream", "raw_bytes", "raw_lines", "with_raw"]
TEXT = "text=one two three four five six seven eight nine ten eleven twelve"


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("tools", [False, True])
def test_streams_add_up_to_the_same_message_however_they_are_read(
    listener, client, ask, how, tools
):
    more = {"tools": [TOOL], "tool_choice": {"type": "any"}} if tools else {}
    asked = ask("" if tools else TEXT, **more)
    whole = client.messages.create(**asked)
    _read(client, asked, how)
    plain, streamed = listener.calls
    assert _said(plain) == _said(streamed)
    assert streamed.content.input_messages == plain.content.input_messages
    kinds = {block["type"] for block in streamed.content.blocks}
    assert kinds == {block.type for block in whole.content}
    assert ("tool_use" in kinds) is tools


def _said(call):
    """The parts of the answer; the emulator gives every tool use an id of its own."""
    return [{**part, "id": ""} for part in call.content.output_message["parts"]]


def _read(client, asked, how):
    if how == "events":
        for _ in client.messages.create(**asked, stream=True):
            pass
    elif how == "text_stream":
        with client.messages.stream(**asked) as stream:
            "".join(stream.text_stream)
    elif how == "with_raw":
        for _ in client.messages.with_raw_response.create(**asked, stream=True).parse():
            pass
    else:
        body = client.messages.with_streaming_response.create(**asked, stream=True)
        with body as response:
            for _ in response.iter_lines() if how == "raw_lines" else response.iter_bytes():
                pass


def test_async_streams(listener, api, ask):
    async def run() -> str:
        async with anthropic.AsyncAnthropic(api_key="k", base_url=api.url) as client:
            async with client.messages.stream(**ask()) as stream:
                return "".join([piece async for piece in stream.text_stream])

    assert asyncio.run(run()) == listener.content.answer_text


@pytest.mark.parametrize("raw", [False, True])
def test_an_interrupted_stream_keeps_what_came(listener, client, ask, raw):
    if raw:
        body = client.messages.with_streaming_response.create(**ask(f"{TEXT};cut=5"), stream=True)
        with body as response:
            for _ in response.iter_bytes():
                pass
    else:
        for _ in client.messages.create(**ask(f"{TEXT};cut=5"), stream=True):
            pass
    whole = TEXT.removeprefix("text=")
    came = listener.calls[0].content.answer_text
    assert came
    assert whole.startswith(came)
    assert len(came) < len(whole)


def test_tool_arguments_that_were_cut_are_what_came():
    content = Content()
    content.start_block(0, {"type": "tool_use", "id": "t", "name": "f", "input": {}})
    content.add_delta(0, {"type": "input_json_delta", "partial_json": '{"city": "Os'})
    assert content.output_message == {
        "role": "assistant",
        "parts": [{"type": "tool_call", "id": "t", "name": "f", "arguments_json": '{"city": "Os'}],
    }


def test_a_block_that_the_sdk_goes_on_to_fill_in_is_not_counted_twice():
    block = {"type": "text", "text": ""}
    content = Content()
    content.start_block(0, block)
    content.add_delta(0, {"type": "text_delta", "text": "a"})
    block["text"] = "a"
    assert content.answer_text == "a"


def test_every_delta_is_added_up():
    content = Content()
    content.start_block(0, {"type": "thinking", "thinking": "", "signature": ""})
    content.start_block(1, {"type": "text", "text": ""})
    content.start_block(2, {"type": "compaction", "content": None})
    content.start_block(3, {"type": "tool_use", "id": "t", "name": "f", "input": {}})
    for index, delta in (
        (0, {"type": "thinking_delta", "thinking": "Hm"}),
        (0, {"type": "signature_delta", "signature": "c2ln"}),
        (1, {"type": "text_delta", "text": "a"}),
        (1, {"type": "citations_delta", "citation": {"cited_text": "x"}}),
        (2, {"type": "compaction_delta", "content": "So far"}),
        (0, {"type": "thinking_delta", "thinking": "m."}),
        (1, {"type": "text_delta", "text": "b"}),
        (1, {"type": "hologram_delta", "depth": 1}),
        (3, {"type": "input_json_delta", "partial_json": '{"a":'}),
        (3, {"type": "input_json_delta", "partial_json": "1}"}),
    ):
        content.add_delta(index, delta)
    assert (content.output_message or {})["parts"] == [
        {"type": "reasoning", "content": "Hmm."},
        {"type": "text", "content": "ab"},
        {"type": "compaction", "content": "So far"},
        {"type": "tool_call", "id": "t", "name": "f", "arguments": {"a": 1}},
    ]


def test_raw_responses_parse_and_beta(listener, client, ask):
    client.messages.with_raw_response.create(**ask(TEXT)).parse()
    client.beta.messages.create(**ask(TEXT))
    with client.messages.with_streaming_response.create(**ask(TEXT)) as response:
        response.read()
    texts = [call.content.answer_text for call in listener.calls]
    assert texts == [TEXT.removeprefix("text=")] * 3


def test_messages_given_as_a_generator(listener, client, ask):
    client.messages.create(**ask(messages=(m for m in [{"role": "user", "content": "a"}])))
    assert listener.content.input_messages[0]["parts"] == [{"type": "text", "content": "a"}]


def test_a_failed_call_has_what_was_asked_and_no_answer(listener, client, ask):
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(**ask("status=400"))
    assert listener.content.output_message is None
    assert listener.content.input_messages


def test_legacy_completions():
    """Newer SDKs lack them; a program may still post them."""
    whole, streamed = Content(), Content()
    whole.request = streamed.request = {"prompt": "Human: Hello"}
    whole.read_answer({"type": "completion", "completion": "Good day."})
    for piece in ("Good ", "day."):
        streamed.add_completion(piece)
    for content in (whole, streamed):
        assert content.answer_text == "Good day."
        assert content.input_messages == [
            {"role": "user", "parts": [{"type": "text", "content": "Human: Hello"}]}
        ]


def test_tools_that_a_runner_runs_have_arguments_and_result(listener, api, ask):
    @anthropic.beta_tool
    def get_weather(city: str) -> str:
        """The weather of a city."""
        return f"Rain in {city}."

    with anthropic.Anthropic(api_key="k", base_url=api.url, open_telemetry=False) as client:
        runner = client.beta.messages.tool_runner(**ask(tools=[get_weather]))
        assert len(list(runner)) == 2
    tool = next(run for run in listener.runs if run.kind == "execute_tool")
    assert set(tool.arguments) == {"city"}
    assert tool.result == f"Rain in {tool.arguments['city']}."


def test_results_of_a_batch_have_their_content(listener, client):
    params: Any = {
        "model": "claude-haiku-4-5",
        "max_tokens": 20,
        "messages": [{"role": "user", "content": "Hello"}],
    }
    batch = client.messages.batches.create(
        requests=[{"custom_id": str(n), "params": params} for n in range(2)]
    )
    while client.messages.batches.retrieve(batch.id).processing_status != "ended":
        pass
    list(client.messages.batches.results(batch.id))
    parts = [call for call in listener.calls if call.whole is not None]
    assert len(parts) == 2
    assert all(part.content.answer_text for part in parts)
