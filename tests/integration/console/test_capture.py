"""The console of real training processes: what they write arrives where it went before, and is recorded."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from support.consoles import Console, consoles, finished_consoles
from support.training import environment, trainer, wait_until

BEGIN = "import ctypes, os, signal, subprocess, sys, time\nimport trackway\n"
STDOUT, STDERR, BOTH = 1, 2, 3


def ran(root: Path, script: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """A training process, run to its end without an uplink, with what it showed."""
    variables = environment(None, root, TRACKWAY_UPLINK="off", **options.pop("variables", {}))
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    code = BEGIN + textwrap.dedent(script)
    return subprocess.run([sys.executable, "-c", code], env=variables, text=True, timeout=120, **options)


def only(root: Path) -> Console:
    (console,) = finished_consoles(root)
    return console


def test_python_c_and_child_processes_are_recorded_and_shown(tmp_path: Path) -> None:
    ended = ran(
        tmp_path,
        r"""
        print("before")
        with trackway.start_run(log_console=True):
            print("python")
            os.write(1, b"descriptor\n")
            ctypes.CDLL(None).puts(b"C library, buffered")
            ctypes.CDLL(None).fflush(None)
            subprocess.run(["sh", "-c", "echo child; echo child error >&2"])
            for percent in (0, 50, 100):
                sys.stderr.write(f"\r\x1b[32m{percent:3}%\x1b[0m")
                sys.stderr.flush()
            ctypes.CDLL(None).puts(b"in C's buffer until the end")
            print("caf\xe9 without a line feed", end="")
        print("after")
        """,
    )
    inside = "python\ndescriptor\nC library, buffered\nchild\n"
    assert ended.stdout.startswith(f"before\n{inside}")
    assert ended.stdout.endswith("after\n")
    shown = ended.stderr.replace("\n", "\r")  # as the pipe was read as text
    assert shown.startswith("child error\r\r\x1b[32m  0%\x1b[0m\r\x1b[32m 50%\x1b[0m\r\x1b[32m100%\x1b[0m")
    console = only(tmp_path)
    assert "\n".join(console.lines(STDOUT)).startswith(inside.rstrip("\n"))
    assert sorted(console.lines(STDOUT)[4:]) == ["café without a line feedin C's buffer until the end"] or sorted(
        console.lines(STDOUT)[4:]
    ) == ["café without a line feed", "in C's buffer until the end"]
    assert console.lines(STDERR) == ["child error", "100%"]


def test_streams_that_go_to_one_place_keep_their_order(tmp_path: Path) -> None:
    ended = ran(
        tmp_path,
        """
        with trackway.start_run(log_console=True):
            for number in range(100):
                print("out", number, flush=True)
                print("err", number, file=sys.stderr)
        """,
        stderr=subprocess.STDOUT,
    )
    expected = [f"{name} {number}" for number in range(100) for name in ("out", "err")]
    assert ended.stdout.splitlines()[:200] == expected
    assert only(tmp_path).lines(BOTH) == expected


def test_a_process_that_is_killed_in_the_middle_of_a_line(tmp_path: Path) -> None:
    variables = environment(None, tmp_path, TRACKWAY_UPLINK="off", RANK="3")
    script = """
        import trackway, sys, time
        run = trackway.start_run(log_console=True)
        print("whole line")
        sys.stdout.write("half a li")
        sys.stdout.flush()
        print("now", file=sys.stderr)
        time.sleep(600)
    """
    with trainer(script, variables) as process:
        assert process.stderr is not None and process.stdout is not None
        assert process.stderr.readline() == "now\n"
        process.send_signal(signal.SIGKILL)
        console = only(tmp_path)
        assert process.stdout.read() == "whole line\nhalf a li"
    assert console.lines(STDOUT) == ["whole line", "half a li"]
    assert console.lines(STDERR) == ["now"]
    assert (console.labels["rank"], console.labels["pid"]) == ("3", str(process.pid))


def test_what_it_says_while_it_crashes_is_recorded(tmp_path: Path) -> None:
    ended = ran(
        tmp_path,
        """
        import faulthandler
        faulthandler.enable()
        trackway.start_run(log_console=True)
        ctypes.string_at(0)
        """,
    )
    assert ended.returncode == -signal.SIGSEGV
    assert "Fatal Python error: Segmentation fault" in ended.stderr
    assert "Fatal Python error: Segmentation fault" in only(tmp_path).lines()


def test_an_exception_that_ends_the_program_is_recorded(tmp_path: Path) -> None:
    ended = ran(tmp_path, 'trackway.start_run(log_console=True)\nraise ValueError("no good")')
    assert only(tmp_path).lines(STDERR)[-1] == "ValueError: no good"
    assert "ValueError: no good" in ended.stderr


@pytest.mark.parametrize("stderr", [subprocess.PIPE, subprocess.STDOUT])
def test_an_exception_that_leaves_the_block_is_recorded_and_shown_once(tmp_path: Path, stderr: int) -> None:
    script = 'with trackway.start_run(log_console=True):\n    print("first")\n    raise ValueError("no good")'
    ended = ran(tmp_path, script, stderr=stderr)
    assert (ended.stdout + (ended.stderr or "")).count("ValueError: no good") == 1
    lines = only(tmp_path).lines()
    assert (lines[0], lines[-1]) == ("first", "ValueError: no good")


def test_a_million_lines_are_shown_counted_and_bounded(tmp_path: Path) -> None:
    shown = tmp_path / "shown.txt"
    with shown.open("wb") as file:
        ran(
            tmp_path / "spools",
            """
            with trackway.start_run(log_console=True):
                for start in range(0, 1_000_000, 1000):
                    print("\\n".join(f"line {number}" for number in range(start, start + 1000)))
            """,
            stdout=file,
            variables={"TRACKWAY_CONSOLE_MAX_BYTES": "1000000"},
        )
    with shown.open() as file:
        assert all(line == f"line {number}\n" for number, line in enumerate(file))
    console = only(tmp_path / "spools")
    lines = console.lines()
    assert len(lines) + console.dropped == 1_000_000
    assert (lines[0], lines[-1]) == ("line 0", "line 999999")
    assert 500_000 < sum(map(len, lines)) < 1_200_000


def test_forked_children_write_into_the_capture_or_begin_their_own(tmp_path: Path) -> None:
    ended = ran(
        tmp_path,
        """
        def in_child(work):
            sys.stdout.flush()
            child = os.fork()
            if not child:
                work()
                sys.stdout.flush()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0

        def own():
            with trackway.attach_run(run.info.run_id, context={"rank": 1}, log_console=True):
                print("a capture of its own")
            print("the parent's again")

        with trackway.start_run(log_console=True) as run:
            print("parent")
            in_child(lambda: print("child"))
            in_child(own)
            print("parent goes on")
        """,
    )
    everything = ["parent", "child", "a capture of its own", "the parent's again", "parent goes on"]
    assert sorted(ended.stdout.splitlines()) == sorted(everything)
    parent, child = sorted(finished_consoles(tmp_path, 2), key=lambda each: each.labels.get("rank", ""))
    assert parent.lines() == ["parent", "child", "the parent's again", "parent goes on"]
    assert child.lines() == ["a capture of its own"]
    assert child.labels["rank"] == "1"


def test_nested_runs_end_in_any_order(tmp_path: Path) -> None:
    ended = ran(
        tmp_path,
        """
        outer = trackway.start_run(run_name="outer", log_console=True)
        print("one")
        inner = trackway.start_run(run_name="inner", nested=True, log_console=True)
        print("two")
        if len(sys.argv) > 1:
            outer.__exit__(None, None, None)
        else:
            trackway.end_run()
            print("three")
            trackway.end_run()
        print("four")
        """,
    )
    assert ended.stdout == "one\ntwo\nthree\nfour\n"
    outer, inner = finished_consoles(tmp_path, 2)
    assert outer.lines(STDOUT) == ["one", "two", "three"]
    assert inner.lines(STDOUT) == ["two"]


def test_a_capture_that_ends_before_one_begun_later(tmp_path: Path) -> None:
    ended = ran(
        tmp_path,
        """
        from trackway._console.capture import Capture
        from trackway._ingest.spool import default_root
        def capture(number):
            where = {"uri": "trackway://127.0.0.1:1", "workspace": "default", "root": default_root()}
            made = Capture(f"{number:032x}", labels={}, **where)
            assert made.start()
            return made
        first = capture(1); print("one")
        second = capture(2); print("two")
        first.stop(); print("three")
        third = capture(3); print("four")
        second.stop(); print("five")
        third.stop(); print("six")
        assert len(os.listdir("/proc/self/fd")) < 12, os.listdir("/proc/self/fd")
        """,
    )
    # "six" may overtake what still goes through the captures that ended before those around them.
    assert sorted(ended.stdout.split()) == sorted(["one", "two", "three", "four", "five", "six"]), ended.stderr
    first, second, third = finished_consoles(tmp_path, 3)
    assert first.lines() == ["one", "two"]
    assert second.lines() == ["two", "three", "four"]
    assert third.lines() == ["four", "five"]


def test_streams_that_were_replaced_are_copied_and_given_back(tmp_path: Path) -> None:
    ended = ran(
        tmp_path,
        """
        import io, logging
        sys.stdout = held = io.StringIO()
        logging.basicConfig(stream=held)
        with trackway.start_run(log_console=True):
            print("to a notebook")
            logging.error("from a logger that holds the stream")
            os.write(1, b"to the descriptor\\n")
        print("after")
        assert "write" not in vars(held)
        sys.__stdout__.write(held.getvalue())
        """,
    )
    seen = ["to a notebook", "ERROR:root:from a logger that holds the stream"]
    assert ended.stdout.splitlines() == ["to the descriptor", *seen, "after"]
    assert sorted(only(tmp_path).lines()) == sorted(["to the descriptor", *seen])


def test_a_terminal_stays_a_terminal(tmp_path: Path) -> None:
    script = BEGIN + textwrap.dedent(
        """
        with trackway.start_run(log_console=True):
            size = os.get_terminal_size(1)
            print(sys.stdout.isatty(), os.isatty(2), size)
            print("\\x1b[1mbold\\x1b[0m", file=sys.stderr)
            subprocess.run(["sh", "-c", "test -t 1 && echo child sees a terminal"])
        print(sys.stdout.isatty())
        """
    )
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (7, 91))
    variables = environment(None, tmp_path, TRACKWAY_UPLINK="off")
    process = subprocess.Popen([sys.executable, "-c", script], env=variables, stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""
    while select.select([master], [], [], 60)[0]:
        try:
            shown += os.read(master, 4096)
        except OSError:
            break
    assert process.wait(60) == 0
    os.close(master)
    lines = shown.decode().split("\r\n")
    size = "True True os.terminal_size(columns=91, lines=7)"
    assert lines[:3] == [size, "\x1b[1mbold\x1b[0m", "child sees a terminal"]
    assert lines[-2:] == ["True", ""]
    assert only(tmp_path).lines(BOTH) == [size, "bold", "child sees a terminal"]


def test_a_tee_that_is_killed_costs_the_recording_only(tmp_path: Path) -> None:
    ended = ran(
        tmp_path,
        """
        with trackway.start_run(log_console=True):
            print("recorded", flush=True)
            (tee,) = (int(name) for name in open(f"/proc/self/task/{os.getpid()}/children").read().split())
            os.kill(tee, signal.SIGKILL)
            for number in range(200_000):
                print("goes on", number)
        print("after")
        """,
    )
    assert ended.returncode == 0, ended.stderr
    expected = "recorded\n" + "".join(f"goes on {number}\n" for number in range(200_000)) + "after\n"
    assert Counter(ended.stdout) == Counter(expected)  # what was on its way then may be overtaken
    assert "the console is no longer recorded" in ended.stderr


def test_without_room_for_a_spool_it_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = ran(
        tmp_path / "file",
        """
        with trackway.start_run(log_console=True):
            for _ in range(1000):
                print("shown")
        print("after")
        """,
    )
    assert ended.returncode == 0
    assert ended.stdout == "shown\n" * 1000 + "after\n"
    assert ended.stderr.count("cannot record to") == 2  # the run's own records, and the console's


def test_an_environment_variable_turns_it_on_for_the_outermost_run(tmp_path: Path) -> None:
    ran(
        tmp_path,
        """
        with trackway.start_run():
            print("one")
            with trackway.start_run(nested=True):
                print("two")
        with trackway.start_run(log_console=False):
            print("three")
        """,
        variables={"TRACKWAY_LOG_CONSOLE": "true", "TRACKWAY_CONSOLE_ANSI": "keep"},
    )
    assert only(tmp_path).lines(STDOUT) == ["one", "two"]
    wrong = ran(tmp_path, "trackway.start_run()", variables={"TRACKWAY_LOG_CONSOLE": "maybe"})
    assert "TRACKWAY_LOG_CONSOLE is 'maybe': write true or false" in wrong.stderr


def test_the_training_process_loads_nothing_slow(tmp_path: Path) -> None:
    ended = ran(
        tmp_path,
        """
        with trackway.start_run(log_console=True):
            print("x")
            loaded = set(sys.modules)
        slow = {"grpc", "google.protobuf", "numpy", "asyncio", "json", "logging", "pathlib"}
        print(*sorted(loaded & slow), "trackway" in loaded)
        """,
    )
    assert ended.stdout == "x\nTrue\n"


HOSTILE = {
    "control": b"\x00\xff\xfe\x1b[2J\x1b]0;x\x07",
    "one huge line": b"a" * 5_000_000,
    "returns": b"\r" * 100_000,
    "movements": b"\x1b[A" * 50_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_output_is_shown_as_it_is_and_recorded_clean(tmp_path: Path, name: str) -> None:
    data = HOSTILE[name]
    (tmp_path / "data").write_bytes(data)
    with (tmp_path / "shown").open("wb") as shown:
        ended = ran(
            tmp_path / "spools",
            f"""
            with trackway.start_run(log_console=True):
                subprocess.run(["cat", {str(tmp_path / "data")!r}])
                print()
                print("end")
            """,
            stdout=shown,
        )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "shown").read_bytes() == data + b"\nend\n"
    console = only(tmp_path / "spools")
    assert console.lines()[-1] == "end"
    assert all(character.isprintable() for line in console.lines() for character in line)
    assert max(map(len, console.lines())) <= 16_384
    if data.startswith(b"a"):
        assert console.blocks[-1]["dropped_bytes"] == len(data) - 16_384


def test_a_run_that_waits_sees_its_lines_recorded(tmp_path: Path) -> None:
    variables = environment(None, tmp_path, TRACKWAY_UPLINK="off")
    script = """
        import trackway, time
        trackway.start_run(log_console=True)
        print("seen while it runs", flush=True)
        time.sleep(600)
    """
    with trainer(script, variables):
        wait_until(lambda: [each.lines() for each in consoles(tmp_path)] == [["seen while it runs"]], "a line", 60)
