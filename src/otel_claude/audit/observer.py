"""The observer that writes the audit trail."""

from __future__ import annotations

import atexit
import hmac
import json
import logging
import secrets
import threading
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from otel_claude import _faults, semconv
from otel_claude.audit import chain
from otel_claude.audit.policy import Policy, PolicyError, class_of
from otel_claude.call.fork import generation, new_lock
from otel_claude.emit.bill import Bill
from otel_claude.emit.events import Events
from otel_claude.emit.instruments import instruments_of
from otel_claude.emit.sums import LabelSet, Slot
from otel_claude.privacy.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_claude.audit.policy import Finding
    from otel_claude.call.call import Call
    from otel_claude.call.content import Content
    from otel_claude.pricing import Prices
    from otel_claude.privacy.encryption import Keys
    from otel_claude.settings import Settings

logger = logging.getLogger("otel_claude")

_CLASSIFICATION: Final = "classification"  # the tag of an attribution that says it
_REGION: Final = "region"  # likewise, where the caller is
_NO_LABELS: Final = LabelSet({})
_HEADERS: Final[Mapping[str, str]] = {
    "request-id": semconv.REQUEST_ID,
    "anthropic-organization-id": semconv.ORGANIZATION_ID,
    "anthropic-workspace-id": semconv.WORKSPACE_ID,
}


def auditor_of(
    settings: Settings,
    prices: Callable[[], Prices | None],
    *,
    meter_provider: Any = None,
    logger_provider: Any = None,
) -> Auditor | None:
    """The auditor that the settings ask for; None without one. What is wrong is said, once."""
    if not settings.audit:
        return None
    events = Events.of(logger_provider, strict=False)
    if settings.strict or events is None:
        why = "in strict mode" if settings.strict else "with this version of OpenTelemetry's logs"
        logger.error("otel-claude: setting audit: there is no audit trail %s.", why)
        return None
    try:
        policy = Policy.load(settings.audit)
        keys = _keys(policy, settings)
    except (PolicyError, ValueError, ImportError) as problem:
        # Not without its rules: a trail that is silent about findings would say that all is well.
        logger.error("otel-claude: setting audit: %s. There is no audit trail.", problem)  # noqa: TRY400 - one line says what is wrong, a traceback nothing
        return None
    if settings.hash_key is None:
        logger.warning(
            "otel-claude: setting audit without hash_key: hashes can be compared within one process"
            " only, and whoever can change the records can seal them anew."
        )
    return Auditor(policy, settings.hash_key, keys, prices, events, meter_provider)


def _keys(policy: Policy, settings: Settings) -> Keys | None:
    if not policy.encrypt:
        return None
    if settings.encrypt is None:
        raise PolicyError("encrypt: the setting encrypt must name a file of keys")
    from otel_claude.privacy.encryption import Keys

    return Keys.load(settings.encrypt)


class Auditor:
    """Writes one record per call.

    Args:
        policy: the rules.
        key: of the hashes and the seals; None: seals without, hashes with one of this process.
        keys: that encrypt what the policy says is to be.
        prices: the price book in force.
        events: where records go.
        meter_provider: of the metrics; None is the global one.
    """

    def __init__(
        self,
        policy: Policy,
        key: bytes | None,
        keys: Keys | None,
        prices: Callable[[], Prices | None],
        events: Events,
        meter_provider: Any = None,
    ) -> None:
        self._policy = policy
        self._key = key
        self._hash_key = key or secrets.token_bytes(32)
        self._keys = keys
        self._prices = prices
        self._events = events
        self._sums = instruments_of(meter_provider).sums
        self._redactor = Redactor() if policy.classify else None
        self._writer = _Writer(key)
        self._renewing = new_lock()
        self._slots: dict[Finding, Slot] = {}
        atexit.register(self.close)

    def listening(self) -> bool:
        """Always: who asks for an audit gets one of every call."""
        return True

    def before(self, call: Call) -> None:
        """Ask for the words of the call, which are hashed, and kept nowhere."""
        call.want_content()

    def after(self, call: Call) -> None:
        """Write the record of a call that has ended."""
        if not call.is_inference and call.whole is None:
            return
        bill = Bill(call, self._prices())
        classification = self._classification(call)
        findings = self._policy.findings(
            model=call.resolved_model,
            region=call.usage.inference_geo,
            cost=bill.total,
            prompt_tokens=bill.prompt_tokens,
            classification=classification,
        )
        record = {
            **_said(call, bill),
            **self._hashes(call.content),
            semconv.AUDIT_CLASSIFICATION: classification,
            semconv.AUDIT_RETENTION: self._policy.retention_of(classification),
            semconv.AUDIT_FINDINGS: [f"{found.name}:{found.severity}" for found in findings],
        }
        self._encrypt(record)
        severe = any(found.severity == "high" for found in findings)
        self._write(record, call.context, severe=severe)
        self._sums.add(_NO_LABELS, [(self._slot(found), 1) for found in findings])

    def close(self) -> None:
        """Say that the chain of this process has ended: what is missing after it was removed."""
        atexit.unregister(self.close)
        try:
            if self._writer.began():
                time = datetime.now(timezone.utc).isoformat(timespec="microseconds")
                self._write({semconv.AUDIT_TIME: time, semconv.AUDIT_LAST: True}, None)
        except Exception:
            _faults.report("audit.close")

    def _write(self, record: dict[str, Any], context: Any, *, severe: bool = False) -> None:
        while True:
            writer = self._writer_now()
            with writer.lock:
                if not writer.closed:  # by another thread, just now
                    self._events.audit(writer.sealed(record), context, severe=severe)
                    return

    def _writer_now(self) -> _Writer:
        """That of the chain in force: a forked child has its own, and so has what ends after close."""
        if self._writer.over():
            with self._renewing:  # but one
                if self._writer.over():
                    self._writer = _Writer(self._key)
                    atexit.register(self.close)
        return self._writer

    def _classification(self, call: Call) -> str:
        """Of the attribution; else of detectors; else `unclassified`."""
        said = call.attribution and call.attribution.tags.get(_CLASSIFICATION)
        if said or self._redactor is None or call.content is None:
            return said or class_of(set())
        content = call.content
        try:
            return class_of(self._redactor.kinds([_plain(content.request), content.blocks]))
        except Exception:
            _faults.report("audit.classification")
            return "unknown"

    def _hashes(self, content: Content | None) -> dict[str, str]:
        if content is None:
            return {}
        texts = {
            semconv.AUDIT_REQUEST_HASH: content.request,
            semconv.AUDIT_RESPONSE_HASH: content.blocks,
        }
        found = {name: self._hash(value) for name, value in texts.items() if value}
        return {name: said for name, said in found.items() if said is not None}

    def _hash(self, value: Any) -> str | None:
        """A keyed hash of JSON, whatever the order of its keys; None of what is no JSON."""
        try:
            text = _sorted_json(value)
        except Exception:
            _faults.report("audit.hash")
            return None
        return hmac.digest(self._hash_key, text.encode("utf-8", "surrogatepass"), "sha256").hex()

    def _encrypt(self, record: dict[str, Any]) -> None:
        if self._keys is None:
            return
        for name in self._policy.encrypt:
            if name not in record:
                continue
            try:
                record[name] = self._keys.encrypt(name, record[name])
            except Exception:
                del record[name]  # it was not to be read
                _faults.report("audit.encryption")

    def _slot(self, found: Finding) -> Slot:
        if found not in self._slots:
            labels = {semconv.AUDIT_FINDING: found.name, semconv.AUDIT_SEVERITY: found.severity}
            self._slots[found] = Slot(semconv.M_AUDIT_FINDINGS, labels)
        return self._slots[found]


