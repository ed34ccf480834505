"""compose.yaml and the Kubernetes files against the schemas of what reads them, and against the rest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from otel_claude import settings
from tests.e2e.backends import DEPLOY, ONE_FILE
from tests.e2e.servers import missing, program

KUBERNETES = DEPLOY / "kubernetes"
NAMES = re.compile(r"\$\{env:([A-Z_]+)")
OF_KUSTOMIZE = "kustomization.yaml"
OF_OPERATOR = "instrumentation.yaml"


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def manifests() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(KUBERNETES.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            yield path.name, document


def asked_for(*names: str) -> set[str]:
    """Variables that configurations read."""
    texts = [ONE_FILE.read_text(), *((DEPLOY / "collector" / name).read_text() for name in names)]
    return {name for text in texts for name in NAMES.findall(text)}


def test_compose_file_is_valid(compose: Any) -> None:
    schema = json.loads(program("compose-schema.sh").read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    validator.validate(compose)
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"services": {"a": {"imagee": "x"}}})


def test_compose_file_fits_the_configurations(compose: Any) -> None:
    services = compose["services"]
    assert set(services["collector"]["environment"]) <= asked_for()
    version = yaml.safe_load((DEPLOY / "collector" / "builder.yaml").read_text())["dist"]["version"]
    assert services["collector"]["image"].endswith(f":{version}")
    for name, service in services.items():
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"]), f"{name} has no pinned version"
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("./collector"):
                assert (DEPLOY / source).exists(), source
            assert source.startswith((".", "${")) or source in compose["volumes"]
    for port in [port for service in services.values() for port in service.get("ports", [])]:
        assert port.startswith("${BIND:-127.0.0.1}:"), f"{port} is open to the network"


def test_kubernetes_files_are_valid() -> None:
    try:
        import kubernetes_validate
    except ImportError:
        missing("kubernetes-validate is not installed: .ci/run does")
    version = kubernetes_validate.latest_version()
    checked = []
    for name, document in manifests():
        if name in (OF_KUSTOMIZE, OF_OPERATOR):
            continue
        kubernetes_validate.validate(document, version, strict=True)
        checked.append(document["kind"])
    for kind in ("DaemonSet", "StatefulSet", "HorizontalPodAutoscaler", "PodDisruptionBudget"):
        assert kind in checked
        wrong = next(each for _, each in manifests() if each["kind"] == kind)
        wrong["spec"]["nonsense"] = 1
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(wrong, version, strict=True)


def test_kubernetes_files_fit_the_configurations() -> None:
    kinds = {document["kind"]: document for _, document in manifests()}
    for kind, tier in (("DaemonSet", "agent"), ("StatefulSet", "gateway")):
        (container,) = kinds[kind]["spec"]["template"]["spec"]["containers"]
        given = {each["name"] for each in container["env"]} - {"GOMEMLIMIT"}
        assert given <= asked_for(f"{tier}.yaml", "agent-dns.yaml")
        files = [Path(each.split("/")[-1]).name for each in container["args"]]
        assert f"{tier}.yaml" in files
        (generated,) = kinds["Kustomization"]["configMapGenerator"]
        assert {*files} <= {Path(each).name for each in generated["files"]}
    for each in kinds["Kustomization"]["configMapGenerator"][0]["files"]:
        assert (KUBERNETES / each).exists()
    resources = set(kinds["Kustomization"]["resources"])
    assert resources == {path.name for path in KUBERNETES.glob("*.yaml")} - {
        OF_KUSTOMIZE,
        OF_OPERATOR,
    }
    scaled = kinds["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert scaled["name"] == kinds["StatefulSet"]["metadata"]["name"]
    budget = kinds["PodDisruptionBudget"]["spec"]["selector"]
    assert budget == kinds["StatefulSet"]["spec"]["selector"]


INSTRUMENTATION = {
    # What the operator's resource may hold, as far as we use it.
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "exporter": {"type": "object"},
        "env": {"type": "array", "items": {"$ref": "#/$defs/variable"}},
        "propagators": {
            "type": "array",
            "items": {"enum": ["tracecontext", "baggage", "b3", "b3multi", "xray", "none"]},
        },
        "sampler": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"type": {"type": "string"}, "argument": {"type": "string"}},
        },
        "python": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "image": {"type": "string"},
                "env": {"type": "array", "items": {"$ref": "#/$defs/variable"}},
            },
        },
    },
    "$defs": {
        "variable": {
            "type": "object",
            "required": ["name"],
            "additionalProperties": False,
            "properties": {
                "name": {},
                "value": {"type": "string"},
                "valueFrom": {"type": "object"},
            },
        }
    },
}


def test_instrumentation_resource() -> None:
    (resource,) = yaml.safe_load_all((KUBERNETES / OF_OPERATOR).read_text())
    assert resource["apiVersion"] == "opentelemetry.io/v1alpha1"
    jsonschema.Draft202012Validator(INSTRUMENTATION).validate(resource["spec"])
    names = [each["name"] for each in resource["spec"]["env"]]
    assert names.index("OTEL_NODE_IP") < names.index("OTEL_EXPORTER_OTLP_ENDPOINT")
    ours = [each["name"] for each in resource["spec"]["python"]["env"]]
    known = {f"OTEL_CLAUDE_{name.upper()}" for name in vars(settings.Settings)["__annotations__"]}
    assert {name for name in ours if name.startswith("OTEL_CLAUDE_")} <= known
