"""`ClaudeInstrumentor`: assembles settings, observers and patches."""

from __future__ import annotations

import logging
import os
import threading
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics, trace
from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined] # the module tells checkers to skip it
    BaseInstrumentor,
)

from otel_claude import _sigterm
from otel_claude.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

logger = logging.getLogger("otel_claude")

_PROVIDERS = ("tracer_provider", "meter_provider", "logger_provider")
_LAUNCHER = ("skip_dep_check", "raise_exception_on_conflict")


class ClaudeInstrumentor(BaseInstrumentor):  # type: ignore[misc] # for the same reason
    """OpenTelemetry instrumentation of the Anthropic SDK.

        ClaudeInstrumentor().instrument()

    `instrument` takes `tracer_provider`, `meter_provider`, `logger_provider` (the global ones by
    default) and every option of `otel_claude.settings`; `uninstrument` undoes it.
    """

    _settings: Settings | None = None
    _refresh: Any = None
    _guard: Any = None
    _auditor: Any = None
    _evaluations: Any = None
    _desk: Callable[[], Any] | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """The SDK versions that are instrumented."""
        return ("anthropic >= 0.51, < 3",)

    def instrument(self, **kwargs: Any) -> None:
        """Watch every Claude call of this process from now on.

        A second call while active (declarative file and launcher both activate) does nothing;
        where it brings other settings, a warning says that they were ignored.

        Args:
            **kwargs: providers and options.
        """
        given = {k: v for k, v in kwargs.items() if k not in (*_PROVIDERS, *_LAUNCHER)}
        if self.is_instrumented_by_opentelemetry:
            providers = {name: kwargs[name] for name in _PROVIDERS if kwargs.get(name) is not None}
            self._refuse_changes(given, providers)
            return
        settings = Settings.load(given)
        if not settings.enabled or (not given and _disabled_in_config_file()):
            return
        self._settings = settings
        super().instrument(**{k: v for k, v in kwargs.items() if k not in given})

    def _refuse_changes(self, given: dict[str, Any], providers: dict[str, Any]) -> None:
        if self._settings is None:
            return
        changed = set(self._settings.differences(Settings.load(given))) if given else set()
        changed |= {name for name, one in providers.items() if not _is_in_use(one)}
        if ignored := sorted(changed & {*given, *providers}):
            logger.warning(
                "otel-claude: already instrumented, so %s is ignored. Call uninstrument() first.",
                ", ".join(ignored),
            )

    def _instrument(self, **kwargs: Any) -> None:
        # Not before it is used: an import of the package alone must cost nothing.
        from otel_claude import _sources
        from otel_claude.capture import patch
        from otel_claude.capture.watch import Watch
        from otel_claude.emit.recorder import Recorder

        settings = self._settings or Settings.load({})
        _given[:] = [kwargs[name] for name in _PROVIDERS if kwargs.get(name) is not None]
        recorder = Recorder(
            settings,
            prices=_load_prices(settings),
            **{name: kwargs.get(name) for name in _PROVIDERS},
        )
        _sources.use(recorder.sources)
        # Strict mode promises our span and nothing but the conventions' attributes on it.
        adopt = settings.native == "adopt" and not settings.strict
        if settings.refresh_prices is not None:
            from otel_claude.pricing import Refresh  # never on the call path

            self._refresh = Refresh(
                settings.refresh_prices, prices=recorder.prices, on_change=recorder.use_prices
            ).start()
        if settings.flush_on_sigterm:
            _sigterm.install(flush)
        self._guard = _guard(settings, recorder, kwargs)
        self._auditor = _auditor(settings, recorder, kwargs)
        guards = () if self._guard is None else (self._guard,)
        auditors = () if self._auditor is None else (self._auditor,)
        judges = self._quality(settings, recorder, kwargs)
        patch.install(
            Watch(
                (recorder, *guards, *auditors, *judges),
                adopt=adopt,
                gates=guards,
                run_observers=(recorder,),
                session_observers=(recorder, *guards),
            )
        )

    def _quality(
        self, settings: Settings, recorder: Any, providers: dict[str, Any]
    ) -> tuple[Any, ...]:
        """Who judges answers, and who remembers them for feedback; only those that are asked for."""

        @cache
        def desk() -> Any:
            from otel_claude.quality.feedback import Desk
            from otel_claude.quality.telemetry import Telemetry

            meters, loggers = providers.get("meter_provider"), providers.get("logger_provider")
            return Desk(settings, Telemetry(settings, recorder.contents, meters, loggers))

        # Made when it is first used: most programs never judge an answer.
        self._desk = desk
        if settings.evaluate:
            from otel_claude.quality.observer import evaluations_of

            self._evaluations = evaluations_of(settings.evaluate, desk().telemetry)
        judges = () if self._evaluations is None else (self._evaluations,)
        return (*judges, desk()) if settings.feedback else judges

    def feedback_desk(self) -> Any:
        """Who takes feedback, None where nothing is instrumented."""
        return None if self._desk is None else self._desk()

    def _uninstrument(self, **_kwargs: Any) -> None:
        from otel_claude import _sources
        from otel_claude.capture import patch
        from otel_claude.emit.recent import remember

        patch.remove()
        _sources.use(None)
        if self._refresh is not None:
            self._refresh.stop()
            self._refresh = None
        if self._guard is not None:
            self._guard.close()
            self._guard = None
        self._desk = None
        if self._evaluations is not None:
            self._evaluations.close()
            self._evaluations = None
        if self._auditor is not None:
            self._auditor.close()
            self._auditor = None
        _sigterm.remove()
        remember()
        self._settings = None


