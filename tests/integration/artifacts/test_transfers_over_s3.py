"""What is S3's own in the artifact store: damage there, a server that is away, a start that cannot be."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import pytest

from support.artifact_serving import MIB, Client, data_of, download, header, refusal_of, serve_artifacts, trailer
from support.blob_content import content
from support.seaweed import ACCESS_KEY, BUCKET, SECRET_KEY, Seaweed, keys_below, new_prefix, s3_client

over_s3 = pytest.mark.parametrize("client", ["s3"], indirect=True)


@over_s3
async def test_damage_in_the_bucket_is_told(client: Client, seaweed: Seaweed) -> None:
    artifact = await client.upload("a", content(5 * MIB))
    async with s3_client(seaweed.endpoint) as s3:
        (key,) = await keys_below(s3, urlsplit(client.blob_url).path.strip("/"))
        assert key.endswith(artifact.digest.removeprefix("sha256:")[2:])
        await s3.put_object(Bucket=BUCKET, Key=key, Body=content(5 * MIB, seed=1))
    refusal = await refusal_of(client.download("a"))
    assert refusal.code is grpc.StatusCode.DATA_LOSS
    assert (refusal.reason, refusal.metadata) == ("BLOB_CORRUPT", {"digest": artifact.digest})


@over_s3
async def test_transfers_stall_and_go_on_while_s3_is_gone_for_a_while(client: Client, seaweed: Seaweed) -> None:
    data = content(24 * MIB)
    await client.upload("down", data)
    answers = aiter(client.stub.DownloadArtifact(download("down")))
    received = [await anext(answers), await anext(answers)]
    messages = [header("up"), *data_of(data), trailer(data)]
    with seaweed.stopped():
        uploading = asyncio.create_task(client.send(messages))
        await asyncio.sleep(1)
        assert not uploading.done()
        assert await client.list() == ["down"]
    received += [answer async for answer in answers]
    assert b"".join(answer.data for answer in received) == data
    await uploading
    assert await client.download("up") == data


async def test_a_store_that_stays_away_is_unavailable_and_nothing_is_half_done(
    seaweed: Seaweed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_keys(monkeypatch)
    monkeypatch.setenv("TRACKWAY_S3_PATIENCE_S", "0.3")
    async with serve_artifacts(tmp_path, blob_url=seaweed.blob_url(new_prefix())) as client:
        await client.upload("a", b"kept")
        seaweed.kill()
        try:
            for call in (client.upload("b", b"small"), client.upload("c", content(9 * MIB)), client.download("a")):
                refusal = await refusal_of(call)
                assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "SERVICE_UNAVAILABLE")
                assert refusal.metadata == {"service": "blob store"}
                assert refusal.retry_after > 0
                assert "127.0.0.1" not in refusal.message
            assert await client.list() == ["a"]
        finally:
            await asyncio.to_thread(seaweed.start)
    monkeypatch.delenv("TRACKWAY_S3_PATIENCE_S")


def use_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_S3_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("TRACKWAY_S3_SECRET_ACCESS_KEY", SECRET_KEY)


def start(tmp_path: Path, blob_url: str, secret: str = SECRET_KEY) -> subprocess.CompletedProcess[str]:
    """`trackway server`, which shall not start."""
    environment = os.environ | {
        "TRACKWAY_BLOB_URL": blob_url,
        "TRACKWAY_S3_ACCESS_KEY_ID": ACCESS_KEY,
        "TRACKWAY_S3_SECRET_ACCESS_KEY": secret,
    }
    command = [sys.executable, "-m", "trackway_server", "--http-port", "0", "--grpc-port", "0"]
    return subprocess.run(
        [*command, "--data-dir", str(tmp_path / "data")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_a_server_whose_bucket_is_missing_or_closed_does_not_start(seaweed: Seaweed, tmp_path: Path) -> None:
    for url, secret, said in (
        (seaweed.blob_url(bucket="missing"), SECRET_KEY, "there is no such bucket; create it"),
        (seaweed.blob_url(), "hush-hush", "it refuses the credentials (SignatureDoesNotMatch)"),
    ):
        ended = await asyncio.to_thread(start, tmp_path, url, secret)
        assert ended.returncode == 2
        (line,) = [line for line in ended.stderr.splitlines() if line.startswith("trackway server: ")]
        assert said in line
        assert "hush" not in ended.stderr + ended.stdout
        assert "Traceback" not in ended.stderr


async def test_without_a_blob_url_nothing_of_s3_is_loaded(tmp_path: Path) -> None:
    code = """
import asyncio, pathlib, sys
from trackway_server.artifacts.config import ArtifactsSettings
from trackway_server.artifacts.module import open_module
from trackway_server.core.clock import SystemClock
async def main():
    async with open_module(ArtifactsSettings(data_dir=pathlib.Path(sys.argv[1])), SystemClock()):
        print([name for name in sys.modules if name.startswith(("aiobotocore", "botocore", "aiohttp", "stamina"))])
asyncio.run(main())
"""
    ended = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[-1] == "[]"
