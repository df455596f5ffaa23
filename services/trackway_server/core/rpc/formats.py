"""The forms that strings must have: `trackway.api.common.v1.Format`, one predicate each."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trackway.api.common.v1 import limits_pb2

_HEX_ID = re.compile(r"[0-9a-f]{32}")
_EXPERIMENT_ID = re.compile(r"0|[1-9][0-9]{0,18}")
_GREATEST_ID = 2**63 - 1
_WORKSPACE = re.compile(r"[a-z][a-z0-9-]{0,62}")
_KEY = re.compile(r"[\w\-. :/]+")
_NOT_IN_MODEL_NAME = re.compile(r"[/:@]")
_ALIAS = re.compile(r"[\w-]+")
_VERSION_LIKE = re.compile(r"v[0-9]+", re.IGNORECASE)
_NOT_IN_PATH = re.compile(r"[\\%#?:]")
_LOGGED_MODEL_ID = re.compile(r"m-[0-9a-f]{32}")
_ARTIFACT_OWNER = re.compile(r"runs/[0-9a-f]{32}|models/m-[0-9a-f]{32}")
_PRINCIPAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+-]*")
_VERSION = re.compile(r"[1-9][0-9]{0,9}")
_GREATEST_VERSION = 2**31 - 1
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# Control characters (C0, DEL, C1), the separators that end a line, and lone surrogates, which no UTF-8 can carry.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class StringFormat:
    """A form: whether a string has it, and how to say so (`must be …`)."""

    accepts: Callable[[str], bool]
    description: str


def is_key(text: str) -> bool:
    """Whether the text can be the key of a param, metric or tag."""
    return _KEY.fullmatch(text) is not None and all(part not in {"", ".", ".."} for part in text.split("/"))


def is_experiment_id(text: str) -> bool:
    """Whether the text is the decimal form of a number that databases can hold."""
    return _EXPERIMENT_ID.fullmatch(text) is not None and int(text) <= _GREATEST_ID


def is_model_name(text: str) -> bool:
    """Whether the text can name a registered model."""
    return not (_NOT_IN_MODEL_NAME.search(text) or _CONTROL.search(text)) and text != "" and text == text.strip()


def is_subject_id(text: str) -> bool:
    """Whether the text is a run id, or names a version of a registered model."""
    name, slash, number = text.rpartition("/")
    if not slash:
        return _HEX_ID.fullmatch(text) is not None
    return is_model_name(name) and _VERSION.fullmatch(number) is not None and int(number) <= _GREATEST_VERSION


def is_alias(text: str) -> bool:
    """Whether the text can be an alias."""
    return bool(_ALIAS.fullmatch(text)) and not _VERSION_LIKE.fullmatch(text) and text.lower() != "latest"


def is_artifact_path(text: str) -> bool:
    """Whether the text is a relative path in normal form that stays so under compatibility look-alikes."""
    if not unicodedata.is_normalized("NFC", text):
        return False
    return _is_plain_path(text) and _is_plain_path(unicodedata.normalize("NFKC", text))


def is_text_line(text: str) -> bool:
    """Whether the text is free of control characters and line ends."""
    return _CONTROL.search(text) is None


def _is_plain_path(text: str) -> bool:
    if _NOT_IN_PATH.search(text) or _CONTROL.search(text):
        return False
    return all(part != "" and part[-1] not in ". " for part in text.split("/"))


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


FORMATS: Mapping[int, StringFormat] = {
    limits_pb2.FORMAT_RUN_ID: StringFormat(_matches(_HEX_ID), "32 lower-case hexadecimal digits"),
    limits_pb2.FORMAT_WRITER_ID: StringFormat(_matches(_HEX_ID), "32 lower-case hexadecimal digits"),
    limits_pb2.FORMAT_EXPERIMENT_ID: StringFormat(
        is_experiment_id, "a non-negative integer of 63 bits in decimal digits without leading zeros"
    ),
    limits_pb2.FORMAT_WORKSPACE: StringFormat(
        _matches(_WORKSPACE), "a lower-case letter, then up to 62 lower-case letters, digits or hyphens"
    ),
    limits_pb2.FORMAT_KEY: StringFormat(
        is_key,
        "letters, digits, '_', '-', '.', ' ', ':' and '/', without a leading '/' or a part that is empty, '.' or '..'",
    ),
    limits_pb2.FORMAT_MODEL_NAME: StringFormat(
        is_model_name, "free of '/', ':', '@' and control characters, and not begin or end with a space"
    ),
    limits_pb2.FORMAT_ALIAS: StringFormat(
        is_alias, "letters, digits, '_' and '-', and neither 'latest' nor 'v' and a number"
    ),
    limits_pb2.FORMAT_ARTIFACT_PATH: StringFormat(
        is_artifact_path,
        "a relative path without '.', '..' or empty parts, parts that end in '.' or ' ', '\\', '%', '#', '?', ':' or "
        "control characters, in Unicode NFC",
    ),
    limits_pb2.FORMAT_ARTIFACT_OWNER: StringFormat(
        _matches(_ARTIFACT_OWNER), "'runs/' and a run id, or 'models/' and the id of a logged model"
    ),
    limits_pb2.FORMAT_LOGGED_MODEL_ID: StringFormat(
        _matches(_LOGGED_MODEL_ID), "'m-' and 32 lower-case hexadecimal digits"
    ),
    limits_pb2.FORMAT_DIGEST: StringFormat(_matches(_DIGEST), "'sha256:' and 64 lower-case hexadecimal digits"),
    limits_pb2.FORMAT_TEXT_LINE: StringFormat(is_text_line, "one line of text without control characters"),
    limits_pb2.FORMAT_SUBJECT_ID: StringFormat(
        is_subject_id, "a run id, or the name of a registered model, '/' and a version"
    ),
    limits_pb2.FORMAT_PRINCIPAL: StringFormat(
        _matches(_PRINCIPAL), "ASCII letters, digits, '_', '-', '.', '@' and '+', the first a letter or a digit"
    ),
}
