"""Reads from the services, on behalf of whoever asks: the caller's key goes along, the services decide."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

import grpc
from google.protobuf.message import Message

from trackway.api.registry.v1.model_registry_service_pb2 import SearchModelsRequest, SearchModelsResponse
from trackway.api.tracking.v1.tracking_service_pb2 import (
    GetRunRequest,
    GetRunResponse,
    ReadConsoleRequest,
    ReadConsoleResponse,
    SearchExperimentsRequest,
    SearchExperimentsResponse,
    SearchRunsRequest,
    SearchRunsResponse,
)
from trackway_server.core.correlation import Headers
from trackway_server.gateway.channels import Channels
from trackway_server.gateway.config import GatewaySettings
from trackway_server.gateway.views import (
    CONSOLE_LINES,
    ExperimentView,
    ModelView,
    RunView,
    experiment_view,
    model_view,
    run_view,
)

AnswerT = TypeVar("AnswerT", bound=Message)

_TRACKING = "/trackway.api.tracking.v1.TrackingService/"
_REGISTRY = "/trackway.api.registry.v1.ModelRegistryService/"
_EXPERIMENTS_SHOWN = 50
_MODELS_SHOWN = 100
_CONSOLE_LINES_READ = 2_000


@dataclass(frozen=True, slots=True)
class Overview:
    """All that the first page shows."""

    experiments: tuple[ExperimentView, ...]
    more_experiments: bool
    experiment_id: str
    runs: tuple[RunView, ...]
    next_runs: str
    """Address of the page with earlier runs; empty on the last."""
    models: tuple[ModelView, ...]
    more_models: bool


class Reader:
    """One caller's view of the services."""

    def __init__(self, channels: Channels, settings: GatewaySettings, metadata: Headers) -> None:
        self._channels = channels
        self._settings = settings
        self._metadata = metadata

    async def overview(self, experiment_id: str, page_token: str) -> Overview:
        """The first page: the newest experiments, runs (of one experiment, where named) and the models.

        Raises grpc.aio.AioRpcError as the services refuse.
        """
        chosen = SearchRunsRequest(
            experiment_ids=[experiment_id] if experiment_id else [],
            page_size=self._settings.page_runs,
            page_token=page_token,
        )
        experiments, runs, models = await asyncio.gather(
            self._experiments(_EXPERIMENTS_SHOWN),
            self._call(self._channels.tracking, _TRACKING + "SearchRuns", chosen, SearchRunsResponse),
            self._models(),
        )
        return Overview(
            experiments=tuple(experiment_view(experiment) for experiment in experiments.experiments),
            more_experiments=bool(experiments.next_page_token),
            experiment_id=experiment_id,
            runs=tuple(run_view(run) for run in runs.runs),
            next_runs=_next_page(experiment_id, runs.next_page_token),
            models=tuple(model_view(model) for model in models.models),
            more_models=bool(models.next_page_token),
        )

    async def run(self, run_id: str) -> RunView:
        """One run with all its series. Raises grpc.aio.AioRpcError as the service refuses."""
        request = GetRunRequest(run_id=run_id)
        response = await self._call(self._channels.tracking, _TRACKING + "GetRun", request, GetRunResponse)
        return run_view(response.run, await self._console(run_id))

    async def _console(self, run_id: str) -> list[ReadConsoleResponse]:
        """The last lines of the run's first processes; no more than a page shows."""
        call = self._channels.tracking.unary_stream(
            _TRACKING + "ReadConsole",
            request_serializer=ReadConsoleRequest.SerializeToString,
            response_deserializer=ReadConsoleResponse.FromString,
        )
        request = ReadConsoleRequest(run_id=run_id, last_lines=CONSOLE_LINES)
        answers = call(request, metadata=self._metadata, timeout=self._settings.call_timeout_s)
        found: list[ReadConsoleResponse] = []
        async for answer in answers:
            found.append(answer)
            if sum(each.block.line_count for each in found) >= _CONSOLE_LINES_READ:
                answers.cancel()
                break
        return found

    async def check_key(self) -> None:
        """Return where the services take the caller's key. Raises grpc.aio.AioRpcError where they do not."""
        await self._experiments(1)

    async def _experiments(self, count: int) -> SearchExperimentsResponse:
        request = SearchExperimentsRequest(page_size=count)
        return await self._call(
            self._channels.tracking, _TRACKING + "SearchExperiments", request, SearchExperimentsResponse
        )

    async def _models(self) -> SearchModelsResponse:
        request = SearchModelsRequest(page_size=_MODELS_SHOWN)
        return await self._call(self._channels.registry, _REGISTRY + "SearchModels", request, SearchModelsResponse)

    async def _call(
        self, channel: grpc.aio.Channel, method: str, request: Message, answer_type: type[AnswerT]
    ) -> AnswerT:
        call = channel.unary_unary(
            method, request_serializer=type(request).SerializeToString, response_deserializer=answer_type.FromString
        )
        return await call(request, metadata=self._metadata, timeout=self._settings.call_timeout_s)


def _next_page(experiment_id: str, page_token: str) -> str:
    if not page_token:
        return ""
    chosen = {"experiment": experiment_id} if experiment_id else {}
    return "/?" + urlencode({**chosen, "page": page_token}) + "#runs"
