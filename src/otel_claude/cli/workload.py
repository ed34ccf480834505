"""What the demo does with Claude: conversations of one or more calls, the same for a seed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any, Literal

from otel_claude.cli import features

if TYPE_CHECKING:
    from otel_claude.cli.features import Feature
    from otel_claude.quality.feedback import Kind

Mode = Literal["create", "events", "stream"]
Talk = Generator["Request", Any, None]
"""Yields requests and is sent the message that answered each, or None where none did."""

_MAX_TOKENS = 1_000
_MAX_TOKENS_API = 200


@dataclass(frozen=True)
class Request:
    """One call.

    Attributes:
        params: arguments of `messages.create`.
        mode: `messages.create`, the same with `stream=True`, or `messages.stream`.
        scenario: how the emulator is to answer; empty for the real API.
        stop_after: leave the stream after that many events.
    """

    params: dict[str, Any]
    mode: Mode = "create"
    scenario: str = ""
    stop_after: int | None = None


@dataclass(frozen=True)
class Conversation:
    """Calls that follow each other, made for one user by one feature.

    Attributes:
        kind: what it shows: single, session, tools, or a name in `FAULTS`.
        calls: how many calls it makes.
        asynchronous: made with the asynchronous client.
        seed: of all that it says.
        real: meant for the real API: cheapest model, short answers, no scenarios.
    """

    kind: str
    feature: Feature
    model: str
    user: str
    calls: int
    asynchronous: bool
    seed: int
    real: bool = False

    @property
    def attribution(self) -> dict[str, str]:
        """Arguments of `otel_claude.attribution`."""
        said = {
            "user": self.user,
            "tenant": features.tenant(self.user),
            "team": self.feature.team,
            "feature": self.feature.name,
            "endpoint": self.feature.endpoint,
            "prompt": self.feature.name,
            "prompt_version": "3",
        }
        if self.kind == "session":
            said["session"] = f"session-{self.seed:08x}"
        return said

    @property
    def opinion(self) -> Kind | None:
        """What the user says of the last answer: two of five say something."""
        rng = Random(~self.seed)  # noqa: S311 - must be reproducible
        if self.real or rng.random() >= 0.4:
            return None
        kinds: tuple[Kind, ...] = tuple(features.OPINIONS)
        return rng.choices(kinds, tuple(features.OPINIONS.values()))[0]

    def talk(self) -> Talk:
        """Hold the conversation."""
        rng = Random(self.seed)  # noqa: S311 - must be reproducible
        talk = {"session": _session, "tools": _tools}.get(self.kind, _single)
        return talk(self, rng)

    def request(self, rng: Random, messages: list[Any], **extra: Any) -> Request:
        """The next call of this conversation."""
        # Faults are about streams; and one that is retried would be slow at each attempt otherwise.
        streamed = rng.random() < self.feature.streams or self.kind in FAULTS
        mode: Mode = rng.choice(("events", "stream")) if streamed else "create"
        tokens = rng.randint(*self.feature.answer)
        params = {
            "model": self.model,
            "max_tokens": _MAX_TOKENS_API if self.real else _MAX_TOKENS,
            "system": features.system(self.feature),
            "messages": messages,
            **extra,
        }
        scenario = features.pace(self.model, tokens, stream=streamed, rng=rng)
        return Request(params, mode, "" if self.real else scenario)

    def question(self, rng: Random) -> str:
        """Something the user says."""
        return features.prose(rng, rng.randint(*self.feature.question))


def _single(about: Conversation, rng: Random) -> Talk:
    messages = [{"role": "user", "content": about.question(rng)}]
    request = about.request(rng, messages)
    fault = FAULTS.get(about.kind)
    yield request if fault is None else fault(request)


def _session(about: Conversation, rng: Random) -> Talk:
    """Turns that each send the whole conversation so far, cached up to the last question."""
    messages: list[Any] = []
    for _ in range(about.calls):
        block = {"type": "text", "text": about.question(rng)}
        cached = {**block, "cache_control": {"type": "ephemeral"}}
        request = about.request(rng, [*messages, {"role": "user", "content": [cached]}])
        # Reading raw events leaves no message to go on from.
        request = replace(request, mode="create" if request.mode == "create" else "stream")
        answer = yield request
        if answer is None:
            return
        messages += [
            {"role": "user", "content": [block]},
            {"role": "assistant", "content": answer.content},
        ]


def _tools(about: Conversation, rng: Random) -> Talk:
    """Calls until the model has used its tool and says something."""
    messages: list[Any] = [{"role": "user", "content": about.question(rng)}]
    for _ in range(about.calls):
        request = about.request(rng, list(messages), tools=features.TOOLS)
        request = replace(request, mode="create" if request.mode == "create" else "stream")
        answer = yield request
        if answer is None or answer.stop_reason != "tool_use":
            return
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": "Sent on Monday."}
            for block in answer.content
            if block.type == "tool_use"
        ]
        messages += [
            {"role": "assistant", "content": answer.content},
            {"role": "user", "content": results},
        ]


def _failing(step: str) -> Callable[[Request], Request]:
    def fail(request: Request) -> Request:
        return replace(request, scenario=f"{request.scenario};{step}")

    return fail


def _invalid(request: Request) -> Request:
    return replace(request, params={**request.params, "max_tokens": 0})


def _abandoned(request: Request) -> Request:
    # So slow that the emulator is still writing when the application leaves.
    return replace(
        request, mode="events", scenario="output_tokens=400;pace=200,tps=40", stop_after=12
    )


FAULTS: dict[str, Callable[[Request], Request]] = {
    "rate_limited": _failing("fail=1*429,retry-after-ms=180"),
    "abandoned": _abandoned,
    "overloaded": _failing("status=529,retry-after-ms=90"),
    "invalid": _invalid,
    "retried_twice": _failing("fail=2*529,retry-after-ms=120"),
    "failed_midway": _failing("error=overloaded_error,after=14"),
    "truncated": _failing("cut=20"),
}
"""Kinds of calls that do not go well, and how they differ from those that do."""

_SIZES = {"session": 3, "tools": 2}
_FEATURES = {"session": features.CHAT, "tools": features.SUPPORT}


def plan(calls: int, seed: int, *, real: bool = False) -> list[Conversation]:
    """Conversations that make exactly `calls` calls.

    Every kind occurs from 12 calls on, and about as often as another 60 calls are asked for.

    Args:
        calls: number of calls (not of attempts).
        seed: of everything.
        real: for the real API; faults that only an emulator can produce are left out.
    """
    rng = Random(seed)  # noqa: S311 - must be reproducible
    found: list[Conversation] = []
    left = calls
    while left > 0:
        for kind in _round(rng, real=real):
            size = _SIZES.get(kind, 1)
            if 0 < size <= left:
                found.append(_conversation(kind, size, rng, real=real))
                left -= size
    rng.shuffle(found)
    return found


def _round(rng: Random, *, real: bool) -> Sequence[str]:
    """Kinds for 60 calls; one of each comes first, for those who ask for fewer calls."""
    faults = ["invalid"] if real else list(FAULTS)
    rest = ["session"] * 4 + ["tools"] * 5 + ["single"] * 26
    rng.shuffle(rest)
    return ["session", "tools", *faults, *rest]


def _conversation(kind: str, size: int, rng: Random, *, real: bool) -> Conversation:
    feature = _FEATURES.get(kind) or rng.choice(features.ONE_SHOT)
    usual, *others = feature.models
    model = rng.choice(others) if others and rng.random() < 0.3 else usual
    return Conversation(
        kind=kind,
        feature=feature,
        model=features.CHEAPEST if real else model,
        user=rng.choice(features.USERS),
        calls=size,
        asynchronous=rng.random() < 0.4,
        seed=rng.getrandbits(32),
        real=real,
    )
