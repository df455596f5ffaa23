"""What MLflow's clients ask a server before anything else: what it can do, its version, and whether it is there.

None of it needs a key.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from trackway_server.gateway.mlflow import presigned
from trackway_server.gateway.mlflow.routing import Router
from trackway_server.gateway.mlflow.session import Session

PREFIXES = ("/api/3.0/mlflow", "/ajax-api/3.0/mlflow")

MLFLOW_VERSION = "3.18.0"
"""The version of MLflow whose API is answered here (mlflow.md). Clients compare it where a newer server knows a better
way, and take the older way below it, so it is the newest that we keep up with, and no version of our own."""


async def server_info(session: Session) -> dict[str, Any]:
    """The features by which clients choose their ways. Of presigned transfers a caller without a key learns nothing."""
    direct = await presigned.offered(session)
    return {
        "store_type": None,  # "SqlStore" and "FileStore" are MLflow's own
        "workspaces_enabled": True,
        "trace_archival_enabled": False,
        "artifact_serving_enabled": True,
        "artifacts_presigned_only": False,
        "multipart_uploads_enabled": direct,
        "multipart_downloads_enabled": direct,
        "presigned_upload_run_id_supported": False,
        "presigned_upload_model_id_supported": False,
        "model_artifact_presigned_downloads_supported": False,
        "features_enabled": {"gateway": False, "scheduled_issue_detection": False},
    }


async def _version(_: Request) -> Response:
    return PlainTextResponse(MLFLOW_VERSION)


async def _health(_: Request) -> Response:
    return PlainTextResponse("OK")


ROUTER = Router(({"/server-info": {"GET": server_info}, "/server-features": {"GET": server_info}},))
"""Below PREFIXES."""

PAGES = (Route("/version", _version), Route("/health", _health))
