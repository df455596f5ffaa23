"""Which permission each RPC needs."""

from __future__ import annotations

from collections.abc import Mapping

from trackway_server.core.auth.principal import Permission, Role

READ = Permission("artifacts.read", Role.VIEWER)
WRITE = Permission("artifacts.write", Role.EDITOR)

POLICY: Mapping[str, Permission] = {
    "UploadArtifact": WRITE,
    "DownloadArtifact": READ,
    "ListArtifacts": READ,
    "DeleteArtifacts": WRITE,
    "CreateManifest": WRITE,
    "GetManifest": READ,
}