class _Writer:
    """One chain, of one process."""

    def __init__(self, key: bytes | None) -> None:
        self.generation = generation()
        self.lock = threading.Lock()
        self.closed = False
        self._key = key
        self._chain = secrets.token_hex(16)
        self._next = 0
        self._last = chain.first_seal(self._chain)

    def began(self) -> bool:
        """Whether there is a chain of this process, and it has no end yet."""
        return self._next > 0 and not self.over()

    def over(self) -> bool:
        """Whether nothing more may follow: the chain was closed, or is another process's."""
        return self.closed or self.generation != generation()

    def sealed(self, record: dict[str, Any]) -> dict[str, Any]:
        """The record with its place in the chain. Called with the lock held."""
        record |= {
            semconv.AUDIT_CHAIN: self._chain,
            semconv.AUDIT_SEQUENCE: self._next,
            semconv.AUDIT_PREVIOUS: self._last,
            semconv.AUDIT_ALGORITHM: chain.algorithm(self._key),
        }
        self._last = record[semconv.AUDIT_SEAL] = chain.seal(record, self._key)
        self._next += 1
        self.closed = semconv.AUDIT_LAST in record
        return record


def _said(call: Call, bill: Bill) -> dict[str, Any]:
    """What is known of a call, without its words."""
    began = datetime.fromtimestamp(call.started_at / 1e9, tz=timezone.utc)
    said = {
        semconv.AUDIT_TIME: began.isoformat(timespec="microseconds"),
        semconv.OPERATION_NAME: call.operation,
        semconv.PROVIDER_NAME: call.endpoint.provider,
        semconv.REQUEST_MODEL: call.model,
        semconv.RESPONSE_MODEL: call.response_model,
        semconv.RESPONSE_ID: call.response_id,
        semconv.BATCH_ID: call.batch_id,
        semconv.USAGE_INPUT_TOKENS: bill.prompt_tokens if call.usage.said else None,
        semconv.USAGE_OUTPUT_TOKENS: bill.output_tokens if call.usage.said else None,
        semconv.USAGE_GEO: call.usage.inference_geo,
        semconv.AUDIT_COST: bill.exact_total,
        semconv.OUTCOME: call.outcome,
        semconv.ERROR_TYPE: call.failure and call.failure.type,
    }
    for header, name in _HEADERS.items():
        said[name] = call.response_headers.get(header)
    if call.attribution is not None:
        for key in ("user", "session", "tenant", "team", "feature", "endpoint"):
            said[semconv.attribution_name(key)] = getattr(call.attribution, key)
        said[semconv.AUDIT_REGION] = call.attribution.tags.get(_REGION)
    return {name: value for name, value in said.items() if value is not None}


def _sorted_json(value: Any) -> str:
    """JSON whose keys are in order. Keys that are numbers are texts in JSON, and sorted as such.

    Raises:
        Exception: it is no JSON.
    """
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain)
    except TypeError:  # numbers and texts among the keys of one object have no order
        sent = json.loads(json.dumps(value, default=_plain))
        return json.dumps(sent, sort_keys=True, separators=(",", ":"))


def _plain(value: Any) -> Any:
    """What JSON has no word for: mappings and models of the SDK as they would be sent."""
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json", exclude_unset=True)
    if isinstance(value, dict):
        return value
    try:
        return dict(value)
    except (TypeError, ValueError):
        return repr(type(value))
