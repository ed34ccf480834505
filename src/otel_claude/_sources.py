"""Where attribution comes from, and which source wins.

First the blocks of the program, then the web request, the call's own `metadata`, baggage, the
defaults of the settings, those of the resource, and for the endpoint the enclosing server span.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel_context
from opentelemetry.metrics import get_meter_provider
from opentelemetry.trace import SpanKind, get_current_span, get_tracer_provider

from otel_claude import _faults, semconv
from otel_claude._attribution import KEY, NOTHING, SENDING, Attribution, texts
from otel_claude._characters import sendable
from otel_claude.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Protocol

    from opentelemetry.context import Context

    class Request(Protocol):
        """A web request that is being served."""

        @property
        def said(self) -> Mapping[str, str]:
            """Attribution keys and values."""

        def endpoint(self) -> str | None:
            """The template of the route, once the framework has found it. Never raises."""


_REQUEST: Final = otel_context.create_key("otel_claude.request")
# The same again: FastAPI's own telemetry begins a new OpenTelemetry context inside of a middleware.
_serving: Final[ContextVar[Request | None]] = ContextVar("otel_claude_request", default=None)


def request_in(context: Context) -> Any:
    """The web request that is being served, None where there is none."""
    found = context.get(_REQUEST)
    return _serving.get() if found is None else found


class Serving:
    """A block that serves a request."""

    __slots__ = ("_attached", "_request", "_token")

    def __init__(self, request: Request) -> None:
        self._request = request

    def __enter__(self) -> None:
        self._attached = otel_context.attach(otel_context.set_value(_REQUEST, self._request))
        self._token = _serving.set(self._request)

    def __exit__(self, *_: object) -> None:
        otel_context.detach(self._attached)
        # A coroutine may be closed in another context than it began in: there is nothing to undo.
        with suppress(ValueError):
            _serving.reset(self._token)


class Sources:
    """Everything that is known of who and what a call is for.

    Args:
        settings: which sources are used.
        tracer_provider: its resource may hold defaults; None is the global one.
        meter_provider: likewise, where the other has no resource.
    """

    def __init__(
        self, settings: Settings, tracer_provider: Any = None, meter_provider: Any = None
    ) -> None:
        self._settings = settings
        self._names = {
            key: name or semconv.attribution_name(key) for key, name in settings.baggage_keys
        }
        # Most programs have neither; imported here, not in each call.
        self._carried: Callable[[Context], dict[str, str]] | None = None
        if self._names:
            from otel_claude._baggage import read

            self._carried = partial(read, self._names)
        self._hidden: Callable[[str, bool], str] | None = None
        if settings.hash_key is not None:
            from otel_claude._pseudonym import hidden

            self._hidden = partial(hidden, settings.hash_key)
        self._providers = (tracer_provider, meter_provider)
        self._defaults: Mapping[str, str] = texts(dict(settings.attribution))
        self._complete = False

    def of(
        self, metadata_user: str | None = None, context: Context | None = None
    ) -> Attribution | None:
        """The attribution in force; None where nothing is known.

        Args:
            metadata_user: what the request to the API says of its user.
            context: where to look; None is the current one.
        """
        context = otel_context.get_current() if context is None else context
        if not context and metadata_user is None and self._nothing_else():
            return None  # a program without a server, and without blocks
        block = context.get(KEY)
        said = block if isinstance(block, Attribution) else NOTHING
        request = request_in(context)
        # What the blocks did not say, the weaker sources first.
        more = {} if self._carried is None else self._carried(context)
        carried = said.user is None and "user" in more
        if metadata_user is not None and self._settings.user_from_metadata:
            more["user"], carried = sendable(metadata_user), False
        if request is not None:
            more.update(request.said)
            carried = carried and "user" not in request.said
        if said.endpoint is None and "endpoint" not in more:
            route = _route(request, context)
            if route is not None:
                more["endpoint"] = route
        if defaults := self._defaults if self._complete else self._complete_defaults():
            more = {**defaults, **more}
        found = said.filled(more) if more else said
        if self._hidden is not None and found.user is not None:
            found = found._replace(user=self._hidden(found.user, carried))
        return None if found is NOTHING else found

    def _nothing_else(self) -> bool:
        """Whether nothing is known of any call, whatever its context says."""
        return self._complete and not self._defaults and _serving.get() is None

    def _complete_defaults(self) -> Mapping[str, str]:
        """The defaults, with those of the resource once an OpenTelemetry SDK is set up."""
        resource = _resource(*self._providers)
        if resource is not None:
            self._complete = True
            self._defaults = {**_said_by(resource), **self._defaults}
        return self._defaults

    def name_of(self, key: str) -> str:
        """The name of an attribution key in baggage."""
        return self._names.get(key) or semconv.attribution_name(key)

    def sent(self, keys: tuple[str, ...], context: Context) -> Context:
        """The context with the attribution in its baggage, under these keys."""
        found = self.of(context=context) or NOTHING
        named = zip(map(self.name_of, keys), found.values(keys), strict=True)
        from otel_claude._baggage import written

        return written(dict(named), context)

    def keys(self) -> tuple[str, ...]:
        """The keys of the allow-list for baggage."""
        return tuple(self._names)


def _route(request: Any, context: Context) -> str | None:
    if request is not None:
        found: str | None = request.endpoint()
        if found is not None:
            return found
    span: Any = get_current_span(context)
    if getattr(span, "kind", None) is SpanKind.SERVER:
        route = (getattr(span, "attributes", None) or {}).get(semconv.HTTP_ROUTE)
        return route if isinstance(route, str) else None
    return None


def _resource(tracers: Any, meters: Any) -> Any:
    """The attributes of the resource of the SDK's providers; None where there is no SDK yet."""
    resource = getattr(tracers or get_tracer_provider(), "resource", None)
    if resource is None:
        config = getattr(meters or get_meter_provider(), "_sdk_config", None)
        resource = getattr(config, "resource", None)
    return getattr(resource, "attributes", None)


