"""One of the processes that hammer a budget. Run by `test_hammer.py`.

python worker.py REDIS API TURNS TASKS LIMIT LOG

Prints one JSON document: how calls ended. To LOG it writes, before a call is sent, which reservation
it has, and before it is settled, for how much; so that the books can be compared with the bills even
where this process is killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

import anthropic

from otel_claude import BudgetExceeded, ClaudeInstrumentor
from otel_claude.budgets import Budget, Budgets
from otel_claude.capture import watch

MODEL = "claude-haiku-4-5"


async def main(redis: str, api: str, turns: int, tasks: int, limit: str, log: str) -> None:
    budgets = [
        Budget("shared", limit=limit, window="month"),
        Budget("each", scope="tag:task", limit=limit, window="5 hours"),
    ]
    ClaudeInstrumentor().instrument(budgets=Budgets(budgets, store=redis, timeout=20.0))
    notes = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    ended: dict[str, int] = {}
    wrongly: list[str] = []

    def write(*fields: object) -> None:
        os.write(notes, json.dumps(fields).encode() + b"\n")

    async def note(request: Any) -> None:
        call = watch.current.get()
        assert call is not None
        write("sent", call.reserved.hold, request.headers["x-emulator-tag"])

    store = ClaudeInstrumentor()._guard.store
    settle = store.settle

    def settle_and_note(hold: str, charges: Any, *args: Any) -> None:
        write("charged", hold, charges[0].amount)
        settle(hold, charges, *args)

    store.settle = settle_and_note

    http = anthropic.DefaultAsyncHttpxClient(event_hooks={"request": [note]})
    async with anthropic.AsyncAnthropic(
        api_key="k", base_url=api, http_client=http, max_retries=0, timeout=60
    ) as client:

        async def one(number: int, turn: int, rng: random.Random) -> str:
            kind = rng.choice(["create", "create", "create", "stream", "abandon"])
            request: dict[str, Any] = {
                "model": MODEL,
                "max_tokens": rng.choice([2_000, 9_000, 20_000]),
                "messages": [{"role": "user", "content": "word " * rng.randrange(1, 200)}],
                "extra_headers": {
                    "x-emulator-tag": f"{kind}-{os.getpid()}-{number}-{turn}",
                    "x-emulator-scenario": f"output_tokens={rng.randrange(1, 200)}",
                },
            }
            if kind == "create":
                await client.messages.create(**request)
                return "completed"
            if kind == "stream":
                async with client.messages.stream(**request) as stream:
                    await stream.get_final_message()
                return "streamed"
            async with client.messages.stream(**request) as stream:
                async for _ in stream:
                    break
            return "abandoned"

        async def work(number: int) -> None:
            rng = random.Random(f"{os.getpid()}-{number}")
            for turn in range(turns):
                try:
                    how = await one(number, turn, rng)
                except BudgetExceeded as error:
                    how = "refused"
                    left = (error.limit or 0) - error.spent - error.reserved
                    if error.estimate is None or left >= error.estimate:
                        wrongly.append(str(error))
                ended[how] = ended.get(how, 0) + 1

        await asyncio.gather(*(work(number) for number in range(tasks)))
    settled = store.flush(20)
    print(json.dumps({"ended": ended, "wrongly": wrongly, "settled": settled}))


if __name__ == "__main__":
    where, service, lasts, parallel, most, notes_file = sys.argv[1:]
    with open(notes_file, "a") as ready:  # noqa: PTH123 - one line, in one write
        ready.write(f'["ready", {os.getpid()}, null]\n')
    while not Path(f"{notes_file}.go").exists():
        time.sleep(0.01)
    asyncio.run(main(where, service, int(lasts), int(parallel), most, notes_file))
