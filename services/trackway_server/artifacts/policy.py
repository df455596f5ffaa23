"""Which permission each RPC needs."""

from __future__ import annotations

from collections.abc import Mapping

from trackway_server.core.auth.principal import Permission, Role

READ = Permission("artifacts.read", Role.VIEWER, bindable=True)
WRITE = Permission("artifacts.write", Role.EDITOR, bindable=True)

POLICY: Mapping[str, Permission] = {
    "UploadArtifact": WRITE,
    "DownloadArtifact": READ,
    "ListArtifacts": READ,
    "DeleteArtifacts": WRITE,
    "CreateManifest": WRITE,
    "GetManifest": READ,
    "PresignDownload": READ,
    "PresignUpload": WRITE,
    "CompletePresignedUpload": WRITE,
    "AbortPresignedUpload": WRITE,
}
