"""`otel-claude price`: what a call costs and why, from its usage or from plain counts."""

from __future__ import annotations

import json
import sys
from datetime import date, datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from otel_claude.pricing import Cost, PriceFileError, Prices, Unpriced, cost
from otel_claude.pricing.documents import dump_book
from otel_claude.pricing.reasons import CODE_EXECUTION, FREE, INCOMPLETE, UNPRICED

if TYPE_CHECKING:
    from decimal import Decimal

    from otel_claude.pricing.book import Card

_COUNTS = "Tokens given one by one"


def price(  # noqa: PLR0913 - these are the command's options
    usage: Annotated[
        str | None,
        typer.Argument(help="Usage or message as JSON: a file, - for stdin, or the JSON itself."),
    ] = None,
    *,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Model id.")] = None,
    request_model: Annotated[
        str | None, typer.Option(help="Model that was asked for, where it says the region.")
    ] = None,
    platform: Annotated[str, typer.Option(help="anthropic, bedrock, vertex, ...")] = "anthropic",
    region: Annotated[str | None, typer.Option(help="Region of Vertex AI.")] = None,
    at: Annotated[str | None, typer.Option(help="Date or time (ISO, UTC) of the call.")] = None,
    batch: Annotated[bool, typer.Option("--batch", help="A result of a Message Batch.")] = False,
    prices: Annotated[Path | None, typer.Option(help="File with your own prices.")] = None,
    input_tokens: Annotated[int, typer.Option("--input", min=0, rich_help_panel=_COUNTS)] = 0,
    output_tokens: Annotated[int, typer.Option("--output", min=0, rich_help_panel=_COUNTS)] = 0,
    cache_read: Annotated[int, typer.Option(min=0, rich_help_panel=_COUNTS)] = 0,
    cache_write_5m: Annotated[int, typer.Option(min=0, rich_help_panel=_COUNTS)] = 0,
    cache_write_1h: Annotated[int, typer.Option(min=0, rich_help_panel=_COUNTS)] = 0,
    web_searches: Annotated[int, typer.Option(min=0, rich_help_panel=_COUNTS)] = 0,
    speed: Annotated[str | None, typer.Option(rich_help_panel=_COUNTS)] = None,
    geo: Annotated[str | None, typer.Option(rich_help_panel=_COUNTS)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    list_book: Annotated[bool, typer.Option("--list", help="Print the price book.")] = False,
) -> None:
    """Price one call, with the arithmetic shown; or print the price book."""
    book = _load(prices)
    if list_book:
        _print_book(book, as_json=as_json)
        return
    if usage is None:
        said: dict[str, Any] = {
            "usage": {
                "input_tokens": input_tokens,
                "output_tokens": output_tokens,
                "cache_read_input_tokens": cache_read,
                "cache_creation_input_tokens": cache_write_5m + cache_write_1h,
                "cache_creation": {
                    "ephemeral_5m_input_tokens": cache_write_5m,
                    "ephemeral_1h_input_tokens": cache_write_1h,
                },
                "server_tool_use": {"web_search_requests": web_searches},
                "speed": speed,
                "inference_geo": geo,
            }
        }
    else:
        said = _message(_read(usage))
    if not (model or request_model or said.get("model")):
        raise typer.BadParameter("the usage names no model: give one", param_hint="--model")
    details = said.get("stop_details")
    result = cost(
        said.get("usage"),
        model or said.get("model"),
        request_model=request_model,
        platform=_platform(platform),
        region=region,
        at=_moment(at),
        batch=batch or bool(said.get("batch")),
        stop_reason=said.get("stop_reason"),
        refusal_category=details.get("category") if isinstance(details, dict) else None,
        declined=_declined(said.get("content")),
        incomplete=(CODE_EXECUTION,) if said.get("container") else (),
        prices=book,
    )
    if isinstance(result, Unpriced):
        _print_unpriced(result, as_json=as_json)
        raise typer.Exit(1)
    if as_json:
        typer.echo(json.dumps(_as_json(result), indent=2))
    else:
        _print_cost(result)


def _load(path: Path | None) -> Prices | None:
    if path is None:
        return None
    try:
        return Prices.load(path)
    except PriceFileError as error:
        raise typer.BadParameter(str(error), param_hint="--prices") from error


def _read(usage: str) -> dict[str, Any]:
    try:
        if usage == "-":
            content = sys.stdin.read()
        elif usage.lstrip().startswith("{"):
            content = usage
        else:
            content = Path(usage).read_text(encoding="utf-8")
        value = json.loads(content)
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"not readable as JSON: {error}", param_hint="USAGE") from error
    if not isinstance(value, dict):
        raise typer.BadParameter("must be a JSON object", param_hint="USAGE")
    return value


def _message(value: dict[str, Any]) -> dict[str, Any]:
    """The message in a bare usage, a message, or one line of batch results."""
    result = value.get("result")
    if isinstance(result, dict) and isinstance(result.get("message"), dict):
        return {**result["message"], "batch": True}
    return value if "usage" in value else {"usage": value}


