"""What is done at the seams: calls are opened, followed and ended here. Nothing here raises."""

from __future__ import annotations

import sys
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel_context
from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from otel_claude import _faults
from otel_claude.call.call import Call
from otel_claude.call.usage import text
from otel_claude.capture import native, request, response
from otel_claude.capture.endpoint import endpoint_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeGuard

    from otel_claude.call.call import Gate, Observer
    from otel_claude.call.errors import Refused
    from otel_claude.call.run import Run, RunObserver
    from otel_claude.capture.sessions import SessionObserver

Args = tuple[Any, ...]
Kwargs = dict[str, Any]
Tokens = tuple[Token[Call | None] | None, tuple[Any, Any] | None]

current: Final[ContextVar[Call | None]] = ContextVar("otel_claude_call", default=None)
running: Final[ContextVar[Run | None]] = ContextVar("otel_claude_run", default=None)
"""The tool runner's loop, or the tool, that is under way."""


class Watch:
    """Who is told of calls, and whether the SDK's own span of a call is kept and filled in.

    `gates` are those of the observers that may refuse a call. They are asked also where
    instrumentation is suppressed: that is about telemetry, not about permission.
    `run_observers` are told of tool runners and the tools they run, `session_observers` of what
    managed agents use.
    """

    __slots__ = ("adopt", "gates", "observers", "run_observers", "session_observers")

    def __init__(
        self,
        observers: Sequence[Observer],
        *,
        adopt: bool,
        gates: Sequence[Gate] = (),
        run_observers: Sequence[RunObserver] = (),
        session_observers: Sequence[SessionObserver] = (),
    ) -> None:
        self.observers = observers
        self.adopt = adopt
        self.gates = gates
        self.run_observers = run_observers
        self.session_observers = session_observers


def open_call(
    watch: Watch, client: Any, args: Args, kwargs: Kwargs
) -> tuple[Call | None, Args, Kwargs]:
    """Begin a call, if a request is one.

    Returns the call (None: not ours to record) and the arguments to go on with.
    """
    call = None
    try:
        options = args[1] if len(args) > 1 else kwargs["options"]
        operation = request.operation_of(options)
        if operation is None or not _listened(watch, client, options):
            return None, args, kwargs
        observers = watch.observers
        # An empty context suppresses nothing, and is what most programs without a server have.
        suppressed = bool(otel_context.get_current()) and not is_instrumentation_enabled()
        if suppressed:
            observers = watch.gates
            if not watch.adopt:
                args, kwargs = _with_options(args, kwargs, native.without_span(options))
            if not observers:
                return None, args, kwargs
        if operation in request.LOOKED_AT:
            return Call(operation, endpoint_of(client), None, ()), args, kwargs
        body = request.body_of(options)
        call = Call(operation, endpoint_of(client), text(body.get("model")), observers)
        call.stream = kwargs.get("stream") is True or body.get("stream") is True
        call.request = request.request_fields(body, options)
        native.read_client(call, client)
        call.run = running.get()
        call.adopts = watch.adopt and not suppressed and native.traces(client, options)
        if watch.gates:
            call.body = body
        call.begin()
        if call.content is not None:
            call.content.request = body
        return call, *_with_options(args, kwargs, native.with_span_of(call, options))
    except Exception:
        _faults.report("request")
        if call is not None:
            call.finish("abandoned")
        return None, args, kwargs
    except BaseException:  # Ctrl-C
        if call is not None:
            call.finish("cancelled")
        raise


def admit(watch: Watch, call: Call) -> None:
    """Ask the gates.

    Raises:
        Refused: one of them refuses the call, which has ended then.
    """
    try:
        for gate in watch.gates:
            try:
                gate.admit(call)
            except Exception as error:
                _pass_on(error)
    except BaseException as error:
        _not_admitted(call, error)
        raise
    call.body = None


async def admit_async(watch: Watch, call: Call) -> None:
    """`admit` on an event loop."""
    try:
        for gate in watch.gates:
            try:
                await gate.admit_async(call)
            except Exception as error:
                _pass_on(error)
    except BaseException as error:
        _not_admitted(call, error)
        raise
    call.body = None


