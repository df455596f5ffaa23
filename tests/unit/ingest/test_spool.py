"""The spool: what a writer recorded is what a reader finds, whatever happened in between."""

from __future__ import annotations

import errno
import gc
import math
import os
import signal
import struct
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway._ingest.adoption import adopt
from trackway._ingest.meta import Meta, SpoolDamaged
from trackway._ingest.reader import SpoolReader, drop_acknowledged
from trackway._ingest.segment import SIZES
from trackway._ingest.spool import HEADER, RECORD, Kind, segment_name, segment_numbers
from trackway._ingest.writer import Writer

RUN = "0190aaaabbbb7cccadddeeeeffff0000"


@pytest.fixture(autouse=True)
def no_uplink(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_UPLINK", "off")


@pytest.fixture(params=["mmap", "write"])
def io(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TRACKWAY_SPOOL_IO", request.param)
    return str(request.param)


def open_writer(root: Path, **options: object) -> Writer:
    arguments: dict[str, object] = {"uri": "trackway://127.0.0.1:1", "spool_root": str(root), "owns_run": True}
    return Writer.open(RUN, **{**arguments, **options})  # type: ignore[arg-type]


Point = tuple[str, int, int, bytes]


def points_of(directory: Path) -> list[Point]:
    """(key, step, time, bits of the value) of every point, in the order of the records."""
    reader = SpoolReader(directory)
    keys: dict[int, str] = {}
    found: list[tuple[int, int, Point]] = []
    while batch := reader.read(max_points=1000):
        for _, kind, fields in batch.objects:
            if kind == Kind.SERIES:
                keys[fields["series_id"]] = fields["key"] + "".join(f"|{k}={v}" for k, v in fields["context"].items())
        for block in batch.blocks:
            for row in range(len(block.steps)):
                for column, series in enumerate(block.series):
                    bits = struct.pack("<d", block.values[row, column])
                    point = (keys[series], int(block.steps[row]), int(block.times[row]), bits)
                    found.append((int(block.sequences[row]), row, point))
    reader.close()
    return [point for _, _, point in sorted(found, key=lambda item: item[:2])]


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


doubles = st.floats(allow_nan=True, allow_infinity=True, width=64)
integers = st.integers(-(2**63), 2**63 - 1)
keys = st.sampled_from(["loss", "acc", "lr", "grad/norm"])


@settings(max_examples=60, deadline=None)
@given(
    calls=st.lists(
        st.one_of(
            st.tuples(st.just("metric"), keys, doubles, integers, integers),
            st.tuples(st.just("metrics"), st.dictionaries(keys, doubles, min_size=1), integers, integers),
            st.tuples(
                st.just("series"), keys, st.lists(st.tuples(integers, doubles, integers), min_size=1, max_size=5)
            ),
        ),
        max_size=30,
    ),
    mode=st.sampled_from(["mmap", "write"]),
)
def test_every_point_is_read_back_bit_for_bit_in_order(tmp_path_factory, calls, mode) -> None:
    os.environ["TRACKWAY_SPOOL_IO"] = mode
    writer = open_writer(tmp_path_factory.mktemp("spool"))
    expected: list[Point] = []
    for call in calls:
        if call[0] == "metric":
            _, key, value, step, time_us = call
            writer.log_metric(key, value, step, time_us)
            expected.append((key, step, time_us, bits(value)))
        elif call[0] == "metrics":
            _, values, step, time_us = call
            writer.log_metrics(values, step, time_us)
            expected.extend((key, step, time_us, bits(value)) for key, value in values.items())
        else:
            _, key, rows = call
            writer.log_series(key, [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows])
            expected.extend((key, step, time_us, bits(value)) for step, value, time_us in rows)
    writer.close()
    os.environ.pop("TRACKWAY_SPOOL_IO")
    assert points_of(Path(writer.directory)) == expected


def test_numpy_arrays_and_scalars_are_taken_as_they_are(tmp_path: Path, io: str) -> None:
    writer = open_writer(tmp_path)
    values = np.array([1.5, math.nan, -0.0, 5e-324])
    writer.log_series("a", np.array([3, 1, 2, 1], np.int32), values)
    writer.log_metric("b", np.float32(0.1), np.int64(7))
    writer.log_metrics({"a": np.float64(2), "b": True}, step=9)
    writer.close()
    found = points_of(Path(writer.directory))
    assert [(key, step, value) for key, step, _, value in found] == [
        ("a", 3, bits(1.5)),
        ("a", 1, values[1:2].tobytes()),
        ("a", 2, bits(-0.0)),
        ("a", 1, bits(5e-324)),
        ("b", 7, bits(float(np.float32(0.1)))),
        ("a", 9, bits(2.0)),
        ("b", 9, bits(1.0)),
    ]


def test_omitted_steps_count_for_each_series_and_contexts_tell_series_apart(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    for value in (1.0, 2.0):
        writer.log_metric("loss", value, context={"rank": "0"})
    writer.log_metric("loss", 3.0, context={"rank": "1"})
    writer.log_series("loss", None, [4.0, 5.0], context={"rank": "0"})
    writer.close()
    found = points_of(Path(writer.directory))
    assert [(key, step) for key, step, _, _ in found] == [
        ("loss|rank=0", 0),
        ("loss|rank=0", 1),
        ("loss|rank=1", 0),
        ("loss|rank=0", 2),
        ("loss|rank=0", 3),
    ]


def test_a_large_array_becomes_records_of_65536_rows_over_several_segments(tmp_path: Path, io: str) -> None:
    writer = open_writer(tmp_path)
    values = np.random.default_rng(1).random(300_000)
    writer.log_series("x", np.arange(300_000), values)
    writer.close()
    reader = SpoolReader(Path(writer.directory))
    blocks = [block for batch in iter(reader.read, None) for block in batch.blocks]
    assert [len(block.steps) for block in blocks] == [65_536] * 4 + [300_000 - 4 * 65_536]
    assert np.concatenate([block.values[:, 0] for block in blocks]).tobytes() == values.tobytes()
    assert np.concatenate([block.steps for block in blocks]).tolist() == list(range(300_000))


@pytest.mark.parametrize("call", ["metric", "metrics"])
@pytest.mark.parametrize("value", ["abc", None, [1.0], object()])
def test_what_is_no_number_is_refused_with_one_sentence(tmp_path: Path, call: str, value: object) -> None:
    writer = open_writer(tmp_path)
    with pytest.raises(TypeError, match="the value of metric 'loss' must be a number"):
        if call == "metric":
            writer.log_metric("loss", value, 0)  # type: ignore[arg-type]
        else:
            writer.log_metrics({"loss": value}, 0)  # type: ignore[dict-item]
    writer.log_metric("loss", 1.0, 5)
    writer.close()
    assert [step for _, step, _, _ in points_of(Path(writer.directory))] == [5]


@pytest.mark.parametrize("step", [2**63, -(2**63) - 1, 1.5])
def test_a_step_beyond_64_bits_or_a_fraction_is_refused(tmp_path: Path, step: float) -> None:
    writer = open_writer(tmp_path)
    with pytest.raises(ValueError, match="step must be an integer of 64 bits"):
        writer.log_metric("loss", 1.0, step)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["", "a/../b", "/a", "a//b", "a\nb", "x" * 251, "emoji 😀"])
def test_a_bad_key_is_refused_before_it_is_recorded(tmp_path: Path, key: str) -> None:
    writer = open_writer(tmp_path)
    with pytest.raises(ValueError, match="the name of a metric"):
        writer.log_metric(key, 1.0)
    assert writer.count == 0


def test_arrays_of_unequal_length_are_refused(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    with pytest.raises(ValueError, match="steps has 2 entries, but there are 3 values"):
        writer.log_series("x", [1, 2], [1.0, 2.0, 3.0])


def test_nothing_can_be_logged_after_close(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    writer.close()
    with pytest.raises(ValueError, match="nothing more can be logged"):
        writer.log_metric("loss", 1.0)


def test_a_torn_or_short_tail_is_cut_at_the_record_boundary(tmp_path: Path, io: str) -> None:
    writer = open_writer(tmp_path)
    for step in range(5):
        writer.log_metric("loss", float(step), step)
    path = Path(writer.directory) / segment_name(0)
    reader = SpoolReader(Path(writer.directory))
    while reader.read():
        pass
    _, end = reader.place
    whole = path.read_bytes()
    last = RECORD.size + struct.calcsize("<IIqqd")
    for cut in range(1, last + 1):
        path.write_bytes(whole[: end - cut])
        assert [step for _, step, _, _ in points_of(Path(writer.directory))] == [0, 1, 2, 3], cut
    for flipped in range(end - last + 8, end):
        path.write_bytes(whole[:flipped] + bytes([whole[flipped] ^ 0x10]) + whole[flipped + 1 :])
        assert [step for _, step, _, _ in points_of(Path(writer.directory))] == [0, 1, 2, 3], flipped


def test_a_reader_follows_a_writer_and_resumes_anywhere(tmp_path: Path, io: str) -> None:
    writer = open_writer(tmp_path)
    writer.set_tags({"first": "record"})
    reader = SpoolReader(Path(writer.directory))
    checksums = {0: 0}
    for step in range(3000):
        writer.log_metrics({"a": 1.0, "b": 2.0}, step)
        if step % 7 == 0:
            while batch := reader.read():
                checksums[batch.end] = reader.checksum
    for sequence, checksum in checksums.items():
        other = SpoolReader(Path(writer.directory))
        other.seek(sequence)
        assert (other.sequence, other.checksum) == (sequence, checksum)
    behind = SpoolReader(Path(writer.directory))
    behind.seek(writer.count + 10)
    assert behind.sequence == writer.count


def test_acknowledged_segments_are_deleted_and_the_rest_still_reads(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    for step in range(SIZES[0] // 40 + SIZES[1] // 40 + 100):
        writer.log_metrics({"a": 1.0}, step)
    directory = Path(writer.directory)
    reader = SpoolReader(directory)
    while reader.read():
        pass
    drop_acknowledged(reader, 10)
    assert segment_numbers(str(directory)) == [0, 1, 2]
    drop_acknowledged(reader, writer.count)
    assert segment_numbers(str(directory)) == [2]
    again = SpoolReader(directory)
    assert again.read() is not None
    while again.read():
        pass
    assert (again.sequence, again.checksum) == (reader.sequence, reader.checksum)
    with pytest.raises(SpoolDamaged, match="begins at record"):
        again.seek(5)


def test_a_missing_segment_is_named_not_skipped(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    for step in range(SIZES[0] // 40 + SIZES[1] // 40 + 100):
        writer.log_metric("a", 1.0, step)
    directory = Path(writer.directory)
    reader = SpoolReader(directory)
    reader.read()
    (directory / segment_name(1)).rename(directory / "elsewhere")
    (directory / segment_name(2)).rename(directory / segment_name(1))
    with pytest.raises(SpoolDamaged, match="records are missing"):
        while reader.read():
            pass


def test_a_vanished_process_is_closed_as_killed_the_same_way_in_every_copy(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "root")
    writer.log_metric("loss", 1.0, 3, time_us=1_000)
    directory = Path(writer.directory)
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", directory, copy], check=True)
    for folder in (directory, copy):
        adopt(folder, Meta.read(folder))
        adopt(folder, Meta.read(folder))
    readers = [SpoolReader(folder) for folder in (directory, copy)]
    found = [list(iter(reader.read, None)) for reader in readers]
    assert readers[0].closed and readers[0].status == 5
    assert readers[0].checksum == readers[1].checksum
    statuses = [fields for batch in found[0] for _, kind, fields in batch.objects if kind == Kind.RUN_STATUS]
    assert statuses == [
        {"status": 5, "time_us": statuses[0]["time_us"], "message": "the process vanished without ending the run"}
    ]


def test_a_joined_process_that_vanished_does_not_end_the_run(tmp_path: Path) -> None:
    writer = open_writer(tmp_path, owns_run=False)
    writer.log_metric("loss", 1.0)
    adopt(Path(writer.directory), Meta.read(Path(writer.directory)))
    reader = SpoolReader(Path(writer.directory))
    while reader.read():
        pass
    assert reader.closed and reader.status == 0


def test_adoption_writes_over_a_torn_record(tmp_path: Path, io: str) -> None:
    writer = open_writer(tmp_path)
    writer.log_metric("loss", 1.0, 0)
    directory = Path(writer.directory)
    reader = SpoolReader(directory)
    while reader.read():
        pass
    number, offset = reader.place
    with (directory / segment_name(number)).open("r+b") as file:
        file.seek(offset)
        file.write(RECORD.pack(4000, 123) + b"\xff" * 300)
    adopt(directory, Meta.read(directory))
    assert [step for _, step, _, _ in points_of(directory)] == [0]
    reader = SpoolReader(directory)
    while reader.read():
        pass
    assert reader.closed


def test_threads_lose_nothing(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)

    def log(name: str) -> None:
        for step in range(4000):
            writer.log_metric(name, float(step), step)
            if step % 3 == 0:
                writer.log_metrics({f"{name}/a": 1.0, f"{name}/b": 2.0}, step)

    threads = [threading.Thread(target=log, args=(f"t{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    steps: dict[str, list[int]] = {}
    for key, step, _, _ in points_of(Path(writer.directory)):
        steps.setdefault(key, []).append(step)
    for number in range(4):
        assert steps[f"t{number}"] == list(range(4000))
        assert steps[f"t{number}/a"] == steps[f"t{number}/b"] == list(range(0, 4000, 3))


def test_three_busy_threads_beside_the_hot_path_lose_and_tear_nothing(tmp_path: Path, io: str) -> None:
    writer = open_writer(tmp_path)
    ended = threading.Event()

    def spin() -> None:
        number = 0
        while not ended.is_set():
            number += 1

    threads = [threading.Thread(target=spin) for _ in range(3)]
    for thread in threads:
        thread.start()
    for step in range(3000):
        writer.log_metric("loss", step / 3, step)
        writer.log_metrics({"a": 1.0, "b": -step}, step)
    ended.set()
    for thread in threads:
        thread.join()
    writer.close()
    found = points_of(Path(writer.directory))
    assert [step for key, step, _, _ in found if key == "loss"] == list(range(3000))
    assert [value for key, _, _, value in found if key == "b"] == [bits(float(-step)) for step in range(3000)]


def test_a_signal_handler_that_logs_in_the_middle_of_logging_loses_nothing(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    heard = []

    def handler(*_: object) -> None:
        heard.append(1)
        writer.log_metric("signal", float(len(heard)), len(heard))

    before = signal.signal(signal.SIGALRM, handler)
    count = 0
    try:
        for _ in range(200):  # one shot each: a timer that goes on would starve a slow machine
            already = len(heard)
            signal.setitimer(signal.ITIMER_REAL, 0.0003)
            while len(heard) == already:
                writer.log_metric("loss", 1.0, count)
                count += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    writer.close()
    found = points_of(Path(writer.directory))
    assert heard
    assert [step for key, step, _, _ in found if key == "loss"] == list(range(count))
    assert sorted(step for key, step, _, _ in found if key == "signal") == list(range(1, len(heard) + 1))


def test_an_exception_out_of_a_signal_handler_never_tears_the_spool(tmp_path: Path) -> None:
    """What a call returned from is there, what was interrupted is there whole or not at all."""
    writer = open_writer(tmp_path)

    class Interrupted(Exception):
        pass

    rung = False

    def handler(*_: object) -> None:
        nonlocal rung
        rung = True
        raise Interrupted

    before = signal.signal(signal.SIGALRM, handler)
    returned, interruptions, step = [], 0, 0
    try:
        while interruptions < 200:
            try:
                rung = False
                signal.setitimer(signal.ITIMER_REAL, 0.0003)
                while not rung:  # Python drops an exception that is raised while it collects garbage
                    step += 1
                    writer.log_metric("loss", 1.0, step)
                    returned.append(step)
            except Interrupted:
                interruptions += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    writer.close()
    found = [s for _, s, _, _ in points_of(Path(writer.directory))]
    assert len(found) == len(set(found))
    assert set(returned) <= set(found)
    assert found == sorted(found)


@pytest.mark.parametrize("full", [False, True])
def test_an_exception_just_when_a_segment_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: bool
) -> None:
    """The interruption comes out, nothing is dropped for it, and the segment that was made is not in the way."""
    writer = open_writer(tmp_path)
    writer.log_metric("loss", 1.0, 0)
    rename, interrupted = os.rename, []

    def rename_and_interrupt(source: str, target: str) -> None:
        rename(source, target)
        if target.endswith(".seg") and not interrupted:
            interrupted.append(target)
            raise KeyboardInterrupt
        if full and interrupted:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("trackway._ingest.segment.os.rename", rename_and_interrupt)
    step = 0
    with pytest.raises(KeyboardInterrupt):
        while True:
            step += 1
            writer.log_metric("loss", 1.0, step)
    if not full:
        writer.log_metric("loss", 1.0, step)
    writer.close()
    steps = [step for key, step, _, _ in points_of(Path(writer.directory)) if key == "loss"]
    assert steps == list(range(step if full else step + 1))


def test_a_forked_child_writes_a_spool_of_its_own(tmp_path: Path, io: str) -> None:
    writer = open_writer(tmp_path)
    writer.log_metric("loss", 1.0, 0)
    pid = os.fork()
    if pid == 0:
        try:
            writer.log_metric("loss", 2.0, 1)
            writer.close()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
    writer.log_metric("loss", 3.0, 2)
    writer.close()
    spools = sorted((tmp_path / RUN).iterdir())
    assert len(spools) == 2
    found = {Meta.read(spool).owns_run: [step for _, step, _, _ in points_of(spool)] for spool in spools}
    assert found == {True: [0, 2], False: [1]}


def test_a_full_disk_is_told_once_counted_and_never_raised(tmp_path: Path) -> None:
    script = f"""
import resource, sys
from trackway._ingest.writer import Writer
writer = Writer.open({RUN!r}, uri="trackway://127.0.0.1:1", spool_root={str(tmp_path)!r}, owns_run=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
import trackway._ingest.recorder as module
module._RETRY_SECONDS = 0.0
for step in range(20_000):
    writer.log_metric("loss", 1.0, step)
dropped = writer.flush(0).dropped
assert dropped > 0, dropped
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
for step in range(20_000, 20_010):
    writer.log_metric("loss", 1.0, step)
writer.close()
print(dropped, writer.directory)
"""
    environment = {**os.environ, "TRACKWAY_UPLINK": "off"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("cannot record to") == 1
    dropped, directory = done.stdout.split()
    steps = [step for _, step, _, _ in points_of(Path(directory))]
    assert steps[-10:] == list(range(20_000, 20_010))
    assert len(steps) == 20_010 - int(dropped)
    reader = SpoolReader(Path(directory))
    tags = [fields for batch in iter(reader.read, None) for _, kind, fields in batch.objects if kind == Kind.TAGS]
    assert tags == [{"set": {"trackway.dropped_records": dropped}, "delete": []}]


def test_artifacts_are_snapshots(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "spool")
    file = tmp_path / "weights.bin"
    file.write_bytes(b"before" * 1000)
    writer.log_artifact(str(file), "model/weights.bin")
    file.write_bytes(b"after")
    writer.log_artifact_bytes(b"text", "note.txt")
    folder = Path(writer.directory) / "artifacts"
    assert (folder / "00000000.data").read_bytes() == b"before" * 1000
    assert (folder / "00000001.data").read_bytes() == b"text"
    assert writer.flush(0).pending == 2
    writer.close()


def test_the_hot_path_loads_nothing_heavy(tmp_path: Path) -> None:
    script = f"""
import sys
bare = set(sys.modules)
from trackway._ingest.writer import Writer
writer = Writer.open({RUN!r}, uri="trackway://127.0.0.1:1", spool_root={str(tmp_path)!r}, owns_run=True)
writer.set_params({{"a": "b"}}); writer.log_metrics({{"x": 1.0}}, 0); writer.log_metric("x", 1.0, 1)
heavy = {{"grpc", "google.protobuf", "numpy", "json", "logging", "dataclasses", "inspect", "threading", "asyncio"}}
print(sorted(heavy & (set(sys.modules) - bare)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "TRACKWAY_UPLINK": "off"},
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_a_process_that_logs_nothing_leaves_nothing(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    assert writer.finish(0).pending == 0
    assert list(tmp_path.iterdir()) == []


def test_a_writer_is_collected_without_complaint(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    writer.log_metric("loss", 1.0)
    writer.close()
    del writer
    gc.collect()


def test_the_header_is_as_documented(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    writer.log_metric("loss", 2.5, 7, time_us=11)
    raw = (Path(writer.directory) / segment_name(0)).read_bytes()
    magic, identity, first, number = HEADER.unpack_from(raw)
    assert (magic, identity.hex(), first, number) == (b"TWSPOOL1", writer.writer_id, 0, 0)
    length, _ = RECORD.unpack_from(raw, 64)
    second = 64 + 8 + length
    assert struct.unpack_from("<IIqqd", raw, second + 8) == (1, 0, 11, 7, 2.5)
