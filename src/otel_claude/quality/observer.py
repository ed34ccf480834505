"""The observer that has answers evaluated, after the call and off its path."""

from __future__ import annotations

import atexit
import logging
import random
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel_context

from otel_claude import _faults, semconv
from otel_claude._attribution import KEY, Attribution
from otel_claude.quality import checks, code, suites
from otel_claude.quality.answer import Answer, Verdict, read
from otel_claude.quality.hands import Hand, LateError
from otel_claude.quality.judge import Grader
from otel_claude.quality.lanes import Lanes
from otel_claude.quality.policy import Policy, PolicyError
from otel_claude.quality.registry import Evaluator, registered

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from opentelemetry.context import Context

    from otel_claude.call.call import Call
    from otel_claude.quality.telemetry import Subject, Telemetry

logger = logging.getLogger("otel_claude")

EVALUATING: Final = otel_context.create_key("otel_claude.evaluating")
"""In the context of evaluators: the calls that they make are not evaluated."""
_JUDGE: Final = "judge"
_ANSWERED: Final = frozenset({"completed", "truncated"})
_MOST_STUCK: Final = 3  # threads that one evaluator may hold up
_AT_EXIT: Final = 5.0  # seconds that evaluations may take at the end of the program


def evaluations_of(given: object, telemetry: Telemetry) -> Evaluations | None:
    """The observer that the setting `evaluate` asks for; None without one. What is wrong is said."""
    if not given:
        return None
    try:
        policy = Policy.load(given)
    except PolicyError as error:
        problem = error
    else:
        return Evaluations(policy, telemetry)
    logger.error("otel-claude: setting evaluate: %s. Nothing is evaluated.", problem)
    return None


