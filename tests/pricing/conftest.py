from __future__ import annotations

from typing import Any


def pytest_configure(config: Any) -> None:
    config.addinivalue_line(
        "markers", "crosscheck: compares the price book with other public tables, where installed"
    )
