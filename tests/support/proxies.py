"""nginx, HAProxy and Envoy before a server, with the very files of deploy/proxies; only addresses and paths differ."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
import trustme

from trackway.testing import LocalServer, _unused_port

FILES = Path(__file__).parents[2] / "deploy" / "proxies"
PROXIES = ("nginx", "haproxy", "envoy")
PLACES = ("/usr/sbin", "/usr/local/sbin")
READY_SECONDS = 20.0


@dataclass(frozen=True)
class Proxy:
    """A running proxy."""

    port: int
    authority: Path
    """The certificates to trust, as PEM."""
    log: Path

    @property
    def uri(self) -> str:
        """Its address for clients."""
        return f"trackways://127.0.0.1:{self.port}"

    @property
    def variables(self) -> dict[str, str]:
        """What a process needs in its environment to trust it."""
        return {"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(self.authority), "TRACKWAY_CA_FILE": str(self.authority)}

    def channel(self) -> grpc.Channel:
        """A plain channel through it."""
        credentials = grpc.ssl_channel_credentials(self.authority.read_bytes())
        return grpc.secure_channel(f"127.0.0.1:{self.port}", credentials)


def binary(name: str) -> str:
    """The proxy's program. Skips the test where it is not installed; Envoy comes with the development tools."""
    scripts = sysconfig.get_path("scripts")
    found = shutil.which(name, path=os.pathsep.join([scripts, os.environ.get("PATH", ""), *PLACES]))
    if found is None:
        assert name != "envoy", "Envoy is missing: install the extra `dev`"
        pytest.skip(f"{name} is not installed (Debian: apt-get install {name}{'-light' if name == 'nginx' else ''})")
    return found


@contextmanager
def proxy(name: str, server: LocalServer, folder: Path, changes: Mapping[str, str] | None = None) -> Iterator[Proxy]:
    """That proxy before the server. `changes` are what a test wants otherwise in its file: old text, new text."""
    program, port = binary(name), _unused_port()
    folder.mkdir(parents=True, exist_ok=True)
    authority = _certificates(folder)
    (file,) = FILES.glob(f"{name}.*")
    text = file.read_text()
    for old, new in (changes or {}).items():
        assert old in text, f"{file.name} has no {old!r}"
        text = text.replace(old, new)
    ports = {"7443": str(port), "7701": server.uri.rpartition(":")[2], "7700": server.http_url.rpartition(":")[2]}
    here = {"0.0.0.0": "127.0.0.1", "/etc/trackway/tls": str(folder), **ports}
    text = re.sub("|".join(rf"(?<!\d){re.escape(old)}(?!\d)" for old in here), lambda found: here[found[0]], text)
    config, log = folder / file.name, folder / "log"
    config.write_text(_at_home(name, text, folder))
    with log.open("wb") as output:
        process = subprocess.Popen(_command(name, program, config, folder), stdout=output, stderr=output)
        try:
            _await_ready(process, port, log)
            yield Proxy(port, authority, log)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _certificates(folder: Path) -> Path:
    """A certificate for this machine under the names that the files know. Returns the authority's."""
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1", "localhost")
    chain = b"".join(blob.bytes() for blob in made.cert_chain_pems)
    (folder / "fullchain.pem").write_bytes(chain)
    (folder / "key.pem").write_bytes(made.private_key_pem.bytes())
    (folder / "combined.pem").write_bytes(chain + made.private_key_pem.bytes())
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    return folder / "ca.pem"


def _at_home(name: str, text: str, folder: Path) -> str:
    """Debian's nginx keeps temporary files where only root may write."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi") if name == "nginx" else ()
    places = "".join(f"  {kind}_temp_path {folder / kind};\n" for kind in kinds)
    return text.replace("http {\n", f"http {{\n{places}", 1)


def _command(name: str, program: str, config: Path, folder: Path) -> list[str]:
    match name:
        case "nginx":
            own = f"daemon off; pid {folder / 'pid'}; error_log {folder / 'log'} warn;"
            return [program, "-c", str(config), "-p", str(folder), "-g", own]
        case "haproxy":
            return [program, "-db", "-f", str(config)]
        case _:
            return [program, "-c", str(config), "--concurrency", "1", "--disable-hot-restart", "-l", "warn"]


def _await_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, f"the proxy does not listen: {log.read_text()}"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
