"""Bad settings give one clear line, naming the setting and the default used."""

from __future__ import annotations

import json

import pytest

from otel_claude import ClaudeInstrumentor, semconv
from otel_claude.settings import CAPTURE, OPTIONS, PREFIX, REFUSED, Settings
from tests.conftest import Telemetry


def lines(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "otel_claude"]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("semconv", "newest", "released, latest, both"),
        ("strict", "perhaps", "true or false"),
        ("log_calls", 3, "true or false"),
        ("metric_attribution", 7, "list of names"),
        ("metric_label_values", 0, "whole number from 1"),
        ("metric_label_values", True, "whole number from 1"),
        ("attribution", "team", "key=value"),
        ("baggage_keys", {"user": []}, "key=value"),
        ("slow_call_seconds", -1, "positive number"),
        ("slow_call_seconds", "soon", "positive number"),
        ("slow_call_seconds", True, "positive number"),
        ("prices", 3.5, "path of a file"),
        ("enabled", [], "true or false"),
        ("budgets", 3.5, "policies, or the path"),
        ("time_per_output_chunk", "x", "true or false"),
        ("capture", "true", "none, span, event or both"),
        ("capture", {"search": "all"}, "none, span, event or both"),
        ("capture_content", "input, outputs", "'outputs'"),
        ("capture_limit", "1kB", "number of bytes"),
        ("capture_limit", 100, "number of bytes"),
    ],
)
def test_a_bad_value_is_one_line_and_the_default(caplog, name, value, says):
    settings = Settings.load({name: value}, environ={})
    assert settings.differences(Settings()) == []
    (line,) = lines(caplog)
    assert name in line
    assert says in line
    assert repr(OPTIONS[name].default) in line


def test_a_misspelt_variable_is_one_line(caplog):
    environ = {"OTEL_CLAUDE_CAPTURES": "span", "OTEL_CLAUDE_TOKEN": "of the server", "CAPTURE": "x"}
    assert Settings.load({}, environ).differences(Settings()) == []
    (line,) = lines(caplog)
    assert "OTEL_CLAUDE_CAPTURES; did you mean OTEL_CLAUDE_CAPTURE?" in line


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("redact", 7, "list of names"),
        ("redact_patterns", "EMP-[0-9]+", "regular expressions"),
        ("redact_patterns", {"EMPLOYEE": 7}, "regular expressions"),
        ("encrypt", 7, "path of a file"),
    ],
)
def test_where_a_default_could_leak_content_a_bad_value_means_none_of_it(caplog, name, value, says):
    settings = Settings.load({"capture": "both", name: value}, environ={})
    assert getattr(settings, name) == REFUSED
    assert not settings.wants_content
    (line,) = lines(caplog)
    assert name in line
    assert says in line
    assert "No content is recorded" in line


@pytest.mark.parametrize(
    ("ours", "standard", "expected"),
    [
        (None, "SPAN_ONLY", "span"),
        (None, "span_and_event", "both"),
        (None, "EVENT_ONLY", "event"),
        (None, "NO_CONTENT", "none"),
        ("none", "SPAN_ONLY", "none"),
        (None, "true", "none"),
    ],
)
def test_the_standard_variable_for_capture_is_understood(ours, standard, expected):
    environ = {CAPTURE: standard} | ({} if ours is None else {"OTEL_CLAUDE_CAPTURE": ours})
    assert Settings.load({}, environ=environ).capture == expected


def test_redact_takes_words_for_all_and_for_nothing():
    for word, expected in {"none": (), False: (), "true": ("default",), True: ("default",)}.items():
        assert Settings.load({"redact": word}, environ={}).redact == expected


def test_a_bad_environment_variable_is_named_as_the_user_wrote_it(caplog):
    Settings.load({}, environ={"OTEL_CLAUDE_SEMCONV": "old"})
    assert "OTEL_CLAUDE_SEMCONV" in lines(caplog)[0]


def test_an_unknown_setting_is_named_with_a_guess(caplog):
    assert Settings.load({"semcov": "both"}, environ={}).differences(Settings()) == []
    assert "did you mean 'semconv'" in lines(caplog)[0]


def test_argument_beats_environment_beats_default():
    environ = {"OTEL_CLAUDE_SEMCONV": "latest", "OTEL_CLAUDE_LOG_CALLS": "yes"}
    settings = Settings.load({"semconv": "both"}, environ=environ)
    assert (settings.semconv, settings.log_calls, settings.strict) == ("both", True, False)


def test_every_option_is_a_field_and_can_come_from_the_environment():
    assert list(Settings.__annotations__) == list(OPTIONS)
    given = {
        "enabled": "false",
        "semconv": "BOTH",
        "strict": "1",
        "metric_attribution": "team, user",
        "metric_label_values": "7",
        "attribution": "team=core, plan=pro",
        "user_from_metadata": "yes",
        "baggage_keys": "user, tenant=acme.tenant",
        "hash_key": "0123456789abcdef",
        "prices": "/p.json",
        "refresh_prices": "/book.json",
        "budgets": "/budgets.yaml",
        "summary": "true",
        "audit": "true",
        "evaluate": "true",
        "feedback": "true",
        "log_calls": "on",
        "slow_call_seconds": "2.5",
        "time_per_output_chunk": "true",
        "native": "adopt",
        "flush_on_sigterm": "off",
        "capture": "none, search=SPAN",
        "capture_content": "input,media",
        "capture_limit": "4096",
        "redact": "email, api_key",
        "redact_patterns": '{"EMPLOYEE": "EMP-[0-9]+"}',
        "encrypt": "/keys",
    }
    assert given.keys() == OPTIONS.keys()
    settings = Settings.load({}, environ={PREFIX + k.upper(): v for k, v in given.items()})
    assert settings.metric_attribution == ("team", "user")
    assert settings.slow_call_seconds == 2.5
    assert settings.attribution == (("team", "core"), ("plan", "pro"))
    assert settings.baggage_keys == (("user", ""), ("tenant", "acme.tenant"))
    assert settings.capture == {"": "none", "search": "span"}
    assert settings.redact_patterns == {"EMPLOYEE": "EMP-[0-9]+"}
    assert all(getattr(settings, name) != OPTIONS[name].default for name in OPTIONS)


