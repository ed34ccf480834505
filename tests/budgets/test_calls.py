"""Every kind of call is reserved before it is sent, and settled when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import threading
from decimal import Decimal
from typing import Any

import anthropic
import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import StatusCode

from otel_claude import BudgetExceeded, ClaudeInstrumentor, _faults, attribution, semconv
from otel_claude.budgets import Budget
from otel_claude.pricing import ceiling
from tests.budgets.conftest import cost, spent, standing

TIGHT = Budget("tight", limit="0.000001", window="day")
WIDE = Budget("wide", limit=100, window="day")


def units_of(request: dict[str, Any], **facts: Any) -> int:
    """The most that a request may cost, in the ledger's units."""
    units = ceiling(request, **facts).units(15)
    assert units is not None
    return units


def most_of(request: dict[str, Any]) -> Decimal:
    """The same in USD."""
    return Decimal(units_of(request)).scaleb(-15)


def usd(amount: Decimal | int | None) -> Decimal:
    """An amount of an exception that has to have it."""
    assert isinstance(amount, Decimal)
    return amount


# --- refused ------------------------------------------------------------------------------------


def test_a_refused_call_is_an_exception_before_anything_is_sent(budgeted, api, client, ask):
    telemetry = budgeted(TIGHT)
    with pytest.raises(BudgetExceeded) as raised:
        client.messages.create(**ask())
    assert api.requests == []
    error = raised.value
    assert (error.name, error.scope, error.unit, error.window) == (
        "tight",
        "everything",
        "usd",
        "day",
    )
    assert (error.limit, error.spent, error.reserved) == (Decimal("0.000001"), 0, 0)
    assert error.estimate == most_of(ask())
    assert error.resets_at is None, "alone it is more than the limit: time does not help"
    said = telemetry.attributes
    assert telemetry.span.status.status_code is StatusCode.ERROR
    assert said[semconv.OUTCOME] == "rejected"
    assert said[semconv.ERROR_TYPE] == "budget_exceeded"
    assert said[semconv.ERROR_CATEGORY] == "budget"
    assert semconv.COST_TOTAL not in said
    assert semconv.COST_UNAVAILABLE not in said
    assert telemetry.total(semconv.M_REQUESTS, claude__outcome="rejected") == 1
    assert telemetry.total(semconv.M_ACTIVE) == 0
    assert telemetry.metrics().get(semconv.M_COST) is None
    assert standing("tight").reserved == 0


def test_when_it_resets_is_the_end_of_the_window(budgeted, client, ask):
    most = most_of(ask())
    budgeted(Budget("one", limit=most, window="day"))
    client.messages.create(**ask())
    with pytest.raises(BudgetExceeded) as raised:
        client.messages.create(**ask())
    assert raised.value.resets_at is not None
    assert raised.value.resets_at.hour == 0
    assert raised.value.spent == spent("one") > 0


SURFACES = {
    "create": lambda client, ask: client.messages.create(**ask()),
    "stream=True": lambda client, ask: client.messages.create(**ask(), stream=True),
    "stream": lambda client, ask: client.messages.stream(**ask()).__enter__(),
    "beta": lambda client, ask: client.beta.messages.create(**ask()),
    "raw": lambda client, ask: client.messages.with_raw_response.create(**ask()),
    "streaming_response": lambda client, ask: (
        client.messages.with_streaming_response.create(**ask()).__enter__()
    ),
    "post": lambda client, ask: client.post("/v1/messages", cast_to=object, body=ask()),
    "relative": lambda client, ask: client.post("v1/messages", cast_to=object, body=ask()),
    "query": lambda client, ask: client.post("/v1/messages?a=b", cast_to=object, body=ask()),
    "absolute": lambda client, ask: client.post(
        str(client.base_url.join("/v1/messages")), cast_to=object, body=ask()
    ),
    "options": lambda client, ask: client.with_options(timeout=9).messages.create(**ask()),
    "legacy": lambda client, ask: client.post(  # SDK 2 has no method for it
        "/v1/complete",
        cast_to=object,
        body={"model": "claude-sonnet-5-5", "max_tokens_to_sample": 99, "prompt": "Hi"},
    ),
    "batch": lambda client, ask: client.messages.batches.create(
        requests=[{"custom_id": "one", "params": ask()}]
    ),
}


