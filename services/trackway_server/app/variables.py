"""Every environment variable that the server reads, so that a misspelt one is told and not passed over."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic_settings import BaseSettings

_PROGRAM = frozenset(
    f"TRACKWAY_{name}"
    for name in (
        "DATA_DIR",
        "DATABASE_URL",
        "DATABASE_URL_FILE",
        "BLOB_URL",
        "PEER_ADDRESS",
        "TRACKING_ADDRESS",
        "ARTIFACTS_ADDRESS",
        "REGISTRY_ADDRESS",
        "AUTH_ADDRESS",
        "AUTH_ADMIN_KEY_FILE",
        "TLS_CERT",
        "TLS_KEY",
        "TLS_CLIENT_CA",
        "TLS_HTTP_CLIENT_AUTH",
        "PEER_CA",
        "PEER_CERT",
        "PEER_KEY",
        "METRICS_PORT",
        "METRICS_HOST",
        "READY_FILE",
        "PROFILE",
    )
)
_CLIENT = frozenset(
    f"TRACKWAY_{name}"
    for name in (
        "URI",
        "TOKEN",
        "CA_FILE",
        "CLIENT_CERT",
        "CLIENT_KEY",
        "OIDC_TOKEN_FILE",
        "WORKSPACE",
        "SPOOL_DIR",
        "SPOOL_IO",
        "SPOOL_MAX_BYTES",
        "RANK_CONTEXT",
        "CAPTURE_SOURCE",
        "ACTIVE_MODEL_ID",
        "WEBHOOK_SECRET",
        "STRICT",
        "UPLINK",
        "UPLINK_IDLE",
        "RUN_ID",
        "EXPERIMENT_NAME",
        "EXPERIMENT_ID",
        "ALLOW_PICKLE",
        "LOG_CONSOLE",
        "CONSOLE_ANSI",
        "CONSOLE_MAX_BYTES",
        "ENABLE_SYSTEM_METRICS_LOGGING",
        "SYSTEM_METRICS_SAMPLING_INTERVAL",
        "SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING",
        "SYSTEM_METRICS_NODE_ID",
    )
)
"""The client's: they may be set beside a server, and mean nothing to it."""


def settings_classes() -> tuple[type[BaseSettings], ...]:
    """The settings of the kernel and of every part."""
    from trackway_server.artifacts.config import ArtifactsSettings, S3Settings
    from trackway_server.auth.config import AuthSettings
    from trackway_server.core.config import CoreSettings
    from trackway_server.core.rpc.config import RpcSettings
    from trackway_server.gateway.config import GatewaySettings
    from trackway_server.registry.config import RegistrySettings
    from trackway_server.tracking.config import TrackingSettings

    return (
        CoreSettings,
        RpcSettings,
        TrackingSettings,
        ArtifactsSettings,
        S3Settings,
        RegistrySettings,
        AuthSettings,
        GatewaySettings,
    )


def server_variables() -> frozenset[str]:
    """The names of all variables that a server reads."""
    return _PROGRAM | {name for settings in settings_classes() for name in _names(settings)}


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Those of the environment that look like ours and are not."""
    known = server_variables() | _CLIENT
    return sorted(name for name in environ if name.startswith("TRACKWAY_") and name not in known)


def _names(settings: type[BaseSettings]) -> set[str]:
    prefix = str(settings.model_config.get("env_prefix", ""))
    return {
        str(field.validation_alias) if field.validation_alias else (prefix + name).upper()
        for name, field in settings.model_fields.items()
    }
