"""How fast an import from MLflow's database is: `python -m benchmarks.importing [RUNS METRICS POINTS]`."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.mlflow_database import write_database
from trackway.importing.job import import_from
from trackway.importing.report import Report
from trackway.importing.sql import SqlSource
from trackway.importing.target import Target
from trackway.testing import LocalServer


async def _once(file: Path, server: LocalServer) -> tuple[float, Report]:
    source = SqlSource(f"sqlite:///{file}")
    began = time.perf_counter()
    async with Target(server.uri, server.token) as target:
        report = await import_from(source, target)
    source.close()
    return time.perf_counter() - began, report


def main() -> None:
    """Import a database of 1,000 runs of 10 metrics of 100 points, twice, and print how long it took."""
    runs, metrics, points = (int(text) for text in sys.argv[1:4] or (1000, 10, 100))
    with tempfile.TemporaryDirectory() as folder, LocalServer() as server:
        file = Path(folder) / "mlflow.db"
        write_database(file, runs=runs, metrics=metrics, points=points)
        seconds, report = asyncio.run(_once(file, server))
        assert report.counts["points_sent"] == runs * metrics * points, report
        count = report.counts["points_sent"]
        print(f"imported   {runs:,} runs, {count:,} points in {seconds:.1f} s: {count / seconds:,.0f} points/s")
        seconds, report = asyncio.run(_once(file, server))
        assert report.counts["points_sent"] == 0, report
        print(f"once more  nothing to send, in {seconds:.1f} s: {runs / seconds:,.0f} runs/s")


if __name__ == "__main__":
    main()
