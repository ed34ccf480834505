"""A labelled corpus of secrets and personal data, and of texts that only look like them.

Made up, and put together when it is needed, so that no scanner of repositories takes it for real.
It contains hard cases on purpose: the figures in docs/privacy.md are honest only with misses.
"""

from __future__ import annotations

import base64
import json
import random
import string
from dataclasses import dataclass
from typing import Final

_random = random.Random(20261121)
_ALNUM: Final = string.ascii_letters + string.digits


def _chars(count: int, alphabet: str = _ALNUM) -> str:
    # A digit in it, as any key of this length has.
    return "".join(_random.choices(alphabet, k=count - 1)) + "7"


def _jwt() -> str:
    head, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": "HS256", "typ": "JWT"}, {"sub": _chars(8), "iat": 1516239022})
    )
    return f"{head}.{body}.{_chars(43)}"


def _pem(kind: str) -> str:
    lines = "\n".join(_chars(64) for _ in range(6))
    return f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----"


@dataclass(frozen=True)
class Labelled:
    """A text, and the secret in it with its kind; no secret: nothing may be replaced.

    `hard` are cases that nobody should count on.
    """

    text: str
    secret: str = ""
    kind: str = ""


def _in(kind: str, template: str, *secrets: str) -> list[Labelled]:
    return [Labelled(template.format(secret), secret, kind) for secret in secrets]


_KEYS = (
    "sk-ant-api03-" + _chars(80) + "AA",
    "sk-ant-admin01-" + _chars(60),
    "sk-ant-oat01-" + _chars(60),
    "sk-" + _chars(48),
    "sk-proj-" + _chars(60, _ALNUM + "_-"),
    "sk-svcacct-" + _chars(60),
    "AKIA" + _chars(16, string.ascii_uppercase + string.digits),
    "ASIA" + _chars(16, string.ascii_uppercase + string.digits),
    "AIza" + _chars(35),
    "ya29." + _chars(60, _ALNUM + "_-"),
    "GOCSPX-" + _chars(28),
    "ghp_" + _chars(36),
    "gho_" + _chars(36),
    "ghs_" + _chars(36),
    "github_pat_" + _chars(22) + "_" + _chars(59),
    "glpat-" + _chars(20),
    "xoxb-" + "-".join((_chars(12, string.digits), _chars(12, string.digits), _chars(24))),
    "xoxp-" + "-".join((_chars(12, string.digits), _chars(24))),
    "xapp-1-A" + _chars(10) + "-" + _chars(40),
    "https://hooks.slack.com/services/T" + _chars(8) + "/B" + _chars(8) + "/" + _chars(24),
    "sk_live_" + _chars(24),
    "rk_test_" + _chars(24),
    "whsec_" + _chars(32),
    "hf_" + _chars(34),
    "npm_" + _chars(36),
    "pypi-AgEIcHlwaS5vcmc" + _chars(60),
    "SG." + _chars(22) + "." + _chars(43),
    "dop_v1_" + _chars(64, "0123456789abcdef"),
)
_MAILS = (
    "bob@example.com",
    "first.last+tag@mail.example.co.uk",
    "müller@exämple.de",
    "x_y%z@sub-domain.example.museum",
    "UPPER@EXAMPLE.ORG",
    "o'neill@example.ie",
    "a@b.io",
    "名前@例え.jp",
)
_PHONES = (
    "+49 171 1234567",
    "+1 (555) 013-4567",
    "+44 20 7946 0958",
    "+33 6 12 34 56 78",
    "+81-3-1234-5678",
    "+12025550143",
    "0049 30 901820",
    "(202) 555-0143",
    "202-555-0143",
    "202.555.0143",
    "0171 1234567",
    "030/901820 22",
    "06 12 34 56 78",
    "01632 960 983",
)
_CARDS = (
    "4111 1111 1111 1111",
    "4111111111111111",
    "5555-5555-5555-4444",
    "378282246310005",
    "3782 822463 10005",
    "6011000990139424",
    "30569309025904",
    "3530 1113 3330 0000",
    "2223003122003222",
)
_IBANS = (
    "DE89 3704 0044 0532 0130 00",
    "GB29NWBK60161331926819",
    "FR14 2004 1010 0505 0001 3M02 606",
    "NL91ABNA0417164300",
    "CH93 0076 2011 6238 5295 7",
    "NO93 8601 1117 947",
    "MT84MALT011000012345MTLCAST001S",
)
_IPS = (
    "203.0.113.42",
    "8.8.8.8",
    "10.1.2.3",
    "2001:db8:85a3::8a2e:370:7334",
    "fe80::1ff:fe23:4567:890a",
    "2001:0db8:0000:0000:0000:ff00:0042:8329",
)
_PASSWORDS = ("hunter2!", "Tr0ub4dor&3", "p4ssw0rd", "x9K-22-qq")

