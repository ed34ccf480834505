"""Puts the patches on the SDK and takes them off again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import wrapt

from otel_claude.call import garbage
from otel_claude.capture import seams

if TYPE_CHECKING:
    from otel_claude.capture.watch import Watch

Patch = tuple[str, str, str, Callable[..., Any]]

# Module, class, method, what stands in front of it. What an SDK version lacks is skipped.
PATCHES: Final[tuple[Patch, ...]] = (
    ("anthropic._base_client", "SyncAPIClient", "request", seams.request),
    ("anthropic._base_client", "AsyncAPIClient", "request", seams.async_request),
    ("anthropic._base_client", "SyncAPIClient", "_process_response", seams.process),
    ("anthropic._base_client", "AsyncAPIClient", "_process_response", seams.async_process),
    ("anthropic._base_client", "SyncAPIClient", "_sleep_for_retry", seams.sleep),
    ("anthropic._base_client", "AsyncAPIClient", "_sleep_for_retry", seams.sleep),
    ("anthropic._streaming", "Stream", "close", seams.close),
    ("anthropic._streaming", "AsyncStream", "close", seams.close),
    ("anthropic._response", "APIResponse", "close", seams.close),
    ("anthropic._response", "AsyncAPIResponse", "close", seams.close),
    ("anthropic._response", "APIResponse", "parse", seams.parse),
    ("anthropic._response", "AsyncAPIResponse", "parse", seams.async_parse),
    ("anthropic._legacy_response", "LegacyAPIResponse", "parse", seams.parse),
)

TOOLS: Final[tuple[Patch, ...]] = (
    ("anthropic.lib.tools._beta_runner", "BaseSyncToolRunner", "__run__", seams.run_loop),
    ("anthropic.lib.tools._beta_runner", "BaseAsyncToolRunner", "__run__", seams.run_async_loop),
    ("anthropic.lib.tools._beta_runner", "BaseToolRunner", "_runnable_tools", seams.runnable_tools),
)

# Only where the SDK's own spans are adopted.
ADOPTING: Final[tuple[Patch, ...]] = (
    ("anthropic._base_client", "SyncAPIClient", "_request", seams.traced_request),
    ("anthropic._base_client", "AsyncAPIClient", "_request", seams.async_traced_request),
)


def install(watch: Watch) -> None:
    """Patch the SDK; the observers of `watch` are told of every call from now on."""
    garbage.install()
    for module, owner, method, wrapper in (*PATCHES, *TOOLS, *(ADOPTING if watch.adopt else ())):
        kind = _class(module, owner)
        if kind is not None and method in kind.__dict__ and not _is_patched(kind, method, wrapper):
            _replaced[kind, method] = kind.__dict__[method]
            wrapt.wrap_function_wrapper(kind, method, wrapper)
    seams.activate(watch)


def remove() -> None:
    """Undo `install`. A patch that somebody wrapped in turn stays, and lets everything pass."""
    seams.activate(None)
    for module, owner, method, wrapper in (*PATCHES, *TOOLS, *ADOPTING):
        if module not in sys.modules:
            continue
        kind = _class(module, owner)
        attribute = None if kind is None else kind.__dict__.get(method)
        if getattr(attribute, "_self_wrapper", None) is wrapper:
            setattr(kind, method, attribute.__wrapped__)  # type: ignore[union-attr] # has a wrapper
            _replaced.pop((kind, method), None)  # type: ignore[arg-type] # it is a class
    garbage.remove()


_replaced: Final[dict[tuple[type, str], Any]] = {}
"""What stood where a wrapper of ours is now, maybe beneath wrappers of others."""


def _class(module: str, owner: str) -> type | None:
    try:
        found = getattr(import_module(module), owner, None)
    except ImportError:
        return None
    return found if isinstance(found, type) else None


def _is_patched(kind: type, method: str, wrapper: Callable[..., Any]) -> bool:
    """Whether our wrapper is anywhere in the chain of wrappers around a method.

    One that somebody wrapped, in a way that does not show it, is there until what it stood in
    front of is back.
    """
    layer: Any = kind.__dict__.get(method)
    if (kind, method) in _replaced and layer is not _replaced[kind, method]:
        return True
    while layer is not None:
        if getattr(layer, "_self_wrapper", None) is wrapper:
            return True
        layer = getattr(layer, "__wrapped__", None)
    return False