def _declined(content: object) -> list[str | None]:
    blocks = content if isinstance(content, list) else []
    triggers = [
        block.get("trigger")
        for block in blocks
        if isinstance(block, dict) and block.get("type") == "fallback"
    ]
    return [trigger.get("category") if isinstance(trigger, dict) else None for trigger in triggers]


def _platform(name: str) -> str:
    from otel_claude.pricing.overrides import PLATFORMS

    if name.lower() not in PLATFORMS:
        known = ", ".join(PLATFORMS)
        raise typer.BadParameter(f"unknown platform; known are {known}", param_hint="--platform")
    return name.lower()


def _moment(at: str | None) -> float | None:
    if at is None:
        return None
    try:
        moment = datetime.fromisoformat(at.removesuffix("Z"))
    except ValueError as error:
        raise typer.BadParameter("give a date as 2026-11-21", param_hint="--at") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def _print_unpriced(result: Unpriced, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"unavailable_reason": result.reason, "model": result.model}))
    else:
        why = f"{result.reason}: {UNPRICED[result.reason]}"
        typer.echo(f"No price for {result.model or 'this call'} ({why}).", err=True)


def _as_json(result: Cost) -> dict[str, Any]:
    names = ("total", "input", "output", "cache_read", "cache_write", "server_tools", "uncached")
    return {
        "model": result.model,
        "currency": "USD",
        **{name: _plain(getattr(result, name)) for name in names},
        "basis": result.basis,
        "price_book": result.price_book,
        "incomplete": list(result.incomplete),
        "free_reason": result.free_reason,
        "lines": [
            {
                "model": line.model,
                "kind": line.kind,
                "component": line.component,
                "count": line.quantity,
                "rate": _plain(line.rate),
                "card": line.card,
                "multipliers": [
                    {"factor": _plain(factor), "reason": reason}
                    for factor, reason in line.multipliers
                ],
                "amount": _plain(line.amount),
            }
            for line in result.explain()
        ],
    }


def _print_cost(result: Cost) -> None:
    table = Table(title=f"{result.model}, price book {result.price_book}, {result.basis}")
    for name in ("inference", "component", "card"):
        table.add_column(name)
    for name in ("count", "USD per MTok"):
        table.add_column(name, justify="right")
    table.add_column("multipliers")
    table.add_column("USD", justify="right")
    for line in result.explain():
        search = line.component == "web_search"
        table.add_row(
            line.kind if line.model == result.model else f"{line.kind} ({line.model})",
            line.component,
            "" if search else line.card,
            f"{line.quantity:,}",
            f"{_plain(line.rate)} each" if search else _plain(line.rate),
            "\n".join(f"x {_plain(factor)} {reason}" for factor, reason in line.multipliers),
            _plain(line.amount),
        )
    table.add_section()
    table.add_row("total", "", "", "", "", "", _plain(result.total), style="bold")
    console = _console()
    console.print(table)
    if result.uncached != result.total:
        console.print(f"Without caching: {_plain(result.uncached)} USD")
    if result.free_reason:
        console.print(f"Free: {FREE[result.free_reason]}")
    for reason in result.incomplete:
        console.print(f"Incomplete ({reason}): {INCOMPLETE.get(reason, 'as you said')}")


def _print_book(prices: Prices | None, *, as_json: bool) -> None:
    prices = prices or Prices()
    if as_json:
        book = prices.book
        from otel_claude.pricing.book import Book

        own = Book(book.version, prices.models(), book.refusals, book.web_search)
        typer.echo(json.dumps(dump_book(own), indent=2))
        return
    table = Table(title=f"Price book {prices.version}, USD per million tokens")
    table.add_column("model", no_wrap=True)
    table.add_column("card")
    for name in ("input", "write 5m", "write 1h", "read", "output", "window", "retires"):
        table.add_column(name, justify="right")
    for model in prices.models():
        window = f"{model.window:,}" if model.window else ""
        table.add_row(model.name, "", *_rates(model.rates), window, model.retires or "")
        for card in model.earlier:
            table.add_row("", f"until {card.until}", *_rates(card))
        if model.long:
            table.add_row(
                "", f"> {model.long.above:,}{_until(model.long.card)}", *_rates(model.long.card)
            )
        if model.fast:
            table.add_row("", f"fast{_until(model.fast)}", *_rates(model.fast))
    _console().print(table)


def _until(card: Card) -> str:
    if card.until is None:
        return ""
    past = date.fromisoformat(card.until) <= datetime.now(timezone.utc).date()
    return f", {'ended' if past else 'until'} {card.until}"


def _rates(card: Card) -> tuple[str, ...]:
    return card[:5]


def _plain(value: Decimal) -> str:
    return f"{value:f}"


def _console() -> Console:
    # A pipe has no width: do not fold its lines.
    return Console() if sys.stdout.isatty() else Console(width=160)
