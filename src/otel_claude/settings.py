"""Every option, in one table: `instrument()` keyword, YAML key and environment variable.

Option `x` is `instrument(x=...)`, the key `x` in a declarative configuration file and the
environment variable `OTEL_CLAUDE_X`; argument or YAML beats environment beats default.
A bad value never stops the application: one warning names the setting and the default used.
"""

import json
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

logger = logging.getLogger("otel_claude")

PREFIX: Final = "OTEL_CLAUDE_"
_MOST_VALUES: Final = 10_000
_SHORTEST_KEY: Final = 16
CAPTURE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""The standard variable for `capture`; ours beats it."""


HOOK: Final = "OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK"
"""The standard variable that names a completion hook, which gets content whatever `capture` says."""

_CAPTURE_WORDS: Final[Mapping[str, str]] = {
    **{word: word for word in ("none", "span", "event", "both")},
    "no_content": "none",
    "span_only": "span",
    "event_only": "event",
    "span_and_event": "both",
}
REFUSED: Final = "refused"
"""In place of a setting without which content could leak: none of it leaves then."""
_REFUSAL: Final = "No content is recorded."
CONTENT: Final = ("input", "output", "system", "tools", "tool_schemas", "errors", "media")
"""What content there is, as `capture_content` names it."""


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


def read_key(value: object) -> bytes:
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


def _policy(value: object) -> object:
    """True for the defaults, None for none, else as it is: it is judged where it is put to use."""
    if value is None or value == "":
        return None
    try:
        return _switch(value) or None
    except BadSettingError:
        pass
    if isinstance(value, str | os.PathLike | Mapping):
        return value
    raise BadSettingError("it takes true, a policy, or the path of a file with one")


def _path(value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, str | os.PathLike):
        return os.fspath(value)
    raise BadSettingError("it takes the path of a file")


def _capture(value: object) -> str | Mapping[str, str]:
    """One word for all calls, or words by feature; the feature "" is every other one."""
    if isinstance(value, str):
        pairs = [part.rpartition("=") for part in value.split(",")]
        value = {feature.strip(): word for feature, _, word in pairs}
    if not isinstance(value, Mapping) or not value:
        raise BadSettingError("it takes none, span, event or both, or such a word per feature")
    words: dict[str, str] = {"": "none"}
    for feature, word in value.items():
        found = _CAPTURE_WORDS.get(word.strip().lower()) if isinstance(word, str) else None
        if found is None or not isinstance(feature, str):
            raise BadSettingError("it takes none, span, event or both, or such a word per feature")
        words[feature] = found
    return words if len(words) > 1 else words[""]


def _some_of(*choices: str) -> Callable[[object], tuple[str, ...]]:
    def read(value: object) -> tuple[str, ...]:
        names = _names(value)
        if unknown := [name for name in names if name not in choices]:
            raise BadSettingError(
                f"there is no {unknown[0]!r}, it takes some of {', '.join(choices)}"
            )
        return names

    return read


def _size(value: object) -> int:
    if not isinstance(value, bool) and isinstance(value, int | str):
        try:
            size = int(value)
        except ValueError:
            size = 0
        if size >= 1_024:
            return size
    raise BadSettingError("it takes a number of bytes, 1024 or more")


def _redact(value: object) -> tuple[str, ...]:
    """Kinds to redact; `default` stands for all that are built in. Which there are is not our business."""
    if isinstance(value, str) and value.strip().lower() in ("none", "false", "off", "0", "no"):
        return ()
    if value is False:
        return ()
    if value is True or (isinstance(value, str) and value.strip().lower() in ("true", "on", "1")):
        return ("default",)
    return _names(value)


def _patterns(value: object) -> Mapping[str, str]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if isinstance(value, Mapping) and all(
        isinstance(item, str) and item for pair in value.items() for item in pair
    ):
        return dict(value)
    raise BadSettingError("it takes names with regular expressions (in the environment: as JSON)")


def _policies(value: object) -> object:
    """As it is: what is in it is read, and judged policy by policy, where budgets are set up."""
    if value is None or value == "":
        return None
    if isinstance(value, str | os.PathLike | list | tuple) or hasattr(value, "keys"):
        return value
    if type(value).__name__ == "Budgets":
        return value
    raise BadSettingError("it takes policies, or the path of a file with them")


class Option:
    """One option: how it is read, and what is used where it is not set.

    `instead` makes what is used in place of a bad value, where the default would be no help, and
    `instead_note` says what that is. The values of such options are secrets, and never shown.
    `standard` is a variable of OpenTelemetry that says the same; ours beats it.
    """

    __slots__ = ("default", "instead", "instead_note", "note", "read", "standard", "takes")

    def __init__(
        self,
        read: Callable[[object], Any],
        default: Any,
        takes: str,
        note: str,
        *,
        instead: Callable[[], Any] | None = None,
        instead_note: str = "",
        standard: str = "",
    ) -> None:
        self.read = read
        self.default = default
        self.takes = takes
        self.note = note
        self.instead = instead
        self.instead_note = instead_note
        self.standard = standard


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
        read_key,
        None,
        "a key, or file:PATH",
        "User ids are replaced by a hash with this key, before anything leaves; what is redacted in"
        " content keeps such a hash.",
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
    "capture": Option(
        _capture,
        "none",
        "none, span, event, both; by feature: `none,search=span`",
        "Where prompts and answers are recorded; see docs/privacy.md.",
        standard=CAPTURE,
    ),
    "capture_content": Option(
        _some_of(*CONTENT),
        ("input", "output", "system", "tools", "errors"),
        "list of " + ", ".join(CONTENT),
        "What of them is recorded; images and documents are size and hash without `media`.",
    ),
    "capture_limit": Option(
        _size, 32_768, "bytes", "The most that one attribute of content may take."
    ),
    "redact": Option(
        _redact,
        ("default",),
        "list of kinds, or none",
        "What is replaced in content before it is recorded; kinds in docs/privacy.md.",
        instead=lambda: REFUSED,
        instead_note=_REFUSAL,
    ),
    "redact_patterns": Option(
        _patterns,
        None,
        "names with regular expressions",
        "Further kinds to replace.",
        instead=lambda: REFUSED,
        instead_note=_REFUSAL,
    ),
    "encrypt": Option(
        _path,
        None,
        "path of a file of keys",
        "Content is recorded encrypted; `otel-claude decrypt` reads it.",
        instead=lambda: REFUSED,
        instead_note=_REFUSAL,
    ),
    "budgets": Option(
        _policies,
        None,
        "path of a YAML or JSON file, or policies",
        "What calls may cost, checked before they are sent; see docs/budgets.md.",
    ),
    "audit": Option(
        _policy,
        None,
        "true, or path of a YAML or JSON file with a policy",
        "One audit record per call, chained against changes; see docs/audit.md.",
    ),
    "evaluate": Option(
        _policy,
        None,
        "true, or path of a YAML or JSON file with a policy",
        "Answers are judged after the call, off its path; see docs/quality.md.",
    ),
    "feedback": Option(
        _switch,
        False,
        "true, false",
        "Remember the last 10,000 calls, so that `otel_claude.feedback` finds them by message id.",
    ),
    "log_calls": Option(
        _switch, False, "true, false", "One JSON line per call on the logger `otel_claude.calls`."
    ),
    "slow_call_seconds": Option(
        _seconds, None, "seconds", "Calls that take longer get one warning with their trace id."
    ),
    "summary": Option(
        _switch, False, "true, false", "Remember the last 10,000 calls for `otel_claude.summary()`."
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

_DEFAULTS: Final = {name: option.default for name, option in OPTIONS.items()}


class Settings:
    """The options in force, as `OPTIONS` says them. Built by `load`, never by hand outside tests."""

    enabled: bool
    semconv: str
    strict: bool
    native: str
    metric_attribution: tuple[str, ...]
    metric_label_values: int
    attribution: tuple[tuple[str, str], ...]
    user_from_metadata: bool
    baggage_keys: tuple[tuple[str, str], ...]
    hash_key: bytes | None
    prices: str | None
    refresh_prices: str | None
    capture: str | Mapping[str, str]
    capture_content: tuple[str, ...]
    capture_limit: int
    redact: tuple[str, ...]
    redact_patterns: Mapping[str, str] | None
    encrypt: str | None
    budgets: Any
    audit: Any
    evaluate: Any
    feedback: bool
    log_calls: bool
    slow_call_seconds: float | None
    summary: bool
    flush_on_sigterm: bool
    time_per_output_chunk: bool

    def __init__(self, **said: Any) -> None:
        self.__dict__.update(_DEFAULTS)
        self.__dict__.update(said)

    @classmethod
    def load(
        cls, given: Mapping[str, object], environ: Mapping[str, str] | None = None
    ) -> "Settings":
        """Settings from arguments (or YAML) and the environment. Never raises.

        Args:
            given: options as keywords; `None` means "not given".
            environ: the environment, `os.environ` by default.
        """
        environ = os.environ if environ is None else environ
        for name in given.keys() - OPTIONS.keys():
            logger.warning(
                "otel-claude: there is no setting %r%s It is ignored.", name, _hint(name) or "."
            )
        for name, meant in strangers(environ).items():
            if meant:  # others may be anybody's: of a tool, of a newer version
                logger.warning(
                    "otel-claude: there is no setting %s; did you mean %s? It is ignored.",
                    name,
                    meant,
                )
        values = {}
        for name, option in OPTIONS.items():
            variable = PREFIX + name.upper()
            if (value := given.get(name)) is not None:
                values[name] = _read(name, option, value)
            elif (value := environ.get(variable)) not in (None, ""):
                values[name] = _read(variable, option, value)
            elif option.standard and (value := environ.get(option.standard)):
                values[name] = _read(option.standard, option, value)
        return cls(**values)

    @property
    def wants_content(self) -> bool:
        """Whether anything of what is said may leave: `capture` says so, or there is a hook."""
        refused = REFUSED in [getattr(self, name) for name in OPTIONS]
        return not refused and (self.capture != "none" or bool(os.environ.get(HOOK)))

    def __repr__(self) -> str:
        """All but the key, which is a secret."""
        said = (f"{name}={getattr(self, name)!r}" for name in OPTIONS if name != "hash_key")
        return f"Settings({', '.join(said)})"

    def differences(self, other: "Settings") -> list[str]:
        """Names of the options in which `other` differs."""
        return [name for name in OPTIONS if getattr(self, name) != getattr(other, name)]


def strangers(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables with our prefix that are no setting, each with the one that was probably meant.

    Returns:
        Names of variables; "" where none is near.
    """
    names = (name.removeprefix(PREFIX).lower() for name in environ if name.startswith(PREFIX))
    unknown = sorted(name for name in names if name not in OPTIONS)
    return {
        PREFIX + name.upper(): PREFIX + near.upper() if (near := _near(name, 0.75)) else ""
        for name in unknown
    }


def _near(name: str, at_least: float = 0.6) -> str:
    import difflib  # seldom needed, and no small import

    return next(iter(difflib.get_close_matches(name, OPTIONS, n=1, cutoff=at_least)), "")


def _hint(name: str) -> str:
    near = _near(name)
    return f" (did you mean {near!r}?)" if near else ""


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