def _load_prices(settings: Settings) -> Any:
    """The price book with the user's overrides; the list prices where their file is broken."""
    if settings.prices is None:
        return None
    from otel_claude.pricing import PriceFileError, Prices

    try:
        return Prices.load(settings.prices)
    except PriceFileError as problem:
        logger.warning("otel-claude: setting prices: %s. List prices are used.", problem)
        return None


def _guard(settings: Settings, recorder: Any, providers: dict[str, Any]) -> Any:
    """The guard of the budgets, None where there are none. What is wrong with them is said."""
    if settings.budgets is None:
        return None
    from otel_claude.budgets.guard import guard_of

    return guard_of(
        settings.budgets,
        lambda: recorder.prices,
        recorder.sources.of,
        telemetry=not settings.strict,
        meter_provider=providers.get("meter_provider"),
        logger_provider=providers.get("logger_provider"),
    )


def _auditor(settings: Settings, recorder: Any, providers: dict[str, Any]) -> Any:
    """What writes the audit trail, None where none is asked for. What is wrong is said."""
    if settings.audit is None:
        return None
    from otel_claude.audit.observer import auditor_of

    return auditor_of(
        settings,
        lambda: recorder.prices,
        meter_provider=providers.get("meter_provider"),
        logger_provider=providers.get("logger_provider"),
    )


def config_file_section(environ: Mapping[str, str]) -> Mapping[str, Any]:
    """What the declarative configuration file says of this instrumentation; {} without one.

    Never raises: whoever reads the file for the SDK says what is wrong with it.
    """
    path = environ.get("OTEL_CONFIG_FILE")
    if not path:
        return {}
    try:
        import yaml

        with Path(path).open(encoding="utf-8") as file:
            section: Any = yaml.safe_load(file)
        for key in ("instrumentation/development", "python", "claude"):
            section = section.get(key) or {}
        return section if isinstance(section, dict) else {}
    except Exception:
        return {}


def _disabled_in_config_file() -> bool:
    """Whether the declarative configuration file turns this instrumentation off.

    The configuration package then skips it without a word, and the launcher activates it all the
    same right after, with no options: what the file says is meant to hold.
    """
    return config_file_section(os.environ).get("enabled") is False


_given: list[Any] = []
"""The providers that `instrument` was given, which are not the global ones."""


def _is_in_use(provider: Any) -> bool:
    """Whether what is recorded goes to this provider: by being given, or by being the global one."""
    if _given:
        return any(provider is one for one in _given)
    return provider in (
        trace.get_tracer_provider(),
        metrics.get_meter_provider(),
        _logger_provider(),
    )


def flush(timeout: float = 10.0) -> bool:
    """Send everything that was recorded so far: for scripts and functions that end at once.

    Budgets are settled, too, and answers evaluated. Works on the global OpenTelemetry providers and
    those that `instrument` was given; where they have nothing to flush, it does nothing. May be called
    in a signal handler.

    Args:
        timeout: seconds, for all signals together.

    Returns:
        Whether everything was handed over in time.
    """
    handed_over: list[bool] = []
    # Not on this thread: what a signal interrupted here may hold the very locks that are needed.
    worker = threading.Thread(
        target=lambda: handed_over.append(_flush(timeout)), name="otel-claude-flush", daemon=True
    )
    try:
        worker.start()
    except RuntimeError:  # the interpreter is ending, and starts no thread any more
        return _flush(timeout)
    worker.join(timeout)
    return handed_over == [True]


def _flush(timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    guard = ClaudeInstrumentor()._guard
    done = guard is None or guard.store.flush(timeout)
    evaluations = ClaudeInstrumentor()._evaluations
    if evaluations is not None:
        done = evaluations.flush(max(0.0, deadline - time.monotonic())) and done
    for provider in (
        trace.get_tracer_provider(),
        metrics.get_meter_provider(),
        _logger_provider(),
        *_given,
    ):
        force_flush = getattr(provider, "force_flush", None)
        if force_flush is None:
            continue
        left = deadline - time.monotonic()
        try:
            done = left > 0 and force_flush(timeout_millis=int(left * 1000)) is not False and done
        except Exception:
            logger.warning("otel-claude: flush failed", exc_info=True)
            done = False
    return done


def _logger_provider() -> Any:
    try:
        from opentelemetry._logs import get_logger_provider
    except ImportError:
        return None
    return get_logger_provider()
