"""Requests as attackers and broken clients write them, made from a message's descriptor: bytes, not messages.

Most are plausible in all but one thing, since what is wrong all over is refused at the first door. The generator is
seeded, and fast enough for a thousand requests of every RPC: it writes the wire format itself.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from trackway.api.common.v1 import limits_pb2

VARINT, FIXED64, LENGTH, START_GROUP, END_GROUP, FIXED32 = range(6)
_DEEPEST = 5

INTEGERS = (0, 1, -1, 2**31 - 1, -(2**31), 2**31, 2**32 - 1, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 2**64 - 1)
DOUBLES = (0.0, -0.0, float("nan"), float("inf"), float("-inf"), 5e-324, 1.7976931348623157e308, -1.0)
TEXTS: Sequence[bytes] = tuple(
    text if isinstance(text, bytes) else text.encode()
    for text in (
        "",
        "\x00",
        "a\x00b",
        b"\xed\xa0\x80",  # a lone surrogate, which is no UTF-8
        b"\xff\xfe",
        b"\xc0\xaf",
        "\ufeff",
        "\u202egnp.exe",
        "é" * 300,
        "😀" * 200,
        "a" * 251,
        "a" * 5_000,
        "a/" * 400,
        "../../etc/passwd",
        "runs:/../../x",
        "file:///etc/passwd",
        "http://169.254.169.254/latest",
        "' OR 1=1 --",
        '"; DROP TABLE runs; --',
        "%00%2e%2e",
        "${jndi:ldap://x}",
        "{{7*7}}",
        "\x1b[2J\r\nHTTP/1.1 200 OK",
        "9" * 40,
        "-1",
        "1e309",
        "NaN",
        "__proto__",
        "(" * 500,
        "[" * 2_000,
        "\u0661\u0662",  # digits, but not ASCII's
    )
)

_FORMATS: Mapping[int, Sequence[bytes]] = {
    limits_pb2.FORMAT_RUN_ID: (b"0" * 32, b"f" * 32),
    limits_pb2.FORMAT_SUBJECT_ID: (b"0" * 32, b"m/1", b"m/2", b"other/1"),
    limits_pb2.FORMAT_WRITER_ID: (b"1" * 32, b"e" * 32),
    limits_pb2.FORMAT_EXPERIMENT_ID: (b"0", b"1", b"9223372036854775807", b"9999999999999999999"),
    limits_pb2.FORMAT_WORKSPACE: (b"default", b"default", b"other"),
    limits_pb2.FORMAT_KEY: (b"loss", b"a/b.c", "ключ".encode()),
    limits_pb2.FORMAT_MODEL_NAME: (b"m", b"other", b"fresh name"),
    limits_pb2.FORMAT_ALIAS: (b"champion", b"x"),
    limits_pb2.FORMAT_ARTIFACT_PATH: (b"model", b"model/MLmodel", b"x.txt", b"new/folder/file"),
    limits_pb2.FORMAT_ARTIFACT_OWNER: (b"runs/" + b"0" * 32, b"models/m-" + b"0" * 32),
    limits_pb2.FORMAT_LOGGED_MODEL_ID: (b"m-" + b"0" * 32, b"m-" + b"f" * 32),
    limits_pb2.FORMAT_DIGEST: (b"sha256:" + b"0" * 64,),
    limits_pb2.FORMAT_TEXT_LINE: (b"a line", b"a"),
}

Known = Mapping[str, Sequence[bytes]]
"""What exists on the server, by the name of the field that may name it."""


class HostileMessages:
    """Makes requests. The same seed makes the same ones, in the same order."""

    def __init__(self, seed: str, known: Known) -> None:
        self._random = random.Random(seed)
        self._known = known

    def one(self, descriptor: Descriptor) -> bytes:
        """One serialised message of the type, or what pretends to be one."""
        chance = self._random.random()
        if chance < 0.40:
            return self._message(descriptor, hostility=0.04)
        if chance < 0.60:
            return self._message(descriptor, hostility=0.35)
        if chance < 0.68:
            return self._message(descriptor, hostility=1.0)
        if chance < 0.90:
            return self._mangled(self._message(descriptor, hostility=0.02), descriptor)
        if chance < 0.96:
            return self._random.randbytes(self._random.choice((1, 2, 5, 20, 200, 2_000)))
        return self._nasty(descriptor)

    def stream(self, descriptor: Descriptor) -> list[bytes]:
        """The messages of one stream: mostly the first field of the one-of, then the others; or any at all."""
        count = self._random.choice((0, 1, 1, 2, 2, 3, 3, 5))
        kinds = [field for field in descriptor.fields if field.containing_oneof is not None]
        if not kinds or self._random.random() < 0.3:
            return [self.one(descriptor) for _ in range(count)]
        ordered = [self._kind(self._random.choice(kinds[1:] or kinds) if index else kinds[0]) for index in range(count)]
        if count and self._random.random() < 0.5:
            ordered[self._random.randrange(count)] = self.one(descriptor)
        return ordered

    def _kind(self, field: FieldDescriptor) -> bytes:
        return self._field(field, 0.02, 0)

    def _message(self, descriptor: Descriptor, hostility: float, depth: int = 0) -> bytes:
        """Fields with valid values, but for a share of them; of a one-of mostly one."""
        parts: list[bytes] = []
        chosen = {oneof.name: self._random.choice(oneof.fields).number for oneof in descriptor.oneofs}
        for field in descriptor.fields:
            oneof = field.containing_oneof
            if oneof is not None and chosen[oneof.name] != field.number and self._random.random() > hostility / 4:
                continue
            required = _limits(field).required or oneof is not None
            if self._random.random() < (0.98 if required else 0.55):
                parts.append(self._field(field, hostility, depth))
        if self._random.random() < hostility:
            self._random.shuffle(parts)
        return b"".join(parts)

    def _field(self, field: FieldDescriptor, hostility: float, depth: int) -> bytes:
        if self._random.random() < hostility:
            return self._hostile_field(field, depth)
        if field.is_repeated:
            return b"".join(self._element(field, hostility, depth) for _ in range(self._random.choice((0, 1, 1, 2, 3))))
        return self._element(field, hostility, depth)

    def _element(self, field: FieldDescriptor, hostility: float, depth: int) -> bytes:
        if field.message_type is not None:
            inner = self._message(field.message_type, hostility, depth + 1) if depth < _DEEPEST else b""
            return _tag(field.number, LENGTH) + _sized(inner)
        return self._scalar(field, self._valid(field))

    def _hostile_field(self, field: FieldDescriptor, depth: int) -> bytes:
        chance = self._random.random()
        if chance < 0.08:
            return b""
        if chance < 0.20:
            return self._wrong_wire_type(field)
        if chance < 0.30:  # the same field, over and over: the last one counts, messages merge, lists grow
            return self._element(field, 0.1, depth) * self._random.choice((2, 20, 300))
        if field.message_type is not None:
            inner = self._message(field.message_type, 0.6, depth + 1) if depth < _DEEPEST else b"\x00"
            return _tag(field.number, LENGTH) + _sized(inner)
        return self._scalar(field, self._hostile(field))

    def _valid(self, field: FieldDescriptor) -> Any:
        """A value that the limits admit, often one that names something that exists."""
        if field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
            return self._random.choice(self._names_for(field))
        if field.enum_type is not None:
            return self._random.choice(field.enum_type.values).number
        limits = _limits(field)
        if field.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
            return self._random.choice((0.0, 1.5, -2.0))
        if field.name in self._known:
            return int(self._random.choice(self._known[field.name]))
        most = limits.maximum if limits.HasField("maximum") else 2**40
        return min(self._random.choice((1, 1, 1, 2, 3, limits.minimum, most)), most)

    def _names_for(self, field: FieldDescriptor) -> Sequence[bytes]:
        return self._known.get(field.name) or _FORMATS.get(_limits(field).format) or (b"text", b"x" * 20, b"")

    def _hostile(self, field: FieldDescriptor) -> Any:
        if field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
            good = self._random.choice(self._names_for(field))
            at = self._random.randrange(len(good) + 1)
            bad = self._random.choice(TEXTS)
            return self._random.choice(
                (bad, bad, good[:at] + bad + good[at:], good * 300, good + b"\x00", good.upper())
            )
        if field.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
            return self._random.choice(DOUBLES)
        return self._random.choice((*INTEGERS, self._random.getrandbits(64), 1000, 1001, 10**6))

    def _scalar(self, field: FieldDescriptor, value: Any) -> bytes:
        wire = _WIRE.get(field.type, VARINT)
        return _tag(field.number, wire) + _value(field.type, wire, value)

    def _wrong_wire_type(self, field: FieldDescriptor) -> bytes:
        wire = self._random.choice((VARINT, FIXED64, LENGTH, START_GROUP, END_GROUP, FIXED32, 6, 7))
        return _tag(field.number, wire) + self._random.randbytes(self._random.choice((0, 1, 4, 8, 9)))

    def _mangled(self, raw: bytes, descriptor: Descriptor) -> bytes:
        at = self._random.randrange(len(raw) + 1)
        match self._random.randrange(6):
            case 0:
                return raw[:at]
            case 1:
                return raw[:at] + self._random.randbytes(self._random.randrange(1, 9)) + raw[at:]
            case 2 if raw:
                mangled = bytearray(raw)
                mangled[at % len(raw)] ^= 1 << self._random.randrange(8)
                return bytes(mangled)
            case 3:  # everything again, merged into the first
                return raw + self._message(descriptor, 0.2)
            case 4:  # fields nobody knows
                number = self._random.choice((0, 15, 999, 18_999, 19_500, 2**29 - 1, 2**29, 2**32))
                return raw + _tag(number, LENGTH) + _sized(self._random.randbytes(30))
            case _:
                return raw[at:] + raw[:at]

    def _nasty(self, descriptor: Descriptor) -> bytes:
        number = self._random.choice(descriptor.fields).number if descriptor.fields else 1
        match self._random.randrange(8):
            case 0:
                return b""
            case 1:  # groups in groups
                return _tag(number, START_GROUP) * 5_000
            case 2:  # messages in messages
                inner = b""
                for _ in range(300):
                    inner = _tag(number, LENGTH) + _sized(inner)
                return inner
            case 3:  # a length beyond the end
                return _tag(number, LENGTH) + _varint(2**31 - 1) + b"x"
            case 4:  # a length beyond 64 bits
                return _tag(number, LENGTH) + b"\xff" * 10 + b"\x01"
            case 5:  # a varint without end
                return _tag(number, VARINT) + b"\x80" * 2_000
            case 6:  # very many elements
                return (_tag(number, LENGTH) + _sized(b"")) * 20_000
            case _:
                return _tag(number, LENGTH) + _sized(b"a" * 70_000)


_WIRE = {
    FieldDescriptor.TYPE_DOUBLE: FIXED64,
    FieldDescriptor.TYPE_FIXED64: FIXED64,
    FieldDescriptor.TYPE_SFIXED64: FIXED64,
    FieldDescriptor.TYPE_FLOAT: FIXED32,
    FieldDescriptor.TYPE_FIXED32: FIXED32,
    FieldDescriptor.TYPE_SFIXED32: FIXED32,
    FieldDescriptor.TYPE_STRING: LENGTH,
    FieldDescriptor.TYPE_BYTES: LENGTH,
}


def _limits(field: FieldDescriptor) -> limits_pb2.Limits:
    return field.GetOptions().Extensions[limits_pb2.limits]


def _value(kind: int, wire: int, value: Any) -> bytes:
    if wire == LENGTH:
        return _sized(value)
    if kind == FieldDescriptor.TYPE_DOUBLE:
        return struct.pack("<d", value)
    if kind == FieldDescriptor.TYPE_FLOAT:
        return struct.pack("<f", value if abs(value) < 1e38 or value - value != 0 else 1.0)
    if wire == FIXED64:
        return struct.pack("<Q", value % 2**64)
    if wire == FIXED32:
        return struct.pack("<I", value % 2**32)
    if kind in (FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SINT64):
        value = value * 2 if value >= 0 else -value * 2 - 1
    return _varint(value % 2**64)


def _tag(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _sized(raw: bytes) -> bytes:
    return _varint(len(raw)) + raw


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
