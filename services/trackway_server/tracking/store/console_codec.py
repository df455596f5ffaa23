"""The blocks of a console page as bytes: one zstd frame (RFC 8878, level 1) around a version and the blocks.

B   version, 1
then for each block, little-endian: q sequence · B stream · q time (µs) · q first line · q dropped lines ·
q dropped bytes · I lines · I bytes of text · I bytes of the unfinished line · text · unfinished line (UTF-8)
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import zstandard

from trackway_server.tracking.domain.console import ConsoleBlock

_VERSION = b"\x01"
_HEAD = struct.Struct("<qBqqqqIII")
_LEVEL = 1


def encode_blocks(blocks: Iterable[ConsoleBlock]) -> bytes:
    """The bytes of a page."""
    parts = [_VERSION]
    for block in blocks:
        text, unfinished = block.text.encode(), block.unfinished.encode()
        parts += [
            _HEAD.pack(
                block.sequence,
                block.stream,
                block.time_us,
                block.first_line,
                block.dropped_lines,
                block.dropped_bytes,
                block.line_count,
                len(text),
                len(unfinished),
            ),
            text,
            unfinished,
        ]
    return zstandard.ZstdCompressor(level=_LEVEL, write_content_size=True).compress(b"".join(parts))


def decode_blocks(data: bytes) -> tuple[ConsoleBlock, ...]:
    """The blocks in a page's bytes. Raises ValueError for bytes that `encode_blocks` did not make."""
    try:
        raw = zstandard.ZstdDecompressor().decompress(data)
        if raw[:1] != _VERSION:
            raise ValueError("unknown version")
        return tuple(_blocks(raw))
    except (zstandard.ZstdError, struct.error, UnicodeDecodeError) as damage:
        raise ValueError("a page of console output is damaged") from damage


def _blocks(raw: bytes) -> Iterable[ConsoleBlock]:
    position = 1
    while position < len(raw):
        sequence, stream, time_us, first_line, lines, size, count, text, unfinished = _HEAD.unpack_from(raw, position)
        start = position + _HEAD.size
        middle = start + text
        position = middle + unfinished
        if position > len(raw):
            raise struct.error
        words = raw[start:middle].decode(), raw[middle:position].decode()
        yield ConsoleBlock(stream, words[0], count, words[1], time_us, first_line, lines, size, sequence)
