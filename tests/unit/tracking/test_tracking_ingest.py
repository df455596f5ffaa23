"""Ingest, ListSeries and ReadSeries, in this process, over every store."""

from __future__ import annotations

import math
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.tracking_service import (
    RUN,
    Clock,
    append,
    bits,
    call,
    ingest,
    open_writer,
    params,
    points,
    series,
    start,
)
from support.tracking_stores import ADAPTERS, open_tracking_store
from trackway.api.metrics.v1 import ingest_pb2 as pb
from trackway.api.tracking.v1 import tracking_service_pb2 as rpc
from trackway_server.core.auth.principal import Principal, Role
from trackway_server.core.errors import DomainError, Reason
from trackway_server.tracking.config import TrackingSettings
from trackway_server.tracking.module import serve

OTHER = "e" * 32
STRANGE = np.array(
    [0, 1 << 63, 0x7FF8000000000001, 0xFFF800000BADF00D, 0x7FF0000000000000, 0xFFF0000000000000, 1, 0x7FF0000000000001],
    dtype=np.uint64,
).view(np.float64)


@pytest.fixture(params=ADAPTERS)
async def service(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    async with open_tracking_store(request.param, tmp_path) as store:
        async with serve(store, TrackingSettings(), Clock()) as binding:
            yield binding.servicer


async def read(service: Any, key: str = "loss", **fields: Any) -> list[Any]:
    request = rpc.ReadSeriesRequest(run_ids=[RUN], series={"keys": [key], **fields})
    return [response.points async for response in service.ReadSeries(request, call())]


async def get(service: Any) -> Any:
    return (await service.GetRun(rpc.GetRunRequest(run_id=RUN), call())).run


async def begin(service: Any, *records: pb.Record) -> None:
    answers = await ingest(service, [open_writer(1), append(0, start(), *records)])
    assert answers.error is None
    assert answers.durable == 1 + len(records)


async def test_a_run_streams_in_and_is_read_back(service: Any) -> None:
    answers = await ingest(
        service,
        [
            open_writer(1, labels={"rank": "0"}),
            append(
                0, start(run_name="first", experiment_name="light"), params(lr="0.1"), series(0), series(1, rank="1")
            ),
            append(4, points([1.0, 10.0, 2.0, 20.0], 0, 1, first_step=-3), count=2),
            append(6, pb.Record(run_status=pb.RunStatusChange(status=3, time_us=9, message="done"))),
        ],
    )
    assert answers.error is None
    assert (answers.opened.durable_sequence, answers.durable) == (0, 7)
    run = await get(service)
    assert (run.run_name, dict(run.params), run.status, run.end_time_us) == ("first", {"lr": "0.1"}, 3, 9)
    assert [(dict(one.context), one.count, one.last_value, one.last_step) for one in run.metrics] == [
        ({}, 2, 2.0, -2),
        ({"rank": "1"}, 2, 20.0, -2),
    ]
    (chunk,) = await read(service, context={"rank": "1"})
    assert (list(chunk.values), list(chunk.steps), list(chunk.times_us)) == ([10.0, 20.0], [-3, -2], [7, 7])
    assert list(chunk.sequences) == [4, 5]
    assert len(await read(service, any_context=True)) == 2


async def test_every_bit_of_every_column_comes_back(service: Any) -> None:
    rng = np.random.default_rng(1)
    rows = len(STRANGE)
    low, high = -(2**63), 2**63 - 1
    # Deltas are modulo 2^64: from the least to the greatest step and back.
    steps = [-1, 1, -1, 1, 0, 5, -9]
    await begin(service, series(0), series(1, "acc"))
    values = np.stack([STRANGE, rng.permutation(STRANGE)], axis=1)
    block = points(values.reshape(-1).tolist(), 0, 1, first_step=low, step_deltas=steps, time_deltas=[3] * (rows - 1))
    block.points.ClearField("values")
    block.points.MergeFromString(_packed_values(values))
    block.points.sequence_deltas.extend([2] * (rows - 1))
    answers = await ingest(service, [open_writer(2), append(3, block, count=2 * rows)])
    assert answers.error is None
    assert answers.durable == 3 + 2 * rows
    for column, key in enumerate(("loss", "acc")):
        (chunk,) = await read(service, key)
        assert bits(chunk.values) == bits(values[:, column])
        assert list(chunk.steps)[:4] == [low, high, low, high]
        assert list(chunk.times_us) == [7 + 3 * row for row in range(rows)]
        assert list(chunk.sequences) == [3 + 2 * row for row in range(rows)]
    for summary in (await get(service)).metrics:
        assert (summary.count, summary.nan_count) == (rows, 3)
        assert (summary.min_value, summary.max_value) == (-math.inf, math.inf)


async def test_two_numbers_of_one_series_are_read_as_one(service: Any) -> None:
    await begin(service, series(0), series(1))
    blocks = [points([1.0], 0), points([2.0], 1, at=1), points([3.0], 0, at=2)]
    assert (await ingest(service, [open_writer(2), append(3, *blocks)])).error is None
    (chunk,) = await read(service)
    assert list(chunk.values) == [1.0, 2.0, 3.0]
    (summary,) = (await get(service)).metrics
    assert (summary.count, summary.last_value) == (3, 3.0)


def _packed_values(values: np.ndarray) -> bytes:
    """The field `values` of a PointBlock on the wire: what no Python float can carry, a signalling NaN, included."""
    data = np.ascontiguousarray(values).tobytes()
    assert len(data) < 256
    return bytes([9 << 3 | 2, len(data) & 0x7F | 0x80, len(data) >> 7]) + data


async def test_overlaps_and_replays_are_stored_once(service: Any) -> None:
    await begin(service, series(0))
    whole = points([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], 0, at=0)
    for epoch, (first, end) in enumerate([(0, 3), (0, 6), (2, 5), (3, 6)], start=2):
        part = points([float(value) for value in range(first, end)], 0, first_step=first)
        answers = await ingest(service, [open_writer(epoch), append(2 + first, part, count=end - first)])
        assert answers.error is None
    array = points([9.0, 9.5], 0, one_record=True)
    for epoch in (7, 8):
        assert (await ingest(service, [open_writer(epoch), append(8, array)])).durable == 9
    (chunk,) = await read(service)
    assert list(chunk.values) == [*whole.points.values, 9.0, 9.5]
    assert list(chunk.sequences) == [2, 3, 4, 5, 6, 7, 8, 8]


async def test_a_gap_ends_the_stream_after_what_came_before_it(service: Any) -> None:
    await begin(service, series(0))
    answers = await ingest(
        service, [open_writer(2), append(2, points([1.0], 0)), append(9, points([2.0], 0)), append(3, points([3.0], 0))]
    )
    assert answers.refusal is not None
    assert (answers.refusal.reason, answers.refusal.durable_sequence, answers.refusal.retryable) == (
        Reason.SEQUENCE_GAP.number,
        3,
        False,
    )
    assert answers.error is not None
    assert answers.error.metadata["durable_sequence"] == "3"
    (chunk,) = await read(service)
    assert list(chunk.values) == [1.0]


async def test_older_streams_are_fenced_and_strangers_refused(service: Any) -> None:
    await begin(service)
    await ingest(service, [open_writer(5)])
    for opening, reason in (
        (open_writer(5), Reason.WRITER_FENCED),
        (open_writer(4), Reason.WRITER_FENCED),
        (open_writer(6, run_id=OTHER), Reason.WRITER_FOREIGN),
        (open_writer(2**64 - 1), Reason.INVALID_FIELD),
        (open_writer(6, workspace="other"), Reason.WORKSPACE_NOT_FOUND),
    ):
        answers = await ingest(service, [opening, append(1, params(a="1"))])
        assert answers.refusal is not None
        assert answers.refusal.reason == reason.number
        assert answers.error is not None
        assert answers.error.reason is reason
    eve = call(Principal("eve", {"default": Role.EDITOR}))
    answers = await ingest(service, [open_writer(6)], eve)
    assert answers.error is not None
    assert answers.error.reason is Reason.WRITER_FOREIGN


async def test_another_history_is_refused(service: Any) -> None:
    sums = [zlib.crc32(bytes([n])).to_bytes(4, "little") for n in range(4)]
    first = append(0, start(), params(a="1"), record_checksums=sums[0] + sums[1])
    assert (await ingest(service, [open_writer(1), first])).error is None
    prefix = zlib.crc32(sums[0] + sums[1])
    right = append(2, params(b="1"), record_checksums=sums[2], prefix_checksum=prefix)
    answers = await ingest(service, [open_writer(2), right])
    assert (answers.opened.prefix_checksum, answers.durable) == (prefix, 3)
    for wrong in (
        append(3, params(c="1"), record_checksums=sums[3], prefix_checksum=prefix),
        append(1, params(c="1"), count=3, record_checksums=sums[3] * 3, prefix_checksum=zlib.crc32(sums[0])),
    ):
        epoch = 3 if wrong.append.first_sequence == 3 else 4
        answers = await ingest(service, [open_writer(epoch), wrong])
        assert answers.refusal is not None
        assert answers.refusal.reason == Reason.WRITER_DIVERGED.number
    short = append(3, params(c="1"), record_checksums=b"123", prefix_checksum=0)
    answers = await ingest(service, [open_writer(5), short])
    assert answers.refusal is not None
    assert answers.refusal.reason == Reason.INVALID_FIELD.number


async def test_refused_records_do_not_take_their_neighbours_along(service: Any) -> None:
    await begin(service, series(0), params(a="1"))
    bad = [
        params(a="2"),
        points([1.0], 7),
        points([1.0, 2.0, 3.0], 0, row_count=2),
        points([1.0, 2.0], 0, 0),
        points([1.0], 0, time_deltas=[1, 2]),
        points([1.0], 0, one_record=True, sequence_deltas=[1]),
        points([1.0, 2.0], 0, sequence_deltas=[0]),
        points([1.0] * 100, 0),
        series(0),
        series(2_000_000, "x"),
        series(1, "/leading"),
        pb.Record(params=pb.ParamsSet(params={"../x": "1"})),
        pb.Record(params=pb.ParamsSet(params={"x": "a\0b"})),
        pb.Record(run_status=pb.RunStatusChange(status=9)),
        pb.Record(),
    ]
    # Every bad record names an ordinal of its own, so that rows of one do not stand for another.
    for offset, record in enumerate(bad):
        record.sequence_offset = 2 * offset
    good = [params(b="2"), points([5.0], 0)]
    good[0].sequence_offset, good[1].sequence_offset = 2 * len(bad), 2 * len(bad) + 1
    request = pb.IngestRequest(
        append=pb.AppendRecords(first_sequence=3, record_count=2 * len(bad) + 2, records=[*bad, *good])
    )
    answers = await ingest(service, [open_writer(2), request])
    assert answers.error is None
    assert answers.durable == 3 + 2 * len(bad) + 2
    refused = {sequence for sequence, _ in answers.refused_records}
    assert {3 + 2 * offset for offset in range(len(bad))} <= refused
    reasons = dict(answers.refused_records)
    assert reasons[3] == "ERROR_REASON_PARAM_IMMUTABLE"
    assert reasons[5] == "ERROR_REASON_SERIES_UNDEFINED"
    run = await get(service)
    assert dict(run.params) == {"a": "1", "b": "2"}
    assert run.refused_count == len(answers.refused_records)
    (chunk,) = await read(service)
    assert list(chunk.values) == [5.0]
    kept = await service.ListRefusedRecords(rpc.ListRefusedRecordsRequest(run_id=RUN), call())
    assert [one.refused.sequence for one in kept.records] == sorted(one for one, _ in answers.refused_records)


async def test_a_thousand_refusals_are_kept_and_all_counted(service: Any) -> None:
    await begin(service)
    answers = await ingest(service, [open_writer(2), append(1, points([1.0] * 1500, 3), count=1500)])
    assert len(answers.refused_records) == 1500
    assert max(len(one.acknowledged.refused) for one in answers.responses) == 1000
    assert (await get(service)).refused_count == 1500
    kept = await service.ListRefusedRecords(rpc.ListRefusedRecordsRequest(run_id=RUN), call())
    assert [one.refused.sequence for one in kept.records] == list(range(1, 1001))


async def test_a_rank_may_arrive_before_the_run(service: Any) -> None:
    early = [open_writer(1, writer_id=OTHER), append(0, series(0, rank="1"), points([1.0], 0, at=1))]
    answers = await ingest(service, early)
    assert answers.refusal is not None
    assert (answers.refusal.reason, answers.refusal.retryable) == (Reason.RUN_NOT_FOUND.number, True)
    assert answers.refusal.durable_sequence == 0
    await begin(service)
    again = await ingest(service, [open_writer(2, writer_id=OTHER), *early[1:]])
    assert (again.error, again.durable) == (None, 2)
    (chunk,) = await read(service, any_context=True)
    assert (chunk.writer_id, list(chunk.values)) == (OTHER, [1.0])


async def test_deleted_runs_and_experiments_take_nothing(service: Any) -> None:
    await begin(service, series(0))
    await service.DeleteRun(rpc.DeleteRunRequest(run_id=RUN), call())
    answers = await ingest(service, [open_writer(2), append(2, points([1.0], 0))])
    assert answers.refusal is not None
    assert (answers.refusal.reason, answers.refusal.durable_sequence) == (Reason.RUN_DELETED.number, 2)
    assert not answers.refusal.retryable
    await service.CreateExperiment(rpc.CreateExperimentRequest(name="gone"), call())
    await service.DeleteExperiment(rpc.DeleteExperimentRequest(experiment_id="1"), call())
    late = [open_writer(1, OTHER, OTHER), append(0, start(experiment_name="gone"))]
    answers = await ingest(service, late)
    assert answers.refusal is not None
    assert answers.refusal.reason == Reason.EXPERIMENT_DELETED.number
    await service.RestoreExperiment(rpc.RestoreExperimentRequest(experiment_id="1"), call())
    assert (await ingest(service, [open_writer(2, OTHER, OTHER), late[1]])).durable == 1


async def test_a_start_is_repeated_without_effect_and_another_is_refused(service: Any) -> None:
    await begin(service)
    again = [open_writer(1, writer_id=OTHER), append(0, start(), start(run_name="other"))]
    answers = await ingest(service, again)
    assert answers.refused_records == [(1, "ERROR_REASON_RUN_ALREADY_EXISTS")]
    invalid = await ingest(service, [open_writer(1, OTHER, "9" * 32), append(0, start(run_name="a\nb"))])
    assert invalid.refusal is not None
    assert (invalid.refusal.reason, invalid.refusal.retryable) == (Reason.INVALID_FIELD.number, False)


async def test_series_survive_a_reconnect(service: Any) -> None:
    await begin(service, series(0), series(1, "acc"))
    assert (await ingest(service, [open_writer(2), append(3, points([1.0, 0.5], 0, 1))])).refused_records == []
    (chunk,) = await read(service, "acc")
    assert list(chunk.values) == [0.5]


async def test_messages_out_of_order_are_malformed(service: Any) -> None:
    for messages in (
        [append(0, start())],
        [pb.IngestRequest()],
        [open_writer(1), open_writer(2)],
        [open_writer(3), pb.IngestRequest()],
    ):
        answers = await ingest(service, messages)
        assert answers.refusal is not None
        assert answers.refusal.reason == Reason.MALFORMED_REQUEST.number
    assert (await ingest(service, [])).responses == []


async def test_an_ordinal_without_a_record_is_passed_over(service: Any) -> None:
    await begin(service)
    answers = await ingest(service, [open_writer(2), append(1, count=5)])
    assert (answers.error, answers.durable) == (None, 6)


async def test_series_are_paged_and_missing_ones_told(service: Any) -> None:
    definitions = [series(number, f"k{number % 2}", rank=str(number)) for number in range(6)]
    await begin(service, *definitions, points([float(n) for n in range(6)], *range(6), at=7))
    request, found = rpc.ListSeriesRequest(run_id=RUN, page_size=2), []
    while True:
        page = await service.ListSeries(request, call())
        found += page.series
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert [one.key for one in found] == ["k0"] * 3 + ["k1"] * 3
    assert sorted(one.last_value for one in found) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    of_key = await service.ListSeries(rpc.ListSeriesRequest(run_id=RUN, key="k1"), call())
    assert {one.context["rank"] for one in of_key.series} == {"1", "3", "5"}
    for missing in ({"key": "absent", "any_context": True}, {"key": "k0"}):
        with pytest.raises(DomainError) as caught:
            await read(service, **missing)
        assert caught.value.reason is Reason.SERIES_NOT_FOUND
    (of_rank,) = await read(service, "k0", any_context=True, context={"rank": "0"})
    assert of_rank.context == {"rank": "0"}


async def test_tags_and_data_sets_arrive(service: Any) -> None:
    data = pb.DatasetInput(name="d", digest="x", source="s")
    await begin(
        service,
        pb.Record(tags=pb.TagsChange(set={"a": "1", "b": "2", "mlflow.runName": "named"})),
        pb.Record(tags=pb.TagsChange(set={"b": "3"}, delete=["a", "absent"])),
        pb.Record(dataset_input=data),
        pb.Record(dataset_input=data),
    )
    run = await get(service)
    assert dict(run.tags) == {"b": "3", "mlflow.runName": "named"}
    assert (run.run_name, list(run.dataset_inputs)) == ("named", [data])


async def test_a_large_history_is_read_in_chunks_in_order(service: Any) -> None:
    await begin(service, series(0), series(1))
    count, first = 70_000, 3
    values = np.arange(count, dtype=np.float64)
    messages = [open_writer(2)]
    for offset in range(0, count, 10_000):
        part = values[offset : offset + 10_000]
        messages.append(append(first + offset, points(part.tolist(), 0, first_step=offset), count=len(part)))
    answers = await ingest(service, messages)
    assert answers.durable == first + count
    chunks = await read(service)
    assert max(len(chunk.values) for chunk in chunks) <= 65_536
    assert np.concatenate([np.asarray(chunk.values) for chunk in chunks]).tolist() == values.tolist()
    (summary,) = (await get(service)).metrics
    assert (summary.count, summary.last_value, summary.max_step) == (count, count - 1, count - 1)


async def test_a_version_of_a_model_is_no_run(service) -> None:
    answers = await ingest(service, [open_writer(1, run_id="digits/3")])
    assert answers.refusal is not None and not answers.refusal.retryable
    assert answers.error is not None
    assert answers.error.reason is Reason.INVALID_FIELD


async def test_heartbeats_are_asked_for_and_store_nothing(service) -> None:
    heartbeat = pb.IngestRequest(heartbeat=pb.WriterHeartbeat())
    answers = await ingest(service, [open_writer(1), heartbeat, append(0, start()), heartbeat])
    assert answers.opened.heartbeat_interval_ms == 30_000
    assert (answers.durable, len(answers.responses), answers.error) == (1, 2, None)
    answers = await ingest(service, [heartbeat])
    assert answers.error is not None
    assert answers.error.reason is Reason.MALFORMED_REQUEST
