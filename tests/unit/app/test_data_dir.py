"""One data directory, one server."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from trackway_server.app.data_dir import claimed_data_dir
from trackway_server.app.options import Target
from trackway_server.core.lifecycle import StartupError


def test_it_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with claimed_data_dir(tmp_path / "a" / "data", Target.ALL) as folder:
        assert folder.is_absolute()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Target.ALL, Target.ALL),
        (Target.ALL, Target.TRACKING),
        (Target.TRACKING, Target.ALL),
        (Target.TRACKING, Target.TRACKING),
    ],
)
def test_a_second_server_is_refused_and_told_who_has_it(tmp_path: Path, first: Target, second: Target) -> None:
    with claimed_data_dir(tmp_path, first), pytest.raises(StartupError, match=rf"process {os.getpid()}\)"):
        with claimed_data_dir(tmp_path, second):
            pass
    with claimed_data_dir(tmp_path, second):
        pass


def test_different_services_share_it(tmp_path: Path) -> None:
    with claimed_data_dir(tmp_path, Target.TRACKING), claimed_data_dir(tmp_path, Target.ARTIFACTS):
        pass


def test_a_file_in_the_way_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "data"):
        with pytest.raises(StartupError, match="cannot be used"), claimed_data_dir(path, Target.ALL):
            pass


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    data = tmp_path / "data"
    data.mkdir()
    (data / "lock").symlink_to(victim)
    with pytest.raises(StartupError), claimed_data_dir(data, Target.ALL):
        pass
    assert victim.read_text() == "precious"


def test_what_fails_inside_is_not_taken_for_a_lock(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError), claimed_data_dir(tmp_path, Target.ALL):
        raise BlockingIOError
