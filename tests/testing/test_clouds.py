"""Bedrock and Vertex AI, with the SDK's clients for them."""

from __future__ import annotations

import json
import struct
import urllib.request
import zlib
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from otel_claude.testing.clouds import api_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_claude.testing import Emulator


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5-20251001"),
        ("anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
        ("us-gov.anthropic.claude-sonnet-4-6", "claude-sonnet-4-6"),
        ("claude-haiku-4-5@20251001", "claude-haiku-4-5-20251001"),
        (
            "arn:aws:bedrock:us-east-1:1:inference-profile/eu.anthropic.claude-opus-5-5",
            "claude-opus-5-5",
        ),
        ("claude-opus-5-5", "claude-opus-5-5"),
    ],
)
def test_model_names(name: Any, model: Any) -> None:
    assert api_id(name) == model


def frames(data: Any) -> Iterator[bytes]:
    while data:
        total, head, check = struct.unpack("!III", data[:12])
        assert zlib.crc32(data[:8]) == check
        assert zlib.crc32(data[: total - 4]) == struct.unpack("!I", data[total - 4 : total])[0]
        yield data[12 + head : total - 4]
        data = data[total:]


def test_bedrock_frames(api: Emulator) -> None:
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 50}
    body["messages"] = [{"role": "user", "content": "x"}]
    request = urllib.request.Request(
        f"{api.url}/model/us.anthropic.claude-opus-5-5/invoke-with-response-stream",
        json.dumps(body).encode(),
        {"authorization": "Bearer k"},
    )
    with urllib.request.urlopen(request) as response:
        assert response.headers["content-type"] == "application/vnd.amazon.eventstream"
        assert response.headers["x-amzn-requestid"]
        data = response.read()
    assert len(list(frames(data))) > 5
    assert api.ledger[-1].complete


@pytest.fixture
def bedrock(api: Emulator) -> Iterator[Any]:
    pytest.importorskip("botocore")
    with anthropic.AnthropicBedrock(
        aws_access_key="a", aws_secret_key="b", aws_region="us-east-1", base_url=api.url
    ) as client:
        yield client


MODEL = "global.anthropic.claude-opus-4-5-20251101-v1:0"


def test_bedrock(api: Emulator, bedrock: Any, ask: Any) -> None:
    message = bedrock.messages.create(**ask(model=MODEL))
    assert message.model == "claude-opus-4-5-20251101"
    assert message.id.startswith("msg_bdrk_")
    with bedrock.messages.stream(**ask(model=MODEL)) as stream:
        final = stream.get_final_message()
    assert final.stop_reason == "end_turn"
    assert [entry.usage["output_tokens"] for entry in api.ledger] == [
        message.usage.output_tokens,
        final.usage.output_tokens,
    ]
    assert bedrock.beta.messages.create(**ask(model=MODEL)).stop_reason == "end_turn"


def test_bedrock_errors(bedrock: Any, ask: Any) -> None:
    with pytest.raises(anthropic.RateLimitError):
        bedrock.with_options(max_retries=0).messages.create(
            **ask(scenario="status=429", model=MODEL)
        )
    with pytest.raises((anthropic.APIStatusError, ValueError)):  # ValueError: older SDKs
        list(
            bedrock.messages.create(
                **ask(scenario="error=overloaded_error,after=3", model=MODEL), stream=True
            )
        )


@pytest.fixture
def vertex(api: Emulator) -> Iterator[Any]:
    try:
        client = anthropic.AnthropicVertex(
            region="us-east5", project_id="p", access_token="t", base_url=f"{api.url}/v1"
        )
    except Exception as error:
        pytest.skip(f"no Vertex in this environment: {error}")
    with client:
        yield client


def test_vertex(api: Emulator, vertex: Any, ask: Any) -> None:
    model = "claude-haiku-4-5@20251001"
    message = vertex.messages.create(**ask(model=model))
    assert message.model == "claude-haiku-4-5-20251001"
    with vertex.messages.stream(**ask(model=model)) as stream:
        assert stream.get_final_message().stop_reason == "end_turn"
    assert len(api.ledger) == 2
    arguments = ask(model=model)
    arguments.pop("max_tokens")
    assert vertex.messages.count_tokens(**arguments).input_tokens > 0
