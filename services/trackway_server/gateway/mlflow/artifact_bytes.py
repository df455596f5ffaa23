"""The ASGI application that answers where MLflow's clients send and fetch the bytes of artifacts."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from trackway.api.artifacts.v1 import artifact_store_service_pb2 as pb
from trackway.api.registry.v1.model_registry_service_pb2 import GetVersionRequest
from trackway_server.core.correlation import Headers as Metadata
from trackway_server.gateway.bodies import EncodingUnknownError
from trackway_server.gateway.callers import Caller, Callers
from trackway_server.gateway.channels import Channels
from trackway_server.gateway.config import GatewaySettings
from trackway_server.gateway.mlflow import artifacts
from trackway_server.gateway.mlflow.artifact_owners import (
    Kept,
    Pinned,
    kept_at,
    kept_of_model,
    kept_of_run,
    readable_at,
)
from trackway_server.gateway.mlflow.artifact_paths import safe_path
from trackway_server.gateway.mlflow.artifact_transfers import Stored, opened, replaced, store
from trackway_server.gateway.mlflow.endpoint import REFUSALS, json_answer, query_of, refusal_answer
from trackway_server.gateway.mlflow.errors import invalid
from trackway_server.gateway.mlflow.file_answers import Part, headers_of, part_of
from trackway_server.gateway.mlflow.incoming_bodies import IncomingBody, too_large
from trackway_server.gateway.mlflow.parameters import Parameters
from trackway_server.gateway.mlflow.session import Session
from trackway_server.gateway.patience import await_body
from trackway_server.gateway.places import Places
from trackway_server.gateway.waiting import Presence, presence

OF_RUN, OF_VERSION = "/get-artifact", "/model-versions/get-artifact"
FROM_PAGES = "/ajax-api/2.0/mlflow/upload-artifact"
OF_MODEL = "/ajax-api/2.0/mlflow/logged-models/"
OF_MODEL_END = "/artifacts/files"
FROM_PAGES_BYTES = 10 << 20
"""What MLflow's server takes there."""

ToFetch = Callable[[Session], Coroutine[Any, Any, pb.DownloadArtifactRequest]]
ToStore = Callable[[Session], Coroutine[Any, Any, Kept]]


@dataclass(frozen=True, slots=True)
class _Route:
    path: str


class ArtifactBytes:
    """Answers PUT and GET of `/artifacts/PATH` below the prefixes of MLflow's artifact proxy, and what else is bytes;
    the rest is for `others`, by what a path begins with: the first counts.
    """

    def __init__(
        self, channels: Channels, callers: Callers, settings: GatewaySettings, others: Mapping[str, ASGIApp]
    ) -> None:
        self._channels = channels
        self._callers = callers
        self._settings = settings
        self._others = others
        self._places = Places(settings.max_transfers, settings.rpc_timeout_s, "transfers")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        place, model_id = _below_artifacts(path), _model_in(path)
        if place and method == "PUT":
            await self._upload(scope, receive, send, lambda session: kept_at(session, place))
        elif place and method in {"GET", "HEAD"}:
            await self._download(scope, receive, send, lambda session: _file_at(session, place))
        elif model_id and method in {"GET", "HEAD"}:
            await self._download(scope, receive, send, lambda session: _file_of_model(session, model_id))
        elif path == FROM_PAGES and method == "POST":
            await self._upload(scope, receive, send, _named_by_query, FROM_PAGES_BYTES)
        elif path == OF_RUN and method in {"GET", "HEAD"}:
            await self._download(scope, receive, send, _file_of_run)
        elif path == OF_VERSION and method in {"GET", "HEAD"}:
            await self._download(scope, receive, send, _file_of_version)
        elif path in {FROM_PAGES, OF_RUN, OF_VERSION}:
            await Response(status_code=405)(scope, receive, send)
        else:
            other = next(app for prefix, app in self._others.items() if path.startswith(prefix))
            await other(scope, receive, send)

    async def _upload(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        chosen: ToStore,
        most_bytes: int | None = None,
    ) -> None:
        most = min(most_bytes or self._settings.max_upload_bytes, self._settings.max_upload_bytes)
        await_body(scope, most)
        scope["route"] = _Route(_route_of(scope["path"]))
        try:
            await self._stored(scope, receive, chosen, most)
            answer = json_answer(200, {})
        except REFUSALS as error:
            answer = refusal_answer(error)
        await answer(scope, receive, send)

    async def _stored(self, scope: Scope, receive: Receive, chosen: ToStore, most: int) -> None:
        headers = Headers(scope=scope)
        if headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise EncodingUnknownError
        announced = headers.get("content-length")
        if announced is not None and int(announced) > most:
            raise too_large(most)
        caller = await self._callers.of(scope, headers.get("authorization"))
        session = self._session(scope, caller)
        async with self._noting(caller):
            kept = await chosen(session)
            if not kept.path:
                raise invalid("Name a file below the artifacts of the run.")
            async with self._places.one():
                body = IncomingBody(receive, most, self._settings.request_s)
                await store(self._channels, caller.metadata, kept, body.pieces())

    async def _download(self, scope: Scope, receive: Receive, send: Send, chosen: ToFetch) -> None:
        scope["route"] = _Route(_route_of(scope["path"]))
        writer = _Writer(scope, send)
        try:
            headers = Headers(scope=scope)
            caller = await self._callers.of(scope, headers.get("authorization"))
            async with self._noting(caller), presence(receive) as client:
                request = await client.during(chosen(self._session(scope, caller)))

                async def authorized() -> Metadata:
                    return (await self._callers.of(scope, headers.get("authorization"))).metadata

                async with self._places.one():
                    async with opened(self._channels, authorized, request) as stored:
                        part = part_of(headers, stored.artifact)
                        if not part.first:
                            await writer.answer(stored, part, client)
                            return
                    request.offset = part.first
                    async with opened(self._channels, authorized, request) as behind:
                        if behind.artifact.digest != stored.artifact.digest:
                            raise replaced()
                        await writer.answer(behind, part, client)
        except REFUSALS as error:
            if not writer.begun:
                await refusal_answer(error)(scope, receive, send)
            # Else the connection is closed before the length that was announced: the client knows.

    def _session(self, scope: Scope, caller: Caller) -> Session:
        workspace = Headers(scope=scope).get("x-mlflow-workspace", "")
        return Session(
            Parameters(query_of(scope)),
            self._channels,
            caller.metadata,
            caller.presented or "",
            workspace,
            self._settings.rpc_timeout_s,
        )

    @asynccontextmanager
    async def _noting(self, caller: Caller) -> AsyncIterator[None]:
        try:
            yield
        except grpc.aio.AioRpcError as error:
            self._callers.note(caller, error, guessed=False)
            raise


