"""The dashboards' JSON is what Grafana's own types say, and their TraceQL and LogQL have no error."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.operations.dashboards import DASHBOARDS, panels, queries
from tests.e2e.servers import program
from tests.operations.documented import documented

HERE = Path(__file__).parent
_OPTIONS = {
    "strict": True,
    "noEmit": True,
    "module": "esnext",
    "moduleResolution": "bundler",
    "skipLibCheck": True,
    "target": "es2022",
}


@pytest.fixture
def workshop(tmp_path: Path) -> Path:
    """A folder in which Grafana's packages can be imported."""
    (tmp_path / "node_modules").symlink_to(program("grafana.sh") / "node_modules")
    for name in ("types.ts", "queries.mjs"):
        shutil.copy(HERE / name, tmp_path)
    (tmp_path / "tsconfig.json").write_text(
        json.dumps({"compilerOptions": _OPTIONS, "include": ["*.ts"]})
    )
    return tmp_path


def source(board: dict[str, Any]) -> Iterator[str]:
    """TypeScript that compiles where the dashboard has the types."""
    yield "import type { Board, Panel, Plugins } from './types';"
    yield f"export const board: Board = {json.dumps(board)};"
    for panel in panels(board):
        number, kind = panel["id"], panel["type"]
        custom = panel.get("fieldConfig", {}).get("defaults", {}).get("custom")
        plugin = {"options": panel.get("options", {}), **({"custom": custom} if custom else {})}
        yield f"export const panel{number}: Panel = {json.dumps(panel)};"
        yield f"export const plugin{number}: Plugins['{kind}'] = {json.dumps(plugin)};"


def compiled(workshop: Path) -> subprocess.CompletedProcess[str]:
    tsc = workshop / "node_modules" / ".bin" / "tsc"
    return subprocess.run(
        [str(tsc), "-p", str(workshop)], capture_output=True, text=True, check=False
    )


def test_grafanas_types_accept_every_dashboard(workshop):
    for name, board in DASHBOARDS.items():
        (workshop / f"{name}.ts").write_text("\n".join(source(board)))
    found = compiled(workshop)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    ("where", "wrong"),
    [
        (("panels", 1, "options", "colorMode"), "loud"),
        (("panels", 1, "fieldConfig", "defaults", "thresholds", "mode"), "relative"),
        (("panels", 1, "gridPos", "x"), "left"),
        (("templating", "list", 0, "type"), "guess"),
    ],
)
def test_they_refuse_what_is_wrong(workshop, where, wrong):
    board = json.loads(json.dumps(DASHBOARDS["otel-claude-overview"]))
    *path, last = where
    inner = board
    for key in path:
        inner = inner[key]
    assert last in inner
    inner[last] = wrong
    (workshop / "wrong.ts").write_text("\n".join(source(board)))
    assert compiled(workshop).returncode != 0


def wrong(workshop: Path, language: str, asked: list[str]) -> list[str]:
    """Those with a syntax error."""
    found = subprocess.run(
        ["node", "queries.mjs", language],
        input=json.dumps(asked),
        cwd=workshop,
        capture_output=True,
        text=True,
        check=True,
    )
    result: list[str] = json.loads(found.stdout)
    return result


@pytest.mark.parametrize(
    ("language", "engine", "broken"),
    [("traceql", "tempo", "{ status = "), ("logql", "loki", '{a="b"} | = ')],
)
def test_queries_of_traces_and_logs_have_no_syntax_error(workshop, language, engine, broken):
    asked = [q.expr for q in queries() if q.engine == engine] + documented(language)
    assert len(asked) >= 3
    assert wrong(workshop, language, [*asked, broken]) == [broken]
