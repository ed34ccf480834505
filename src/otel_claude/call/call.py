"""`Call`: one invocation of an SDK method, with its retries and the reading of its stream."""

from __future__ import annotations

import threading
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from otel_claude import _faults
from otel_claude.call import garbage
from otel_claude.call.fork import generation
from otel_claude.call.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Literal, Protocol

    from otel_claude._attribution import Attribution
    from otel_claude.call.batch import Tally
    from otel_claude.call.content import Content
    from otel_claude.call.errors import Failure
    from otel_claude.call.run import Run

    Outcome = Literal["completed", "failed", "cancelled", "abandoned", "truncated", "rejected"]
    Operation = Literal[
        "chat", "text_completion", "count_tokens", "batch", "batch_retrieve", "session"
    ]
    Platform = Literal[
        "anthropic", "bedrock", "bedrock_mantle", "vertex", "foundry", "aws", "google_cloud"
    ]

    class Observer(Protocol):
        """Something that is told of every call."""

        def listening(self) -> bool:
            """Whether it wants to be told. Where nobody listens, calls are not watched at all."""

        def before(self, call: Call) -> None:
            """Called before anything is sent."""

        def after(self, call: Call) -> None:
            """Called once, when the call has ended."""

    class Gate(Observer, Protocol):
        """An observer that may refuse a call, and may have to wait until it knows."""

        def admit(self, call: Call) -> None:
            """Let a call pass that every observer has been told of.

            Raises:
                Refused: it must not be made.
            """

        async def admit_async(self, call: Call) -> None:
            """`admit` for a call on an event loop, which must not be blocked."""


_WORKSPACE = "anthropic-workspace-id"
_NO_HEADERS: Mapping[bytes, bytes] = MappingProxyType({})


class Endpoint:
    """Where a client sends its calls. One per client, made once.

    `workspace` is the one that its last answer named.
    """

    __slots__ = ("address", "platform", "port", "provider", "region", "workspace")

    def __init__(
        self,
        platform: Platform,
        provider: str,
        address: str | None,
        port: int | None,
        region: str | None,
    ) -> None:
        self.platform = platform
        self.provider = provider
        self.address = address
        self.port = port
        self.region = region
        self.workspace: str | None = None


