"""Reads a rule file, and says in which line what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml
from pydantic import ValidationError

from otel_claude._documents import DocumentError, read
from otel_claude.local.alerts.rules import RuleFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_MAPPING: Final = "names with values (a mapping) belong here"
_SAID: Final = {
    "extra_forbidden": "there is no such field",
    "missing": "is missing",
    "union_tag_not_found": "type is missing",
    **dict.fromkeys(("model_type", "dict_type", "model_attributes_type"), _MAPPING),
    **dict.fromkeys(("list_type", "tuple_type"), "a list belongs here"),
}
_SHOWN: Final = 10  # problems


class RulesError(Exception):
    """A rule file cannot be used; each line of the message names a place in it and what is wrong."""


def load(path: Path) -> RuleFile:
    """The rules of a YAML or JSON file.

    Raises:
        RulesError: it cannot be read, or something in it cannot be.
    """
    try:
        found = read(path)
    except DocumentError as error:
        raise RulesError(str(error)) from None
    try:
        return RuleFile.model_validate(found)
    except ValidationError as error:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        problems = error.errors(include_url=False, include_input=False, include_context=True)
        told = [f"{path}{_told(node, problem)}" for problem in problems[:_SHOWN]]
        raise RulesError("\n".join(dict.fromkeys(told))) from None


def _told(node: yaml.Node | None, problem: Any) -> str:
    line, place = _place(node, problem["loc"])
    if problem["type"] == "missing":
        place = f"{place}.{problem['loc'][-1]}".removeprefix(".")
    said = _SAID.get(problem["type"])
    if problem["type"] == "union_tag_invalid":
        context = problem["ctx"]
        said = f"type takes {context['expected_tags']}, not {context['tag']!r}".replace("'", "")
    said = said or problem["msg"].removeprefix("Value error, ")
    return f", line {line}{': ' + place if place else ''}: {said}"


def _place(node: yaml.Node | None, loc: Sequence[int | str]) -> tuple[int, str]:
    """The line of a place, as near as the file has it, and its name: `rules[0].window`."""
    line, names = (node.start_mark.line if node is not None else 0), ""
    for part in loc:
        here = _within(node, part)
        if here is None:
            continue  # not in the file: a name of ours for a kind of rule, or what is missing
        line, node = here
        names += f"[{part}]" if isinstance(part, int) else f".{part}"
    return line + 1, names.removeprefix(".")


def _within(node: yaml.Node | None, part: int | str) -> tuple[int, yaml.Node] | None:
    """The line where a part of a node begins, and the node that it is."""
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
        inner = node.value[part]
        return inner.start_mark.line, inner
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == part:
                return key.start_mark.line, value
    return None
