"""Where an event stream goes on after a break: `id` of its events, `Last-Event-ID` of the request that comes again."""

from __future__ import annotations

import base64
import binascii

from google.protobuf.descriptor import FieldDescriptor

from trackway_server.core.errors import DomainError, Reason
from trackway_server.gateway.connect.codec import answer_of
from trackway_server.gateway.connect.methods import Rpc

LONGEST_ID = 8192
"""What is longer would not fit the header that it comes back in; such an event has no id."""


def event_id(rpc: Rpc, raw: bytes) -> bytes:
    """The id of the event that is this serialised answer; empty where it has none."""
    field = rpc.resumed_by
    if field is None:
        return b""
    value = getattr(answer_of(rpc, raw), field.name)
    text = base64.urlsafe_b64encode(value).decode() if field.type == FieldDescriptor.TYPE_BYTES else value
    fits = len(text) <= LONGEST_ID and text.isascii() and text.isprintable()
    return text.encode() if fits else b""


def resumed(rpc: Rpc, last_event_id: str) -> bytes:
    """The serialised field that asks for what follows the event of this id; empty where there is none.

    Raises DomainError(MALFORMED_REQUEST).
    """
    field = rpc.resumed_by
    if field is None or not last_event_id:
        return b""
    try:
        value = _decoded(last_event_id) if field.type == FieldDescriptor.TYPE_BYTES else last_event_id
    except (binascii.Error, ValueError):
        message = "Last-Event-ID is no id of an event of this stream."
        raise DomainError(Reason.MALFORMED_REQUEST, message, method="Last-Event-ID") from None
    return rpc.request_type(**{field.name: value}).SerializeToString()


def _decoded(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
