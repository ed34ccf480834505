"""How the page writes numbers, and what it makes of awkward ones; in the browser, where it runs."""

# ruff: noqa: RUF001 - the page writes real minus signs, dashes and times signs

from __future__ import annotations

import itertools

import pytest

from otel_claude import semconv
from tests.e2e.browser.looks import settled

FORMATS: dict[tuple[str, float | None], str] = {
    ("usd", 0): "$0",
    ("usd", 12_345.6): "$12,346",
    ("usd", 3.14159): "$3.14",
    ("usd", 0.0271): "$0.0271",
    ("usd", 0.00000123): "$0.00000123",
    ("usd", 1e-9): "<$0.000001",
    ("usd", -0.5): "−$0.500",
    ("count", 9_999): "9,999",
    ("count", 12_345): "12.3k",
    ("count", 4_560_000): "4.56M",
    ("seconds", 0.0004): "<1 ms",
    ("seconds", 0.2345): "235 ms",
    ("seconds", 0.9996): "1.00 s",
    ("seconds", 75.25): "75.3 s",
    ("seconds", 150): "2 min 30 s",
    ("percent", 0): "0%",
    ("percent", 1): "100%",
    ("percent", 0.99951): ">99.9%",
    ("percent", 0.0002): "<0.1%",
    ("percent", 0.934): "93.4%",
    **{(name, None): "–" for name in ("usd", "count", "seconds", "percent", "number", "time")},
}
CHANGES = {
    (112, 100): "+12%",
    (93, 100): "−7.0%",
    (100, 100): "±0%",
    (2500, 100): "×25",
    (1, 0): None,
    (None, 1): None,
}


@pytest.fixture(scope="module")
def run(request):
    """Runs a function of a module of the page."""
    site = request.getfixturevalue("site")
    context = request.getfixturevalue("browser").new_context()
    page = context.new_page()
    page.goto(f"{site.url}/#/calls")
    settled(page)

    def called(module, name, *arguments, told=False):
        """With `told`, what the elements say that it returns: role and text."""
        script = """async ([module, name, given, told]) => {
            const found = (await import(module))[name](...given);
            return told ? found.map((one) => [one.dataset.role, one.textContent]) : found;
        }"""
        return page.evaluate(script, [f"{site.url}/js/{module}.js", name, list(arguments), told])

    yield called
    context.close()


@pytest.mark.parametrize("asked", FORMATS, ids=str)
def test_numbers(run, asked):
    name, value = asked
    assert run("format", name, value) == FORMATS[asked]


@pytest.mark.parametrize("asked", CHANGES, ids=str)
def test_changes(run, asked):
    assert run("format", "change", *asked) == CHANGES[asked]


@pytest.mark.parametrize("top", [0.0003, 0.07, 1, 3, 17, 999, 1_000_001])
def test_ticks_are_round_and_reach_the_top(run, top):
    ticks = run("axes", "steps", 0, top)
    steps = {round(after - before, 9) for before, after in itertools.pairwise(ticks)}
    assert ticks[0] == 0
    assert ticks[-1] >= top * 0.999  # a hair above the last tick is no reason for another
    assert len(ticks) <= 7
    assert len(steps) == 1
    whole = run("axes", "steps", 0, top, {"whole": True})
    assert all(float(tick).is_integer() for tick in whole)


def test_logarithmic_ticks_do_not_meet(run):
    ticks = run("axes", "logTicks", 0.001, 1000, 200)
    assert ticks == sorted(ticks)
    assert 2 <= len(ticks) <= 4


def test_formulas_are_quoted_in_csv(run):
    columns = [{"key": "name"}, {"key": "value"}]
    rows = [
        {"name": "=HYPERLINK()", "value": -1},
        {"name": 'a "b", c', "value": None},
        {"name": "two\nlines", "value": {"x": 1}},
    ]
    assert run("table", "csv", columns, rows).split("\r\n") == [
        "name,value",
        "'=HYPERLINK(),-1",
        '"a ""b"", c",',
        '"two\nlines","{""x"":1}"',
        "",
    ]


def test_labels_are_only_text(run):
    assert run("axes", "plain", "<b>&</b>") == "&lt;b&gt;&amp;&lt;/b&gt;"


def test_models_keep_their_colours(run):
    first = run("palette", "hue", "claude-new-1")
    others = {run("palette", "hue", f"claude-new-{number}") for number in range(2, 5)}
    assert first not in others
    assert run("palette", "hue", "claude-new-1") == first
    assert run("palette", "hue", None) == "--s-other"


CONTENT = [
    (None, []),
    ("cut in the mid", [("user", "cut in the mid")]),
    (
        [{"role": "user", "parts": [{"type": "text", "content": '{"a": 1}'}]}],
        [("user", '{"a": 1}')],
    ),
    (
        '[{"role":"assistant","parts":[{"type":"tool_call","name":"find","arguments_json":"{\\"x"}]}]',
        [("assistant", 'calls find{"x')],
    ),
    (
        [
            {
                "role": "user",
                "parts": [
                    {"type": "tool_call_response", "response": [{"type": "text", "content": "ok"}]}
                ],
            }
        ],
        [("user", "result of a toolok")],
    ),
    ([{"role": "user", "parts": [{"type": "encrypted"}, "plain"]}], [("user", "encrypted")]),
    ([7, None], [("user", "part7"), ("user", "partnull")]),
]


@pytest.mark.parametrize("said", CONTENT, ids=str)
def test_content_of_every_shape_is_shown(run, said):
    given, expected = said
    shown = run("talk", "conversation", {"input_messages": given}, [], told=True)
    assert [role for role, _ in shown] == [role for role, _ in expected]
    for (role, text), (_, wanted) in zip(shown, expected, strict=True):
        assert text.lower().startswith(f"{role}{wanted}".lower())


def test_content_of_an_event_is_shown(run):
    event = {
        "name": semconv.EVENT_DETAILS,
        "attributes": {semconv.OUTPUT_MESSAGES: [{"role": "assistant", "parts": ["Hello"]}]},
    }
    assert run("talk", "conversation", {}, [event], told=True) == [["assistant", "assistantHello"]]
