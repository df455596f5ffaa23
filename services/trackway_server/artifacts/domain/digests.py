"""Digests of bytes. A value of this type is the only thing a blob's place is ever derived from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from trackway_server.core.errors import DomainError, Reason

_FORM = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A SHA-256 in the form `sha256:` and 64 lower-case hexadecimal digits.

    Raises DomainError(INVALID_FIELD) for any other text.
    """

    text: str

    def __post_init__(self) -> None:
        if not _FORM.fullmatch(self.text):
            raise DomainError(
                Reason.INVALID_FIELD,
                "A digest is `sha256:` and 64 lower-case hexadecimal digits.",
                field="digest",
            )

    @classmethod
    def of_hex(cls, hexadecimal: str) -> Self:
        """The digest with these 64 hexadecimal digits."""
        return cls(f"sha256:{hexadecimal}")

    @property
    def hex(self) -> str:
        """The 64 hexadecimal digits."""
        return self.text.removeprefix("sha256:")

    def __str__(self) -> str:
        return self.text


def corrupt(digest: str) -> DomainError:
    """The refusal of stored bytes, or of a stored manifest, that no longer have their digest."""
    return DomainError(
        Reason.BLOB_CORRUPT,
        "What is stored under this digest is missing or no longer has it; store the files again.",
        digest=digest,
    )
