"""A program that writes the lines of `log_calls` to the file that is its argument."""

from __future__ import annotations

import logging
import sys

import anthropic

logging.basicConfig(filename=sys.argv[1], level=logging.INFO)
client = anthropic.Anthropic()
for _ in range(3):
    client.messages.create(
        model="claude-haiku-4-5",
        max_tokens=32,
        messages=[{"role": "user", "content": "Hello"}],
    )
logging.getLogger("shop").info("a line of its own, with sk-ant-api03-0123456789abcdef in it")
