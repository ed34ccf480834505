"""Pseudonyms of user ids: a keyed hash, so that ids stay at home and users stay apart.

HMAC-SHA256 (https://www.rfc-editor.org/rfc/rfc2104), cut to 128 bits. With the key, an id can be
turned into its pseudonym; without it, not even by trying all ids.
"""

from __future__ import annotations

import hmac
import re
from typing import Final

_FORM: Final = re.compile(r"hmac:[0-9a-f]{32}")


def pseudonym(key: bytes, user: str) -> str:
    """`hmac:` and 32 hexadecimal digits; the same for the same key and user, in every process."""
    digest = hmac.digest(key, user.encode("utf-8", "surrogatepass"), "sha256")
    return "hmac:" + digest[:16].hex()


def hidden(key: bytes, user: str, carried: bool) -> str:
    """The pseudonym of a user; itself where it is one that another service made.

    Args:
        key: of the pseudonyms.
        user: the id.
        carried: it came from another service.
    """
    return user if carried and _FORM.fullmatch(user) else pseudonym(key, user)
