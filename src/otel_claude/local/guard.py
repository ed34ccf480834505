"""Who may ask: hosts, token, rate, and headers that keep browsers safe."""

from __future__ import annotations

import hmac
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE: Final = "otel_claude_token"
LOOPBACK: Final = frozenset(("localhost", "127.0.0.1", "::1"))
_A_SECOND: Final = 50.0  # questions of one address
_AT_ONCE: Final = 300.0
_ADDRESSES: Final = 1024  # of which the rate is known

_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    # Not no-referrer: forms would then come from the origin "null", as those of other sites do.
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
}
_LOGIN: Final = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>otel-claude</title>
<form method="post" action="/login"><label>Token
<input type="password" name="token" autocomplete="current-password" autofocus></label>
<button>Open</button></form>"""
_FORM: Final = 4096  # bytes of the form


class Guard:
    """Stands before the application.

    Without a token only programs of this machine may ask, by its own names: a page of another
    site that has its name point here (DNS rebinding) is refused. With one, everybody needs it.

    Args:
        app: what is guarded.
        token: what has to be said: `Authorization: Bearer ...`, or a cookie after `/login`.
    """

    def __init__(self, app: ASGIApp, token: str | None = None) -> None:
        self._app = app
        self._token = None if token is None else token.encode()
        self._rates: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = await self._refusal(Request(scope, receive))
        await (refusal or self._app)(scope, receive, with_headers)

    async def _refusal(self, request: Request) -> Response | None:
        headers = request.headers
        if not self._is_own_page(headers):
            return PlainTextResponse("requests of other sites are refused", 403)
        if self._token is None:
            if _host(headers.get("host", "")) not in LOOPBACK:
                return PlainTextResponse("without a token only this machine is served", 403)
        elif request.url.path == "/login" and request.method == "POST":
            return await self._login(request) if self._within_rate(request) else _too_many()
        elif not self._knows_token(request):
            return self._unknown(request)
        if not request.url.path.startswith("/v1/") and not self._within_rate(request):
            return _too_many()
        return None

    def _is_own_page(self, headers: Headers) -> bool:
        """Whether no page of another site asks: there is no CORS."""
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site", "none") != "cross-site"
        try:
            return urlsplit(origin).netloc == headers.get("host")
        except ValueError:  # no address at all
            return False

    def _knows_token(self, request: Request) -> bool:
        kind, _, said = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            said = request.cookies.get(COOKIE, "")
        return self._is_token(said.strip())

    def _is_token(self, said: str) -> bool:
        return self._token is not None and hmac.compare_digest(
            said.encode("utf-8", "replace"), self._token
        )

    def _unknown(self, request: Request) -> Response:
        if not self._within_rate(request):  # guessing is slow
            return _too_many()
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(_LOGIN, 401)
        return PlainTextResponse(
            "a token is needed: Authorization: Bearer ...", 401, {"www-authenticate": "Bearer"}
        )

    async def _login(self, request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _FORM:
                return PlainTextResponse("too long", 413)
        said = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0]
        if not self._is_token(said):
            return HTMLResponse(_LOGIN, 401)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            COOKIE, said, httponly=True, samesite="strict", secure=request.url.scheme == "https"
        )
        return answer

    def _within_rate(self, request: Request) -> bool:
        """A bucket that fills with so many questions a second."""
        address = request.client.host if request.client else ""
        now = time.monotonic()
        left, then = self._rates.pop(address, (_AT_ONCE, now))
        left = min(_AT_ONCE, left + (now - then) * _A_SECOND) - 1
        self._rates[address] = (max(left, -1.0), now)
        if len(self._rates) > _ADDRESSES:
            self._rates.popitem(last=False)
        return left >= 0


def _host(text: str) -> str:
    try:
        return (urlsplit(f"//{text}").hostname or "").lower()
    except ValueError:
        return ""


def _too_many() -> Response:
    return PlainTextResponse("too many requests", 429, {"retry-after": "1"})
