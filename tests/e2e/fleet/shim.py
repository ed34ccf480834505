"""ClickHouse's HTTP interface in front of chDB, as far as its client uses it.

    python shim.py FOLDER USER PASSWORD

Prints the port that it listens at. Runs in the environment of `.ci/chdb.sh`, which has nothing
else: standard library and chDB alone.
"""

from __future__ import annotations

import base64
import re
import sys
import threading
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from chdb.session import (
    Session,  # type: ignore[import-not-found,unused-ignore] # not with the suite
)

folder, user, password = sys.argv[1:4]
_ALLOWED = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
_WRONG = "Code: 516. DB::Exception: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)"
_turn = threading.Lock()
_session = Session(folder)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _values(text: bytes, kind: str) -> dict[str, str]:
    """The fields of a form."""
    message: Any = BytesParser(policy=HTTP).parsebytes(
        f"content-type: {kind}\r\n\r\n".encode() + text
    )
    return {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True).decode()
        for part in message.iter_parts()
    }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(200, b"Ok.\n")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        asked = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        kind = self.headers.get("content-type", "")
        if kind.startswith("multipart/form-data"):
            asked |= _values(body, kind)
            body = b""
        if self.headers.get("authorization") != _ALLOWED:
            self._answer(403, _WRONG.encode(), 516)
            return
        try:
            found = self._run(asked, body.decode())
        except RuntimeError as error:
            code = re.search(r"Code: (\d+)", str(error))
            self._answer(400, str(error).encode(), int(code.group(1)) if code else 1)
        else:
            self._answer(200, found)

    def _run(self, asked: dict[str, str], body: str) -> bytes:
        sql = "\n".join(part for part in (asked.get("query"), body) if part)
        with _turn:
            if database := asked.get("database"):
                _session.query(f"USE `{database}`")
            for name, value in asked.items():
                if name.startswith("param_"):
                    _session.query(f"SET {name} = {_quoted(value)}")
            # As the server does where the question names no format.
            return bytes(_session.query(sql, asked.get("default_format", "TabSeparated")).bytes())

    def _answer(self, status: int, body: bytes, code: int | None = None) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        if code is not None:
            self.send_header("x-clickhouse-exception-code", str(code))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
