"""Which settings are in effect, where each came from, and what follows from them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from otel_claude.audit.policy import Policy, PolicyError
from otel_claude.budgets.load import load as load_budgets
from otel_claude.cli.doctor.findings import Finding, note, ok, problem, warning
from otel_claude.cli.up import TOKEN
from otel_claude.emit.content import Contents
from otel_claude.instrumentor import config_file_section
from otel_claude.pricing import PRICE_BOOK_VERSION
from otel_claude.settings import OPTIONS, PREFIX, Settings, strangers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OLD: Final = 60  # days after which prices may have changed


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its value as text, and where that came from."""

    name: str
    value: str
    source: str


def in_effect(environ: Mapping[str, str]) -> tuple[list[Setting], list[Finding]]:
    """Every setting of an application that is started in this environment.

    What an application passes to `instrument()` itself cannot be seen from outside.
    """
    section = config_file_section(environ)
    heard = _Warnings()
    logger = logging.getLogger("otel_claude")
    logger.addHandler(heard)
    quiet, logger.propagate = logger.propagate, False
    try:
        settings = Settings.load(section, environ)
        if settings.wants_content:
            Contents(settings)  # what it cannot honour, it says
    finally:
        logger.removeHandler(heard)
        logger.propagate = quiet
    rows = [_row(name, settings, section, environ) for name in OPTIONS]
    return rows, [*_unknown(environ), *heard.findings, *_consequences(settings)]


class _Warnings(logging.Handler):
    """What is said of settings that cannot be used."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.findings: list[Finding] = []

    def emit(self, record: logging.LogRecord) -> None:
        says = record.getMessage().removeprefix("otel-claude: ")
        self.findings.append(warning("settings", says, "correct it; the README lists all of them"))


def _row(
    name: str, settings: Settings, section: Mapping[str, Any], environ: Mapping[str, str]
) -> Setting:
    option = OPTIONS[name]
    value: Any = getattr(settings, name)
    source = "default"
    if section.get(name) is not None:
        source = "OTEL_CONFIG_FILE"
    elif environ.get(PREFIX + name.upper()):
        source = PREFIX + name.upper()
    elif option.standard and environ.get(option.standard):
        source = option.standard
    if value is None or value == ():
        shown = "-"
    elif isinstance(value, bytes):  # a key
        shown = "(set)"
    elif isinstance(value, bool):
        shown = "true" if value else "false"
    elif isinstance(value, tuple):
        shown = ", ".join(map(str, value))
    else:
        shown = str(value)
        # Policies and addresses may have a password in them, and this is what people show around.
        if "://" in shown or shown.startswith(("{", "[")):
            shown = "(given)"
    return Setting(name, shown, source)


def _unknown(environ: Mapping[str, str]) -> Iterator[Finding]:
    for name, meant in strangers(environ).items():
        if not meant and name != TOKEN:  # the application itself says where one was meant
            says = f"there is no setting {name}"
            yield warning("settings", says, "the README lists all of them")


def _consequences(settings: Settings) -> Iterator[Finding]:
    if not settings.enabled:
        yield problem("settings", "enabled is false: nothing is recorded", "set it to true")
    yield _content(settings)
    yield from _policies(settings)
    yield _prices(settings)


def _content(settings: Settings) -> Finding:
    if not settings.wants_content and settings.capture != "none":
        says = "prompts and answers are not recorded, because a setting of theirs is wrong"
        return problem("content", says, "correct it; docs/privacy.md has them all")
    if settings.capture == "none":
        says = "prompts and answers are not recorded"
        return note("content", says, "to record them: OTEL_CLAUDE_CAPTURE=span")
    says = f"prompts and answers are recorded: {settings.capture}"
    if not settings.redact:
        return warning("content", f"{says}, and nothing is redacted", "set redact")
    return ok("content", f"{says}, redacted: {', '.join(settings.redact)}")


def _policies(settings: Settings) -> Iterator[Finding]:
    """Those of budgets and audit, which are otherwise read when the application starts."""
    if settings.budgets is not None:
        wrong = load_budgets(settings.budgets).problems
        for says in wrong:
            yield problem("budgets", says, "`otel-claude budgets check` tells the same")
        if not wrong:
            yield ok("budgets", "its policies can be read")
    if settings.audit is not None:
        try:
            Policy.load(settings.audit)
            yield ok("audit", "its policy can be read")
        except PolicyError as wrong_policy:
            yield problem("audit", str(wrong_policy), "correct it; docs/audit.md has every rule")


def _prices(settings: Settings) -> Finding:
    book = date.fromisoformat(PRICE_BOOK_VERSION)
    age = (datetime.now(timezone.utc).date() - book).days
    if age < 0:
        says = f"of {book}, which is {-age} days from now by this clock"
        return warning("price book", says, "is the date of this machine right?")
    says = f"of {book}, {age} days old"
    if age > _OLD and settings.refresh_prices is None:
        return warning("price book", says, "upgrade otel-claude, or set refresh_prices")
    return ok("price book", says)
