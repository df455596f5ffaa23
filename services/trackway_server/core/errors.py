"""Refusals, as the domain raises them: a documented reason, one clear sentence, and no word about transport.

`Reason` mirrors `trackway.api.common.v1.ErrorReason` by name and number (a test compares them), so that the domain
need not import protobuf. `rpc/status.py` maps every reason to a gRPC status, totally.
"""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    """What sort of refusal it is; the names are those of the gRPC status codes they become."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    ABORTED = "ABORTED"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    UNAVAILABLE = "UNAVAILABLE"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    CANCELLED = "CANCELLED"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    DATA_LOSS = "DATA_LOSS"
    INTERNAL = "INTERNAL"


class Reason(Enum):
    """Why something was refused: (number in the proto enum, kind). Meaning and metadata: common/v1/errors.proto."""

    INVALID_FIELD = (1, Kind.INVALID_ARGUMENT)
    MALFORMED_REQUEST = (2, Kind.INVALID_ARGUMENT)
    UNKNOWN_METHOD = (3, Kind.UNIMPLEMENTED)
    CREDENTIALS_MISSING = (4, Kind.UNAUTHENTICATED)
    CREDENTIALS_INVALID = (5, Kind.UNAUTHENTICATED)
    PERMISSION_DENIED = (6, Kind.PERMISSION_DENIED)
    LIMIT_EXCEEDED = (7, Kind.RESOURCE_EXHAUSTED)
    STORAGE_FULL = (8, Kind.RESOURCE_EXHAUSTED)
    SERVICE_UNAVAILABLE = (9, Kind.UNAVAILABLE)
    SHUTTING_DOWN = (10, Kind.UNAVAILABLE)
    DEADLINE_EXCEEDED = (11, Kind.DEADLINE_EXCEEDED)
    CANCELLED = (12, Kind.CANCELLED)
    INTERNAL = (13, Kind.INTERNAL)
    PAGE_TOKEN_INVALID = (14, Kind.INVALID_ARGUMENT)
    ETAG_MISMATCH = (15, Kind.ABORTED)
    WORKSPACE_NOT_FOUND = (16, Kind.NOT_FOUND)
    SERVICE_NOT_FOUND = (17, Kind.NOT_FOUND)
    TOO_MANY_ATTEMPTS = (18, Kind.RESOURCE_EXHAUSTED)
    CREDENTIALS_EXPIRED = (19, Kind.UNAUTHENTICATED)
    FILTER_INVALID = (29, Kind.INVALID_ARGUMENT)

    EXPERIMENT_NOT_FOUND = (30, Kind.NOT_FOUND)
    EXPERIMENT_ALREADY_EXISTS = (31, Kind.ALREADY_EXISTS)
    EXPERIMENT_DELETED = (32, Kind.FAILED_PRECONDITION)
    EXPERIMENT_PROTECTED = (33, Kind.FAILED_PRECONDITION)
    RUN_NOT_FOUND = (34, Kind.NOT_FOUND)
    RUN_ALREADY_EXISTS = (35, Kind.ALREADY_EXISTS)
    RUN_DELETED = (36, Kind.FAILED_PRECONDITION)
    PARAM_IMMUTABLE = (37, Kind.FAILED_PRECONDITION)
    TAG_NOT_FOUND = (38, Kind.NOT_FOUND)
    SERIES_NOT_FOUND = (39, Kind.NOT_FOUND)
    LOGGED_MODEL_NOT_FOUND = (40, Kind.NOT_FOUND)
    LOGGED_MODEL_ALREADY_EXISTS = (41, Kind.ALREADY_EXISTS)
    LOGGED_MODEL_DELETED = (42, Kind.FAILED_PRECONDITION)

    WRITER_FENCED = (50, Kind.ABORTED)
    WRITER_FOREIGN = (51, Kind.PERMISSION_DENIED)
    WRITER_DIVERGED = (52, Kind.FAILED_PRECONDITION)
    SEQUENCE_GAP = (53, Kind.OUT_OF_RANGE)
    SERIES_UNDEFINED = (54, Kind.INVALID_ARGUMENT)
    RECORD_UNSUPPORTED = (55, Kind.INVALID_ARGUMENT)

    ARTIFACT_NOT_FOUND = (70, Kind.NOT_FOUND)
    ARTIFACT_PATH_INVALID = (71, Kind.INVALID_ARGUMENT)
    ARTIFACT_PATH_CONFLICT = (72, Kind.FAILED_PRECONDITION)
    DIGEST_MISMATCH = (73, Kind.DATA_LOSS)
    MANIFEST_NOT_FOUND = (74, Kind.NOT_FOUND)
    BLOB_CORRUPT = (75, Kind.DATA_LOSS)
    PRESIGNING_UNAVAILABLE = (76, Kind.UNIMPLEMENTED)
    UPLOAD_NOT_FOUND = (77, Kind.NOT_FOUND)

    MODEL_NOT_FOUND = (90, Kind.NOT_FOUND)
    MODEL_ALREADY_EXISTS = (91, Kind.ALREADY_EXISTS)
    MODEL_VERSION_NOT_FOUND = (92, Kind.NOT_FOUND)
    ALIAS_NOT_FOUND = (93, Kind.NOT_FOUND)
    ALIAS_CONFLICT = (94, Kind.ABORTED)
    STAGE_INVALID = (95, Kind.INVALID_ARGUMENT)
    SOURCE_INVALID = (96, Kind.INVALID_ARGUMENT)
    RESUME_TOKEN_INVALID = (97, Kind.INVALID_ARGUMENT)
    MODEL_VERSION_IN_USE = (98, Kind.FAILED_PRECONDITION)
    WEBHOOK_NOT_FOUND = (105, Kind.NOT_FOUND)
    WEBHOOK_URL_REFUSED = (106, Kind.INVALID_ARGUMENT)
    WEBHOOK_SECRETS_UNAVAILABLE = (107, Kind.FAILED_PRECONDITION)

    PRINCIPAL_NOT_FOUND = (110, Kind.NOT_FOUND)
    PRINCIPAL_ALREADY_EXISTS = (111, Kind.ALREADY_EXISTS)
    PRINCIPAL_PROTECTED = (112, Kind.FAILED_PRECONDITION)
    WORKSPACE_ALREADY_EXISTS = (113, Kind.ALREADY_EXISTS)
    WORKSPACE_PROTECTED = (114, Kind.FAILED_PRECONDITION)
    ROLE_NOT_FOUND = (115, Kind.NOT_FOUND)
    KEY_NOT_FOUND = (116, Kind.NOT_FOUND)
    IDENTITY_UNMAPPED = (119, Kind.UNAUTHENTICATED)

    def __init__(self, number: int, kind: Kind) -> None:
        self.number = number
        self.kind = kind


class DomainError(Exception):
    """A refusal with a documented reason.

    `message` is one sentence for a person, with what to do; `metadata` is for programs, with the keys that the
    reason's line in errors.proto names. Neither ever holds a driver's text.
    """

    def __init__(self, reason: Reason, message: str, **metadata: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = metadata

    @property
    def kind(self) -> Kind:
        """The sort of refusal, given by the reason."""
        return self.reason.kind


class TryLaterError(DomainError):
    """LIMIT_EXCEEDED by something that passes: the same call may succeed after so many seconds."""

    def __init__(self, message: str, retry_after_s: float, *, limit: str, maximum: str) -> None:
        super().__init__(Reason.LIMIT_EXCEEDED, message, limit=limit, maximum=maximum)
        self.retry_after_s = retry_after_s
