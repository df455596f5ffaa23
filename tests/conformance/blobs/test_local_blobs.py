"""The local directory: what is on the disk, after crashes, under attack, and when the disk is full."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from support.blob_content import assert_corrupt, content, digest_of, load, store
from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.store import blob_directory, blob_incoming
from trackway_server.artifacts.store.blob_local import LocalBlobStore, open_local_blobs
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.lifecycle import StartupError

MIB = 1 << 20


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
async def blobs(root: Path) -> AsyncIterator[LocalBlobStore]:
    before = len(os.listdir("/proc/self/fd"))
    async with open_local_blobs(root) as opened:
        yield opened
    assert incoming(root) == []
    assert len(os.listdir("/proc/self/fd")) <= before


def place(root: Path, digest: Digest) -> Path:
    return root / "sha256" / digest.hex[:2] / digest.hex[2:]


def incoming(root: Path) -> list[str]:
    return sorted(os.listdir(root / "incoming"))


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if not path.is_dir()]


async def test_the_layout(blobs: LocalBlobStore, root: Path) -> None:
    digest = await store(blobs, b"hello")
    assert files(root) == [place(root, digest)]
    assert stat.S_IMODE(place(root, digest).stat().st_mode) == 0o600
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    assert place(root, digest).stat().st_nlink == 1


async def test_the_same_bytes_are_not_written_again(blobs: LocalBlobStore, root: Path) -> None:
    digest = await store(blobs, b"hello")
    before = place(root, digest).stat().st_ino
    await store(blobs, b"hello")
    assert place(root, digest).stat().st_ino == before


async def test_a_blob_appears_synced_and_then_its_directory_is(
    blobs: LocalBlobStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, link = os.fsync, os.link

    def noted_fsync(descriptor: int) -> None:
        steps.append("sync directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        fsync(descriptor)

    def noted_link(*names: object, **options: object) -> None:
        steps.append("link")
        link(*names, **options)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "link", noted_link)
    await store(blobs, b"hello")
    assert steps == ["sync file", "link", "sync directory"]
    steps.clear()
    await store(blobs, b"hello")
    assert steps[-1] == "sync directory", "the answer says durable, whoever wrote it first"


async def test_without_hard_links_a_rename_does(
    blobs: LocalBlobStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    digest = await store(blobs, b"hello")
    assert await load(blobs, digest, 5) == b"hello"


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGES: list[Callable[[Path], object]] = [
    flip,
    lambda path: os.truncate(path, path.stat().st_size - 1),
    lambda path: path.write_bytes(path.read_bytes() + b"x"),
    lambda path: os.truncate(path, 0),
    lambda path: path.unlink(),
]


@pytest.mark.parametrize("size", [100, 5 * MIB])
@pytest.mark.parametrize("damage", DAMAGES, ids=["flipped", "shorter", "longer", "empty", "gone"])
async def test_damage_is_found_and_healed_by_storing_again(
    blobs: LocalBlobStore, root: Path, damage: Callable[[Path], object], size: int
) -> None:
    data = content(size)
    digest = await store(blobs, data)
    damage(place(root, digest))
    await assert_corrupt(blobs, digest, size)
    await store(blobs, data)
    assert await load(blobs, digest, size) == data


async def test_a_file_that_shrinks_while_it_is_read(blobs: LocalBlobStore, root: Path) -> None:
    data = content(9 * MIB)
    digest = await store(blobs, data)
    pieces = blobs.read(digest, len(data))
    await anext(pieces)
    os.truncate(place(root, digest), 5 * MIB)
    with pytest.raises(DomainError) as refusal:
        [piece async for piece in pieces]
    assert refusal.value.reason is Reason.BLOB_CORRUPT


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "outside" / "secret"
    path.parent.mkdir()
    path.write_bytes(b"secret")
    return path


async def test_a_link_in_a_blobs_place_is_not_followed(blobs: LocalBlobStore, root: Path, secret: Path) -> None:
    digest = digest_of(b"secret")
    place(root, digest).symlink_to(secret)
    await assert_corrupt(blobs, digest, 6)
    await store(blobs, b"secret")
    assert not place(root, digest).is_symlink()
    assert await load(blobs, digest, 6) == b"secret"
    assert secret.stat().st_ino != place(root, digest).stat().st_ino


async def test_deleting_a_planted_link_leaves_what_it_points_to(
    blobs: LocalBlobStore, root: Path, secret: Path
) -> None:
    digest = digest_of(b"secret")
    place(root, digest).symlink_to(secret)
    await blobs.delete(digest)
    assert secret.read_bytes() == b"secret"


async def test_a_link_in_a_shards_place_is_not_followed(blobs: LocalBlobStore, root: Path, secret: Path) -> None:
    digest = digest_of(b"secret")
    shard, elsewhere = place(root, digest).parent, secret.parent
    os.link(secret, elsewhere / digest.hex[2:])
    shard.rmdir()
    shard.symlink_to(elsewhere)
    await assert_corrupt(blobs, digest, 6)
    assert not await blobs.delete(digest)
    with pytest.raises(DomainError) as refusal:
        await store(blobs, b"secret")
    assert refusal.value.reason is Reason.SERVICE_UNAVAILABLE
    assert sorted(path.name for path in elsewhere.iterdir()) == sorted(["secret", digest.hex[2:]])


@pytest.mark.parametrize("name", ["sha256", "incoming"])
async def test_a_link_in_place_of_our_directories_stops_the_start(root: Path, tmp_path: Path, name: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_bytes(b"kept")
    root.mkdir()
    (root / name).symlink_to(elsewhere)
    with pytest.raises(StartupError, match="blob directory"):
        async with open_local_blobs(root):
            pass
    assert (elsewhere / "kept").read_bytes() == b"kept"


@pytest.mark.parametrize("plant", [os.mkfifo, os.mkdir], ids=["fifo", "directory"])
async def test_what_is_no_file_is_no_blob(blobs: LocalBlobStore, root: Path, plant: Callable[[Path], None]) -> None:
    digest = digest_of(b"x")
    plant(place(root, digest))
    await asyncio.wait_for(assert_corrupt(blobs, digest, 1), 10)
    await asyncio.wait_for(assert_corrupt(blobs, digest, 0), 10)


async def test_the_root_that_the_operator_names_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "blobs").symlink_to(tmp_path / "disk")
    async with open_local_blobs(tmp_path / "blobs") as blobs:
        digest = await store(blobs, b"hello")
        assert place(tmp_path / "disk", digest).read_bytes() == b"hello"


async def test_a_root_that_is_a_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_bytes(b"")
    with pytest.raises(StartupError, match="cannot use the blob directory"):
        async with open_local_blobs(tmp_path / "blobs"):
            pass


KILLED = """
import asyncio, os, pathlib, signal, sys
from trackway_server.artifacts.store.blob_local import open_local_blobs
async def main():
    async with open_local_blobs(pathlib.Path(sys.argv[1])) as blobs, blobs.writer() as writer:
        for _ in range(12):
            await writer.write(bytes(1 << 20))
        await asyncio.wrap_future(writer._appending)
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


