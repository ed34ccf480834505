"""Arize Phoenix and MLflow as they come from PyPI: started, and asked what they show."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import requests

from tests.e2e.servers import Server, free_ports, program

_PATIENCE = 240.0  # seconds: they import a great deal
_SPANS = """{ projects { edges { node { spans(first: 100) { edges { node {
  spanId spanKind tokenCountPrompt tokenCountCompletion attributes
  costSummary { total { cost } } } } } } } } }"""


@dataclass(frozen=True)
class Shown:
    """What a viewer makes of one span.

    Attributes:
        kind: its name for what the span is.
        session: the conversation it puts the span in.
        usd: its own price of the call; None where it has none.
        text: all it keeps of the span.
    """

    kind: str
    input_tokens: int | None
    output_tokens: int | None
    session: str | None
    usd: float | None
    text: str


class Viewer(Protocol):
    """A server with an address for OTLP, and spans by their id."""

    url: str

    def overlay(self) -> dict[str, str]:
        """What tells the overlay where it is."""
        ...

    def headers(self) -> str:
        """What an application has to send along."""
        ...

    def shown(self) -> dict[str, Shown]:
        """Span id -> what is shown."""
        ...


class Phoenix(Server):
    """`phoenix serve`."""

    def __init__(self, folder: Path) -> None:
        port, grpc = free_ports(2)
        self.url = f"http://127.0.0.1:{port}"
        super().__init__(
            "phoenix",
            [program("viewers.sh", "phoenix"), "serve"],
            ready=f"{self.url}/healthz",
            folder=folder,
            env={
                "PHOENIX_WORKING_DIR": str(folder),
                "PHOENIX_HOST": "127.0.0.1",
                "PHOENIX_PORT": str(port),
                "PHOENIX_GRPC_PORT": str(grpc),
                "PHOENIX_TELEMETRY_ENABLED": "false",
            },
            patience=_PATIENCE,
        )

    def overlay(self) -> dict[str, str]:
        return {"PHOENIX_ENDPOINT": self.url}

    def headers(self) -> str:
        return ""

    def shown(self) -> dict[str, Shown]:
        answer = requests.post(f"{self.url}/graphql", json={"query": _SPANS}, timeout=30)
        projects = answer.json()["data"]["projects"]["edges"]
        spans = [edge["node"] for one in projects for edge in one["node"]["spans"]["edges"]]
        return {span["spanId"]: self._of(span) for span in spans}

    @staticmethod
    def _of(span: dict[str, Any]) -> Shown:
        attributes = json.loads(span["attributes"])
        cost = ((span["costSummary"] or {}).get("total") or {}).get("cost")
        return Shown(
            span["spanKind"],
            span["tokenCountPrompt"],
            span["tokenCountCompletion"],
            attributes.get("session", {}).get("id"),
            cost,
            span["attributes"],
        )


class MLflow(Server):
    """`mlflow server` over a SQLite file; its experiment 0."""

    def __init__(self, folder: Path) -> None:
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        database = f"sqlite:///{folder / 'mlflow.db'}"
        options = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        super().__init__(
            "mlflow",
            [program("viewers.sh", "mlflow"), "server", *options, "--backend-store-uri", database],
            ready=f"{self.url}/health",
            folder=folder,
            env={"MLFLOW_DISABLE_TELEMETRY": "true"},
            patience=_PATIENCE,
        )

    def overlay(self) -> dict[str, str]:
        return {"MLFLOW_ENDPOINT": self.url}

    def headers(self) -> str:
        return "x-mlflow-experiment-id=0"

    def shown(self) -> dict[str, Shown]:
        found: dict[str, Shown] = {}
        asked = {
            "locations": [
                {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}
            ]
        }
        answer = requests.post(f"{self.url}/api/3.0/mlflow/traces/search", json=asked, timeout=30)
        for trace in answer.json().get("traces", []):
            session = trace.get("trace_metadata", {}).get("mlflow.trace.session")
            params = {"trace_ids": trace["trace_id"]}
            details = requests.get(
                f"{self.url}/api/3.0/mlflow/traces/batchGet", params=params, timeout=30
            )
            for whole in details.json().get("traces", []):
                for span in whole.get("spans", []):
                    found |= self._of(span, session)
        return found

    @staticmethod
    def _of(span: dict[str, Any], session: str | None) -> dict[str, Shown]:
        raise NotImplementedError(json.dumps(span)[:3000])