class Evaluations:
    """Has answers evaluated.

    Args:
        policy: which, by what, and how long it may take.
        telemetry: where verdicts go.
    """

    def __init__(self, policy: Policy, telemetry: Telemetry) -> None:
        self._policy = policy
        self._telemetry = telemetry
        self._checks = _checks(policy)
        self._grader = Grader(policy.judge, policy.timeout) if policy.judge is not None else None
        self._stuck: dict[str, list[threading.Thread]] = {}
        self._warned: set[str] = set()
        self._lanes = Lanes(policy.threads, policy.queue, self._evaluate)
        atexit.register(self.close)

    def listening(self) -> bool:
        """Always: who asks for evaluations gets them."""
        return True

    def before(self, call: Call) -> None:
        """Decide whether the call's answer will be evaluated; its content is kept only then."""
        if not (call.is_inference or call.operation == "batch"):
            return
        if otel_context.get_value(EVALUATING) or random.random() >= self._policy.sample:  # noqa: S311 - a sample
            return
        call.judged = True
        call.want_content()

    def after(self, call: Call) -> None:
        """Hand an answer to the evaluators, where there is room in the queue."""
        content = call.content
        if not call.judged or content is None or call.outcome not in _ANSWERED:
            return
        if not call.is_inference and call.whole is None:
            return
        content.hold()
        if not self._lanes.submit((call, content), call.body_size or 0):
            self._telemetry.dropped("queue_full")

    def flush(self, timeout: float) -> bool:
        """Wait until everything is evaluated that there is; False where it took too long."""
        return self._lanes.flush(timeout)

    def close(self, timeout: float = _AT_EXIT) -> None:
        """Evaluate what is left within some seconds, and nothing after that."""
        atexit.unregister(self.close)
        if left := self._lanes.close(timeout):
            self._telemetry.dropped("shutdown", left)

    # --- on a thread of ours --------------------------------------------------------------------

    def _evaluate(self, item: Any, hand: Hand) -> None:
        call, content = item
        answer = Answer.of(call, content)
        subject = self._telemetry.subject(call)
        verdicts: dict[str, Verdict] = {}
        suite = self._policy.suite_of(answer.feature)
        for evaluator in self._evaluators(answer, suite):
            verdicts |= self._run(evaluator, answer, subject, call, hand)
        if suite is not None:
            whole = suites.score(suite, verdicts, self._policy.threshold)
            if whole is not None:
                self._telemetry.judged(subject, suites.name_of(suite), whole)

    def _evaluators(self, answer: Answer, suite: str | None) -> Iterator[Evaluator]:
        yield from self._checks
        for evaluator in (*registered.values(), *self._judges(suite)):
            if evaluator.wants(answer) and random.random() < evaluator.sample:  # noqa: S311 - a sample
                yield evaluator

    def _judges(self, suite: str | None) -> Iterator[Evaluator]:
        """The judge, of what the suite weighs; of everything, where there is none."""
        judge = self._policy.judge
        if self._grader is None or judge is None:
            return
        weighed = suites.ASPECTS if suite is None else suites.SUITES[suite]
        aspects = tuple(name for name in suites.ASPECTS if name in weighed)
        ask = partial(self._grader, aspects=aspects)
        threshold = self._policy.threshold
        yield Evaluator(_JUDGE, ask, sample=judge.sample, threshold=threshold)

    def _run(
        self, evaluator: Evaluator, answer: Answer, subject: Subject, call: Call, hand: Hand
    ) -> dict[str, Verdict]:
        """Tell what an evaluator says, and return it; nothing where it fails, or where it hangs."""
        name = evaluator.name
        stuck = [thread for thread in self._stuck.get(name, ()) if thread.is_alive()]
        if len(stuck) >= _MOST_STUCK:
            self._telemetry.dropped("evaluator_hangs")
            return {}
        timeout = self._policy.timeout if evaluator.timeout is None else evaluator.timeout
        try:
            context = _context_of(call, name)
            # An evaluator of the application may do with its answer what it likes.
            shown = answer.copy() if evaluator.name in registered else answer
            said = hand.run(partial(evaluator.judge, shown), context, timeout)
            found = _verdicts(evaluator, said)
            for key, verdict in found.items():
                self._telemetry.judged(subject, key, verdict)
        except LateError as late:
            self._stuck[name] = [*stuck, late.thread] if late.stuck else stuck
            self._failed(evaluator, subject, "timeout")
        except BaseException as error:  # of the evaluator: SystemExit, too
            self._failed(evaluator, subject, type(error).__qualname__)
        else:
            return found
        return {}

    def _failed(self, evaluator: Evaluator, subject: Subject, error: str) -> None:
        self._telemetry.failed(subject, evaluator.name, error)
        if evaluator.built_in:
            _faults.report(f"evaluator.{evaluator.name}")
        elif evaluator.name not in self._warned:
            self._warned.add(evaluator.name)
            logger.warning(
                "otel-claude: evaluator %r failed (%s); your calls are not affected. Later failures"
                " are only counted.",
                evaluator.name,
                error,
            )


def _verdicts(evaluator: Evaluator, said: object) -> dict[str, Verdict]:
    named: Mapping[Any, object] = said if isinstance(said, Mapping) else {evaluator.name: said}
    found = {str(name): read(one, evaluator.threshold) for name, one in named.items()}
    return {name: verdict for name, verdict in found.items() if verdict is not None}


def _context_of(call: Call, name: str) -> Context:
    """The context of evaluators: their calls belong to the trace of the one that they judge.

    The team and the tenant of that pay for them.
    """
    of = call.attribution or Attribution()
    tags = {semconv.TAG_EVALUATION: name}
    if call.response_id is not None:
        tags[semconv.TAG_EVALUATED] = call.response_id
    own = Attribution(tenant=of.tenant, team=of.team, feature=semconv.EVALUATION, tags=tags)
    context = otel_context.set_value(KEY, own, call.context or otel_context.Context())
    return otel_context.set_value(EVALUATING, True, context)


def _checks(policy: Policy) -> Sequence[Evaluator]:
    found: dict[str, Callable[[Answer], Any]] = {
        "complete": checks.complete,
        "answered": checks.answered,
        "nonempty": checks.nonempty,
        "as_asked": checks.as_asked,
        "varied": checks.varied,
        "length": checks.UsualLength(),
        "code_parses": code.parses,
        "code_imports": code.Imports(policy.modules),
        "code_safe": code.safe,
    }
    return [Evaluator(name, found[name], built_in=True) for name in policy.checks]
