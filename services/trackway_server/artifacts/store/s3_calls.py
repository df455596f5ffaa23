"""Calls to S3: with time-outs, repeated with back-off while the server is away, and refused in our own words.

A failure is one of three: *missing* (what the call names is not there), *transient* (the same call may succeed soon:
it is repeated for `patience_s`), or anything else. The last two end as DomainError; no caller gets the server's text.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ParamSpec, TypeVar

import aiohttp
import stamina
import structlog
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as S3ConnectionError

from trackway_server.core.errors import DomainError, Reason

P = ParamSpec("P")
T = TypeVar("T")
LOG = structlog.get_logger(__name__)

REQUEST_S = 60.0
"""One request, its body included, takes no longer."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 3.0

_MISSING = frozenset({"404", "NoSuchKey", "NoSuchUpload", "NotFound", "416", "InvalidRange"})
_TRANSIENT = frozenset(
    {"429", "InternalError", "OperationAborted", "RequestTimeout", "ServiceUnavailable", "SlowDown"}
    | {"RequestTimeTooSkewed", "Throttling", "ThrottlingException", "TooManyRequests"}
)
_FULL = frozenset({"507", "InsufficientStorage", "QuotaExceeded", "XMinioStorageFull"})
_SERVER_FAULT = 500
_NOT_IMPLEMENTED = 501
_FULL_STATUS = 507

_BROKEN = (S3ConnectionError, HTTPClientError, IncompleteReadError, aiohttp.ClientError, TimeoutError, OSError)
_FAILURES = (BotoCoreError, ClientError, aiohttp.ClientError, TimeoutError, OSError)


class MissingError(Exception):
    """What a call names is not there."""


class S3Calls:
    """Calls an S3 client; every one is repeated while its failure is transient, for `patience_s` in all."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s

    async def run(self, method: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Answer what the method answers. Raises MissingError or DomainError."""
        with refusals():
            async for attempt in self.attempts():
                with attempt:
                    async with asyncio.timeout(REQUEST_S):
                        return await method(*args, **kwargs)
        raise AssertionError("the last attempt returns or raises")

    def attempts(self) -> AsyncIterator[AbstractContextManager[Any]]:
        """Attempts at the same work until one does not fail transiently, to be made inside `refusals`."""
        return stamina.retry_context(
            on=is_transient,
            attempts=None,
            timeout=self._patience_s,
            wait_initial=FIRST_WAIT_S,
            wait_max=LONGEST_WAIT_S,
        )


@contextmanager
def refusals() -> Iterator[None]:
    """Turns what the S3 client raises into MissingError or DomainError."""
    try:
        yield
    except _FAILURES as error:
        code = code_of(error)
        if code in _MISSING:
            raise MissingError from error
        LOG.error("blob_store_failed", store="s3", error=code or type(error).__name__)
        raise _refusal(code) from error


def code_of(error: BaseException) -> str:
    """The S3 error code; empty where there was no answer with one."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def is_transient(error: Exception) -> bool:
    """Whether the same call may succeed soon."""
    if isinstance(error, ClientError):
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if status in {_NOT_IMPLEMENTED, _FULL_STATUS} or code_of(error) in _FULL:
            return False
        return status >= _SERVER_FAULT or code_of(error) in _TRANSIENT
    return isinstance(error, _BROKEN)


def unavailable() -> DomainError:
    """The refusal of a call that the blob store cannot be reached for."""
    message = "The server's blob store cannot be used; try again later."
    return DomainError(Reason.SERVICE_UNAVAILABLE, message, service="blob store")


def _refusal(code: str) -> DomainError:
    if code in _FULL:
        message = "The server's blob store is full and nothing was stored; free space there, then send again."
        return DomainError(Reason.STORAGE_FULL, message)
    return unavailable()
