"""Batches as messages: protobuf reads from the hand-written bytes what the batch held."""

from __future__ import annotations

import numpy as np
from google.protobuf.json_format import MessageToDict
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trackway._ingest.batch import Batch, Block
from trackway._ingest.spool import Kind
from trackway._ingest.wire import append_message
from trackway.api.metrics.v1.ingest_pb2 import IngestRequest, PointBlock

int64 = st.integers(-(2**63), 2**63 - 1)


@st.composite
def blocks(draw: st.DrawFn, first: int) -> Block:
    rows, columns = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    one_record = draw(st.booleans())
    gaps = draw(st.lists(st.integers(1, 300), min_size=rows, max_size=rows))
    sequences = np.full(rows, first + 3) if one_record else first + np.cumsum(gaps)
    return Block(
        sequences.astype(np.uint64),
        tuple(draw(st.lists(st.integers(0, 2**24 - 1), min_size=columns, max_size=columns, unique=True))),
        draw(hnp.arrays(np.int64, rows, elements=int64)),
        draw(hnp.arrays(np.int64, rows, elements=int64)),
        draw(hnp.arrays(np.float64, (rows, columns), elements=st.floats(allow_nan=True))),
        one_record,
    )


def decoded(block: PointBlock, first_sequence: int) -> tuple[list[int], list[int], list[int], bytes]:
    """What a reader in another language makes of a block, by the words of the proto alone."""
    rows = block.row_count

    def column(first: int, deltas: list[int], default: int) -> list[int]:
        out = [first]
        for row in range(rows - 1):
            value = (out[-1] + (deltas[row] if deltas else default)) % 2**64
            out.append(value - 2**64 if value >= 2**63 else value)
        return out

    sequences = [first_sequence] * rows if block.one_record else column(first_sequence, list(block.sequence_deltas), 1)
    times = column(block.first_time_us, list(block.time_deltas), 0)
    steps = column(block.first_step, list(block.step_deltas), 1)
    return sequences, times, steps, np.array(block.values, "<f8").tobytes()


@settings(deadline=None, max_examples=200)
@given(data=st.data(), first=st.integers(0, 2**40))
def test_a_block_means_the_same_on_both_sides(data: st.DataObject, first: int) -> None:
    sent = data.draw(blocks(first))
    batch = Batch(first, 4000, 7, b"\1\2\3\4" * 4000, blocks=[sent])
    append = IngestRequest.FromString(append_message(batch)).append
    assert (append.first_sequence, append.record_count, append.prefix_checksum) == (first, 4000, 7)
    assert append.record_checksums == batch.checksums
    (record,) = append.records
    sequences, times, steps, values = decoded(record.points, first + record.sequence_offset)
    assert sequences == sent.sequences.tolist()
    assert times == sent.times.tolist()
    assert steps == sent.steps.tolist()
    assert values == np.ascontiguousarray(sent.values).tobytes()
    assert tuple(record.points.series_ids) == sent.series


def test_objects_become_messages_and_text_that_utf8_cannot_hold_is_marked() -> None:
    objects = [
        (5, Kind.PARAMS, {"params": {"file": "caf\udce9"}}),
        (6, Kind.SERIES, {"series_id": 3, "key": "loss", "context": {"rank": "1"}}),
        (8, Kind.RUN_STATUS, {"status": 4, "time_us": 9, "message": "boom"}),
    ]
    append = IngestRequest.FromString(append_message(Batch(5, 4, 0, bytes(16), objects=objects))).append
    found = [MessageToDict(record, preserving_proto_field_name=True) for record in append.records]
    assert found == [
        {"params": {"params": {"file": "caf?"}}},
        {"sequence_offset": 1, "series": {"series_id": 3, "key": "loss", "context": {"rank": "1"}}},
        {"sequence_offset": 3, "run_status": {"status": 4, "time_us": "9", "message": "boom"}},
    ]
