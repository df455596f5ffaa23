"""What a servicer method knows of the call it answers, and how a service is bound to a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor

from trackway_server.core.admission import Bound, unbound
from trackway_server.core.auth.principal import DEFAULT_WORKSPACE, LOCAL_ADMIN, Permission, Principal
from trackway_server.core.correlation import REQUEST_ID_KEY, Headers, trace_headers_from
from trackway_server.core.errors import DomainError, Reason


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
    permission: Permission | None = None
    """What the method needs; the chain sets it, and knows that the principal has it somewhere."""
    service: str = ""
    """The service account of the service that calls on behalf of `principal`; empty where none says so."""
    peer: str = ""
    """The other end of the connection, as gRPC names it: `ipv4:127.0.0.1:51234`, `unix:`."""
    certificate: Callable[[], str] = field(default=str, repr=False)
    """The client certificate that the connection was opened with, in PEM form, looked up when it is asked for; empty
    where there is none. TLS has checked it."""

    def workspace(self, asked: str) -> str:
        """The workspace that a request names, `default` where it names none.

        Raises WORKSPACE_NOT_FOUND where the caller has no role in it, PERMISSION_DENIED where the role is too small.
        """
        name = asked or DEFAULT_WORKSPACE
        if not self.admits(name):
            raise self._no_workspace(name)
        return name

    def named_workspace(self, asked: str) -> str:
        """The workspace that a request names, `default` where it names none; whether the caller has any business there
        is for `enters` and `admits` to say."""
        return asked or DEFAULT_WORKSPACE

    def holds(self, workspace: str) -> bool:
        """Whether the caller's role in the workspace suffices for the method, on everything that lies there."""
        role = self.principal.roles.get(workspace, 0)
        return role > 0 and (self.permission is None or role >= self.permission.role)

    def role_on(self, workspace: str, bound: Bound) -> int:
        """The caller's role on something: that in its workspace, or a greater one by a binding."""
        return max(self.principal.roles.get(workspace, 0), bound(self.principal.name))

    def admits(self, workspace: str, bound: Bound = unbound) -> bool:
        """Whether something in the workspace is there for the caller, by a role there or a binding to it alone; to
        others it is as if it did not exist.

        Raises PERMISSION_DENIED where the role is too small for the method.
        """
        if self.holds(workspace):
            return True
        role = self.role_on(workspace, bound)
        if role and self.permission is not None and role < self.permission.role:
            raise permission_denied(self.principal, self.permission, workspace)
        return role > 0

    def enters(self, workspace: str, bound: Bound) -> str:
        """See Admission."""
        if self.holds(workspace):
            return ""
        if not self.role_on(workspace, bound):
            raise self._no_workspace(workspace)
        return self.principal.name

    def _no_workspace(self, name: str) -> DomainError:
        message = f"There is no workspace {name!r} for {self.principal.name}; name one in which you have a role."
        return DomainError(Reason.WORKSPACE_NOT_FOUND, message, workspace=name)

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


def permission_denied(principal: Principal, permission: Permission, workspace: str = "") -> DomainError:
    """The refusal of a principal that lacks a permission."""
    where = f" in workspace {workspace}" if workspace else ""
    message = f"{principal.name} lacks the permission {permission.name}{where}; ask an administrator for it."
    return DomainError(Reason.PERMISSION_DENIED, message, permission=permission.name)
