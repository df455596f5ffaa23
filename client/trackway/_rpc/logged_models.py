"""Logged models: what runs make, measure and read before and beside the registry."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from trackway import errors, types
from trackway._ids import new_id
from trackway._rpc import convert
from trackway._rpc.arguments import names, texts
from trackway._rpc.connection import Connection
from trackway._rpc.paging import Pages
from trackway.api.tracking.v1 import resources_pb2
from trackway.api.tracking.v1 import tracking_service_pb2 as pb
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway.logged_model import LoggedModel


class AsyncLoggedModels:
    """Logged models. Every method raises the errors of `trackway.errors`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def _stub(self) -> Any:
        return self._connection.stub(TrackingServiceStub)

    async def create(
        self,
        experiment_id: str,
        *,
        name: str | None = None,
        model_type: str | None = None,
        source_run_id: str | None = None,
        params: Mapping[str, object] | None = None,
        tags: Mapping[str, object] | None = None,
        model_id: str | None = None,
    ) -> LoggedModel:
        """Make a model, PENDING, with a name of the server's where it is given none.

        The id is chosen here unless given; a call with the id and content of a model that is there answers that.
        """
        request = pb.CreateLoggedModelRequest(
            model_id=model_id or f"m-{new_id()}",
            experiment_id=experiment_id,
            name=name or "",
            model_type=model_type or "",
            source_run_id=source_run_id or "",
            params=texts(params),
            tags=texts(tags),
        )
        response: pb.CreateLoggedModelResponse = await self._connection.unary(self._stub.CreateLoggedModel, request)
        return convert.logged_model(response.model)

    async def get(self, model_id: str) -> LoggedModel:
        """One model, a deleted one too. Raises NotFound."""
        request = pb.GetLoggedModelRequest(model_id=model_id)
        response: pb.GetLoggedModelResponse = await self._connection.unary(self._stub.GetLoggedModel, request)
        return convert.logged_model(response.model)

    async def finalize(self, model_id: str, status: types.LoggedModelStatus, *, message: str = "") -> LoggedModel:
        """Say how the making of a model ended: READY or UPLOAD_FAILED. Raises FailedPrecondition for a deleted one."""
        known = resources_pb2.LoggedModelStatus.items()
        number = dict(known).get(f"LOGGED_MODEL_STATUS_{status}")
        if not number:
            raise errors.InvalidArgument(f"{status!r} is no status of a model: write PENDING, READY or UPLOAD_FAILED")
        request = pb.FinalizeLoggedModelRequest(
            model_id=model_id, status=resources_pb2.LoggedModelStatus.Name(number), status_message=message
        )
        response: pb.FinalizeLoggedModelResponse = await self._connection.unary(self._stub.FinalizeLoggedModel, request)
        return convert.logged_model(response.model)

    async def delete(self, model_id: str) -> None:
        """Delete a model softly: it is found by its id alone."""
        await self._connection.unary(self._stub.DeleteLoggedModel, pb.DeleteLoggedModelRequest(model_id=model_id))

    async def update_tags(
        self, model_id: str, *, set_tags: Mapping[str, object] | None = None, delete_tags: Iterable[str] = ()
    ) -> LoggedModel:
        """Delete and set tags, all or none. Raises NotFound where one to delete is not there."""
        request = pb.UpdateLoggedModelTagsRequest(model_id=model_id, set=texts(set_tags), delete=names(delete_tags))
        response: pb.UpdateLoggedModelTagsResponse = await self._connection.unary(
            self._stub.UpdateLoggedModelTags, request
        )
        return convert.logged_model(response.model)

    async def log_params(self, model_id: str, params: Mapping[str, object]) -> None:
        """Set params, all or none, each for ever. Raises FailedPrecondition where one has another value already."""
        request = pb.LogLoggedModelParamsRequest(model_id=model_id, params=texts(params))
        await self._connection.unary(self._stub.LogLoggedModelParams, request)

    def search(
        self,
        experiment_ids: Iterable[str] = (),
        *,
        filter: str = "",  # noqa: A002 the language's word
        datasets: Iterable[Mapping[str, str]] = (),
        order_by: Iterable[str | Mapping[str, Any]] = (),
        view: types.View = "active",
        page_size: int = 100,
    ) -> AsyncIterator[LoggedModel]:
        """The models of the experiments (of all where none is named) that a filter chooses, or all of them.

        A filter says for instance `metrics.loss < 0.5 AND status = 'READY'`; a metric counts whichever run logged it.
        `datasets` (`{"dataset_name": …, "dataset_digest": …}`, the digest may be left out) has it count only where it
        was measured on one of them. An order's term is a text (`"metrics.loss DESC"`) or MLflow's form:
        `{"field_name": …, "ascending": …, "dataset_name": …, "dataset_digest": …}`. Models equal in the order, and all
        without one, come newest first. Raises InvalidArgument where the filter is not understood, with the place.
        """
        wanted, scopes = names(experiment_ids), [_dataset(each) for each in datasets]
        terms = [_order(each) for each in order_by]

        async def fetch(token: str) -> tuple[Sequence[LoggedModel], str]:
            request = pb.SearchLoggedModelsRequest(
                workspace=self._connection.workspace,
                experiment_ids=wanted,
                filter=filter,
                datasets=scopes,
                order_by=terms,
                view=convert.view(view),
                page_size=page_size,
                page_token=token,
            )
            response: pb.SearchLoggedModelsResponse = await self._connection.unary(
                self._stub.SearchLoggedModels, request
            )
            return [convert.logged_model(message) for message in response.models], response.next_page_token

        return Pages(fetch)


def _dataset(given: Mapping[str, str]) -> pb.DatasetFilter:
    if not given.get("dataset_name"):
        raise errors.InvalidArgument("a data set is named by dataset_name, and may have a dataset_digest")
    return pb.DatasetFilter(dataset_name=given["dataset_name"], dataset_digest=given.get("dataset_digest") or "")


def _order(given: str | Mapping[str, Any]) -> pb.LoggedModelOrder:
    if isinstance(given, str):
        return pb.LoggedModelOrder(field=given)
    if not given.get("field_name"):
        raise errors.InvalidArgument("a term of an order names its field_name")
    direction = "ASC" if given.get("ascending", True) else "DESC"
    scope = _dataset(given) if given.get("dataset_name") else None
    return pb.LoggedModelOrder(field=f"{given['field_name']} {direction}", dataset=scope)
