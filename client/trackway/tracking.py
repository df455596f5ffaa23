"""MLflow's `MlflowClient`, by its method names, over this package's client.

    client = trackway.MlflowClient()
    client.transition_model_version_stage("digits", 3, "Production", archive_existing_versions=True)

What is logged goes through the spool, as with the fluent functions, and is sent before anything is read. Methods of
MLflow that are not here are not built yet.
"""

from __future__ import annotations

from trackway._fluent.mlflow_client import MlflowClient
from trackway._fluent.session import get_tracking_uri, is_tracking_uri_set, set_tracking_uri

__all__ = ["MlflowClient", "get_tracking_uri", "is_tracking_uri_set", "set_tracking_uri"]
