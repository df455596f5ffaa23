"""Files go up and come down whole, whatever the connection does, and nowhere but where they belong."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.cut_proxy import cut_proxy
from support.scripted_server import KEY, scripted
from trackway import errors
from trackway._rpc import artifacts as artifacts_module
from trackway.aio import AsyncClient
from trackway.api.artifacts.v1 import artifact_store_service_pb2 as pb
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.call import Call

RUN = "0" * 31 + "1"
CHUNK = 1024 * 1024


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Shelf:
    """An artifact store in memory, with faults that a test may set."""

    def __init__(self, **files: bytes) -> None:
        self.files = {name.replace("__", "/"): data for name, data in files.items()}
        self.breaks: list[int] = []
        """The next downloads break off after so many bytes of `data`."""
        self.offsets: list[int] = []
        self.at_once = self.most_at_once = 0

    def handlers(self) -> dict[str, Any]:
        return {"UploadArtifact": self.upload, "DownloadArtifact": self.download, "ListArtifacts": self.listing}

    async def upload(self, requests: AsyncIterator[pb.UploadArtifactRequest], call: Call) -> pb.UploadArtifactResponse:
        path, data, trailer = "", bytearray(), None
        async for request in requests:
            path = request.header.path or path
            data += request.data
            assert len(request.data) <= CHUNK
            trailer = request.trailer if request.HasField("trailer") else trailer
        assert trailer is not None
        if trailer.digest != digest(bytes(data)) or trailer.size_bytes != len(data):
            raise DomainError(Reason.DIGEST_MISMATCH, "Other bytes came.", expected=trailer.digest, actual="")
        self.files[path] = bytes(data)
        return pb.UploadArtifactResponse(artifact=self.artifact(path))

    async def download(
        self, request: pb.DownloadArtifactRequest, call: Call
    ) -> AsyncIterator[pb.DownloadArtifactResponse]:
        if request.path not in self.files:
            raise DomainError(Reason.ARTIFACT_NOT_FOUND, "There is no such artifact.", owner="", path=request.path)
        self.offsets.append(request.offset)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            async for answer in self._bytes(request):
                yield answer
        finally:
            self.at_once -= 1

    async def _bytes(self, request: pb.DownloadArtifactRequest) -> AsyncIterator[pb.DownloadArtifactResponse]:
        data, left = self.files[request.path], self.breaks.pop(0) if self.breaks else None
        yield pb.DownloadArtifactResponse(artifact=self.artifact(request.path))
        for start in range(request.offset, len(data), 1000):
            if left is not None and left <= 0:
                raise DomainError(Reason.SHUTTING_DOWN, "The server stops.")
            yield pb.DownloadArtifactResponse(data=data[start : start + 1000])
            left = None if left is None else left - 1000
            await asyncio.sleep(0)

    async def listing(self, request: pb.ListArtifactsRequest, call: Call) -> pb.ListArtifactsResponse:
        assert request.recursive
        below = f"{request.path}/" if request.path else ""
        found = [path for path in sorted(self.files) if path.startswith(below)]
        entries = [
            {"path": path, "size_bytes": len(self.files[path]), "digest": digest(self.files[path])} for path in found
        ]
        return pb.ListArtifactsResponse(entries=entries)

    def artifact(self, path: str) -> Any:
        data = self.files[path]
        return {"owner": f"runs/{RUN}", "path": path, "digest": digest(data), "size_bytes": len(data)}


def leftovers(folder: Path) -> list[str]:
    return [name for _, _, names in os.walk(folder) for name in names if name.endswith(".part")]


async def test_a_file_goes_up_and_comes_down(tmp_path: Path) -> None:
    data, shelf = os.urandom(2 * CHUNK + 17), Shelf()
    (tmp_path / "weights.bin").write_bytes(data)
    async with scripted(**shelf.handlers()) as (_, client):
        stored = await client.artifacts.upload_file(RUN, tmp_path / "weights.bin", "model/weights.bin")
        assert (stored.path, stored.file_size, stored.digest) == ("model/weights.bin", len(data), digest(data))
        place = await client.artifacts.download(RUN, "model/weights.bin", tmp_path / "down")
    assert place == tmp_path / "down" / "model" / "weights.bin"
    assert place.read_bytes() == data
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1])
async def test_bytes_of_every_size_go_up(size: int) -> None:
    shelf, data = Shelf(), os.urandom(size)
    async with scripted(**shelf.handlers()) as (_, client):
        stored = await client.artifacts.upload_bytes(RUN, data, "x")
    assert (stored.file_size, shelf.files["x"]) == (size, data)


async def test_a_file_goes_under_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "plot.png").write_bytes(b"png")
    shelf = Shelf()
    async with scripted(**shelf.handlers()) as (_, client):
        await client.artifacts.upload_file(RUN, str(tmp_path / "plot.png"))
    assert shelf.files == {"plot.png": b"png"}


async def test_a_folder_goes_up_and_comes_down(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "b" / "c").mkdir(parents=True)
    for name in ("a.txt", "b/d.txt", "b/c/e.txt"):
        (source / name).write_text(name)
    (source / "link.txt").symlink_to(source / "a.txt")
    shelf, seen = Shelf(), []
    async with scripted(**shelf.handlers()) as (_, client):
        stored = await client.artifacts.upload_folder(
            RUN, source, "model", progress=lambda done, total: seen.append((done, total))
        )
        place = await client.artifacts.download(RUN, "model", tmp_path / "down")
    assert [file.path for file in stored] == ["model/a.txt", "model/link.txt", "model/b/d.txt", "model/b/c/e.txt"]
    assert place == tmp_path / "down" / "model"
    assert (place / "b" / "c" / "e.txt").read_text() == "b/c/e.txt"
    assert seen[-1] == (26, 26)


async def test_everything_of_a_run_comes_down(tmp_path: Path) -> None:
    shelf = Shelf(a=b"1", b__c=b"2")
    async with scripted(**shelf.handlers()) as (_, client):
        place = await client.artifacts.download(RUN, dst=tmp_path)
        assert place == tmp_path
        temporary = await client.artifacts.download(RUN)
    assert (tmp_path / "b" / "c").read_bytes() == (temporary / "b" / "c").read_bytes() == b"2"


async def test_local_files_that_are_none_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "folder").symlink_to(tmp_path / "folder")
    async with scripted() as (_, client):
        with pytest.raises(errors.NotFound, match="no file"):
            await client.artifacts.upload_file(RUN, tmp_path / "absent")
        with pytest.raises(errors.InvalidArgument, match="use upload_folder"):
            await client.artifacts.upload_file(RUN, tmp_path / "folder")
        with pytest.raises(errors.InvalidArgument, match="no regular file"):
            await client.artifacts.upload_file(RUN, tmp_path / "pipe")
        with pytest.raises(errors.NotFound, match="no folder"):
            await client.artifacts.upload_folder(RUN, tmp_path / "absent")
        with pytest.raises(errors.InvalidArgument, match="link to a folder"):
            await client.artifacts.upload_folder(RUN, tmp_path / "linked")


async def test_an_upload_is_begun_again_after_a_break(tmp_path: Path) -> None:
    shelf, breaks, seen = Shelf(), iter([True, True]), []

    async def breaking(requests: AsyncIterator[pb.UploadArtifactRequest], call: Call) -> pb.UploadArtifactResponse:
        if next(breaks, False):
            async for request in requests:
                if request.data:
                    raise DomainError(Reason.SHUTTING_DOWN, "The server stops.")
        return await shelf.upload(requests, call)

    async with scripted(**shelf.handlers() | {"UploadArtifact": breaking}) as (_, client):
        await client.artifacts.upload_bytes(RUN, b"x" * 3000, "x", progress=lambda done, total: seen.append(done))
    assert shelf.files == {"x": b"x" * 3000}
    assert seen[-1] == 3000


async def test_a_refused_upload_says_why() -> None:
    async def refuse(requests: AsyncIterator[pb.UploadArtifactRequest], call: Call) -> pb.UploadArtifactResponse:
        async for _ in requests:
            raise DomainError(Reason.STORAGE_FULL, "The disk is full.")
        raise AssertionError

    async with scripted(UploadArtifact=refuse) as (server, client):
        with pytest.raises(errors.ResourceExhausted, match="disk is full"):
            await client.artifacts.upload_bytes(RUN, b"x" * (8 * CHUNK), "x")
    assert len(server.seen) == 1


async def test_a_broken_download_goes_on_where_it_was(tmp_path: Path) -> None:
    data = os.urandom(10_000)
    shelf, seen = Shelf(big=data), []
    shelf.breaks = [3000, 0, 2000]
    async with scripted(**shelf.handlers() | {"ListArtifacts": no_entries}) as (_, client):
        place = await client.artifacts.download(RUN, "big", tmp_path, progress=lambda done, _: seen.append(done))
    assert place.read_bytes() == data
    assert shelf.offsets == [0, 3000, 3000, 5000]
    assert seen[-1] == len(data)
    assert leftovers(tmp_path) == []


async def no_entries(request: Any, call: Call) -> pb.ListArtifactsResponse:
    return pb.ListArtifactsResponse()


async def test_a_download_through_a_connection_that_is_reset(tmp_path: Path) -> None:
    data = os.urandom(4 * CHUNK)
    shelf = Shelf(big=data)
    async with scripted(**shelf.handlers() | {"ListArtifacts": no_entries}) as (server, _):
        async with cut_proxy(server.port) as proxy, AsyncClient(proxy.uri, token=KEY) as client:
            proxy.cut_after = CHUNK
            place = await client.artifacts.download(RUN, "big", tmp_path)
    assert place.read_bytes() == data
    assert proxy.cuts >= 2
    assert shelf.offsets == sorted(shelf.offsets)
    assert shelf.offsets[-1] > 0


async def test_a_download_that_gets_nowhere_is_given_up(tmp_path: Path) -> None:
    shelf = Shelf(big=b"x" * 5000)
    shelf.breaks = [0] * 100
    async with scripted(**shelf.handlers() | {"ListArtifacts": no_entries}) as (_, client):
        with pytest.raises(errors.Unavailable):
            await client.artifacts.download(RUN, "big", tmp_path)
    assert os.listdir(tmp_path) == []


async def test_a_file_that_is_replaced_meanwhile_is_fetched_anew(tmp_path: Path) -> None:
    shelf = Shelf(big=b"old" * 2000)
    shelf.breaks = [3000]

    async def break_then_replace(request: Any, call: Call) -> AsyncIterator[Any]:
        try:
            async for answer in shelf.download(request, call):
                yield answer
        except DomainError:
            shelf.files["big"] = b"new" * 2500
            raise

    async with scripted(DownloadArtifact=break_then_replace, ListArtifacts=no_entries) as (_, client):
        place = await client.artifacts.download(RUN, "big", tmp_path)
    assert place.read_bytes() == b"new" * 2500
    assert shelf.offsets == [0, 3000, 0]


async def lies(artifact: dict[str, Any], *parts: bytes) -> Any:
    async def download(request: Any, call: Call) -> AsyncIterator[pb.DownloadArtifactResponse]:
        if artifact:
            yield pb.DownloadArtifactResponse(artifact=artifact)
        for part in parts:
            yield pb.DownloadArtifactResponse(data=part)

    return download


@pytest.mark.parametrize(
    ("artifact", "parts"),
    [
        ({"digest": digest(b"good"), "size_bytes": 4}, [b"evil"]),
        ({"digest": digest(b"good"), "size_bytes": 4}, [b"go"]),
        ({"digest": digest(b"good"), "size_bytes": 4}, [b"good", b"x" * 10_000]),
        ({"digest": digest(b"good"), "size_bytes": 4}, []),
        ({"digest": "", "size_bytes": 4}, [b"good"]),
        ({}, [b"good"]),
        ({}, []),
    ],
)
async def test_other_bytes_than_promised_are_data_loss(tmp_path: Path, artifact: Any, parts: list[bytes]) -> None:
    (tmp_path / "x").write_bytes(b"before")
    async with scripted(DownloadArtifact=await lies(artifact, *parts), ListArtifacts=no_entries) as (_, client):
        with pytest.raises(errors.DataLoss, match="download it again"):
            await client.artifacts.download(RUN, "x", tmp_path)
    assert (tmp_path / "x").read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("path", ["../evil", "/etc/evil", "a/../../evil", "..\\evil", "a//b", "evil\x00", "C:evil"])
@pytest.mark.parametrize("asked", ["", "a"])
async def test_a_hostile_listing_writes_nothing(tmp_path: Path, path: str, asked: str) -> None:
    async def hostile(request: Any, call: Call) -> pb.ListArtifactsResponse:
        return pb.ListArtifactsResponse(entries=[{"path": path, "size_bytes": 1, "digest": digest(b"x")}])

    inner = tmp_path / "inner"
    async with scripted(ListArtifacts=hostile, DownloadArtifact=await lies({}, b"x")) as (server, client):
        with pytest.raises((errors.InvalidArgument, errors.DataLoss)):
            await client.artifacts.download(RUN, asked, inner)
    assert server.calls("DownloadArtifact") == []
    assert [name for _, _, names in os.walk(tmp_path) for name in names] == []


async def test_a_hostile_manifest_writes_nothing(tmp_path: Path) -> None:
    line = f"{digest(b'x')} 1 ../evil\n"
    wanted = digest(line.encode())

    async def hostile(request: Any, call: Call) -> pb.GetManifestResponse:
        entry = {"path": "../evil", "digest": digest(b"x"), "size_bytes": 1}
        return pb.GetManifestResponse(manifest={"digest": wanted, "entries": [entry]})

    async with scripted(GetManifest=hostile) as (_, client):
        with pytest.raises(errors.InvalidArgument):
            await client.artifacts.download_manifest(wanted, tmp_path / "inner")
    assert not (tmp_path / "evil").exists()


async def test_a_link_in_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "down").mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "down" / "x").symlink_to(tmp_path / "secret")
    shelf = Shelf(x=b"new")
    async with scripted(**shelf.handlers()) as (_, client):
        await client.artifacts.download(RUN, dst=tmp_path / "down")
    assert (tmp_path / "secret").read_bytes() == b"secret"
    assert (tmp_path / "down" / "x").read_bytes() == b"new"
    assert not (tmp_path / "down" / "x").is_symlink()


async def test_what_is_there_already_is_not_fetched_again(tmp_path: Path) -> None:
    shelf, seen = Shelf(m__a=b"same", m__b=b"other"), []
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "a").write_bytes(b"same")
    (tmp_path / "m" / "b").write_bytes(b"stale")
    async with scripted(**shelf.handlers()) as (server, client):
        await client.artifacts.download(RUN, "m", tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert [request.path for request in server.calls("DownloadArtifact")] == ["m/b"]
    assert (tmp_path / "m" / "b").read_bytes() == b"other"
    assert seen[-1] == (9, 9)


async def test_a_few_files_are_on_their_way_at_once(tmp_path: Path) -> None:
    shelf = Shelf(**{f"f{number}": os.urandom(5000) for number in range(20)})
    async with scripted(**shelf.handlers()) as (_, client):
        await client.artifacts.download(RUN, dst=tmp_path)
    assert 1 < shelf.most_at_once <= artifacts_module.TRANSFERS
    assert len(os.listdir(tmp_path)) == 20


async def test_the_first_failure_ends_a_folder_and_is_raised_itself(tmp_path: Path) -> None:
    shelf = Shelf(**{f"f{number}": b"x" for number in range(20)})

    async def gone(request: Any, call: Call) -> AsyncIterator[Any]:
        raise DomainError(Reason.ARTIFACT_NOT_FOUND, "It is gone.", owner="", path=request.path)
        yield

    async with scripted(**shelf.handlers() | {"DownloadArtifact": gone}) as (_, client):
        with pytest.raises(errors.NotFound, match="It is gone"):
            await client.artifacts.download(RUN, dst=tmp_path)
    assert os.listdir(tmp_path) == []


async def test_a_callback_that_raises_ends_the_transfer(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyError("enough")

    shelf = Shelf(a=b"1" * 5000, b=b"2")
    async with scripted(**shelf.handlers()) as (_, client):
        with pytest.raises(KeyError, match="enough"):
            await client.artifacts.download(RUN, dst=tmp_path, progress=stop)
        with pytest.raises(KeyError, match="enough"):
            await client.artifacts.upload_bytes(RUN, b"x", "x", progress=stop)
    assert leftovers(tmp_path) == []


async def test_a_cancelled_download_leaves_nothing(tmp_path: Path) -> None:
    reached = asyncio.Event()

    async def endless(request: Any, call: Call) -> AsyncIterator[Any]:
        yield pb.DownloadArtifactResponse(artifact={"digest": digest(b"x"), "size_bytes": 10_000})
        yield pb.DownloadArtifactResponse(data=b"x")
        reached.set()
        await asyncio.Event().wait()

    async with scripted(DownloadArtifact=endless, ListArtifacts=no_entries) as (_, client):
        download = asyncio.ensure_future(client.artifacts.download(RUN, "x", tmp_path))
        await reached.wait()
        download.cancel()
        with pytest.raises(asyncio.CancelledError):
            await download
    assert leftovers(tmp_path) == []


async def test_an_absent_artifact_is_not_found(tmp_path: Path) -> None:
    async with scripted(**Shelf().handlers()) as (_, client):
        with pytest.raises(errors.NotFound, match="no such artifact"):
            await client.artifacts.download(RUN, "absent", tmp_path)
    assert leftovers(tmp_path) == []
