"""Every generated file, as text."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tools.operations import alerts, cases, recording

if TYPE_CHECKING:
    from tools.operations.thresholds import Thresholds

ROOT = Path(__file__).parents[2]
GUIDE = "docs/dashboards.md"
_START, _END = "<!-- alerts: made by python -m tools.operations -->", "<!-- end of alerts -->"
_HEAD = (
    "# Made by `python -m tools.operations` from thresholds.yaml and the names that otel-claude\n"
    "# emits. Change those, not this file.\n"
)


class _Dumper(yaml.SafeDumper):
    """Writes multi-line and long strings readably."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else ">" if len(text) > 80 else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def as_yaml(document: Any) -> str:
    """YAML of a document, with the note that it is generated."""
    return _HEAD + yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, width=96, allow_unicode=True
    )


def _dashboards(limits: Thresholds) -> dict[str, str]:
    with warnings.catch_warnings():
        # Grafana's library would rather have its second format, which provisioning reads only in
        # the newest Grafana.
        warnings.simplefilter("ignore", DeprecationWarning)
        from tools.operations.dashboards.files import made as dashboards
    return dashboards(limits)


def _documented(limits: Thresholds) -> str:
    """The guide with its table of alerts made anew."""
    before, _, rest = (ROOT / GUIDE).read_text(encoding="utf-8").partition(_START)
    _, found, after = rest.partition(_END)
    if not found:
        raise SystemExit(f"{GUIDE} has no markers for the table of alerts")
    rows = ["| alert | severity | kind | means |", "| --- | --- | --- | --- |"]
    for group in alerts.groups(limits):
        for rule in group["rules"]:
            labels, means = rule["labels"], rule["annotations"]["description"]
            rows.append(
                f"| `{rule['alert']}` | {labels['severity']} | {labels['kind']} | {means} |"
            )
    return f"{before}{_START}\n" + "\n".join(rows) + f"\n{_END}{after}"


def made(limits: Thresholds) -> dict[str, str]:
    """Path, from the repository's root -> text."""
    return {
        "deploy/prometheus/rules/recording.yaml": as_yaml({"groups": recording.groups(limits)}),
        "deploy/prometheus/rules/alerts.yaml": as_yaml({"groups": alerts.groups(limits)}),
        "deploy/prometheus/rules_test.yaml": as_yaml(cases.document()),
        GUIDE: _documented(limits),
        **_dashboards(limits),
    }
