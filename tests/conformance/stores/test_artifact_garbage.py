"""What nothing needs any more goes for good (artifacts/domain/collecting.py), over every database."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.artifact_indexes import ELSEWHERE, OTHER, OWNER
from support.postgres import opened_postgres
from support.tracking_service import Clock
from trackway_server.artifacts.domain.artifacts import Artifact, Owner
from trackway_server.artifacts.domain.collecting import GRACE_SECONDS, REMOVAL_SECONDS, Collected, Collector
from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.domain.paths import ArtifactPath
from trackway_server.artifacts.module import MIGRATIONS
from trackway_server.artifacts.store import garbage_rows
from trackway_server.artifacts.store.blob_memory import MemoryBlobStore
from trackway_server.artifacts.store.garbage_sql import SqlGarbage
from trackway_server.artifacts.store.index_sql import SqlArtifactIndex
from trackway_server.core.db.database import Database
from trackway_server.core.db.migrate import upgrade
from trackway_server.core.db.sqlite import open_sqlite
from trackway_server.core.errors import DomainError, Reason


@dataclass
class Store:
    """An artifact store without a service: its index, what it can collect, and its bytes."""

    database: Database
    index: SqlArtifactIndex
    garbage: SqlGarbage
    blobs: MemoryBlobStore
    clock: Clock

    async def put(self, owner: Owner, path: str, content: str) -> Digest:
        """Store a file, as an upload does."""
        data = content.encode()
        digest = Digest.of_hex(hashlib.sha256(data).hexdigest())
        await self.index.want(digest, self.clock.now_us())
        async with self.blobs.writer() as writer:
            await writer.write(data)
            await writer.commit(digest, len(data))
        await self.index.put(Artifact(owner, ArtifactPath(path), digest, len(data), self.clock.now_us()))
        return digest

    async def collect(self, *gone: Owner, dry_run: bool = False, grace: float = 0.0) -> tuple[list[Owner], Collected]:
        """Whose files were removed, and how much."""
        names = {owner.id for owner in gone}

        async def known(owners: Sequence[Owner]) -> Collection[str]:
            return names.intersection(owner.id for owner in owners)

        collector = Collector(self.garbage, self.blobs, self.clock, known, grace)
        return [owner async for owner in collector.collect(dry_run=dry_run)], collector.collected

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.time_us += int(seconds * 1_000_000)


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "postgres":
        async with opened_postgres("artifacts") as postgres:
            yield made(postgres)
        return
    upgrade(tmp_path / "artifacts.db", MIGRATIONS)
    database = open_sqlite(tmp_path / "artifacts.db")
    try:
        yield made(database)
    finally:
        await database.close()


def made(database: Database) -> Store:
    return Store(database, SqlArtifactIndex(database), SqlGarbage(database), MemoryBlobStore(), Clock())


async def test_files_of_runs_that_are_gone_go_and_what_is_shared_stays(store: Store) -> None:
    mine, shared = await store.put(OWNER, "a/mine", "mine"), await store.put(OWNER, "a/shared", "shared")
    await store.put(OWNER, "b/shared", "shared")
    await store.put(OTHER, "shared", "shared")
    pinned = await store.put(OWNER, "model/pinned", "pinned")
    manifest = await store.index.create_manifest(OWNER, ArtifactPath("model"), 1)
    expected = Collected(files=4, file_bytes=4 + 6 + 6 + 6, blobs=1, blob_bytes=4)
    assert await store.collect(OWNER, dry_run=True) == ([OWNER], expected)
    assert set(store.blobs.blobs) == {mine, shared, pinned}
    assert await store.collect(OWNER) == ([OWNER], expected)
    assert set(store.blobs.blobs) == {shared, pinned}
    assert await store.index.files_below(OWNER, None, start="", limit=9) == []
    assert (await store.index.manifest(OWNER.workspace, manifest.digest)).entries == manifest.entries
    assert await store.collect(OWNER) == ([], Collected())


async def test_what_only_doomed_runs_share_is_counted_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackway_server.artifacts.domain.collecting._OWNERS_AT_ONCE", 1)
    for owner in (OWNER, OTHER, ELSEWHERE):
        await store.put(owner, "same", "same")
    told = await store.collect(OWNER, OTHER, dry_run=True)
    assert told == ([OWNER, OTHER, ELSEWHERE], Collected(files=3, file_bytes=12, blobs=1, blob_bytes=4))
    assert await store.collect(OWNER, OTHER) == told
    assert not store.blobs.blobs


async def test_many_files_go_in_batches_and_a_cut_collection_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackway_server.artifacts.domain.collecting._FILES_AT_ONCE", 2)
    for number in range(5):
        await store.put(OWNER, f"f{number}", f"content {number}")
    assert await store.garbage.remove_files(OWNER, 2) == 2  # and there it was killed
    _, collected = await store.collect(OWNER)
    assert (collected.files, collected.blobs) == (3, 5)
    assert not store.blobs.blobs


async def test_deleted_and_replaced_files_let_go_of_their_bytes_after_the_grace(store: Store) -> None:
    await store.put(OWNER, "replaced", "old")
    new = await store.put(OWNER, "replaced", "new")
    await store.put(OWNER, "deleted", "deleted")
    await store.index.delete(OWNER, ArtifactPath("deleted"))
    assert (await store.collect(grace=GRACE_SECONDS))[1] == Collected()
    store.later(GRACE_SECONDS + 1)
    assert (await store.collect(grace=GRACE_SECONDS))[1] == Collected(blobs=2, blob_bytes=10)
    assert set(store.blobs.blobs) == {new}


async def test_bytes_that_are_wanted_again_stay(store: Store) -> None:
    digest = await store.put(OWNER, "file", "text")
    await store.index.delete(OWNER, ArtifactPath("file"))
    await store.collect(grace=GRACE_SECONDS)
    store.later(GRACE_SECONDS + 1)
    await store.index.want(digest, store.clock.now_us())  # an upload whose file is not recorded yet
    assert (await store.collect(grace=GRACE_SECONDS))[1] == Collected()
    await store.put(OTHER, "file", "text")
    store.later(GRACE_SECONDS + 1)
    assert (await store.collect(grace=GRACE_SECONDS))[1] == Collected()
    assert digest in store.blobs.blobs
    assert not await store.database.read(garbage_rows.is_noted, digest)


async def test_an_upload_waits_for_a_removal_and_outlives_one_that_was_cut(store: Store) -> None:
    digest = await store.put(OWNER, "file", "text")
    await store.index.delete(OWNER, ArtifactPath("file"))
    now = store.clock.now_us()
    await store.garbage.see_unused(now, now)
    assert await store.garbage.begin_removal(digest, store.clock.now_us(), store.clock.now_us())
    with pytest.raises(DomainError) as caught:
        await store.put(OTHER, "file", "text")
    assert caught.value.reason is Reason.SERVICE_UNAVAILABLE
    assert (await store.collect(grace=GRACE_SECONDS))[1] == Collected(blobs=1, blob_bytes=4)  # goes on with it
    await store.put(OTHER, "file", "text")
    await store.index.delete(OTHER, ArtifactPath("file"))
    await store.garbage.see_unused(store.clock.now_us(), now)
    assert await store.garbage.begin_removal(digest, store.clock.now_us(), store.clock.now_us())
    store.later(REMOVAL_SECONDS + 1)
    await store.put(OTHER, "file", "text")
    assert not await store.garbage.begin_removal(digest, now, store.clock.now_us())
    assert digest in store.blobs.blobs


async def test_files_of_logged_models_go_with_theirs_alone(store: Store) -> None:
    model = Owner(OWNER.workspace, f"models/m-{OWNER.id}")
    await store.put(OWNER, "file", "of the run")
    kept = await store.put(model, "weights", "weights")
    assert await store.collect(OWNER) == ([OWNER], Collected(files=1, file_bytes=10, blobs=1, blob_bytes=10))
    assert set(store.blobs.blobs) == {kept}
    assert await store.collect(model) == ([model], Collected(files=1, file_bytes=7, blobs=1, blob_bytes=7))
