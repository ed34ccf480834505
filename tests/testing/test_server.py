"""The server itself: ledger, reset, command line, plugin, imports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import anthropic

from otel_claude.testing import Emulator

if TYPE_CHECKING:
    import pytest

pytest_plugins = ["pytester"]


def fetch(url: Any, data: Any = None) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, data)) as response:
        return json.loads(response.read())


def test_ledger_knows_who_asked(api: Emulator, client: Any, ask: Any) -> None:
    headers = {"x-emulator-tag": "checkout"}
    message = client.messages.create(**ask(metadata={"user_id": "u-1"}, extra_headers=headers))
    entry = api.ledger[0]
    assert (entry.seq, entry.user_id, entry.tag) == (1, "u-1", "checkout")
    assert entry.request_id == message._request_id
    assert entry.message_id == message.id
    assert entry.complete
    assert fetch(f"{api.url}/_emulator/ledger") == [entry.to_dict()]


def test_requests_and_reset(api: Emulator, client: Any, ask: Any) -> None:
    first = client.messages.create(**ask())
    (request,) = api.requests
    assert (request.method, request.path) == ("POST", "/v1/messages")
    assert request.headers["anthropic-version"]
    assert request.json["model"] == "claude-sonnet-5-5"
    shown = fetch(f"{api.url}/_emulator/requests")[0]
    assert "sk-ant-test" not in json.dumps(shown)
    fetch(f"{api.url}/_emulator/reset", b"")
    assert (len(api.ledger), api.requests) == (0, [])
    assert client.messages.create(**ask()).id == first.id


def test_seed_decides(ask: Any) -> None:
    def first_id(seed: int) -> str:
        with Emulator(seed) as api, anthropic.Anthropic(api_key="k", base_url=api.url) as client:
            return str(client.messages.create(**ask()).id)

    assert first_id(1) == first_id(1) != first_id(2)


def test_repeating_a_request_gives_another_answer(client: Any, ask: Any) -> None:
    assert client.messages.create(**ask()).id != client.messages.create(**ask()).id


def test_start_and_stop_are_fast() -> None:
    started = time.perf_counter()
    for _ in range(20):
        with Emulator():
            pass
    assert time.perf_counter() - started < 2


def test_a_call_is_cheap(api: Emulator, client: Any, ask: Any) -> None:
    client.messages.create(**ask())
    import http.client

    connection = http.client.HTTPConnection(api.url.removeprefix("http://"))
    body, headers = json.dumps(ask()), {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    started = time.perf_counter()
    for _ in range(200):
        connection.request("POST", "/v1/messages", body, headers)
        connection.getresponse().read()
    spent = (time.perf_counter() - started) / 200
    connection.close()
    assert spent < 0.01  # about 0.0003 on an idle machine


def test_chunked_and_garbage_requests(api: Emulator) -> None:
    import http.client
    import socket

    host = api.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host)
    body = b'{"model":"claude-opus-5-5","max_tokens":5,"messages":[{"role":"user","content":"x"}]}'
    headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    headers["transfer-encoding"] = "chunked"
    connection.request(
        "POST", "/v1/messages", iter([body[:20], body[20:]]), headers, encode_chunked=True
    )
    assert connection.getresponse().status == 200
    connection.close()
    name, _, port = host.partition(":")
    with socket.create_connection((name, int(port))) as sock:
        sock.sendall(b"nonsense\r\n\r\n")
        assert sock.recv(10) == b""
    assert fetch(f"{api.url}/_emulator/ledger") is not None


def test_command_line() -> None:
    command = [sys.executable, "-m", "otel_claude.testing", "--seed", "4"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert fetch(f"{url}/_emulator/ledger") == []
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert errors == ""


def test_command_line_says_that_the_port_is_taken() -> None:
    with Emulator() as api:
        port = api.url.rpartition(":")[2]
        done = subprocess.run(
            [sys.executable, "-m", "otel_claude.testing", "--port", port],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"port {port} cannot be listened at: ")
    assert done.stderr.count("\n") == 1


def test_import_is_light() -> None:
    code = (
        "import sys, otel_claude.testing;"
        "bad = {'pytest', 'anthropic', 'opentelemetry', 'wrapt'} & set(sys.modules);"
        "sys.exit(str(bad) if bad else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_pytest_plugin(pytester: pytest.Pytester) -> None:
    pytester.makeconftest('pytest_plugins = ["otel_claude.testing.pytest_plugin"]')
    pytester.makepyfile(
        """
        import anthropic

        def test_it(claude_api):
            with anthropic.Anthropic() as client:
                asked = {"model": "claude-opus-5-5", "max_tokens": 9}
                client.messages.create(**asked, messages=[{"role": "user", "content": "hi"}])
            assert len(claude_api.ledger) == 1
        """
    )
    pytester.runpytest("-p", "no:cacheprovider").assert_outcomes(passed=1)
    assert "ANTHROPIC_BASE_URL" not in os.environ
