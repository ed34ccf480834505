"""Where a client sends its calls: platform, provider name, server and region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from otel_claude.call.call import Endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_claude.call.call import Platform

# Client class (sync name; the async one has "Async" before it) -> platform and the conventions'
# provider name. Clients of Anthropic's own API behind a cloud are `anthropic`.
_PLATFORMS: Final[Mapping[str, tuple[Platform, str]]] = {
    "AnthropicBedrockMantle": ("bedrock_mantle", "aws.bedrock"),
    "AnthropicBedrock": ("bedrock", "aws.bedrock"),
    "AnthropicVertex": ("vertex", "gcp.vertex_ai"),
    "AnthropicFoundry": ("foundry", "anthropic"),
    "AnthropicAWS": ("aws", "anthropic"),
    "AnthropicGoogleCloud": ("google_cloud", "anthropic"),
}
_DEFAULT_PORTS: Final[Mapping[str, int]] = {"https": 443, "http": 80}

_MOST_CLASSES: Final = 256  # a program may make classes as it goes
_platforms: dict[type, tuple[Platform, str]] = {}
_endpoints: WeakKeyDictionary[Any, tuple[object, Endpoint]] = WeakKeyDictionary()


def _platform_of(kind: type) -> tuple[Platform, str]:
    found = _platforms.get(kind)
    if found is None:
        names = (base.__name__.removeprefix("Async") for base in kind.__mro__)
        found = next((_PLATFORMS[n] for n in names if n in _PLATFORMS), ("anthropic", "anthropic"))
        if len(_platforms) >= _MOST_CLASSES:
            _platforms.clear()
        _platforms[kind] = found
    return found


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def endpoint_of(client: Any) -> Endpoint:
    """The endpoint of an SDK client; remembered until its base URL changes."""
    base_url = getattr(client, "base_url", None)
    hashable = type(client).__hash__ is not None  # a subclass may compare its clients
    known = _endpoints.get(client) if hashable else None
    if known is not None and known[0] is base_url:
        return known[1]
    platform, provider = _platform_of(type(client))
    address = _text(getattr(base_url, "host", None))
    port = getattr(base_url, "port", None)
    if not isinstance(port, int):
        port = _DEFAULT_PORTS.get(str(getattr(base_url, "scheme", "")))
    region = _text(getattr(client, "region", None)) or _text(getattr(client, "aws_region", None))
    endpoint = Endpoint(platform, provider, address, port if address else None, region)
    if hashable:
        _endpoints[client] = (base_url, endpoint)
    return endpoint
