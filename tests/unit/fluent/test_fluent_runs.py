"""Runs begin, nest, end and are joined as in MLflow, without a server."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from functools import partial
from pathlib import Path

import pytest

import trackway
from support.recorded import only_recorded, recorded
from trackway.errors import FailedPrecondition, InvalidArgument, TrackwayError

OTHER = "0190aaaabbbb7cccadddeeeeffff0001"


def test_a_run_begins_and_ends_finished(spools: Path) -> None:
    with trackway.start_run(run_name="first", tags={"team": "blue"}, description="why") as run:
        assert trackway.active_run() is run
        assert run.info.status == "RUNNING"
    assert trackway.active_run() is None
    assert trackway.last_active_run() is run
    assert run.info.status == "FINISHED"
    found = only_recorded(spools, run.info.run_id)
    assert found.owns_run
    assert found.start is not None
    assert found.start["run_name"] == "first"
    assert found.start["experiment_name"] == found.start["experiment_id"] == ""
    assert found.tags["team"] == "blue"
    assert found.tags["mlflow.note.content"] == "why"
    assert found.statuses == [(3, "")]


def test_context_tags_are_those_of_mlflow(spools: Path) -> None:
    with trackway.start_run() as run:
        pass
    tags = only_recorded(spools, run.info.run_id).tags
    assert tags["mlflow.runName"] == run.info.run_name
    assert tags["mlflow.source.type"] == "LOCAL"
    assert tags["mlflow.source.name"]
    assert tags["mlflow.user"] == run.info.user_id


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (ValueError("no data"), 4, "ValueError: no data"),
        (KeyboardInterrupt(), 5, "KeyboardInterrupt: "),
        (SystemExit(2), 4, "SystemExit: 2"),
        (SystemExit(0), 3, ""),
    ],
)
def test_an_exception_is_the_end_of_the_run(spools: Path, error: BaseException, status: int, message: str) -> None:
    with pytest.raises(type(error)), trackway.start_run() as run:
        raise error
    assert only_recorded(spools, run.info.run_id).statuses == [(status, message)]


def test_a_nested_run_knows_its_parent_and_its_experiment(spools: Path) -> None:
    trackway.set_experiment("outer")
    with trackway.start_run() as parent:
        trackway.set_experiment("another")
        with trackway.start_run(nested=True) as child:
            assert trackway.active_run() is child
        assert trackway.active_run() is parent
    start = only_recorded(spools, child.info.run_id).start
    assert start is not None
    assert start["tags"]["mlflow.parentRunId"] == parent.info.run_id
    assert start["experiment_name"] == "outer"


def test_a_second_run_must_be_nested() -> None:
    with trackway.start_run(), pytest.raises(FailedPrecondition, match="nested=True"):
        trackway.start_run()


def test_an_inner_run_left_open_ends_with_the_outer_one(spools: Path) -> None:
    with trackway.start_run():
        inner = trackway.start_run(nested=True)
    assert only_recorded(spools, inner.info.run_id).statuses == [(3, "")]
    assert trackway.active_run() is None


def test_end_run_inside_the_block_is_the_only_end(spools: Path) -> None:
    with trackway.start_run() as run:
        trackway.end_run("KILLED")
    assert only_recorded(spools, run.info.run_id).statuses == [(5, "")]


def test_end_run_without_a_run_does_nothing_and_refuses_unknown_states() -> None:
    trackway.end_run()
    with pytest.raises(InvalidArgument, match="no status"):
        trackway.end_run("DONE")


def test_logging_begins_a_run(spools: Path) -> None:
    trackway.log_metric("loss", 0.5)
    run = trackway.active_run()
    assert run is not None
    trackway.end_run()
    assert only_recorded(spools, run.info.run_id).points == [("loss", {}, 0, 0.5)]


def test_each_thread_has_its_own_active_run() -> None:
    seen: list[object] = []
    with trackway.start_run():
        thread = threading.Thread(target=lambda: seen.append(trackway.active_run()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_a_run_handle_may_be_used_and_ended_in_another_thread(spools: Path) -> None:
    run = trackway.start_run()

    def work() -> None:
        with run:
            run.log_metric("loss", 1.0)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert only_recorded(spools, run.info.run_id).statuses == [(3, "")]
    assert trackway.active_run() is None


def test_resuming_sets_the_run_back_to_running(spools: Path) -> None:
    with trackway.start_run(run_id=OTHER, tags={"again": 1}):
        pass
    found = only_recorded(spools, OTHER)
    assert found.start is None
    assert found.owns_run
    assert [status for status, _ in found.statuses] == [1, 3]
    assert found.tags == {"again": "1"}


@pytest.mark.parametrize("variable", ["TRACKWAY_RUN_ID", "MLFLOW_RUN_ID"])
def test_the_environment_names_one_run_to_resume(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, OTHER)
    with trackway.start_run() as first:
        pass
    with trackway.start_run() as second:
        pass
    assert first.info.run_id == OTHER
    assert second.info.run_id != OTHER


def test_attach_joins_without_touching_the_state(spools: Path) -> None:
    with trackway.attach_run(OTHER, context={"rank": 3}) as run:
        trackway.log_metric("loss", 1.5, step=7)
        trackway.log_metrics({"a": 1.0}, step=1, context={"subset": "test"})
        assert not run.owned
    found = only_recorded(spools, OTHER)
    assert not found.owns_run
    assert found.statuses == []
    assert found.points == [("loss", {"rank": "3"}, 7, 1.5), ("a", {"rank": "3", "subset": "test"}, 1, 1.0)]


def test_attach_takes_the_run_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidArgument, match="needs a run id"):
        trackway.attach_run()
    monkeypatch.setenv("TRACKWAY_RUN_ID", OTHER)
    with trackway.attach_run() as run:
        assert run.info.run_id == OTHER


@pytest.mark.parametrize("run_id", ["", "x", OTHER.upper(), "../" + OTHER[:29], OTHER + "0"])
def test_what_is_no_run_id_is_refused(run_id: str) -> None:
    with pytest.raises(InvalidArgument):
        trackway.attach_run(run_id)
    with pytest.raises(InvalidArgument):
        trackway.log_metric("loss", 1.0, run_id=run_id or " ")


def test_logging_to_another_run_by_its_id_joins_it(spools: Path) -> None:
    with trackway.start_run() as run:
        trackway.log_metric("loss", 1.0, run_id=OTHER)
        trackway.log_metric("loss", 2.0, run_id=run.info.run_id)
    assert [p[3] for p in only_recorded(spools, OTHER).points] == [1.0]
    assert [p[3] for p in only_recorded(spools, run.info.run_id).points] == [2.0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_writes_the_same_run_as_one_that_joined(spools: Path) -> None:
    with trackway.start_run() as run:
        trackway.log_metric("loss", 1.0)
        child = os.fork()
        if child == 0:
            try:
                trackway.log_metric("loss", 2.0)
                trackway.end_run()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        trackway.log_metric("loss", 3.0)
    writers = recorded(spools, run.info.run_id)
    assert [[point[3] for point in each.points] for each in writers] == [[1.0, 3.0], [2.0]]
    assert [each.owns_run for each in writers] == [True, False]
    assert [each.statuses for each in writers] == [[(3, "")], []]


def script(code: str, spools: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    own = {"TRACKWAY_SPOOL_DIR": str(spools), "TRACKWAY_UPLINK": "off", **variables}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env={**os.environ, **own}, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("ending", "status", "message"),
    [
        ("", 3, ""),
        ("raise ValueError('broken')", 4, "ValueError: broken"),
        ("raise KeyboardInterrupt", 5, "KeyboardInterrupt: "),
    ],
)
def test_runs_left_open_end_with_the_process(spools: Path, ending: str, status: int, message: str) -> None:
    result = script(
        f"""
        import trackway
        print(trackway.start_run().info.run_id)
        trackway.log_metric("loss", 1.0)
        {ending}
        """,
        spools,
    )
    assert only_recorded(spools, result.stdout.strip()).statuses == [(status, message)]


def test_runs_left_open_in_a_child_of_multiprocessing_end_with_it(spools: Path) -> None:
    result = script(
        """
        import multiprocessing, trackway

        def work():
            print(trackway.start_run().info.run_id, flush=True)
            trackway.log_metric("loss", 1.0)
            raise ValueError("in the child")

        process = multiprocessing.get_context("fork").Process(target=work)
        process.start()
        process.join()
        """,
        spools,
    )
    known = "ValueError: in the child" if sys.version_info < (3, 13) else "SystemExit: 1"
    assert only_recorded(spools, result.stdout.strip()).statuses == [(4, known)]


def test_the_end_of_a_run_on_no_server_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with trackway.start_run() as run:
        pass
    with trackway.start_run():
        pass
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"trackway: run {run.info.run_id} is recorded in ")
    assert "`trackway sync`" in line


def test_strict_mode_raises_what_is_not_on_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_STRICT", "true")
    with pytest.raises(TrackwayError, match="on no server yet"), trackway.start_run():
        pass
    with pytest.raises(ZeroDivisionError), trackway.start_run():
        _ = 1 / 0


def test_run_name_and_its_tag_must_agree() -> None:
    with pytest.raises(InvalidArgument, match="name the run differently"):
        trackway.start_run(run_name="a", tags={"mlflow.runName": "b"})
    assert trackway.active_run() is None


def test_the_run_name_is_drawn_where_none_is_given() -> None:
    with trackway.start_run() as run:
        adjective, noun, number = run.info.run_name.split("-")
    assert adjective.isalpha()
    assert noun.isalpha()
    assert number.isdigit()


def test_a_forked_rank_attaches_to_the_run_it_inherited_under_its_own_context(spools: Path) -> None:
    run = trackway.start_run()
    trackway.log_metric("loss", 0.0, step=0)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            with trackway.attach_run(run.info.run_id, context={"rank": 3}):
                trackway.log_metric("loss", 1.5, step=7)
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    trackway.end_run()
    owner, rank = recorded(spools, run.info.run_id)
    assert owner.owns_run and owner.points == [("loss", {}, 0, 0.0)]
    assert not rank.owns_run and rank.statuses == []
    assert rank.points == [("loss", {"rank": "3"}, 7, 1.5)]


@pytest.mark.parametrize(
    ("setting", "given", "begun", "joined"),
    [
        (None, None, {}, {"rank": "3"}),
        ("auto", {}, {}, {}),
        ("auto", {"rank": 7}, {"rank": "7"}, {"rank": "7"}),
        ("always", None, {"rank": "3"}, {"rank": "3"}),
        ("always", {"subset": "a"}, {"subset": "a"}, {"subset": "a"}),
        ("off", None, {}, {}),
    ],
)
def test_a_rank_of_a_distributed_job_says_who_it_is(
    spools: Path, monkeypatch: pytest.MonkeyPatch, setting: str | None, given: dict[str, object] | None, begun, joined
) -> None:
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "4")
    if setting:
        monkeypatch.setenv("TRACKWAY_RANK_CONTEXT", setting)
    for begin, expected in ((trackway.start_run, begun), (partial(trackway.attach_run, OTHER), joined)):
        run = begin(context=given)
        trackway.log_metric("loss", 1.0)
        trackway.end_run()
        assert [point[1] for point in only_recorded(spools, run.info.run_id).points] == [expected]


@pytest.mark.parametrize(
    "variables", [{"RANK": "0"}, {"RANK": "0", "WORLD_SIZE": "1"}, {"RANK": "x", "WORLD_SIZE": "4"}]
)
def test_a_process_alone_has_no_rank(spools: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with trackway.attach_run(OTHER) as run:
        trackway.log_metric("loss", 1.0)
    assert [point[1] for point in only_recorded(spools, run.info.run_id).points] == [{}]


def test_a_misspelt_setting_of_ranks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_RANK_CONTEXT", "yes")
    with pytest.raises(InvalidArgument, match="auto, always, off"):
        trackway.start_run()