def _pass_on(error: Exception) -> None:
    """A gate raised: pass its refusal on; anything else is a fault of ours, and no refusal."""
    if _is_refusal(error):
        raise error
    _faults.report("admit")


def _is_refusal(error: BaseException) -> TypeGuard[Refused]:
    # Not imported here, which may fail: whoever raises a refusal has done so.
    errors = sys.modules.get("otel_claude.call.errors")
    return errors is not None and isinstance(error, errors.Refused)


def _not_admitted(call: Call, error: BaseException) -> None:
    """End a call that was refused, or cancelled while it waited."""
    call.body = None
    if not _is_refusal(error):
        call.finish("cancelled")
        return
    try:
        from otel_claude.capture.failure import refusal_of

        call.finish("rejected", refusal_of(error))
    except Exception:
        _faults.report("admit")
        call.finish("rejected")


def _listened(watch: Watch, client: Any, options: Any) -> bool:
    for observer in watch.observers:
        if observer.listening():
            return True
    native.drop_idle_span(client, options)
    return False


def _with_options(args: Args, kwargs: Kwargs, options: Any) -> tuple[Args, Kwargs]:
    if len(args) > 1:
        return (args[0], options, *args[2:]), kwargs
    return args, {**kwargs, "options": options}


def enter(call: Call | None) -> Tokens:
    """Make `call` the current one for the time of the request, and its span current.

    A request that is not recorded, made within one that is (by a middleware, say), hides it.
    """
    if call is None:
        return (None if current.get() is None else current.set(None)), None
    context = call.context
    attached = None if context is None else (context, otel_context.attach(context))
    return current.set(call), attached


def leave(tokens: Tokens) -> None:
    """Undo `enter`."""
    token, attached = tokens
    if token is None and attached is None:
        return
    try:
        # A coroutine may be closed in another context than it began in: there is nothing to undo.
        if attached is not None and otel_context.get_current() is attached[0]:
            otel_context.detach(attached[1])
        if token is not None:
            current.reset(token)
    except ValueError:
        return


def returned(call: Call, result: Any) -> None:
    """Read what `request` returned: the answer, a stream, or a raw response."""
    try:
        how = kind_of(type(result))
        if call.content is not None and how != "value":
            call.content.hold()  # read further when the application has its objects back
        if how == "value":
            if not call.answered:
                read_value(call, result)
            call.finish("completed")
        elif how == "results":
            from otel_claude.capture import batches

            batches.watch_results(call, result)
        elif how == "raw":
            from otel_claude.capture import raw

            raw.returned(call, result)
        else:
            from otel_claude.capture import stream, tee

            stream.watch(call, result, is_async=how == "async_stream")
            tee.attach(call, result.response)
    except Exception:
        _faults.report("response")
        call.finish("completed")


def read_value(call: Call, value: Any) -> None:
    """Read an answer that is there as a whole."""
    if call.operation == "session":
        from otel_claude.capture import sessions

        sessions.saw(value)
    elif call.operation in ("batch", "batch_retrieve"):
        from otel_claude.capture import batches

        batches.read_batch(call, value)
    else:
        response.read_message(call, value)
        if len(call.hops) > 1:
            response.add_hops(call)


def failed(call: Call, error: BaseException) -> None:
    """Read the exception that left `request`."""
    try:
        from otel_claude.capture.failure import ended_by

        answer = getattr(error, "response", None)
        if answer is not None:
            response.read_attempt(call, answer)
        elif call.retried_errors:
            call.status = None  # of an earlier attempt: the last one had no answer
        if call.hops and not call.usage.said:
            # A middleware raised after an answer, whose tokens were billed all the same.
            response.read_message(call, call.hops[-1])
            if len(call.hops) > 1:
                response.add_hops(call)
        ended_by(call, error)
    except Exception:
        _faults.report("failure")
        call.finish("failed")


def adopt(call: Call, span: Any) -> None:
    """The SDK made its span for a call that adopts it."""
    try:
        native.adopt(call, span)
    except Exception:
        _faults.report("adopt")