@pytest.mark.parametrize("surface", SURFACES)
def test_no_surface_gets_past_a_budget(budgeted, api, client, ask, surface):
    telemetry = budgeted(TIGHT)
    with pytest.raises(BudgetExceeded):
        SURFACES[surface](client, ask)
    assert api.requests == []
    assert telemetry.attributes[semconv.OUTCOME] == "rejected"


def test_clients_that_cannot_be_hashed_are_refused_too(budgeted, api, ask):
    class Comparable(anthropic.Anthropic):
        __hash__ = None  # type: ignore[assignment] # as where a class defines __eq__

    budgeted(TIGHT)
    client = Comparable(api_key="k", base_url=api.url)
    with pytest.raises(BudgetExceeded):
        client.messages.create(**ask())


@pytest.mark.parametrize("kind", ["AnthropicBedrock", "AnthropicVertex"])
def test_clouds_are_refused_too(budgeted, api, ask, kind, monkeypatch):
    pytest.importorskip("boto3" if "Bedrock" in kind else "google.auth")
    options = {"aws_region": "us-east-1", "aws_access_key": "a", "aws_secret_key": "b"}
    if kind == "AnthropicVertex":
        options = {"region": "global", "project_id": "p", "access_token": "t"}
    budgeted(TIGHT)
    with (
        getattr(anthropic, kind)(base_url=api.url, **options) as client,
        pytest.raises(BudgetExceeded),
    ):
        client.messages.create(**ask())


def test_async_calls_and_streams_are_refused_too(budgeted, api, ask):
    telemetry = budgeted(TIGHT)

    async def run() -> None:
        async with anthropic.AsyncAnthropic(api_key="k", base_url=api.url) as client:
            with pytest.raises(BudgetExceeded):
                await client.messages.create(**ask())
            with pytest.raises(BudgetExceeded):
                async with client.messages.stream(**ask()):
                    pass

    asyncio.run(run())
    assert api.requests == []
    assert telemetry.total(semconv.M_REQUESTS, claude__outcome="rejected") == 2


def test_where_the_sdks_span_is_adopted_a_refused_call_has_one_of_ours(budgeted, api, ask):
    telemetry = budgeted(TIGHT, native="adopt")
    options: Any = {"tracer_provider": telemetry.tracers}
    with (
        anthropic.Anthropic(api_key="k", base_url=api.url, open_telemetry=options) as client,
        pytest.raises(BudgetExceeded),
    ):
        client.messages.create(**ask())
    assert telemetry.attributes[semconv.OUTCOME] == "rejected"


def test_suppressed_instrumentation_suspends_telemetry_and_no_budget(budgeted, api, client, ask):
    telemetry = budgeted(WIDE, Budget("user", scope="user", limit="0.000001"))
    with suppress_instrumentation():
        client.messages.create(**ask())
        for _ in client.messages.create(**ask(), stream=True):
            pass
        with attribution(user="u"), pytest.raises(BudgetExceeded):
            client.messages.create(**ask())
    assert telemetry.spans == []
    assert telemetry.metrics().get(semconv.M_REQUESTS) is None
    assert spent("wide") > 0
    assert standing("wide").reserved == 0


def test_without_any_opentelemetry_sdk_budgets_hold(api, ask, client):
    ClaudeInstrumentor().instrument(budgets=[TIGHT])
    try:
        with pytest.raises(BudgetExceeded):
            client.messages.create(**ask())
    finally:
        ClaudeInstrumentor().uninstrument()


def test_a_turn_of_a_tool_runner_is_refused_like_any_call(budgeted, api, client, ask):
    @anthropic.beta_tool
    def find(order: str) -> str:
        """Finds an order.

        Args:
            order: its number.
        """
        return order

    most = most_of(ask(tools=[find.to_dict()]))
    budgeted(Budget("turns", limit=most, window="day"))
    question = ask("tool=find;input_tokens=4000")
    runner = client.beta.messages.tool_runner(**question, tools=[find], max_iterations=9)
    with pytest.raises(BudgetExceeded) as raised:
        runner.until_done()
    assert len(api.requests) == 1, "the first turn fitted"
    # The second sends only what is new; what came before is known from the first.
    assert most_of(ask()) * 4 < usd(raised.value.estimate) < most
    assert standing("turns").reserved == 0


