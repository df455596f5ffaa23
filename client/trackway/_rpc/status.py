"""The total table from what a server answers to what the client raises, and the sentences where no server answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from trackway import errors
from trackway.config import DEFAULT_PORT, ServerAddress, profile_path

DOMAIN = "trackway"
_DETAILS_KEY = "grpc-status-details-bin"

BY_STATUS: Mapping[grpc.StatusCode, type[errors.TrackwayError]] = {
    grpc.StatusCode.OK: errors.Internal,  # an error that claims to be none
    grpc.StatusCode.CANCELLED: errors.Cancelled,
    grpc.StatusCode.UNKNOWN: errors.Internal,
    grpc.StatusCode.INVALID_ARGUMENT: errors.InvalidArgument,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.DeadlineExceeded,
    grpc.StatusCode.NOT_FOUND: errors.NotFound,
    grpc.StatusCode.ALREADY_EXISTS: errors.AlreadyExists,
    grpc.StatusCode.PERMISSION_DENIED: errors.PermissionDenied,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.ResourceExhausted,
    grpc.StatusCode.FAILED_PRECONDITION: errors.FailedPrecondition,
    grpc.StatusCode.ABORTED: errors.Conflict,
    grpc.StatusCode.OUT_OF_RANGE: errors.InvalidArgument,
    grpc.StatusCode.UNIMPLEMENTED: errors.Unsupported,
    grpc.StatusCode.INTERNAL: errors.Internal,
    grpc.StatusCode.UNAVAILABLE: errors.Unavailable,
    grpc.StatusCode.DATA_LOSS: errors.DataLoss,
    grpc.StatusCode.UNAUTHENTICATED: errors.Unauthenticated,
}

EXPIRED = "CREDENTIALS_EXPIRED"
"""The reason of a stream's end that is no failure: opened again, with a new token, it goes on."""

BY_REASON: Mapping[str, type[errors.TrackwayError]] = {
    "UNSPECIFIED": errors.Internal,
    "INVALID_FIELD": errors.InvalidArgument,
    "MALFORMED_REQUEST": errors.InvalidArgument,
    "UNKNOWN_METHOD": errors.Unsupported,
    "CREDENTIALS_MISSING": errors.Unauthenticated,
    "CREDENTIALS_INVALID": errors.Unauthenticated,
    "CREDENTIALS_EXPIRED": errors.Unauthenticated,
    "PERMISSION_DENIED": errors.PermissionDenied,
    "LIMIT_EXCEEDED": errors.ResourceExhausted,
    "STORAGE_FULL": errors.ResourceExhausted,
    "SERVICE_UNAVAILABLE": errors.Unavailable,
    "SHUTTING_DOWN": errors.Unavailable,
    "DEADLINE_EXCEEDED": errors.DeadlineExceeded,
    "CANCELLED": errors.Cancelled,
    "INTERNAL": errors.Internal,
    "PAGE_TOKEN_INVALID": errors.InvalidArgument,
    "ETAG_MISMATCH": errors.Conflict,
    "WORKSPACE_NOT_FOUND": errors.NotFound,
    "SERVICE_NOT_FOUND": errors.NotFound,
    "TOO_MANY_ATTEMPTS": errors.ResourceExhausted,
    "FILTER_INVALID": errors.InvalidArgument,
    "EXPERIMENT_NOT_FOUND": errors.NotFound,
    "EXPERIMENT_ALREADY_EXISTS": errors.AlreadyExists,
    "EXPERIMENT_DELETED": errors.FailedPrecondition,
    "EXPERIMENT_PROTECTED": errors.FailedPrecondition,
    "RUN_NOT_FOUND": errors.NotFound,
    "RUN_ALREADY_EXISTS": errors.AlreadyExists,
    "RUN_DELETED": errors.FailedPrecondition,
    "PARAM_IMMUTABLE": errors.FailedPrecondition,
    "TAG_NOT_FOUND": errors.NotFound,
    "SERIES_NOT_FOUND": errors.NotFound,
    "LOGGED_MODEL_NOT_FOUND": errors.NotFound,
    "LOGGED_MODEL_ALREADY_EXISTS": errors.AlreadyExists,
    "LOGGED_MODEL_DELETED": errors.FailedPrecondition,
    "WRITER_FENCED": errors.Conflict,
    "WRITER_FOREIGN": errors.PermissionDenied,
    "WRITER_DIVERGED": errors.FailedPrecondition,
    "SEQUENCE_GAP": errors.InvalidArgument,
    "SERIES_UNDEFINED": errors.InvalidArgument,
    "RECORD_UNSUPPORTED": errors.InvalidArgument,
    "ARTIFACT_NOT_FOUND": errors.NotFound,
    "ARTIFACT_PATH_INVALID": errors.InvalidArgument,
    "ARTIFACT_PATH_CONFLICT": errors.FailedPrecondition,
    "DIGEST_MISMATCH": errors.DataLoss,
    "MANIFEST_NOT_FOUND": errors.NotFound,
    "BLOB_CORRUPT": errors.DataLoss,
    "PRESIGNING_UNAVAILABLE": errors.Unsupported,
    "UPLOAD_NOT_FOUND": errors.NotFound,
    "MODEL_NOT_FOUND": errors.NotFound,
    "MODEL_ALREADY_EXISTS": errors.AlreadyExists,
    "MODEL_VERSION_NOT_FOUND": errors.NotFound,
    "ALIAS_NOT_FOUND": errors.NotFound,
    "ALIAS_CONFLICT": errors.Conflict,
    "STAGE_INVALID": errors.InvalidArgument,
    "SOURCE_INVALID": errors.InvalidArgument,
    "RESUME_TOKEN_INVALID": errors.InvalidArgument,
    "MODEL_VERSION_IN_USE": errors.FailedPrecondition,
    "WEBHOOK_NOT_FOUND": errors.NotFound,
    "WEBHOOK_URL_REFUSED": errors.InvalidArgument,
    "WEBHOOK_SECRETS_UNAVAILABLE": errors.FailedPrecondition,
    "PRINCIPAL_NOT_FOUND": errors.NotFound,
    "PRINCIPAL_ALREADY_EXISTS": errors.AlreadyExists,
    "PRINCIPAL_PROTECTED": errors.FailedPrecondition,
    "WORKSPACE_ALREADY_EXISTS": errors.AlreadyExists,
    "WORKSPACE_PROTECTED": errors.FailedPrecondition,
    "ROLE_NOT_FOUND": errors.NotFound,
    "KEY_NOT_FOUND": errors.NotFound,
    "IDENTITY_UNMAPPED": errors.Unauthenticated,
}


