"""What each alert means, and what to do: entry of the threshold file -> the two texts."""

from __future__ import annotations

from typing import Final

_ERRORS: Final = (
    "The share of calls that failed or broke off, retries included, is above its threshold.",
    "1. Dashboard 'Errors and limits': which category, model and endpoint? 2. overloaded or "
    "server_error: look at Anthropic's status page; fall back to another model or region. "
    "3. rate_limit: see ClaudeRateLimited. 4. auth_error: has a key been rotated? "
    "5. invalid_request: what was deployed last? 6. 'Calls' has traces with the request ids that "
    "Anthropic's support asks for.",
)
_LATENCY: Final = (
    "Calls take longer than users were promised, per endpoint and model.",
    "1. Dashboard 'Latency and streaming': is it the first token (queueing, prompt size, cache "
    "misses) or the output rate and length? 2. Have prompts grown, or has the cache hit rate "
    "fallen ('Tokens and cache')? 3. Are retries waited for ('Errors and limits')? 4. Open a trace "
    "from an exemplar. 5. Stream, shorten the answer, or use a faster model.",
)
_BUDGET: Final = (
    "A budget of the application is nearly spent or spent; what it does then is its own setting.",
    "1. Dashboard 'Cost', row 'Budgets': which scope? 2. Rising for a reason: raise the limit in "
    "the budgets file. 3. Else find the feature or tenant that grew, and its prompt or loop.",
)
_RETIRING: Final = (
    "A model in use has a retirement date; after it every call to it fails.",
    "1. Choose the successor in Anthropic's deprecation table. 2. Test prompts with it ('Quality "
    "and feedback' shows both). 3. Change the model name where the label says, and deploy.",
)

