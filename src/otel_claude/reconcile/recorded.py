"""Reads exported calls: the JSON lines of `log_calls`, and OTLP spans as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from otel_claude.reconcile import otlp
from otel_claude.reconcile.facts import (
    COMPONENTS,
    TOKENS,
    Inference,
    RecordedCall,
    Recording,
    seconds_of,
)

_Facts = Mapping[str, Any]

_MONEY: Final = tuple(name for name in COMPONENTS if name != "server_tools")
_REFUSED: Final = "refusal_before_output"
_INFERENCES: Final = ("chat", "text_completion", "batch")
_ELSEWHERE: Final = ("billed_elsewhere", "foundry_deployment")


def read(lines: Iterable[str]) -> Recording:
    """The calls in a file, each once, whatever the order and however often it was exported.

    Lines of both kinds may be mixed; anything else is counted and passed over. A line may have a
    prefix before its JSON, as loggers write them.
    """
    found = Recording()
    known: set[str] = set()
    for line in lines:
        facts = _parse(line)
        if facts is None:
            found.skipped += bool(line.strip())
            continue
        spans = otlp.calls(facts)
        for said in [facts] if spans is None and "operation" in facts else spans or ():
            _take(said, found, known)
        if spans is None and "operation" not in facts:
            found.skipped += 1
    return found


def _parse(line: str) -> dict[str, Any] | None:
    start = line.find("{")
    if start < 0:
        return None
    try:
        value = json.loads(line[start:], parse_float=Decimal)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _take(said: _Facts, found: Recording, known: set[str]) -> None:
    if said.get("operation") == "batch" and not (said.get("inferences") or "custom_id" in said):
        if results := count(said, "batch_counted"):
            found.batch_results += results
            found.batch_usd += money(said.get("cost_usd")) or Decimal(0)
        return
    if said.get("operation") not in _INFERENCES:
        return
    call = call_of(said)
    if call is None:
        found.unbilled += 1
    elif call.id in known:
        found.duplicates += 1
    else:
        known.add(call.id)
        found.calls.append(call)


def call_of(said: _Facts) -> RecordedCall | None:
    """A call from the fields of its log line; None where nothing was answered, so nothing billed.

    Fields that this version of the line does not have may be missing: then `detailed` is False.
    """
    model, time = said.get("model"), said.get("time")
    if said.get("operation") == "batch":
        model, said = model or "(batch)", {"service_tier": "batch", "provider": "anthropic", **said}
    if not isinstance(model, str) or not isinstance(time, str):
        return None
    usd, unavailable = money(said.get("cost_usd")), said.get("cost_unavailable")
    if usd is None and unavailable is None and not _answered(said):
        return None
    incomplete = tuple(str(reason) for reason in said.get("cost_incomplete") or ())
    written = count(said, "cache_write_tokens")
    long = said.get("cache_write_1h_tokens")
    detailed = "provider" in said
    inferences = tuple(_inferences(said, model))
    return RecordedCall(
        id=f"{said.get('request_id') or said.get('batch_id') or time}/{said.get('custom_id', '')}",
        # Results are billed with their batch, whenever they are read.
        time=seconds_of(str(said.get("batch_created") or time)),
        model=model,
        inferences=inferences,
        usd=usd,
        searches=count(said, "web_searches"),
        searches_usd=money(said.get("cost_server_tools_usd")),
        workspace=said.get("workspace_id"),
        tier=said.get("service_tier"),
        speed=said.get("speed"),
        geo=said.get("inference_geo"),
        detailed=detailed,
        output_known="output_tokens" in said or said.get("operation") == "batch",
        split_known=("missing_ttl_split" not in incomplete)
        and (bool(said.get("inferences")) or not written or long is not None or detailed),
        incomplete=incomplete,
        unavailable=unavailable,
        basis=said.get("cost_basis"),
        elsewhere=_elsewhere(said, incomplete),
    )


def _answered(said: _Facts) -> bool:
    """Whether tokens were reported, or a success without any."""
    if "input_tokens" in said or "output_tokens" in said:
        return True
    return said.get("outcome") not in ("failed", "rejected") and said.get("status") == 200


def _elsewhere(said: _Facts, incomplete: tuple[str, ...]) -> str | None:
    provider = said.get("provider", "anthropic")
    if provider != "anthropic":
        return str(provider)
    if str(said.get("server_address", "")).endswith(".azure.com"):
        return "foundry"
    return next((reason for reason in _ELSEWHERE if reason in incomplete), None)


def _inferences(said: _Facts, model: str) -> Iterator[Inference]:
    for entry in said.get("inferences") or ():
        tokens, usd = entry.get("tokens") or {}, entry.get("cost_usd")
        yield Inference(
            str(entry.get("model") or model),
            {name: count(tokens, name) for name in TOKENS},
            None if usd is None else {name: money(usd.get(name)) or Decimal(0) for name in _MONEY},
            free=bool(entry.get("free")),
            requests=entry.get("requests"),
        )
    if not said.get("inferences") and ("input_tokens" in said or "output_tokens" in said):
        yield _whole(said, model)


def _whole(said: _Facts, model: str) -> Inference:
    """The only inference of a call. `input_tokens` of a line is the whole prompt."""
    read, written = count(said, "cache_read_tokens"), count(said, "cache_write_tokens")
    long = min(count(said, "cache_write_1h_tokens"), written)
    tokens = {
        "input": max(0, count(said, "input_tokens") - read - written),
        "cache_read": read,
        "cache_write_5m": written - long,
        "cache_write_1h": long,
        "output": count(said, "output_tokens"),
    }
    # Tokens that cost nothing: a refusal, where the line is too old to say why.
    free = said.get("cost_free_reason", _REFUSED) == _REFUSED and money(said.get("cost_usd")) == 0
    return Inference(model, tokens, _parts(said), free=free)


def _parts(said: _Facts) -> dict[str, Decimal] | None:
    """Cost by component; None where none is said. Components of zero are left out of spans."""
    parts = {name: money(said.get(f"cost_{name}_usd")) for name in COMPONENTS}
    if not any(parts.values()) and money(said.get("cost_usd")) != 0:
        return None
    return {name: parts[name] or Decimal(0) for name in _MONEY}


def count(said: _Facts, name: str) -> int:
    """A field as a count; 0 where it is not one."""
    value = said.get(name)
    return value if isinstance(value, int) and value >= 0 else 0


def money(value: object) -> Decimal | None:
    """A field as an amount; None where it is not one. Doubles are taken by their shortest text."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            return Decimal(str(value))
        except ArithmeticError:
            return None
    return None
