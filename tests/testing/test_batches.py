"""Message batches."""

from __future__ import annotations

import threading
from typing import Any

import anthropic
import pytest

from otel_claude.testing import Emulator, messages


def items(ask: Any, *ids: Any) -> Any:
    return [{"custom_id": custom_id, "params": ask(custom_id)} for custom_id in ids]


def test_life_of_a_batch(api: Emulator, client: Any, ask: Any) -> None:
    made = client.messages.batches.create(
        requests=items(ask, "one", "two-errored", "three-expired")
    )
    assert made.processing_status == "in_progress"
    assert made.request_counts.processing == 3
    assert made.results_url is None
    assert client.messages.batches.retrieve(made.id).processing_status == "in_progress"
    ended = client.messages.batches.retrieve(made.id)
    assert ended.processing_status == "ended"
    assert ended.request_counts.succeeded == 1
    results = {item.custom_id: item.result for item in client.messages.batches.results(made.id)}
    kinds = {custom_id: result.type for custom_id, result in results.items()}
    assert kinds == {"one": "succeeded", "two-errored": "errored", "three-expired": "expired"}
    message = results["one"].message
    assert message.usage.service_tier == "batch"
    assert [entry.custom_id for entry in api.ledger] == ["one"]
    assert api.ledger[0].usage["output_tokens"] == message.usage.output_tokens
    again = [item.custom_id for item in client.messages.batches.results(made.id)]
    assert again == list(results)
    assert len(api.ledger) == 1


def test_invalid_item_is_errored(client: Any, ask: Any) -> None:
    bad = {"custom_id": "bad", "params": ask(model="claude-unknown")}
    made = client.messages.batches.create(
        requests=[bad], extra_headers={"x-emulator-scenario": "polls=0"}
    )
    assert made.processing_status == "ended"
    (result,) = client.messages.batches.results(made.id)
    assert result.result.error.error.type == "not_found_error"


def test_cancel_list_delete(client: Any, ask: Any) -> None:
    made = client.messages.batches.create(requests=items(ask, "a", "b"))
    with pytest.raises(anthropic.ConflictError):
        client.with_options(max_retries=0).messages.batches.delete(made.id)
    assert client.messages.batches.cancel(made.id).processing_status == "canceling"
    assert client.messages.batches.retrieve(made.id).request_counts.canceled == 2
    assert [batch.id for batch in client.messages.batches.list()] == [made.id]
    assert client.messages.batches.delete(made.id).type == "message_batch_deleted"
    with pytest.raises(anthropic.NotFoundError):
        client.messages.batches.retrieve(made.id)


def test_a_batch_has_ended_once_its_results_are_there(
    api: Emulator, client: Any, ask: Any, monkeypatch: Any
) -> None:
    made = client.messages.batches.create(requests=items(ask, "one", "two"))
    client.messages.batches.retrieve(made.id)
    at_work, go_on = threading.Event(), threading.Event()
    run = messages.run

    def slow(*args: Any) -> Any:
        at_work.set()
        go_on.wait(60)
        return run(*args)

    monkeypatch.setattr(messages, "run", slow)
    poller = threading.Thread(target=client.messages.batches.retrieve, args=(made.id,))
    poller.start()
    assert at_work.wait(60)
    meanwhile = client.messages.batches.retrieve(made.id)
    go_on.set()
    poller.join()
    assert (meanwhile.processing_status, meanwhile.request_counts.processing) == ("in_progress", 2)
    ended = client.messages.batches.retrieve(made.id)
    assert (ended.processing_status, ended.request_counts.succeeded) == ("ended", 2)
    assert len(api.ledger) == 2


def test_polls_are_configurable(ask: Any) -> None:
    with (
        Emulator(batch_polls=3) as api,
        anthropic.Anthropic(api_key="k", base_url=api.url) as client,
    ):
        made = client.messages.batches.create(requests=items(ask, "a"))
        seen = [client.messages.batches.retrieve(made.id).processing_status for _ in range(4)]
    assert seen == ["in_progress"] * 3 + ["ended"]


def test_bad_batches(client: Any, ask: Any) -> None:
    empty: list[Any] = []
    for requests in (empty, items(ask, "a", "a"), items(ask, "not ok")):
        with pytest.raises(anthropic.BadRequestError):
            client.messages.batches.create(requests=requests)
