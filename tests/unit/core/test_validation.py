"""The validator on our own protos."""

from __future__ import annotations

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from trackway.api.artifacts.v1 import artifact_store_service_pb2 as artifacts
from trackway.api.metrics.v1 import ingest_pb2 as ingest
from trackway.api.registry.v1 import model_registry_service_pb2 as registry
from trackway.api.tracking.v1 import tracking_service_pb2 as tracking
from trackway_server.core.errors import Reason
from trackway_server.core.rpc.validation import _checks_of, validate, violations
from trackway_server.core.rpc.violations import InvalidFieldsError

RUN = "0" * 32


def fields(message) -> list[str]:
    return [violation.field for violation in violations(message)]


def test_a_message_within_its_limits_passes() -> None:
    start = ingest.RunStart(experiment_name="e", tags={"a": "b"})
    validate(tracking.CreateRunRequest(run_id=RUN, workspace="default", start=start))


def test_required_scalars_messages_and_collections() -> None:
    assert fields(tracking.CreateRunRequest()) == ["run_id", "start"]
    assert fields(ingest.PointBlock(row_count=1)) == ["series_ids"]


def test_an_empty_optional_scalar_has_no_limit() -> None:
    assert fields(tracking.GetExperimentRequest()) == []


def test_numbers_have_a_range() -> None:
    assert fields(tracking.SearchRunsRequest(page_size=1001)) == ["page_size"]
    assert fields(tracking.SearchRunsRequest(page_size=-1)) == ["page_size"]
    assert fields(registry.GetVersionRequest(name="m", version=-1)) == ["version"]


def test_lengths_count_characters_or_utf8_bytes() -> None:
    assert fields(tracking.CreateExperimentRequest(name="é" * 500)) == []
    assert fields(tracking.CreateExperimentRequest(name="é" * 501)) == ["name"]
    path = "é" * 513
    assert fields(artifacts.UploadHeader(owner=f"runs/{RUN}", path=path)) == ["path"]
    assert fields(artifacts.UploadHeader(owner=f"runs/{RUN}", path=path[:512])) == []


def test_elements_are_named_by_index_and_key() -> None:
    assert fields(tracking.SearchRunsRequest(experiment_ids=["1", "x", "2", "01"])) == [
        "experiment_ids[1]",
        "experiment_ids[3]",
    ]
    tags = {"a/../b": "v"}
    assert fields(tracking.CreateExperimentRequest(name="e", tags=tags)) == ['tags["a/../b"]']
    start = ingest.RunStart(tags={"k": "x" * 1_048_577})
    assert fields(tracking.CreateRunRequest(run_id=RUN, start=start)) == ['start.tags["k"]']


def test_an_empty_key_of_a_map_is_refused() -> None:
    assert fields(tracking.CreateExperimentRequest(name="e", tags={"": "v"})) == ['tags[""]']


def test_collections_have_a_size() -> None:
    assert fields(tracking.SearchRunsRequest(experiment_ids=["1"] * 1001)) == ["experiment_ids"]
    assert fields(tracking.LogBatchRequest(run_id=RUN, dataset_inputs=[ingest.DatasetInput()])) == [
        "dataset_inputs[0].name",
        "dataset_inputs[0].digest",
    ]


def test_messages_in_a_oneof() -> None:
    assert fields(ingest.IngestRequest(open=ingest.OpenWriter(subject_id=RUN, writer_id="x", epoch=1))) == [
        "open.writer_id"
    ]
    assert fields(ingest.IngestRequest()) == []


def test_unknown_values_of_an_enum_are_refused() -> None:
    assert fields(tracking.SearchRunsRequest(view=77)) == ["view"]


def test_at_most_eight_violations_are_told() -> None:
    assert len(violations(tracking.SearchRunsRequest(experiment_ids=["x"] * 100))) == 8


def test_records_are_left_to_the_service() -> None:
    """A record that breaks a limit is refused alone, so the message that carries it passes."""
    broken = ingest.Record(params=ingest.ParamsSet(params={"../x": "v"}))
    append = ingest.AppendRecords(record_count=1, records=[broken])
    assert fields(ingest.IngestRequest(append=append)) == []
    assert fields(broken) == ['params.params["../x"]']


def test_points_are_not_looked_at() -> None:
    block = ingest.PointBlock.DESCRIPTOR
    assert len(_checks_of(block)) == 2  # row_count, series_ids


def test_messages_without_limits_cost_nothing() -> None:
    assert _checks_of(tracking.RestoreRunResponse.DESCRIPTOR) == ()


def test_an_artifact_path_has_a_reason_of_its_own() -> None:
    with pytest.raises(InvalidFieldsError) as refused:
        validate(artifacts.UploadHeader(owner=f"runs/{RUN}", path="../x"))
    assert refused.value.reason is Reason.ARTIFACT_PATH_INVALID
    assert refused.value.metadata == {"path": "path"}


REQUESTS = [
    tracking.CreateRunRequest,
    tracking.LogBatchRequest,
    ingest.IngestRequest,
    ingest.Record,
    artifacts.UploadArtifactRequest,
    registry.CreateVersionRequest,
]


@pytest.mark.parametrize("request_type", REQUESTS, ids=lambda kind: kind.DESCRIPTOR.name)
@given(raw=st.binary(max_size=200))
def test_whatever_parses_is_validated_without_a_failure(request_type, raw: bytes) -> None:
    try:
        message = request_type.FromString(raw)
    except DecodeError:
        return
    assert all(violation.description for violation in violations(message))


def test_no_text_has_the_character_that_postgresql_cannot_store() -> None:
    assert fields(tracking.CreateExperimentRequest(name="a\0b")) == ["name"]
    assert fields(ingest.ParamsSet(params={"a": "b\0", "c": "d"})) == ['params["a"]']
    assert fields(ingest.TagsChange(set={"a": "\0"}, delete=["b\0"])) == ['set["a"]', "delete[0]"]
    assert fields(ingest.RunStart(user_id="\0", run_name="fine")) == ["user_id"]
