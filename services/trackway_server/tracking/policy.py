"""Who may call what: the permission of every RPC of Tracking."""

from __future__ import annotations

from collections.abc import Mapping

from trackway_server.core.auth.principal import Permission, Role

READ_EXPERIMENTS = Permission("experiments.read", Role.VIEWER, bindable=True)
WRITE_EXPERIMENTS = Permission("experiments.write", Role.EDITOR, bindable=True)
CREATE_EXPERIMENTS = Permission("experiments.create", Role.EDITOR)
READ_RUNS = Permission("runs.read", Role.VIEWER, bindable=True)
WRITE_RUNS = Permission("runs.write", Role.EDITOR, bindable=True)
READ_MODELS = Permission("logged_models.read", Role.VIEWER, bindable=True)
WRITE_MODELS = Permission("logged_models.write", Role.EDITOR, bindable=True)
READ_ROLES = Permission("experiments.roles.read", Role.VIEWER, bindable=True)
WRITE_ROLES = Permission("experiments.roles.write", Role.ADMIN, bindable=True)

POLICY: Mapping[str, Permission] = {
    "CreateExperiment": CREATE_EXPERIMENTS,
    "GetExperiment": READ_EXPERIMENTS,
    "SearchExperiments": READ_EXPERIMENTS,
    "UpdateExperiment": WRITE_EXPERIMENTS,
    "DeleteExperiment": WRITE_EXPERIMENTS,
    "RestoreExperiment": WRITE_EXPERIMENTS,
    "CreateRun": WRITE_RUNS,
    "GetRun": READ_RUNS,
    "SearchRuns": READ_RUNS,
    "UpdateRun": WRITE_RUNS,
    "DeleteRun": WRITE_RUNS,
    "RestoreRun": WRITE_RUNS,
    "LogBatch": WRITE_RUNS,
    "ListRefusedRecords": READ_RUNS,
    "ListWriters": READ_RUNS,
    "ListSeries": READ_RUNS,
    "ReadSeries": READ_RUNS,
    "ReadConsole": READ_RUNS,
    "ReadBuckets": READ_RUNS,
    "ReadAggregates": READ_RUNS,
    "ReadValues": READ_RUNS,
    "Follow": READ_RUNS,
    "CompareRuns": READ_RUNS,
    "SearchDatasets": READ_RUNS,
    "Ingest": WRITE_RUNS,
    "GetRunAccess": READ_RUNS,
    "GrantExperimentRole": WRITE_ROLES,
    "RevokeExperimentRole": WRITE_ROLES,
    "ListExperimentRoles": READ_ROLES,
    "CreateLoggedModel": WRITE_MODELS,
    "GetLoggedModel": READ_MODELS,
    "FinalizeLoggedModel": WRITE_MODELS,
    "DeleteLoggedModel": WRITE_MODELS,
    "UpdateLoggedModelTags": WRITE_MODELS,
    "LogLoggedModelParams": WRITE_MODELS,
    "SearchLoggedModels": READ_MODELS,
    "GetLoggedModelAccess": READ_MODELS,
}
