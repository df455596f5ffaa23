"""What a servicer method knows of the call it answers, and how a service is bound to a server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor

from trackway_server.core.auth.principal import LOCAL_ADMIN, Permission, Principal
from trackway_server.core.correlation import REQUEST_ID_KEY, Headers, trace_headers_from


@dataclass(slots=True)
class Call:
    """One call, as the interceptors fill it in.

    A servicer method has one of the four shapes, by the arity of its RPC, with messages already parsed and validated:

        async def GetRun(self, request: GetRunRequest, call: Call) -> GetRunResponse
        async def ReadSeries(self, request: ReadSeriesRequest, call: Call) -> AsyncIterator[ReadSeriesResponse]
        async def UploadArtifact(self, requests: AsyncIterator[UploadRequest], call: Call) -> UploadResponse
        async def Ingest(self, requests: AsyncIterator[IngestRequest], call: Call) -> AsyncIterator[IngestResponse]

    The streaming answers are asynchronous generators. A method raises DomainError to refuse.
    """

    method: str
    """Full name: `/trackway.api.tracking.v1.TrackingService/GetRun`."""
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What the caller sent beside the request, its credentials among it: not for logs."""
    request_id: str = ""
    principal: Principal = LOCAL_ADMIN
    trace: Headers = ()
    """The trace context for calls to others, where this server traces."""

    def onward_metadata(self) -> tuple[tuple[str, str], ...]:
        """Metadata for calls to other services on behalf of this one: credentials, request id and trace context."""
        kept = [(REQUEST_ID_KEY, self.request_id), *(self.trace or trace_headers_from(self.metadata))]
        if authorization := self.metadata.get("authorization"):
            kept.append(("authorization", authorization))
        return tuple(kept)


@dataclass(frozen=True, slots=True)
class ServiceBinding:
    """A service to be served: its descriptor, the object whose methods answer, and the permission of every RPC."""

    descriptor: ServiceDescriptor
    servicer: Any
    policy: Mapping[str, Permission]
    """RPC name → permission. `rpc/server.py` refuses to start a server on which an RPC is not listed."""