# --- settled ------------------------------------------------------------------------------------


def test_the_books_are_the_bills_to_the_digit(budgeted, api, client, ask):
    telemetry = budgeted(WIDE, Budget("tokens", unit="tokens", limit=10**9))
    for length in (1, 40, 400):
        client.messages.create(**ask(messages=[{"role": "user", "content": "word " * length}]))
    with client.messages.stream(**ask()) as stream:
        stream.get_final_message()
    client.messages.with_raw_response.create(**ask()).parse()
    with client.messages.with_streaming_response.create(**ask()) as response:
        response.read()
    assert spent("wide") == cost(telemetry) > 0
    assert standing("wide").reserved == 0
    usages = [entry.usage for entry in api.ledger]
    assert standing("tokens").spent == sum(
        usage["input_tokens"] + usage["output_tokens"] for usage in usages
    )


def test_a_stream_holds_its_reservation_until_its_end(budgeted, client, ask):
    budgeted(WIDE)
    with client.messages.stream(**ask()) as stream:
        held = standing("wide")
        assert held.reserved == units_of(ask())
        assert held.spent == 0
        stream.until_done()
    assert standing("wide").reserved == 0
    assert standing("wide").spent > 0


@pytest.mark.parametrize("end", ["closed", "dropped", "cancelled"])
def test_a_stream_cut_short_costs_what_is_known(budgeted, api, client, ask, end):
    telemetry = budgeted(WIDE)
    if end == "cancelled":

        async def run() -> None:
            async with anthropic.AsyncAnthropic(api_key="k", base_url=api.url) as sdk:
                async with sdk.messages.stream(**ask("output_tokens=40;pace=0,tps=20")) as stream:
                    async for _ in stream:
                        raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            asyncio.run(run())
    else:
        stream = client.messages.create(**ask(), stream=True)
        for _ in range(6):
            next(stream)
        if end == "closed":
            stream.close()
        del stream
        gc.collect()
    known = standing("wide")
    assert known.reserved == 0
    assert cost(telemetry) < spent("wide"), "a token of output for each event, beside the prompt"
    assert known.spent <= units_of(ask())


@pytest.mark.parametrize("scenario", ["status=400", "status=529", "status=500", "reset"])
def test_a_failed_call_costs_nothing(budgeted, client, ask, scenario):
    budgeted(WIDE)
    with pytest.raises(anthropic.APIError):
        client.with_options(max_retries=0).messages.create(**ask(scenario))
    assert standing("wide")[:2] == (0, 0)


def test_a_cancelled_call_gives_its_reservation_back(budgeted, api, ask):
    budgeted(WIDE)

    async def run() -> None:
        async with anthropic.AsyncAnthropic(api_key="k", base_url=api.url) as client:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.messages.create(**ask("late_headers=2")), 0.1)

    asyncio.run(run())
    assert standing("wide")[:2] == (0, 0)


def test_retries_are_one_call(budgeted, api, client, ask):
    telemetry = budgeted(WIDE)
    client.messages.create(**ask("fail=1*529"))
    assert spent("wide") == cost(telemetry)
    assert len(api.requests) == 2


def test_counting_tokens_is_free(budgeted, client):
    budgeted(TIGHT)
    counted = client.messages.count_tokens(
        model="claude-haiku-4-5", messages=[{"role": "user", "content": "Hello"}]
    )
    assert counted.input_tokens > 0


def test_an_excess_is_booked_in_full_counted_and_blocks_the_next_call(budgeted, client, ask):
    most = most_of(ask())
    telemetry = budgeted(Budget("b", limit=most * 2, window="day"))
    # A server tool: how often it will be used, nobody knows before.
    client.messages.create(**ask("web_search=5"))
    assert spent("b") == cost(telemetry) > most * 2
    assert telemetry.total(semconv.M_BUDGET_OVERRUNS, claude__budget__name="b") == 1
    with pytest.raises(BudgetExceeded):
        client.messages.create(**ask())


