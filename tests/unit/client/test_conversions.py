"""Messages become values, numbers bit for bit, also where protobuf has no fast way out (before 7.35)."""

from __future__ import annotations

import copy
import math
import pickle
import struct
from collections.abc import Sequence
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway._ids import new_id
from trackway._rpc import convert, series
from trackway._rpc.columns import column
from trackway._rpc.digests import manifest_digest
from trackway.api.metrics.v1 import ingest_pb2, series_pb2
from trackway.api.registry.v1 import resources_pb2 as registry_pb2
from trackway.api.tracking.v1 import resources_pb2 as tracking_pb2
from trackway.types import Dataset, Manifest, ManifestFile

BITS = st.integers(0, 2**64 - 1)


class WithoutArray(Sequence[Any]):
    """Repeated numbers as protobuf 6.31 has them."""

    def __init__(self, values: Sequence[Any]) -> None:
        self._values = values

    def __getitem__(self, index: Any) -> Any:
        return self._values[index]

    def __len__(self) -> int:
        return len(self._values)


def doubles(bits: list[int]) -> Any:
    """A message as it comes off the wire."""
    packed = b"".join(struct.pack("<Q", each) for each in bits)
    message = series_pb2.PointColumns.FromString(series_pb2.PointColumns(values=[0.0] * len(bits)).SerializeToString())
    assert len(message.values) == len(bits)
    return series_pb2.PointColumns(values=struct.unpack(f"<{len(bits)}d", packed)).values


@given(st.lists(BITS, max_size=20))
def test_doubles_keep_their_bits(bits: list[int]) -> None:
    # A signalling NaN is the one thing that a trip through the processor may quieten.
    bits = [each for each in bits if not math.isnan(struct.unpack("<d", struct.pack("<Q", each))[0])]
    values = doubles(bits)
    for source in (values, WithoutArray(values)):
        assert column(source, np.float64).view(np.uint64).tolist() == bits


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0, 5e-324])
def test_special_doubles_keep_their_bits(value: float) -> None:
    values = series_pb2.PointColumns(values=[value]).values
    for source in (values, WithoutArray(values)):
        assert column(source, np.float64).tobytes() == struct.pack("<d", value)


@pytest.mark.parametrize("values", [[], [-(2**63), 2**63 - 1, 0, -1]])
def test_steps_keep_their_range(values: list[int]) -> None:
    steps = series_pb2.PointColumns(steps=values).steps
    for source in (steps, WithoutArray(steps)):
        array = column(source, np.int64)
        assert array.dtype == np.int64
        assert array.tolist() == values


def points(writer: str, context: dict[str, str], *values: float, first: int = 0) -> series_pb2.PointColumns:
    rows = range(first, first + len(values))
    return series_pb2.PointColumns(
        key="loss", context=context, writer_id=writer, values=values, steps=rows, times_us=rows, sequences=rows
    )


def test_parts_are_joined_by_context_and_writer() -> None:
    joined = series.points(
        [
            points("b", {"rank": "0"}, 1, 2),
            points("a", {"rank": "1"}, 9),
            points("b", {"rank": "0"}, 3, first=2),
            points("a", {}, 7),
            points("a", {"rank": "0"}, 4),
        ]
    )
    assert [(dict(each.context), each.writer_id, each.values.tolist()) for each in joined] == [
        ({}, "a", [7]),
        ({"rank": "0"}, "a", [4]),
        ({"rank": "0"}, "b", [1, 2, 3]),
        ({"rank": "1"}, "a", [9]),
    ]
    assert joined[2].steps.tolist() == joined[2].sequences.tolist() == [0, 1, 2]
    assert len(joined[2]) == 3


def test_a_run_has_mlflows_shape() -> None:
    message = tracking_pb2.Run(
        run_id="1" * 32,
        experiment_id="0",
        status=tracking_pb2.RUN_STATUS_FAILED,
        lifecycle_stage=tracking_pb2.LIFECYCLE_STAGE_DELETED,
        start_time_us=1_500_000,
        params={"lr": "0.1"},
        tags={"a": "b"},
        metrics=[
            series_pb2.SeriesSummary(key="loss", last_value=0.5),
            series_pb2.SeriesSummary(key="loss", context={"rank": "0"}, last_value=0.7),
        ],
        dataset_inputs=[ingest_pb2.DatasetInput(name="digits", digest="d", context="training")],
    )
    run = convert.run(message)
    assert (run.info.status, run.info.lifecycle_stage, run.info.start_time) == ("FAILED", "deleted", 1500)
    assert (run.info.end_time, run.info.end_time_us, run.info.parent_run_id) == (None, None, None)
    assert (run.data.params, run.data.metrics, run.data.tags) == ({"lr": "0.1"}, {"loss": 0.5}, {"a": "b"})
    assert [dict(each.context) for each in run.data.series] == [{}, {"rank": "0"}]
    assert run.inputs.dataset_inputs[0].dataset == Dataset("digits", "d")
    assert run.info.artifact_uri == f"runs:/{'1' * 32}"


def test_a_kind_of_event_that_a_newer_server_added_is_passed_on() -> None:
    event = convert.event(registry_pb2.Event(kind=registry_pb2.EventKind.ValueType(99)))
    assert event.kind == "UNKNOWN_99"
    assert event.version is None


def test_the_digest_of_a_manifest_is_as_the_contract_says() -> None:
    files = (
        ManifestFile("b", "sha256:bb", 2),
        ManifestFile("\U0001f600", "sha256:cc", 3),
        ManifestFile("\uffff", "sha256:aa", 1),
    )
    listing = "sha256:bb 2 b\nsha256:aa 1 \uffff\nsha256:cc 3 \U0001f600\n"
    import hashlib

    assert manifest_digest(Manifest("", 0, files)) == f"sha256:{hashlib.sha256(listing.encode()).hexdigest()}"


def test_ids_are_uuids_of_version_7_in_the_order_of_time() -> None:
    import uuid

    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all((uuid.UUID(each).version, uuid.UUID(each).variant) == (7, uuid.RFC_4122) for each in ids)
    assert [each[:12] for each in ids] == sorted(each[:12] for each in ids)


def test_summaries_made_late_are_the_same_values() -> None:
    message = tracking_pb2.Run(
        run_id="a" * 32,
        params={"lr": "0.1"},
        metrics=[
            series_pb2.SeriesSummary(key="loss", last_value=0.5),
            series_pb2.SeriesSummary(key="acc", last_value=1),
        ],
    )
    run, asked = convert.run(message), convert.run(message)
    assert [summary.key for summary in asked.data.series] == ["loss", "acc"]
    assert asked.data.series is asked.data.series
    assert run == asked
    for copied in (pickle.loads(pickle.dumps(run)), copy.deepcopy(convert.run(message)), replace(run, info=run.info)):
        assert copied == asked
        assert repr(copied) == repr(asked)
    with pytest.raises(FrozenInstanceError):
        run.data.series = ()  # type: ignore[misc]
