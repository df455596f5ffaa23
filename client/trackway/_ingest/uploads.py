"""Uploading the snapshots of files in a spool to the ArtifactStore, and making its logged models."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from trackway._ingest.meta import Meta
from trackway._ingest.models import CONCURRENCY, FINAL, ModelUpload
from trackway._ingest.server import Server
from trackway._ingest.spool import waiting_artifacts


class Uploads:
    """Uploads the files of one spool, in the order they were logged where two have one path."""

    def __init__(self, directory: Path, meta: Meta, server: Server) -> None:
        self._directory = directory
        self._meta = meta
        self._server = server
        self._lock = asyncio.Lock()

    async def run_waiting(self) -> int:
        """Upload all that is there, and answer how many files and models the server refused for good.

        Raises TrackwayError where the server cannot be reached; the rest then waits.

        A refused file is set aside under `artifacts/*.refused` and noted in `refused.jsonl`.
        """
        refused = 0
        async with self._lock:
            while numbers := waiting_artifacts(os.fspath(self._directory)):
                first = self._note(numbers[0])
                if "model" in first:  # alone, for its files are files of the run, too
                    refused += not await self._make(numbers[0], first)
                    continue
                async with asyncio.TaskGroup() as tasks:
                    chosen = self._first_of_each_path(numbers)
                    done = [tasks.create_task(self._upload(number, path)) for number, path in chosen]
                refused += sum(not task.result() for task in done)
        return refused

    def _note(self, number: str) -> dict[str, Any]:
        note: dict[str, Any] = json.loads((self._directory / "artifacts" / f"{number}.json").read_bytes())
        return note

    def _first_of_each_path(self, numbers: list[str]) -> list[tuple[str, str]]:
        chosen: dict[str, str] = {}
        for number in numbers:
            path = self._note(number).get("path")
            if path is None or path in chosen or len(chosen) == CONCURRENCY:
                break
            chosen[path] = number
        return [(number, path) for path, number in chosen.items()]

    async def _upload(self, number: str, path: str) -> bool:
        stem = self._directory / "artifacts" / number
        try:
            await self._server.client.artifacts.upload_file(self._meta.run_id, stem.with_suffix(".data"), path)
        except FINAL as error:
            self._refuse(stem, error.reason, f"the file {path!r} was refused: {error}")
            return False
        stem.with_suffix(".json").unlink()
        stem.with_suffix(".data").unlink()
        return True

    async def _make(self, number: str, note: dict[str, Any]) -> bool:
        stem = self._directory / "artifacts" / number
        model = ModelUpload(self._server.client, self._meta.run_id, stem, note)
        if problems := await model.send():
            self._refuse(stem, None, "; ".join(problems))
            return False
        stem.with_suffix(".json").unlink()
        model.remove()
        return True

    def _refuse(self, stem: Path, reason: str | None, message: str) -> None:
        line = {"sequence": -1, "reason": reason or "", "message": message}
        with (self._directory / "refused.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        stem.with_suffix(".json").rename(stem.with_suffix(".refused"))