def test_plain_yaml_types_are_taken():
    yaml = pytest.importorskip("yaml")
    given = yaml.safe_load("{strict: true, metric_attribution: [team], slow_call_seconds: 3}")
    settings = Settings.load(given, environ={})
    assert (settings.strict, settings.metric_attribution) == (True, ("team",))


@pytest.mark.parametrize(
    "content", [None, "{broken", '{"models": {"claude-x": {"input": "lots"}}}']
)
def test_a_broken_price_file_means_list_prices_and_one_line(
    telemetry, client, ask, tmp_path, caplog, content
):
    path = tmp_path / "prices.json"
    if content is not None:
        path.write_text(content)
    telemetry.instrument(prices=str(path))
    client.messages.create(**ask())
    assert telemetry.attributes[semconv.COST_BASIS] == "list"
    (line,) = lines(caplog)
    assert "prices" in line
    assert "prices.json" in line


def test_enabled_false_patches_nothing(telemetry, client, ask, monkeypatch):
    monkeypatch.setenv("OTEL_CLAUDE_ENABLED", "false")
    telemetry.instrument()
    assert not ClaudeInstrumentor().is_instrumented_by_opentelemetry
    client.messages.create(**ask())
    assert [s for s in telemetry.spans if s.name.startswith("chat")] == []


def test_a_second_activation_is_silent_and_one_with_other_settings_says_so(telemetry, caplog):
    telemetry.instrument(semconv="both")
    ClaudeInstrumentor().instrument(skip_dep_check=True)
    ClaudeInstrumentor().instrument(semconv="both")
    assert lines(caplog) == []
    ClaudeInstrumentor().instrument(strict=True)
    (line,) = lines(caplog)
    assert "strict is ignored" in line


def test_a_second_activation_with_a_provider_of_its_own_says_that_it_is_ignored(telemetry, caplog):
    telemetry.instrument()
    telemetry.instrument()
    assert lines(caplog) == []
    ClaudeInstrumentor().instrument(tracer_provider=Telemetry().tracers)
    (line,) = lines(caplog)
    assert "tracer_provider is ignored" in line


def test_generations(telemetry, client, ask):
    telemetry.instrument(semconv="latest")
    client.messages.create(**ask())
    names = telemetry.metrics()
    assert semconv.M_INFERENCE_DURATION in names
    assert semconv.M_USAGE_INPUT in names
    assert semconv.M_DURATION not in names
    assert semconv.M_TOKEN_USAGE not in names


def test_strict_writes_only_what_the_conventions_declare(telemetry, client, ask):
    telemetry.instrument(strict=True)
    client.messages.create(**ask())
    for _ in client.messages.create(**ask(), stream=True):
        pass
    client.messages.count_tokens(
        model="claude-haiku-4-5", messages=[{"role": "user", "content": "Hello"}]
    )
    assert len(telemetry.spans) == 2
    for span in telemetry.spans:
        assert set(span.attributes or {}) <= semconv.registry("released")
    assert {n for n in telemetry.metrics() if n.startswith("claude.")} == set()


def test_log_calls_writes_one_json_line_without_content(telemetry, client, ask, caplog):
    telemetry.instrument(log_calls=True)
    caplog.set_level("INFO", logger="otel_claude.calls")
    client.messages.create(**ask(messages=[{"role": "user", "content": "a secret"}]))
    with pytest.raises(Exception, match="529"):
        client.with_options(max_retries=0).messages.create(**ask("status=529,message=secret"))
    good, bad = (
        json.loads(r.getMessage()) for r in caplog.records if r.name == "otel_claude.calls"
    )
    assert good["cost_usd"] > 0
    assert good["trace_id"] == f"{telemetry.spans[0].context.trace_id:032x}"
    assert bad["error_type"] == "overloaded_error"
    assert bad["status"] == 529
    assert "secret" not in caplog.text


def test_slow_calls_are_one_warning_with_the_trace(telemetry, client, ask, caplog):
    telemetry.instrument(slow_call_seconds=0.05)
    client.messages.create(**ask())
    client.messages.create(**ask("late_headers=0.1"))
    (record,) = [r for r in caplog.records if r.name == "otel_claude.calls"]
    assert f"{telemetry.spans[1].context.trace_id:032x}" in record.getMessage()


def test_time_per_output_chunk_only_when_asked_for(telemetry, client, ask):
    telemetry.instrument(time_per_output_chunk=True)
    for _ in client.messages.create(**ask("events=20", max_tokens=200), stream=True):
        pass
    (point,) = telemetry.metrics()[semconv.M_OUTPUT_CHUNK]
    assert point.count == 19


def test_a_newer_price_book_is_used_when_it_has_been_fetched(telemetry, client, ask, tmp_path):
    import time

    from otel_claude.pricing.book import BUILT_IN
    from otel_claude.pricing.documents import dump_book

    book = tmp_path / "book.json"
    book.write_text(json.dumps(dump_book(BUILT_IN) | {"version": "2027-01-01"}))
    telemetry.instrument(refresh_prices=str(book))
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        client.messages.create(**ask())
        if telemetry.spans[-1].attributes[semconv.COST_PRICE_BOOK] == "2027-01-01":
            return
        time.sleep(0.05)
    raise AssertionError("the newer price book was never used")
