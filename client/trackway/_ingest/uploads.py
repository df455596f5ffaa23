"""Uploading the snapshots of files in a spool to the ArtifactStore."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

from trackway import errors
from trackway._ingest.meta import Meta
from trackway._ingest.server import Server
from trackway._ingest.spool import waiting_artifacts

CONCURRENCY = 4
_FINAL = (errors.InvalidArgument, errors.FailedPrecondition, errors.NotFound, errors.AlreadyExists)


class Uploads:
    """Uploads the files of one spool, in the order they were logged where two have one path."""

    def __init__(self, directory: Path, meta: Meta, server: Server) -> None:
        self._directory = directory
        self._meta = meta
        self._server = server
        self._lock = asyncio.Lock()

    async def run_waiting(self) -> int:
        """Upload all that is there, and answer how many files the server refused for good.

        Raises TrackwayError where the server cannot be reached; the rest then waits.

        A refused file is set aside under `artifacts/*.refused` and noted in `refused.jsonl`.
        """
        refused = 0
        async with self._lock:
            while numbers := waiting_artifacts(os.fspath(self._directory)):
                async with asyncio.TaskGroup() as tasks:
                    chosen = self._first_of_each_path(numbers)
                    done = [tasks.create_task(self._upload(number, path)) for number, path in chosen]
                refused += sum(not task.result() for task in done)
        return refused

    def _first_of_each_path(self, numbers: list[str]) -> list[tuple[str, str]]:
        chosen: dict[str, str] = {}
        for number in numbers:
            path = json.loads((self._directory / "artifacts" / f"{number}.json").read_bytes())["path"]
            if path in chosen or len(chosen) == CONCURRENCY:
                break
            chosen[path] = number
        return [(number, path) for path, number in chosen.items()]

    async def _upload(self, number: str, path: str) -> bool:
        stem = self._directory / "artifacts" / number
        try:
            await self._server.client.artifacts.upload_file(self._meta.run_id, stem.with_suffix(".data"), path)
        except _FINAL as error:
            self._refuse(stem, path, error)
            return False
        stem.with_suffix(".json").unlink()
        stem.with_suffix(".data").unlink()
        return True

    def _refuse(self, stem: Path, path: str, error: errors.TrackwayError) -> None:
        line = {"sequence": -1, "reason": error.reason or "", "message": f"the file {path!r} was refused: {error}"}
        with (self._directory / "refused.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        stem.with_suffix(".json").rename(stem.with_suffix(".refused"))
