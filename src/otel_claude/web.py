"""Attribution of web requests: middleware for ASGI and WSGI applications.

    app.add_middleware(AsgiAttribution, who=lambda scope: {"tenant": tenant_of(scope)})

Every Claude call that serves a request gets the route as its endpoint, the host as the tag
`domain`, and what `who` says. Frameworks are recognised by what they leave in the request; none is
imported.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel_context

from otel_claude import _faults, semconv
from otel_claude._attribution import texts
from otel_claude._sources import Serving, request_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping

    Scope = MutableMapping[str, Any]
    Environ = dict[str, Any]
    Said = Mapping[str, Any] | None

__all__ = ["AsgiAttribution", "WsgiAttribution", "identify"]

_LONGEST_DOMAIN: Final = 253  # RFC 1035, without the root


class _Request:
    """A request that is being served. Shared by all its tasks and threads."""

    __slots__ = ("_endpoint", "_find", "_known", "said")

    def __init__(self, said: dict[str, str], find: Callable[[], str | None]) -> None:
        self.said = said
        self._find = find
        self._endpoint: str | None = None

    def endpoint(self) -> str | None:
        """The template of the route; None as long as the framework has not found it."""
        if self._endpoint is None:
            try:
                self._endpoint = self._find()
            except Exception:
                _faults.report("web.endpoint")
        return self._endpoint


def identify(**said: Any) -> None:
    """Say more about the request that is being served, from anywhere in it.

    For what is only known inside of the application: the user that a login handler or a dependency
    found. It holds for the rest of the request, in all its tasks and threads. Outside of a request
    it does nothing.

    Args:
        said: attribution keys (`user`, `session`, `tenant`, ...) or tags; None changes nothing.
    """
    request = request_in(otel_context.get_current())
    if isinstance(request, _Request):
        # A new mapping: calls in other threads may be reading the old one.
        request.said = {**request.said, **texts(said)}


class AsgiAttribution:
    """ASGI middleware: attribution of HTTP requests and websockets.

    Args:
        app: the application.
        who: called once for each request, with its scope, before the application is; returns
            attribution keys (`user`, `session`, `tenant`, ...) and tags, or None; may be a
            coroutine function. What it raises is caught and counted, and the request goes on.
    """

    def __init__(
        self,
        app: Callable[..., Awaitable[None]],
        who: Callable[[Scope], Said | Awaitable[Said]] | None = None,
    ) -> None:
        self._app = app
        self._who = who

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope.get("type") not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        outer = str(scope.get("root_path", ""))
        said = _domain(_host(scope))
        try:
            told = None if self._who is None else self._who(scope)
            said |= texts((await told if inspect.isawaitable(told) else told) or {})
        except Exception:
            _faults.report("web.who")
        request = _Request(said, lambda: _asgi_route(scope, outer))
        with Serving(request):
            await self._app(scope, receive, send)


class WsgiAttribution:
    """WSGI middleware: attribution of HTTP requests.

    Args:
        app: the application.
        who: as for `AsgiAttribution`, but a plain function, called with the environ.
    """

    def __init__(
        self, app: Callable[..., Iterable[bytes]], who: Callable[[Environ], Said] | None = None
    ) -> None:
        self._app = app
        self._who = who

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Serve one request."""
        said = _domain(str(environ.get("HTTP_HOST", "")))
        try:
            said |= texts((None if self._who is None else self._who(environ)) or {})
        except Exception:
            _faults.report("web.who")
        request = _Request(said, lambda: _wsgi_route(environ))

        def start(*args: Any, **more: Any) -> Any:
            # Flask takes its request away when it returns: what it found is asked for before.
            if environ.get("werkzeug.request") is not None:
                request.endpoint()
            return start_response(*args, **more)

        with Serving(request):
            body = self._app(environ, start)
        wrapper = environ.get("wsgi.file_wrapper")
        files = isinstance(wrapper, type) and isinstance(body, wrapper)
        # Bodies that are there need no context, and servers send files in ways of their own.
        return body if files or isinstance(body, list | tuple) else _Body(body, request)


class _Body:
    """A body that is made while it is sent, as a part of serving its request.

    In context variables of its own: what the body enters holds until it leaves it, and the server
    never sees it.
    """

    def __init__(self, body: Iterable[bytes], request: _Request) -> None:
        self._body = body
        self._items: Iterator[bytes] | None = None
        self._context = copy_context()
        self._context.run(Serving(request).__enter__)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._items is None:
            self._items = self._context.run(iter, self._body)
        return self._context.run(next, self._items)

    def close(self) -> None:
        """Close the body, as servers do."""
        close = getattr(self._body, "close", None)
        if close is not None:
            self._context.run(close)


def _host(scope: Scope) -> str:
    named = (value for name, value in scope.get("headers", ()) if name == b"host")
    return next(named, b"").decode("latin-1")


def _domain(host: str) -> dict[str, str]:
    """The host of a request as a tag: without its port, in lower case. Empty where there is none."""
    name = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
    return {semconv.TAG_DOMAIN: name.lower()} if 0 < len(name) <= _LONGEST_DOMAIN else {}


# --- the template of the route -----------------------------------------------------------------


def _asgi_route(scope: Scope, outer: str) -> str | None:
    """From what Starlette and FastAPI put into the scope, else from Django."""
    route = scope.get("route")
    found = scope.get("fastapi")
    if isinstance(found, Mapping):
        # Since 0.137 a FastAPI route does not know the prefixes of the routers it is included in.
        route = found.get("effective_route_context") or route
    path = getattr(route, "path", None)
    if isinstance(path, str):
        mounted = str(scope.get("root_path", "")).removeprefix(outer)
        return _as_template(mounted, scope.get("path_params"), path) + path
    return _django_route(str(scope.get("path", "")).removeprefix(outer))


def _as_template(mounted: str, params: Any, path: str) -> str:
    """The part of the path where an application is mounted, with its parameters' names."""
    if not mounted or not isinstance(params, Mapping):
        return mounted
    names = {str(v): "{" + k + "}" for k, v in params.items() if "{" + k not in path}
    return "/".join(names.get(part, part) for part in mounted.split("/"))


def _wsgi_route(environ: Environ) -> str | None:
    """From what Flask's request found, else from Django."""
    request = environ.get("werkzeug.request")
    if request is not None:
        rule = getattr(getattr(request, "url_rule", None), "rule", None)
        return rule if isinstance(rule, str) else None
    path = str(environ.get("PATH_INFO", ""))
    return _django_route(path.encode("latin-1", "replace").decode("utf-8", "replace"))


def _django_route(path: str) -> str | None:
    """What Django resolves a path to; None where the application is not Django's."""
    django: Any = sys.modules.get("django.urls")
    settings: Any = sys.modules.get("django.conf")
    if django is None or settings is None or not settings.settings.configured:
        return None
    try:
        found: str = django.resolve(path).route
    except django.Resolver404:
        return None
    return "/" + found
