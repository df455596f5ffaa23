"""A bound on what spools may hold: told once, counted, visible on the run, and over when there is room again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.recorded import recorded
from support.training import run_id
from trackway._ingest import recorder
from trackway._ingest.bound import held_bytes
from trackway._ingest.segment import SIZES
from trackway._ingest.writer import Writer
from trackway.errors import InvalidArgument

RUN = run_id(1)
KIB = 1 << 10


@pytest.fixture(autouse=True, params=["mmap", "write"])
def offline(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setenv("TRACKWAY_UPLINK", "off")
    monkeypatch.setenv("TRACKWAY_SPOOL_IO", request.param)
    monkeypatch.setattr(recorder, "_RETRY_SECONDS", 0.0)


def begin(root: Path, number: int = 1) -> Writer:
    return Writer.open(run_id(number), uri="trackway://127.0.0.1:1", spool_root=str(root), owns_run=False)


def test_what_does_not_fit_is_counted_told_once_and_shown_on_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "spools"
    bound = 5 << 20
    monkeypatch.setenv("TRACKWAY_SPOOL_MAX_BYTES", str(bound))
    other = begin(root, 2)
    other.log_series("loss", None, [0.5] * 60_000)  # another process of the host holds a part
    other.close()
    writer = begin(root)
    logged = 0
    while not writer.flush(0).dropped:
        writer.log_series("loss", [logged] * 1000, [0.5] * 1000)
        logged += 1
        assert logged < 1000
    for _ in range(3):
        writer.log_series("loss", [logged] * 1000, [0.5] * 1000)
        logged += 1
    dropped = writer.flush(0).dropped
    assert dropped == 4
    assert held_bytes(str(root)) <= bound + SIZES[-1]
    told = capsys.readouterr().err
    assert told.count("cannot record to") == 1
    assert "TRACKWAY_SPOOL_MAX_BYTES allows 5,242,880" in told
    shutil.rmtree(root / run_id(2))  # the uplink has sent it
    monkeypatch.setenv("TRACKWAY_SPOOL_MAX_BYTES", str(2 * bound))
    writer.log_series("loss", [logged] * 1000, [0.5] * 1000)
    writer.close()
    (found,) = recorded(root, RUN)
    assert found.tags == {"trackway.dropped_records": str(dropped)}
    assert sorted({point[2] for point in found.points}) == [*range(logged - dropped), logged]


def test_a_file_beyond_the_bound_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_SPOOL_MAX_BYTES", str(1 << 20))
    writer = begin(tmp_path)
    writer.log_artifact_bytes(b"x" * (100 * KIB), "small")
    writer.log_artifact_bytes(b"x" * (2 << 20), "large")
    big = tmp_path / "big"
    big.write_bytes(bytes(2 << 20))
    writer.log_artifact(str(big), "large, too")
    big.unlink()
    assert writer.flush(0).dropped == 2
    assert [path.stat().st_size for path in tmp_path.glob("*/*/artifacts/*.data")] == [100 * KIB]
    writer.close()


def test_a_bound_that_is_no_number_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKWAY_SPOOL_MAX_BYTES", "10 GB")
    with pytest.raises(InvalidArgument, match="a number of bytes"):
        begin(tmp_path).log_metric("loss", 1.0)
