"""P16: memory of an idle server with all that it started."""

from __future__ import annotations

import time

from benchmarks.bench import Bench
from benchmarks.figures import Row, Unit
from benchmarks.ours import trackway_server
from benchmarks.processes import memory_bytes, resident_bytes
from benchmarks.samples import Spread

IDLE_SECONDS = 5


def idle_server(bench: Bench) -> list[Row]:
    """A fresh server five seconds after it serves; MLflow's once it has loaded its job runners and is idle."""
    _, server = trackway_server(bench.work / "idle-trackway", bench.work)
    bench.say(f"memory of an idle server, after {IDLE_SECONDS} s")
    server.start()
    try:
        time.sleep(IDLE_SECONDS)
        ours, resident = memory_bytes(server.tree), resident_bytes(server.tree)
    finally:
        server.stop()
    note = f"resident (shared pages in full) {resident / 1e6:.0f} MB"
    peer = bench.of_peer(lambda peer: Spread.of([memory_bytes(peer.processes)]), "memory of an idle server")
    if peer and bench.peer:
        theirs = bench.peer.processes
        note += f"; MLflow's {len(theirs)} processes {resident_bytes(theirs) / 1e6:.0f} MB"
    return [Row("P16", "idle server, memory (PSS)", Unit.BYTES, Spread.of([ours]), 150e6, peer, "one worker", note)]
