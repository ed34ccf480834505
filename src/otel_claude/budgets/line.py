"""A connection to a Redis server or cluster, as `courier.Courier` uses it."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from otel_claude.budgets import scripts
from otel_claude.budgets.courier import Errand, Lost, Outage

if TYPE_CHECKING:
    from collections.abc import Sequence

_BUGS: Final = ("ERR", "WRONGTYPE")


class Opener:
    """Makes clients; `redis` is imported here, where it is used.

    Attributes:
        name: of the server, without password.
        errors: what its clients raise.
    """

    def __init__(self, url: str, timeout: float, *, cluster: bool) -> None:
        try:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError:
            raise ImportError('budgets in Redis need pip install "otel-claude[redis]"') from None
        self.errors = (redis.RedisError, OSError)
        self._url = url
        self._kind = redis.RedisCluster if cluster else redis.Redis
        self._options: dict[str, Any] = {
            "socket_timeout": timeout,
            "socket_connect_timeout": timeout,
            "retry": Retry(NoBackoff(), 0),
        }
        # Checks the URL, connects nowhere; what is said of the server must not have its password.
        told: Any = redis.connection.parse_url(url)  # type: ignore[no-untyped-call] # of redis-py
        self.name = f"Redis at {told.get('path') or told.get('host') or 'localhost'}"
        if "path" not in told:
            self.name += f":{told.get('port') or 6379}"

    def __call__(self) -> Any:
        """A new client. It connects when it is used; a cluster's, now."""
        return self._kind.from_url(self._url, **self._options)


class RedisLine:
    """A `courier.Line`. Every script is loaded first, so that later only its hash is sent."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._pipelined = hasattr(client, "connection_pool")
        try:
            self._load()
        except BaseException:
            client.close()
            raise

    def _load(self) -> None:
        """All of them, so that none is ever missing alone: what is sent again keeps its order."""
        for script in scripts.ALL:
            self._client.script_load(script)

    def run(self, errands: Sequence[Errand]) -> list[Any]:
        """Run scripts in one round trip; in a cluster one after the other."""
        if not errands:
            self._client.ping()
            return []
        from redis.exceptions import ConnectionError as NoConnection, NoScriptError

        try:
            answers = self._send(errands)
        except NoConnection as error:
            raise Lost(str(error)) from error
        lost = [i for i, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if lost:  # somebody flushed them
            self._load()
            again = self._send([errands[i] for i in lost])
            for i, answer in zip(lost, again, strict=True):
                answers[i] = answer
        return [Outage(str(a)) if _is_outage(a) else a for a in answers]

    def _send(self, errands: Sequence[Errand]) -> list[Any]:
        sent = [
            ("EVALSHA", _hash(e.script), str(len(e.keys)), *e.keys, *e.args, *e.stamp)
            for e in errands
        ]
        if not self._pipelined:
            return [self._one(words) for words in sent]
        pipeline = self._client.pipeline(transaction=False)
        for words in sent:
            pipeline.execute_command(*words)
        answers: list[Any] = pipeline.execute(raise_on_error=False)
        return answers

    def _one(self, words: tuple[str, ...]) -> Any:
        from redis.exceptions import ResponseError

        try:
            return self._client.execute_command(*words)
        except ResponseError as error:
            return error

    def close(self) -> None:
        """Hang up."""
        self._client.close()


@lru_cache
def _hash(script: str) -> str:
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


def _is_outage(answer: object) -> bool:
    """Whether an error is about the state of the server, not about the script: it may work later.

    Those have a code, for some of which redis-py has classes; a script's own are an `ERR`, which
    it cuts off.
    """
    from redis.exceptions import ResponseError

    if not isinstance(answer, Exception):
        return False
    code = str(answer).partition(" ")[0]
    return type(answer) is not ResponseError or (code.isupper() and code not in _BUGS)
