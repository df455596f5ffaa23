"""ReadConsole, in this process, over every store: what was sent comes back, in order, resumable, to those who may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from support.tracking_service import RUN, WRITER, Clock, append, call, ingest, open_writer, params, start
from support.tracking_stores import ADAPTERS, open_tracking_store
from trackway.api.metrics.v1 import ingest_pb2 as pb
from trackway.api.tracking.v1 import tracking_service_pb2 as rpc
from trackway_server.core.auth.principal import Principal, Role
from trackway_server.core.errors import DomainError, Reason
from trackway_server.tracking import console
from trackway_server.tracking.config import TrackingSettings
from trackway_server.tracking.module import serve

SECOND = "1" * 32


@pytest.fixture(params=ADAPTERS)
async def service(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    async with open_tracking_store(request.param, tmp_path) as store:
        async with serve(store, TrackingSettings(), Clock()) as binding:
            yield binding.servicer


def lines(text: str, *, time_us: int = 1, stream: int = 1, **fields: Any) -> pb.Record:
    """A console block."""
    count = fields.pop("line_count", text.count("\n") + 1 if text else 0)
    return pb.Record(console=pb.ConsoleBlock(stream=stream, text=text, line_count=count, time_us=time_us, **fields))


async def begin(service: Any, *records: pb.Record) -> Any:
    answers = await ingest(service, [open_writer(1, labels={"rank": "0"}), append(0, start(), *records)])
    assert answers.error is None
    return answers


async def read(service: Any, **fields: Any) -> list[rpc.ReadConsoleResponse]:
    return [each async for each in service.ReadConsole(rpc.ReadConsoleRequest(run_id=RUN, **fields), call())]


def texts(responses: list[rpc.ReadConsoleResponse]) -> list[str]:
    return [each.block.text for each in responses]


async def test_two_writers_are_mixed_by_time_and_chosen_by_label(service: Any) -> None:
    await begin(service, lines("a0", time_us=10), lines("a1", time_us=30, dropped_lines=4))
    second = open_writer(1, writer_id=SECOND, labels={"rank": "1", "host": "h"})
    await ingest(service, [second, append(0, lines("b0", time_us=20), lines("b1", time_us=40, unfinished="b2"))])
    found = await read(service)
    assert texts(found) == ["a0", "b0", "a1", "b1"]
    assert [each.position.writer_id for each in found] == [WRITER, SECOND, WRITER, SECOND]
    assert [dict(each.labels) for each in found] == [{"rank": "0"}, {"rank": "1", "host": "h"}, {}, {}]
    assert (found[2].block.dropped_lines, found[3].block.unfinished) == (4, "b2")
    assert texts(await read(service, labels={"rank": "1"})) == ["b0", "b1"]
    assert texts(await read(service, labels={"rank": "1", "host": "x"})) == []


async def test_reading_begins_at_the_last_lines_or_goes_on_where_it_was(service: Any) -> None:
    await begin(service, lines("1\n2\n3", first_line=0), params(a="b"), lines("4", first_line=3))
    (first, second) = await read(service, last_lines=2)
    assert (first.block.text, first.block.line_count, first.block.first_line) == ("3", 1, 2)
    assert second.block.text == "4"
    assert texts(await read(service, after=[first.position])) == ["4"]
    assert texts(await read(service, after=[second.position], last_lines=2)) == []


async def test_a_follower_is_told_what_is_new_once(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "BEAT_SECONDS", 0.0)
    await begin(service, lines("old"))
    request = rpc.ReadConsoleRequest(run_id=RUN, follow=True)
    async with aclosing(service.ReadConsole(request, call())) as answers:
        seen = [await anext(answers)]
        await ingest(service, [open_writer(2), append(2, lines("new"), lines("newer"))])
        await ingest(service, [open_writer(1, writer_id=SECOND), append(0, lines("from another"))])
        async with asyncio.timeout(60):
            while len(seen) < 4:
                answer = await anext(answers)
                if answer.HasField("block"):
                    seen.append(answer)
    assert sorted(texts(seen)) == ["from another", "new", "newer", "old"]


async def test_a_block_that_is_wrong_is_refused_alone_and_told(service: Any) -> None:
    answers = await begin(service, lines("good"), lines("bad", line_count=7), lines("good too"))
    assert answers.refused_records == [(2, "ERROR_REASON_INVALID_FIELD")]
    assert texts(await read(service)) == ["good", "good too"]
    run = (await service.GetRun(rpc.GetRunRequest(run_id=RUN), call())).run
    assert run.refused_count == 1


async def test_sent_again_it_is_stored_once_and_a_deleted_run_takes_none(service: Any) -> None:
    await begin(service, lines("once"))
    await ingest(service, [open_writer(2), append(0, start(), lines("once"), lines("twice"))])
    assert texts(await read(service)) == ["once", "twice"]
    await service.DeleteRun(rpc.DeleteRunRequest(run_id=RUN), call())
    refused = await ingest(service, [open_writer(3), append(3, lines("late"))])
    assert refused.error is not None and refused.error.reason is Reason.RUN_DELETED


async def test_who_may_not_read_the_run_finds_none(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await begin(service, lines("secret"))
    stranger = Principal("stranger", {"elsewhere": Role.ADMIN})
    for follow in (False, True):
        with pytest.raises(DomainError) as refused:
            request = rpc.ReadConsoleRequest(run_id=RUN, follow=follow)
            await anext(service.ReadConsole(request, call(stranger)))
        assert refused.value.reason is Reason.RUN_NOT_FOUND
    monkeypatch.setattr(console, "MAX_FOLLOWERS", 0)
    with pytest.raises(DomainError) as refused:
        await anext(service.ReadConsole(rpc.ReadConsoleRequest(run_id=RUN, follow=True), call()))
    assert refused.value.reason is Reason.LIMIT_EXCEEDED
