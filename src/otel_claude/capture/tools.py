"""The SDK's tool runner: a run over its calls, and one per client-side tool.

Only where the SDK makes no spans of its own for these (before 1.14, or with its tracing off):
where it does, they stand, and our spans of the calls are their children.
"""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import wrapt
from opentelemetry import context as otel_context
from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from otel_claude import _faults
from otel_claude.call.run import Run, RunObserver
from otel_claude.call.usage import fields
from otel_claude.capture.failure import error_type_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence

Args = tuple[Any, ...]
Kwargs = dict[str, Any]

TOOL_ERROR: Final = "tool_error"

current: Final[ContextVar[Run | None]] = ContextVar("otel_claude_run", default=None)
_observers: Sequence[RunObserver] = ()


def activate(observers: Sequence[RunObserver]) -> None:
    """Tell these observers of runs from now on; none: let everything pass."""
    global _observers  # noqa: PLW0603 - the patches are module-wide, as the classes they patch
    _observers = observers


def run_loop(wrapped: Callable[..., Any], runner: Any, args: Args, kwargs: Kwargs) -> Any:
    """`__run__` of the synchronous tool runners: makes the generator that is the loop."""
    loop = wrapped(*args, **kwargs)
    return _follow(loop, runner) if _is_ours(runner) else loop


def run_async_loop(wrapped: Callable[..., Any], runner: Any, args: Args, kwargs: Kwargs) -> Any:
    """`__run__` of the asynchronous tool runners."""
    loop = wrapped(*args, **kwargs)
    return _follow_async(loop, runner) if _is_ours(runner) else loop


def runnable_tools(wrapped: Callable[..., Any], _runner: Any, args: Args, kwargs: Kwargs) -> Any:
    """`_runnable_tools` of the tool runners from 2.2 on: the tools of the turn, by name."""
    tools = wrapped(*args, **kwargs)
    run = current.get()
    return _watched(tools, run) if run is not None and isinstance(tools, dict) else tools


def _is_ours(runner: Any) -> bool:
    try:
        return bool(
            _observers
            and getattr(runner._client, "_tracer", None) is None
            and is_instrumentation_enabled()
        )
    except Exception:
        _faults.report("tool_runner")
        return False


def _begin(runner: Any) -> Run:
    params = getattr(runner, "_params", None)
    model = params.get("model") if isinstance(params, dict) else None
    run = Run("invoke_agent", _observers, model=model if isinstance(model, str) else None)
    run.begin()
    try:
        tools = runner.__dict__.get("_tools_by_name")
        if isinstance(tools, dict):
            runner._tools_by_name = _watched(tools, run)
    except Exception:
        _faults.report("tool_runner")
    return run


@contextmanager
def _inside(run: Run) -> Iterator[None]:
    """The SDK's code between two items: its calls and tools are children of the run.

    Left before every item, so that the application's code keeps its own context.
    """
    token = current.set(run)
    attached = None if run.context is None else otel_context.attach(run.context)
    try:
        yield
    finally:
        if attached is not None:
            otel_context.detach(attached)
        current.reset(token)


def _follow(loop: Generator[Any, None, None], runner: Any) -> Generator[Any, None, None]:
    run = _begin(runner)
    try:
        while True:
            with _inside(run):
                try:
                    item = next(loop)
                except StopIteration:
                    break
            yield item
    except BaseException as error:
        _end(run, error)
        raise
    finally:
        with _inside(run):
            loop.close()
        run.finish()


async def _follow_async(loop: AsyncGenerator[Any, None], runner: Any) -> AsyncGenerator[Any, None]:
    run = _begin(runner)
    try:
        while True:
            with _inside(run):
                try:
                    item = await loop.__anext__()
                except StopAsyncIteration:
                    break
            yield item
    except BaseException as error:
        _end(run, error)
        raise
    finally:
        await loop.aclose()
        run.finish()


def _end(run: Run, error: BaseException) -> None:
    """The loop ended by an exception; one that somebody stopped is no error."""
    run.finish(error_type_of(error) if isinstance(error, Exception) else None)


class _Tool(wrapt.ObjectProxy):  # type: ignore[type-arg] # generic from wrapt 2 on only
    """A tool as the runner's own list holds it; the application never sees this object."""

    def __init__(self, tool: Any, run: Run) -> None:
        super().__init__(tool)
        self._self_run = run

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Run the tool; where it is asynchronous, make the coroutine that does."""
        run = _begin_tool(self._self_run, self.__wrapped__, args[-1] if args else None)
        with _failing(run), _inside(run):
            result = self.__wrapped__.call(*args, **kwargs)
            if not inspect.isawaitable(result):
                run.result = result
                run.finish(_error_in(result))
                return result
        return self._self_await(run, result)

    async def _self_await(self, run: Run, result: Any) -> Any:
        with _failing(run), _inside(run):
            answer = await result
            run.result = answer
            run.finish(_error_in(answer))
            return answer


def _begin_tool(agent: Run, tool: Any, arguments: object) -> Run:
    name = getattr(tool, "name", None)
    run = Run("execute_tool", _observers, name=name if isinstance(name, str) else None)
    run.arguments = arguments
    try:
        agent.tools += 1
        run.call_id = agent.take_call_id(run.name or "")
        description = getattr(tool, "description", None)
        run.description = description if isinstance(description, str) else None
    except Exception:
        _faults.report("tool")
    run.begin()
    return run


@contextmanager
def _failing(run: Run) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        _end(run, error)
        raise


def _error_in(result: Any) -> str | None:
    return TOOL_ERROR if fields(result).get("is_error") is True else None


def _watched(tools: dict[str, Any], run: Run) -> dict[str, Any]:
    """The same tools, watched; what is watched already stays as it is."""
    return {name: tool if type(tool) is _Tool else _Tool(tool, run) for name, tool in tools.items()}
