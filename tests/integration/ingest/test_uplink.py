"""Spool, uplink, sync and server together: real processes, real sockets."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from support.training import environment, exactly, run_id, steps_of, trainer, wait_until
from trackway._ingest.spool import Link
from trackway._ingest.sync import sync_spools
from trackway._ingest.writer import Writer
from trackway.client import Client
from trackway.errors import NotFound
from trackway.testing import LocalServer

FINISHED = 3


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture(scope="module")
def client(server: LocalServer) -> Iterator[Client]:
    with Client(server.uri, token=server.token) as opened:
        yield opened


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_UPLINK", "off")


def begin(server: LocalServer, root: Path, number: int, *, owns: bool = True) -> Writer:
    writer = Writer.open(run_id(number), uri=server.uri, token=server.token, spool_root=str(root), owns_run=owns)
    if owns:
        writer.run_start(experiment_name="uplink", run_name=f"run {number}", start_time_us=time.time_ns() // 1000)
    return writer


def sent(root: Path) -> bool:
    return not list(root.glob("*/*/meta.json"))


def test_what_was_logged_is_durable_after_flush_and_all_of_it_after_finish(server, client, tmp_path) -> None:
    writer = begin(server, tmp_path, 1)
    writer.set_params({"lr": "0.1", "name": "é"})
    values = np.array([0.5, np.nan, -0.0, np.inf, 5e-324])
    writer.log_series("odd", np.array([5, 3, 3, -1, 2**62]), values, times_us=np.arange(5))
    for step in range(1000):
        writer.log_metrics({"a": step / 2, "b": -step}, step)
    first = writer.flush(30)
    assert (first.durable, first.pending, first.refused, first.problem) == (True, 0, (), "")
    assert steps_of(client, writer.run_id, "a") == list(range(1000))
    (odd,) = client.tracking.read_series(writer.run_id, "odd")
    assert odd.values.tobytes() == values.tobytes()
    assert odd.steps.tolist() == [5, 3, 3, -1, 2**62]
    writer.set_status(FINISHED)
    assert writer.finish(30).durable
    run = client.tracking.get_run(writer.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"lr": "0.1", "name": "é"}


def test_files_arrive_as_they_were_when_they_were_logged_before_the_run_ends(server, client, tmp_path) -> None:
    writer = begin(server, tmp_path / "spool", 2)
    file = tmp_path / "notes.txt"
    for number in range(10):
        file.write_text(f"version {number}")
        writer.log_artifact(str(file), "notes.txt")
        writer.log_artifact_bytes(bytes([number]) * 1000, f"data/{number}.bin")
    writer.set_status(FINISHED)
    assert writer.finish(30).durable
    target = client.artifacts.download(writer.run_id, "", tmp_path / "out")
    assert (Path(target) / "notes.txt").read_text() == "version 9"
    assert sorted(path.name for path in (Path(target) / "data").iterdir()) == [f"{n}.bin" for n in range(10)]


def test_a_file_with_a_hostile_name_is_refused_kept_and_told(server, tmp_path) -> None:
    writer = begin(server, tmp_path, 3)
    writer.log_artifact_bytes(b"x", "../../escape.txt")
    state = writer.flush(30)
    assert [refusal.reason for refusal in state.refused] in (["ARTIFACT_PATH_INVALID"], ["INVALID_FIELD"], [""])
    assert "escape.txt" in state.refused[0].message
    assert list(tmp_path.glob("*/*/artifacts/*.refused"))
    writer.close()


def test_a_refused_record_is_told_and_its_neighbours_are_stored(server, client, tmp_path) -> None:
    writer = begin(server, tmp_path, 4)
    writer.set_params({"a": "1"})
    writer.set_params({"a": "2"})
    writer.set_params({"b": "3"})
    state = writer.finish(30)
    assert [refusal.reason for refusal in state.refused] == ["PARAM_IMMUTABLE"]
    run = client.tracking.get_run(writer.run_id)
    assert run.data.params == {"a": "1", "b": "3"}
    assert run.info.refused_count == 1


def test_the_run_of_a_vanished_process_ends_killed_with_every_point(server, client, tmp_path) -> None:
    script = f"""
        import sys, time
        from trackway._ingest.writer import Writer
        writer = Writer.open({run_id(5)!r}, uri={server.uri!r}, owns_run=True)
        writer.run_start(start_time_us=1)
        for step in range(5000):
            writer.log_metric("loss", step / 7, step)
        print("logged", flush=True)
        time.sleep(100)
    """
    with trainer(script, environment(server, tmp_path, TRACKWAY_PROFILE=str(server.profile))) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "logged\n"
        process.kill()
    wait_until(lambda: sent(tmp_path), "the spool is sent")
    run = client.tracking.get_run(run_id(5))
    assert run.info.status == "KILLED"
    assert steps_of(client, run_id(5), "loss") == list(range(5000))


def test_sync_sends_what_no_uplink_did_and_a_second_time_nothing(server, client, tmp_path, offline) -> None:
    writer = begin(server, tmp_path, 6)
    for step in range(3000):
        writer.log_metric("loss", 1.0, step)
    report = sync_spools(tmp_path, token=server.token)
    assert report.ok and report.spools[0].still_open
    assert steps_of(client, writer.run_id, "loss") == list(range(3000))
    assert sync_spools(tmp_path, token=server.token).spools[0].progress.records == 0
    writer.log_metric("loss", 1.0, 3000)
    writer.close()
    assert sync_spools(tmp_path, token=server.token).spools[0].progress.complete
    assert sent(tmp_path)
    assert steps_of(client, writer.run_id, "loss") == list(range(3001))


def test_a_copied_folder_syncs_once_whoever_sends_it_first(server, client, tmp_path, offline) -> None:
    writer = begin(server, tmp_path / "original", 7)
    for step in range(500):
        writer.log_metric("loss", 1.0, step)
    shutil.copytree(tmp_path / "original", tmp_path / "early")
    for step in range(500, 900):
        writer.log_metric("loss", 1.0, step)
    writer.close()
    shutil.copytree(tmp_path / "original", tmp_path / "late")
    for name in ("late", "early", "original"):
        report = sync_spools(tmp_path / name, token=server.token)
        assert report.ok, (name, [spool.problem for spool in report.spools])
    assert steps_of(client, writer.run_id, "loss") == list(range(900))


def test_a_copy_that_was_written_on_is_refused_as_another_history(server, client, tmp_path, offline) -> None:
    writer = begin(server, tmp_path / "original", 8)
    writer.log_metric("loss", 1.0, 0)
    shutil.copytree(tmp_path / "original", tmp_path / "copy")
    writer.log_metric("loss", 2.0, 1)
    assert sync_spools(tmp_path / "original", token=server.token).ok
    (spool,) = (tmp_path / "copy").glob("*/*")
    meta = (spool / "meta.json").read_text()
    (spool / "meta.json").write_text(
        meta.replace(f'"pid":{os.getpid()}', '"pid":1').replace('"pid_started":', '"pid_started":9')
    )
    report = sync_spools(tmp_path / "copy", token=server.token)
    assert "another history" in report.spools[0].problem
    assert steps_of(client, writer.run_id, "loss") == [0, 1]


def test_a_sync_beside_a_live_uplink_doubles_nothing(server, client, tmp_path) -> None:
    writer = begin(server, tmp_path, 9)
    step = 0
    for _ in range(4):
        for _ in range(2000):
            writer.log_metric("loss", 1.0, step)
            step += 1
        sync_spools(tmp_path, token=server.token)
    writer.set_status(FINISHED)
    assert writer.finish(60).durable
    assert steps_of(client, writer.run_id, "loss") == list(range(step))


def test_several_processes_write_one_run_and_each_is_read_apart(server, client, tmp_path) -> None:
    owner = begin(server, tmp_path, 10)
    script = f"""
        import sys
        from trackway._ingest.writer import Writer
        rank = sys.argv[1] if len(sys.argv) > 1 else sys.stdin.readline().strip()
        writer = Writer.open({owner.run_id!r}, uri={server.uri!r}, owns_run=False, labels={{"rank": rank}})
        for step in range(2000):
            writer.log_metrics({{"loss": int(rank) + step, "acc": 0.5}}, step, context={{"rank": rank}})
        assert writer.finish(60).durable
    """
    variables = environment(server, tmp_path, TRACKWAY_PROFILE=str(server.profile))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", "\n".join(line[8:] for line in script.splitlines()), str(rank)], env=variables
        )
        for rank in range(4)
    ]
    assert [process.wait(90) for process in processes] == [0] * 4
    owner.set_status(FINISHED)
    assert owner.finish(30).durable
    series = client.tracking.read_series(owner.run_id, "loss")
    assert sorted(one.context["rank"] for one in series) == ["0", "1", "2", "3"]
    for one in series:
        assert one.values.tolist() == [int(one.context["rank"]) + step for step in range(2000)]
    labels = [writer.labels.get("rank") for writer in client.tracking.list_writers(owner.run_id)]
    assert sorted(label for label in labels if label) == ["0", "1", "2", "3"]


def test_a_rank_that_comes_before_its_run_waits_for_it(server, client, tmp_path) -> None:
    rank = begin(server, tmp_path, 11, owns=False)
    rank.log_metric("loss", 1.0, 0)
    assert not rank.flush(1).durable
    with pytest.raises(NotFound):
        client.tracking.get_run(rank.run_id)
    owner = begin(server, tmp_path, 11)
    assert owner.flush(30).durable
    assert rank.finish(30).durable
    assert steps_of(client, rank.run_id, "loss") == [0]
    owner.close()


def test_without_a_server_waiting_ends_soon_and_says_why(tmp_path) -> None:
    writer = Writer.open(run_id(12), uri="trackway://127.0.0.1:9", spool_root=str(tmp_path), owns_run=True)
    writer.log_metric("loss", 1.0)
    state = writer.finish(50)
    assert not state.durable and state.pending == 3
    assert "127.0.0.1:9" in state.problem and "\n" not in state.problem


def test_a_wrong_key_is_told_and_the_right_one_sends_what_was_kept(server, client, tmp_path) -> None:
    root = str(tmp_path)
    writer = Writer.open(run_id(13), uri=server.uri, token="tw_wrong", spool_root=root, owns_run=True)
    writer.run_start(start_time_us=1)
    writer.log_metric("loss", 1.0, 0)
    state = writer.flush(30)
    assert not state.durable and "key" in state.problem
    assert sync_spools(tmp_path, token=server.token).ok
    assert steps_of(client, writer.run_id, "loss") == [0]
    writer.close()


def test_a_deleted_run_refuses_keeps_the_spool_and_goes_on_when_restored(server, client, tmp_path, offline) -> None:
    writer = begin(server, tmp_path, 14)
    writer.log_metric("loss", 1.0, 0)
    assert sync_spools(tmp_path, token=server.token).ok
    client.tracking.delete_run(writer.run_id)
    writer.log_metric("loss", 1.0, 1)
    report = sync_spools(tmp_path, token=server.token)
    assert "deleted" in report.spools[0].problem
    client.tracking.restore_run(writer.run_id)
    assert sync_spools(tmp_path, token=server.token).ok
    assert steps_of(client, writer.run_id, "loss") == [0, 1]
    writer.close()


def test_one_bad_spool_does_not_stop_the_others(server, client, tmp_path, offline) -> None:
    good = begin(server, tmp_path, 15)
    good.log_metric("loss", 1.0, 0)
    bad = begin(server, tmp_path, 16)
    bad.log_metric("loss", 1.0, 0)
    segment = Path(bad.directory) / "00000000.seg"
    segment.write_bytes(b"nonsense" + segment.read_bytes()[8:])
    report = sync_spools(tmp_path, token=server.token)
    assert sorted(bool(spool.problem) for spool in report.spools) == [False, True]
    assert steps_of(client, good.run_id, "loss") == [0]
    good.close()


def test_a_killed_uplink_is_replaced_by_the_next_flush(server, client, tmp_path) -> None:
    writer = begin(server, tmp_path, 17)
    writer.log_metric("loss", 1.0, 0)
    assert writer.flush(30).durable
    killed = _kill_uplink(tmp_path)
    assert killed
    for step in range(1, 100):
        writer.log_metric("loss", 1.0, step)
    assert writer.finish(30).durable
    exactly(steps_of(client, writer.run_id, "loss"), 100)


def _kill_uplink(root: Path) -> bool:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if b"_ingest.uplink" in command and str(root).encode() in command:
                os.kill(int(folder.name), 9)
                return True
    return False


def test_a_server_that_comes_back_is_found_again(tmp_path) -> None:
    with LocalServer(tmp_path / "data") as server:
        writer = begin(server, tmp_path / "spool", 18)
        writer.log_metric("loss", 1.0, 0)
        assert writer.flush(30).durable
        server.kill()
        for step in range(1, 500):
            writer.log_metric("loss", 1.0, step)
        server.restart()
        assert writer.finish(60).durable
        with Client(server.uri, token=server.token) as client:
            assert steps_of(client, writer.run_id, "loss") == list(range(500))


def test_links_have_the_documented_numbers() -> None:
    assert (Link.UNKNOWN, Link.CONNECTED, Link.UNREACHABLE, Link.REFUSED) == (0, 1, 2, 3)
    assert struct.calcsize("<IIQQIH") == 30


def test_a_record_larger_than_the_server_takes_does_not_hold_up_the_others(tmp_path, offline) -> None:
    with LocalServer(environment={"TRACKWAY_TRACKING_MAX_APPEND_BYTES": str(4 << 20)}) as small:
        writer = begin(small, tmp_path, 90)
        writer.set_params({"huge": "x" * (5 << 20)})
        writer.set_params({"lr": "0.1"})
        writer.log_metrics({"loss": 1.0}, 0)
        writer.set_status(FINISHED)
        writer.finish(1)
        (spool,) = sync_spools(tmp_path, token=small.token).spools
        assert (spool.progress.refused, spool.progress.complete, spool.problem) == (1, True, "")
        with Client(small.uri, token=small.token) as reader:
            run = reader.tracking.get_run(writer.run_id)
        assert (run.info.status, run.data.params, run.data.metrics) == ("FINISHED", {"lr": "0.1"}, {"loss": 1.0})