async def test_what_a_killed_server_left_is_swept(root: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(root)], check=False)
    assert killed.returncode == -9
    assert len(incoming(root)) == 1
    async with open_local_blobs(root):
        assert incoming(root) == []


async def test_a_crash_between_link_and_unlink_keeps_the_blob(root: Path) -> None:
    async with open_local_blobs(root) as blobs:
        digest = await store(blobs, b"hello")
    os.link(place(root, digest), root / "incoming" / "left")
    async with open_local_blobs(root) as blobs:
        assert incoming(root) == []
        assert await load(blobs, digest, 5) == b"hello"


async def test_the_sweep_spares_the_uploads_of_a_living_server(blobs: LocalBlobStore, root: Path) -> None:
    data = content(9 * MIB)
    async with blobs.writer() as writer:
        await writer.write(data)
        async with open_local_blobs(root):
            pass
        await writer.commit(digest_of(data), len(data))
    assert await load(blobs, digest_of(data), len(data)) == data


async def test_the_sweep_follows_no_link(root: Path, secret: Path) -> None:
    (root / "incoming").mkdir(parents=True)
    (root / "incoming" / "planted").symlink_to(secret)
    async with open_local_blobs(root):
        assert secret.read_bytes() == b"secret"
    (root / "incoming" / "planted").unlink()


def failing(number: int) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", ["write", "fsync", "link", "open"])
async def test_a_full_disk(
    blobs: LocalBlobStore, root: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    data = content(9 * MIB)
    with monkeypatch.context() as patched:
        patched.setattr(os, call, failing(number))
        with pytest.raises(DomainError) as refusal:
            await store(blobs, data)
    assert refusal.value.reason is Reason.STORAGE_FULL
    assert files(root) == []
    await store(blobs, data)
    assert await load(blobs, digest_of(data), len(data)) == data


async def test_a_broken_disk_is_told_without_the_drivers_text(
    blobs: LocalBlobStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched, pytest.raises(DomainError) as refusal:
        patched.setattr(os, "write", failing(errno.EIO))
        await store(blobs, b"hello")
    assert refusal.value.reason is Reason.SERVICE_UNAVAILABLE
    assert str(root) not in refusal.value.message
    assert "Input/output" not in refusal.value.message


async def test_short_writes_are_gone_on_with(blobs: LocalBlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    data, write = content(100_000), os.write
    monkeypatch.setattr(blob_incoming.os, "write", lambda descriptor, view: write(descriptor, view[:7777]))
    await store(blobs, data)
    monkeypatch.undo()
    assert await load(blobs, digest_of(data), len(data)) == data


async def test_a_cancelled_upload_leaves_nothing(blobs: LocalBlobStore, root: Path) -> None:
    async def upload() -> None:
        async with blobs.writer() as writer:
            while True:
                await writer.write(content(MIB))
                await asyncio.sleep(0)

    for _ in range(10):
        task = asyncio.create_task(upload())
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
    assert files(root) == []


async def test_memory_does_not_grow_with_the_blob(blobs: LocalBlobStore) -> None:
    message, messages = content(MIB), 64
    digest = digest_of(message * messages)
    tracemalloc.start()
    async with blobs.writer() as writer:
        for _ in range(messages):
            await writer.write(message)
        await writer.commit(digest, messages * MIB)
    async for _ in blobs.read(digest, messages * MIB):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * MIB


def test_no_name_but_a_digest_or_a_constant_reaches_the_file_system() -> None:
    """The port has no text: every method of the directory that takes a place takes a Digest, or a name it made."""
    for method in ("keep", "open_blob", "delete"):
        hints = getattr(blob_directory.BlobDirectory, method).__annotations__
        assert hints["digest"] == "Digest"
