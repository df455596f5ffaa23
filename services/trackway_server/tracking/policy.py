"""Who may call what: the permission of every RPC of Tracking."""

from __future__ import annotations

from collections.abc import Mapping

from trackway_server.core.auth.principal import Permission, Role

READ_EXPERIMENTS = Permission("experiments.read", Role.VIEWER)
WRITE_EXPERIMENTS = Permission("experiments.write", Role.EDITOR)
READ_RUNS = Permission("runs.read", Role.VIEWER)
WRITE_RUNS = Permission("runs.write", Role.EDITOR)

POLICY: Mapping[str, Permission] = {
    "CreateExperiment": WRITE_EXPERIMENTS,
    "GetExperiment": READ_EXPERIMENTS,
    "ListExperiments": READ_EXPERIMENTS,
    "UpdateExperiment": WRITE_EXPERIMENTS,
    "DeleteExperiment": WRITE_EXPERIMENTS,
    "RestoreExperiment": WRITE_EXPERIMENTS,
    "CreateRun": WRITE_RUNS,
    "GetRun": READ_RUNS,
    "ListRuns": READ_RUNS,
    "UpdateRun": WRITE_RUNS,
    "DeleteRun": WRITE_RUNS,
    "RestoreRun": WRITE_RUNS,
    "LogBatch": WRITE_RUNS,
    "ListRefusedRecords": READ_RUNS,
    "ListWriters": READ_RUNS,
    "ListSeries": READ_RUNS,
    "ReadSeries": READ_RUNS,
    "ReadBuckets": READ_RUNS,
    "ReadAggregates": READ_RUNS,
    "ReadValues": READ_RUNS,
    "Follow": READ_RUNS,
    "Ingest": WRITE_RUNS,
}
