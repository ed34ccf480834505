"""The store in Redis: one budget over any number of processes and hosts. Extra `redis`."""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
from typing import TYPE_CHECKING, Any, Final

from otel_claude._characters import sendable
from otel_claude.budgets import scripts
from otel_claude.budgets.courier import Courier
from otel_claude.budgets.ledger import (
    BATCH_SECONDS,
    Booked,
    Charge,
    Claim,
    Standing,
    Unreachable,
    Verdict,
)
from otel_claude.budgets.line import Opener, RedisLine
from otel_claude.budgets.window import PARTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

_SLACK: Final = 3600.0
# Python 3.10 has three of them.
_TIMEOUTS: Final = (TimeoutError, asyncio.TimeoutError, concurrent.futures.TimeoutError)


class RedisStore:
    """Accounts in a Redis server or cluster (5 or newer), in one hash slot.

    Args:
        url: `redis://`, `rediss://` or `unix://`, with password and database where needed.
        namespace: prefix of every key; also the hash tag that keeps them in one slot.
        timeout: seconds that a call waits for Redis at most; once, then Redis counts as away.
        retry_seconds: between attempts to reach it while it is away, made in the background.
        hold_seconds: after which a reservation that was never settled is over.
        cluster: the URL is that of a node of a Redis Cluster.
        clock: POSIX seconds in place of the server's time, for tests.

    Raises:
        ImportError: the extra is not installed.
        ValueError: the URL cannot be read.
    """

    def __init__(
        self,
        url: str,
        *,
        namespace: str = "otel-claude",
        timeout: float = 0.5,
        retry_seconds: float = 5.0,
        hold_seconds: float = 900.0,
        cluster: bool = False,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._timeout = timeout
        self._hold_seconds = hold_seconds
        self._clock = clock
        self._prefix = f"{{{namespace}}}:"
        self._open = Opener(url, timeout, cluster=cluster)
        self._courier = Courier(lambda: RedisLine(self._open()), self._open.name, retry_seconds)

    def reserve(self, hold: str, claims: Sequence[Claim]) -> Verdict:
        """See `Store`."""
        answer = self._ask_reserve(hold, claims)
        try:
            return _verdict(answer.result(self._timeout), claims)
        except _TIMEOUTS:
            raise self._gave_up(answer, hold, claims) from None
        except Unreachable:
            self._give_back(hold, claims)
            raise

    async def reserve_async(self, hold: str, claims: Sequence[Claim]) -> Verdict:
        """See `Store`."""
        answer = self._ask_reserve(hold, claims)
        try:
            return _verdict(await _wait(answer, self._timeout), claims)
        except _TIMEOUTS:
            raise self._gave_up(answer, hold, claims) from None
        except BaseException:
            # Unreachable, or cancelled while it waited: who knows whether it was reserved.
            answer.cancel()
            self._give_back(hold, claims)
            raise

    def _ask_reserve(self, hold: str, claims: Sequence[Claim]) -> Future[Any]:
        args = [hold, _ms(self._hold_seconds), self._now()]
        for claim in claims:
            args += (
                "" if claim.limit is None else _text(claim.limit),
                _text(claim.amount),
                "1" if claim.firm else "0",
                _ms(claim.part),
                self._stay(claim),
            )
        return self._courier.ask(scripts.RESERVE, self._keys(claims), args)

    def _gave_up(self, answer: Future[Any], hold: str, claims: Sequence[Claim]) -> Unreachable:
        self._courier.gave_up(answer)
        self._give_back(hold, claims)
        return Unreachable(self._open.name)

    def _give_back(self, hold: str, claims: Sequence[Claim]) -> None:
        """End a reservation that may or may not have been made; what comes later is booked anew."""
        self._courier.tell(scripts.GIVE_BACK, self._keys(claims), [hold])

    def settle(self, hold: str, charges: Sequence[Charge], booked: Booked | None = None) -> None:
        """See `Store`."""
        args = [hold, self._now()]
        for claim, amount in charges:
            args += (_text(amount), _ms(claim.part), self._stay(claim))
        done = None if booked is None else lambda answer: booked(_standings(answer))
        keys = self._keys([claim for claim, _ in charges])
        self._courier.tell(scripts.SETTLE, keys, args, done)

    def keep(self, hold: str, name: str, claims: Sequence[Claim]) -> None:
        """See `Store`."""
        keys = [f"{self._prefix}batch:{name}", *self._keys(claims)]
        self._courier.tell(scripts.KEEP, keys, [hold, _ms(BATCH_SECONDS), self._now()])

    def release(self, name: str) -> None:
        """See `Store`."""
        self._courier.tell(scripts.RELEASE, [f"{self._prefix}batch:{name}"], [])

    def accounts(self, prefix: str, part: float = 0.0) -> dict[str, Standing]:
        """See `Store`."""
        start = f"{self._prefix}a:"
        try:
            client = self._open()
            try:
                now = self._clock() if self._clock else float(client.time()[0])
                found = client.scan_iter(match=_literally(start + prefix) + "*", count=1000)
                names = sorted(key.decode()[len(start) :] for key in found)
                return {name: self._read(client, name, part, now) for name in names}
            finally:
                client.close()
        except self._open.errors as problem:
            raise Unreachable(f"{self._open.name}: {problem}") from problem

    def _read(self, client: Any, account: str, part: float, now: float) -> Standing:
        fields = client.hgetall(f"{self._prefix}a:{account}")
        over = client.zrangebyscore(f"{self._prefix}z:{account}", "-inf", now * 1000)
        reserved = _number(fields.get(b"r")) - sum(_number(fields.get(b"h" + h)) for h in over)
        spent = _number(fields.get(b"s"))
        if part:
            oldest = int(now // part) - PARTS
            left = [n for n in fields if n.startswith(b"p") and int(n[1:]) < oldest]
            spent -= sum(_number(fields[name]) for name in left)
        return Standing(spent, reserved)

    def flush(self, timeout: float) -> bool:
        """See `Store`."""
        return self._courier.flush(timeout)

    def close(self) -> None:
        """See `Store`."""
        self._courier.close(2 * self._timeout)

    def _keys(self, claims: Sequence[Claim]) -> list[str]:
        return [
            f"{self._prefix}{kind}:{sendable(claim.account)}" for claim in claims for kind in "az"
        ]

    def _now(self) -> str:
        return "" if self._clock is None else _ms(self._clock())

    def _stay(self, claim: Claim) -> str:
        now = time.time() if self._clock is None else self._clock()
        return _ms(max(0.0, claim.until - now) + self._hold_seconds + _SLACK)


async def _wait(answer: Future[Any], timeout: float) -> Any:
    """The answer, without blocking whatever event loop this runs on."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        # trio. A dependency of the SDK, which is here if anybody calls this.
        from anyio import to_thread

        return await to_thread.run_sync(answer.result, timeout)
    wrapped = asyncio.wrap_future(answer)
    try:
        # Not `wait_for`: before Python 3.12 it may swallow a cancellation.
        await asyncio.wait({wrapped}, timeout=timeout)
        if wrapped.done():
            return wrapped.result()
    finally:
        wrapped.cancel()
    raise TimeoutError


def _verdict(answer: Sequence[bytes], claims: Sequence[Claim]) -> Verdict:
    refused, frees, *numbers = answer
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    standings = [Standing(_number(spent), _number(reserved)) for spent, reserved in pairs]
    index = int(refused) - 1
    if index < 0:
        return Verdict(standings)
    frees_at = int(frees) / 1000 if frees else claims[index].calendar_end
    standings[index] = standings[index]._replace(frees_at=frees_at)
    return Verdict(standings, index)


def _standings(answer: Sequence[bytes]) -> list[Standing]:
    rows = zip(answer[::3], answer[1::3], answer[2::3], strict=True)
    return [
        Standing(_number(spent), _number(reserved), _number(before))
        for before, spent, reserved in rows
    ]


def _number(text: bytes | None) -> int:
    """An amount as the scripts write it: `high:low`, and maybe more."""
    if text is None:
        return 0
    high, low = text.split(b":")[:2]
    return int(high) * scripts.BASE + int(low)


def _text(number: int) -> str:
    high, low = divmod(number, scripts.BASE)
    return f"{high}:{low}"


def _ms(seconds: float) -> str:
    return str(round(seconds * 1000))


def _literally(text: str) -> str:
    """Text as a pattern that matches nothing else."""
    return "".join("\\" + c if c in "*?[]\\^-" else c for c in text)