class _Writer:
    """Writes one file."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._head_only = scope["method"] == "HEAD"
        self._send = send
        self.begun = False

    async def answer(self, stored: Stored, part: Part, client: Presence) -> None:
        """Send the part, as fast as the client takes it. What breaks off leaves the answer without its end."""
        head = headers_of(stored.artifact, part)
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in head.items()]
        self.begun = True
        await self._send({"type": "http.response.start", "status": part.status, "headers": headers})
        left = 0 if self._head_only else part.size_bytes
        while left:
            piece = await client.during(_next(stored.pieces))
            if not piece:
                return
            left -= len(piece)
            body = piece if left >= 0 else piece[:left]
            await self._send({"type": "http.response.body", "body": body, "more_body": left > 0})
            left = max(left, 0)
        if not part.size_bytes or self._head_only:
            await self._send({"type": "http.response.body", "body": b""})


async def _next(pieces: AsyncGenerator[bytes, None]) -> bytes:
    return await anext(pieces, b"")


async def _file_at(session: Session, place: str) -> pb.DownloadArtifactRequest:
    return _request(await readable_at(session, place))


async def _file_of_run(session: Session) -> pb.DownloadArtifactRequest:
    asked = session.parameters
    return _request(await kept_of_run(session, asked.run_id(), asked.text("path")))


async def _file_of_version(session: Session) -> pb.DownloadArtifactRequest:
    asked = session.parameters
    path = safe_path(asked.text("path"))
    request = GetVersionRequest(name=asked.text("name"), version=asked.whole("version"), workspace=session.workspace)
    version = (await session.registry("GetVersion", request)).version
    return pb.DownloadArtifactRequest(manifest_digest=version.manifest_digest, path=path, workspace=version.workspace)


async def _file_of_model(session: Session, model_id: str) -> pb.DownloadArtifactRequest:
    return _request(await kept_of_model(session, model_id, session.parameters.text("artifact_file_path")))


async def _named_by_query(session: Session) -> Kept:
    asked = session.parameters
    return await kept_of_run(session, asked.run_id(), asked.text("path"))


def _request(found: Kept | Pinned) -> pb.DownloadArtifactRequest:
    if not found.path:
        raise invalid("Name a file below the artifacts of the run: this is a directory.")
    return pb.DownloadArtifactRequest(
        owner=found.owner, manifest_digest=found.manifest_digest, path=found.path, workspace=found.workspace
    )


def _below_artifacts(path: str) -> str:
    prefixes = (f"{prefix}/artifacts/" for prefix in artifacts.PREFIXES)
    return next((path.removeprefix(prefix) for prefix in prefixes if path.startswith(prefix)), "")


def _model_in(path: str) -> str:
    found = path.removeprefix(OF_MODEL).removesuffix(OF_MODEL_END)
    return found if path == OF_MODEL + found + OF_MODEL_END and "/" not in found else ""


def _route_of(path: str) -> str:
    """As spans name it."""
    if _model_in(path):
        return f"{OF_MODEL}{{model_id}}{OF_MODEL_END}"
    return f"{artifacts.PREFIXES[0]}/artifacts/{{path}}" if _below_artifacts(path) else path
