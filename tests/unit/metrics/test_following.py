"""Follow against a model: every point once and in order, through appends, compactions, breaks and resumptions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.examples import examples
from support.metric_worlds import ACTIONS, RUN, WRITERS, Action, Logged, MetricWorld
from trackway_server.core.errors import DomainError, Reason
from trackway_server.metrics.bell import Bell
from trackway_server.metrics.domain.positions import Position, decode_position, encode_position
from trackway_server.metrics.domain.reading import Chunk
from trackway_server.metrics.domain.selecting import Selection
from trackway_server.metrics.following import Follower, FollowLimits, FollowPatience
from trackway_server.tracking.domain.ports import TrackingUnit

QUICK = FollowPatience(poll=0.001, least=0.0, alive=0.001)


def follower(
    world: MetricWorld, limits: FollowLimits | None = None, bell: Bell | None = None
) -> Follower[TrackingUnit]:
    return Follower(world.store, bell or Bell(), lambda unit, run: world.ended, QUICK, limits or FollowLimits())


def points_of(chunk: Chunk) -> list[Logged]:
    column = chunk.column
    columns = (column.sequences, column.times, column.steps, column.values)
    return [(chunk.series.key, *row) for row in zip(*(each.tolist() for each in columns), strict=True)]


@settings(max_examples=examples(150), deadline=None)
@given(
    before=ACTIONS,
    meanwhile=st.lists(ACTIONS, max_size=6),
    breaks=st.lists(st.integers(1, 4), max_size=4),
    keys=st.sampled_from([("loss",), ("acc",), (), ("loss", "acc", "absent")]),
    limits=st.builds(FollowLimits, st.integers(1, 9), st.integers(1, 30)),
)
def test_every_point_comes_once_and_in_order(
    before: Sequence[Action],
    meanwhile: Sequence[Sequence[Action]],
    breaks: Sequence[int],
    keys: tuple[str, ...],
    limits: FollowLimits,
) -> None:
    async def run() -> None:
        world, selection = MetricWorld(), Selection(keys)
        await world.begin()
        for action in before:
            await world.act(action)
        pending, rest = list(meanwhile), list(breaks)
        received: dict[str, list[Logged]] = {writer: [] for writer in WRITERS}
        token, done = b"", False
        while not done:
            left = rest.pop(0) if rest else -1
            position = decode_position(token, [RUN], selection) if token else Position()
            stream = follower(world, limits).follow([RUN], selection, position, until_end=True)
            async with aclosing(stream) as messages:
                done = True
                async for message in messages:
                    assert sum(len(chunk.column) for chunk in message.points) <= limits.points_a_message
                    for chunk in message.points:
                        received[chunk.writer_id] += points_of(chunk)
                    token = encode_position(message.position, [RUN], selection)
                    for action in pending.pop(0) if pending else ():
                        await world.act(action)
                    world.ended = not pending
                    left -= 1
                    if left == 0:
                        done = False
                        break
        for writer in WRITERS:
            expected = [point for point in world.logged[writer] if not keys or point[0] in keys]
            assert sorted(received[writer]) == sorted(expected)
            for key in ("loss", "acc"):
                assert [p for p in received[writer] if p[0] == key] == [p for p in expected if p[0] == key]

    asyncio.run(run())


async def test_a_bell_wakes_and_only_new_points_come() -> None:
    world, bell = MetricWorld(), Bell()
    await world.begin()
    await world.append(0, [[(1, 1)]], [0])
    patient = FollowPatience(poll=3600.0)
    following: Follower[TrackingUnit] = Follower(world.store, bell, lambda unit, run: False, patient)
    async with aclosing(following.follow([RUN], Selection(), Position(), only_new=True)) as messages:
        assert (await anext(messages)).caught_up
        waiting = asyncio.ensure_future(anext(messages))
        await asyncio.sleep(0)
        assert bell.followers == 1
        await world.append(1, [[(2, 2)]], [0])
        bell.ring(RUN)
        async with asyncio.timeout(60):
            message = await waiting
        assert [point for chunk in message.points for point in points_of(chunk)] == [("loss", 0, 2, 2, 1.0)]
    assert bell.followers == 0


async def test_other_replicas_commits_are_found_by_looking() -> None:
    world = MetricWorld()
    await world.begin()
    async with aclosing(follower(world).follow([RUN], Selection(), Position())) as messages:
        assert (await anext(messages)).caught_up
        await world.append(0, [[(1, 1)]], [0])
        async with asyncio.timeout(60):
            async for message in messages:
                if message.points:
                    break
        assert points_of(message.points[0]) == [("loss", 0, 1, 1, 0.0)]


async def test_a_server_has_a_limit_of_followers() -> None:
    world, bell = MetricWorld(), Bell(most=1)
    await world.begin()
    with bell.listening([RUN]), pytest.raises(DomainError) as caught:
        await anext(follower(world, bell=bell).follow([RUN], Selection(), Position()))
    assert caught.value.reason is Reason.LIMIT_EXCEEDED
    assert bell.followers == 0


@given(garbage=st.binary(max_size=60), cut=st.integers(0, 60))
def test_a_position_is_of_one_question(garbage: bytes, cut: int) -> None:
    position, selection = Position(), Selection(("loss",))
    position.advance(RUN, WRITERS[0], 2**62, 7)
    token = encode_position(position, [RUN], selection)
    assert decode_position(token, [RUN, RUN], selection) == position
    for wrong, runs, chosen in (
        (token, ["b" * 32], selection),
        (token, [RUN], Selection(("acc",))),
        (token[:cut], [RUN], selection),
        (token[:12] + garbage, [RUN], selection),
        (garbage, [RUN], selection),
    ):
        if wrong == token and (runs, chosen) == ([RUN], selection):
            continue
        with pytest.raises(DomainError) as caught:
            decode_position(wrong, runs, chosen)
        assert caught.value.reason is Reason.RESUME_TOKEN_INVALID
