"""compose.yaml against what it speaks of: the option parser, the settings, the ports, the proxy, the secrets.

tests/conformance/topology starts its services from it.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.compose import ROOT, Service, compose, envoy, services
from trackway_server.app.advice import advice_on
from trackway_server.app.cli import _COMMANDS, _options, _parser
from trackway_server.app.options import DEFAULT_GRPC_PORT, DEFAULT_HTTP_PORT, SERVICE_PORTS, ServerOptions, Target
from trackway_server.app.peers import SERVICE_NAMES
from trackway_server.app.variables import server_variables
from trackway_server.gateway.application import build_application
from trackway_server.gateway.channels import Channels
from trackway_server.gateway.config import GatewaySettings

OURS = [service for service in services().values() if service.ours]
OWN = [service for service in OURS if not service.one_shot]


def ids(service: Service) -> str:
    return service.name


@pytest.mark.parametrize("service", OURS, ids=ids)
def test_commands_are_taken_by_the_option_parser(service: Service) -> None:
    command, arguments = check_command(service.arguments)
    parsed = _parser().parse_args(arguments)
    assert parsed.target in {target.value for target in Target}
    assert (command == "migrate") == service.one_shot
    assert service.name in (parsed.target, f"migrate-{parsed.target}")


def check_command(arguments: list[str]) -> tuple[str, list[str]]:
    """The command and its options. Raises AssertionError for a command that there is not."""
    if arguments[0].startswith("-"):
        return "", arguments
    assert arguments[0] in _COMMANDS
    return arguments[0], arguments[1:]


@pytest.mark.parametrize("service", OURS, ids=ids)
def test_variables_are_read_by_somebody(service: Service) -> None:
    known = server_variables() | {"AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION", "AWS_SHARED_CREDENTIALS_FILE"}
    assert set(service.environment) <= known


@pytest.mark.parametrize("service", OWN, ids=ids)
def test_check_config_has_nothing_to_say_but_that_names_are_the_network_s_own(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["sh", ROOT / "deploy/make-secrets.sh", tmp_path / "run/secrets"], check=True, capture_output=True)
    variables = {name: value.replace("/run/", f"{tmp_path}/run/") for name, value in service.environment.items()}
    for name, value in {**variables, "TRACKWAY_DATA_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    found = advice_on(_options(_parser().parse_args(service.arguments)), os.environ)
    assert {advice.name for advice in found} - {"address", "port", "disk_space"} == {"plaintext"}


@pytest.mark.parametrize("service", OWN, ids=ids)
def test_addresses_name_services_of_the_file_at_their_ports(service: Service) -> None:
    for name, value in service.environment.items():
        if name.endswith("_ADDRESS"):
            host, _, port = value.partition(":")
            assert name == f"TRACKWAY_{host.upper()}_ADDRESS"
            assert int(port) == SERVICE_PORTS[host]


@pytest.mark.parametrize("service", OWN, ids=ids)
def test_a_service_is_asked_for_its_health_where_it_listens(service: Service) -> None:
    test = service.raw["healthcheck"]["test"]
    if service.name == "gateway":
        (path,) = re.findall(rf"http://127\.0\.0\.1:{DEFAULT_HTTP_PORT}(/\w+)'", test[-1])
        assert path in gateway_paths()
    else:
        assert test == ["CMD", "trackway", "server", "probe", f"127.0.0.1:{SERVICE_PORTS[service.name]}"]
        assert "probe" in _COMMANDS


def gateway_paths() -> set[str]:
    application: Any = build_application(Channels(None, None, None, None), "127.0.0.1", GatewaySettings(), None)  # type: ignore[arg-type]
    while not hasattr(application, "routes"):  # what stands around it: correlation, the guard
        application = application._pages if hasattr(application, "_pages") else application._app
    return {route.path for route in application.routes}


def test_what_a_service_calls_is_there() -> None:
    for service in services().values():
        for name, condition in service.raw.get("depends_on", {}).items():
            needed = services()[name]
            match condition["condition"]:
                case "service_healthy":
                    assert "healthcheck" in needed.raw, (service.name, name)
                case "service_completed_successfully":
                    assert needed.one_shot, (service.name, name)
    for name in ("tracking", "artifacts", "registry", "auth"):
        assert services()[name].raw["depends_on"][f"migrate-{name}"]


def test_every_one_shot_is_waited_for() -> None:
    """Else `docker compose up --wait` takes its end for a failure."""
    adopted = {
        name
        for service in services().values()
        if not service.one_shot
        for name, condition in service.raw.get("depends_on", {}).items()
        if condition["condition"] == "service_completed_successfully"
    }
    assert adopted == {name for name, service in services().items() if service.one_shot}


def test_the_bucket_that_artifacts_needs_is_made() -> None:
    bucket = services()["artifacts"].environment["TRACKWAY_BLOB_URL"].removeprefix("s3://").partition("/")[0]
    (command,) = services()["make-bucket"].raw["command"]
    assert f"s3.bucket.create -name {bucket} " in command
    assert services()["make-bucket"].raw["image"] == services()["s3"].raw["image"]


def test_the_admin_key_is_the_auth_service_s_alone() -> None:
    holders = {name for name, service in services().items() if "admin_key" in service.raw.get("secrets", [])}
    assert holders == {"auth"}
    assert all(
        "TRACKWAY_AUTH_ADDRESS" in services()[name].environment for name in ("tracking", "artifacts", "registry")
    )


def test_the_registry_is_not_kept_from_starting_by_those_it_calls() -> None:
    assert {"tracking", "artifacts"}.isdisjoint(services()["registry"].raw["depends_on"])


def test_only_the_gateway_and_the_proxy_are_published_and_on_this_machine_alone() -> None:
    published = {name: service.raw["ports"] for name, service in services().items() if "ports" in service.raw}
    assert published == {
        "gateway": [f"127.0.0.1:{DEFAULT_HTTP_PORT}:{DEFAULT_HTTP_PORT}"],
        "proxy": [f"127.0.0.1:{DEFAULT_GRPC_PORT}:{DEFAULT_GRPC_PORT}"],
    }
    assert compose()["networks"]["inside"] == {"internal": True}
    assert all("inside" in service.raw["networks"] for service in services().values())
    outside = {name for name, service in services().items() if "outside" in service.raw["networks"]}
    assert outside == set(published)


@pytest.mark.parametrize("service", OURS, ids=ids)
def test_containers_may_do_little(service: Service) -> None:
    raw = service.raw
    assert (raw["read_only"], raw["cap_drop"], raw["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"])


def test_secrets_are_files_that_the_script_makes_and_no_more(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    script = ROOT / "deploy/make-secrets.sh"
    subprocess.run(["sh", script, folder], check=True, capture_output=True)
    made = {path.name: path.read_text() for path in folder.iterdir()}
    declared = compose()["secrets"]
    assert {name: {"file": f"./deploy/secrets/{name}"} for name in made} == declared
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    ServerOptions(target=Target.AUTH, admin_key=made["admin_key"]).check()
    assert made["tracking_database_url"] == f"postgresql://trackway:{made['postgres_password']}@postgres/tracking"
    again = subprocess.run(["sh", script, folder], check=False, capture_output=True, text=True)
    assert again.returncode == 1
    assert "is there already" in again.stderr
    assert {path.name: path.read_text() for path in folder.iterdir()} == made
    for name, service in services().items():
        mentioned = set(re.findall(r"/run/secrets/(\w+)", str(service.raw)))
        assert mentioned == set(service.raw.get("secrets", [])), name
    assert "/deploy/secrets/" in (ROOT / ".gitignore").read_text().split()


def test_each_service_has_a_database_of_its_own() -> None:
    made = set(re.findall(r"^CREATE DATABASE (\w+);$", (ROOT / "deploy/postgres/databases.sql").read_text(), re.M))
    assert made == {"tracking", "artifacts", "registry", "auth"}
    for name in made:
        for service in (services()[name], services()[f"migrate-{name}"]):
            assert service.environment["TRACKWAY_DATABASE_URL_FILE"] == f"/run/secrets/{name}_database_url"


def test_the_proxy_sends_each_service_its_own_calls() -> None:
    resources = envoy()["static_resources"]
    (listener,) = resources["listeners"]
    assert listener["address"]["socket_address"]["port_value"] == DEFAULT_GRPC_PORT
    clusters = {
        cluster["name"]: cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]
        for cluster in resources["clusters"]
    }
    assert {name: address["socket_address"] for name, address in clusters.items()} == {
        name: {"address": name, "port_value": port} for name, port in SERVICE_PORTS.items()
    }
    (host,) = listener["filter_chains"][0]["filters"][0]["typed_config"]["route_config"]["virtual_hosts"]
    routes = {route["match"]["prefix"]: route["route"]["cluster"] for route in host["routes"]}
    for name, service in SERVICE_NAMES.items():
        assert [cluster for prefix, cluster in routes.items() if f"/{service}/Any".startswith(prefix)] == [name]


def test_the_image_has_what_the_services_need() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    exposed = re.search(r"^EXPOSE (.*)$", dockerfile, re.M)
    assert exposed
    assert {int(port) for port in exposed[1].split()} == {
        DEFAULT_HTTP_PORT,
        DEFAULT_GRPC_PORT,
        *SERVICE_PORTS.values(),
    }
    assert '".[server,postgres,s3,models]"' in dockerfile


def test_what_the_readme_types_is_taken_by_the_option_parser() -> None:
    typed = re.findall(r"^\$ trackway server( [^#\n]*)?", (ROOT / "README.md").read_text(), re.M)
    assert len(typed) >= 3
    for line in typed:
        command, arguments = check_command(line.split() or ["--host=127.0.0.1"])
        if command != "probe":
            _parser().parse_args(arguments)
