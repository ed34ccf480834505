"""The SDK's tool runner: a run over its calls, and one per client-side tool.

Only where the SDK makes no spans of its own for these (before 1.14, or with its tracing off):
where it does, they stand, and our spans of the calls are their children.
"""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import wrapt
from opentelemetry import context as otel_context
from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from otel_claude import _faults
from otel_claude.call.run import Run
from otel_claude.call.usage import fields
from otel_claude.capture import native
from otel_claude.capture.failure import error_type_of
from otel_claude.capture.watch import running

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterator, Sequence

    from otel_claude.call.run import RunObserver

TOOL_ERROR: Final = "tool_error"


def follow(loop: Any, runner: Any, observers: Sequence[RunObserver]) -> Any:
    """The generator that is the loop of a synchronous runner, its items unchanged."""
    return _follow(loop, runner, observers) if _is_ours(runner, observers) else loop


def follow_async(loop: Any, runner: Any, observers: Sequence[RunObserver]) -> Any:
    """The generator that is the loop of an asynchronous runner, its items unchanged."""
    return _follow_async(loop, runner, observers) if _is_ours(runner, observers) else loop


def _is_ours(runner: Any, observers: Sequence[RunObserver]) -> bool:
    try:
        return bool(
            observers and not native.makes_spans(runner._client) and is_instrumentation_enabled()
        )
    except Exception:
        _faults.report("tool_runner")
        return False


def _begin(runner: Any, observers: Sequence[RunObserver]) -> Run:
    params = getattr(runner, "_params", None)
    model = params.get("model") if isinstance(params, dict) else None
    run = Run("invoke_agent", observers, model=model if isinstance(model, str) else None)
    run.begin()
    try:
        tools = runner.__dict__.get("_tools_by_name")
        if isinstance(tools, dict):
            runner._tools_by_name = watched(tools, run)
    except Exception:
        _faults.report("tool_runner")
    return run


@contextmanager
def _inside(run: Run) -> Iterator[None]:
    """The SDK's code between two items: its calls and tools are children of the run.

    Left before every item, so that the application's code keeps its own context.
    """
    token = running.set(run)
    attached = None if run.context is None else otel_context.attach(run.context)
    try:
        yield
    finally:
        if attached is not None:
            otel_context.detach(attached)
        running.reset(token)


def _follow(
    loop: Generator[Any, None, None], runner: Any, observers: Sequence[RunObserver]
) -> Generator[Any, None, None]:
    run = _begin(runner, observers)
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


async def _follow_async(
    loop: AsyncGenerator[Any, None], runner: Any, observers: Sequence[RunObserver]
) -> AsyncGenerator[Any, None]:
    run = _begin(runner, observers)
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
    run = Run("execute_tool", agent.observers, name=name if isinstance(name, str) else None)
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


def watched(tools: dict[str, Any], run: Run) -> dict[str, Any]:
    """The same tools, watched; what is watched already stays as it is."""
    return {name: tool if type(tool) is _Tool else _Tool(tool, run) for name, tool in tools.items()}