@dataclass(frozen=True, slots=True)
class CallSite:
    """The call that failed: where to, what, and the id under which the server logged it."""

    address: ServerAddress
    method: str
    request_id: str


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What a server that speaks our protocol says of a refusal."""

    reason: str
    metadata: Mapping[str, str] = field(default_factory=dict)


def error_of(failure: grpc.aio.AioRpcError, site: CallSite) -> errors.TrackwayError:
    """What to raise for a call that failed."""
    refusal = _refusal(failure)
    if refusal is None:
        return _unexplained(failure, site)
    kind = BY_REASON.get(refusal.reason) or BY_STATUS[failure.code()]
    message = _ours(refusal.reason, site) or failure.details() or f"the server refused {site.method}"
    request_id = refusal.metadata.get("request_id") or site.request_id
    return kind(message, reason=refusal.reason, metadata=refusal.metadata, request_id=request_id)


def has_expired(error: Exception) -> bool:
    """Whether a stream has ended because its token has, so that it may be opened again at once."""
    return isinstance(error, errors.Unauthenticated) and error.reason == EXPIRED


def too_late(site: CallSite, seconds: float) -> errors.DeadlineExceeded:
    """What to raise where nothing came for so long."""
    return errors.DeadlineExceeded(
        f"{site.address.uri} did not answer {site.method} within {seconds:g} seconds", request_id=site.request_id
    )


def _refusal(failure: grpc.aio.AioRpcError) -> _Refusal | None:
    for key, value in failure.trailing_metadata() or ():
        if key == _DETAILS_KEY:
            return _unpack(value if isinstance(value, bytes) else value.encode())
    return None


def _unpack(details: bytes) -> _Refusal | None:
    info = error_details_pb2.ErrorInfo()
    try:
        for detail in status_pb2.Status.FromString(details).details:
            if detail.Unpack(info) and info.domain == DOMAIN:
                return _Refusal(info.reason.removeprefix("ERROR_REASON_"), dict(info.metadata))
    except DecodeError:
        return None
    return None


def _ours(reason: str, site: CallSite) -> str:
    """A better sentence than the server's, for refusals whose remedy is on this side."""
    address = site.address
    if reason == "CREDENTIALS_MISSING":
        return (
            f"{address.uri} wants a key: set TRACKWAY_TOKEN, or note it in {profile_path()}"
            ' (a server keeps its first in "admin.key" of its data folder)'
        )
    if reason == "CREDENTIALS_INVALID" and not address.oidc_token_file:  # of those the server knows more
        return f"{address.uri} does not know this key: check TRACKWAY_TOKEN and {profile_path()}"
    return _other_version(site) if reason == "UNKNOWN_METHOD" else ""


def _other_version(site: CallSite) -> str:
    return (
        f"the server at {site.address.uri} does not know {site.method}: it is older than this client;"
        " upgrade the server, or install the client of its version"
    )


