"""deploy/kubernetes: valid by the schemas of Kubernetes, and the same deployment as compose.yaml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from support.compose import ROOT, services
from trackway_server.app.options import DEFAULT_GRPC_PORT, DEFAULT_HTTP_PORT, SERVICE_PORTS

FOLDER = ROOT / "deploy/kubernetes"
FILES = sorted(FOLDER.glob("*.yaml"))
MANIFESTS = [file for file in FILES if file.name != "kustomization.yaml"]
# The oldest and the newest that the manifests are for.
VERSIONS = ("1.31", "1.37")


def documents(file: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(file.read_text()))


EVERYTHING = [document for file in MANIFESTS for document in documents(file)]


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {document["metadata"]["name"]: document for document in EVERYTHING if document["kind"] == kind}


def pods() -> dict[str, dict[str, Any]]:
    return {name: found["spec"]["template"]["spec"] for name, found in (of_kind("Deployment") | of_kind("Job")).items()}


def container(name: str) -> dict[str, Any]:
    (only,) = pods()[name]["containers"]
    return only


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.name)
def test_the_schemas_are_kept(file: Path, version: str) -> None:
    for document in documents(file):
        kubernetes_validate.validate(document, version, strict=True)


def test_a_manifest_that_is_wrong_is_found() -> None:
    wrong = of_kind("Deployment")["tracking"]
    wrong["spec"]["replica"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)
    del wrong["spec"]["replica"]


def test_the_list_of_files_is_complete() -> None:
    (listed,) = documents(FOLDER / "kustomization.yaml")
    assert {*listed["resources"], "autoscaling.yaml"} == {file.name for file in MANIFESTS}
    image = f"{listed['images'][0]['newName']}:{listed['images'][0]['newTag']}"
    assert {image} == {service.raw["image"] for service in services().values() if service.ours}


def test_the_same_services_as_in_compose() -> None:
    composed = {name for name, service in services().items() if service.ours or name == "proxy"}
    assert set(pods()) == composed
    assert {document["metadata"].get("namespace", "trackway") for document in EVERYTHING} == {"trackway"}


@pytest.mark.parametrize("name", sorted(pods()))
def test_image_command_and_variables_are_those_of_compose(name: str) -> None:
    there, here = services()[name], container(name)
    assert (here["image"], here["args"]) == (there.raw["image"], there.raw["command"])
    assert {pair["name"]: pair["value"] for pair in here.get("env", [])} == there.environment


@pytest.mark.parametrize("name", sorted(pods()))
def test_secrets_are_mounted_by_reference_and_no_more_than_needed(name: str) -> None:
    needed = set(services()[name].raw.get("secrets", []))
    mounted = [volume["secret"] for volume in pods()[name]["volumes"] if "secret" in volume]
    assert {item["path"] for secret in mounted for item in secret["items"]} == needed
    assert all(item["key"] == item["path"] for secret in mounted for item in secret["items"])
    assert of_kind("Secret") == {}


@pytest.mark.parametrize("name", sorted(of_kind("Deployment")))
def test_ports_probes_and_budgets_fit(name: str) -> None:
    expected = SERVICE_PORTS | {"gateway": DEFAULT_HTTP_PORT, "proxy": DEFAULT_GRPC_PORT}
    (port,) = container(name)["ports"]
    (service_port,) = of_kind("Service")[name]["spec"]["ports"]
    assert port["containerPort"] == service_port["port"] == expected[name]
    assert service_port["targetPort"] == port["name"]
    ready, alive = container(name)["readinessProbe"], container(name)["livenessProbe"]
    if name in SERVICE_PORTS:
        assert ready["grpc"] == {"port": expected[name]}
        assert alive["tcpSocket"] == {"port": port["name"]}, "a service that waits for another one is not restarted"
    if name == "gateway":
        assert (ready["httpGet"]["path"], alive["httpGet"]["path"]) == ("/readyz", "/healthz")
    labels = {"app.kubernetes.io/name": name}
    deployment, budget = of_kind("Deployment")[name]["spec"], of_kind("PodDisruptionBudget")[name]["spec"]
    assert deployment["selector"]["matchLabels"] == of_kind("Service")[name]["spec"]["selector"] == labels
    assert budget["selector"]["matchLabels"] == labels
    assert labels.items() <= deployment["template"]["metadata"]["labels"].items()
    assert budget["minAvailable"] < deployment["replicas"]


@pytest.mark.parametrize("name", sorted(SERVICE_PORTS))
def test_a_service_ends_its_calls_before_it_is_killed(name: str) -> None:
    variables = {pair["name"]: pair["value"] for pair in container(name)["env"]}
    needed = float(variables["TRACKWAY_STOP_WAIT_S"]) + float(variables["TRACKWAY_STOP_GRACE_S"])
    assert needed < pods()[name]["terminationGracePeriodSeconds"]
    assert needed < float(services()[name].raw["stop_grace_period"].removesuffix("s"))


@pytest.mark.parametrize("name", sorted(pods()))
def test_pods_may_do_little(name: str) -> None:
    pod, own = pods()[name], container(name)["securityContext"]
    assert pod["automountServiceAccountToken"] is pod["enableServiceLinks"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert own == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"requests", "limits"} <= set(container(name)["resources"])
    user = re.search(r"--uid (\d+) trackway", (ROOT / "Dockerfile").read_text())
    assert user
    assert pod["securityContext"]["runAsUser"] == int(user[1])
