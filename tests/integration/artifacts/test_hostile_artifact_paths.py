"""attacks.md, "File paths and source URIs": every path of every RPC, through a real server, refused or kept exactly."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from hypothesis import HealthCheck, given, settings

from support.artifact_serving import RUN, Client, digest_text, refusal_of
from support.blob_params import over_both_blob_stores
from support.hostile_paths import REFUSED, TAKEN, hostile_paths, stays_inside

DIGEST = "sha256:" + "0" * 64

Ask = Callable[[Client, str], Awaitable[object]]
ASK: dict[str, Ask] = {
    "UploadArtifact": lambda client, path: client.upload(path),
    "DownloadArtifact": lambda client, path: client.download(path),
    "DownloadArtifact of a manifest": lambda client, path: client.download_of_manifest(DIGEST, path),
    "ListArtifacts": lambda client, path: client.list(path),
    "DeleteArtifacts": lambda client, path: client.delete(path),
    "CreateManifest": lambda client, path: client.create_manifest(path),
}


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[None]:
    """What lies outside the data directory stays as it is, and so does what lies in it beside blobs and index."""
    (tmp_path / "secret").write_bytes(b"secret")
    yield
    assert (tmp_path / "secret").read_bytes() == b"secret"
    names = {path.name for path in tmp_path.iterdir()}
    assert names - {"artifacts.db-wal", "artifacts.db-shm", "blobs"} == {"artifacts.db", "secret"}


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize("rpc", ASK)
async def test_hostile_paths_are_refused(client: Client, rpc: str) -> None:
    for path in REFUSED:
        refusal = await refusal_of(ASK[rpc](client, path))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "ARTIFACT_PATH_INVALID") or (
            refusal.reason == "INVALID_FIELD" and len(path.encode()) > 1024
        ), path
        assert str(client.data_dir) not in refusal.message


async def there_and_back(client: Client, path: str) -> None:
    """Store, list, read, keep for ever and delete one file under this path."""
    data = path.encode()
    assert (await client.upload(path, data)).path == path
    assert await client.list(recursive=True) == [path]
    assert await client.download(path) == data
    manifest = await client.create_manifest(path)
    assert [(entry.path, entry.digest) for entry in manifest.entries] == [
        (path.rsplit("/", maxsplit=1)[-1], digest_text(data))
    ]
    assert await client.download_of_manifest((await client.create_manifest()).digest, path) == data
    top = path.split("/", maxsplit=1)[0]
    assert await client.list() == [top if top == path else f"{top}/"]
    assert await client.delete(top) == 1
    assert await client.list() == []


@over_both_blob_stores
@pytest.mark.usefixtures("outside")
async def test_names_like_any_other_come_back_exactly(client: Client) -> None:
    for path in TAKEN:
        await there_and_back(client, path)


@pytest.mark.usefixtures("outside")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=hostile_paths())
async def test_any_path_is_refused_or_comes_back_exactly(client: Client, path: str) -> None:
    try:
        await client.upload(path, b"probe")
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        for ask in ASK.values() if path else ():
            assert (await refusal_of(ask(client, path))).code is grpc.StatusCode.INVALID_ARGUMENT
    else:
        assert stays_inside(path)
        await client.delete(path)
        await there_and_back(client, path)


def smuggle(client: Client, path: str, digest: str = DIGEST) -> None:
    with closing(sqlite3.connect(client.data_dir / "artifacts.db")) as connection, connection:
        row = ("default", RUN, path, digest, 6, 1)
        connection.execute("INSERT INTO artifacts VALUES (?, ?, ?, ?, ?, ?)", row)


@over_both_blob_stores
@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize("path", ["../../secret", "/etc/passwd", "..\\secret", "%2e%2e/secret", "file:///etc/passwd"])
async def test_a_smuggled_path_is_refused_at_use(client: Client, path: str) -> None:
    """CVE-2026-2614: what is only checked when it is stored is not checked."""
    smuggle(client, path, digest_text(b"secret"))
    for call in (client.download(path), client.list(), client.list(recursive=True), client.create_manifest()):
        assert (await refusal_of(call)).reason == "ARTIFACT_PATH_INVALID"
    assert (await refusal_of(client.delete(path))).reason == "ARTIFACT_PATH_INVALID"


@over_both_blob_stores
@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize("digest", ["../../../secret", "sha256:../../../../secret", "sha256:" + "/" * 64, "file:///x"])
async def test_a_smuggled_digest_is_refused_at_use(client: Client, digest: str) -> None:
    smuggle(client, "a", digest)
    assert (await refusal_of(client.download("a"))).reason == "BLOB_CORRUPT"
    assert await client.delete("a") == 1


@pytest.mark.usefixtures("outside")
async def test_a_planted_link_is_not_read_through(client: Client) -> None:
    """A link in the place of a blob, and one in the place of a directory of blobs."""
    secret = client.data_dir / "secret"
    digest = digest_text(b"secret")
    name = digest.removeprefix("sha256:")
    place = client.data_dir / "blobs" / "sha256" / name[:2] / name[2:]
    smuggle(client, "a", digest)
    place.symlink_to(secret)
    assert (await refusal_of(client.download("a"))).reason == "BLOB_CORRUPT"
    place.unlink()
    place.parent.rmdir()
    (client.data_dir / "secrets").mkdir()
    (client.data_dir / "secrets" / name[2:]).write_bytes(b"secret")
    place.parent.symlink_to(client.data_dir / "secrets")
    assert (await refusal_of(client.download("a"))).reason == "BLOB_CORRUPT"
    (client.data_dir / "secrets" / name[2:]).unlink()
    (client.data_dir / "secrets").rmdir()


@pytest.mark.usefixtures("outside")
async def test_deleting_touches_no_file(client: Client) -> None:
    """CVE-2023-6831, CVE-2024-1560: a path of the database in a recursive delete. Ours removes rows, never files."""
    await client.upload("a/b", b"one")
    blobs = sorted((client.data_dir / "blobs").rglob("*"))
    smuggle(client, "a/../../secret")
    smuggle(client, "a//secret")
    assert await client.delete("a") == 3
    assert sorted((client.data_dir / "blobs").rglob("*")) == blobs
