"""Tokens of pages and watches."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trackway_server.core.ids import new_id
from trackway_server.registry.domain.events import START, Position, parse_token
from trackway_server.registry.domain.pages import PAGE_BYTES, page_of


@given(st.integers(0, (1 << 63) - 1))
def test_a_resume_token_names_a_position(sequence: int) -> None:
    position = Position(sequence, new_id())
    assert parse_token(position.token) == position
    assert len(position.token) <= 128


def test_the_start_has_a_token() -> None:
    assert parse_token(START.token) == START


@given(st.text(max_size=40))
def test_no_text_breaks_the_reader_of_tokens(text: str) -> None:
    position = parse_token(text)
    assert position is None or position.token == text


def test_a_page_ends_before_it_grows_too_large_for_a_message() -> None:
    page = page_of(["a", "b", "c"], 3, lambda _: PAGE_BYTES // 2, lambda item: item)
    assert (page.items, page.next_token) == (["a", "b"], "b")


def test_one_large_item_is_a_page() -> None:
    page = page_of(["a", "b"], 2, lambda _: PAGE_BYTES * 2, lambda item: item)
    assert (page.items, page.next_token) == (["a"], "a")


def test_the_last_page_has_no_token() -> None:
    page = page_of(["a", "b"], 2, lambda _: 1, lambda item: item)
    assert (page.items, page.next_token) == (["a", "b"], "")
