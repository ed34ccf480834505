"""The server: one thread per connection, the standard library only."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from typing import TYPE_CHECKING
from urllib.parse import unquote

from otel_claude.testing import scenarios
from otel_claude.testing.errors import ApiError, body_of
from otel_claude.testing.ledger import Ledger, RecordedRequest
from otel_claude.testing.messages import shape_headers
from otel_claude.testing.routes import dispatch
from otel_claude.testing.scenarios import Scenario
from otel_claude.testing.state import Exchange, State
from otel_claude.testing.wire import HungUp, RawRequest, Reply, Wire

if TYPE_CHECKING:
    from types import TracebackType

    from otel_claude.testing.billing import Billing
    from otel_claude.testing.clock import Clock

ORGANIZATION = "org_emulator"
WORKSPACE = "wrkspc_01Emulator"
MAX_BODY = 32 * 1024 * 1024
_PREFIX = "/scenario/"


class Emulator:
    """A Claude API on 127.0.0.1.

    Args:
        seed: ids and texts derive from it.
        port: port to listen on; 0 for any that is free.
        rate_limit: requests per minute and model that are allowed; None for no enforcement.
        batch_polls: how many times a batch is seen in progress before it has ended.
        max_body: largest request body in bytes; a larger one is a 413.

    Attributes:
        url: base URL, e.g. `http://127.0.0.1:54321`; set by `start`.

    Example:
        >>> with Emulator() as api:
        ...     client = anthropic.Anthropic(api_key="any", base_url=api.url)
    """

    def __init__(
        self,
        seed: int = 0,
        port: int = 0,
        *,
        rate_limit: int | None = None,
        batch_polls: int = 1,
        max_body: int = MAX_BODY,
    ) -> None:
        self._state = State(seed, rate_limit, batch_polls)
        self._port = port
        self._max_body = max_body
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._wires: dict[Wire, threading.Thread] = {}
        self._listener: socket.socket | None = None
        self._acceptor: threading.Thread | None = None
        self.url = ""

    @property
    def ledger(self) -> Ledger:
        """What was served, attempt by attempt; a sequence of `LedgerEntry`."""
        return self._state.ledger

    @property
    def billing(self) -> Billing:
        """What the analytics endpoints bill for the ledger; tests may falsify it."""
        return self._state.billing

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request received, in order; those to `/_emulator/` are left out."""
        return list(self._state.requests)

    @property
    def clock(self) -> Clock:
        """The clock that cache entries, rate limits and batches go by."""
        return self._state.clock

    def reset(self) -> None:
        """Forget ledger, requests, cache, counters, batches, threads and the clock's offset."""
        self._state.reset()

    def scenario(self, text: str) -> str:
        """A base URL whose every request plays this scenario."""
        return f"{self.url}{_PREFIX}{text}"

    def __enter__(self) -> Emulator:  # noqa: PYI034 - typing.Self is 3.11
        """Start."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def start(self) -> Emulator:
        """Listen. Returns itself when requests can be sent."""
        listener = socket.create_server(("127.0.0.1", self._port), backlog=1024)
        self._stop.clear()
        self._listener = listener
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._acceptor = threading.Thread(
            target=self._accept, args=(listener,), name="claude-emulator", daemon=True
        )
        self._acceptor.start()
        return self

    def stop(self) -> None:
        """Close every connection and wait for every thread. May be called twice."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        self._stop.set()
        with contextlib.suppress(OSError), socket.create_connection(listener.getsockname(), 1):
            pass  # wakes the acceptor, on every platform
        if self._acceptor:
            self._acceptor.join(5)
        listener.close()
        with self._lock:
            open_wires = dict(self._wires)
        for wire in open_wires:
            wire.close()
        for thread in open_wires.values():
            thread.join(5)

    def _accept(self, listener: socket.socket) -> None:
        while not self._stop.is_set():
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            if self._stop.is_set():
                sock.close()
                return
            wire = Wire(sock, self._stop, max(self._max_body, 0))
            thread = threading.Thread(target=self._serve, args=(wire,), daemon=True)
            with self._lock:
                self._wires[wire] = thread
            thread.start()

    def _serve(self, wire: Wire) -> None:
        try:
            while not self._stop.is_set():
                request = wire.read()
                wire.send(self._answer(request))
                if request.headers.get("connection", "").lower() == "close":
                    break
        except (HungUp, OSError, ValueError):
            pass  # the client left, or did not speak HTTP
        finally:
            wire.close()
            with self._lock:
                self._wires.pop(wire, None)

    def _answer(self, raw: RawRequest) -> Reply:
        path, scenario_text, query = _split(raw)
        state = self._state
        if not path.startswith("/_emulator/"):
            record = RecordedRequest(
                raw.method, path, query, raw.headers, raw.body, scenario_text, state.clock.now()
            )
            with state.lock:
                state.requests.append(record)
        identity = state.identify(f"{raw.method} {path}", raw.body)
        request_id = identity.id("req")
        scenario, delay = Scenario(scenario_text), 0.0
        try:
            scenario = scenarios.parse(scenario_text)
            _admit(raw, path)
            exchange = Exchange(
                raw.method,
                path,
                query,
                dict(raw.headers),
                raw.body,
                scenario,
                f"{self.url}{_PREFIX}{scenario_text}" if scenario_text else self.url,
                identity,
                request_id,
            )
            late = scenario.get("late_headers")
            delay = late.number(0.1) if late else 0.0
            reply = dispatch(state, exchange)
        except ApiError as error:
            reply = _error(error, request_id, path)
        except Exception as error:
            reply = _error(ApiError(500, f"emulator: {error!r}"), request_id, path)
        reply.delay = delay
        reply.headers = shape_headers(
            {**_identity_headers(path, request_id), **reply.headers}, scenario
        )
        return reply


def _split(raw: RawRequest) -> tuple[str, str, str]:
    """Path, scenario and query of a request; the header wins over the path."""
    target, _, query = raw.target.partition("?")
    text = ""
    if target.startswith(_PREFIX):
        text, _, rest = target[len(_PREFIX) :].partition("/")
        target = f"/{rest}"
    path = target if target.startswith("/model/") else unquote(target)
    return path, raw.headers.get("x-emulator-scenario", text), query


def _admit(raw: RawRequest, path: str) -> None:
    """Check credentials, version and size, as the API does before it reads the body."""
    if path.startswith("/_emulator/"):
        return
    key = raw.headers.get("x-api-key") or raw.headers.get("authorization", "").partition(" ")[2]
    if not key.strip():
        raise ApiError(401, "x-api-key header is required")
    if "invalid" in key:
        raise ApiError(401)
    if raw.too_large:
        raise ApiError(413)
    if path.startswith("/v1/m") and not raw.headers.get("anthropic-version"):
        raise ApiError(400, "anthropic-version: header is required")


def _identity_headers(path: str, request_id: str) -> dict[str, str]:
    if path.startswith("/model/"):
        return {"x-amzn-requestid": request_id}
    return {
        "request-id": request_id,
        "anthropic-organization-id": ORGANIZATION,
        "anthropic-workspace-id": WORKSPACE,
    }


def _error(error: ApiError, request_id: str, path: str) -> Reply:
    body = body_of(error.type, error.message, request_id, error.details)
    if path.startswith("/model/"):
        body = {"message": error.message}
    return Reply(error.status, dict(error.headers), json.dumps(body).encode())