def _unexplained(failure: grpc.aio.AioRpcError, site: CallSite) -> errors.TrackwayError:
    """For what the transport itself answered, or a server that is not ours."""
    code, said = failure.code(), failure.details() or ""
    if "http1.x" in said.lower() or "http/1" in said.lower():
        code, message = grpc.StatusCode.UNAVAILABLE, _http_port(site.address)
    elif code is grpc.StatusCode.UNAVAILABLE:
        message = _unreachable(site.address, said)
    elif _is_cut(code, said):
        code, message = grpc.StatusCode.UNAVAILABLE, f"{site.address.uri} stopped during {site.method}: try again"
    elif code is grpc.StatusCode.UNIMPLEMENTED:
        message = _other_version(site)
    elif code is grpc.StatusCode.DEADLINE_EXCEEDED:
        message = f"{site.address.uri} did not answer {site.method} in time"
    elif code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        message = f"a message of {site.method} is larger than what the two sides allow: send or ask for less at once"
    elif code is grpc.StatusCode.UNAUTHENTICATED:
        message = _ours("CREDENTIALS_INVALID", site)
    else:
        message = f"{site.method} at {site.address.uri} failed ({code.name}); its log has request {site.request_id}"
    return BY_STATUS[code](message, request_id=site.request_id)


_CUT = ("rst_stream", "stream removed", "internal error from core")
"""Reset by a proxy; ended by a proxy without a status; ended in either way while this side was writing."""


def _is_cut(code: grpc.StatusCode, said: str) -> bool:
    """Whether the call was cut on its way. CANCELLED, which nobody here asked for, is what gRPC answers to that which
    arrives just when a server stops; the others are what is left of a stream when a proxy loses its server."""
    if code in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN):
        return any(words in said.lower() for words in _CUT)
    return code is grpc.StatusCode.CANCELLED


def _http_port(address: ServerAddress) -> str:
    host = address.targets[0].rpartition(":")[0]
    return f"{address.target} speaks HTTP, not gRPC: the address is most likely trackway://{host}:{DEFAULT_PORT}"


def _unreachable(address: ServerAddress, said: str) -> str:
    said = said.lower()
    if "dns resolution failed" in said or "name resolution" in said:
        return f"the host of {address.uri} is not known: check the address (TRACKWAY_URI)"
    if problem := _encryption_problem(address, said):
        return problem
    remedy = 'start one with "trackway server"' if address.loopback else "check that it runs and can be reached"
    return f"no server answers at {address.uri}: {remedy}, or name another with TRACKWAY_URI"


_HUNG_UP = ("socket closed", "connection reset", "broken pipe", "certificate required", "tls alert")


def _encryption_problem(address: ServerAddress, said: str) -> str:
    """What is wrong with TLS, by what gRPC says in small letters; empty where it is something else."""
    connecting = "failed to connect to all addresses" in said or "connections to all backends failing" in said
    if connecting and any(words in said for words in _HUNG_UP):
        return _hung_up(address)
    return _bad_certificate(address, said) if address.tls else ""


def _hung_up(address: ServerAddress) -> str:
    if not address.tls:
        wanted = address.uri.replace("trackway://", "trackways://", 1)
        return f"{address.uri} hangs up: it speaks TLS, and the address is {wanted}, or no server stands behind it"
    if address.client_cert:
        return (
            f"{address.uri} most likely refuses the client certificate {address.client_cert}: it has expired, or is of"
            " an authority that the server does not trust"
        )
    return (
        f"{address.uri} most likely wants a client certificate: set TRACKWAY_CLIENT_CERT and TRACKWAY_CLIENT_KEY,"
        " or client_cert and client_key in the profile"
    )


def _bad_certificate(address: ServerAddress, said: str) -> str:
    if "certificate_verify_failed" in said:
        return _untrusted(address, said)
    if "hostname verification" in said or "not in peer certificate" in said:
        return (
            f"the certificate of {address.uri} is for other names: write one of those in the address,"
            " or have the certificate made out for this one"
        )
    if "wrong_version_number" in said or "http_request" in said:
        plain = address.uri.replace("trackways://", "trackway://", 1)
        return f"{address.uri} does not speak TLS: if it is a Trackway server, its address is {plain}"
    if "handshake" in said or "ssl" in said:
        return f"no TLS connection to {address.uri}: the two sides have no common version or cipher"
    return ""


def _untrusted(address: ServerAddress, said: str) -> str:
    if "expired" in said:
        return f"the certificate of {address.uri} has expired: renew it on the server, or check the clock here"
    if "not yet valid" in said:
        return f"the certificate of {address.uri} is not valid yet: check the clocks of both machines"
    trusted = f"an authority in {address.ca_file}" if address.ca_file else "an authority that gRPC trusts"
    return (
        f"the certificate of {address.uri} is not of {trusted}: name the file of its authority with TRACKWAY_CA_FILE,"
        " or ca_file in the profile"
    )
