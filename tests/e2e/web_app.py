"""Two web services that use Claude: `python -m tests.e2e.web_app front|back`.

Served by uvicorn on a free port, whose number is the first line on stdout. `front` asks Claude in
every way a request can, and asks `back` over HTTP; `back` knows nothing of attribution.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import httpx2
import uvicorn
from fastapi import FastAPI, Request
from opentelemetry import propagate
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

from otel_claude import attribution
from otel_claude.web import AsgiAttribution

sync_client = anthropic.Anthropic()
client = anthropic.AsyncAnthropic()
front, back = FastAPI(), FastAPI()


def arguments(topic: str, how: str) -> dict[str, Any]:
    return {
        "model": "claude-haiku-4-5" if how == "task" else "claude-sonnet-5-5",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": f"{how} about {topic} " * (len(topic) + 3)}],
        "extra_headers": {"x-emulator-tag": topic},
    }


def ask(topic: str, how: str) -> None:
    sync_client.messages.create(**arguments(topic, how))


async def ask_async(topic: str, how: str) -> None:
    await client.messages.create(**arguments(topic, how))


async def ask_stream(topic: str) -> None:
    async with client.messages.stream(**arguments(topic, "stream")) as stream:
        async for _ in stream:
            pass


@front.get("/ask/{topic}")
async def serve(topic: str) -> dict[str, str]:
    """Six calls: here, in a task, streamed, in a thread, in a pool's thread, and in `back`."""
    with attribution(feature=topic):
        await ask_async(topic, "here")
        await asyncio.gather(
            asyncio.create_task(ask_async(topic, "task")), asyncio.create_task(ask_stream(topic))
        )
        await asyncio.to_thread(ask, topic, "thread")
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(attribution.wrap(ask), topic, "pool")
            await asyncio.wrap_future(done)
        with attribution.propagated("user", "tenant", "feature"):
            headers: dict[str, str] = {}
            propagate.inject(headers)
            async with httpx2.AsyncClient() as http:
                answer = await http.get(os.environ["BACK"] + f"/work/{topic}", headers=headers)
    answer.raise_for_status()
    return {"topic": topic}


@back.get("/work/{topic}")
def work(topic: str, request: Request) -> dict[str, str]:
    ask(topic, "downstream")
    return {"baggage": request.headers["baggage"]}


def who(scope: Any) -> dict[str, str]:
    headers = dict(scope["headers"])
    return {"user": headers[b"x-user"].decode(), "tenant": headers[b"x-tenant"].decode()}


def main() -> None:
    app = {"front": AsgiAttribution(front, who), "back": AsgiAttribution(back)}[sys.argv[1]]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        config = uvicorn.Config(OpenTelemetryMiddleware(app), log_level="warning")
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
