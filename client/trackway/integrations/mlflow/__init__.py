"""MLflow's API at Trackway's speed: the plugin that MLflow finds by its entry points once trackway is installed.

    import mlflow

    mlflow.set_tracking_uri("trackway://127.0.0.1:7701")   # trackways:// for TLS
    with mlflow.start_run():
        mlflow.log_metric("loss", 0.5)

What a call that writes has returned from survives `kill -9`: it goes through the spool, and the uplink sends it. Reads
send first what this process logged. Keys, authorities and workspaces are those of `trackway.config`; where it names no
key, `MLFLOW_TRACKING_TOKEN` or `MLFLOW_TRACKING_PASSWORD` is taken for one.

These three functions are all that MLflow loads of Trackway as long as nobody names such an address.
"""

from __future__ import annotations

import atexit
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trackway.integrations.mlflow.artifact_repository import TrackwayArtifactRepository
    from trackway.integrations.mlflow.registry_store import TrackwayRegistryStore
    from trackway.integrations.mlflow.tracking_store import TrackwayTrackingStore

_SERVER = "trackway.integrations.mlflow.server"

OLDEST = (2, 22)
"""The oldest version of MLflow that the plugin works with."""


def tracking_store(store_uri: str, artifact_uri: str | None = None) -> TrackwayTrackingStore:
    """MLflow's store of experiments and runs at `trackway://HOST:PORT`. Raises ImportError where MLflow is too old.

    `artifact_uri` is a server's default place for artifacts; Trackway keeps them itself.
    """
    _check_version()
    from trackway.integrations.mlflow.tracking_store import TrackwayTrackingStore

    return TrackwayTrackingStore(store_uri)


def registry_store(store_uri: str, tracking_uri: str | None = None) -> TrackwayRegistryStore:
    """MLflow's store of registered models at `trackway://HOST:PORT`. Raises ImportError where MLflow is too old."""
    _check_version()
    from trackway.integrations.mlflow.registry_store import TrackwayRegistryStore

    return TrackwayRegistryStore(store_uri, tracking_uri)


def artifact_repository(
    artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
) -> TrackwayArtifactRepository:
    """MLflow's repository of the files at `trackway://HOST:PORT/runs/RUN_ID` or `…/models/NAME/VERSION`.

    Raises ImportError where MLflow is too old.
    """
    _check_version()
    from trackway.integrations.mlflow.artifact_repository import TrackwayArtifactRepository

    return TrackwayArtifactRepository(artifact_uri, tracking_uri, registry_uri)


def _check_version() -> None:
    try:
        from mlflow.version import VERSION
    except ImportError:
        raise ImportError("trackway.integrations.mlflow is MLflow's plugin: pip install 'mlflow>=2.22'") from None
    found = tuple(int(part) for part in VERSION.split(".")[:2] if part.isdigit())
    if found < OLDEST:
        raise ImportError(
            f"MLflow {VERSION} is too old for the plugin of trackway: pip install 'mlflow>=2.22', or set "
            "MLFLOW_TRACKING_URI to the server's HTTP address, which older versions speak"
        )


def _at_exit() -> None:
    if _SERVER in sys.modules:
        sys.modules[_SERVER].close_open_runs()


# MLflow loads its plugins before it registers the end of its active run, so that this comes after that.
atexit.register(_at_exit)
