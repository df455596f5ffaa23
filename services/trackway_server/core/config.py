"""Settings: one base for what every part of the server may read from the environment."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """A part's settings. A subclass names its prefix, which begins with `TRACKWAY_`; secrets are typed `SecretStr`."""

    model_config = SettingsConfigDict(env_prefix="TRACKWAY_", extra="ignore", frozen=True, hide_input_in_errors=True)


class CoreSettings(Settings):
    """What may be set of every server, from `TRACKWAY_…` environment variables."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lines below this level are not written."""

    log_format: Literal["auto", "console", "json"] = "auto"
    """`auto`: for people where the log goes to a terminal, JSON otherwise."""

    slow_call_s: float = Field(default=1.0, ge=0)
    """A unary call that takes longer, in seconds, has a warning in the log; 0: none has."""

    tracing: bool | None = None
    """Whether to send traces (OpenTelemetry); unset: where `OTEL_EXPORTER_OTLP_ENDPOINT` is set."""

    metrics_token: SecretStr | None = None
    """What opens `/metrics` and nothing else, sent as Bearer, beside the keys that the service takes."""

    stop_wait_s: float = Field(default=0.0, ge=0, le=60)
    """How long a stopping server says NOT_SERVING before it refuses calls, in seconds; load balancers see it."""

    stop_grace_s: float = Field(default=5.0, ge=0, le=600)
    """How long a stopping server lets calls finish before it cancels them, in seconds."""


def wrong_setting(error: ValidationError) -> str:
    """Which variable of the environment is wrong, and why; without its value, which may be a secret."""
    first = error.errors(include_url=False, include_input=False)[0]
    name = ".".join(str(part) for part in first["loc"]).upper()
    return f"the environment variable TRACKWAY_…{name} ({error.title}) is wrong: {first['msg']}"
