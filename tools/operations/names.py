"""Our names as Prometheus has them, after OpenTelemetry's translation.

The rules are those of the specification "Prometheus and OpenMetrics Compatibility", as the
collector's prometheus exporter applies them; a test compares the two.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_claude import semconv

if TYPE_CHECKING:
    from otel_claude.semconv import Metric

_UNITS = {
    "d": "days",
    "h": "hours",
    "min": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "By": "bytes",
    "%": "percent",
    "1": "",
}
_PER = {"s": "second", "min": "minute", "h": "hour", "d": "day"}


def translate(metric: Metric) -> str:
    """The name of a metric's series; a histogram's without `_bucket`, `_sum`, `_count`."""
    parts = [part for part in re.split(r"[^A-Za-z0-9]", metric.name) if part]
    main, _, per = re.sub(r"\{.*?\}", "", metric.unit).partition("/")
    unit = _UNITS.get(main, main)
    if unit and unit not in parts:
        parts.append(unit)
    if per:
        parts += ["per", _PER.get(per, per)]
    if metric.instrument == "counter":
        parts = [part for part in parts if part != "total"] + ["total"]
    if metric.instrument == "gauge" and metric.unit == "1":
        parts.append("ratio")
    return "_".join(parts)


def series(name: str) -> str:
    """The series name of a metric of `semconv`, ours or one of those that are only read.

    Raises:
        KeyError: no such metric.
    """
    return translate(semconv.METRICS[name] if name in semconv.METRICS else semconv.READ[name])


def label(attribute: str) -> str:
    """The label that an attribute becomes."""
    return re.sub(r"[^A-Za-z0-9_]", "_", attribute)


SERVICE = label(semconv.SERVICE_NAME)
ENVIRONMENT = label(semconv.ENVIRONMENT)
MODEL = label(semconv.REQUEST_MODEL)
ANSWERED_BY = label(semconv.RESPONSE_MODEL)
TENANT = label(semconv.TENANT)
TEAM = label(semconv.TEAM)
FEATURE = label(semconv.FEATURE)
ENDPOINT = label(semconv.ENDPOINT)
ERROR = label(semconv.ERROR_TYPE)
CATEGORY = label(semconv.ERROR_CATEGORY)
OUTCOME = label(semconv.OUTCOME)
FINISH = label(semconv.FINISH_REASON)
STREAM = label(semconv.REQUEST_STREAM)
SIZE = label(semconv.CONTEXT_BUCKET)
NEARLY_FULL = label(semconv.CONTEXT_NEARLY_FULL)
COST_SIZE = label(semconv.COST_BUCKET)
COMPONENT = label(semconv.COST_COMPONENT)
TOKEN_TYPE = label(semconv.CLAUDE_TOKEN_TYPE)
RETRIED = label(semconv.RETRIED)
SITE = label(semconv.FAULT_SITE)
LIMIT_KIND = label(semconv.RATELIMIT_KIND)
ORGANIZATION = label(semconv.ORGANIZATION_ID)
WORKSPACE = label(semconv.WORKSPACE_ID)
REASON = label(semconv.COST_UNAVAILABLE)
BUDGET = label(semconv.BUDGET_NAME)
BUDGET_SCOPE = label(semconv.BUDGET_SCOPE)
BUDGET_WINDOW = label(semconv.BUDGET_WINDOW)
BUDGET_RANK = label(semconv.BUDGET_RANK)
BUDGET_UNIT = label(semconv.BUDGET_UNIT)
EVALUATION = label(semconv.EVALUATION_NAME)
VERDICT = label(semconv.EVALUATION_LABEL)
FINDING = label(semconv.AUDIT_FINDING)
SEVERITY = label(semconv.AUDIT_SEVERITY)
PROVIDER = label(semconv.PROVIDER_NAME)
ROUTE = label(semconv.HTTP_ROUTE)
CODE_TYPE = label(semconv.CODE_TYPE)
CODE_MODEL = label(semconv.CODE_MODEL)
CODE_DECISION = label(semconv.CODE_DECISION)
CODE_USER = label(semconv.CODE_USER)
USER = label(semconv.USER_ID)

PER_PROCESS = (
    "instance",
    label("service.instance.id"),
    label(semconv.SERVER_ADDRESS),
    label(semconv.SERVER_PORT),
    "otel_scope_name",
    "otel_scope_version",
    "otel_scope_schema_url",
)
"""Labels that recording rules sum away: they say which process or host, not what for."""