# --- batches and sessions -------------------------------------------------------------------------


def test_a_batch_is_reserved_until_its_results_are_read(budgeted, api, client, ask):
    telemetry = budgeted(WIDE)
    requests = [{"custom_id": f"r{n}", "params": ask()} for n in range(3)]
    batch = client.messages.batches.create(requests=requests)
    one = units_of(ask(), batch=True)
    assert standing("wide")[:2] == (0, 3 * one)
    while client.messages.batches.retrieve(batch.id).processing_status != "ended":
        pass
    results = list(client.messages.batches.results(batch.id))
    assert len(results) == 3
    reading = telemetry.spans[-1].attributes or {}
    assert spent("wide") == Decimal(repr(reading[semconv.COST_TOTAL]))
    assert standing("wide").reserved == 0
    list(client.messages.batches.results(batch.id))
    assert spent("wide") == Decimal(repr(reading[semconv.COST_TOTAL])), "each result once"


def test_a_batch_is_in_the_budget_of_each_of_its_models(budgeted, client, ask):
    models = ["claude-sonnet-5-5", "claude-haiku-4-5", "claude-haiku-4-5"]
    each = [ask(model=model) for model in models]
    sonnet, haiku, _ = (units_of(params, batch=True) for params in each)
    limit = usd(Decimal(sonnet).scaleb(-15))
    budgeted(WIDE, Budget("model", scope="model", limit=limit, window="day"))
    requests = [{"custom_id": f"r{n}", "params": params} for n, params in enumerate(each)]
    batch = client.messages.batches.create(requests=requests)
    held = [standing("model", model).reserved for model in models]
    assert held == [sonnet, 2 * haiku, 2 * haiku]
    with pytest.raises(BudgetExceeded) as raised:
        client.messages.batches.create(requests=requests[:1])
    assert raised.value.key == models[0]
    while client.messages.batches.retrieve(batch.id).processing_status != "ended":
        pass
    answered = {r.result.message.model for r in client.messages.batches.results(batch.id)}
    every = [standing("model", model) for model in answered]
    assert all(account.spent > 0 for account in every)
    assert sum(account.spent for account in every) == standing("wide").spent
    assert [standing("model", model).reserved for model in models] == [0, 0, 0]


def test_a_batch_that_was_not_created_holds_nothing(budgeted, api, client, ask):
    budgeted(WIDE)
    with pytest.raises(anthropic.APIError):
        client.with_options(max_retries=0).messages.batches.create(
            requests=[{"custom_id": "a", "params": ask()}],
            extra_headers={"x-emulator-scenario": "status=500"},
        )
    assert standing("wide")[:2] == (0, 0)


def test_sessions_are_booked_when_they_report(budgeted):
    from otel_claude.call.session import SessionUse

    budgeted(
        WIDE,
        Budget("t", unit="tokens", scope="team", limit=10),
        Budget("m", scope="model", limit=1),
    )
    guard = ClaudeInstrumentor()._guard
    with attribution(team="x"):
        guard.used_in_session(SessionUse({"input": 7, "output": 5}, Decimal("0.0123")))
    assert spent("wide") == Decimal("0.0123")
    assert standing("t", "x").spent == 12
    assert standing("m").spent == 0


# --- whose budget ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "scope", ["user", "session", "tenant", "team", "feature", "endpoint", "prompt", "tag:plan"]
)
def test_each_key_has_a_budget_of_its_own(budgeted, client, ask, scope):
    most = most_of(ask())
    budgeted(Budget("each", scope=scope, limit=most, window="day"))
    name = scope.removeprefix("tag:")
    for key in ("a", "b"):
        with attribution(**{name: key}):
            client.messages.create(**ask())
            with pytest.raises(BudgetExceeded) as raised:
                client.messages.create(**ask())
        assert (raised.value.scope, raised.value.key) == (scope, key)
    for _ in range(3):
        client.messages.create(**ask())  # nobody's