class Call:
    """What is known of one call, filled in by `capture` and read by observers.

    Times: `started_at` is POSIX nanoseconds; `started`, `first_event`, `first_token` and `ended`
    are nanoseconds of `time.perf_counter_ns`, None until they happened.
    `request` holds the request's plain fields under the API's names (model parameters, counts),
    never content. `span`, `context` and `captured` belong to the observer that traces, `counted` to
    the one that counts; `by_events` says that the SDK's own stream reads the response; `headers` is what observers want sent with the request, and a list in `chunk_times`
    asks for the time of every event. `adopts` says that the span will be one that the SDK makes;
    `describe` writes on it before the SDK ends it, when the answer has been read: `answered`. `tracer_provider`,
    `conversation_id` and `propagates` (trace context to the API) are what the client was given. `run` is the tool runner's loop that makes the call, if one does.
    `response_headers` are those that say who was asked, `raw_headers`
    are all of the last answer.
    `hops` are the answers to the attempts that succeeded, where a middleware may make several.
    `judged` says that the answer will be evaluated.
    `content` is what was said, for observers that asked for it; None where none did.
    `body` is the request's body, content included, while gates look at it, and `reserved` what one of
    them holds for the call.
    `tally` sums up the results of a batch that the call reads, each a call whose `whole` this is.
    """

    __slots__ = (
        "_generation",
        "_observers",
        "_once",
        "adopts",
        "answered",
        "attribution",
        "batch_created",
        "batch_id",
        "body",
        "body_size",
        "by_events",
        "cache_miss_reason",
        "cache_missed_tokens",
        "captured",
        "chunk_times",
        "compacted",
        "container_used",
        "content",
        "context",
        "conversation_id",
        "counted",
        "counted_input_tokens",
        "custom_id",
        "declined",
        "describe",
        "ended",
        "endpoint",
        "events",
        "failure",
        "first_event",
        "first_token",
        "has_output",
        "headers",
        "hops",
        "judged",
        "model",
        "operation",
        "outcome",
        "propagates",
        "raw_headers",
        "request",
        "reserved",
        "response_headers",
        "response_id",
        "response_model",
        "retried_errors",
        "run",
        "span",
        "started",
        "started_at",
        "status",
        "stop_category",
        "stop_reason",
        "stream",
        "tally",
        "tracer_provider",
        "usage",
        "whole",
    )

    def __init__(  # noqa: PLR0915 - one line per fact: this is where they all begin
        self,
        operation: Operation,
        endpoint: Endpoint,
        model: str | None,
        observers: Sequence[Observer],
    ) -> None:
        self._observers = observers
        self._once = threading.Lock()
        self._generation = generation()
        self.operation: Operation = operation
        self.endpoint = endpoint
        self.model = model
        self.stream = False
        self.request: dict[str, Any] = {}
        self.attribution: Attribution | None = None
        self.started_at = time.time_ns()
        self.started = time.perf_counter_ns()
        self.first_event: int | None = None
        self.first_token: int | None = None
        self.ended: int | None = None
        self.events = 0
        self.by_events = False
        self.chunk_times: list[int] | None = None
        self.retried_errors: list[str] = []
        self.status: int | None = None
        self.body_size: int | None = None
        self.response_headers: dict[str, str] = {}
        self.raw_headers: Mapping[bytes, bytes] = _NO_HEADERS
        self.response_id: str | None = None
        self.response_model: str | None = None
        self.stop_reason: str | None = None
        self.stop_category: str | None = None
        self.usage = Usage()
        self.has_output = False
        self.compacted = False
        self.container_used = False
        self.declined: list[str | None] = []
        self.cache_miss_reason: str | None = None
        self.cache_missed_tokens: int | None = None
        self.counted_input_tokens: int | None = None
        self.outcome: Outcome | None = None
        self.failure: Failure | None = None
        self.span: Any = None
        self.context: Any = None
        self.captured: Any = None
        self.headers: dict[str, str] = {}
        self.counted = False
        self.run: Run | None = None
        self.body: Mapping[str, Any] | None = None
        self.reserved: Any = None
        self.batch_id: str | None = None
        self.batch_created: float | None = None
        self.custom_id: str | None = None
        self.hops: list[Mapping[str, Any]] = []
        self.tally: Tally | None = None
        self.whole: Call | None = None
        self.content: Content | None = None
        self.judged = False
        self.adopts = False
        self.answered = False
        self.describe: Callable[[Call], None] | None = None
        self.tracer_provider: Any = None
        self.propagates = True
        self.conversation_id: str | None = None

    def begin(self) -> None:
        """Tell every observer, before anything is sent."""
        for observer in self._observers:
            try:
                observer.before(self)
            except Exception:
                _faults.report(f"{type(observer).__name__}.before")

    def want_content(self) -> None:
        """Keep what is said in this call, in `content`: for observers, in `before`."""
        if self.content is None:
            from otel_claude.call.content import Content

            self.content = Content()

    def part(self) -> Call:
        """A result within this call, with tokens and cost of its own: one result of a batch."""
        part = Call(self.operation, self.endpoint, None, self._observers)
        part.whole = self
        if self.content is not None:
            part.want_content()
        part.judged = self.judged
        part.batch_id = self.batch_id
        part.attribution = self.attribution
        part.status = self.status
        part.context = self.context
        if _WORKSPACE in self.response_headers:
            part.response_headers = {_WORKSPACE: self.response_headers[_WORKSPACE]}
        return part

    def finish(self, outcome: Outcome, failure: Failure | None = None) -> None:
        """End the call and tell every observer. Only the first end counts. Never raises.

        Nor does an end count in a process that was forked while the call was under way.
        Streams have several ends that can race: read to the end, closed, dropped, failed.
        """
        if self._generation != generation() or not self._once.acquire(blocking=False):
            return
        self.ended = time.perf_counter_ns()
        self.outcome = outcome
        self.failure = failure
        if not garbage.postpone(self._tell):
            self._tell()

    def _tell(self) -> None:
        """Tell every observer of the end. Never raises."""
        if self._generation != generation():
            return
        if self.run is not None:
            self.run.add(self)
        for observer in self._observers:
            try:
                observer.after(self)
            except Exception:
                _faults.report(f"{type(observer).__name__}.after")

    @property
    def duration(self) -> float:
        """Seconds from start to end; to now where the call has not ended."""
        ended = time.perf_counter_ns() if self.ended is None else self.ended
        return (ended - self.started) / 1e9

    @property
    def time_to_first_event(self) -> float | None:
        """Seconds to the first event of a stream, None where none came."""
        return None if self.first_event is None else (self.first_event - self.started) / 1e9

    @property
    def time_to_first_token(self) -> float | None:
        """Seconds to the first content of a stream, None where none came."""
        return None if self.first_token is None else (self.first_token - self.started) / 1e9

    @property
    def is_inference(self) -> bool:
        """Whether a model answers: everything but token counting and the handling of batches."""
        return self.operation in ("chat", "text_completion")

    @property
    def resolved_model(self) -> str | None:
        """The model that answered, else the one that was asked for."""
        return self.response_model or self.model
