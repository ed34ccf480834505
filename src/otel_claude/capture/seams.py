"""What stands in front of the SDK's functions at the seams.

`request` is the call seam: every surface of every client class passes through it. Inside it,
`_process_response` shows each attempt that succeeded and `_sleep_for_retry` each that failed and
will be repeated. All have the same signature from SDK 0.51 to 2.14.

Each wrapper calls the SDK's function exactly once, with what the application gave, and returns or
raises what it does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_claude import _faults
from otel_claude.capture import watch
from otel_claude.capture.response import STATE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_active: watch.Watch | None = None

Args = tuple[Any, ...]
Kwargs = dict[str, Any]


def activate(new: watch.Watch | None) -> None:
    """Watch calls from now on; None: let everything pass."""
    global _active  # noqa: PLW0603 - the patches are module-wide, as the classes they patch
    _active = new


def active() -> watch.Watch | None:
    """Who is told of calls now, and of what is around them; None: nobody."""
    return _active


def request(wrapped: Callable[..., Any], client: Any, args: Args, kwargs: Kwargs) -> Any:
    """`SyncAPIClient.request`: one call, with its retries."""
    active = _active
    if active is None:
        return wrapped(*args, **kwargs)
    call, args, kwargs = watch.open_call(active, client, args, kwargs)
    if active.gates and call is not None:
        watch.admit(active, call)
    tokens = watch.enter(call)
    try:
        result = wrapped(*args, **kwargs)
    except BaseException as error:
        watch.leave(tokens)
        if call is not None:
            watch.failed(call, error)
        raise
    watch.leave(tokens)
    if call is not None:
        watch.returned(call, result)
    return result


async def async_request(
    wrapped: Callable[..., Awaitable[Any]], client: Any, args: Args, kwargs: Kwargs
) -> Any:
    """`AsyncAPIClient.request`: one call, with its retries."""
    active = _active
    if active is None:
        return await wrapped(*args, **kwargs)
    call, args, kwargs = watch.open_call(active, client, args, kwargs)
    if active.gates and call is not None:
        await watch.admit_async(active, call)
    tokens = watch.enter(call)
    try:
        result = await wrapped(*args, **kwargs)
    except BaseException as error:
        watch.leave(tokens)
        if call is not None:
            watch.failed(call, error)
        raise
    watch.leave(tokens)
    if call is not None:
        watch.returned(call, result)
    return result


def traced_request(wrapped: Callable[..., Any], _client: Any, args: Args, kwargs: Kwargs) -> Any:
    """`SyncAPIClient._request`, which the SDK's own span encloses: where it is adopted."""
    call = watch.current.get()
    if call is None or not call.adopts or kwargs.get("call") is None:
        return wrapped(*args, **kwargs)
    watch.adopt(call, kwargs["call"].span)
    try:
        return wrapped(*args, **kwargs)
    except BaseException as error:
        watch.failed(call, error)
        raise


async def async_traced_request(
    wrapped: Callable[..., Awaitable[Any]], _client: Any, args: Args, kwargs: Kwargs
) -> Any:
    """`AsyncAPIClient._request`, which the SDK's own span encloses: where it is adopted."""
    call = watch.current.get()
    if call is None or not call.adopts or kwargs.get("call") is None:
        return await wrapped(*args, **kwargs)
    watch.adopt(call, kwargs["call"].span)
    try:
        return await wrapped(*args, **kwargs)
    except BaseException as error:
        watch.failed(call, error)
        raise


def process(wrapped: Callable[..., Any], client: Any, args: Args, kwargs: Kwargs) -> Any:
    """`SyncAPIClient._process_response`: the answer to an attempt."""
    call = watch.current.get()
    if call is None:
        return wrapped(*args, **kwargs)
    watch.saw_attempt(call, client, kwargs)
    try:
        result = wrapped(*args, **kwargs)
    except Exception:
        watch.saw_unparsed(call, kwargs)
        raise
    if call.adopts:
        watch.saw_answer(call, kwargs, result)
    return result


async def async_process(
    wrapped: Callable[..., Awaitable[Any]], client: Any, args: Args, kwargs: Kwargs
) -> Any:
    """`AsyncAPIClient._process_response`: the answer to an attempt."""
    call = watch.current.get()
    if call is None:
        return await wrapped(*args, **kwargs)
    watch.saw_attempt(call, client, kwargs)
    try:
        result = await wrapped(*args, **kwargs)
    except Exception:
        watch.saw_unparsed(call, kwargs)
        raise
    if call.adopts:
        watch.saw_answer(call, kwargs, result)
    return result


def sleep(wrapped: Callable[..., Any], _client: Any, args: Args, kwargs: Kwargs) -> Any:
    """`_sleep_for_retry`, sync or async: an attempt failed."""
    if (call := watch.current.get()) is not None:
        watch.saw_retry(call, kwargs)
    return wrapped(*args, **kwargs)


def run_loop(wrapped: Callable[..., Any], runner: Any, args: Args, kwargs: Kwargs) -> Any:
    """`__run__` of the synchronous tool runners: makes the generator that is the loop."""
    loop = wrapped(*args, **kwargs)
    active = _active
    if active is None:
        return loop
    try:
        from otel_claude.capture import tools  # most programs have no tool runner

        return tools.follow(loop, runner, active.run_observers)
    except Exception:
        _faults.report("tool_runner")
        return loop


def run_async_loop(wrapped: Callable[..., Any], runner: Any, args: Args, kwargs: Kwargs) -> Any:
    """`__run__` of the asynchronous tool runners."""
    loop = wrapped(*args, **kwargs)
    active = _active
    if active is None:
        return loop
    try:
        from otel_claude.capture import tools

        return tools.follow_async(loop, runner, active.run_observers)
    except Exception:
        _faults.report("tool_runner")
        return loop


def runnable_tools(wrapped: Callable[..., Any], _runner: Any, args: Args, kwargs: Kwargs) -> Any:
    """`_runnable_tools` of the tool runners from 2.2 on: the tools of the turn, by name."""
    found = wrapped(*args, **kwargs)
    run = watch.running.get()
    if run is None or not isinstance(found, dict):
        return found
    from otel_claude.capture import tools  # imported already: who else would have set `running`

    return tools.watched(found, run)


def close(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """`close` of streams and raw responses, sync or async."""
    if STATE in getattr(instance, "__dict__", ()):
        from otel_claude.capture import stream

        stream.closing(instance)
    return wrapped(*args, **kwargs)


def parse(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """`parse` of raw responses."""
    parsed = wrapped(*args, **kwargs)
    watch.saw_parsed(instance, parsed)
    return parsed


async def async_parse(
    wrapped: Callable[..., Awaitable[Any]], instance: Any, args: Args, kwargs: Kwargs
) -> Any:
    """`parse` of asynchronous raw responses."""
    parsed = await wrapped(*args, **kwargs)
    watch.saw_parsed(instance, parsed)
    return parsed