RUNBOOKS: Final[dict[str, tuple[str, str]]] = {
    "error_rate_warning": _ERRORS,
    "error_rate_critical": _ERRORS,
    "error_rate_page": _ERRORS,
    "error_budget_burn": (
        "The objective for successful calls is being missed: over both a long and a short window "
        "errors use up the budget of 30 days too fast.",
        _ERRORS[1],
    ),
    "success_low": (
        "One model's calls fail much more often than they should.",
        _ERRORS[1],
    ),
    "authentication_failures": (
        "Calls end with 401 or 403.",
        "1. Which service? Was a key rotated, or a workspace archived? 2. Deploy the new key. "
        "3. None of both: treat the key as leaked, revoke it, and look for its use elsewhere.",
    ),
    "rate_limited": (
        "The API answered 429, whether a retry healed it or not.",
        "1. Dashboard 'Errors and limits': which limit has no headroom? 2. Spread bursts, lower "
        "concurrency, cache prompts (cache reads count little), move what can wait to batches. "
        "3. Ask Anthropic for a higher tier.",
    ),
    "overloaded": (
        "The API answered that it is overloaded (529), whether a retry healed it or not.",
        "1. Anthropic's status page. 2. If it lasts: another model or cloud, fewer retries.",
    ),
    "truncated": (
        "The server stopped in the middle of a stream, and the application may have shown half "
        "an answer.",
        "1. 'Calls': which endpoint, after how many seconds? 2. The same number of seconds each "
        "time is a proxy's or load balancer's timeout: raise it. 3. Else report the request ids.",
    ),
    "rate_limit_headroom": (
        "Little is left of a rate limit; 429s are near.",
        "1. See ClaudeRateLimited, now, before users notice.",
    ),
    "duration_p95_critical": _LATENCY,
    "duration_p95_page": _LATENCY,
    "first_token_p95": _LATENCY,
    "duration_p50_up": _LATENCY,
    "apdex_low": (
        "Too many answers took longer than expected of such a model and prompt, or failed.",
        _LATENCY[1],
    ),
    "tokens_up": (
        "Tokens of the last hour are far above the same hour of yesterday and of last week.",
        "1. 'Tokens and cache': more calls, or more tokens per call? 2. More calls: whose "
        "('Cost', top users)? A retry loop? 3. More per call: see ClaudePromptSizeUp.",
    ),
    "prompt_size_up": (
        "The prompt tokens per call of a feature have doubled since yesterday.",
        "1. What was deployed? 2. Does a conversation grow without being cut or compacted? "
        "3. Are tool results or documents put in whole?",
    ),
    "context_nearly_full": (
        "Prompts fill over 80% of the model's context window; soon they are refused or cut.",
        "1. Cut or compact the conversation, or let the API compact it. 2. Retrieve less.",
    ),
    "expensive_call": (
        "Single calls cost more than a dollar.",
        "1. 'Calls', most expensive: prompt size, output length, model? 2. Limit max_tokens, cache "
        "the prompt, or set a budget per call.",
    ),
    "daily_spend": (
        "More was spent in the last 24 hours than the threshold allows.",
        "1. 'Cost': which model, tenant, team, feature? 2. Expected: raise the threshold. 3. Else "
        "switch the feature off or set a budget; see ClaudeTokensUp for causes.",
    ),
    "budget_nearly_used": _BUDGET,
    "budget_used": _BUDGET,
    "projected_spend": (
        "At the pace of the last hour the day will cost far more than its budget.",
        "1. 'Cost': since when, and which feature? 2. See ClaudeDailySpend.",
    ),
    "cache_hit_rate_down": (
        "The share of prompt tokens read from the cache fell to less than half of its usual value.",
        "1. Does something that changes (time, id, user) stand early in the prompt since the last "
        "deployment? 2. Was cache_control dropped, or the model changed? 3. Calls rarer than the "
        "cache's 5 minutes: use 1 hour.",
    ),
    "expensive_model_share_up": (
        "A feature spends a larger share on expensive models than it did.",
        "1. Intended? 2. Has a router or a fallback chosen the larger model?",
    ),
    "unpriced_calls": (
        "Calls that the price book cannot price: spend is shown too low.",
        "1. unknown_model: update otel-claude or the prices. 2. opaque_profile or a deployment "
        "name: add it to the prices file (docs/pricing.md).",
    ),
    "refusals_up": (
        "More answers than usual are refusals.",
        "1. 'Quality and feedback': which feature? 2. A new prompt, new users, or an attack? "
        "3. Is the model new?",
    ),
    "cut_by_length_up": (
        "More answers than usual run into max_tokens.",
        "1. Raise max_tokens, or ask for shorter answers. 2. Is the model new, or does it think?",
    ),
    "evaluations_failed_up": (
        "More evaluations fail than usual.",
        "1. 'Quality and feedback': which evaluation, model, prompt version? 2. Roll the prompt or "
        "model back.",
    ),
    "other_model": (
        "The API answered with another model than the one asked for.",
        "1. Is an alias or a fallback meant to do so? 2. Cost and quality are the other model's.",
    ),
    "model_retires": _RETIRING,
    "model_retires_soon": _RETIRING,
    "audit_findings": (
        "The audit found something in requests or responses that policy forbids.",
        "1. The event claude.audit.call with this finding names the call. 2. Follow your incident "
        "procedure for its severity.",
    ),
    "service_silent": (
        "A service that sent telemetry steadily has stopped: it is down, or cannot reach the "
        "collector.",
        "1. Is it running? 2. Does it reach the collector's port 4317 or 4318? 3. Were the OTEL_ "
        "variables or the launcher lost in a deployment? 4. Taken out of service: it resolves "
        "by itself within the hour.",
    ),
    "instrumentation_errors": (
        "otel-claude caught faults of its own. The application's calls were not affected; their "
        "telemetry may be incomplete.",
        "1. The service's log has one traceback per place. 2. Report it, with versions.",
    ),
    "export_failures": (
        "A backend refuses data for good: the collector has dropped it.",
        "1. The collector's log names the exporter and the error. 2. Is the backend up, are the "
        "credentials valid? 3. Watch ClaudeQueueFilling.",
    ),
    "export_stalled": (
        "A backend takes nothing. The collector keeps the data on disk and tries again.",
        "1. Is the backend up, and its address right? The collector's log has the error. 2. Nothing "
        "is lost until ClaudeQueueFilling.",
    ),
    "queue_filling": (
        "An exporter's queue is nearly full; when it is, data is lost.",
        "1. See ClaudeExportStalled. 2. Backend only slow: more consumers, larger batches. "
        "3. Enlarge the queue if the disk allows.",
    ),
    "data_refused": (
        "The collector refused data: it is out of memory limits or its queue is full.",
        "1. Clients retry for a while. 2. Add collectors or memory; see docs/operations.md.",
    ),
    "rules_missed": (
        "Prometheus did not come round to the rules in time. What counters grew by in those minutes "
        "is in no sum: spend and calls are shown too low.",
        "1. Dashboard 'Pipeline health': how long does a round take, which service has many series? "
        "2. Give Prometheus more processor, or remove labels with many values.",
    ),
    "collector_down": (
        "Prometheus cannot scrape the collector: telemetry is not received.",
        "1. Start it; clients retry for about a minute only. 2. Its last log lines say why it "
        "stopped: memory, configuration, disk.",
    ),
    "watchdog": (
        "Always fires. A dead man's switch outside this installation raises the alarm when it "
        "stops coming.",
        "Nothing to do while it comes. When it stops: Prometheus, Alertmanager or the way to the "
        "outside is broken.",
    ),
}
