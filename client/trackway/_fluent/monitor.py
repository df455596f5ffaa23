"""Metrics of a model in production: what the process that serves a version logs about it."""

from __future__ import annotations

from trackway._fluent.metrics import MetricLog, patience
from trackway._fluent.report import report
from trackway._ingest.spool import REGISTRY
from trackway._ingest.writer import Writer
from trackway.config import DEFAULT_WORKSPACE
from trackway.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Any

    from trackway._ingest.writer import SyncState

FLUSH_SECONDS = 60.0


class VersionMonitor(MetricLog):
    """Logs metrics of one version of a registered model.

    As with a run, a call records and returns: what it has returned from survives `kill -9`, the uplink sends it, and no
    server is waited for. Several processes may monitor one version; `context` tells them apart (`{"replica": "a"}`).
    Methods may be called from any thread. Not closing it loses nothing.
    """

    __slots__ = ("name", "version")

    name: str
    """The registered model."""
    version: int
    """The number of the version."""

    def __init__(
        self,
        name: str,
        version: int,
        *,
        uri: str,
        token: str | None = None,
        workspace: str = DEFAULT_WORKSPACE,
        context: Mapping[str, Any] | None = None,
    ) -> None:
        _check(name, version)
        labels = {str(label): str(value) for label, value in (context or {}).items()}
        writer = Writer.open(
            f"{name}/{version}",
            uri=uri,
            workspace=workspace,
            token=token,
            labels=labels,
            owns_run=False,
            service=REGISTRY,
        )
        super().__init__(writer, labels)
        self.name = name
        self.version = version

    def flush(self, timeout: float = FLUSH_SECONDS) -> SyncState:
        """Wait at most `timeout` seconds until all that was logged is durable on the server; answer how far it is."""
        return self._writer.flush(patience(timeout))

    def close(self, timeout: float = FLUSH_SECONDS) -> SyncState:
        """Log no more, and wait as `flush` does. What is left is sent in the background; what was refused is told."""
        state = self._writer.finish(patience(timeout))
        report(self, state, may_raise=True)
        return state

    def __enter__(self) -> VersionMonitor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<VersionMonitor: models:/{self.name}/{self.version}>"


def _check(name: object, version: object) -> None:
    if not isinstance(name, str) or not name or not {"/", ":", "@"}.isdisjoint(name):
        raise InvalidArgument(f"{name!r:.80} is no name of a registered model: it has no '/', ':' or '@' in it")
    if not isinstance(version, int) or not 0 < version < 1 << 31:
        raise InvalidArgument(f"{version!r:.80} is no version of a model: one is a number from 1 on")
