"""The seams: the few SDK functions that are patched, and what is done there.

`request` is the call seam: every surface of every client class passes through it. Inside it,
`_process_response` shows each attempt that succeeded and `_sleep_for_retry` each that failed and
will be repeated. All have the same signature from SDK 0.51 to 2.11.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar, Token
from importlib import import_module
from typing import Any, Final

import wrapt
from opentelemetry import context as otel_context
from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from otel_claude import _faults
from otel_claude.call.call import Call, Observer
from otel_claude.capture import drops, native, raw, request, response, stream, tee
from otel_claude.capture.endpoint import endpoint_of
from otel_claude.capture.failure import attempt_error_type, ended_by

Args = tuple[Any, ...]
Kwargs = dict[str, Any]

_observers: Sequence[Observer] | None = None
_current: ContextVar[Call | None] = ContextVar("otel_claude_call", default=None)


# --- the call seam -----------------------------------------------------------------------------


def _open(client: Any, args: Args, kwargs: Kwargs) -> tuple[Call | None, Args, Kwargs]:
    """Begin a call, if this request is one. Never raises.

    Returns the call (None: not ours to record) and the arguments to go on with.
    """
    try:
        options = args[1] if len(args) > 1 else kwargs["options"]
        operation = request.operation_of(options)
        if operation is None or _observers is None:
            return None, args, kwargs
        if not is_instrumentation_enabled():
            return None, *_with_options(args, kwargs, native.without_span(options))
        body = request.body_of(options)
        call = Call(operation, endpoint_of(client), request.model_of(body), _observers)
        call.stream = kwargs.get("stream") is True or body.get("stream") is True
        call.request = request.request_fields(body, options)
        call.begin()
        return call, *_with_options(args, kwargs, native.with_span_of(call, options, client))
    except Exception:
        _faults.report("request")
        return None, args, kwargs


def _with_options(args: Args, kwargs: Kwargs, options: Any) -> tuple[Args, Kwargs]:
    if len(args) > 1:
        return (args[0], options, *args[2:]), kwargs
    return args, {**kwargs, "options": options}


def _enter(call: Call | None) -> tuple[Token[Call | None] | None, Any]:
    """Make `call` the current one for the time of the request, and its span current.

    A request that is not recorded, made within one that is (by a middleware, say), hides it.
    """
    if call is None:
        return (None if _current.get() is None else _current.set(None)), None
    attached = None if call.context is None else otel_context.attach(call.context)
    return _current.set(call), attached


def _leave(tokens: tuple[Token[Call | None] | None, Any]) -> None:
    token, attached = tokens
    if attached is not None:
        otel_context.detach(attached)
    if token is not None:
        _current.reset(token)


def _returned(call: Call, result: Any) -> None:
    """Read what `request` returned: the answer, a stream, or a raw response. Never raises."""
    try:
        how = _kind_of(type(result))
        if how == "value":
            response.read_message(call, result)
            call.finish("completed")
        elif how == "raw":
            raw.returned(call, result)
        else:
            stream.watch(call, result, is_async=how == "async_stream")
            tee.attach(call, result.response)
    except Exception:
        _faults.report("response")
        call.finish("completed")


def _failed(call: Call, error: BaseException) -> None:
    """Read the exception that left `request`. Never raises."""
    try:
        answer = getattr(error, "response", None)
        if answer is not None:
            response.read_attempt(call, answer)
        ended_by(call, error)
    except Exception:
        _faults.report("failure")
        call.finish("failed")


def _request(wrapped: Callable[..., Any], client: Any, args: Args, kwargs: Kwargs) -> Any:
    if _observers is None:
        return wrapped(*args, **kwargs)
    call, args, kwargs = _open(client, args, kwargs)
    tokens = _enter(call)
    try:
        result = wrapped(*args, **kwargs)
    except BaseException as error:
        _leave(tokens)
        if call is not None:
            _failed(call, error)
        raise
    _leave(tokens)
    if call is not None:
        _returned(call, result)
    return result


async def _async_request(
    wrapped: Callable[..., Awaitable[Any]], client: Any, args: Args, kwargs: Kwargs
) -> Any:
    if _observers is None:
        return await wrapped(*args, **kwargs)
    call, args, kwargs = _open(client, args, kwargs)
    tokens = _enter(call)
    try:
        result = await wrapped(*args, **kwargs)
    except BaseException as error:
        _leave(tokens)
        if call is not None:
            _failed(call, error)
        raise
    _leave(tokens)
    if call is not None:
        _returned(call, result)
    return result


# --- the attempt seams -------------------------------------------------------------------------


def _see_attempt(call: Call, kwargs: Kwargs) -> None:
    try:
        response.read_attempt(call, kwargs["response"])
        if "messages" not in call.request:
            # An iterator when the call began; by now the SDK has made it a list.
            body = request.body_of(kwargs["options"])
            call.request.update(
                (name, len(body[name]))
                for name in ("messages", "tools")
                if isinstance(body.get(name), list)
            )
    except Exception:
        _faults.report("attempt")


def _see_unparsed(call: Call, kwargs: Kwargs) -> None:
    """A 200 that the SDK could not parse: its tokens were billed all the same."""
    try:
        answer = kwargs["response"]
        if getattr(answer, "_content", None) is not None:
            raw.read_body(call, answer)
    except Exception:
        _faults.report("unparsed")


def _process(wrapped: Callable[..., Any], _client: Any, args: Args, kwargs: Kwargs) -> Any:
    call = _current.get()
    if call is None:
        return wrapped(*args, **kwargs)
    _see_attempt(call, kwargs)
    try:
        return wrapped(*args, **kwargs)
    except Exception:
        _see_unparsed(call, kwargs)
        raise


async def _async_process(
    wrapped: Callable[..., Awaitable[Any]], _client: Any, args: Args, kwargs: Kwargs
) -> Any:
    call = _current.get()
    if call is None:
        return await wrapped(*args, **kwargs)
    _see_attempt(call, kwargs)
    try:
        return await wrapped(*args, **kwargs)
    except Exception:
        _see_unparsed(call, kwargs)
        raise


def _see_retry(call: Call, kwargs: Kwargs) -> None:
    try:
        answer = kwargs.get("response")
        call.retried_errors.append(attempt_error_type(answer, sys.exc_info()[1]))
        if answer is not None:
            response.read_attempt(call, answer)
    except Exception:
        _faults.report("retry")


def _sleep(wrapped: Callable[..., Any], _client: Any, args: Args, kwargs: Kwargs) -> Any:
    if (call := _current.get()) is not None:
        _see_retry(call, kwargs)
    return wrapped(*args, **kwargs)


def _close(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    stream.closing(instance)
    return wrapped(*args, **kwargs)


def _parse(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    parsed = wrapped(*args, **kwargs)
    _see_parsed(instance, parsed)
    return parsed


async def _async_parse(
    wrapped: Callable[..., Awaitable[Any]], instance: Any, args: Args, kwargs: Kwargs
) -> Any:
    parsed = await wrapped(*args, **kwargs)
    _see_parsed(instance, parsed)
    return parsed


def _see_parsed(instance: Any, parsed: Any) -> None:
    try:
        call = instance.__dict__.get(stream.STATE)
        if call is None or stream.STATE in getattr(parsed, "__dict__", ()):
            return
        how = _kind_of(type(parsed))
        if how in ("stream", "async_stream"):
            stream.watch(call, parsed, is_async=how == "async_stream")
    except Exception:
        _faults.report("parse")


# --- which is which ----------------------------------------------------------------------------

_STREAMS: Final = {"Stream": "stream", "AsyncStream": "async_stream"}
_RAW: Final = frozenset({"BaseAPIResponse", "LegacyAPIResponse", "Response"})
_PACKAGES: Final = frozenset({"anthropic", "httpx", "httpx2"})
_kinds: dict[type, str] = {}


def _kind_of(kind: type) -> str:
    """`stream`, `async_stream`, `raw` or `value`, for what `request` returned.

    By class names along the MRO: `isinstance` is not to be trusted on SDK 0.x, where `Stream`
    has a metaclass that answers no for its subclasses.
    """
    found = _kinds.get(kind)
    if found is None:
        found = "value"
        for base in kind.__mro__:
            if base.__module__.partition(".")[0] in _PACKAGES:
                if base.__name__ in _STREAMS:
                    found = _STREAMS[base.__name__]
                    break
                if base.__name__ in _RAW:
                    found = "raw"
                    break
        _kinds[kind] = found
    return found


# --- putting the patches on and off ------------------------------------------------------------

Patch = tuple[str, str, str, Callable[..., Any]]

# Module, class, method, what stands in front of it. A class that an SDK version lacks is skipped.
_PATCHES: Final[tuple[Patch, ...]] = (
    ("anthropic._base_client", "SyncAPIClient", "request", _request),
    ("anthropic._base_client", "AsyncAPIClient", "request", _async_request),
    ("anthropic._base_client", "SyncAPIClient", "_process_response", _process),
    ("anthropic._base_client", "AsyncAPIClient", "_process_response", _async_process),
    ("anthropic._base_client", "SyncAPIClient", "_sleep_for_retry", _sleep),
    ("anthropic._base_client", "AsyncAPIClient", "_sleep_for_retry", _sleep),
    ("anthropic._streaming", "Stream", "close", _close),
    ("anthropic._streaming", "AsyncStream", "close", _close),
    ("anthropic._response", "APIResponse", "close", _close),
    ("anthropic._response", "AsyncAPIResponse", "close", _close),
    ("anthropic._response", "APIResponse", "parse", _parse),
    ("anthropic._response", "AsyncAPIResponse", "parse", _async_parse),
    ("anthropic._legacy_response", "LegacyAPIResponse", "parse", _parse),
)


def install(observers: Sequence[Observer]) -> None:
    """Patch the SDK and tell `observers` of every call from now on."""
    global _observers  # noqa: PLW0603 - the patches are module-wide, as the classes they patch
    drops.install()
    for module, owner, method, wrapper in _PATCHES:
        try:
            kind = getattr(import_module(module), owner)
        except (ImportError, AttributeError):
            continue
        if not _is_patched(kind, method, wrapper):
            wrapt.wrap_function_wrapper(kind, method, wrapper)
    _observers = observers


def remove() -> None:
    """Undo `install`. A patch that somebody wrapped in turn stays, and does nothing."""
    global _observers  # noqa: PLW0603 - the patches are module-wide, as the classes they patch
    _observers = None
    for module, owner, method, wrapper in _PATCHES:
        kind = getattr(sys.modules.get(module), owner, None)
        attribute = None if kind is None else kind.__dict__.get(method)
        if getattr(attribute, "_self_wrapper", None) is wrapper:
            setattr(kind, method, attribute.__wrapped__)  # type: ignore[union-attr] # not None here
    drops.remove()


def _is_patched(kind: type, method: str, wrapper: Callable[..., Any]) -> bool:
    """Whether our wrapper is anywhere in the chain of wrappers around a method."""
    layer: Any = kind.__dict__.get(method)
    while layer is not None:
        if getattr(layer, "_self_wrapper", None) is wrapper:
            return True
        layer = getattr(layer, "__wrapped__", None)
    return False
