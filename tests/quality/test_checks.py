"""The built-in checks, on answers as Claude gives them."""

from __future__ import annotations

import json
import sys
import warnings

import pytest

from otel_claude.quality import Answer, checks, code, suites
from otel_claude.quality.answer import FAIL, PASS, Verdict, verdict

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
}
ASKED = {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}
TOOL = {"tools": [{"name": "book", "input_schema": SCHEMA}]}


def fenced(program, language="python"):
    return Answer(f"Here it is:\n\n```{language}\n{program}\n```\n\nDone.")


def said(found: Verdict | None) -> Verdict:
    """A verdict, where there must be one."""
    assert found is not None
    return found


def use(given):
    return {"type": "tool_use", "name": "book", "input": given}


@pytest.mark.parametrize(
    ("answer", "label", "why"),
    [
        (Answer('{"city": "Oslo"}', request=ASKED), PASS, None),
        (Answer('{"days": "x"}', request=ASKED), FAIL, "1 x required"),
        (Answer('Sure: {"city": "Oslo"}', request=ASKED), FAIL, "not JSON"),
        (Answer("[" * 100_000, request=ASKED), FAIL, "not JSON"),
        (
            Answer("{}", request={"output_format": ASKED["output_config"]["format"]}),
            FAIL,
            "required",
        ),
        (Answer("", blocks=[use({"city": "Oslo"})], request=TOOL), PASS, None),
        (Answer("", blocks=[use({"city": 3})], request=TOOL), FAIL, "1 x type"),
        (Answer("", blocks=[use('{"city": "Os')], request=TOOL), FAIL, "input of a tool"),
        (Answer("no", request=ASKED, stop_reason="refusal"), None, None),
        (Answer("just words"), None, None),
    ],
)
def test_what_was_asked_for(answer, label, why):
    found = checks.as_asked(answer)
    assert (found and found.label) == label
    assert (why or "") in ((found and found.explanation) or "")


def test_a_schema_is_not_fetched():
    away = {"$ref": "http://127.0.0.1:9/schema.json"}
    asked = {"output_format": {"type": "json_schema", "schema": away}}
    with pytest.raises(Exception, match="Unresolvable"):
        checks.as_asked(Answer("{}", request=asked))


@pytest.mark.parametrize(
    ("words", "label"),
    [
        ("I'm sorry, but I can't help with that.", FAIL),
        ("I\u2019m sorry, I cannot assist with this request.", FAIL),
        ("I am unable to provide that.", FAIL),
        ("I can help with that. First,", PASS),
        ("I can't create a table here, so: " + "a useful answer. " * 60, PASS),
        ("Sorry to hear that! Let us look at your order.", PASS),
    ],
)
def test_refusals_in_words(words, label):
    assert checks.answered(Answer(words)).label == label


def test_empty_answers():
    assert checks.nonempty(Answer(" \n")).label == FAIL
    assert checks.nonempty(Answer("", blocks=[use({})])).label == PASS


SENSIBLE = " ".join(
    f"Sentence number {n} says something of its own about topic {n * 7}." for n in range(80)
)


@pytest.mark.parametrize(
    ("words", "label"),
    [
        (SENSIBLE, PASS),
        (SENSIBLE + " and then we go on to the next step" * 12, FAIL),
        ("no " * 60, FAIL),
        ("这是一个重复的句子。" * 30, FAIL),
        ("| --- | --- | --- |\n" * 40 + SENSIBLE, PASS),
        ("```\n" + "row row row\n" * 50 + "```\n" + SENSIBLE, PASS),
        ("no no no", None),
    ],
)
def test_loops(words, label):
    found = checks.varied(Answer(words))
    assert (found and found.label) == label
    if found is not None and label == FAIL:
        assert found.score is not None
        assert 0 <= found.score < 1


def test_a_length_is_judged_by_those_before():
    usual = checks.UsualLength()
    for n in range(60):
        assert usual(Answer("x" * (900 + 5 * (n % 7)), feature="chat")) in (None, verdict(True))
    assert said(usual(Answer("x" * 930, feature="chat"))).label == PASS
    found = said(usual(Answer("x" * 20_000, feature="chat")))
    assert found.label == FAIL
    assert "longer than usual: 20000 characters" in (found.explanation or "")
    assert usual(Answer("x" * 20_000, feature="other")) is None