SECRETS: Final[tuple[Labelled, ...]] = (
    *_in("api_key", "Use {} for this.", *_KEYS),
    *_in("api_key", 'export KEY="{}"', *_KEYS[:6]),
    *_in("api_key", "AWS_SECRET_ACCESS_KEY={}", _chars(40, _ALNUM + "/+")),
    *_in("api_key", '"aws_secret_access_key": "{}"', _chars(40, _ALNUM + "/+")),
    *_in("token", "Authorization: Bearer {}", _chars(40), _jwt()),
    *_in(
        "token", "curl -H 'Authorization: Basic {}'", base64.b64encode(b"user:pa55word!").decode()
    ),
    *_in("token", "The session token was {} yesterday.", _jwt()),
    *_in(
        "private_key",
        "Here is the file:\n{}\nKeep it.",
        *map(_pem, ("RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "EC PRIVATE KEY")),
    ),
    *_in("password", "password: {}", *_PASSWORDS),
    *_in("password", '{{"user": "bob", "password": "{}"}}', *_PASSWORDS),
    *_in("password", "My password is {}", *_PASSWORDS),
    *_in("password", "DB_PASSWORD={}\nDB_HOST=db", *_PASSWORDS),
    *_in("password", "postgres://app:{}@db.internal:5432/app", "s3cr3t-pw", "hunter2"),
    *_in("password", "CELERY_BROKER_URL=redis://:{}@redis:6379/0", "s3cretpw"),
    *_in("email", "Write to {} today.", *_MAILS),
    *_in("email", "<{}>,", *_MAILS),
    *_in("email", '{{"to": ["{}"]}}', *_MAILS[:5]),
    *_in("phone", "Call {} after nine.", *_PHONES),
    *_in("phone", "tel: {}\nfax: none", *_PHONES),
    *_in("card", "Charge {} please.", *_CARDS),
    *_in("card", "card={};", *_CARDS),
    *_in("iban", "Pay to {} by Friday.", *_IBANS),
    *_in("iban", "IBAN {}\nBIC COBADEFF", *_IBANS),
    *_in("ip", "Request from {} was slow.", *_IPS),
    *_in("ip", "client=[{}]", *_IPS),
    # --- hard ones ---
    *_in("email", "Write to {} please.", "bob at example dot com", "bob (at) example.com"),
    *_in("phone", "Call {}.", "5550134567", "two oh two five five five oh one four three"),
    *_in("card", "Card {}.", "4111.1111.1111.1111"),
    *_in("iban", "Pay to {}.", "de89370400440532013000", "DE89-3704-0044-0532-0130-00"),
    *_in("password", "My password is {}", "correcthorse"),
    *_in("password", "Das Kennwort lautet {}", "Geheim123"),
    *_in("api_key", "The key, in two halves: {}", "sk-ant-api03 " + _chars(30)),
    *_in(
        "api_key", "encoded: {}", base64.b64encode(b"sk-ant-api03-" + _chars(30).encode()).decode()
    ),
    *_in("ip", "host {}", "0xCB007107"),
)

CLEAN: Final[tuple[Labelled, ...]] = tuple(
    map(
        Labelled,
        (
            "The quick brown fox jumps over the lazy dog.",
            "On 2024-01-02 at 12:30:45 it was 21.5 degrees, up 3.2 from 2023-12-31T23:59:59Z.",
            "Version 1.45.2 of the library needs Python >= 3.10, < 4; see section 4.2.1.",
            "Total: 1,234,567.89 EUR, of which 19 % VAT (197,107.48 EUR).",
            "ISBN 978-3-16-148410-0, ISSN 2049-3630, DOI 10.1000/182.",
            "Order 20240102-000123 shipped; tracking 1Z999AA10123456784.",
            "commit 9fceb02d0ae598e95dc970b74767f19372d61af8 fixes #1234.",
            "uuid 123e4567-e89b-12d3-a456-426614174000",
            "import std::abs; a::b; x = y ? 1 : 2; arr[::2]; time 12:30",
            "@app.route('/users/<id>')\ndef user(id: int) -> str: ...",
            "git clone git@github.com:example/project.git  # an SSH remote",
            "SELECT id, name FROM users WHERE created_at > '2024-01-01' LIMIT 100;",
            "password: required, at least twelve characters",
            "def check(password: str) -> bool: return bool(password)",
            "password = getpass.getpass()",
            "Set the token in the variable TOKEN, then restart.",
            "The secret is patience.",
            "secret = <your secret here>",
            "api_key = os.environ['ANTHROPIC_API_KEY']",
            "sk-learn is not a key, nor is sk-ant.",
            "Basic understanding of internationalization is needed.",
            "Bearer tokens are described in RFC 6750.",
            "localhost:8080 and 127.0.0.1 and ::1 are this machine.",
            "pi = 3.14159265358979, e = 2.718281828459045, c = 299792458 m/s",
            "unix time 1704153600, in milliseconds 1704153600000",
            "matrix [[1, 2, 3], [4, 5, 6], [7, 8, 9]]; range(0, 1000000)",
            '{"input_tokens": 1200, "output_tokens": 350, "id": "msg_01XFDUDYJgAACzvnptvVoYEL"}',
            "msg_01XFDUDYJgAACzvnptvVoYEL, toolu_01A09q90qw90lq917835lq9, req_011CSHoEeqs5C35K2UUqR7Fy",
            "1234 5678 9012 3456 is no card: its check digit is wrong.",
            "DE00 0000 0000 0000 0000 00 is no account.",
            "MAC 00:1B:44:11:3A:B7, color #FF8800, 0x7ffeefbff5c8",
            "Room 101, floor 12, building 7; open 08:00-17:30 from 1 Jan to 31 Dec.",
            "The population was 83,200,000 in 2021 and 84,400,000 in 2023.",
            "AKIA is the prefix of such ids, ghp_ that of GitHub's.",
            "https://example.com/a/b?page=2&sort=asc#section-3",
            "Chapter 0171 of the manual",
            "10 20 30 40 50 60 70 80 90 100",
            "2024 01 02 03 04 05",
            "The ratio is 16:9, the score 3:1, the verse Genesis 1:1-2:3.",
            "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8",
            "Build 10.0.19045.3803 of Windows",
            "latitude 52.520008, longitude 13.404954",
            "FIFO 0 1 1 2 3 5 8 13 21 34 55 89 144 233 377 610 987",
            "Tel Aviv, call stack, phone home, card game, bank holiday",
        ),
    )
)
