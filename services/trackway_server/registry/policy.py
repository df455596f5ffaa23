"""Which permission each RPC needs."""

from __future__ import annotations

from collections.abc import Mapping

from trackway_server.core.auth.principal import Permission, Role

READ = Permission("models.read", Role.VIEWER, bindable=True)
WRITE = Permission("models.write", Role.EDITOR, bindable=True)
CREATE = Permission("models.create", Role.EDITOR)
READ_ROLES = Permission("models.roles.read", Role.VIEWER, bindable=True)
WRITE_ROLES = Permission("models.roles.write", Role.ADMIN, bindable=True)
# A permission of its own, so that approvals can raise what a transition needs without touching other writes.
TRANSITION = Permission("models.transition", Role.EDITOR, bindable=True)
# Apart from `models.write`: a model server that reports how it fares need not be one that changes models.
MONITOR = Permission("models.monitor", Role.EDITOR, bindable=True)

# Of the workspace: a webhook tells of all its models, and has this server call an address of somebody's choice.
WEBHOOKS = Permission("models.webhooks", Role.ADMIN)

POLICY: Mapping[str, Permission] = {
    "CreateModel": CREATE,
    "GetModel": READ,
    "SearchModels": READ,
    "UpdateModel": WRITE,
    "DeleteModel": WRITE,
    "ChangeModelTags": WRITE,
    "CreateVersion": WRITE,
    "GetVersion": READ,
    "SearchVersions": READ,
    "UpdateVersion": WRITE,
    "DeleteVersion": WRITE,
    "ChangeVersionTags": WRITE,
    "TransitionStage": TRANSITION,
    "SetAlias": WRITE,
    "DeleteAlias": WRITE,
    "Resolve": READ,
    "ListEvents": READ,
    "Watch": READ,
    "GetManifestAccess": READ,
    "GrantModelRole": WRITE_ROLES,
    "RevokeModelRole": WRITE_ROLES,
    "ListModelRoles": READ_ROLES,
    "Ingest": MONITOR,
    "ListVersionWriters": READ,
    "ListVersionSeries": READ,
    "ReadVersionSeries": READ,
    # It takes a name in the workspace, as making a model does, and so is for those who may do that.
    "RenameModel": CREATE,
    "CreateWebhook": WEBHOOKS,
    "GetWebhook": WEBHOOKS,
    "ListWebhooks": WEBHOOKS,
    "UpdateWebhook": WEBHOOKS,
    "DeleteWebhook": WEBHOOKS,
    "TestWebhook": WEBHOOKS,
}
