"""Messages as JSON, in protobuf's own mapping: https://protobuf.dev/programming-guides/json/

Names are in lowerCamelCase, 64-bit integers are strings, bytes are base64, and doubles that JSON has no number for are
the strings "NaN", "Infinity" and "-Infinity". Fields that a message does not have are passed over, as Connect does.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message

from trackway_server.core.errors import DomainError, Reason
from trackway_server.gateway.connect.methods import Rpc

MessageT = TypeVar("MessageT", bound=Message)
T = TypeVar("T")

DEPTH = 64
"""How deep messages may be nested."""
THREAD_BYTES = 64 << 10
"""What is greater is converted in a thread, so that others are answered meanwhile."""

# What the JSON parsers raise for one or the other text that is none, or that does not fit the message.
_WRONG = (json_format.Error, ValueError, TypeError, AttributeError, KeyError, RecursionError, OverflowError)


class Codec(Enum):
    """How messages are written in bodies; the values are the ends of their media types."""

    JSON = "json"
    PROTO = "proto"

    async def request(self, rpc: Rpc, raw: bytes) -> bytes:
        """The serialised request in a body. Raises DomainError(MALFORMED_REQUEST)."""
        if self is Codec.PROTO:
            return raw  # the service itself checks it
        return await _aside(len(raw), lambda: message_of(raw, rpc.request_type, rpc.path).SerializeToString())

    async def answer(self, rpc: Rpc, raw: bytes) -> bytes:
        """A serialised answer as a body."""
        if self is Codec.PROTO:
            return raw
        return await _aside(len(raw), lambda: json_of(answer_of(rpc, raw)))


def message_of(raw: bytes, message_type: type[MessageT], path: str) -> MessageT:
    """The message that JSON says. Raises DomainError(MALFORMED_REQUEST), saying what is wrong."""
    try:
        return json_format.ParseDict(
            _object(raw), message_type(), ignore_unknown_fields=True, max_recursion_depth=DEPTH
        )
    except _WRONG as error:
        message = f"The body is not the JSON form of {message_type.DESCRIPTOR.full_name}: {error}"
        raise DomainError(Reason.MALFORMED_REQUEST, message, method=path) from None


def json_of(message: Message) -> bytes:
    """The message as JSON, on one line to every reader of lines; fields with their default are left out."""
    return json_format.MessageToJson(message, indent=None, ensure_ascii=True).encode()


def strict_json(raw: bytes) -> Any:
    """The value of a JSON text in UTF-8, without duplicate keys, without NaN and not too deep. Raises ValueError."""
    try:
        return json.loads(raw.decode(), object_pairs_hook=_without_duplicates, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _object(raw: bytes) -> dict[str, Any]:
    value = strict_json(raw)
    if not isinstance(value, dict):
        raise ValueError("it must be an object")
    return value


def answer_of(rpc: Rpc, raw: bytes) -> Message:
    """The message of a serialised answer. Raises DomainError(INTERNAL) where a service has sent something else."""
    try:
        return rpc.answer_type.FromString(raw)
    except DecodeError as error:
        raise DomainError(Reason.INTERNAL, f"The answer of {rpc.name} could not be read.") from error


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"{twice!r} is there twice")
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f'{name} is no number in JSON; write it as a string, "{name}"')


async def _aside(size: int, work: Callable[[], T]) -> T:
    return work() if size <= THREAD_BYTES else await asyncio.to_thread(work)
