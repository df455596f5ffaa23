"""Messages of any type with something in every field, the extremes among it."""

from __future__ import annotations

import math
import random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_WHOLE = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1, 0, 7),
    FieldDescriptor.CPPTYPE_UINT32: (2**32 - 1, 0, 7),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1, 2**53 + 1, 0),
    FieldDescriptor.CPPTYPE_UINT64: (2**64 - 1, 2**53 + 1, 0),
    FieldDescriptor.CPPTYPE_DOUBLE: (math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308, 0.1),
    FieldDescriptor.CPPTYPE_FLOAT: (math.nan, math.inf, -math.inf, 0.5),
    FieldDescriptor.CPPTYPE_BOOL: (True, False),
}
_TEXTS = ("é😀", "line\nbreak\r\n\u2028", '"quoted\\', "</script>", "a", "\x00\x1f")
_DEEPEST = 4


def filled(message_type: type[Message], dice: random.Random) -> Any:
    """A message of the type; of a oneof, one of its fields."""
    message = message_type()
    _fill(message, dice, _DEEPEST)
    return message


def _fill(message: Any, dice: random.Random, depth: int) -> None:
    chosen = {dice.choice(oneof.fields).name for oneof in message.DESCRIPTOR.oneofs}
    for field in message.DESCRIPTOR.fields:
        if field.containing_oneof is not None and field.name not in chosen:
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            _fill_map(getattr(message, field.name), field, dice, depth)
        elif field.is_repeated:
            _fill_list(getattr(message, field.name), field, dice, depth)
        elif field.message_type is None:
            setattr(message, field.name, _value(field, dice))
        elif depth:
            _fill(getattr(message, field.name), dice, depth - 1)
            getattr(message, field.name).SetInParent()


def _fill_list(values: Any, field: FieldDescriptor, dice: random.Random, depth: int) -> None:
    for _ in range(3):
        if field.message_type is None:
            values.append(_value(field, dice))
        elif depth:
            _fill(values.add(), dice, depth - 1)


def _fill_map(values: Any, field: FieldDescriptor, dice: random.Random, depth: int) -> None:
    key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
    for _ in range(3):
        if value.message_type is None:
            values[_value(key, dice)] = _value(value, dice)
        elif depth:
            _fill(values[_value(key, dice)], dice, depth - 1)


def _value(field: FieldDescriptor, dice: random.Random) -> Any:
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return dice.randbytes(20) if field.type == FieldDescriptor.TYPE_BYTES else dice.choice(_TEXTS)
    if field.enum_type is not None:
        return dice.choice(field.enum_type.values).number
    return dice.choice(_WHOLE[field.cpp_type])
