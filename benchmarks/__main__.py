"""`python -m benchmarks`: measure everything in one run, and write it down."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import content, guard, measure, report
from benchmarks.subjects import BY_NAME
from benchmarks.workloads import WORKLOADS


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="What watching Claude calls costs. `guard` and `content` count instructions for "
        "CI instead; `local` measures the embedded backend.",
    )
    commands = ["run", "guard", "content", "local"]
    parser.add_argument("command", nargs="?", choices=commands, default="run")
    parser.add_argument("--rounds", type=int, default=15, help="rounds in shuffled order")
    parser.add_argument("--quick", action="store_true", help="5 rounds")
    parser.add_argument("--subjects", nargs="+", choices=list(BY_NAME), default=[])
    parser.add_argument("--workloads", nargs="+", choices=[w.name for w in WORKLOADS], default=[])
    parser.add_argument("--only-costs", action="store_true", help="calls and events, nothing else")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="docs/performance.md")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="docs/images/performance.svg")
    return parser


def main() -> int:
    """Run the benchmark, or the guard."""
    given = _arguments().parse_args()
    if given.command == "guard":
        return guard.main()
    if given.command == "content":
        return content.main()
    if given.command == "local":
        from benchmarks import local

        return local.main()
    run = measure.Run(
        5 if given.quick else given.rounds,
        given.subjects,
        given.workloads,
        lambda text: print(text, file=sys.stderr),
    )
    results = run.all(only_costs=given.only_costs)
    sys.stdout.write(report.as_text(results))
    if given.json:
        given.json.write_text(report.as_json(results), encoding="utf-8")
    if given.markdown:
        report.write_markdown(results, given.markdown)
    if given.plot:
        from benchmarks import plot

        plot.write(results, given.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
