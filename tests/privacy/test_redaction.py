"""What is replaced, what is kept, and that a redactor that fails lets nothing through."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import pytest

from otel_claude.privacy import redaction
from otel_claude.privacy.detectors import DETECTORS, KINDS, is_card, is_iban
from otel_claude.privacy.redaction import MARGIN, BadRedactionError, RedactionError, Redactor

from .corpus import CLEAN, SECRETS
from .figures import false_hits, misses

KEY = "sk-ant-api03-abcdefghijkl1234"


@pytest.fixture(params=["re2", "re"])
def redactor(request, monkeypatch):
    """With RE2, and without it."""
    if request.param == "re":
        monkeypatch.setitem(sys.modules, "re2", None)
    _, is_quick = redaction._compiled("x")
    assert is_quick is (request.param == "re2")
    return Redactor()


def test_both_engines_find_the_same(redactor):
    missed = {case.text for case in misses(redactor)}
    assert missed == {case.text for case in misses(Redactor())}
    assert len(missed) < len(SECRETS) / 15
    assert len(false_hits(redactor)) <= len(CLEAN) / 40


def test_the_corpus_has_every_kind_and_each_placeholder_keeps_it(redactor):
    assert {case.kind for case in SECRETS} == set(KINDS)
    missed = misses(redactor)
    easy = [case for case in SECRETS if case not in missed]
    for case in easy:
        assert f"<{case.kind.upper()}>" in redactor.redact(case.text), case.text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": [KEY, {KEY: 1}]}, {"a": ["<API_KEY>", {"<API_KEY>": 1}]}),
        ({"password": "hunter2!"}, {"password": "<PASSWORD>"}),
        ({"apiKey": "abcdef123456"}, {"apiKey": "<PASSWORD>"}),
        ({"card": 4111111111111111}, {"card": "<CARD>"}),
        ({"passphrase": "correct horse battery staple"}, {"passphrase": "<PASSWORD>"}),
        ({"password": "p;4$kL9!xQ"}, {"password": "<PASSWORD>"}),
        ({"db_password": "Tr0ub,4dor bob@example.com"}, {"db_password": "<PASSWORD>"}),
        ({"password": "a1!x"}, {"password": "<PASSWORD>"}),
        ({"password": 837492}, {"password": "<PASSWORD>"}),
        ('{"password": 837492}', '{"password": "<PASSWORD>"}'),
        ({"passwords": ["hunter 2", [73]]}, {"passwords": ["<PASSWORD>", ["<PASSWORD>"]]}),
        ({"passwords": ("hunter 2", float("nan"))}, {"passwords": ["<PASSWORD>", "<PASSWORD>"]}),
        ({"api_key": KEY}, {"api_key": "<API_KEY>"}),
        ("Call +49\u00a0151\u00a023456789", "Call <PHONE>"),
        ("4111\u20111111\u20111111\u20111111", "<CARD>"),
        ("DE89\u202f3704\u202f0044\u202f0532\u202f0130\u202f00", "<IBAN>"),
        ("+49\u2010151\u201023456789 \u2011 \u00a0", "<PHONE> \u2011 \u00a0"),
        ((KEY,), ["<API_KEY>"]),
        (json.dumps({"to": "bob@example.com"}), json.dumps({"to": "<EMAIL>"})),
        ('{"to": "bob\\u0040example.com"}', '{"to": "<EMAIL>"}'),
        ('{"password": "hunter2!", "n": 1}', '{"password": "<PASSWORD>", "n": 1}'),
        (json.dumps(json.dumps([KEY])), '"[\\"<API_KEY>\\"]"'),
        ('{"half": "json, bob@example.com', '{"half": "json, <EMAIL>'),
        (
            f"https://x.io/Use%20{KEY}?to=bob%40example.com&n=19%",
            "https://x.io/Use <API_KEY>?to=<EMAIL>&n=19%",
        ),
        ("https://x.io/a%20b?n=19%", "https://x.io/a%20b?n=19%"),
        (f"a\n{KEY}\nb {KEY}", "a\n<API_KEY>\nb <API_KEY>"),
        (f'{{"a": "{KEY}", "a": "clean"}}', '{"a": "<API_KEY>", "a": "clean"}'),
        ('{"b": {"password": "hunter2!"}, "b": {}}', '{"b": {"password": "<PASSWORD>"}, "b": {}}'),
        (r'$ show\n{"a": "{\"password\":\"hunter2!\"}"}', None),
        (r'{"a": "{\"password\":\"hunter2!\"}", "cut', None),
        (r'$ {"a": "{\"b\": \"{\\\"password\\\":\\\"hunter2!\\\"}\"}"}', None),
        (rf'said: "a\n{KEY}"', 'said: "a\n<API_KEY>"'),
        (r"to: bob\u0040example.com \ud83d", r"to: <EMAIL> \ud83d"),
        (r"in C:\new\temp for \"a\"", r"in C:\new\temp for \"a\""),
    ],
)
def test_secrets_are_found_wherever_a_value_can_hold_them(redactor, value, expected):
    redacted = redactor.redact(value)
    if expected is None:  # only that the secret is gone: how much of the escapes is undone is free
        assert "<PASSWORD>" in redacted
        assert "hunter2" not in redacted
    else:
        assert redacted == expected


@pytest.mark.parametrize("value", [None, True, 3, 2.5, "", "Hello", [], {"a": [1, "b"]}, 10**30])
def test_what_is_clean_stays_as_it_is(redactor, value):
    assert redactor.redact(value) == value


@pytest.mark.parametrize("value", [None, True, "", " ", "required", "<set it>", "${PASSWORD}"])
def test_a_password_that_is_none_stays(redactor, value):
    entries = {"password": value, "passwords": [value], "password_length": 12, "secrets": 3}
    assert redactor.redact(entries) == entries
    assert redactor.kinds({"password": "a b"}) == {"password"}
    assert Redactor(("email",)).redact({"password": "hunter 2"}) == {"password": "hunter 2"}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["my key sk-ant-ap", "i03-abcdefgh1234 ok"], ["my key <API_KEY>", " ok"]),
        (["to bob", "@", "example.com."], ["to <EMAIL>", "", "."]),
        (["nothing", "here"], ["nothing", "here"]),
        (["x" * 3 * MARGIN + " bob@exa", "mple.com"], ["x" * 3 * MARGIN + " <EMAIL>", ""]),
        (["bob@exa", "mple.com " + "x" * 3 * MARGIN], ["<EMAIL>", " " + "x" * 3 * MARGIN]),
        (
            ["bob@exa", "mple.com " + "x" * 3 * MARGIN + " ann@exa", "mple.org"],
            ["<EMAIL>", " " + "x" * 3 * MARGIN + " <EMAIL>", ""],
        ),
    ],
)
def test_secrets_are_found_over_the_borders_of_texts(redactor, texts, expected):
    assert redactor.redact_split(texts) == expected


def test_kinds_can_be_chosen_and_patterns_added():
    text = f"bob@example.com {KEY} EMP-12345"
    chosen = Redactor(("email",), {"employee": r"\bEMP-[0-9]{5}\b"})
    assert chosen.redact(text) == f"<EMAIL> {KEY} <EMPLOYEE>"
    added = Redactor(patterns={"employee": r"EMP-(?=1)[0-9]+", "line": r"^secret line$"})
    assert added.redact(text) == "<EMAIL> <API_KEY> <EMPLOYEE>", "RE2 has no look-ahead"
    anchored = Redactor((), {"line": r"^secret line$"})
    assert anchored.redact(["a", "secret line", "b secret line"]) == [
        "a",
        "<LINE>",
        "b secret line",
    ]


def test_a_keyed_hash_keeps_equality_and_nothing_else():
    one, other = Redactor(hash_key=b"one"), Redactor(hash_key=b"other")
    first, second, third = (
        one.redact(text) for text in ("Bob@example.com", "mail bob@example.com", "ann@example.com")
    )
    assert re.fullmatch(r"<EMAIL:[0-9a-f]{12}>", first)
    assert second == f"mail {first}"
    assert third != first
    assert other.redact("bob@example.com") != first
    assert one.redact("4111-1111-1111-1111") == one.redact("4111 1111 1111 1111")
    assert one.redact("4111\u20111111\u20111111\u20111111") == one.redact("4111111111111111")


@pytest.mark.parametrize(
    ("kinds", "patterns", "says"),
    [
        (("mail",), None, "no kind 'mail'"),
        (("default",), {"x": "(unclosed"}, "redact_patterns"),
        (("presidio",), None, "Presidio needs pip install"),
    ],
)
def test_what_cannot_be_looked_for_is_said(kinds, patterns, says, monkeypatch):
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    with pytest.raises(BadRedactionError, match=says):
        Redactor(kinds, patterns)


@pytest.mark.parametrize("error", [RuntimeError("bob@example.com"), SystemExit(1)])
def test_a_detector_that_fails_is_an_error_that_quotes_nothing(error):
    def fail(text: str) -> Any:
        raise error

    redactor = Redactor()
    redactor._suspect = None
    redactor._more = fail
    for work in (lambda: redactor.redact("a text"), lambda: redactor.redact_split(["a", "b"])):
        with pytest.raises(RedactionError) as raised:
            work()
        assert "bob" not in str(raised.value)
        assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("number", "valid"),
    [("4111111111111111", True), ("4111111111111112", False), ("0000000000000000", False)],
)
def test_cards_are_checked(number, valid):
    assert is_card(number) is valid


@pytest.mark.parametrize(
    ("number", "valid"),
    [
        ("DE89 3704 0044 0532 0130 00", True),
        ("DE88 3704 0044 0532 0130 00", False),
        ("DE89 3704 0044 0532 0130 0", False),
        ("XX89 3704 0044 0532 0130 00", False),
    ],
)
def test_ibans_are_checked(number, valid):
    assert is_iban(number) is valid


def test_hints_leave_nothing_out():
    """A detector is asked only where a hint stands: it must stand in everything it finds."""
    for detector in DETECTORS:
        compiled = re.compile(detector.pattern, re.ASCII)
        for case in (*SECRETS, *CLEAN):
            for match in compiled.finditer(case.text):
                found = match[0].lower()
                assert not detector.hints or any(hint in found for hint in detector.hints)


def test_a_text_that_was_clean_is_not_searched_again_and_one_that_was_not_is():
    redactor = Redactor()
    clean, dirty = "words " * 100, "words " * 100 + KEY
    for _ in range(2):
        assert redactor.redact({"a": [clean]}) == {"a": [clean]}
        assert redactor.redact(dirty) == dirty.replace(KEY, "<API_KEY>")
        assert redactor.redact([clean, dirty]) == [clean, dirty.replace(KEY, "<API_KEY>")]
    searched = []

    class Counting:
        def search(self, text: str) -> None:
            searched.append(text)

    redactor._suspect = Counting()
    redactor.redact([clean, "new"])
    assert searched == ["new"]


def test_what_is_known_to_be_clean_is_bounded(monkeypatch):
    monkeypatch.setattr(redaction, "_KEPT", 3)
    redactor = Redactor()
    for n in range(10):
        redactor.redact(f"{n} words " * 100)
        assert len(redactor._clean) <= 4


def test_long_hostile_texts_end():
    for text in (
        "bob@example.com " * 5_000,
        "a@" * 20_000,
        "4111 " * 20_000,
        "-----BEGIN PRIVATE KEY-----" * 2_000,
    ):
        Redactor().redact(text)
