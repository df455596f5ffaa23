"""What a training process learns of how its records fared."""

from __future__ import annotations


class Refusal:
    """A record that the server refused: its ordinal, the reason's name and a sentence."""

    __slots__ = ("message", "reason", "sequence")

    def __init__(self, sequence: int, reason: str, message: str) -> None:
        self.sequence = sequence
        self.reason = reason
        self.message = message

    def __repr__(self) -> str:
        return f"Refusal(sequence={self.sequence}, reason={self.reason!r}, message={self.message!r})"


class SyncState:
    """How far what was logged has come, as far as this process can know.

    durable     everything logged so far, files too, is stored on the server
    pending     records and files that are not, yet; they are safe in the spool
    refused     records that the server refused; they will not be sent again
    dropped     records that were never recorded, because the spool's disk is full
    connected   the sender has a server
    problem     what is wrong, one sentence; empty where nothing is
    """

    __slots__ = ("connected", "dropped", "durable", "pending", "problem", "refused")

    def __init__(
        self, *, durable: bool, pending: int, refused: tuple[Refusal, ...], dropped: int, connected: bool, problem: str
    ) -> None:
        self.durable = durable
        self.pending = pending
        self.refused = refused
        self.dropped = dropped
        self.connected = connected
        self.problem = problem
