"""What a comparison cannot cover, by name: what only one side can know, and why."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_claude.pricing.reasons import INCOMPLETE, UNPRICED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_claude.reconcile.compare import Compared, Finding
    from otel_claude.reconcile.facts import Bill, RecordedCall, Recording


class Outside(NamedTuple):
    """Something that is not compared.

    Attributes:
        name: a stable word for it.
        note: what it is, for people.
        calls: recorded calls that it touches; 0 where none or not known.
        tokens: tokens that it is about.
        usd: what the bill has for it, or what was recorded, where only that is known.
    """

    name: str
    note: str
    calls: int = 0
    tokens: int = 0
    usd: Decimal | None = None


_FEES: Final = {
    "code_execution": "container hours: billed per organization, in no response",
    "session_usage": "session time of Claude Managed Agents: in no response",
}
_ELSEWHERE: Final = {
    "aws.bedrock": "Amazon Bedrock sends its own bill",
    "gcp.vertex_ai": "Google Vertex AI sends its own bill",
    "foundry": "Microsoft Foundry sends its own bill",
    "foundry_deployment": "Microsoft Foundry sends its own bill",
    "billed_elsewhere": "another organization pays for these calls",
}


def fees(bill: Bill) -> Iterator[Outside]:
    """What is billed by other measures than tokens and searches."""
    for kind, usd in sorted(bill.fees.items()):
        yield Outside(kind, _FEES.get(kind, "billed by another measure than tokens"), usd=usd)


def batches(recording: Recording) -> Iterator[Outside]:
    """Results of batches whose spans do not say the models: on the bill they stand by model."""
    if recording.batch_results:
        note = (
            "results of batches: their spans have a total, but no models (use lines of log_calls)"
        )
        yield Outside("batch_results", note, recording.batch_results, usd=recording.batch_usd)


def elsewhere(calls: Iterable[RecordedCall]) -> Iterator[Outside]:
    """Calls that are on somebody else's bill."""
    sums: dict[str, list[Decimal]] = defaultdict(list)
    for call in calls:
        sums[call.elsewhere or ""].append(call.usd or Decimal(0))
    for who, amounts in sorted(sums.items()):
        note = _ELSEWHERE.get(who, "another platform sends its own bill")
        yield Outside(who, note, len(amounts), usd=sum(amounts, Decimal(0)))


def doubts(calls: Iterable[RecordedCall]) -> Iterator[Outside]:
    """Calls whose recorded cost is incomplete, and calls that have none."""
    found: dict[str, int] = defaultdict(int)
    unpriced: dict[tuple[str, str], int] = defaultdict(int)
    for call in calls:
        for reason in call.incomplete:
            found[reason] += 1
        if call.unavailable:
            unpriced[call.unavailable, call.model] += 1
    for reason, number in sorted(found.items()):
        yield Outside(f"incomplete: {reason}", INCOMPLETE.get(reason, "an own reason"), number)
    for (reason, model), number in sorted(unpriced.items()):
        note = f"{model}: {UNPRICED.get(reason, reason)}"
        yield Outside(f"unpriced: {reason}", note, number)


def unseen(cells: Iterable[Compared]) -> Iterator[Outside]:
    """What the bill has and the recorded side says that it cannot know."""
    cells = list(cells)
    tokens = sum(n for cell in cells for name, n in cell.unseen.items() if name != "requests")
    usd = sum((cell.unseen_usd for cell in cells), Decimal(0))
    if tokens or usd:
        note = "output of interrupted streams, which the client was never told: on the bill only"
        yield Outside("aborted_stream", note, tokens=tokens, usd=usd)
    usd = sum((cell.unpriced_usd for cell in cells), Decimal(0))
    if usd:
        note = "what the bill has for calls that have no price here"
        yield Outside("unpriced", note, usd=usd)
    commitment = [cell for cell in cells if cell.commitment]
    if commitment:
        calls = sum(cell.recorded.counts.get("requests", 0) for cell in commitment)
        names = ("requests", "web_searches")
        counts = (c.billed.counts.items() for c in commitment)
        tokens = sum(n for pairs in counts for name, n in pairs if name not in names)
        note = "billed by commitment and not in the cost report: only tokens are compared"
        yield Outside("priority_tier", note, calls, tokens)


def strangers(
    bill: Bill, others: Iterable[Compared], findings: Iterable[Finding]
) -> Iterator[Outside]:
    """Usage of others: other workspaces, other products, other applications on the key."""
    others = list(others)
    if others:
        requests = sum(cell.billed.counts.get("requests", 0) for cell in others)
        names = sorted({str(cell.key.workspace) for cell in others})
        usd = sum((cell.billed.total for cell in others), Decimal(0))
        note = (
            f"{requests} requests in workspaces of which no call was recorded: {', '.join(names)}"
        )
        yield Outside("other_workspaces", note, usd=usd)
    for (product, key), usd in sorted(bill.parties.items()):
        if product not in ("messages_api", "message_batches_api"):
            note = (
                f"on the bill by key {key}: part of the figures above, if not left out by a filter"
            )
            yield Outside(f"product: {product}", note, usd=usd)
    missing = sum(f.counts.get("requests", 0) for f in findings if f.kind == "only_on_bill")
    if missing:
        note = (
            f"{missing} requests are only on the bill: of other applications on the key, of processes "
            "without otel-claude, or with telemetry that was sampled away or lost"
        )
        yield Outside("other_applications", note)
