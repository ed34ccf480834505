"""Makes the README's support table from the matrix: `python -m tests.matrix.table`."""

from __future__ import annotations

import sys
from typing import Any

from tests.matrix import programs, sdks
from tests.matrix.checks import problems

# Row of the table -> the surfaces of the matrix that it stands for.
GROUPS: dict[str, tuple[str, ...]] = {
    "`messages.create`": ("messages.create", "messages.create(stream=True)"),
    "`messages.stream`": ("messages.stream",),
    "`messages.parse`": ("messages.parse",),
    "`messages.count_tokens`": ("messages.count_tokens", "with_raw_response count_tokens"),
    "`beta.messages.*`": tuple(
        cell.surface for cell in programs.CELLS if cell.surface.startswith("beta")
    ),
    "`with_raw_response`": tuple(
        cell.surface for cell in programs.CELLS if cell.surface.startswith("with_raw_response")
    ),
    "`with_streaming_response`": tuple(
        cell.surface for cell in programs.CELLS if cell.surface.startswith("with_streaming")
    ),
    '`client.post("/v1/messages")`': ("client.post", "client.post(stream=True)"),
    "`with_options`, `copy`": ("with_options", "copy", "with_options create(stream=True)"),
    "methods taken before `instrument()`": tuple(
        cell.surface for cell in programs.CELLS if cell.surface.startswith("captured")
    ),
    **{
        f"`{name}`": tuple(
            cell.surface
            for cell in programs.CELLS
            if cell.surface == label or cell.surface.startswith(label + " ")
            if label != "Bedrock" or "Mantle" not in cell.surface
        )
        for label, name in (
            ("Bedrock", "AnthropicBedrock"),
            ("Bedrock Mantle", "AnthropicBedrockMantle"),
            ("Vertex", "AnthropicVertex"),
            ("Foundry", "AnthropicFoundry"),
            ("AWS", "AnthropicAWS"),
            ("Google Cloud", "AnthropicGoogleCloud"),
        )
    },
}


def _mark(surfaces: set[str], results: Any) -> str:
    """Number of proven cells; a dash where the SDK lacks the surface; what fails, where something does."""
    if isinstance(results, Exception):
        return "?"
    names = [name for name, surface in results["surfaces"].items() if surface in surfaces]
    ran = [results["cells"][name] for name in names if name in results["cells"]]
    if not ran:
        return "-"
    failed = sum(bool(problems(cell)) for cell in ran)
    return f"✗ {failed} of {len(ran)}" if failed else f"✓ {len(ran)}"


def table(matrix: dict[str, Any]) -> str:
    """The table as Markdown: surfaces down, SDK versions across, proven cells in each."""
    lines = [
        "| surface | " + " | ".join(sdks.VERSIONS) + " |",
        "|---" * (len(sdks.VERSIONS) + 1) + "|",
    ]
    for row, surfaces in GROUPS.items():
        marks = [_mark(set(surfaces), matrix[version]) for version in sdks.VERSIONS]
        lines.append(f"| {row} | " + " | ".join(marks) + " |")
    return "\n".join(lines)


def main() -> int:
    """Run the whole matrix and print its table; 1 where a cell fails."""
    names = set(programs.names())
    matrix = sdks.run_all(dict.fromkeys(sdks.VERSIONS, names))
    for version, results in matrix.items():
        if isinstance(results, Exception):
            print(f"{version}: {results}", file=sys.stderr)
            continue
        print(f"{version}: {results['seconds']} s, run again {results['again']}", file=sys.stderr)
        for name, cell in results["cells"].items():
            for problem in problems(cell):
                print(f"{version} {name}: {problem}", file=sys.stderr)
    made = table(matrix)
    print(made)
    return int("✗" in made or "?" in made)


if __name__ == "__main__":
    sys.exit(main())
