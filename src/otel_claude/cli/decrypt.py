"""`otel-claude decrypt`: reads content that was recorded encrypted."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from otel_claude.privacy.encryption import (
    KeyFileError,
    Keys,
    UnknownKeyError,
    WrongKeyError,
    is_encrypted,
)


class Reader:
    """Decrypts the attributes in JSON documents: OTLP, or any with names and values.

    Attributes:
        done: how many were decrypted.
        failed: why others were not, and how many.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self.done = 0
        self.failed: Counter[str] = Counter()

    def read(self, value: Any) -> Any:
        """The same document with what is encrypted in it in the clear, as far as the keys reach."""
        if isinstance(value, list):
            return [self.read(item) for item in value]
        if not isinstance(value, dict):
            return value
        name = value.get("key")
        if isinstance(name, str) and "value" in value and is_encrypted(json.dumps(value["value"])):
            return {**value, "value": self._attribute(name, value["value"])}
        return {
            key: self._text(key, item) if isinstance(item, str) else self.read(item)
            for key, item in value.items()
        }

    def _attribute(self, name: str, value: Any) -> Any:
        """The value of an OTLP attribute; a structure becomes the JSON that was encrypted."""
        if isinstance(value, str):
            return self._text(name, value)
        items = (value.get("arrayValue") or {}).get("values") or ()
        if items and all("stringValue" in item for item in items):
            texts = [{"stringValue": self._text(name, item["stringValue"])} for item in items]
            return {"arrayValue": {"values": texts}}
        whole = value["stringValue"] if "stringValue" in value else json.dumps(value)
        opened = self._text(name, whole)
        return value if opened == whole else {"stringValue": opened}

    def _text(self, name: str, text: str) -> str:
        if not is_encrypted(text):
            return text
        try:
            opened = self._keys.decrypt(name, text)
        except UnknownKeyError as unknown:
            self.failed[f"there is no key {unknown.args[0]!r}"] += 1
            return text
        except WrongKeyError as wrong:
            self.failed[f"the key {wrong.args[0]!r} is another, or the text was changed"] += 1
            return text
        self.done += 1
        return opened


def decrypt(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="OTLP as JSON, whole or a document a line; standard input without."),
    ] = None,
    keys: Annotated[
        Path,
        typer.Option(
            "--keys",
            envvar="OTEL_CLAUDE_ENCRYPT",
            help="File of keys: `id:base64 of 32 bytes` a line.",
        ),
    ] = Path("keys"),
) -> None:
    """Decrypt the content in recorded telemetry; prints the same JSON with it in the clear."""
    try:
        reader = Reader(Keys.load(keys))
    except KeyFileError as problem:
        typer.echo(f"otel-claude: {problem}", err=True)
        raise typer.Exit(2) from None
    except ImportError:
        typer.echo('otel-claude: decryption needs pip install "otel-claude[privacy]"', err=True)
        raise typer.Exit(2) from None
    sources: list[Path | None] = [*files] if files else [None]
    for file in sources:
        try:
            text = sys.stdin.read() if file is None else file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            typer.echo(f"otel-claude: {file}: {type(error).__name__}", err=True)
            raise typer.Exit(2) from None
        for document in _documents(text):
            typer.echo(document if isinstance(document, str) else _dump(reader.read(document)))
    typer.echo(f"otel-claude: {reader.done} attributes decrypted", err=True)
    for why, count in reader.failed.items():
        typer.echo(f"otel-claude: {count} not: {why}", err=True)
    if reader.failed:
        raise typer.Exit(1)


def _documents(text: str) -> list[Any]:
    """The JSON documents in a text: it is one, or has one a line; other lines as they are."""
    try:
        return [json.loads(text)]
    except ValueError:
        return [_line(line) for line in text.splitlines() if line.strip()]


def _line(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return line


def _dump(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
