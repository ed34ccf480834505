"""The emulator's voice: words in sentences, one token each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

_VOCABULARY = (  # noqa: SIM905 - a hundred lines otherwise
    "the answer depends on how each service records what it has seen so we start with "
    "a small example and follow one request from the edge to the store while counting "
    "every step first the client opens a connection then it sends the whole prompt and waits "
    "for a stream of events in return most of them are short some carry text others only "
    "numbers that tell what was used and when an error comes in the middle it is better to keep "
    "what has already arrived a clear plan helps here measure first change one thing and "
    "measure again because a system that explains itself is easy to trust"
).split()


def prose(rng: Random, count: int) -> list[str]:
    """`count` tokens of prose: words in sentences of eight to fourteen."""
    tokens: list[str] = []
    left = 0
    for index in range(count):
        word = rng.choice(_VOCABULARY)
        if left == 0:
            word, left = word.capitalize(), rng.randint(8, 14)
        left -= 1
        end = "." if left == 0 or index == count - 1 else ""
        tokens.append(f"{' ' if index else ''}{word}{end}")
    return tokens
