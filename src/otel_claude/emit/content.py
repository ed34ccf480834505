"""Content on spans and events: what of it, where, redacted, within a limit, maybe encrypted."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from otel_claude import _faults, semconv
from otel_claude._characters import sendable
from otel_claude.call.parts import Message, Part, message_of, parts_of, plain
from otel_claude.emit.fitting import Fitted, Fitter, dump
from otel_claude.emit.spans import finish_reason
from otel_claude.settings import HOOK

if TYPE_CHECKING:
    from otel_claude._attribution import Attribution
    from otel_claude.call.call import Call
    from otel_claude.call.content import Content
    from otel_claude.call.run import Run
    from otel_claude.emit.hook import Hook
    from otel_claude.privacy.encryption import Keys
    from otel_claude.settings import Settings

logger = logging.getLogger("otel_claude")

_ON_SPAN: Final = frozenset({"span", "both"})
_ON_EVENT: Final = frozenset({"event", "both"})
_UNLIMITED: Final = 1 << 30
_STOP_SEQUENCES: Final = 16  # of them, at most

# How an encrypted text stands in the place of content: valid by the conventions' schemas.
_SEALED: Final[Mapping[str, Callable[[str], Any]]] = {
    semconv.INPUT_MESSAGES: lambda text: [{"role": "user", "parts": [_text(text)]}],
    semconv.OUTPUT_MESSAGES: lambda text: [{"role": "assistant", "parts": [_text(text)]}],
    semconv.SYSTEM_INSTRUCTIONS: lambda text: [_text(text)],
    semconv.TOOL_DEFINITIONS: lambda text: [{"type": "encrypted", "name": text}],
    semconv.TOOL_ARGUMENTS: lambda text: {"encrypted": text},
    semconv.TOOL_RESULT: lambda text: {"encrypted": text},
}


def _text(text: str) -> Part:
    return {"type": "text", "content": text}


class Captured:
    """The content of one call as it leaves the process.

    Attributes:
        is_on_event: whether it goes on events.
        values: attribute -> JSON.
        texts: attribute -> text, or list of texts.
        errors: the same, of the exception event alone.
        cut: attributes from which something was left out.
        finish_reason: why the answer ended.
    """

    __slots__ = ("_on_span", "cut", "errors", "finish_reason", "is_on_event", "texts", "values")

    def __init__(self, mode: str) -> None:
        self._on_span = mode in _ON_SPAN
        self.is_on_event = mode in _ON_EVENT
        self.values: dict[str, str] = {}
        self.texts: dict[str, Any] = {}
        self.errors: dict[str, str] = {}
        self.cut: list[str] = []
        self.finish_reason: str | None = None

    def on_span(self, *, strict: bool) -> dict[str, Any]:
        """Attributes of the span: JSON texts."""
        return {**self.values, **self.texts, **self._marks(strict=strict)} if self._on_span else {}

    def on_event(self, *, strict: bool) -> dict[str, Any] | None:
        """Attributes of the event: structures. None where content is not wanted there."""
        if not self.is_on_event:
            return None
        read = {name: json.loads(text) for name, text in self.values.items()}
        return {**read, **self.texts, **self._marks(strict=strict)}

    def _marks(self, *, strict: bool) -> dict[str, Any]:
        return {semconv.CONTENT_CUT: tuple(self.cut)} if self.cut and not strict else {}


class Contents:
    """Decides whose content is captured, and prepares it.

    Where the settings cannot be honoured (a pattern that is none, a key file that is missing), one
    warning says so and no content leaves.
    """

    def __init__(self, settings: Settings) -> None:
        capture = settings.capture
        self._modes: Mapping[str, str] = {"": capture} if isinstance(capture, str) else capture
        self._kinds = frozenset(settings.capture_content)
        self._limit = settings.capture_limit
        self._keys: Keys | None = None
        self._hook: Hook | None = None
        self._off = False
        try:
            self._prepare(settings)
            if name := os.environ.get(HOOK):
                from otel_claude.emit.hook import Hook

                self._hook = Hook(name)
        except (Exception, SystemExit) as problem:
            self._off = True
            logger.warning(
                "otel-claude: the settings of content capture cannot be used (%s); no content is"
                " recorded.",
                _why(problem),
            )

    def _prepare(self, settings: Settings) -> None:
        redact: Callable[[Any], Any] = _same
        redact_split: Callable[[Sequence[str]], list[str]] = list
        kinds, patterns = settings.redact, settings.redact_patterns
        if kinds or patterns:
            from otel_claude.privacy.redaction import Redactor

            redactor = Redactor(kinds, patterns, hash_key=settings.hash_key)
            redact, redact_split = redactor.redact, redactor.redact_split
        limit = self._limit
        if settings.encrypt is not None:
            from otel_claude.privacy.encryption import OVERHEAD, Keys

            self._keys = Keys.load(settings.encrypt)
            limit = limit * 3 // 4 - OVERHEAD
        media = "media" in self._kinds
        self._fitter = Fitter(redact, redact_split, limit, media=media)
        self._whole = Fitter(redact, redact_split, _UNLIMITED, media=media)

    def _mode(self, attribution: Attribution | None) -> str:
        feature = attribution.feature if attribution is not None else None
        found = self._modes.get(feature) if feature else None
        return self._modes[""] if found is None else found

    def ask(self, call: Call) -> None:
        """Have the content of a call kept, where it will be recorded."""
        if self._off:
            return
        mode = self._mode(call.attribution)
        sampled = call.span is None or call.span.is_recording()
        if self._hook is not None or mode in _ON_EVENT or (mode in _ON_SPAN and sampled):
            call.want_content()

    def of(self, call: Call) -> Captured | None:
        """The content of a call that has ended, None where none is recorded. Never raises."""
        content = call.content
        if self._off or content is None:
            return None
        captured = Captured(self._mode(call.attribution))
        captured.finish_reason = content.finish_reason = finish_reason(call)
        if self._mode(call.attribution) == "none":
            return captured
        if call.is_inference or call.whole is not None:
            for name, kind, make in _ATTRIBUTES:
                if kind in self._kinds:
                    self._add(captured, name, partial(make, self, self._fitter, content))
            if "input" in self._kinds:
                self._add_stop_sequences(captured, content)
        if call.failure is not None and "errors" in self._kinds and captured.is_on_event:
            self._add_errors(captured, call)
        return captured

    def of_run(self, run: Run) -> dict[str, Any]:
        """Arguments, result and description of a tool as attributes of its span. Never raises."""
        if self._off or self._mode(run.attribution) not in _ON_SPAN:
            return {}
        captured = Captured("span")
        arguments = run.arguments
        if "output" in self._kinds and isinstance(arguments, Mapping):
            self._add(captured, semconv.TOOL_ARGUMENTS, partial(self._fitter.value, arguments))
        if "input" in self._kinds and run.result is not None:
            result = {"content": _result(run.result)}
            self._add(captured, semconv.TOOL_RESULT, partial(self._fitter.value, result))
        if "tool_schemas" in self._kinds and run.description:
            sealed = self._sealed(semconv.TOOL_DESCRIPTION, run.description)
            if sealed is not None:
                captured.texts[semconv.TOOL_DESCRIPTION] = sealed
        return captured.on_span(strict=True)

    def remark(self, attribution: Attribution | None, words: str) -> str | None:
        """What is said of an answer, on events; None where content is not wanted there.

        Never raises.
        """
        wanted = "output" in self._kinds and self._mode(attribution) in _ON_EVENT
        if self._off or not wanted:
            return None
        return self._sealed(semconv.EVALUATION_EXPLANATION, words)

    def complete(self, call: Call, log_record: Any) -> None:
        """Hand the content of a call, redacted and uncut, to the completion hook. Never raises."""
        if self._hook is None or call.content is None or not call.is_inference:
            return
        try:
            call.content.finish_reason = finish_reason(call)
            found = {
                name: json.loads(fitted.json)
                for name, kind, make in _ATTRIBUTES
                if kind in self._kinds and (fitted := make(self, self._whole, call.content))
            }
            self._hook.completed(found, call.span, log_record)
        except Exception:
            _faults.report("completion_hook")

    def _add(self, captured: Captured, name: str, make: Callable[[], Fitted | None]) -> None:
        try:
            fitted = make()
            if fitted is None:
                return
            text = sendable(fitted.json)
            if self._keys is not None:
                sealed = _SEALED[name](self._keys.encrypt(name, text))
                if name == semconv.OUTPUT_MESSAGES and captured.finish_reason is not None:
                    sealed[0]["finish_reason"] = captured.finish_reason
                text = dump(sealed)
            captured.values[name] = text
            if fitted.cut:
                captured.cut.append(name)
        except Exception:
            _faults.report("content")

    def _add_stop_sequences(self, captured: Captured, content: Content) -> None:
        said = content.request.get("stop_sequences")
        if isinstance(said, list | tuple) and said:
            name = semconv.REQUEST_STOP_SEQUENCES
            texts = [
                self._sealed(name, text) for text in said[:_STOP_SEQUENCES] if isinstance(text, str)
            ]
            if all(text is not None for text in texts):
                captured.texts[name] = tuple(texts)

    def _add_errors(self, captured: Captured, call: Call) -> None:
        failure = call.failure
        for name, text in (
            (semconv.EXCEPTION_MESSAGE, failure and failure.message),
            (semconv.EXCEPTION_STACKTRACE, failure and failure.stacktrace),
        ):
            if text and (sealed := self._sealed(name, text)) is not None:
                captured.errors[name] = sealed

    def _sealed(self, name: str, text: str) -> str | None:
        """A text redacted, cut and maybe encrypted; None where that failed."""
        try:
            short = self._fitter.text(text)
            return short if self._keys is None else self._keys.encrypt(name, short)
        except Exception:
            _faults.report("content")
            return None

    # --- what makes each attribute --------------------------------------------------------------

    def _input(self, fitter: Fitter, content: Content) -> Fitted | None:
        messages = content.request.get("messages")
        if not isinstance(messages, list | tuple):
            legacy = content.input_messages
            return fitter.messages(legacy, len(legacy)) if legacy else None
        if not messages:
            return None
        return fitter.messages(map(message_of, reversed(messages)), len(messages))

    def _output(self, fitter: Fitter, content: Content) -> Fitted | None:
        message: Message | None = content.output_message
        return None if message is None else fitter.messages([message], 1)

    def _system(self, fitter: Fitter, content: Content) -> Fitted | None:
        parts = content.system_instructions
        return fitter.listed(parts, _more_text) if parts else None

    def _tools(self, fitter: Fitter, content: Content) -> Fitted | None:
        tools = content.tool_definitions
        if "tool_schemas" not in self._kinds:
            tools = [
                {"type": tool["type"], "name": tool.get("name", tool["type"])} for tool in tools
            ]
        return fitter.listed(tools, _more_tools) if tools else None


_ATTRIBUTES: Final = (
    (semconv.INPUT_MESSAGES, "input", Contents._input),
    (semconv.OUTPUT_MESSAGES, "output", Contents._output),
    (semconv.SYSTEM_INSTRUCTIONS, "system", Contents._system),
    (semconv.TOOL_DEFINITIONS, "tools", Contents._tools),
)


def _more_text(count: int) -> Part:
    return _text(f"[{count} more left out by otel-claude]")


def _more_tools(count: int) -> Part:
    return {"type": "omitted", "name": f"{count} more"}


def _result(result: object) -> Any:
    return parts_of(result) if isinstance(result, list | tuple) else plain(result)


def _why(problem: BaseException) -> object:
    if isinstance(problem, ImportError):
        return 'it needs pip install "otel-claude[privacy]"'
    # The class alone, except where the message is ours: it may quote a secret.
    is_ours = type(problem).__module__.startswith("otel_claude.")
    return problem if is_ours else type(problem).__name__


def _same(value: Any) -> Any:
    return value
