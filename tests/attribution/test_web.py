"""The middleware in front of real frameworks: route templates, domain, `who`, and no harm done."""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import flask
import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import StreamingResponse
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from otel_claude import _attribution, _faults, attribution, semconv
from otel_claude._sources import Sources
from otel_claude.settings import Settings
from otel_claude.web import AsgiAttribution, WsgiAttribution, identify

_SOURCES = Sources(Settings())
NAMES = ("endpoint", "domain", "user", "tenant")


def here(*keys):
    """What a Claude call made here would be for."""
    found = _SOURCES.of()
    return None if found is None else found.values(keys or NAMES)


def get(app, path, host="Shop.Example.com:8443", root=""):
    async def run():
        transport = httpx2.ASGITransport(app=app, root_path=root)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get(path, headers={"host": host, "x-tenant": "t-1"})

    return asyncio.run(run())


def tenant_of(scope):
    return {"tenant": dict(scope["headers"])[b"x-tenant"].decode(), "user": None}


def fast():
    """A FastAPI application with nested routers and a mounted one; `seen` is what calls got."""
    seen = []
    app, outer, inner, mounted = FastAPI(), APIRouter(prefix="/v1"), APIRouter(), FastAPI()

    @inner.get("/items/{item}")
    def item(item: int):  # runs in a thread
        seen.append(here())

    @inner.get("/tasks/{item:path}")
    async def tasks(item: str):
        async def work():
            seen.append(here())

        await asyncio.gather(*(asyncio.create_task(work()) for _ in range(3)))
        await asyncio.to_thread(lambda: seen.append(here()))

    @app.get("/stream")
    async def stream():
        async def body():
            for _ in range(2):
                seen.append(here())
                yield b"x"

        return StreamingResponse(body())

    def known():
        identify(user="u-7", tenant=None)  # a dependency in a thread of its own

    @app.get("/login", dependencies=[Depends(known)])
    async def login():
        seen.append(here())

    @mounted.get("/x/{y}")
    async def x(y: str):
        seen.append(here())

    outer.include_router(inner, prefix="/deep/{org}")
    app.include_router(outer)
    app.mount("/shops/{shop}", mounted)
    return app, seen


@pytest.mark.parametrize(
    ("path", "endpoint", "times"),
    [
        ("/v1/deep/acme/items/3", "/v1/deep/{org}/items/{item}", 1),
        ("/v1/deep/acme/tasks/a/b/c", "/v1/deep/{org}/tasks/{item:path}", 4),
        ("/shops/9/x/3", "/shops/{shop}/x/{y}", 1),
        ("/stream", "/stream", 2),
    ],
)
@pytest.mark.parametrize("root", ["", "/proxy"])
def test_fastapi(path, endpoint, times, root):
    app, seen = fast()
    assert get(AsgiAttribution(app, tenant_of), root + path, root=root).status_code == 200
    assert seen == [(endpoint, "shop.example.com", None, "t-1")] * times
    assert here() is None


def test_as_fastapis_own_middleware_and_what_a_dependency_learns():
    app, seen = fast()

    async def who(scope):
        await asyncio.sleep(0)
        return tenant_of(scope)

    app.add_middleware(AsgiAttribution, who=who)
    assert get(app, "/login").status_code == 200
    assert seen == [("/login", "shop.example.com", "u-7", "t-1")]
    identify(user="nobody")
    assert here() is None


