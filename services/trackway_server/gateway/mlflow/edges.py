"""Logged models as what runs read and make."""

from __future__ import annotations

from typing import Any

from trackway.api.metrics.v1.ingest_pb2 import ModelInput, ModelOutput
from trackway.api.tracking.v1 import tracking_service_pb2 as pb
from trackway_server.gateway.mlflow.errors import invalid
from trackway_server.gateway.mlflow.parameters import Parameters
from trackway_server.gateway.mlflow.routing import Routes
from trackway_server.gateway.mlflow.session import Session

Answer = dict[str, Any]


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


ROUTES: Routes = {
    "/runs/outputs": {"POST": log_outputs},
}
