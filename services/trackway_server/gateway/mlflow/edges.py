"""The routes of what runs read and make: data sets and logged models."""

from __future__ import annotations

from typing import Any

from trackway.api.metrics.v1.ingest_pb2 import DatasetInput, ModelInput, ModelOutput
from trackway.api.tracking.v1 import tracking_service_pb2 as pb
from trackway_server.gateway.mlflow.errors import invalid
from trackway_server.gateway.mlflow.parameters import Parameters
from trackway_server.gateway.mlflow.routing import Routes
from trackway_server.gateway.mlflow.session import Session

_CONTEXT_TAG = "mlflow.data.context"

Answer = dict[str, Any]


async def log_inputs(session: Session) -> Answer:
    """Data sets and models that a run reads."""
    asked = session.parameters
    request = pb.LogBatchRequest(
        run_id=asked.run_id(),
        dataset_inputs=map(_dataset, asked.objects("datasets")),
        model_inputs=model_inputs(asked),
    )
    await session.call("LogBatch", request)
    return {}


def model_inputs(asked: Parameters) -> list[ModelInput]:
    """The models of a request that a run reads."""
    return [ModelInput(model_id=one.text("model_id")) for one in asked.objects("models")]


async def log_outputs(session: Session) -> Answer:
    """Models that a run makes."""
    asked = session.parameters
    run_id, models = asked.run_id(), asked.objects("models")
    if not models:
        raise invalid("Missing value for required parameter 'models'.")
    made = [ModelOutput(model_id=one.text("model_id"), step=one.whole("step", 0)) for one in models]
    await session.call("LogBatch", pb.LogBatchRequest(run_id=run_id, model_outputs=made))
    return {}


def _dataset(asked: Parameters) -> DatasetInput:
    dataset, tags = asked.part("dataset"), asked.pairs("tags")
    texts = {name: dataset.text(name, "") for name in ("source_type", "source", "schema", "profile")}
    return DatasetInput(
        name=dataset.text("name"), digest=dataset.text("digest"), context=tags.get(_CONTEXT_TAG, ""), **texts
    )


ROUTES: Routes = {
    "/runs/log-inputs": {"POST": log_inputs},
    "/runs/outputs": {"POST": log_outputs},
}
