"""The one validator: reads the `limits` options from the descriptors, compiled once for each type of message.

Messages whose type has no limit anywhere below cost nothing; packed numbers are never looked at one by one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from trackway.api.common.v1 import limits_pb2
from trackway_server.core.rpc.value_checks import RIGHT, ValueCheck, scalar_check, wrong
from trackway_server.core.rpc.violations import FieldViolation, InvalidFieldsError

MOST_VIOLATIONS = 8
KEY_CHARACTERS = 60

FieldCheck = Callable[[Any], Sequence[FieldViolation]]
"""Says what is wrong with one field of a message; paths begin with the field's name."""


def validate(message: Message) -> None:
    """Raise InvalidFieldsError where the message breaks a limit."""
    if found := violations(message):
        raise InvalidFieldsError(found)


def violations(message: Message) -> Sequence[FieldViolation]:
    """What is wrong with the message: at most 8 violations, in the order of its fields."""
    return _check_message(message)


def _check_message(message: Message) -> Sequence[FieldViolation]:
    found: list[FieldViolation] = []
    for check in _checks_of(message.DESCRIPTOR):
        if broken := check(message):
            found.extend(broken)
            if len(found) >= MOST_VIOLATIONS:
                break
    return found[:MOST_VIOLATIONS] or RIGHT


@cache
def _checks_of(descriptor: Descriptor) -> tuple[FieldCheck, ...]:
    return tuple(check for field in descriptor.fields if (check := _field_check(field)) is not None)


@cache
def _checked(descriptor: Descriptor, above: frozenset[Descriptor] = frozenset()) -> bool:
    """Whether any field of the message, however deep, has something to check."""
    if descriptor in above:  # a type that contains itself: looked at already
        return False
    above |= {descriptor}
    return any(
        limits_of(field).ByteSize()
        or field.enum_type
        or field.type == FieldDescriptor.TYPE_STRING
        or (field.message_type and _checked(field.message_type, above))
        for field in descriptor.fields
    )


def limits_of(field: FieldDescriptor) -> limits_pb2.Limits:
    """The limits on a field, as its proto states them."""
    return field.GetOptions().Extensions[limits_pb2.limits]  # type: ignore[index,no-any-return,unused-ignore]


def _field_check(field: FieldDescriptor) -> FieldCheck | None:
    limits = limits_of(field)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return _map_check(field, limits)
    if field.is_repeated:
        return _list_check(field, limits)
    return _single_check(field, limits)


def _value_check(field: FieldDescriptor, limits: limits_pb2.Limits) -> ValueCheck | None:
    """The check of one value of the field's type, be it the field itself or an element of it."""
    if field.message_type is None:
        return scalar_check(field, limits)
    return _check_message if _checked(field.message_type) and not limits.refused_alone else None


def _single_check(field: FieldDescriptor, limits: limits_pb2.Limits) -> FieldCheck | None:
    name, required, check_value = field.name, limits.required, _value_check(field, limits)
    if not required and check_value is None:
        return None
    is_message = field.message_type is not None

    def check(message: Any) -> Sequence[FieldViolation]:
        value = getattr(message, name)
        if not (message.HasField(name) if is_message else value):
            return (FieldViolation(name, "must be given"),) if required else RIGHT
        return _below(name, check_value(value)) if check_value is not None else RIGHT

    return check


def _list_check(field: FieldDescriptor, limits: limits_pb2.Limits) -> FieldCheck | None:
    name, check_element = field.name, _value_check(field, limits)
    if not (limits.required or limits.max_items or check_element):
        return None

    def check(message: Any) -> Sequence[FieldViolation]:
        values = getattr(message, name)
        if broken := _check_count(values, limits):
            return _below(name, broken)
        return _check_elements(name, enumerate(values), check_element) if check_element and values else RIGHT

    return check


def _map_check(field: FieldDescriptor, limits: limits_pb2.Limits) -> FieldCheck | None:
    assert field.message_type is not None
    name, entry = field.name, field.message_type.fields_by_name
    key_limits = limits_pb2.Limits(max_length=limits.key_max_length, format=limits.key_format)
    check_key = _value_check(entry["key"], key_limits)
    check_value = _value_check(entry["value"], limits)
    if not (limits.required or limits.max_items or check_key or check_value):
        return None

    def check(message: Any) -> Sequence[FieldViolation]:
        values: Mapping[Any, Any] = getattr(message, name)
        if broken := _check_count(values, limits):
            return _below(name, broken)
        if check_key and (broken := _check_elements(name, ((key, key) for key in values), check_key)):
            return [replace(violation, description=f"the key {violation.description}") for violation in broken]
        return _check_elements(name, values.items(), check_value) if check_value else RIGHT

    return check


def _check_count(values: Any, limits: limits_pb2.Limits) -> Sequence[FieldViolation]:
    if limits.required and not values:
        return wrong("must be given")
    if limits.max_items and len(values) > limits.max_items:
        return wrong(f"must have at most {limits.max_items:,} elements, and has {len(values):,}")
    return RIGHT


def _check_elements(name: str, items: Iterable[tuple[Any, Any]], check: ValueCheck) -> Sequence[FieldViolation]:
    found: list[FieldViolation] = []
    for key, value in items:
        if broken := check(value):
            found.extend(_below(f"{name}[{_shown(key)}]", broken))
            if len(found) >= MOST_VIOLATIONS:
                break
    return found or RIGHT


def _below(name: str, found: Sequence[FieldViolation]) -> Sequence[FieldViolation]:
    if not found:
        return RIGHT
    return [replace(violation, field=f"{name}.{violation.field}" if violation.field else name) for violation in found]


def _shown(key: object) -> str:
    """A list's index or a map's key, as it stands in a path."""
    return json.dumps(key[:KEY_CHARACTERS], ensure_ascii=False) if isinstance(key, str) else str(key)
