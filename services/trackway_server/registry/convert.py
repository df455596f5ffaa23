"""Messages into values and back."""

from __future__ import annotations

from typing import Protocol

from trackway.api.artifacts.v1 import resources_pb2 as artifacts_pb
from trackway.api.registry.v1 import model_registry_service_pb2 as pb
from trackway.api.registry.v1 import resources_pb2
from trackway_server.core.rpc.call import Call
from trackway_server.metrics.domain.records import WriterCursor
from trackway_server.registry.domain.events import Event, EventFilter, Position
from trackway_server.registry.domain.manifest import Manifest
from trackway_server.registry.domain.model import (
    Change,
    ModelDraft,
    ModelKey,
    ModelVersion,
    RegisteredModel,
    Resolved,
    Transition,
    VersionDraft,
    VersionKey,
)
from trackway_server.registry.domain.pages import DEFAULT_PAGE_SIZE
from trackway_server.registry.domain.resolve import Selector
from trackway_server.registry.domain.stages import parse_stage


class _NamesModel(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def workspace(self) -> str: ...


class _NamesVersion(_NamesModel, Protocol):
    @property
    def version(self) -> int: ...


class _FiltersEvents(Protocol):
    @property
    def model_name(self) -> str: ...
    @property
    def workspace(self) -> str: ...


def workspace_of(name: str, call: Call) -> str:
    """The workspace a request names, `default` where none; one in which the caller has no role is not found."""
    return call.workspace(name)


def model_key(request: _NamesModel, call: Call) -> ModelKey:
    """The model a request names; whether the caller may reach it is for `Registry.admit` to say."""
    return ModelKey(call.named_workspace(request.workspace), request.name)


def version_key(request: _NamesVersion, call: Call) -> VersionKey:
    """The version a request names."""
    return VersionKey(model_key(request, call), request.version)


def model_draft(request: pb.CreateModelRequest, call: Call) -> ModelDraft:
    """The model a request describes."""
    key = ModelKey(workspace_of(request.workspace, call), request.name)
    return ModelDraft(key, request.description, dict(request.tags))


def version_draft(request: pb.CreateVersionRequest, call: Call) -> VersionDraft:
    """The version a request describes."""
    key = model_key(request, call)
    return VersionDraft(
        key,
        request.source,
        request.description,
        dict(request.tags),
        request.request_id,
        run_id=request.run_id,
        run_link=request.run_link,
        model_id=request.model_id,
        files_optional=request.files_optional,
    )


def transition(request: pb.TransitionStageRequest, call: Call) -> Transition:
    """The transition a request asks for. Raises DomainError(STAGE_INVALID)."""
    stage = parse_stage(request.stage)
    return Transition(version_key(request, call), stage, request.archive_existing_versions, request.etag)


def expected_version(request: pb.SetAliasRequest | pb.DeleteAliasRequest) -> int | None:
    """Where an alias must point now; None where the request does not say."""
    return request.expected_version if request.HasField("expected_version") else None


def selector(request: pb.ResolveRequest) -> Selector:
    """How a request names the version to resolve."""
    return Selector(request.version, request.stage, request.alias)


def event_filter(request: _FiltersEvents, call: Call) -> EventFilter:
    """The events a request chooses; `Registry.confined` keeps to what the caller reaches."""
    return EventFilter(call.named_workspace(request.workspace), request.model_name)


def page_size(given: int) -> int:
    """The page size a request asks for; 0 is the default."""
    return given or DEFAULT_PAGE_SIZE


def change(call: Call, now_us: int, reason: str = "") -> Change:
    """Who changes something in this call, why and when."""
    return Change(call.principal.name, reason, now_us)


def model_message(model: RegisteredModel) -> resources_pb2.RegisteredModel:
    """A registered model."""
    return resources_pb2.RegisteredModel(
        name=model.key.name,
        workspace=model.key.workspace,
        description=model.description,
        create_time_us=model.create_time_us,
        update_time_us=model.update_time_us,
        tags=model.tags,
        aliases=model.aliases,
        latest_versions=map(version_message, model.latest_versions),
        etag=model.etag,
    )


def version_message(version: ModelVersion) -> resources_pb2.ModelVersion:
    """A version."""
    return resources_pb2.ModelVersion(
        name=version.key.model.name,
        version=version.key.number,
        workspace=version.key.model.workspace,
        source=version.source,
        run_id=version.run_id,
        manifest_digest=version.manifest_digest,
        size_bytes=version.size_bytes,
        stage=version.stage.value,
        description=version.description,
        create_time_us=version.create_time_us,
        update_time_us=version.update_time_us,
        user=version.user,
        tags=version.tags,
        aliases=version.aliases,
        etag=version.etag,
        run_link=version.run_link,
        model_id=version.model_id,
        location=version.location,
    )


def resolved_message(resolved: Resolved) -> pb.ResolveResponse:
    """A version and its files."""
    return pb.ResolveResponse(version=version_message(resolved.version), manifest=manifest_message(resolved.manifest))


def manifest_message(manifest: Manifest) -> artifacts_pb.Manifest:
    """The files of a version."""
    return artifacts_pb.Manifest(
        digest=manifest.digest,
        size_bytes=manifest.size_bytes,
        entries=[
            artifacts_pb.ManifestEntry(path=entry.path, digest=entry.digest, size_bytes=entry.size_bytes)
            for entry in manifest.entries
        ],
    )


def event_message(event: Event) -> resources_pb2.Event:
    """An event."""
    return resources_pb2.Event(
        event_id=event.position.event_id,
        resume_token=event.position.token,
        kind=resources_pb2.EventKind.Name(event.kind.value),
        time_us=event.change.time_us,
        actor=event.change.actor,
        reason=event.change.reason,
        workspace=event.model.workspace,
        model_name=event.model.name,
        version=event.version,
        details=event.details,
    )


def watch_message(item: Event | Position) -> pb.WatchResponse:
    """An event, or a position as a bookmark."""
    match item:
        case Event():
            return pb.WatchResponse(event=event_message(item), resume_token=item.position.token)
        case Position():
            return pb.WatchResponse(resume_token=item.token)


def version_writer_message(cursor: WriterCursor) -> pb.VersionWriter:
    """A process that wrote metrics of a version."""
    return pb.VersionWriter(
        writer_id=cursor.writer_id,
        labels=cursor.labels,
        durable_sequence=cursor.durable_sequence,
        last_heard_time_us=cursor.last_heard_us,
    )
