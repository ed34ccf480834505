"""Calls through the emulator, exported as log lines and as OTLP, and the command over both."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import anthropic
import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from otel_claude.emit import lines
from otel_claude.pricing import Cost, Unpriced
from otel_claude.pricing.result import TOKEN_TYPES
from otel_claude.reconcile.otlp import INFERENCES
from otel_claude.testing import Emulator

pytest.importorskip("typer")
pytest.importorskip("rich")

json_format = pytest.importorskip("google.protobuf.json_format")

ADMIN = "sk-ant-admin01-test"
_line_of = lines.line_of


def inferences_of(bill: Any) -> list[dict[str, Any]] | None:
    """The inferences of a call, where there is more than one: as log lines are to have them."""
    cost = bill.cost
    if type(cost) is Cost and len(cost.groups) > 1:
        return [
            {
                "model": group.model,
                "kind": group.kind,
                "tokens": group.tokens,
                "cost_usd": group.cost_usd,
                "free": group.free_reason is not None,
            }
            for group in cost.groups
        ]
    if type(cost) is Unpriced and len(cost.groups) > 1:
        names = dict(zip(TOKEN_TYPES, TOKEN_TYPES, strict=True))
        return [
            {
                "model": group.model,
                "kind": group.kind,
                "tokens": {name: getattr(group, field) for name, field in names.items()},
            }
            for group in cost.groups
        ]
    return None


def full_line(call: Any, bill: Any) -> dict[str, Any]:
    """The line of a call with every field that `reconcile` can use."""
    cost, usage = bill.cost, call.usage
    facts = {
        **_line_of(call, bill),
        "cache_read_tokens": bill.cache_read,
        "cache_write_tokens": bill.cache_write,
        "cache_write_1h_tokens": usage.ephemeral_1h_input_tokens,
        "provider": call.endpoint.provider,
        "server_address": call.endpoint.address,
        "workspace_id": call.response_headers.get("anthropic-workspace-id"),
        "service_tier": usage.service_tier,
        "speed": usage.speed,
        "inference_geo": usage.inference_geo,
        "web_searches": usage.web_search_requests,
        "inferences": inferences_of(bill),
    }
    if type(cost) is Cost:
        for name in ("input", "output", "cache_read", "cache_write", "server_tools"):
            facts[f"cost_{name}_usd"] = getattr(cost, f"{name}_usd")
        facts |= {
            "cost_basis": cost.basis,
            "price_book": cost.price_book,
            "cost_free_reason": cost.free_reason,
        }
    elif type(cost) is Unpriced:
        facts["cost_unavailable"] = cost.reason
    return facts


class Exported:
    """The calls of a test, in every form that `reconcile` reads."""

    def __init__(self, telemetry: Any, caplog: Any, folder: Path) -> None:
        self._telemetry = telemetry
        self._caplog = caplog
        self._folder = folder
        self.inferences: dict[str, str] = {}

    def lines(self) -> Path:
        """The JSON lines of `log_calls`."""
        path = self._folder / "calls.jsonl"
        records = [r for r in self._caplog.records if r.name == "otel_claude.calls"]
        path.write_text("".join(f"{record.getMessage()}\n" for record in records))
        return path

    def otlp(self) -> Path:
        """What the file exporter of the Collector writes."""
        path = self._folder / "spans.jsonl"
        with path.open("w") as file:
            for span in self._telemetry.spans:
                request = json_format.MessageToDict(encode_spans([span]))
                for group in request["resourceSpans"]:
                    for made in group["scopeSpans"][0]["spans"]:
                        self._complete(made)
                file.write(json.dumps(request) + "\n")
        return path

    def _complete(self, span: dict[str, Any]) -> None:
        """Add the attribute that spans are to have where there are several inferences."""
        said = {pair["key"]: pair["value"].get("stringValue") for pair in span["attributes"]}
        text = self.inferences.get(str(said.get("anthropic.request.id")))
        if text and INFERENCES not in said:
            span["attributes"].append({"key": INFERENCES, "value": {"stringValue": text}})


@pytest.fixture
def exported(
    telemetry: Any, caplog: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Exported:
    """Instrumented, with log lines on."""
    made = Exported(telemetry, caplog, tmp_path)

    def keep(call: Any, bill: Any) -> dict[str, Any]:
        facts = full_line(call, bill)
        if facts["inferences"]:
            made.inferences[str(facts["request_id"])] = json.dumps(facts["inferences"])
        return facts

    monkeypatch.setattr(lines, "line_of", keep)
    caplog.set_level(logging.INFO, "otel_claude.calls")
    telemetry.instrument(log_calls=True)
    return made


@pytest.fixture
def say(client: Any, ask: Any) -> Any:
    """Make a call; failures are part of the game."""

    def call(scenario: str = "", *, stream: bool = False, **more: Any) -> None:
        messages = client.with_options(max_retries=0).beta.messages
        arguments = ask(scenario, **more)
        try:
            if stream:
                with messages.stream(**arguments) as events:
                    for _ in events:
                        pass
            else:
                messages.create(**arguments)
        except anthropic.APIError:
            pass

    return call


@pytest.fixture
def command(api: Emulator, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run `otel-claude reconcile` against the emulator."""
    from typer.testing import CliRunner

    from otel_claude.cli.app import app

    monkeypatch.setenv("ANTHROPIC_BASE_URL", api.url)
    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", ADMIN)
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)

    def run(*arguments: Any, code: int = 0) -> Any:
        answer = CliRunner().invoke(app, ["reconcile", *map(str, arguments)])
        assert answer.exit_code == code, answer.output
        return json.loads(answer.stdout) if "--json" in arguments else answer.output

    return run
