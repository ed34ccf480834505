"""Reads a policy from wherever it stands: a file, an environment variable, or plain data."""

from __future__ import annotations

import json
import os
from pathlib import Path


class DocumentError(ValueError):
    """It cannot be read; the message says why, in one line."""


def read(given: object) -> object:
    """Plain data from a path of a YAML or JSON file, such a document as text, or plain data itself.

    Raises:
        DocumentError: it cannot be read, or is neither.
    """
    if not isinstance(given, str | os.PathLike):
        return given
    text = os.fspath(given)
    where = "the text"
    if not text.lstrip().startswith(("{", "[")) and "\n" not in text:
        where = text
        try:
            text = Path(text).read_text(encoding="utf-8")
        except (OSError, ValueError) as problem:
            reason = getattr(problem, "strerror", None) or problem
            raise DocumentError(f"{where} cannot be read: {reason}") from None
    try:
        return json.loads(text)
    except ValueError as problem:
        if where.endswith(".json"):
            raise DocumentError(f"{where} is no JSON: {problem}") from None
    return _yaml(text, where)


def _yaml(text: str, where: str) -> object:
    try:
        import yaml
    except ImportError:
        raise DocumentError(
            f'{where} is no JSON, and YAML needs pip install "otel-claude[yaml]"'
        ) from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as problem:
        raise DocumentError(f"{where} is no YAML: {' '.join(str(problem).split())}") from None