def test_each_model_and_each_trace_has_a_budget_of_its_own(budgeted, client, ask):
    most = most_of(ask())
    telemetry = budgeted(
        Budget("model", scope="model", limit=most * 3), Budget("run", scope="trace", limit=most)
    )
    tracer = telemetry.tracers.get_tracer("app")
    refused = []
    for _ in range(2):
        with tracer.start_as_current_span("run"):
            client.messages.create(**ask())
            with pytest.raises(BudgetExceeded) as raised:
                client.messages.create(**ask())
            refused.append(raised.value.key)
    assert len(set(refused)) == 2
    assert standing("model", "claude-sonnet-5-5").spent > 0


def test_the_workspace_is_known_after_its_first_answer(budgeted, api, client, ask):
    budgeted(Budget("ws", scope="workspace", limit=1, window="day"))
    message = client.messages.with_raw_response.create(**ask())
    workspace = message.headers["anthropic-workspace-id"]
    first = standing("ws", workspace)
    assert first.spent > 0
    with client.messages.stream(**ask()) as stream:
        assert standing("ws", workspace).reserved > 0
        stream.until_done()
    assert standing("ws", workspace).spent > first.spent


def test_classes_have_limits_of_their_own(budgeted, client, ask):
    most = most_of(ask())
    budgeted(
        Budget(
            "tiers",
            scope="user",
            limit=most,
            limits={"pro": most * 3},
            classes="tier",
            window="day",
        )
    )
    made = {}
    for user, tier in (("anna", "pro"), ("bob", "free")):
        made[user] = 0
        with attribution(user=user, tier=tier), contextlib.suppress(BudgetExceeded):
            for _ in range(50):
                client.messages.create(**ask())
                made[user] += 1
    assert 50 > made["anna"] >= 3 > made["bob"] == 1


def test_a_function_of_classes_that_fails_leaves_every_limit_in_force(telemetry, client, ask):
    _faults.drain()
    tiers = Budget("tiers", limit=100, limits={"pro": 200}, classes=lambda _: str(1 / 0))
    telemetry.instrument(budgets=[tiers, Budget("all", limit=0)])
    with pytest.raises(BudgetExceeded) as raised:
        client.messages.create(**ask())
    assert raised.value.name == "all"
    assert _faults.drain() == {"budgets.classes": 1}


# --- actions, warnings, unpriced --------------------------------------------------------------------


def test_a_budget_that_warns_refuses_nothing(budgeted, client, ask):
    telemetry = budgeted(Budget("soft", limit="0.0008", window="day", action="warn", warn_at=[0.5]))
    for _ in range(4):
        client.messages.create(**ask("output_tokens=40"))
    records = [r.log_record for r in telemetry.log_exporter.get_finished_logs()]
    assert [r.event_name for r in records] == [semconv.EVENT_BUDGET_WARNING] * 2
    assert [r.attributes[semconv.BUDGET_SHARE] for r in records] == [0.5, 1.0]
    assert records[0].attributes[semconv.EVENT_NAME] == semconv.EVENT_BUDGET_WARNING
    assert records[0].trace_id in {span.context.trace_id for span in telemetry.spans}
    assert telemetry.total(semconv.M_BUDGET_WARNINGS, claude__budget__name="soft") == 2


def test_a_callback_decides(budgeted, client, ask):
    asked: list[BudgetExceeded] = []

    def decide(exceeded):
        asked.append(exceeded)
        return len(asked) > 2

    budgeted(Budget("c", limit="0.000001", window="day", action=decide))
    client.messages.create(**ask())
    client.messages.create(**ask())
    with pytest.raises(BudgetExceeded) as raised:
        client.messages.create(**ask())
    assert raised.value is asked[2]
    assert asked[1].spent > 0
    assert standing("c").reserved == 0


def test_a_callback_that_fails_is_a_fault_and_lets_the_call_pass(telemetry, client, ask):
    _faults.drain()
    telemetry.instrument(budgets=[Budget("c", limit=0, action=lambda _: bool(1 / 0))])
    assert client.messages.create(**ask()).content
    assert _faults.drain() == {"budgets.action": 1}


