"""What an audit looks for, and what it keeps."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any, Final, Literal, NamedTuple

from otel_claude import _documents, semconv

Severity = Literal["low", "medium", "high"]

UNCLASSIFIED: Final = "unclassified"
CLASSES: Final[Mapping[str, frozenset[str]]] = {
    "secret": frozenset({"api_key", "password", "private_key", "token"}),
    "financial": frozenset({"card", "iban"}),
    "personal": frozenset({"email", "phone", "ip"}),
}
"""Classification -> the kinds of detectors that tell it, the most sensitive first."""
_UNKNOWN_PLACES: Final = (None, "", "not_available")


class PolicyError(ValueError):
    """A policy that cannot be used; the message says why."""


class Finding(NamedTuple):
    """A rule that a call broke."""

    name: str
    severity: Severity


@dataclass(frozen=True)
class Policy:
    """The rules, and what is kept of a call.

    Attributes:
        regions: where calls may be processed, as `inference_geo` names it; empty: anywhere.
        models: patterns of models that may be used (`claude-haiku-*`); empty: any.
        max_cost: USD that a call may cost.
        max_sensitive_tokens: tokens of a prompt whose content is sensitive.
        classify: whether detectors look at the content where the attribution does not say
            (`classification=...`).
        public: classifications that are not sensitive.
        retention: how long a record is to be kept, in the words of whoever stores it; by
            classification, where `""` stands for all others.
        encrypt: attributes of the record that are encrypted, with the keys of the setting `encrypt`.
    """

    regions: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    max_cost: float = 50.0
    max_sensitive_tokens: int = 100_000
    classify: bool = True
    public: tuple[str, ...] = ("public", "internal", UNCLASSIFIED)
    retention: Mapping[str, str] = field(default_factory=lambda: {"": "standard"})
    encrypt: tuple[str, ...] = ()

    @classmethod
    def load(cls, given: object) -> Policy:
        """A policy from `True` (the defaults), a file, a text, or a mapping.

        Raises:
            PolicyError: it cannot be read, or something in it is wrong.
        """
        if given is True:
            return cls()
        try:
            said = _documents.read(given)
        except _documents.DocumentError as problem:
            raise PolicyError(str(problem)) from None
        if not isinstance(said, Mapping):
            raise PolicyError("a policy is a mapping of rules")
        known = {rule.name: rule for rule in fields(cls)}
        for name in said:
            if name not in known:
                near = difflib.get_close_matches(str(name), known, n=1)
                hint = f" (did you mean {near[0]!r}?)" if near else ""
                raise PolicyError(f"there is no rule {name!r}{hint}")
        return cls(**{str(name): _READ[name](str(name), value) for name, value in said.items()})

    def findings(
        self,
        *,
        model: str | None,
        region: str | None,
        cost: float | None,
        prompt_tokens: int | None,
        classification: str,
    ) -> list[Finding]:
        """The rules that a call broke.

        Args:
            model: the one that answered, or was asked for.
            region: where it was processed, as far as the API says.
            cost: in USD; None where there is none.
            prompt_tokens: of the whole prompt.
            classification: of its data.
        """
        found = []
        if self.regions and region in _UNKNOWN_PLACES:
            found.append(Finding("region_unknown", "medium"))
        elif self.regions and region not in self.regions:
            found.append(Finding("region_not_allowed", "high"))
        if self.models and model and not any(fnmatchcase(model, rule) for rule in self.models):
            found.append(Finding("model_not_allowed", "high"))
        if cost is not None and cost > self.max_cost:
            found.append(Finding("costly_call", "medium"))
        sensitive = classification not in self.public
        if sensitive and prompt_tokens is not None and prompt_tokens > self.max_sensitive_tokens:
            found.append(Finding("sensitive_volume", "high"))
        return found

    def retention_of(self, classification: str) -> str:
        """How long a record of that classification is to be kept."""
        return self.retention.get(classification, self.retention.get("", "standard"))


def class_of(kinds: set[str]) -> str:
    """The classification that detectors tell: the most sensitive one; any other kind is personal."""
    if not kinds:
        return UNCLASSIFIED
    return next((name for name, those in CLASSES.items() if kinds & those), "personal")


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise PolicyError(f"{name}: it takes a list of words")


def _encrypted(name: str, value: Any) -> tuple[str, ...]:
    names = _texts(name, value)
    for one in names:
        if one not in semconv.AUDIT_SENSITIVE:
            takes = ", ".join(semconv.AUDIT_SENSITIVE)
            raise PolicyError(f"{name}: {one!r} is none of {takes}")
    return names


def _number(name: str, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise PolicyError(f"{name}: it takes a number of 0 or more")
    return value


def _switch(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise PolicyError(f"{name}: it takes true or false")
    return value


def _retention(name: str, value: Any) -> Mapping[str, str]:
    if isinstance(value, str):
        return {"": value}
    if isinstance(value, Mapping) and all(isinstance(v, str) for v in value.values()):
        return {str(k): v for k, v in value.items()}
    raise PolicyError(f"{name}: it takes a word, or a word per classification")


_READ: Final[Mapping[str, Any]] = {
    "regions": _texts,
    "models": _texts,
    "max_cost": _number,
    "max_sensitive_tokens": _number,
    "classify": _switch,
    "public": _texts,
    "retention": _retention,
    "encrypt": _encrypted,
}
