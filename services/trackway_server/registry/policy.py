"""Which permission each RPC needs."""

from __future__ import annotations

from collections.abc import Mapping

from trackway_server.core.auth.principal import Permission, Role

READ = Permission("models.read", Role.VIEWER)
WRITE = Permission("models.write", Role.EDITOR)
# A permission of its own, so that approvals can raise what a transition needs without touching other writes.
TRANSITION = Permission("models.transition", Role.EDITOR)
# Apart from `models.write`: a model server that reports how it fares need not be one that changes models.
MONITOR = Permission("models.monitor", Role.EDITOR)

POLICY: Mapping[str, Permission] = {
    "CreateModel": WRITE,
    "GetModel": READ,
    "ListModels": READ,
    "UpdateModel": WRITE,
    "DeleteModel": WRITE,
    "ChangeModelTags": WRITE,
    "CreateVersion": WRITE,
    "GetVersion": READ,
    "ListVersions": READ,
    "UpdateVersion": WRITE,
    "DeleteVersion": WRITE,
    "ChangeVersionTags": WRITE,
    "TransitionStage": TRANSITION,
    "SetAlias": WRITE,
    "DeleteAlias": WRITE,
    "Resolve": READ,
    "ListEvents": READ,
    "Watch": READ,
    "Ingest": MONITOR,
    "ListVersionWriters": READ,
    "ListVersionSeries": READ,
    "ReadVersionSeries": READ,
}
