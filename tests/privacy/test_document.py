"""docs/privacy.md says what truly leaves."""

from __future__ import annotations

from otel_claude.privacy.detectors import KINDS
from otel_claude.settings import CONTENT

from . import figures, leaving


def _text() -> str:
    return figures.DOCUMENT.read_text(encoding="utf-8")


def test_the_table_of_what_leaves_is_true():
    assert leaving.with_table(_text()) == _text(), "python -m tests.privacy.leaving"


def test_the_figures_are_these():
    assert figures.with_figures(_text()) == _text(), "python -m tests.privacy.figures"


def test_every_kind_of_secret_and_of_content_is_named():
    for name in (*KINDS, *CONTENT):
        assert f"`{name}`" in _text()
