"""Calls of an MLflow server over HTTP: credentials, repetition, and what goes wrong in one sentence."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Mapping
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import httpx

from trackway.errors import (
    Internal,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    TrackwayError,
    Unauthenticated,
    Unavailable,
)
from trackway.importing.places import Spool

API = "/api/2.0/mlflow"
ATTEMPTS = 5
MOST_BYTES = 64 << 20
"""Of one answer that is no file: a page of a thousand runs has a few megabytes, seldom more."""
SECONDS = 300.0
"""For one answer from its first byte to its last; for a file as much more as it has MINIMUM_RATE bytes."""
MINIMUM_RATE = 64 << 10
_SILENCE = 60.0
_AGAIN = {408, 429, 500, 502, 503, 504}


class TooLarge(InvalidArgument):
    """An answer without an end, or one of which a smaller part must be asked for."""


class Calls:
    """An HTTP client of one server, for several threads. Its errors are those of `trackway.errors`.

    A user and password of the address count; otherwise those of `MLFLOW_TRACKING_USERNAME` and `_PASSWORD`, or
    `MLFLOW_TRACKING_TOKEN`. Redirects are not followed: credentials go nowhere else.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if not parts.hostname:
            raise InvalidArgument(f"{url!r} names no server: write http://HOST:PORT")
        port = f":{parts.port}" if parts.port else ""
        self.name = f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/')}"
        user = parts.username or os.environ.get("MLFLOW_TRACKING_USERNAME", "")
        password = parts.password or os.environ.get("MLFLOW_TRACKING_PASSWORD", "")
        token = os.environ.get("MLFLOW_TRACKING_TOKEN", "")
        bearer = {"authorization": f"Bearer {token}"} if token and not user else {}
        self._is_mlflow = False
        self._client = httpx.Client(
            auth=(user, password) if user else None,
            headers={**bearer, "user-agent": "trackway-import"},
            timeout=_SILENCE,
            verify=_trusted(),
        )

    def json(self, verb: str, path: str, asked: Mapping[str, Any], *, missing_ok: bool = False) -> Mapping[str, Any]:
        """The answer as JSON; {} for what is not there, with `missing_ok`. Every call is a read: it may be repeated."""
        body: dict[str, Any] = {"json": dict(asked)} if verb == "POST" else {"params": dict(asked)}

        def once() -> httpx.Response:
            with self._client.stream(verb, self.name + path, **body) as answer:
                return self._whole(answer)

        answer = self._repeated(once)
        if answer.status_code == httpx.codes.OK:
            found = _object(answer)
            if found is not None:
                self._is_mlflow = True
                return found
            raise InvalidArgument(f"{self.name} does not answer as an MLflow server does")
        if missing_ok and answer.status_code in {404, 405, 400, 501} and (self._is_mlflow or _is_mlflow(answer)):
            return {}  # what a version of MLflow does not know at all, it answers with a page for people
        raise self._refusal(answer, path)

    def fetch(self, path: str, query: Mapping[str, str], size: int = -1) -> BinaryIO:
        """The bytes of a file, read through to their end. Raises InvalidArgument where it has more bytes than the
        server has said (`size`; -1: it has not said), and OSError where this machine has no room for it."""

        def attempt() -> tuple[httpx.Response, BinaryIO]:
            spooled = Spool(size)
            with self._client.stream("GET", self.name + path, params=dict(query)) as answer:
                if answer.status_code != httpx.codes.OK:
                    return self._whole(answer), spooled.file
                until = time.monotonic() + SECONDS
                for data in answer.iter_bytes():
                    spooled.write(data)
                    if time.monotonic() > until + spooled.written / MINIMUM_RATE:
                        raise httpx.ReadTimeout("it sends too slowly")
            return answer, spooled.file

        held: list[BinaryIO] = []

        def once() -> httpx.Response:
            answer, spooled = attempt()
            held[:] = [spooled]
            return answer

        answer = self._repeated(once)
        if answer.status_code != httpx.codes.OK:
            raise self._refusal(answer, path)
        held[0].seek(0)
        return held[0]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _whole(self, answer: httpx.Response) -> httpx.Response:
        """An answer with all of its body, which may be packed. Raises TooLarge where there is no end to it."""
        content, until = bytearray(), time.monotonic() + SECONDS
        for data in answer.iter_bytes():
            content += data
            if len(content) > MOST_BYTES:
                raise TooLarge(
                    f"{self.name} does not answer as an MLflow server does: with more than {MOST_BYTES:,} bytes at once"
                )
            if time.monotonic() > until:
                raise httpx.ReadTimeout("it sends too slowly")
        kept = {name: answer.headers[name] for name in ("retry-after",) if name in answer.headers}
        return httpx.Response(answer.status_code, headers=kept, content=bytes(content))

    def _repeated(self, call: Any) -> httpx.Response:
        pause = 0.2
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            try:
                answer: httpx.Response = call()
            except httpx.HTTPError as error:
                if last:
                    cause = " ".join(str(error).split()) or type(error).__name__
                    raise Unavailable(f"{self.name} cannot be reached: {cause}") from None
            except httpx.InvalidURL:
                raise InvalidArgument(f"{self.name!r} is no address: write http://HOST:PORT") from None
            else:
                if answer.status_code not in _AGAIN or last:
                    return answer
                pause = max(pause, _retry_after(answer))
            time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 spreads clients, guards nothing
            pause = min(2 * pause, 10.0)
        raise AssertionError("the last attempt returns or raises")

    def _refusal(self, answer: httpx.Response, path: str) -> TrackwayError:
        status = answer.status_code
        if status == httpx.codes.UNAUTHORIZED:
            return Unauthenticated(
                f"{self.name} wants other credentials: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
                "MLFLOW_TRACKING_TOKEN"
            )
        if status == httpx.codes.FORBIDDEN:
            return PermissionDenied(f"{self.name} does not let you read all of it: {_message(answer)}")
        if status == httpx.codes.NOT_FOUND and _is_mlflow(answer):
            return NotFound(f"{self.name} has no {path}: {_message(answer)}")
        if status in _AGAIN and status != httpx.codes.INTERNAL_SERVER_ERROR:  # that is of this question alone
            return Unavailable(f"{self.name} answers {status} to {path}: {_message(answer)}")
        if _is_mlflow(answer) or status == httpx.codes.INTERNAL_SERVER_ERROR:
            return Internal(f"{self.name} refuses {path} with {status}: {_message(answer)}")
        return InvalidArgument(f"{self.name} does not answer as an MLflow server does ({status} to {path})")


def _trusted() -> Any:
    """What certificates to trust, by MLflow's variables."""
    import ssl

    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() == "true":
        return False
    file = os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH")
    return ssl.create_default_context(cafile=file) if file else True


def _object(answer: httpx.Response) -> Mapping[str, Any] | None:
    try:
        found = answer.json()
    except (ValueError, RecursionError):  # thousands of brackets are valid JSON
        return None
    return found if isinstance(found, dict) else None


def _is_mlflow(answer: httpx.Response) -> bool:
    """Whether it is a refusal of MLflow's: with a code, or, for what it does not offer, without anything."""
    return not answer.content or "error_code" in (_object(answer) or {})


def _message(answer: httpx.Response) -> str:
    found = _object(answer) or {}
    return " ".join(str(found.get("message") or answer.reason_phrase or "no reason given").split())[:300]


def _retry_after(answer: httpx.Response) -> float:
    told = answer.headers.get("retry-after", "")
    return min(float(told), 60.0) if told.isdecimal() else 0.0
