"""The routes of data sets and of what runs read. The limits are MLflow's."""

from __future__ import annotations

from typing import Any

from trackway.api.metrics.v1.ingest_pb2 import DatasetInput
from trackway.api.tracking.v1 import tracking_service_pb2 as pb
from trackway_server.gateway.mlflow.edges import model_inputs
from trackway_server.gateway.mlflow.entities import DATA_CONTEXT
from trackway_server.gateway.mlflow.errors import invalid
from trackway_server.gateway.mlflow.parameters import Parameters
from trackway_server.gateway.mlflow.routing import Routes
from trackway_server.gateway.mlflow.session import Session

_EXPERIMENTS = 20
_LONGEST = {"name": 500, "digest": 36, "source": 65_535, "schema": 1_048_575, "profile": 16_777_215}
_LONGEST_TAG = {"key": 255, "value": 500}

Answer = dict[str, Any]


async def log_inputs(session: Session) -> Answer:
    """Note the data sets and models that a run reads, all of them or none."""
    asked = session.parameters
    request = pb.LogBatchRequest(
        run_id=asked.run_id(),
        dataset_inputs=[dataset_input(each) for each in asked.objects("datasets")],
        model_inputs=model_inputs(asked),
    )
    await session.call("LogBatch", request)
    return {}


def dataset_input(given: Parameters) -> DatasetInput:
    """A data set of a request, with its tags. Raises MlflowError."""
    described = given.inner("dataset") or Parameters({})
    texts = {name: _within(name, described.text(name, ""), most) for name, most in _LONGEST.items()}
    tags: dict[str, str] = {}
    for each in given.objects("tags"):
        key, value = (_within(name, each.text(name, ""), most) for name, most in _LONGEST_TAG.items())
        tags[key] = value
    context = tags.pop(DATA_CONTEXT, "")
    return DatasetInput(**texts, source_type=described.text("source_type", ""), context=context, tags=tags)


async def search(session: Session) -> Answer:
    """The data sets that runs of some experiments read."""
    experiment_ids = session.parameters.texts("experiment_ids")
    if not experiment_ids:
        raise invalid("SearchDatasets request must specify at least one experiment_id.")
    if len(experiment_ids) > _EXPERIMENTS:
        raise invalid(
            f"SearchDatasets request cannot specify more than {_EXPERIMENTS} experiment_ids."
            f" Received {len(experiment_ids)} experiment_ids."
        )
    request = pb.SearchDatasetsRequest(workspace=session.workspace, experiment_ids=experiment_ids)
    found = await session.call("SearchDatasets", request)
    summaries = [
        {
            "experiment_id": one.experiment_id,
            "name": one.name,
            "digest": one.digest,
            **({"context": one.context} if one.context else {}),
        }
        for one in found.datasets
    ]
    return {"dataset_summaries": summaries} if summaries else {}


def _within(name: str, text: str, most: int) -> str:
    if len(text) > most:
        raise invalid(f"'{name}' exceeds the maximum length of {most} characters")
    return text


ROUTES: Routes = {
    "/runs/log-inputs": {"POST": log_inputs},
    "/experiments/search-datasets": {"POST": search},
}
