"""Making the logged models of a spool at the server, each with its files.

Every step may be repeated: the id is the training process's, files replace themselves, and a state that is set again is
the same. So a sender that is killed in the middle is followed by one that begins the model anew and ends with the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackway import errors
from trackway._ingest.model_draft import snapshot_name
from trackway._rpc.parallel import in_parallel

if TYPE_CHECKING:
    from trackway.aio import AsyncClient

FINAL = (errors.InvalidArgument, errors.FailedPrecondition, errors.NotFound, errors.AlreadyExists)
"""What a server will answer again to the same request."""
CONCURRENCY = 4


class ModelUpload:
    """One note of a `ModelDraft`, sent to the server of its run."""

    def __init__(self, client: AsyncClient, run_id: str, stem: Path, note: Mapping[str, Any]) -> None:
        self._client = client
        self._run_id = run_id
        self._model: Mapping[str, Any] = note["model"]
        self._files = [(Path(snapshot_name(str(stem), at)), path) for at, path in enumerate(note["paths"])]
        self._run_folder: str = note["folder"]

    async def send(self) -> list[str]:
        """Make the model READY, with its files, and store them in the run as well where that was asked for.

        Answers what the server refused for good, a sentence each. Raises TrackwayError where it is to be tried again.
        """
        problems = [await self._made()]
        if self._run_folder:
            problems.append(await self._stored_in_run())
        return [problem for problem in problems if problem]

    def remove(self) -> None:
        """Remove the snapshots."""
        for local, _ in self._files:
            local.unlink(missing_ok=True)

    async def _made(self) -> str:
        models, model = self._client.logged_models, self._model
        try:
            run = await self._client.tracking.get_run(self._run_id)
            await models.create(run.info.experiment_id, source_run_id=self._run_id, **model)
        except FINAL as error:
            return f"the logged model {model['name']!r} was refused: {error}"
        try:
            await self._store(model["model_id"], "")
            await models.finalize(model["model_id"], "READY")
        except FINAL as error:
            await self._note_failure(str(error))
            return f"the files of the logged model {model['name']!r} were refused: {error}"
        return ""

    async def _note_failure(self, message: str) -> None:
        try:
            await self._client.logged_models.finalize(self._model["model_id"], "UPLOAD_FAILED", message=message)
        except FINAL:
            return  # it was deleted meanwhile: nobody asks for its state any more

    async def _stored_in_run(self) -> str:
        try:
            await self._store(self._run_id, f"{self._run_folder}/")
        except FINAL as error:
            return f"the folder {self._run_folder!r} of the run was refused: {error}"
        return ""

    async def _store(self, owner: str, prefix: str) -> None:
        async def one(file: tuple[Path, str]) -> object:
            local, path = file
            return await self._client.artifacts.upload_file(owner, local, f"{prefix}{path}")

        await in_parallel(self._files, one, limit=CONCURRENCY)