@pytest.mark.parametrize(
    ("answer", "score", "why"),
    [
        (fenced("def f(x):\n    return x"), 1.0, ""),
        (fenced("await client.get(url)"), 1.0, ""),
        (fenced("def f(:\n  pass"), 0.0, "python does not parse (line 1)"),
        (fenced("{'a': 1}", "json"), 0.0, "json does not parse"),
        (fenced('{"a": 1}', "json"), 1.0, ""),
        (fenced("(" * 5_000 + ")" * 5_000), 0.0, "too deeply nested"),
        (fenced("-" * 100_000 + "1"), 0.0, "too deeply nested"),
        (fenced(">>> 1 +"), None, ""),
        (fenced("let x = ;", "javascript"), None, ""),
        (Answer("no code"), None, ""),
        (Answer(fenced("x = 1").text + fenced("x = = 1").text), 0.5, "does not parse"),
        (Answer("- first:\n  ```py\n  if x:\n      y()\n  ```\n"), 1.0, ""),
    ],
)
def test_code_that_parses(answer, score, why):
    found = code.parses(answer)
    assert (found and found.score) == score
    assert why in ((found and found.explanation) or "")


def test_toml_from_python_3_11():
    found = said(code.parses(fenced("a = [", "toml")))
    assert found.label == (FAIL if sys.version_info >= (3, 11) else PASS)


def test_the_parser_does_not_warn_in_the_application():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        found = code.parses(fenced("x = '\\d'\nassert (1, 'x')\nprint(1 is 1)"))
        assert said(found).label == PASS
    assert caught == []


@pytest.mark.parametrize(
    ("program", "score"),
    [
        ("import os, json\nfrom os import path\nimport pytest", 1.0),
        ("import os\nimport reqeusts_async_pro", 0.5),
        ("from os import no_such_function", 0.0),
        ("from collections import abc, OrderedDict", 1.0),
        ("from os.path import *", 1.0),
        ("from . import sibling", None),
        ("import acme_sdk.client", 1.0),
        ("x = 1", None),
    ],
)
def test_imports(program, score):
    found = code.Imports(["acme_sdk"])(fenced(program))
    assert (found and found.score) == score


def test_nothing_is_imported_to_know_whether_it_exists():
    before = set(sys.modules)
    code.Imports()(fenced("import antigravity, this, turtledemo.chaos"))
    assert not {"antigravity", "this", "turtledemo"} & (set(sys.modules) - before)


@pytest.mark.parametrize(
    ("program", "score"),
    [
        ("import subprocess\nsubprocess.call(cmd, shell=True)", 0.0),
        ("x = eval(said)", 0.5),
        ("x = 1\nassert x", 1.0),
    ],
)
def test_the_security_linter(program, score):
    found = said(code.safe(fenced(program)))
    assert found.score == score
    assert ("Bandit finds B" in (found.explanation or "")) == (score < 1)


def test_explanations_say_nothing_of_the_content():
    secret = "SECRETWORD"
    answers = [
        Answer(f'{{"{secret}": 1}}', request=ASKED),
        fenced(f"import {secret}\nfrom os import {secret}\neval({secret})"),
        fenced(f"{secret} = = {secret}"),
        fenced(f'{{"{secret}": }}', "json"),
        Answer(f"{secret} " * 100),
        Answer("", blocks=[use({"city": [secret]})], request=TOOL),
    ]
    judges = (checks.as_asked, checks.varied, code.parses, code.Imports(), code.safe)
    why = [found.explanation for a in answers for judge in judges if (found := judge(a))]
    assert len([words for words in why if words]) >= 6
    assert secret not in json.dumps(why)


def test_a_suite_weighs_what_there_is():
    verdicts = {
        "answered": verdict(True),
        "nonempty": verdict(True),
        "complete": verdict(True),
        "code_parses": verdict(False, score=0.0),
    }
    found = said(suites.score("code", verdicts, 0.5))
    assert found.score == pytest.approx(2 / 6)
    assert (found.label, found.explanation) == (FAIL, "failed: code_parses")
    assert suites.score("code", {}, 0.5) is None


def test_an_answer_that_is_none_is_worth_nothing():
    verdicts = {
        "nonempty": verdict(False),
        "complete": verdict(True),
        "adherence": Verdict(1.0, PASS),
    }
    assert said(suites.score("support", verdicts, 0.5)).score == 0.0


def test_suites_weigh_what_exists():
    from otel_claude.quality.policy import CHECKS

    for weights in suites.SUITES.values():
        assert set(weights) <= {*CHECKS, *suites.ASPECTS}
