"""Writers at once, each one append in flight: `many_writers WRITERS RUNS SECONDS SERVER_PID…`.

It speaks Ingest itself, as an uplink does, with messages made beforehand: what is measured is the server.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
import psutil

from benchmarks.timing import answer
from trackway._rpc.auth import call_metadata
from trackway._rpc.channel import open_channel
from trackway.api.metrics.v1 import ingest_pb2 as pb
from trackway.api.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trackway.config import resolve as configured

SERIES = 100
ROWS = 64
POINTS = SERIES * ROWS


@dataclass
class Writer:
    """One stream; `latencies` are seconds from an append to its acknowledgement."""

    call: Any
    run_id: str
    owner: bool
    at: int = 0
    latencies: list[float] = field(default_factory=list)

    async def open(self) -> None:
        opening = pb.OpenWriter(subject_id=self.run_id, writer_id=secrets.token_hex(16), epoch=1)
        await self.call.write(pb.IngestRequest(open=opening))
        _check(await self.call.read())
        if self.owner:
            await self.send([pb.Record(run_start=pb.RunStart(start_time_us=time.time_ns() // 1000))])

    async def define(self, context: str) -> None:
        await self.send(
            [
                pb.Record(
                    sequence_offset=number,
                    series=pb.SeriesDefinition(series_id=number, key=f"loss_{number}", context={"rank": context}),
                )
                for number in range(SERIES)
            ]
        )

    async def send(self, records: list[pb.Record], count: int = 0) -> None:
        count = count or len(records)
        append = pb.AppendRecords(first_sequence=self.at, record_count=count, records=records)
        await self.call.write(pb.IngestRequest(append=append))
        self.at += count
        while _check(await self.call.read()).acknowledged.durable_sequence < self.at:
            pass

    async def run(self, message: pb.Record, until: float) -> None:
        block = message.points
        while (started := time.perf_counter()) < until:
            block.first_step = self.at
            block.first_time_us = time.time_ns() // 1000
            await self.send([message], ROWS)
            self.latencies.append(time.perf_counter() - started)


def _check(response: Any) -> pb.IngestResponse:
    if response is grpc.aio.EOF or response.HasField("refused") or response.acknowledged.refused:
        sys.exit(f"the server refused: {response}")
    return response  # type: ignore[no-any-return]


def _message(seed: int) -> pb.Record:
    noise = np.random.default_rng(seed).standard_normal((ROWS, SERIES))
    losses = (2.0 + 0.02 * noise.cumsum(axis=0)).astype(np.float32).astype(np.float64)
    block = pb.PointBlock(row_count=ROWS, series_ids=range(SERIES), values=losses.ravel())
    block.time_deltas.extend([1000] * (ROWS - 1))
    return pb.Record(points=block)


async def _memory(servers: list[psutil.Process], samples: list[int]) -> None:
    while True:
        samples.append(sum(server.memory_info().rss for server in servers))
        await asyncio.sleep(0.25)


async def main(writers: int, runs: int, seconds: float, pids: list[int]) -> None:
    address = configured()
    run_ids = [secrets.token_hex(16) for _ in range(runs)]
    async with open_channel(address) as channel:
        stub = TrackingServiceStub(channel)  # type: ignore[no-untyped-call]
        opened = [
            Writer(stub.Ingest(metadata=call_metadata(address, secrets.token_hex(16))), run_ids[n % runs], n < runs)
            for n in range(writers)
        ]
        for part in (opened[:runs], opened[runs:]):
            await asyncio.gather(*(writer.open() for writer in part))
        await asyncio.gather(*(writer.define(str(n)) for n, writer in enumerate(opened)))
        memory: list[int] = []
        watching = asyncio.create_task(_memory([psutil.Process(pid) for pid in pids], memory))
        started = time.perf_counter()
        await asyncio.gather(*(w.run(_message(n), started + seconds) for n, w in enumerate(opened)))
        taken = time.perf_counter() - started
        watching.cancel()
        for writer in opened:
            await writer.call.done_writing()
    latencies = [latency for writer in opened for latency in writer.latencies]
    settled = memory[len(memory) // 3 :]
    answer(
        run_ids=run_ids,
        points=len(latencies) * POINTS,
        seconds=taken,
        latencies=latencies,
        memory_growth=max(0, settled[-1] - settled[0]),
        memory_peak=max(memory),
    )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), [*map(int, sys.argv[4:])]))
