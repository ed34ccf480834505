r"""What secrets and personal data look like: one row per kind and shape.

The patterns are written in what RE2 and Python's `re` have in common (no look-around, no back
references), with ASCII classes; what a pattern alone cannot tell, `check` decides.

Sources: the providers' published key formats, RFC 7519 (JWT), RFC 7468 (PEM), ISO/IEC 7812 (cards,
Luhn), ISO 13616 (IBAN, with the lengths of its registry), E.164 (phone numbers).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Detector:
    """One shape of one kind of secret.

    Attributes:
        kind: its name in the setting `redact`, and in capitals in the placeholder.
        pattern: what it looks like. Where it has a group, only that is replaced.
        hints: strings one of which stands in every match, whatever its case; none: no such string.
        check: whether a text that matched truly is one.
    """

    kind: str
    pattern: str
    hints: tuple[str, ...] = ()
    check: Callable[[str], bool] | None = None


_DIGITS: Final = frozenset("0123456789")
_CODE: Final = re.compile(r"[A-Za-z_][\w.]*[\[(]")  # a call, or an element of something

# Country and length, from the registry of IBANs: https://www.swift.com/standards/data-standards
_IBANS: Final = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18"
    " DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23"
    " IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31"
    " MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24"
    " SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
)
_IBAN_LENGTHS: Final[Mapping[str, int]] = {entry[:2]: int(entry[2:]) for entry in _IBANS.split()}


def digits_of(text: str) -> str:
    """The digits in a text."""
    return "".join(char for char in text if char in _DIGITS)


def is_card(text: str) -> bool:
    """Whether it is a card number by its length, first digit and Luhn's check digit."""
    digits = digits_of(text)
    if not 13 <= len(digits) <= 19 or digits[0] not in "23456" or len(set(digits)) < 2:
        return False
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    total = sum(map(int, digits[-1::-2])) + sum(n - 9 if n > 9 else n for n in doubled)
    return total % 10 == 0


def is_iban(text: str) -> bool:
    """Whether it is an IBAN: the length of its country, and 1 modulo 97."""
    joined = text.replace(" ", "").replace("-", "").upper()
    if len(joined) != _IBAN_LENGTHS.get(joined[:2]):
        return False
    return int("".join(str(int(char, 36)) for char in joined[4:] + joined[:4])) % 97 == 1


