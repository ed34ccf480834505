"""Arize Phoenix and MLflow as they come from PyPI: started, and asked what they show."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import requests

from tests.e2e.servers import Server, free_ports, program

_PATIENCE = 600.0  # seconds: they import a great deal
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
        messages: role and text of each message that it shows, asked and answered.
    """

    kind: str
    input_tokens: int | None
    output_tokens: int | None
    session: str | None
    usd: float | None
    messages: list[tuple[str, str]]


class Viewer(Protocol):
    """A server with an address for OTLP, and spans by their id.

    Attributes:
        kind: what it calls a call of a model.
    """

    url: str
    kind: str

    def __enter__(self) -> Server: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def overlay(self) -> dict[str, str]:
        """What tells the overlay where it is."""
        ...

    def headers(self) -> dict[str, str]:
        """What an application has to send along."""
        ...

    def shown(self) -> dict[str, Shown]:
        """Span id -> what is shown."""
        ...


class Phoenix(Server):
    """`phoenix serve`."""

    kind = "llm"

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

    def headers(self) -> dict[str, str]:
        return {}

    def shown(self) -> dict[str, Shown]:
        answer = requests.post(f"{self.url}/graphql", json={"query": _SPANS}, timeout=30)
        projects = answer.json()["data"]["projects"]["edges"]
        spans = [edge["node"] for one in projects for edge in one["node"]["spans"]["edges"]]
        return {span["spanId"]: self._of(span) for span in spans}

    @staticmethod
    def _of(span: dict[str, Any]) -> Shown:
        attributes = json.loads(span["attributes"])
        cost = ((span["costSummary"] or {}).get("total") or {}).get("cost")
        model = attributes.get("llm", {})
        listed = [*model.get("input_messages", ()), *model.get("output_messages", ())]
        messages = [(one["message"]["role"], one["message"].get("content", "")) for one in listed]
        return Shown(
            span["spanKind"],
            span["tokenCountPrompt"],
            span["tokenCountCompletion"],
            attributes.get("session", {}).get("id"),
            cost,
            messages,
        )


class MLflow(Server):
    """`mlflow server` over a SQLite file; its experiment 0."""

    kind = "CHAT_MODEL"

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

    def headers(self) -> dict[str, str]:
        return {"x-mlflow-experiment-id": "0"}

    def shown(self) -> dict[str, Shown]:
        api = f"{self.url}/api/3.0/mlflow/traces"
        place: Any = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}
        listed = requests.post(f"{api}/search", json={"locations": [place]}, timeout=60).json()
        ids = [trace["trace_id"] for trace in listed.get("traces", [])]
        found: dict[str, Shown] = {}
        for each in ids:
            whole = requests.get(f"{api}/batchGet", params={"trace_ids": each}, timeout=60).json()
            for trace in whole["traces"]:
                session = trace["trace_info"].get("trace_metadata", {}).get("mlflow.trace.session")
                found |= {self._id(span): self._of(span, session) for span in trace["spans"]}
        return found

    @staticmethod
    def _id(span: dict[str, Any]) -> str:
        return base64.b64decode(span["span_id"]).hex()

    @staticmethod
    def _of(span: dict[str, Any], session: str | None) -> Shown:
        said = {pair["key"]: _plain(pair["value"]) for pair in span["attributes"]}
        tokens = said.get("mlflow.chat.tokenUsage") or {}
        cost = said.get("mlflow.llm.cost") or {}
        listed = [*said.get("mlflow.spanInputs", ()), *said.get("mlflow.spanOutputs", ())]
        messages = [(one["role"], _text_of(one["parts"])) for one in listed if "parts" in one]
        return Shown(
            said.get("mlflow.spanType", ""),
            tokens.get("input_tokens"),
            tokens.get("output_tokens"),
            session,
            cost.get("total_cost"),
            messages,
        )


def _text_of(parts: list[dict[str, Any]]) -> str:
    return "".join(part.get("content", "") for part in parts if part["type"] == "text")


def _plain(value: dict[str, Any]) -> Any:
    """A value of OTLP's JSON, as MLflow writes it, as plain data."""
    ((kind, of),) = value.items()
    if kind == "kvlist_value":
        return {pair["key"]: _plain(pair["value"]) for pair in of["values"]}
    if kind == "array_value":
        return [_plain(item) for item in of["values"]]
    return of