@pytest.mark.parametrize("outside", [False, True])
def test_fastapis_own_telemetry_begins_a_new_context(watched, client, ask, outside):
    """It is outside of what is added to the application, and inside of what is put around it."""
    own: Any = {"tracer_provider": watched.tracers, "auto_configure": False}
    native = "telemetry" in inspect.signature(FastAPI).parameters
    app = FastAPI(telemetry=own) if native else FastAPI()

    @app.get("/ask/{a}")
    async def page(a: str) -> None:
        create = functools.partial(client.messages.create, **ask())
        await asyncio.to_thread(create)
        with ThreadPoolExecutor() as pool:
            pool.submit(attribution.wrap(create)).result()

    if outside:
        served: Any = AsgiAttribution(app, tenant_of)
    else:
        served = app
        app.add_middleware(AsgiAttribution, who=tenant_of)
    assert get(served, "/ask/1").status_code == 200
    calls = [span.attributes or {} for span in watched.spans if span.name.startswith("chat")]
    assert [call.get(semconv.TENANT) for call in calls] == ["t-1", "t-1"]
    assert [call.get(semconv.ENDPOINT) for call in calls] == ["/ask/{a}"] * 2


def test_starlette():
    seen = []

    async def page(_request):
        seen.append(here())
        return PlainTextResponse("")

    routes = [Mount("/m/{a}", routes=[Route("/p/{b}", page)]), Route("/q", page)]
    app = AsgiAttribution(Starlette(routes=routes))
    get(app, "/m/1/p/2", host="[::1]:8000")
    get(app, "/q", host="")
    assert seen == [("/m/{a}/p/{b}", "[::1]", None, None), ("/q", None, None, None)]


def test_blocks_beat_the_request():
    seen = []

    async def page(_request):
        with attribution(endpoint="own", tenant="mine"):
            seen.append(here())
        return PlainTextResponse("")

    get(AsgiAttribution(Starlette(routes=[Route("/q", page)]), tenant_of), "/q")
    assert seen == [("own", "shop.example.com", None, "mine")]


@pytest.mark.parametrize(
    ("who", "faults"),
    [
        (lambda _: 1 / 0, {"web.who": 1}),
        (lambda _: "no mapping", {"web.who": 1}),
        (lambda _: None, {}),
    ],
)
def test_a_fault_in_who_harms_nobody(who, faults):
    _faults.drain()
    app, seen = fast()
    assert get(AsgiAttribution(app, who), "/login").status_code == 200
    assert seen == [("/login", "shop.example.com", "u-7", None)]
    assert _faults.drain() == faults


def test_lifespan_and_the_applications_own_exceptions_pass():
    class OddError(Exception):
        pass

    async def app(scope, receive, send):
        raise OddError(scope["type"])

    for kind in ("lifespan", "http", "websocket"):
        with pytest.raises(OddError, match=kind):
            asyncio.run(AsgiAttribution(app)({"type": kind}, None, None))
    assert here() is None


# --- WSGI --------------------------------------------------------------------------------------


def wsgi_get(app, path):
    with httpx2.Client(
        transport=httpx2.WSGITransport(app=app), base_url="http://shop.example.com"
    ) as client:
        return client.get(path, headers={"x-tenant": "t-1"})


def test_flask_with_streams_and_threads():
    seen = []
    app = flask.Flask(__name__)

    @app.get("/items/<int:item>")
    def item(item):
        identify(user=item)
        seen.append(here())
        with ThreadPoolExecutor() as pool:
            pool.submit(attribution.wrap(lambda: seen.append(here()))).result()
        return "x"

    @app.get("/stream/<name>")
    def stream(name):
        def body():
            for _ in range(2):
                seen.append(here())
                yield b"x"

        return flask.Response(body())

    app.wsgi_app = WsgiAttribution(  # type: ignore[method-assign] # as Flask's documentation says
        app.wsgi_app, lambda environ: {"tenant": environ["HTTP_X_TENANT"]}
    )
    assert wsgi_get(app, "/items/3").text == "x"
    assert wsgi_get(app, "/stream/abc").text == "xx"
    assert seen == [
        *[("/items/<int:item>", "shop.example.com", "3", "t-1")] * 2,
        *[("/stream/<name>", "shop.example.com", None, "t-1")] * 2,
    ]
    assert here() is None


