"""Every option, in one table: `instrument()` keyword, YAML key and environment variable.

Option `x` is `instrument(x=...)`, the key `x` in a declarative configuration file and the
environment variable `OTEL_CLAUDE_X`; argument or YAML beats environment beats default.
A bad value never stops the application: one warning names the setting and the default used.
"""

from __future__ import annotations

import difflib
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("otel_claude")

PREFIX: Final = "OTEL_CLAUDE_"
_MOST_VALUES: Final = 10_000
_SHORTEST_KEY: Final = 16


class BadSettingError(ValueError):
    """A value that a setting cannot take; the message says what it takes."""


def _switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        word = value.strip().lower()
        if word in ("true", "1", "yes", "on"):
            return True
        if word in ("false", "0", "no", "off"):
            return False
    raise BadSettingError("it takes true or false")


def _one_of(*choices: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if isinstance(value, str) and value.strip().lower() in choices:
            return value.strip().lower()
        raise BadSettingError(f"it takes one of {', '.join(choices)}")

    return read


def _names(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = value.split(",")
    if isinstance(value, list | tuple | set | frozenset) and all(
        isinstance(name, str) for name in value
    ):
        return tuple(dict.fromkeys(name.strip() for name in value if name.strip()))
    raise BadSettingError("it takes a list of names (in the environment: separated by commas)")


def _pairs(value: object) -> tuple[tuple[str, str], ...]:
    """`key=value` pairs; the value is empty where there is only a key."""
    if isinstance(value, Mapping):
        pairs = [(k, "" if v is None else v) for k, v in value.items()]
    else:
        split = [name.partition("=") for name in _names(value)]
        pairs = [(key.strip(), text.strip()) for key, _, text in split]
    if not all(isinstance(k, str) and k and isinstance(v, str | int) for k, v in pairs):
        raise BadSettingError("it takes key=value pairs (in the environment: separated by commas)")
    return tuple({k: str(v) for k, v in pairs}.items())


def _said(value: object) -> tuple[tuple[str, str], ...]:
    pairs = _pairs(value)
    if not all(text for _, text in pairs):
        raise BadSettingError("it takes key=value pairs (in the environment: separated by commas)")
    return pairs


def _count(value: object) -> int:
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MOST_VALUES:
        return value
    raise BadSettingError(f"it takes a whole number from 1 to {_MOST_VALUES}")


def _key(value: object) -> bytes:
    """A secret key: itself, or `file:` and the path of a file that holds it."""
    if isinstance(value, str) and value.startswith("file:"):
        try:
            value = Path(value[len("file:") :]).read_bytes().strip()
        except (OSError, ValueError) as problem:
            kind = type(problem).__name__
            raise BadSettingError(f"its file cannot be read ({kind})") from None
    key = value.encode() if isinstance(value, str) else value
    if isinstance(key, bytes) and len(key) >= _SHORTEST_KEY:
        return key
    raise BadSettingError(f"it takes {_SHORTEST_KEY} characters or more, or file: and a path")


def _seconds(value: object) -> float | None:
    if value is None or value == "":
        return None
    if not isinstance(value, bool) and isinstance(value, int | float | str):
        try:
            seconds = float(value)
        except (ValueError, OverflowError):
            seconds = -1.0
        if 0 < seconds < float("inf"):
            return seconds
    raise BadSettingError("it takes a positive number of seconds")


def _path(value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, str | os.PathLike):
        return os.fspath(value)
    raise BadSettingError("it takes the path of a file")


@dataclass(frozen=True, slots=True)
class Option:
    """One option: how it is read, and what is used where it is not set.

    `instead` makes what is used in place of a bad value, where the default would be no help, and
    `instead_note` says what that is. The values of such options are secrets, and never shown.
    """

    read: Callable[[object], Any]
    default: Any
    takes: str
    note: str
    instead: Callable[[], Any] | None = None
    instead_note: str = ""


OPTIONS: Final[Mapping[str, Option]] = {
    "enabled": Option(_switch, True, "true, false", "Off: nothing is patched or recorded."),
    "semconv": Option(
        _one_of("released", "latest", "both"),
        "released",
        "released, latest, both",
        "Generation of the standard GenAI metrics.",
    ),
    "strict": Option(
        _switch,
        False,
        "true, false",
        "Only what the GenAI conventions declare: no `claude.*`, no `anthropic.*`, no cost.",
    ),
    "native": Option(
        _one_of("replace", "adopt"),
        "replace",
        "replace, adopt",
        "The SDK's own span of a call: ours in its place, or our attributes on it.",
    ),
    "metric_attribution": Option(
        _names,
        ("tenant", "team", "feature", "endpoint"),
        "list of names",
        "Attribution keys that become metric labels; keep those with few values.",
    ),
    "metric_label_values": Option(
        _count,
        100,
        "a number",
        "So many values of each label are kept apart; further ones count as `other`.",
    ),
    "attribution": Option(
        _said,
        (),
        "key=value pairs",
        "What calls are for where nothing else says it, e.g. `team=search`.",
    ),
    "user_from_metadata": Option(
        _switch, False, "true, false", "Take `metadata.user_id` of a request as its user."
    ),
    "baggage_keys": Option(
        _pairs,
        (),
        "key, or key=name, pairs",
        "Attribution keys that are read from W3C baggage, and under which name.",
    ),
    "hash_key": Option(
        _key,
        None,
        "a key, or file:PATH",
        "User ids are replaced by a hash with this key, before anything leaves.",
        instead=lambda: os.urandom(32),
        instead_note="User ids are hashed with a random key, which only this process has.",
    ),
    "prices": Option(
        _path, None, "path of a JSON file", "Prices of your own: discounts, deployment names."
    ),
    "refresh_prices": Option(
        _path,
        None,
        "path or URL",
        "A newer price book, fetched in the background; see docs/pricing.md.",
    ),
    "log_calls": Option(
        _switch, False, "true, false", "One JSON line per call on the logger `otel_claude.calls`."
    ),
    "slow_call_seconds": Option(
        _seconds, None, "seconds", "Calls that take longer get one warning with their trace id."
    ),
    "flush_on_sigterm": Option(
        _switch,
        True,
        "true, false",
        "Send what was recorded before SIGTERM ends the process, where it has no handler.",
    ),
    "time_per_output_chunk": Option(
        _switch,
        False,
        "true, false",
        "Record the time between the events of a stream (costs time).",
    ),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """The options in force. Built by `load`, never by hand outside tests."""

    enabled: bool = True
    semconv: str = "released"
    strict: bool = False
    native: str = "replace"
    metric_attribution: tuple[str, ...] = ("tenant", "team", "feature", "endpoint")
    metric_label_values: int = 100
    attribution: tuple[tuple[str, str], ...] = ()
    user_from_metadata: bool = False
    baggage_keys: tuple[tuple[str, str], ...] = ()
    hash_key: bytes | None = field(default=None, repr=False)
    prices: str | None = None
    refresh_prices: str | None = None
    log_calls: bool = False
    slow_call_seconds: float | None = None
    flush_on_sigterm: bool = True
    time_per_output_chunk: bool = False

    @classmethod
    def load(
        cls, given: Mapping[str, object], environ: Mapping[str, str] | None = None
    ) -> Settings:
        """Settings from arguments (or YAML) and the environment. Never raises.

        Args:
            given: options as keywords; `None` means "not given".
            environ: the environment, `os.environ` by default.
        """
        environ = os.environ if environ is None else environ
        for name in given.keys() - OPTIONS.keys():
            near = difflib.get_close_matches(name, OPTIONS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            logger.warning(
                "otel-claude: there is no setting %r%s It is ignored.", name, hint or "."
            )
        values = {}
        for name, option in OPTIONS.items():
            if (value := given.get(name)) is not None:
                values[name] = _read(name, option, value)
            elif (value := environ.get(PREFIX + name.upper())) not in (None, ""):
                values[name] = _read(PREFIX + name.upper(), option, value)
        return cls(**values)

    def differences(self, other: Settings) -> list[str]:
        """Names of the options in which `other` differs."""
        return [f.name for f in fields(self) if getattr(self, f.name) != getattr(other, f.name)]


def _read(name: str, option: Option, value: object) -> Any:
    try:
        return option.read(value)
    except BadSettingError as problem:
        if option.instead is not None:
            logger.warning(
                "otel-claude: setting %s cannot be used: %s. %s",
                name,
                problem,
                option.instead_note,
            )
            return option.instead()
        logger.warning(
            "otel-claude: setting %s cannot be %r: %s. The default is used: %r.",
            name,
            value,
            problem,
            option.default,
        )
        return option.default
