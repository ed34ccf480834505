"""A program with no line about OpenTelemetry: what the launcher is given in the tests."""

import os
import sys
import time
from typing import Any

import anthropic

client = anthropic.Anthropic(max_retries=1)
asked: Any = {
    "model": "claude-haiku-4-5",
    "max_tokens": 32,
    "messages": [{"role": "user", "content": "Hello"}],
}
for _ in range(int(os.environ.get("APP_CALLS", "2"))):
    print(type(client.messages.create(**asked)).__name__, flush=True)
    time.sleep(float(os.environ.get("APP_PAUSE", "0")))
with client.messages.stream(**asked) as stream:
    print(len("".join(stream.text_stream)) > 0)
try:
    client.messages.create(**{**asked, "model": "claude-unknown-1"})
except anthropic.NotFoundError as error:
    print(type(error).__name__)
sys.exit(0)