def test_bodies_are_closed_and_files_and_lists_pass_as_they_are():
    closed = []

    class Wrapper:
        def __init__(self, file):
            self.file = file

        def __iter__(self):
            return iter([b"file"])

    class Body:
        def __iter__(self):
            return iter([here()[1].encode()])

        def close(self):
            closed.append(here())

    environ = {"HTTP_HOST": "a.test", "wsgi.file_wrapper": Wrapper, "PATH_INFO": "/"}
    for body in ([b"list"], (b"tuple",), Wrapper(None)):
        assert WsgiAttribution(lambda *_, body=body: body)(dict(environ), None) is body
    made = WsgiAttribution(lambda *_: Body())(dict(environ), None)
    assert list(made) == [b"a.test"]
    made.close()  # type: ignore[attr-defined] # it has one
    assert closed == [(None, "a.test", None, None)]
    plain = WsgiAttribution(lambda *_: iter([b"x"]))(dict(environ), None)
    assert next(iter(plain)) == b"x"
    plain.close()  # type: ignore[attr-defined] # harmless where the body has none
    assert here() is None


def test_what_a_streamed_body_enters_holds_until_it_leaves_it():
    seen = []

    def app(_environ, _start):
        with attribution(user="u-7"):
            for _ in range(2):
                seen.append(here())
                yield b"x"
        seen.append(here())

    for _ in WsgiAttribution(app)({"HTTP_HOST": "a.test"}, None):
        assert here() is None, "the server is outside"
    assert seen == [*[(None, "a.test", "u-7", None)] * 2, (None, "a.test", None, None)]


def test_a_fault_in_who_harms_no_wsgi_application():
    _faults.drain()
    seen = []

    def app(_environ, _start):
        seen.append(here())
        return [b"x"]

    def broken(_environ) -> Any:
        raise LookupError

    assert WsgiAttribution(app, broken)({"HTTP_HOST": "a.test"}, None) == [b"x"]
    assert seen == [(None, "a.test", None, None)]
    assert _faults.drain() == {"web.who": 1}


DJANGO = """
import asyncio, sys
import django
from django.conf import settings
from django.http import HttpResponse
from django.urls import include, path

seen = []

def view(request, **_):
    from tests.attribution.test_web import here
    seen.append(here())
    return HttpResponse("ok")

nested = [path("items/<int:item>", view)]
urlpatterns = [path("shop/<slug:s>/", include(nested))]
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], DEBUG=False)
django.setup()
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from otel_claude.web import AsgiAttribution, WsgiAttribution
from tests.attribution.test_web import get, wsgi_get

assert wsgi_get(WsgiAttribution(get_wsgi_application()), "/shop/a/items/3").text == "ok"
assert get(AsgiAttribution(get_asgi_application()), "/shop/a/items/3").text == "ok"
assert get(AsgiAttribution(get_asgi_application()), "/nowhere").status_code == 404
print(seen)
"""


def test_django():
    """In a process of its own: Django's settings are the process's."""
    import subprocess
    import sys

    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DJANGO.replace("__name__", "'__main__'")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    route = "/shop/<slug:s>/items/<int:item>"
    assert run.stdout.strip() == str([(route, "shop.example.com", None, None)] * 2), run.stderr[
        -2000:
    ]


def test_calls_after_the_request_still_know_it(watched, client, ask):
    """A job that a request left behind, in a thread of its own."""
    gate, threads = threading.Event(), []

    def work():
        gate.wait(10)
        client.messages.create(**ask())

    async def page(_request):
        threads.append(threading.Thread(target=attribution.wrap(work)))
        threads[0].start()
        return PlainTextResponse("")

    get(AsgiAttribution(Starlette(routes=[Route("/q/{a}", page)]), tenant_of), "/q/1")
    gate.set()
    threads[0].join()
    attributes = watched.attributes
    assert attributes[semconv.ENDPOINT] == "/q/{a}"
    assert attributes[semconv.TENANT] == "t-1"
    assert attributes[semconv.TAG_PREFIX + "domain"] == "shop.example.com"
    assert _attribution.current() is None
