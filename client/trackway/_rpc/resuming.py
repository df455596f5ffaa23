"""Server streams that are taken up again where they broke: what is read is read once, and nothing is missed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import Any, Generic, TypeVar

from trackway import errors
from trackway._rpc.retry import Backoff
from trackway._rpc.status import has_expired

Answer = TypeVar("Answer")
Item = TypeVar("Item")

_PASSING = (errors.Unavailable, errors.DeadlineExceeded, errors.Cancelled)


class Resuming(AsyncIterator[Item], Generic[Answer, Item]):
    """Items of a stream that may break. It holds a position, not a stream: a stream that breaks is opened again from
    there, in whichever event loop the next item is asked for. A server that was never reached is the caller's to know.
    """

    ended_by_server = True
    """Whether the server may end the stream for good; if not, its end is one more break."""

    def __init__(self) -> None:
        self._backoff = Backoff()
        self._answers: Any = None
        self._begun = False

    @abstractmethod
    def open_stream(self) -> AsyncIterator[Answer]:
        """The call's answers from the position on."""

    @abstractmethod
    def take(self, answer: Answer) -> Item | None:
        """Move the position past an answer. None: there is nothing in it for the reader."""

    async def __anext__(self) -> Item:
        while True:
            try:
                answer = await self._next_answer()
            except errors.Unauthenticated as refused:
                if not has_expired(refused):
                    raise
                await self._backoff.wait()
                continue
            except _PASSING:
                if not self._begun:
                    raise
                await self._backoff.wait()
                continue
            self._begun = True
            self._backoff.reset()
            item = self.take(answer)
            if item is not None:
                return item

    async def aclose(self) -> None:
        """End the stream. Asking for an item opens it again."""
        answers, self._answers = self._answers, None
        if answers is not None:
            await answers.aclose()

    async def _next_answer(self) -> Answer:
        if self._answers is None:
            self._answers = self.open_stream()
        try:
            answer: Answer = await anext(self._answers)
        except BaseException as error:
            self._answers = None  # its stream has ended with the error
            if isinstance(error, StopAsyncIteration) and not self.ended_by_server:
                raise errors.Unavailable("the server ended the stream") from None
            raise
        return answer
