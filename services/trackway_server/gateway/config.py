"""Settings of the gateway, from `TRACKWAY_GATEWAY_…` environment variables."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from trackway_server.core.config import Settings


class GatewaySettings(Settings):
    """What may be set of the gateway."""

    model_config = SettingsConfigDict(env_prefix="TRACKWAY_GATEWAY_")

    allowed_hosts: tuple[str, ...] = ()
    """Names, beside loopback and the bound address, under which browsers reach the gateway (a JSON list)."""

    allowed_origins: tuple[str, ...] = ()
    """Origins (`https://tracker.example`), beside the gateway's own, whose pages may change something: for a proxy that
    changes the Host header (a JSON list)."""

    call_timeout_s: float = Field(default=5.0, gt=0, le=60)
    """How long a page waits for one answer of a service, in seconds."""

    page_runs: int = Field(default=50, ge=1, le=1000)
    """How many runs one page shows."""

    metrics_token: SecretStr | None = Field(default=None, validation_alias="TRACKWAY_METRICS_TOKEN")
    """What opens `/metrics`, sent as Bearer, beside the keys that the services take."""

    max_connections: int = Field(default=256, ge=1)
    """Connections at once. For one more those are closed that have not sent their request, the most silent first; where
    there are none, it is answered 503."""

    request_s: float = Field(default=20.0, gt=0)
    """How long a client may take to send a request, from the connection or the answer before on, and how long for its
    body, in seconds."""

    stalled_s: float = Field(default=30.0, gt=0)
    """How long a client may take nothing of an answer that waits for it, in seconds."""

    max_body_bytes: int = Field(default=16 << 20, ge=1 << 10)
    """The greatest body of a request, as it is sent and decompressed."""

    rpc_timeout_s: float = Field(default=60.0, gt=0)
    """How long a unary call over HTTP may take where its caller says nothing, in seconds."""

    heartbeat_s: float = Field(default=15.0, gt=0)
    """After how long without an event a comment is sent on an event stream, in seconds."""

    max_streams: int = Field(default=128, ge=1)
    """Event streams at once; beyond this they are refused for now."""

    max_upload_bytes: int = Field(default=1 << 40, ge=1 << 10)
    """The greatest file that is uploaded over HTTP. It is never held: what it costs is time, and room in the store."""

    max_histories: int = Field(default=4, ge=1)
    """Histories of metrics that MLflow's clients read at once. Each may hold 400 MB of points, and as much while it is
    written. Those beyond wait their turn, for `rpc_timeout_s` at most; so long may an answer take to be taken."""

    max_transfers: int = Field(default=32, ge=1)
    """Files on their way over HTTP at once, in or out. Each holds some 1 MiB here, 8 MiB with what gRPC and an artifact
    store in the same process hold of it. Those beyond wait their turn, for `rpc_timeout_s` at most."""
