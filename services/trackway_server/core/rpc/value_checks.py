"""Checks of single values, compiled from the limits on their field."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from trackway.api.common.v1 import limits_pb2
from trackway_server.core.errors import Reason
from trackway_server.core.rpc.formats import FORMATS
from trackway_server.core.rpc.violations import FieldViolation

RIGHT: Sequence[FieldViolation] = ()

ValueCheck = Callable[[Any], Sequence[FieldViolation]]
"""Says what is wrong with one value; paths are relative to it, "" is the value itself."""

REASONS: Mapping[int, Reason] = {limits_pb2.FORMAT_ARTIFACT_PATH: Reason.ARTIFACT_PATH_INVALID}


def wrong(description: str, reason: Reason = Reason.INVALID_FIELD) -> Sequence[FieldViolation]:
    """One violation, of the value itself."""
    return (FieldViolation("", description, reason),)


def scalar_check(field: FieldDescriptor, limits: limits_pb2.Limits) -> ValueCheck | None:
    """The check of a non-empty value of the field's scalar type; None where nothing limits it."""
    checks = tuple(_checks(field, limits))
    if len(checks) <= 1:
        return checks[0] if checks else None

    def check(value: Any) -> Sequence[FieldViolation]:
        for one in checks:
            if broken := one(value):
                return broken
        return RIGHT

    return check


def _checks(field: FieldDescriptor, limits: limits_pb2.Limits) -> Iterator[ValueCheck]:
    if field.enum_type is not None:
        yield _enum_check(field.enum_type)
    if limits.max_length:
        yield _length_check(limits.max_length)
    if limits.max_bytes:
        yield _bytes_check(limits.max_bytes)
    if limits.format:
        yield _format_check(limits.format)
    if limits.HasField("minimum") or limits.HasField("maximum"):
        yield _range_check(limits)
    if field.type == FieldDescriptor.TYPE_STRING:
        yield _check_storable  # last: a format that refuses it has a better reason


def _enum_check(enum: EnumDescriptor) -> ValueCheck:
    known = frozenset(enum.values_by_number)
    return lambda value: RIGHT if value in known else wrong(f"must be a value of {enum.name}, and is {value}")


def _check_storable(value: str) -> Sequence[FieldViolation]:
    """PostgreSQL's text holds every character but this one; so no store is given it."""
    return wrong("must not contain the character U+0000") if "\0" in value else RIGHT


def _length_check(most: int) -> ValueCheck:
    def check(value: str) -> Sequence[FieldViolation]:
        if len(value) <= most:
            return RIGHT
        return wrong(f"must be at most {most:,} characters long, and has {len(value):,}")

    return check


def _bytes_check(most: int) -> ValueCheck:
    def check(value: str | bytes) -> Sequence[FieldViolation]:
        if len(value) * 4 <= most:  # UTF-8 has at most 4 bytes a character
            return RIGHT
        size = len(value) if isinstance(value, bytes) else len(value.encode())
        return RIGHT if size <= most else wrong(f"must be at most {most:,} bytes long, and has {size:,}")

    return check


def _format_check(number: int) -> ValueCheck:
    accepts, description = FORMATS[number].accepts, f"must be {FORMATS[number].description}"
    reason = REASONS.get(number, Reason.INVALID_FIELD)
    return lambda value: RIGHT if accepts(value) else wrong(description, reason)


def _range_check(limits: limits_pb2.Limits) -> ValueCheck:
    least = limits.minimum if limits.HasField("minimum") else None
    most = limits.maximum if limits.HasField("maximum") else None

    def check(value: float) -> Sequence[FieldViolation]:
        if least is not None and not value >= least:  # written so that NaN is refused
            return wrong(f"must be at least {least:,}, and is {value}")
        if most is not None and not value <= most:
            return wrong(f"must be at most {most:,}, and is {value}")
        return RIGHT

    return check
