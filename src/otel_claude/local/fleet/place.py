"""Where a ClickHouse server is, as a URL says it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from otel_claude.local.engine import CLICKHOUSE
from otel_claude.local.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

USER: Final = "CLICKHOUSE_USER"
PASSWORD: Final = "CLICKHOUSE_PASSWORD"  # noqa: S105 - the name of a variable, no secret
_PORTS: Final = {False: 8123, True: 8443}
_NATIVE: Final = (9000, 9440)
_SHAPE: Final = f"{CLICKHOUSE}://user:password@host:port/database"
_YES: Final = ("1", "true", "yes", "on")
_NO: Final = ("0", "false", "no", "off")


class FleetError(StoreError):
    """ClickHouse cannot be asked; the message says why and what to do, and holds no password."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Place:
    """A database of a server, and who asks it.

    Attributes:
        host: name or number.
        port: of its HTTP interface.
        database: where the collector's exporter writes.
        user: who asks.
        password: of the user; never shown.
        secure: whether it is asked over TLS.
    """

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    secure: bool = False

    def __str__(self) -> str:
        """What may be shown of it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{CLICKHOUSE}://{self.user}@{host}:{self.port}/{self.database}"


def place_of(url: str, environ: Mapping[str, str] = os.environ) -> Place:
    """A place from `clickhouse://user:password@host:port/database[?secure=1]`.

    What the URL leaves out: user and password from `CLICKHOUSE_USER` and `CLICKHOUSE_PASSWORD`,
    else `default` without one; port 8123 (8443 with `secure`); database `otel`.

    Raises:
        FleetError: it is no such URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts = None
    if parts is None or parts.scheme != CLICKHOUSE or not parts.hostname or parts.fragment:
        raise FleetError(f"--from takes {_SHAPE}")  # not what was given: it may hold a password
    secure = _secure(parts.query)
    if port in _NATIVE:
        raise FleetError(
            f"port {port} is ClickHouse's native one; questions go to its HTTP port "
            f"(by default {_PORTS[secure]})"
        )
    database = unquote(parts.path.strip("/")) or "otel"
    if "/" in database:
        raise FleetError(f"--from takes {_SHAPE}")
    return Place(
        host=parts.hostname,
        port=port or _PORTS[secure],
        database=database,
        user=unquote(parts.username or "") or environ.get(USER) or "default",
        password=unquote(parts.password or "") or environ.get(PASSWORD) or "",
        secure=secure,
    )


def _secure(query: str) -> bool:
    said = dict(parse_qsl(query, keep_blank_values=True))
    value = said.pop("secure", "0").lower()
    if said:
        raise FleetError(f"--from knows ?secure=1, and not {', '.join(map(repr, said))}")
    if value not in _YES + _NO:
        raise FleetError(f"--from: secure takes 1 or 0, not {value!r}")
    return value in _YES