def test_single_calls_have_limits_and_warnings(budgeted, client, ask):
    most = most_of(ask())
    telemetry = budgeted(
        Budget("single", call_limit=most),
        Budget("big", call_warning="0.0001"),
        Budget("both", call_limit="0.0001", action="warn"),
    )
    client.messages.create(**ask())
    assert telemetry.total(semconv.M_BUDGET_WARNINGS, claude__budget__name="big") == 1
    assert telemetry.total(semconv.M_BUDGET_WARNINGS, claude__budget__name="both") == 1
    with pytest.raises(BudgetExceeded) as raised:
        client.messages.create(**ask(max_tokens=65))
    assert (raised.value.window, raised.value.limit) == ("call", most)


@pytest.mark.parametrize("unpriced", ["allow", "block"])
def test_a_model_without_a_price_is_a_matter_of_policy(budgeted, client, ask, caplog, unpriced):
    budgeted(Budget("u", limit=1, unpriced=unpriced), Budget("t", unit="tokens", limit=9999))
    request = ask("model=claude-opus-9", model="claude-opus-9")
    if unpriced == "block":
        with pytest.raises(BudgetExceeded) as raised:
            client.messages.create(**request)
        assert raised.value.reason == "unpriced"
    else:
        client.messages.create(**request)
        client.messages.create(**request)
        assert standing("u").spent == 0
        assert standing("t").spent > 0
        assert sum("in no USD budget" in r.getMessage() for r in caplog.records) == 1


def test_an_answer_without_a_price_costs_what_was_reserved(budgeted, client, ask):
    budgeted(WIDE)
    client.messages.create(**ask("model=claude-opus-9"))
    assert standing("wide")[:2] == (units_of(ask()), 0)


# --- never in the way -------------------------------------------------------------------------------


def test_a_fault_in_the_guard_lets_the_call_pass(telemetry, client, ask, monkeypatch):
    _faults.drain()
    telemetry.instrument(budgets=[TIGHT])
    monkeypatch.setattr(ClaudeInstrumentor()._guard.store, "reserve", lambda *_: 1 / 0)
    assert client.messages.create(**ask()).content
    assert _faults.drain() == {"admit": 1}


def test_policies_that_cannot_be_read_are_said_and_the_calls_go_on(telemetry, client, ask, caplog):
    telemetry.instrument(budgets="/nowhere/budgets.yaml")
    assert client.messages.create(**ask()).content
    errors = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
    assert "cannot be read" in errors[0]
    assert "no budget is in force" in errors[1]


def test_policies_come_from_the_environment(telemetry, client, ask, monkeypatch):
    monkeypatch.setenv("OTEL_CLAUDE_BUDGETS", json.dumps([{"name": "env", "limit": 0}]))
    telemetry.instrument()
    with pytest.raises(BudgetExceeded, match="'env'"):
        client.messages.create(**ask())


def test_prompts_are_not_kept(budgeted, client, ask):
    telemetry = budgeted(WIDE)
    from otel_claude.capture import seams

    calls = []
    watch: Any = seams._active
    observers: Any = watch.observers
    monkey = observers[0].after

    def after(call):
        calls.append(call)
        monkey(call)

    observers[0].after = after
    try:
        client.messages.create(**ask())
    finally:
        del observers[0].after
    assert [call.body for call in calls] == [None]
    assert telemetry.spans


def test_threads_share_a_budget_and_never_pass_it(budgeted, api, ask):
    most = most_of(ask())
    telemetry = budgeted(Budget("shared", limit=most * 5, window="day"))
    refused = []

    def work() -> None:
        with anthropic.Anthropic(api_key="k", base_url=api.url) as client:
            for _ in range(10):
                try:
                    client.messages.create(**ask())
                except BudgetExceeded as error:
                    refused.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused
    for error in refused:
        left = usd(error.limit) - usd(error.spent) - usd(error.reserved)
        assert left < usd(error.estimate)
    assert spent("shared") == cost(telemetry) <= most * 5


def test_users_have_one_budget_under_the_name_that_telemetry_has_for_them(budgeted, client, ask):
    """Hashed where they are hashed, also in calls that telemetry does not see."""
    budgeted(Budget("u", scope="user", limit=1, window="day"), hash_key="k" * 32)
    with attribution(user="anna"):
        client.messages.create(**ask())
        with suppress_instrumentation():
            client.messages.create(**ask())
    accounts = ClaudeInstrumentor()._guard.store.accounts("u:")
    assert len(accounts) == 1
    assert "anna" not in str(accounts)
