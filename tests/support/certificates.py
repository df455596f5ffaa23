"""Certificates for tests, made when a test runs, so that none expires in the tree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Pair:
    """The files of a certificate and its key."""

    cert: Path
    key: Path

    def replace_by(self, other: Pair) -> None:
        """Put the other's content in place of this one's, as a renewal does: each file at once, the key first."""
        for mine, theirs in ((self.key, other.key), (self.cert, other.cert)):
            scratch = mine.with_suffix(".new")
            scratch.write_bytes(theirs.read_bytes())
            scratch.replace(mine)


class Authority:
    """A certificate authority of one test; `file` is what clients trust."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self._name = name
        self._ca = trustme.CA(organization_name=name)
        self._made = 0
        self.file = folder / f"{name}.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def issue(self, *names: str, days: float = 30, since_days: float = 1) -> Pair:
        """A certificate for these names and addresses, valid from `since_days` ago for `days` from now."""
        now = datetime.now(UTC)
        made = self._ca.issue_cert(
            *(names or ("127.0.0.1", "localhost")),
            not_before=now - timedelta(days=since_days),
            not_after=now + timedelta(days=days),
        )
        self._made += 1
        pair = Pair(
            self._folder / f"{self._name}-{self._made}.crt",
            self._folder / f"{self._name}-{self._made}.key",
        )
        pair.cert.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
        made.private_key_pem.write_to_path(str(pair.key))
        return pair
