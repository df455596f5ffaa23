"""The ModelRegistry service: convert, call, convert."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import partial

from trackway.api.metrics.v1 import ingest_pb2
from trackway.api.registry.v1 import model_registry_service_pb2 as pb
from trackway_server.core.clock import Clock
from trackway_server.core.rpc.call import Call
from trackway_server.core.rpc.page_tokens import decode_token, encode_token
from trackway_server.core.search.conditions import Search
from trackway_server.core.search.ordering import column_types
from trackway_server.metrics.convert import chunk_to_proto, summary_to_proto
from trackway_server.registry import convert
from trackway_server.registry.domain.model import Change, ModelKey
from trackway_server.registry.domain.pages import (
    Asked,
    parse_series_token,
    parse_writer_token,
    series_token,
    writer_token,
)
from trackway_server.registry.domain.registry import Registry
from trackway_server.registry.domain.search import MODELS, VERSIONS
from trackway_server.registry.monitoring import Monitoring, context_of
from trackway_server.registry.roles import RoleRpcs
from trackway_server.registry.webhooks import WebhookAccess, WebhookRpcs

_SERIES_PAGE = 1000


class ModelRegistryServicer(RoleRpcs, WebhookRpcs):
    """Answers the RPCs of model_registry_service.proto; what they mean is written there."""

    def __init__(self, registry: Registry, monitoring: Monitoring, webhooks: WebhookAccess, clock: Clock) -> None:
        self._registry = registry
        self._monitoring = monitoring
        self._webhooks = webhooks
        self._clock = clock

    async def CreateModel(self, request: pb.CreateModelRequest, call: Call) -> pb.CreateModelResponse:
        draft = convert.model_draft(request, call)
        model = await self._registry.create_model(draft, self._change(call))
        return pb.CreateModelResponse(model=convert.model_message(model))

    async def GetModel(self, request: pb.GetModelRequest, call: Call) -> pb.GetModelResponse:
        await self._registry.admit(convert.model_key(request, call), call)
        model = await self._registry.get_model(convert.model_key(request, call))
        return pb.GetModelResponse(model=convert.model_message(model))

    async def SearchModels(self, request: pb.SearchModelsRequest, call: Call) -> pb.SearchModelsResponse:
        search = MODELS.search(request.filter, request.order_by, self._clock.now_us())
        page = await self._registry.search_models(
            call.named_workspace(request.workspace), search, _asked(request, search), call
        )
        return pb.SearchModelsResponse(models=map(convert.model_message, page.items), next_page_token=page.next_token)

    async def UpdateModel(self, request: pb.UpdateModelRequest, call: Call) -> pb.UpdateModelResponse:
        await self._registry.admit(convert.model_key(request, call), call)
        key, change = convert.model_key(request, call), self._change(call, request.reason)
        model = await self._registry.describe_model(key, request.description, request.etag, change)
        return pb.UpdateModelResponse(model=convert.model_message(model))

    async def RenameModel(self, request: pb.RenameModelRequest, call: Call) -> pb.RenameModelResponse:
        key = ModelKey(convert.workspace_of(request.workspace, call), request.name)
        change = self._change(call, request.reason)
        model = await self._registry.rename_model(key, request.new_name, request.etag, change)
        return pb.RenameModelResponse(model=convert.model_message(model))

    async def DeleteModel(self, request: pb.DeleteModelRequest, call: Call) -> pb.DeleteModelResponse:
        await self._registry.admit(convert.model_key(request, call), call)
        key, change = convert.model_key(request, call), self._change(call, request.reason)
        await self._registry.delete_model(key, request.etag, change, in_use=request.in_use)
        return pb.DeleteModelResponse()

    async def ChangeModelTags(self, request: pb.ChangeModelTagsRequest, call: Call) -> pb.ChangeModelTagsResponse:
        await self._registry.admit(convert.model_key(request, call), call)
        key, change = convert.model_key(request, call), self._change(call, request.reason)
        model = await self._registry.change_model_tags(key, dict(request.set), list(request.delete), change)
        return pb.ChangeModelTagsResponse(model=convert.model_message(model))

    async def CreateVersion(self, request: pb.CreateVersionRequest, call: Call) -> pb.CreateVersionResponse:
        await self._registry.admit(convert.model_key(request, call), call)
        draft, change = convert.version_draft(request, call), self._change(call, request.reason)
        version = await self._registry.create_version(draft, change, call.onward_metadata(), call)
        return pb.CreateVersionResponse(version=convert.version_message(version))

    async def GetVersion(self, request: pb.GetVersionRequest, call: Call) -> pb.GetVersionResponse:
        await self._registry.admit(convert.model_key(request, call), call)
        version = await self._registry.get_version(convert.version_key(request, call))
        return pb.GetVersionResponse(version=convert.version_message(version))

    async def SearchVersions(self, request: pb.SearchVersionsRequest, call: Call) -> pb.SearchVersionsResponse:
        search = VERSIONS.search(request.filter, request.order_by, self._clock.now_us())
        page = await self._registry.search_versions(
            convert.model_key(request, call), search, _asked(request, search), call
        )
        return pb.SearchVersionsResponse(
            versions=map(convert.version_message, page.items), next_page_token=page.next_token
        )

    async def UpdateVersion(self, request: pb.UpdateVersionRequest, call: Call) -> pb.UpdateVersionResponse:
        await self._registry.admit(convert.model_key(request, call), call)
        key, change = convert.version_key(request, call), self._change(call, request.reason)
        version = await self._registry.describe_version(key, request.description, request.etag, change)
        return pb.UpdateVersionResponse(version=convert.version_message(version))

    async def DeleteVersion(self, request: pb.DeleteVersionRequest, call: Call) -> pb.DeleteVersionResponse:
        await self._registry.admit(convert.model_key(request, call), call)
        key, change = convert.version_key(request, call), self._change(call, request.reason)
        await self._registry.delete_version(key, request.etag, change, in_use=request.in_use)
        return pb.DeleteVersionResponse()

    async def ChangeVersionTags(self, request: pb.ChangeVersionTagsRequest, call: Call) -> pb.ChangeVersionTagsResponse:
        await self._registry.admit(convert.model_key(request, call), call)
        key, change = convert.version_key(request, call), self._change(call, request.reason)
        version = await self._registry.change_version_tags(key, dict(request.set), list(request.delete), change)
        return pb.ChangeVersionTagsResponse(version=convert.version_message(version))

    async def TransitionStage(self, request: pb.TransitionStageRequest, call: Call) -> pb.TransitionStageResponse:
        await self._registry.admit(convert.model_key(request, call), call)
        transition, change = convert.transition(request, call), self._change(call, request.reason)
        version = await self._registry.move_version(transition, change)
        return pb.TransitionStageResponse(version=convert.version_message(version))

    async def SetAlias(self, request: pb.SetAliasRequest, call: Call) -> pb.SetAliasResponse:
        await self._registry.admit(convert.model_key(request, call), call)
        key, change = convert.version_key(request, call), self._change(call, request.reason)
        version = await self._registry.set_alias(key, request.alias, convert.expected_version(request), change)
        return pb.SetAliasResponse(version=convert.version_message(version))

    async def DeleteAlias(self, request: pb.DeleteAliasRequest, call: Call) -> pb.DeleteAliasResponse:
        await self._registry.admit(convert.model_key(request, call), call)
        key, change = convert.model_key(request, call), self._change(call, request.reason)
        await self._registry.delete_alias(key, request.alias, convert.expected_version(request), change)
        return pb.DeleteAliasResponse()

    async def Resolve(self, request: pb.ResolveRequest, call: Call) -> pb.ResolveResponse:
        await self._registry.admit(convert.model_key(request, call), call)
        resolved = await self._registry.resolve(convert.model_key(request, call), convert.selector(request))
        return convert.resolved_message(resolved)

    async def ListEvents(self, request: pb.ListEventsRequest, call: Call) -> pb.ListEventsResponse:
        chosen, size = convert.event_filter(request, call), convert.page_size(request.page_size)
        chosen = await self._registry.confined(chosen, call)
        page = await self._registry.list_events(chosen, size, request.page_token)
        return pb.ListEventsResponse(events=map(convert.event_message, page.items), next_page_token=page.next_token)

    async def Watch(self, request: pb.WatchRequest, call: Call) -> AsyncIterator[pb.WatchResponse]:
        chosen = await self._registry.confined(convert.event_filter(request, call), call)
        async with aclosing(self._registry.watch(chosen, request.resume_token, request.from_start)) as items:
            async for item in items:
                yield convert.watch_message(item)

    def Ingest(
        self, requests: AsyncIterator[ingest_pb2.IngestRequest], call: Call
    ) -> AsyncGenerator[ingest_pb2.IngestResponse, None]:
        return self._monitoring.ingest.answer(requests, call)

    async def ListVersionWriters(
        self, request: pb.ListVersionWritersRequest, call: Call
    ) -> pb.ListVersionWritersResponse:
        await self._registry.admit(convert.model_key(request, call), call)
        key, size = convert.version_key(request, call), convert.page_size(request.page_size)
        after = parse_writer_token(request.page_token, key)
        found = await self._monitoring.writers(key, after, size + 1)
        more = writer_token(key, found[size - 1].writer_id) if len(found) > size else ""
        return pb.ListVersionWritersResponse(
            writers=map(convert.version_writer_message, found[:size]), next_page_token=more
        )

    async def ListVersionSeries(self, request: pb.ListVersionSeriesRequest, call: Call) -> pb.ListVersionSeriesResponse:
        await self._registry.admit(convert.model_key(request, call), call)
        key, size = convert.version_key(request, call), request.page_size or _SERIES_PAGE
        page = await self._monitoring.series(key, request.key, parse_series_token(request.page_token, key), size)
        more = "" if page.following is None else series_token(key, page.following)
        return pb.ListVersionSeriesResponse(series=map(summary_to_proto, page.series), next_page_token=more)

    async def ReadVersionSeries(
        self, request: pb.ReadVersionSeriesRequest, call: Call
    ) -> AsyncGenerator[pb.ReadVersionSeriesResponse, None]:
        await self._registry.admit(convert.model_key(request, call), call)
        key, context = convert.version_key(request, call), context_of(dict(request.context), request.any_context)
        async with aclosing(self._monitoring.points(key, request.key, context)) as chunks:
            async for chunk in chunks:
                yield pb.ReadVersionSeriesResponse(points=chunk_to_proto(chunk))

    def _change(self, call: Call, reason: str = "") -> Change:
        return convert.change(call, self._clock.now_us(), reason)


def _asked(request: pb.SearchModelsRequest | pb.SearchVersionsRequest, search: Search) -> Asked:
    """The page that a request asks for. Raises DomainError(PAGE_TOKEN_INVALID)."""
    types = [each for order in search.orders for each in column_types(order)]
    after = decode_token(request, request.page_token, *types)
    return Asked(convert.page_size(request.page_size), after, partial(encode_token, request))
