"""What the services of compose.yaml keep their data in: PostgreSQL and S3 as that file has them, with the secrets that
deploy/make-secrets.sh makes, started here as processes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.compose import ROOT, Service, services
from support.postgres import Cluster
from support.seaweed import _free_ports, _weed

READY_SECONDS = 240.0
S3_PORTS = (
    "master",
    "master.port.grpc",
    "volume",
    "volume.port.grpc",
    "filer",
    "filer.port.grpc",
    "s3",
    "s3.port.grpc",
)


def made_secrets(folder: Path) -> Path:
    """The secrets, made by the script of the deployment."""
    subprocess.run(["sh", ROOT / "deploy/make-secrets.sh", folder], check=True, capture_output=True)
    return folder


@dataclass
class Storage:
    """Both of them, running, and the secrets that open them here."""

    secrets: Path
    cluster: Cluster
    s3_endpoint: str

    def moved(self, value: str) -> str:
        """A variable's value with the places of this machine."""
        return value.replace("http://s3:8333", self.s3_endpoint)

    def migrate(self, *, together: bool = False) -> None:
        """Run the one-shot services, all at once, and wait for them; `together`: on one database for all of them."""
        shots = [service for service in services().values() if service.ours and service.one_shot]
        assert len(shots) == 4
        running = {
            shot.name: _started(shot, self.variables_together() if together else self._variables_of(shot))
            for shot in shots
        }
        try:
            for name, process in running.items():
                said, _ = process.communicate(timeout=READY_SECONDS)
                assert process.returncode == 0, (name, said)
        finally:
            for process in running.values():
                process.kill()
                process.communicate()

    def variables_together(self) -> dict[str, str]:
        """Those of a server that runs all services: what compose.yaml gives to auth and artifacts, in one database."""
        return self._variables_of(services()["artifacts"]) | self._variables_of(services()["auth"])

    def _variables_of(self, service: Service) -> dict[str, str]:
        declared = {name: value for name, value in service.environment.items() if not name.endswith("_ADDRESS")}
        return {name: self.moved(in_secrets(value, self.secrets)) for name, value in declared.items()}


def _started(shot: Service, variables: dict[str, str]) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKWAY_")}
    return subprocess.Popen(
        [sys.executable, "-m", "trackway_server", *shot.arguments],
        env={**kept, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def in_secrets(value: str, secrets: Path) -> str:
    """A variable's value, which may be a file below /run/secrets."""
    return value.replace("/run/secrets/", f"{secrets}/")


@contextmanager
def running_storage(folder: Path, secrets: Path) -> Iterator[Storage]:
    """PostgreSQL with the databases, which are not migrated, and S3, inside the block."""
    with ExitStack() as stack:
        cluster = Cluster(durable=True)
        stack.callback(cluster.remove)
        _set_up(cluster, secrets)
        yield Storage(secrets, cluster, stack.enter_context(_s3(folder / "s3", secrets)))


def _set_up(cluster: Cluster, secrets: Path) -> None:
    """Do what the image does at its first start, and have the URLs lead here."""
    declared = services()["postgres"]
    user = declared.environment["POSTGRES_USER"]
    password = Path(in_secrets(declared.environment["POSTGRES_PASSWORD_FILE"], secrets)).read_text()
    cluster.execute(f"CREATE ROLE {user} SUPERUSER LOGIN PASSWORD '{password}'")
    for statement in re.findall(r"^CREATE .*;$", (ROOT / "deploy/postgres/databases.sql").read_text(), re.M):
        cluster.execute(statement)
    here = cluster.url().rpartition("@")[2].partition("/")[0]
    for file in secrets.glob("*_database_url"):
        url = file.read_text()
        assert "@postgres/" in url
        file.write_text(url.replace("@postgres/", f"@{here}/"))


@contextmanager
def _s3(folder: Path, secrets: Path) -> Iterator[str]:
    """The S3 server with the arguments of compose.yaml; where it is. Ended by force: its own stop takes long."""
    folder.mkdir()
    given = [in_secrets(argument, secrets) for argument in services()["s3"].raw["command"]]
    moved = {"-dir=/data": f"-dir={folder}", "-ip=s3": "-ip=127.0.0.1"}
    assert moved.keys() <= set(given)
    ports = dict(zip(S3_PORTS, _free_ports(len(S3_PORTS)), strict=True))
    command = [
        _weed(),
        f"-logdir={folder}",
        *(moved.get(argument, argument) for argument in given),
        "-ip.bind=127.0.0.1",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        f"-s3.localSocket={folder}/s3.sock",
        f"-filer.localSocket={folder}/filer.sock",
        *(f"-{name if '.' in name else name + '.port'}={port}" for name, port in ports.items()),
    ]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet)
    endpoint = f"http://127.0.0.1:{ports['s3']}"
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not _answers(endpoint):
            assert process.poll() is None, "the S3 server ended"
            assert time.monotonic() < deadline, "the S3 server does not answer"
            time.sleep(0.05)
        _make_bucket(ports["master"], ports["master.port.grpc"])
        yield endpoint
    finally:
        process.kill()
        process.wait()
        for port in ports.values():
            for left in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock"):
                left.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def _make_bucket(port: int, grpc_port: int) -> None:
    """Run the one-shot service, twice: a bucket that is there is left alone."""
    declared = services()["make-bucket"].raw
    (command,) = declared["command"]
    here = command.replace("s3:9333", f"127.0.0.1:{port}.{grpc_port}").replace("weed shell", f"{_weed()} shell")
    for _ in range(2):
        done = subprocess.run([*declared["entrypoint"], here], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def _answers(endpoint: str) -> bool:
    """As the health check of compose.yaml: 403 to a stranger is an answer."""
    try:
        urllib.request.urlopen(endpoint, timeout=1)
    except urllib.error.HTTPError as error:
        return error.code == 403
    except OSError:
        return False
    return True
