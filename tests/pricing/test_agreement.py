"""One call, three ways to its cost: the span, the counters, and `otel-claude price`.

The emulator serves every scenario, plain and streamed. The recorded cost is caught on its way to
the span to compare exact amounts; what is emitted are doubles.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

typer = pytest.importorskip("typer")
pytest.importorskip("rich")

from typer.testing import CliRunner  # noqa: E402

from otel_claude.cli.price import price  # noqa: E402
from otel_claude.emit import bill as bills  # noqa: E402
from otel_claude.pricing import Cost, Unpriced, cost  # noqa: E402

APP = typer.Typer()
APP.command()(price)

COMPONENTS = ("input", "output", "cache_read", "cache_write", "server_tools")
NEAR = 1e-12  # USD


def usage(**fields: Any) -> str:
    return "usage=" + quote(json.dumps(fields), safe="")


def split(short: int, long: int, read: int = 0) -> str:
    return usage(
        cache_creation_input_tokens=short + long,
        cache_read_input_tokens=read,
        cache_creation={"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long},
    )


SCENARIOS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("", {}),
    "opus": ("output_tokens=50", {"model": "claude-opus-5"}),
    "dated": ("", {"model": "claude-haiku-4-5"}),
    "write 5m": (split(4321, 0), {}),
    "write 1h": (split(0, 4321), {}),
    "write both, read": (split(1001, 2003, 30_007), {}),
    "split missing": (usage(cache_creation_input_tokens=777, cache_creation=None), {}),
    "split too small": (
        usage(
            cache_creation_input_tokens=777,
            cache_creation={"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 500},
        ),
        {},
    ),
    "US": ("geo=us;input_tokens=12345", {"model": "claude-opus-5-5"}),
    "US, asked for": ("", {"inference_geo": "us"}),
    "US on a model without": ("geo=us", {"model": "claude-haiku-4-5"}),
    "fast": ("speed=fast", {"model": "claude-opus-5-5"}),
    "fast, US, cached": (
        "speed=fast;geo=us;" + split(901, 803, 7001),
        {"model": "claude-fable-5-2"},
    ),
    "fast asked, standard served": ("speed=standard", {"model": "claude-opus-4-6"}),
    "web search": ("web_search=3", {}),
    "web search, US": ("web_search=2;geo=us", {}),
    "web fetch": ("web_fetch=2", {}),
    "thinking": ("thinking_tokens=300", {"max_tokens": 500}),
    "code execution": ("container", {}),
    "priority": ("tier=priority", {}),
    "batch tier": ("tier=batch;geo=us", {}),
    "long prompt, at": ("input_tokens=100000", {"model": "claude-haiku-5-5"}),
    "long prompt, above": ("input_tokens=100001", {"model": "claude-haiku-5-5"}),
    "long prompt by cache": (split(0, 60_000, 40_001), {"model": "claude-haiku-5-5"}),
    "fallback, free hop": ("fallback=claude-opus-4-8,category=cyber", {"model": "claude-fable-5"}),
    "fallback, billed hop": ("fallback=claude-opus-4-8,category=bio", {"model": "claude-fable-5"}),
    "fallback, no category": ("fallback=claude-opus-4-8", {"model": "claude-fable-5"}),
    "advisor": ("advisor=claude-opus-5-5,cache_read=5000,cache_write=900", {}),
    "compaction": ("compaction,input=123456,output=1777", {}),
    "compaction, paused": ("compaction,pause=1", {}),
    "refused, free": ("refusal=cyber", {}),
    "refused, null category": ("refusal", {}),
    "refused, billed": ("refusal=bio", {}),
    "refused in the middle": ("refusal=cyber,after=7", {}),
    "cut by length": ("output_tokens=500", {"max_tokens": 16}),
}
BETA = {"fallback", "advisor", "compaction", "fast"}

Caught = list[Cost | Unpriced | None]


@pytest.fixture
def caught(monkeypatch: pytest.MonkeyPatch) -> Caught:
    """The exact costs that the instrumentation computed, in the order of the calls."""
    found: Caught = []
    original = bills.cost_of

    def keep(call: Any, usage: Any, prices: Any) -> Any:
        found.append(original(call, usage, prices))
        return found[-1]

    monkeypatch.setattr(bills, "cost_of", keep)
    return found


def priced(message: dict[str, Any], *arguments: str) -> dict[str, Any]:
    """What `otel-claude price --json` says."""
    answer = CliRunner().invoke(APP, [json.dumps(message), "--json", *arguments])
    assert answer.exit_code == 0, answer.output
    said: dict[str, Any] = json.loads(answer.output)
    return said


def run(client: Any, arguments: dict[str, Any], mode: str, *, beta: bool) -> dict[str, Any]:
    """Make the call and give back the message as JSON."""
    messages = client.beta.messages if beta else client.messages
    if mode == "plain":
        raw = messages.with_raw_response.create(**arguments)
        whole: dict[str, Any] = json.loads(raw.http_response.content)
        raw.parse()
        return whole
    if mode == "helper":
        with messages.stream(**arguments) as stream:
            last: dict[str, Any] = stream.get_final_message().to_dict(mode="json")
        return last
    merged: dict[str, Any] = {}
    with messages.create(**arguments, stream=True) as events:
        for event in events:
            said = event.to_dict(mode="json")
            if said["type"] == "message_start":
                merged = said["message"]
            elif said["type"] == "content_block_start":
                merged["content"].append(said["content_block"])
            elif said["type"] == "message_delta":
                merged |= {k: v for k, v in said["delta"].items() if v is not None}
                merged["usage"] |= {k: v for k, v in said["usage"].items() if v is not None}
    return merged


def check_emitted(exact: Cost, telemetry: Any) -> None:
    """The span and the counters have the exact amounts as doubles."""
    attributes = telemetry.attributes
    assert attributes["claude.cost.total"] == float(exact.total)
    assert attributes["gen_ai.usage.cost"] == float(exact.total)
    # Parts of zero are left out.
    parts = [attributes.get(f"claude.cost.{name}", 0.0) for name in COMPONENTS]
    assert parts == [float(getattr(exact, name)) for name in COMPONENTS]
    assert sum(parts) == pytest.approx(attributes["claude.cost.total"], abs=NEAR, rel=0)
    points = telemetry.metrics().get("claude.client.cost", [])
    for name, part in zip(COMPONENTS, parts, strict=True):
        counted = sum(p.value for p in points if p.attributes["claude.cost.component"] == name)
        assert counted == pytest.approx(part, abs=NEAR, rel=0)
    total = sum(point.value for point in points)
    assert total == pytest.approx(attributes["claude.cost.total"], abs=NEAR, rel=0)


@pytest.mark.parametrize("mode", ["plain", "helper", "events"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_span_counters_and_command_agree(
    name: str, mode: str, client: Any, ask: Any, watched: Any, caught: Caught
) -> None:
    scenario, more = SCENARIOS[name]
    beta = any(word in name for word in BETA)
    message = run(client, ask(scenario, **more), mode, beta=beta)
    (exact,) = caught
    assert isinstance(exact, Cost)
    said = priced(message)
    for component in ("total", "uncached", *COMPONENTS):
        assert Decimal(said[component]) == getattr(exact, component), component
    assert sum(Decimal(line["amount"]) for line in said["lines"]) == exact.total
    assert sum(getattr(exact, component) for component in COMPONENTS) == exact.total
    assert (said["basis"], said["free_reason"]) == (exact.basis, exact.free_reason)
    unknowable = {"code_execution", "aborted_stream"}  # the usage does not say these
    assert set(exact.incomplete) - unknowable == set(said["incomplete"]) - unknowable
    check_emitted(exact, watched)
    assert watched.total("claude.client.cost.uncached") == pytest.approx(
        float(exact.uncached), abs=NEAR, rel=0
    )


@pytest.mark.parametrize("name", SCENARIOS)
def test_streamed_and_not_cost_the_same(
    name: str, client: Any, ask: Any, watched: Any, caught: Caught
) -> None:
    scenario, more = SCENARIOS[name]
    beta = any(word in name for word in BETA)
    fixed = (
        scenario if "usage=" in scenario or "refusal" in scenario else f"{scenario};text=So be it"
    )
    for mode in ("plain", "helper", "events"):
        run(client, ask(fixed.strip(";").replace(" ", "%20"), **more), mode, beta=beta)
    totals = {cost.input + cost.cache_read + cost.cache_write + cost.server_tools
              for cost in caught if isinstance(cost, Cost)}  # fmt: skip
    assert len(caught) == 3
    assert len(totals) == 1


def test_real_cache_write_and_read(client: Any, ask: Any, watched: Any, caught: Caught) -> None:
    block = {
        "type": "text",
        "text": "word " * 3000,
        "cache_control": {"type": "ephemeral", "ttl": "1h"},
    }
    for mode in ("plain", "helper", "events"):
        watched.clear()
        message = run(client, ask(system=[block]), mode, beta=False)
        exact = caught[-1]
        assert isinstance(exact, Cost)
        assert Decimal(priced(message)["total"]) == exact.total
        assert watched.attributes["claude.cost.total"] == float(exact.total)
        assert (exact.cache_write if mode == "plain" else exact.cache_read) > 0
    emitted = sum(p.value for p in watched.metrics()["claude.client.cost"])
    total = sum((c.total for c in caught if isinstance(c, Cost)), Decimal(0))
    assert emitted == pytest.approx(float(total), abs=NEAR, rel=0)


@pytest.mark.parametrize("model", ["claude-opus-9", "claude-sonnet-5-6"])
def test_unknown_model_has_no_cost_anywhere(
    model: str, client: Any, ask: Any, watched: Any
) -> None:
    message = run(client, ask(model=model), "plain", beta=False)
    assert "claude.cost.total" not in watched.attributes
    assert "claude.client.cost" not in watched.metrics()
    assert watched.total("claude.client.cost.unpriced") == 1
    answer = CliRunner().invoke(APP, [json.dumps(message), "--json"])
    assert answer.exit_code == 1
    reason = watched.attributes["claude.cost.unavailable_reason"]
    assert json.loads(answer.output)["unavailable_reason"] == reason


@pytest.mark.parametrize("free", [False, True])
def test_a_container_is_incomplete_unless_the_request_makes_it_free(
    free: bool, client: Any, ask: Any, watched: Any
) -> None:
    tool = {"type": "web_search_20260209", "name": "web_search"}
    asked = ask("container", tools=[tool]) if free else ask("container")
    message = run(client, asked, "plain", beta=False)
    said = () if free else ("code_execution",)
    assert watched.attributes.get("claude.cost.incomplete", ()) == said
    # The answer alone does not say what the request had.
    assert priced(message)["incomplete"] == ["code_execution"]


def test_batch_span_counters_and_command_agree(
    client: Any, ask: Any, watched: Any, caught: Caught
) -> None:
    items = [
        {"custom_id": "a", "params": ask()},
        {"custom_id": "b", "params": ask(model="claude-opus-5-5", inference_geo="us")},
        {"custom_id": "c-errored", "params": ask()},
    ]
    made = client.messages.batches.create(
        requests=items, extra_headers={"x-emulator-scenario": "polls=0"}
    )
    lines = [line.to_dict(mode="json") for line in client.messages.batches.results(made.id)]
    exact = [found for found in caught if isinstance(found, Cost)]
    said = [priced(line) for line in lines if line["result"]["type"] == "succeeded"]
    assert [Decimal(one["total"]) for one in said] == [one.total for one in exact]
    assert len(exact) == 2
    for line, one in zip(lines[-2:], exact, strict=True):
        message = line["result"]["message"]
        full = cost({**message["usage"], "service_tier": "standard"}, message["model"])
        assert isinstance(full, Cost)
        assert one.total * 2 == full.total
    total = sum((one.total for one in exact), Decimal(0))
    (span,) = [s for s in watched.spans if "claude.cost.total" in s.attributes]
    assert span.attributes["claude.cost.total"] == float(total)
    counted = watched.total("claude.client.cost")
    assert counted == pytest.approx(float(total), abs=NEAR, rel=0)
