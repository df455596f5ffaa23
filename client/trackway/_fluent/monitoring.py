"""Which version a process says that it serves: an address, resolved once."""

from __future__ import annotations

from trackway._fluent import session
from trackway._fluent.monitor import VersionMonitor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def monitor_version(model_uri: str, context: Mapping[str, Any] | None = None) -> VersionMonitor:
    """Log metrics of a version that this process serves: `models:/NAME/VERSION`.

    An address by stage or alias is resolved now, once, which needs the server; the version is then fixed. Read what was
    logged with `Client().registry.read_series(name, version, key)`.
    """
    from trackway.model_uri import parse_model

    uri = session.get_tracking_uri()
    wanted = parse_model(model_uri)
    number = wanted.version or session.server(uri).registry.resolve(model_uri).version.version
    return VersionMonitor(wanted.name, number, uri=uri, context=context)