def saw_attempt(call: Call, client: Any, kwargs: Kwargs) -> None:
    """An attempt was answered."""
    try:
        answer = kwargs["response"]
        response.read_attempt(call, answer)
        if getattr(client, "_middleware", None) and answer.is_success:
            from otel_claude.capture import raw

            raw.read_hop(call, answer)
        if "messages" not in call.request:
            # An iterator when the call began; by now the SDK has made it a list.
            body = request.body_of(kwargs["options"])
            if call.content is not None:
                call.content.request = body
            call.request.update(
                (name, len(body[name]))
                for name in ("messages", "tools")
                if isinstance(body.get(name), list)
            )
    except Exception:
        _faults.report("attempt")


def saw_answer(call: Call, kwargs: Kwargs, result: Any) -> None:
    """The answer to a call whose span is the SDK's: it ends before `request` returns."""
    try:
        answer = kwargs["response"]
        how = kind_of(type(result))
        if not answer.is_success:
            return
        if how == "value":
            read_value(call, result)
            call.answered = True
        elif how == "raw" and hasattr(answer, "_content"):  # read already, for whoever parses it
            from otel_claude.capture import raw

            raw.read_body(call, answer)
            if len(call.hops) > 1:
                response.add_hops(call)
        else:
            return
        if call.describe is not None:
            call.describe(call)
    except Exception:
        _faults.report("answer")


def saw_unparsed(call: Call, kwargs: Kwargs) -> None:
    """A 200 that the SDK could not parse: its tokens were billed all the same."""
    try:
        answer = kwargs["response"]
        if getattr(answer, "_content", None) is not None:
            from otel_claude.capture import raw

            raw.read_body(call, answer)
    except Exception:
        _faults.report("unparsed")


def saw_retry(call: Call, kwargs: Kwargs) -> None:
    """An attempt failed and will be repeated."""
    try:
        from otel_claude.capture.failure import attempt_error_type

        answer = kwargs.get("response")
        call.retried_errors.append(attempt_error_type(answer, sys.exc_info()[1]))
        if answer is not None:
            response.read_attempt(call, answer)
    except Exception:
        _faults.report("retry")


def saw_parsed(raw_response: Any, parsed: Any) -> None:
    """A raw response was parsed, maybe not for the first time: a stream in it is followed."""
    try:
        # Not by its `__dict__`: making one costs, and every response is parsed.
        call = getattr(raw_response, response.STATE, None)
        if call is None or response.STATE in getattr(parsed, "__dict__", ()):
            return
        how = kind_of(type(parsed))
        if how in ("stream", "async_stream"):
            from otel_claude.capture import stream

            stream.watch(call, parsed, is_async=how == "async_stream")
        elif how == "results" and call.tally is None:
            from otel_claude.capture import batches

            batches.watch_results(call, parsed)
    except Exception:
        _faults.report("parse")


# --- which is which ----------------------------------------------------------------------------

_KINDS: Final[Mapping[str, str]] = {
    "Stream": "stream",
    "AsyncStream": "async_stream",
    "BaseAPIResponse": "raw",
    "LegacyAPIResponse": "raw",
    "Response": "raw",
    "JSONLDecoder": "results",
    "AsyncJSONLDecoder": "results",
}
_PACKAGES: Final = frozenset({"anthropic", "httpx", "httpx2"})
_MOST_KINDS: Final = 256  # a program may make classes as it goes
_kinds: dict[type, str] = {}


def kind_of(kind: type) -> str:
    """`stream`, `async_stream`, `results`, `raw` or `value`, for what `request` returned.

    By class names along the MRO: `isinstance` is not to be trusted on SDK 0.x, where `Stream`
    has a metaclass that answers no for its subclasses.
    """
    found = _kinds.get(kind)
    if found is None:
        names = (b.__name__ for b in kind.__mro__ if b.__module__.partition(".")[0] in _PACKAGES)
        found = next((_KINDS[name] for name in names if name in _KINDS), "value")
        if len(_kinds) >= _MOST_KINDS:
            _kinds.clear()
        _kinds[kind] = found
    return found
