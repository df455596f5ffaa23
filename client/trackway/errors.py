"""Errors that Trackway raises.

    TrackwayError
    ├── InvalidArgument      the request can never succeed as it is (also a ValueError)
    ├── NotFound             no such experiment, run, artifact, model, … (also a LookupError)
    ├── AlreadyExists        the name or id is taken
    ├── FailedPrecondition   not in the state it is in: deleted, a param that is set, a version in a live stage
    ├── Conflict             it changed since it was read: read again, then retry
    ├── PermissionDenied     the key is known, but may not do this
    ├── Unauthenticated      no key, or one that the server does not know
    ├── ResourceExhausted    a limit of the server, or its disk, is full
    ├── Unavailable          no server answers, or it cannot work right now: retry later
    ├── DeadlineExceeded     the answer did not come in time; whether it was done is not known
    ├── Cancelled            the call was cancelled
    ├── DataLoss             bytes are not what was sent or stored
    ├── Unsupported          the server does not know the method: it is of another version
    └── Internal             a defect of the server, which logged it under `request_id`

Every message is one sentence that says what to do. Which status and which reason of a server becomes which class is the
table in `_rpc/status.py`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class TrackwayError(Exception):
    """Anything that Trackway refuses or cannot do.

    `reason` is the server's documented reason (`RUN_NOT_FOUND`, …; see protos/trackway/api/common/v1/errors.proto), or
    empty where the server did not answer or the client itself refused. `metadata` are the values that the reason
    documents. `request_id` finds the call in the server's log.
    """

    def __init__(
        self, message: str, *, reason: str = "", metadata: Mapping[str, str] | None = None, request_id: str = ""
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.metadata = dict(metadata or {})
        self.request_id = request_id

    @property
    def message(self) -> str:
        """The sentence for people."""
        return str(self.args[0])


class InvalidArgument(TrackwayError, ValueError):
    """The request can never succeed as it is."""


class NotFound(TrackwayError, LookupError):
    """There is no such thing."""


class AlreadyExists(TrackwayError):
    """The name or id is taken."""


class FailedPrecondition(TrackwayError):
    """What the call is about is not in a state that allows it."""


class Conflict(TrackwayError):
    """It changed since the caller read it. Read again, then retry."""


class PermissionDenied(TrackwayError):
    """The caller is known, but may not do this."""


class Unauthenticated(TrackwayError):
    """The call carried no key, or one that the server does not know."""


class ResourceExhausted(TrackwayError):
    """A limit of the server, or its disk, is full."""


class Unavailable(TrackwayError):
    """No server answers, or it cannot work right now. Retry later."""


class DeadlineExceeded(TrackwayError):
    """The answer did not come in time. Whether the server did what was asked is not known."""


class Cancelled(TrackwayError):
    """The call was cancelled."""


class DataLoss(TrackwayError):
    """The bytes are not what was sent or stored."""


class Unsupported(TrackwayError):
    """The server does not know the method: it is of another version than this client."""


class Internal(TrackwayError):
    """A defect of the server, which logged it under `request_id`."""
