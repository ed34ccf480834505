"""Every content block that the installed SDK knows, with an example made from its own types."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import pydantic

# Module, union of blocks: requests and responses, stable and beta, and what tool results hold.
UNIONS: Final = (
    ("anthropic.types.content_block_param", "ContentBlockParam"),
    ("anthropic.types.content_block", "ContentBlock"),
    ("anthropic.types.tool_result_block_param", "Content"),
    ("anthropic.types.content_block_source_content_param", "ContentBlockSourceContentParam"),
    ("anthropic.types.beta.beta_content_block_param", "BetaContentBlockParam"),
    ("anthropic.types.beta.beta_content_block", "BetaContentBlock"),
    ("anthropic.types.beta.beta_tool_result_block_param", "Content"),
)
TOOLS: Final = (
    ("anthropic.types.tool_union_param", "ToolUnionParam"),
    ("anthropic.types.beta.beta_tool_union_param", "BetaToolUnionParam"),
)
DELTAS: Final = (
    ("anthropic.types.raw_content_block_delta", "RawContentBlockDelta"),
    ("anthropic.types.beta.beta_raw_content_block_delta", "BetaRawContentBlockDelta"),
)


@dataclass(frozen=True)
class Block:
    """One class of the SDK: its name, the `type` it stands for (None: it has none), examples."""

    name: str
    type: str | None
    examples: tuple[dict[str, Any], ...]


def _leaves(annotation: Any) -> Iterator[Any]:
    origin = typing.get_origin(annotation)
    # By name: Python 3.10 has those of typing_extensions.
    if getattr(origin, "__name__", "") in ("Annotated", "Required", "NotRequired"):
        yield from _leaves(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for choice in typing.get_args(annotation):
            yield from _leaves(choice)
    else:
        yield annotation


def _fields(kind: type) -> dict[str, Any]:
    """The fields of a class, with their types."""
    if issubclass(kind, pydantic.BaseModel):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    return typing.get_type_hints(kind)


def _values(annotation: Any, depth: int) -> list[Any]:
    """Values of a type: one for every choice in it, literals with all of theirs."""
    found: list[Any] = []
    for leaf in _leaves(annotation):
        origin, args = typing.get_origin(leaf), typing.get_args(leaf)
        if origin is typing.Literal:
            found += args
        elif leaf is type(None):
            found.append(None)
        elif isinstance(leaf, type) and issubclass(leaf, str | bool | int | float):
            found.append({str: "words", bool: True, int: 3, float: 0.5}.get(leaf, "words"))
        elif origin is dict or leaf is object or leaf is Any:
            found.append({"key": "value"})
        elif origin is not None and args:  # an iterable of something
            found.append(_values(args[0], depth) if depth else [])
        elif isinstance(leaf, type) and (
            issubclass(leaf, pydantic.BaseModel) or hasattr(leaf, "__total__")
        ):
            found += _examples(leaf, depth - 1) if depth else []
        else:
            found.append("aGVsbG8=")  # files and other bytes, which the SDK sends in base64
    return found


def _examples(kind: type, depth: int) -> list[dict[str, Any]]:
    """Objects of a class that together have every choice of every field."""
    choices = {name: _values(annotation, depth) for name, annotation in _fields(kind).items()}
    choices = {name: values for name, values in choices.items() if values}
    most = max(map(len, choices.values()), default=0)
    return [
        {name: values[min(n, len(values) - 1)] for name, values in choices.items()}
        for n in range(most)
    ]


def blocks(unions: tuple[tuple[str, str], ...] = UNIONS) -> list[Block]:
    """Every class of these unions, once for every `type` that it can have."""
    leaves = dict.fromkeys(
        leaf for module, union in unions for leaf in _leaves(getattr(import_module(module), union))
    )
    found = []
    for leaf in leaves:
        kinds = [kind for kind in _values(_fields(leaf).get("type"), 1) if kind is not None]
        for kind in kinds or [None]:
            said = {} if kind is None else {"type": kind}
            found.append(Block(leaf.__name__, kind, tuple(e | said for e in _examples(leaf, 4))))
    return found
