"""The RPCs of the TrackingService that are about logged models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from trackway.api.auth.v1 import resources_pb2 as auth
from trackway.api.tracking.v1 import resources_pb2 as pb
from trackway.api.tracking.v1 import tracking_service_pb2 as rpc
from trackway_server.core.clock import Clock
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.rpc.call import Call
from trackway_server.core.rpc.page_tokens import decode_token, encode_token
from trackway_server.core.search.conditions import Scope
from trackway_server.core.search.ordering import column_types
from trackway_server.metrics.convert import summary_to_proto
from trackway_server.metrics.domain.ports import Transactions
from trackway_server.metrics.domain.reading import SummarisedSeries, summarised
from trackway_server.metrics.query import MetricQueries
from trackway_server.tracking import convert
from trackway_server.tracking.domain import logged_model_rules as rules
from trackway_server.tracking.domain.logged_model_search import ModelOrder, read_search
from trackway_server.tracking.domain.logged_models import (
    LoggedModel,
    LoggedModelStatus,
    ModelInfo,
    ModelsQuery,
    ModelStart,
)
from trackway_server.tracking.domain.model import TagsChange
from trackway_server.tracking.domain.ports import TrackingUnit
from trackway_server.tracking.freshness import Freshness

_PAGE = 100
_MAX_SERIES_OF_MODEL = 10_000
_MAX_SERIES_OF_LIST = 100_000


class LoggedModelRpcs:
    """Mixed into TrackingService."""

    _store: Transactions[TrackingUnit]
    _queries: MetricQueries
    _freshness: Freshness
    _clock: Clock

    async def CreateLoggedModel(
        self, request: rpc.CreateLoggedModelRequest, call: Call
    ) -> rpc.CreateLoggedModelResponse:
        """Make a logged model."""
        now_us = self._clock.now_us()
        start = ModelStart(
            request.experiment_id,
            request.name,
            request.model_type,
            request.source_run_id,
            dict(request.params),
            dict(request.tags),
        )
        made = await self._store.write(lambda unit: rules.create(unit, request.model_id, start, now_us, call))
        return rpc.CreateLoggedModelResponse(model=await self._shown(made))

    async def GetLoggedModel(self, request: rpc.GetLoggedModelRequest, call: Call) -> rpc.GetLoggedModelResponse:
        """Answer one logged model."""
        found = await self._store.read(lambda unit: rules.find(unit, request.model_id, call.admits))
        return rpc.GetLoggedModelResponse(model=await self._shown(found))

    async def FinalizeLoggedModel(
        self, request: rpc.FinalizeLoggedModelRequest, call: Call
    ) -> rpc.FinalizeLoggedModelResponse:
        """Say how the making of a logged model ended."""
        now_us, status, message = self._clock.now_us(), _status(request.status), request.status_message
        changed = await self._store.write(
            lambda unit: rules.finalize(unit, request.model_id, status, message, now_us, call.admits)
        )
        return rpc.FinalizeLoggedModelResponse(model=await self._shown(changed))

    async def DeleteLoggedModel(
        self, request: rpc.DeleteLoggedModelRequest, call: Call
    ) -> rpc.DeleteLoggedModelResponse:
        """Delete a logged model softly."""
        now_us = self._clock.now_us()
        await self._store.write(lambda unit: rules.delete(unit, request.model_id, now_us, call.admits))
        return rpc.DeleteLoggedModelResponse()

    async def UpdateLoggedModelTags(
        self, request: rpc.UpdateLoggedModelTagsRequest, call: Call
    ) -> rpc.UpdateLoggedModelTagsResponse:
        """Set and delete tags of a logged model."""
        change = TagsChange(dict(request.set), tuple(request.delete))
        changed = await self._store.write(lambda unit: rules.update_tags(unit, request.model_id, change, call.admits))
        return rpc.UpdateLoggedModelTagsResponse(model=await self._shown(changed))

    async def LogLoggedModelParams(
        self, request: rpc.LogLoggedModelParamsRequest, call: Call
    ) -> rpc.LogLoggedModelParamsResponse:
        """Set params of a logged model."""
        params = dict(request.params)
        await self._store.write(lambda unit: rules.log_params(unit, request.model_id, params, call.admits))
        return rpc.LogLoggedModelParamsResponse()

    async def SearchLoggedModels(
        self, request: rpc.SearchLoggedModelsRequest, call: Call
    ) -> rpc.SearchLoggedModelsResponse:
        """Answer logged models that a filter chooses."""
        workspace = call.named_workspace(request.workspace)
        experiment_ids = tuple(sorted({int(one) for one in request.experiment_ids}))
        query = ModelsQuery(workspace, experiment_ids, convert.view_from_proto(request.view))
        orders = [
            ModelOrder(one.field, _scope([one.dataset]) if one.HasField("dataset") else ()) for one in request.order_by
        ]
        search = read_search(request.filter, _scope(request.datasets), orders, self._clock.now_us())
        types = [each for order in search.orders for each in column_types(order)]
        after, size = decode_token(request, request.page_token, *types), request.page_size or _PAGE
        await self._freshness.prepare(search)
        found = await self._store.read(
            lambda unit: unit.models.search(rules.confined(unit, query, call), search, after, size + 1)
        )
        page = await self._store.read(lambda unit: rules.page_of(unit, [one.model for one in found[:size]]))
        models = await self._loaded(workspace, page, _MAX_SERIES_OF_LIST)
        more = found[len(page) - 1].place if len(found) > len(page) else None
        return rpc.SearchLoggedModelsResponse(
            models=map(_message, models), next_page_token="" if more is None else encode_token(request, more)
        )

    async def GetLoggedModelAccess(
        self, request: rpc.GetLoggedModelAccessRequest, call: Call
    ) -> rpc.GetLoggedModelAccessResponse:
        """Answer what the caller may do with a logged model."""
        model, role = await self._store.read(lambda unit: rules.access_to(unit, request.model_id, call))
        return rpc.GetLoggedModelAccessResponse(
            workspace=model.workspace,
            role=cast(auth.Role, role),
            experiment_id=str(model.experiment_id),
            source_run_id=model.source_run_id,
            lifecycle_stage=convert.stage_to_proto(model.deleted),
        )

    async def _metrics_of_models(self, run_ids: Sequence[str], limit: int) -> dict[str, list[SummarisedSeries]]:
        """The folded series of some runs that are about models or data sets, by run; runs without are left out."""
        found = await self._store.read(
            lambda unit: summarised(unit.metrics, unit.models.series_of_runs(run_ids, limit))
        )
        grouped: dict[str, list[SummarisedSeries]] = {}
        for one in found:
            grouped.setdefault(one.subject_id, []).append(one)
        return grouped

    async def _shown(self, info: ModelInfo) -> pb.LoggedModel:
        return _message((await self._loaded(info.workspace, [info], _MAX_SERIES_OF_MODEL))[0])

    async def _loaded(self, workspace: str, infos: Sequence[ModelInfo], limit: int) -> list[LoggedModel]:
        """Models of a workspace with up to `limit` series in all, whose summaries are brought up to date first."""
        model_ids = [info.model_id for info in infos]
        series = await self._store.read(lambda unit: unit.models.series(workspace, model_ids, limit))
        if series:
            await self._queries.fold({one.subject_id for one in series})
        return await self._store.read(lambda unit: rules.load(unit, infos, series))


def _status(number: int) -> LoggedModelStatus:
    if not 1 <= number <= len(LoggedModelStatus):
        raise DomainError(Reason.INVALID_FIELD, "status is none that there is.", field="status")
    return LoggedModelStatus(number)


def _scope(datasets: Sequence[rpc.DatasetFilter]) -> Scope:
    return tuple((one.dataset_name, one.dataset_digest) for one in datasets)


def _message(model: LoggedModel) -> pb.LoggedModel:
    info = model.info
    return pb.LoggedModel(
        model_id=info.model_id,
        experiment_id=str(info.experiment_id),
        workspace=info.workspace,
        name=info.name,
        model_type=info.model_type,
        source_run_id=info.source_run_id,
        status=info.status.value,  # type: ignore[arg-type]
        status_message=info.status_message,
        lifecycle_stage=convert.stage_to_proto(info.deleted),
        create_time_us=info.create_time_us,
        update_time_us=info.update_time_us,
        params=model.params,
        tags=model.tags,
        metrics=[pb.LoggedModelMetric(run_id=one.subject_id, summary=summary_to_proto(one)) for one in model.metrics],
    )
