"""On a network file system a spool is written by write(2): no mapping of it, no lock on it. Elsewhere it is mapped."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from support.recorded import recorded
from support.training import run_id
from trackway._ingest import mount
from trackway._ingest.writer import Writer

LINE = "36 35 {major}:{minor} / /data rw,noatime shared:1 - {kind} server:/export rw\n"


@pytest.fixture(params=["nfs4", "lustre", "fuse.sshfs", "9p", "ext4", "tmpfs", "overlay"])
def kind(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The type that the system says the test's folder has."""
    device = os.stat(tmp_path).st_dev
    text = "22 1 0:1 / / rw - nfs elsewhere rw\n" + LINE.format(
        major=os.major(device), minor=os.minor(device), kind=request.param
    )
    monkeypatch.setattr(mount, "open", lambda *_, **__: io.StringIO(text), raising=False)
    return str(request.param)


def test_only_a_network_file_system_is_written_without_a_mapping(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKWAY_UPLINK", "off")
    writer = Writer.open(run_id(1), uri="trackway://127.0.0.1:1", spool_root=str(tmp_path), owns_run=False)
    for step in range(100):
        writer.log_metric("loss", step / 3, step)
    (segment,) = Path(writer.directory).glob("*.seg")
    mapped = str(segment) in Path("/proc/self/maps").read_text()
    assert mapped == (kind in ("ext4", "tmpfs", "overlay"))
    assert f":{segment.stat().st_ino} " not in Path("/proc/locks").read_text()
    writer.close()
    (found,) = recorded(tmp_path, run_id(1))
    assert [(step, value) for _, _, step, value in found.points] == [(step, step / 3) for step in range(100)]


def test_where_the_system_does_not_tell_it_is_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object, **__: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(mount, "open", absent, raising=False)
    assert not mount.is_network(str(tmp_path))
