"""Registered models, their versions, stages, aliases and events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from trackway import errors, model_uri, types
from trackway._fluent.monitor import VersionMonitor
from trackway._ids import new_id
from trackway._rpc import convert, series
from trackway._rpc.arguments import names, texts
from trackway._rpc.connection import Connection
from trackway._rpc.digests import verify_manifest
from trackway._rpc.paging import Pages
from trackway._rpc.watch import Watch
from trackway._rpc.webhooks import AsyncWebhooks
from trackway.api.registry.v1 import model_registry_service_pb2 as pb
from trackway.api.registry.v1.model_registry_service_pb2_grpc import ModelRegistryServiceStub

_CREATE_VERSION_SECONDS = 120.0
"""The server makes a manifest of all files of the version meanwhile."""


class AsyncRegistry(AsyncWebhooks):
    """Registered models, their versions, stages, aliases and events. Every method raises the errors of
    `trackway.errors`. `reason` is kept in the event; `etag`, where given, must be the current one, or Conflict is
    raised."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def _stub(self) -> Any:
        return self._connection.stub(ModelRegistryServiceStub)

    async def create_model(
        self, name: str, *, description: str = "", tags: Mapping[str, str] | None = None
    ) -> types.RegisteredModel:
        """Make a registered model. Raises AlreadyExists where the name is taken."""
        request = pb.CreateModelRequest(name=name, description=description, tags=texts(tags), workspace=self._workspace)
        response: pb.CreateModelResponse = await self._connection.unary(self._stub.CreateModel, request)
        return convert.registered_model(response.model)

    async def get_model(self, name: str) -> types.RegisteredModel:
        """One registered model. Raises NotFound."""
        request = pb.GetModelRequest(name=name, workspace=self._workspace)
        response: pb.GetModelResponse = await self._connection.unary(self._stub.GetModel, request)
        return convert.registered_model(response.model)

    def search_models(
        self,
        filter: str = "",  # noqa: A002 the language's word
        *,
        order_by: Iterable[str] = (),
        page_size: int = 100,
    ) -> AsyncIterator[types.RegisteredModel]:
        """The registered models that a filter chooses, such as `name LIKE 'vision/%' AND tags.team = 'a'`, or all.

        They come in the order of `order_by` (`last_updated_timestamp DESC`), then by name. MLflow's prompts are left
        out, unless the filter names the tag `mlflow.prompt.is_prompt`. Pages of at most 1,000 are fetched as they are
        read. Raises InvalidArgument where the filter is not understood, with the place.
        """
        terms = names(order_by)

        async def fetch(token: str) -> tuple[Sequence[types.RegisteredModel], str]:
            request = pb.SearchModelsRequest(
                workspace=self._workspace, filter=filter, order_by=terms, page_size=page_size, page_token=token
            )
            response: pb.SearchModelsResponse = await self._connection.unary(self._stub.SearchModels, request)
            return [convert.registered_model(message) for message in response.models], response.next_page_token

        return Pages(fetch)

    async def rename_model(
        self, name: str, new_name: str, *, etag: str = "", reason: str = ""
    ) -> types.RegisteredModel:
        """Give a registered model another name, with its versions, aliases, tags, roles and metrics.

        Raises AlreadyExists where the name is taken, or has had versions of another model.
        """
        request = pb.RenameModelRequest(
            name=name, new_name=new_name, etag=etag, workspace=self._workspace, reason=reason
        )
        response: pb.RenameModelResponse = await self._connection.unary(self._stub.RenameModel, request)
        return convert.registered_model(response.model)

    async def update_model(
        self, name: str, *, description: str, etag: str = "", reason: str = ""
    ) -> types.RegisteredModel:
        """Change the description (Markdown) of a registered model."""
        request = pb.UpdateModelRequest(
            name=name, description=description, etag=etag, workspace=self._workspace, reason=reason
        )
        response: pb.UpdateModelResponse = await self._connection.unary(self._stub.UpdateModel, request)
        return convert.registered_model(response.model)

    async def delete_model(self, name: str, *, etag: str = "", reason: str = "", in_use: bool = False) -> None:
        """Delete a registered model with all its versions. Raises FailedPrecondition while one is in Staging or
        Production, unless `in_use`."""
        request = pb.DeleteModelRequest(name=name, etag=etag, workspace=self._workspace, reason=reason, in_use=in_use)
        await self._connection.unary(self._stub.DeleteModel, request)

    async def set_model_tags(self, name: str, tags: Mapping[str, str], *, reason: str = "") -> types.RegisteredModel:
        """Set tags of a registered model, all or none."""
        return await self._change_model_tags(name, tags, (), reason)

    async def delete_model_tags(self, name: str, keys: Iterable[str], *, reason: str = "") -> types.RegisteredModel:
        """Delete tags of a registered model, all or none. Raises NotFound where one is not there."""
        return await self._change_model_tags(name, {}, keys, reason)

    async def create_version(
        self,
        name: str,
        source: str,
        *,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        run_id: str = "",
        run_link: str = "",
        model_id: str = "",
        request_id: str | None = None,
        reason: str = "",
        files_optional: bool = False,
    ) -> types.ModelVersion:
        """Make the next version of a model from `runs:/RUN_ID/PATH`; its files are pinned by their digests.

        With `files_optional` also from what has no files here (`s3://…`): such a version cannot be resolved.

        `models:/NAME/VERSION` makes one of the same files as another version, `models:/m-ID` one of a logged model: the
        run that made that one is `run_id`. `model_id` is the logged model of files of a run, where it is known. Raises
        InvalidArgument where the source belongs to another run or logged model.
        Calls with the same `request_id` make one version; without one, each call makes its own.
        """
        request = pb.CreateVersionRequest(
            name=name,
            source=source,
            description=description,
            tags=texts(tags),
            run_id=run_id,
            run_link=run_link,
            model_id=model_id,
            request_id=request_id or new_id(),
            workspace=self._workspace,
            reason=reason,
            files_optional=files_optional,
        )
        response: pb.CreateVersionResponse = await self._connection.unary(
            self._stub.CreateVersion, request, seconds=_CREATE_VERSION_SECONDS
        )
        return convert.model_version(response.version)

    async def get_version(self, name: str, version: int) -> types.ModelVersion:
        """One version of a model. Raises NotFound."""
        request = pb.GetVersionRequest(name=name, version=version, workspace=self._workspace)
        response: pb.GetVersionResponse = await self._connection.unary(self._stub.GetVersion, request)
        return convert.model_version(response.version)

    def search_versions(
        self,
        filter: str = "",  # noqa: A002 the language's word
        *,
        name: str = "",
        order_by: Iterable[str] = (),
        page_size: int = 100,
    ) -> AsyncIterator[types.ModelVersion]:
        """The versions that a filter chooses, such as `stage = 'Production' AND tags.checked = 'yes'`, or all.

        `name` chooses those of one model and raises NotFound where there is none. They come in the order of `order_by`
        (`version_number DESC`), then changed last first. MLflow's prompts are left out as in `search_models`. Pages of
        at most 1,000 are fetched as they are read. Raises InvalidArgument where the filter is not understood, with the
        place.
        """
        terms = names(order_by)

        async def fetch(token: str) -> tuple[Sequence[types.ModelVersion], str]:
            request = pb.SearchVersionsRequest(
                name=name,
                filter=filter,
                order_by=terms,
                workspace=self._workspace,
                page_size=page_size,
                page_token=token,
            )
            response: pb.SearchVersionsResponse = await self._connection.unary(self._stub.SearchVersions, request)
            return [convert.model_version(message) for message in response.versions], response.next_page_token

        return Pages(fetch)

    async def update_version(
        self, name: str, version: int, *, description: str, etag: str = "", reason: str = ""
    ) -> types.ModelVersion:
        """Change the description (Markdown) of a version."""
        request = pb.UpdateVersionRequest(
            name=name,
            version=version,
            description=description,
            etag=etag,
            workspace=self._workspace,
            reason=reason,
        )
        response: pb.UpdateVersionResponse = await self._connection.unary(self._stub.UpdateVersion, request)
        return convert.model_version(response.version)

    async def delete_version(
        self, name: str, version: int, *, etag: str = "", reason: str = "", in_use: bool = False
    ) -> None:
        """Delete a version and its aliases. Raises FailedPrecondition while it is in Staging or Production, unless
        `in_use`."""
        request = pb.DeleteVersionRequest(
            name=name, version=version, etag=etag, workspace=self._workspace, reason=reason, in_use=in_use
        )
        await self._connection.unary(self._stub.DeleteVersion, request)

    async def set_version_tags(
        self, name: str, version: int, tags: Mapping[str, str], *, reason: str = ""
    ) -> types.ModelVersion:
        """Set tags of a version, all or none."""
        return await self._change_version_tags(name, version, tags, (), reason)

    async def delete_version_tags(
        self, name: str, version: int, keys: Iterable[str], *, reason: str = ""
    ) -> types.ModelVersion:
        """Delete tags of a version, all or none. Raises NotFound where one is not there."""
        return await self._change_version_tags(name, version, {}, keys, reason)

    async def transition_stage(
        self,
        name: str,
        version: int,
        stage: str,
        *,
        archive_existing_versions: bool = False,
        etag: str = "",
        reason: str = "",
    ) -> types.ModelVersion:
        """Move a version to `None`, `Staging`, `Production` or `Archived`, in any case of letters.

        `archive_existing_versions` moves every other version of that stage to `Archived`, in the same transaction; only
        with `Staging` and `Production`, else InvalidArgument.
        """
        request = pb.TransitionStageRequest(
            name=name,
            version=version,
            stage=stage,
            archive_existing_versions=archive_existing_versions,
            etag=etag,
            workspace=self._workspace,
            reason=reason,
        )
        response: pb.TransitionStageResponse = await self._connection.unary(self._stub.TransitionStage, request)
        return convert.model_version(response.version)

    async def set_alias(
        self, name: str, alias: str, version: int, *, expected_version: int | None = None, reason: str = ""
    ) -> types.ModelVersion:
        """Point an alias to a version.

        `expected_version` is where it must point now (0: nowhere yet), else Conflict is raised; None sets it anyway.
        """
        request = pb.SetAliasRequest(
            name=name,
            alias=alias,
            version=version,
            expected_version=expected_version,
            workspace=self._workspace,
            reason=reason,
        )
        response: pb.SetAliasResponse = await self._connection.unary(self._stub.SetAlias, request)
        return convert.model_version(response.version)

    async def delete_alias(
        self, name: str, alias: str, *, expected_version: int | None = None, reason: str = ""
    ) -> None:
        """Delete an alias. Raises NotFound where there is none, Conflict where it does not point to
        `expected_version`."""
        request = pb.DeleteAliasRequest(
            name=name, alias=alias, expected_version=expected_version, workspace=self._workspace, reason=reason
        )
        await self._connection.unary(self._stub.DeleteAlias, request)

    async def resolve(
        self, name: str, *, version: int | None = None, stage: str | None = None, alias: str | None = None
    ) -> types.ResolvedModel:
        """The version that is named, and its files: all that is needed to fetch it.

        `name` is a registered model, with exactly one of `version`, `stage` (`latest` is the newest of all) and
        `alias`; or a whole address: `models:/NAME/VERSION`, `models:/NAME/STAGE`, `models:/NAME@ALIAS`. Raises
        NotFound.
        """
        wanted = _selection(name, version, stage, alias)
        request = pb.ResolveRequest(
            name=wanted.name,
            version=wanted.version or 0,
            stage=wanted.stage or "",
            alias=wanted.alias or "",
            workspace=self._workspace,
        )
        response: pb.ResolveResponse = await self._connection.unary(self._stub.Resolve, request)
        manifest = verify_manifest(convert.manifest(response.manifest), response.version.manifest_digest)
        return types.ResolvedModel(convert.model_version(response.version), manifest)

    def list_events(self, model_name: str | None = None, *, page_size: int = 100) -> AsyncIterator[types.Event]:
        """The events there are, of one model or of all, oldest first."""

        async def fetch(token: str) -> tuple[Sequence[types.Event], str]:
            request = pb.ListEventsRequest(
                model_name=model_name or "", workspace=self._workspace, page_size=page_size, page_token=token
            )
            response: pb.ListEventsResponse = await self._connection.unary(self._stub.ListEvents, request)
            return [convert.event(message) for message in response.events], response.next_page_token

        return Pages(fetch)

    def watch(
        self, model_name: str | None = None, *, resume_token: str | None = None, from_start: bool = False
    ) -> AsyncIterator[types.Event]:
        """Events as they happen, of one model or of all, without end.

        It begins after the event that `resume_token` came with; else with `from_start` at the first event of all; else
        when the first event is asked for. To miss nothing, read `list_events` and watch from the token of the last one.
        A broken connection is opened again by itself, from where it was: no event is lost and none comes twice. What
        cannot be mended, or a server that was never reached, is raised.
        """
        return Watch(self._connection, model_name or "", resume_token=resume_token or "", from_start=from_start)

    def monitor(self, name: str, version: int, *, context: Mapping[str, Any] | None = None) -> VersionMonitor:
        """Log metrics of a version that this process serves, through the spool: nothing waits for the server.

        `context` is added to every point logged. Its `flush` and `close` wait, in this thread.
        """
        address = self._connection.address
        return VersionMonitor(
            name, version, uri=address.uri, token=address.token, workspace=self._workspace, context=context
        )

    def list_series(self, name: str, version: int, key: str | None = None) -> AsyncIterator[types.MetricSummary]:
        """The summaries of what was logged of a version in production, of one metric or of all, by key and context."""

        async def fetch(token: str) -> tuple[Sequence[types.MetricSummary], str]:
            request = pb.ListVersionSeriesRequest(
                name=name,
                version=version,
                workspace=self._workspace,
                key=key or "",
                page_size=1000,
                page_token=token,
            )
            response: pb.ListVersionSeriesResponse = await self._connection.unary(self._stub.ListVersionSeries, request)
            return [convert.summary(message) for message in response.series], response.next_page_token

        return Pages(fetch)

    async def latest_metrics(self, name: str, version: int) -> Mapping[str, float]:
        """The last value in production of every series without a context, by key."""
        return {each.key: each.last_value async for each in self.list_series(name, version) if not each.context}

    async def read_series(
        self, name: str, version: int, key: str, *, context: Mapping[str, str] | None = None
    ) -> list[types.MetricSeries]:
        """All points of a metric of a version in production, as columns, one entry for each context and writer.

        `context` chooses one context (`{}`: the points logged without one); None takes every one. Raises NotFound where
        the version has no such series.
        """
        request = pb.ReadVersionSeriesRequest(
            name=name,
            version=version,
            workspace=self._workspace,
            key=key,
            context=context or {},
            any_context=context is None,
        )
        parts = [message.points async for message in self._connection.stream(self._stub.ReadVersionSeries, request)]
        return series.points(parts)

    def list_writers(self, name: str, version: int) -> AsyncIterator[types.Writer]:
        """The processes that have logged metrics of a version, and how far each has come."""

        async def fetch(token: str) -> tuple[Sequence[types.Writer], str]:
            request = pb.ListVersionWritersRequest(
                name=name, version=version, workspace=self._workspace, page_size=1000, page_token=token
            )
            response: pb.ListVersionWritersResponse = await self._connection.unary(
                self._stub.ListVersionWriters, request
            )
            return [convert.writer(message) for message in response.writers], response.next_page_token

        return Pages(fetch)

    @property
    def _workspace(self) -> str:
        return self._connection.workspace

    async def _change_model_tags(
        self, name: str, tags: Mapping[str, str], keys: Iterable[str], reason: str
    ) -> types.RegisteredModel:
        request = pb.ChangeModelTagsRequest(
            name=name, set=texts(tags), delete=names(keys), workspace=self._workspace, reason=reason
        )
        response: pb.ChangeModelTagsResponse = await self._connection.unary(self._stub.ChangeModelTags, request)
        return convert.registered_model(response.model)

    async def _change_version_tags(
        self, name: str, version: int, tags: Mapping[str, str], keys: Iterable[str], reason: str
    ) -> types.ModelVersion:
        request = pb.ChangeVersionTagsRequest(
            name=name, version=version, set=texts(tags), delete=names(keys), workspace=self._workspace, reason=reason
        )
        response: pb.ChangeVersionTagsResponse = await self._connection.unary(self._stub.ChangeVersionTags, request)
        return convert.model_version(response.version)


def _selection(name: str, version: int | None, stage: str | None, alias: str | None) -> model_uri.ModelUri:
    given = [choice for choice in (version, stage, alias) if choice is not None]
    if name.startswith(("models:", "runs:")):
        if given:
            raise errors.InvalidArgument(f"{name!r} says already which version: leave version, stage and alias out")
        return model_uri.parse_model(name)
    if len(given) != 1:
        raise errors.InvalidArgument(f"say which version of {name!r}: give one of version, stage and alias")
    return model_uri.ModelUri(name, version, stage, alias)
