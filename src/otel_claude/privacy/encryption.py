"""Encrypts captured content with AES-256-GCM, and reads it again (`cryptography`, extra `privacy`).

A file of keys has one key per line, `id:base64 of 32 bytes` (`openssl rand -base64 32`). The first
encrypts; all of them decrypt, so a key is rotated by putting a new one above it. What was encrypted
says with which key, and for which attribute: it cannot be passed off as another's content.
"""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_MARK: Final = "encrypted:A256GCM"
_TOKEN: Final = re.compile(rf"{_MARK}:([^:\s\"]+):([A-Za-z0-9_=-]+)")
_NONCE: Final = 12
OVERHEAD: Final = 160
"""Bytes that encryption adds, beside a third for base64."""


class KeyFileError(ValueError):
    """A file of keys that cannot be used; the message says why, and holds no key."""


class UnknownKeyError(KeyError):
    """No key of this id is there."""


class WrongKeyError(ValueError):
    """The key is another, or the text was changed."""


class Keys:
    """Keys by id; the first encrypts.

    Args:
        keys: id -> 32 bytes.

    Raises:
        KeyFileError: there is none.
        ImportError: `cryptography` is not installed.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if not keys:
            raise KeyFileError("there is no key in it")
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}
        self._active = next(iter(keys))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Keys:
        """Read a file of keys. Empty lines and lines that begin with # are skipped.

        Raises:
            KeyFileError: it cannot be read, or a line is no key.
            ImportError: `cryptography` is not installed.
        """
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise KeyFileError(
                f"{os.fspath(path)} cannot be read: {type(error).__name__}"
            ) from None
        keys: dict[str, bytes] = {}
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            name, _, text = line.strip().partition(":")
            try:
                key = base64.b64decode(text, validate=True)
            except ValueError:
                key = b""
            if not re.fullmatch(r"[A-Za-z0-9._-]+", name) or len(key) != 32 or name in keys:
                raise KeyFileError(
                    f"line {number} of {os.fspath(path)} is not `id:base64 of 32 bytes`, or its id"
                    " stands there twice"
                )
            keys[name] = key
        return cls(keys)

    def encrypt(self, name: str, text: str) -> str:
        """A text that says `encrypted`, with the id of the key; `name` is that of the attribute."""
        nonce = os.urandom(_NONCE)
        sealed = self._ciphers[self._active].encrypt(nonce, text.encode(), self._bound(name))
        return f"{_MARK}:{self._active}:{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def decrypt(self, name: str, text: str) -> str:
        """What was encrypted.

        Args:
            name: of the attribute that it stands in.
            text: the value of the attribute; what stands around the encrypted text does not matter.

        Raises:
            UnknownKeyError: the key is not among these.
            WrongKeyError: it is another one, or the text was changed, or is another attribute's.
        """
        from cryptography.exceptions import InvalidTag

        found = _TOKEN.search(text)
        if found is None:
            return text
        cipher = self._ciphers.get(found[1])
        if cipher is None:
            raise UnknownKeyError(found[1])
        try:
            sealed = base64.urlsafe_b64decode(found[2])
            return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], self._bound(name)).decode()
        except (InvalidTag, ValueError):
            raise WrongKeyError(found[1]) from None

    def _bound(self, name: str) -> bytes:
        return f"otel-claude:{name}".encode()


def is_encrypted(text: str) -> bool:
    """Whether something in a text is encrypted."""
    return _TOKEN.search(text) is not None
