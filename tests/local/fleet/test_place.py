"""Addresses of ClickHouse, and that passwords in them are not shown."""

from __future__ import annotations

import pytest

from otel_claude.local.address import engine_of
from otel_claude.local.engine import is_clickhouse
from otel_claude.local.fleet.place import FleetError, place_of
from otel_claude.local.store import Store, StoreError


def place(url, **environ):
    return place_of(url, environ)


def test_all_of_it():
    found = place("clickhouse://ana:p%40ss%2F@ch.example:8124/claude?secure=1")
    assert (found.host, found.port, found.database) == ("ch.example", 8124, "claude")
    assert (found.user, found.password, found.secure) == ("ana", "p@ss/", True)
    assert str(found) == "clickhouse://ana@ch.example:8124/claude"
    assert "p@ss" not in repr(found)


def test_what_is_left_out():
    found = place("clickhouse://ch.example")
    assert (found.port, found.database, found.user, found.password) == (8123, "otel", "default", "")
    assert place("clickhouse://ch.example/?secure=true").port == 8443
    said = {"CLICKHOUSE_USER": "bob", "CLICKHOUSE_PASSWORD": "from the environment"}
    found = place("clickhouse://ch.example", **said)
    assert (found.user, found.password) == ("bob", "from the environment")
    assert place("clickhouse://ana:x@ch.example", **said).user == "ana"
    assert str(place("clickhouse://[::1]/x")) == "clickhouse://default@[::1]:8123/x"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("clickhouse://ana:geheim@:8123/x", "takes clickhouse://"),
        ("clickhouse://ana:geheim@h:port/x", "takes clickhouse://"),
        ("clickhouse://ana:geheim@h/x/y", "takes clickhouse://"),
        ("clickhouse://ana:geheim@h/x#y", "takes clickhouse://"),
        ("clickhouse:ana:geheim", "takes clickhouse://"),
        ("clickhouse://ana:geheim@h:9000/x", "8123"),
        ("clickhouse://ana:geheim@h:9440/x?secure=1", "8443"),
        ("clickhouse://ana:geheim@h/x?secure=maybe", "1 or 0"),
        ("clickhouse://ana:geheim@h/x?compress=1", "'compress'"),
    ],
)
def test_no_addresses(url, said):
    with pytest.raises(FleetError, match=r"clickhouse|port|secure") as caught:
        place(url)
    assert said in str(caught.value)
    assert "geheim" not in str(caught.value)
    assert is_clickhouse(url)


def test_no_file_is_made_of_an_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match="address") as caught:
        Store("postgres://ana:geheim@h/x")
    with pytest.raises(StoreError), engine_of("postgres://ana:geheim@h/x"):
        pass
    assert "geheim" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