def _said_by(resource: Mapping[str, Any]) -> dict[str, str]:
    said = {
        key: str(resource[names[0]])
        for key, names in semconv.ATTRIBUTION.items()
        if names[0] in resource
    }
    prefix = semconv.TAG_PREFIX
    tags = {k[len(prefix) :]: str(v) for k, v in resource.items() if k.startswith(prefix)}
    return {**tags, **said}


_in_force: Sources | None = None


def use(sources: Sources | None) -> None:
    """The sources of this process from now on; None: those that the environment describes."""
    global _in_force  # noqa: PLW0603 - one instrumentation per process
    _in_force = sources


def whole_context() -> Context:
    """The current OpenTelemetry context with the request that is being served, for threads."""
    context = otel_context.get_current()
    return otel_context.set_value(_REQUEST, request_in(context), context)


def _used() -> Sources:
    if _in_force is None:
        use(Sources(Settings.load({})))
    return _in_force or Sources(Settings())


def current() -> Attribution | None:
    """What is known here and now of who and what for, from all sources."""
    return _used().of()


def refreshed(keys: tuple[str, ...], context: Context) -> Context:
    """The context with its baggage brought up to date. Never raises."""
    try:
        return _used().sent(keys, context)
    except Exception:
        _faults.report("baggage")
        return context


@contextmanager
def propagated(keys: tuple[str, ...]) -> Iterator[None]:
    """See `attribution.propagated`."""
    wanted = keys or _used().keys()
    context = otel_context.set_value(SENDING, wanted)
    token = otel_context.attach(refreshed(wanted, context))
    try:
        yield
    finally:
        otel_context.detach(token)


def at_home(context: Context) -> Context:
    """The context without attribution in its baggage, ours or another service's.

    For requests to the API: an HTTP instrumentation would send it there.
    """
    keys: Any = context.get(SENDING)
    if keys is None and (_in_force is None or not _in_force.keys()):
        return context
    from otel_claude._baggage import without

    used = _used()
    return without(map(used.name_of, {*used.keys(), *(keys or ())}), context)
