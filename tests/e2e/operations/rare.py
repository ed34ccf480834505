"""Calls of kinds that the demo does not make, one each, as a program under the launcher."""

from __future__ import annotations

import anthropic

import otel_claude

HAIKU, OPUS = "claude-haiku-4-5", "claude-opus-5-5"
UNPRICED = "claude-opus-5-6"
CALLS = (
    ("claude-sonnet-4-5", ""),  # has a retirement date
    (HAIKU, "input_tokens=170000"),  # over 80% of its context window
    (OPUS, "input_tokens=280000;output_tokens=10"),  # over a dollar
    (OPUS, f"model={UNPRICED}"),  # answered by a model that nobody knows
    (HAIKU, "refusal=cyber"),
    (HAIKU, "stop=max_tokens"),
)


def main() -> None:
    with anthropic.Anthropic() as client:
        for model, scenario in CALLS:
            headers = {"x-emulator-scenario": scenario} if scenario else {}
            said = {"feature": "chat", "tenant": "acme", "team": "product", "endpoint": "/chat"}
            with otel_claude.attribution(user="user-01", **said):
                client.messages.create(
                    model=model,
                    max_tokens=50,
                    messages=[{"role": "user", "content": "Hello"}],
                    extra_headers=headers,
                )


if __name__ == "__main__":
    main()