def _is_ip(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if address.is_loopback or address.is_unspecified:
        return False
    # `a::b` and `[::2]` are code.
    groups = [group for group in text.split(":") if group]
    return "." in text or (len(groups) > 1 and bool(_DIGITS & set(text)))


def _has_digits(least: int, most: int) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        return least <= len(digits_of(text)) <= most

    return check


def _is_phone(text: str) -> bool:
    """Whether the digits can be a number that somebody is called by, and no date."""
    digits = digits_of(text)
    return 9 <= len(digits) <= 12 and len(set(digits)) > 2


def _is_secret(text: str) -> bool:
    """Whether a value after `password:` is one, and no word, call or placeholder."""
    text = text.rstrip(".!?:)")
    if not text or text[0] in "<${(*" or _CODE.match(text):
        return False
    return bool(_DIGITS & set(text)) or any(not char.isalnum() for char in text) or len(text) > 15


def _is_mail(text: str) -> bool:
    """Whether it is an address, and not the user of a Git server."""
    return not text.startswith(("git@", "hg@"))


def _is_token(text: str) -> bool:
    return bool(_DIGITS & set(text))


_NAMES: Final = (
    r"(?i:password|passwd|passphrase|pwd|secret|api[_-]?key|access[_-]?key|auth[_-]?token"
    r"|access[_-]?token)"
)
_NAME: Final = re.compile(_NAMES + "$")


def names_password(key: str, item: object) -> bool:
    """Whether an entry of this name is a password, a list of them also by the plural."""
    return bool(_NAME.search(key.removesuffix("s") if isinstance(item, list | tuple) else key))


def is_password(item: object) -> bool:
    """Whether the value of an entry that is named so is one, whatever characters it has."""
    if type(item) in (int, float):
        return True
    return isinstance(item, str) and _is_secret(item.strip())


_LETTER: Final = "[A-Za-z0-9\u0080-\U0010ffff"

DETECTORS: Final[tuple[Detector, ...]] = (
    Detector(
        "private_key",
        r"-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?"
        r"(?:-----END [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----|$)",
        ("private key",),
    ),
    Detector("api_key", r"\bsk-ant-[A-Za-z0-9_-]{8,}", ("sk-ant-",)),
    Detector(
        "api_key",
        r"\bsk-(?:(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{16,}|[A-Za-z0-9]{20,})",
        ("sk-",),
    ),
    Detector(
        "api_key",
        r"\b(?:AKIA|ASIA|ABIA|ACCA|AIDA|AROA)[A-Z0-9]{16}\b",
        ("akia", "asia", "abia", "acca", "aida", "aroa"),
    ),
    Detector(
        "api_key",
        r"(?i:aws_?secret_?(?:access_?)?key)[\"'\s:=]{1,6}([A-Za-z0-9/+]{40})",
        ("secret",),
    ),
    Detector(
        "api_key",
        r"\b(?:AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{24,}|ya29\.[A-Za-z0-9_-]{20,})",
        ("aiza", "gocspx-", "ya29."),
    ),
    Detector(
        "api_key",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_-]{20,})",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-"),
    ),
    Detector(
        "api_key",
        r"\b(?:xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[0-9]-[A-Za-z0-9-]{10,}"
        r"|hooks\.slack\.com/services/[A-Za-z0-9/]{20,})",
        ("xox", "xapp-", "hooks.slack.com"),
    ),
    Detector(
        "api_key",
        r"\b(?:(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/]{24,}"
        r"|hf_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{36}|pypi-AgE[A-Za-z0-9_-]{40,}"
        r"|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|do[op]_v1_[a-f0-9]{40,})",
        ("_live_", "_test_", "whsec_", "hf_", "npm_", "pypi-age", "sg.", "_v1_"),
    ),
    Detector(
        "token",
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",
        ("eyj",),
    ),
    Detector(
        "token",
        r"\b(?i:bearer|basic|x-api-key:|token)\s+([A-Za-z0-9._~+/=-]{16,})",
        ("bearer", "basic", "x-api-key", "token"),
        _is_token,
    ),
    Detector(
        "password",
        _NAMES + r"[\"']?\s*(?:[:=]|is\b)\s*[\"']?([^\s\"',;]{6,})",
        ("pass", "pwd", "secret", "key", "token"),
        _is_secret,
    ),
    Detector("password", r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/@:]*:([^\s/@]{3,})@", ("://",)),
    Detector(
        "email",
        _LETTER + r"._%+'-]{1,64}@(?:" + _LETTER + r"-]{1,63}\.){1,8}[A-Za-z]{2,24}\b",
        ("@",),
        _is_mail,
    ),
    Detector("iban", r"\b([A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,30})\b", (), is_iban),
    Detector("card", r"\b[2-6][0-9]{3}(?:[ .-]?[0-9]){9,15}\b", (), is_card),
    Detector(
        "phone",
        r"(?:\+|\b00)[1-9][0-9]{0,3}[ ().\-/]{0,2}[0-9](?:[ ().\-/]{0,2}[0-9]){5,12}\b",
        (),
        _has_digits(8, 17),
    ),
    Detector("phone", r"(?:\([2-9][0-9]{2}\) ?|\b[2-9][0-9]{2}[ .-])[0-9]{3}[ .-][0-9]{4}\b"),
    Detector(
        "phone",
        r"\b(?:0[1-9](?:[ .-][0-9]{2}){4}|0[1-9][0-9]{1,4}[ /.-]{1,3}[0-9]{3,8}(?:[ .-][0-9]{2,4}){0,3})\b",
        (),
        _is_phone,
    ),
    Detector("ip", r"\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b", (".",), _is_ip),
    Detector(
        "ip",
        r"(?:^|[^A-Za-z0-9:.])((?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{1,4})\b",
        (":",),
        _is_ip,
    ),
)

KINDS: Final[tuple[str, ...]] = tuple(dict.fromkeys(detector.kind for detector in DETECTORS))
"""The kinds that are built in."""
