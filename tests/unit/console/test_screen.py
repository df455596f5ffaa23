"""What a terminal would show, as lines: by examples, and against a naive model of a terminal."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway._console.screen import MAX_LINE, MAX_ROWS, SETTLE_SECONDS, Screen


def shown(data: bytes, *, keep_colours: bool = False) -> list[str]:
    screen = Screen(keep_colours=keep_colours)
    screen.feed(data, 1.0, final=True)
    return [text for text, _ in screen.take_all()]


EXAMPLES = {
    "lines": (b"a\n\nb\n", ["a", "", "b"]),
    "no line feed at the end": (b"a\nb", ["a", "b"]),
    "windows": (b"a\r\nb\r\n", ["a", "b"]),
    "a progress bar": (b"\r 10%\r 50%\r100%\ndone\n", ["100%", "done"]),
    "what is shorter leaves the rest": (b"hello\rJ", ["Jello"]),
    "erased": (b"a long text\r\x1b[Kshort\nleft\x1b[1Kx", ["short", "    x"]),
    "two bars": (b"one 1%\ntwo 1%\x1b[A\rone 9%\n\rtwo 9%\n", ["one 9%", "two 9%"]),
    "a live display": (b"a\nb\n\x1b[2A\x1b[2KA\n\x1b[2KB\n", ["A", "B"]),
    "erased below": (b"a\nb\nc\x1b[2F\x1b[JX", ["X"]),
    "backspace": (b"abc\b\bX", ["aXc"]),
    "colours": (b"\x1b[1;31mred\x1b[0m plain", ["red plain"]),
    "title, link, charset": (b"\x1b]0;title\x07a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\x1b(Bb", ["alinkb"]),
    "moved right": (b"a\x1b[3Cb\x1b[2Gc", ["ac  b"]),
    "invalid UTF-8": (b"caf\xe9 \xff\xfe", ["caf\ufffd \ufffd\ufffd"]),
    "control characters": (b"a\x00\x07\x0b\x7fb\xc2\x9bc\x1bd\n", ["abc"]),
    "line separators": ("a\u2028b".encode(), ["a b"]),
    "absurd movements": (b"\x1b[99999999999Aa\x1b[999999B\x1b[-5Cb\x1b[;;;Hc", ["a bc"]),
    "an escape that never ends": (b"a\x1b[12;", ["a[12;"]),
    "tabs stay": (b"a\tb", ["a\tb"]),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples(name: str) -> None:
    data, expected = EXAMPLES[name]
    assert shown(data) == expected


def test_colours_are_kept_by_choice_and_nothing_else_is() -> None:
    data = b"\x1b[1m\x1b[31mred\x1b[0m plain \x1b]0;t\x07\x1b[32mgreen\rG"
    assert shown(data, keep_colours=True) == ["\x1b[32mG\x1b[0m\x1b[1m\x1b[31med\x1b[0m plain \x1b[32mgreen\x1b[0m"]
    many = b"".join(b"\x1b[38;5;%dmx" % (number % 1000) for number in range(2000))
    assert shown(many, keep_colours=True) == ["x" * 2000]


def test_lines_are_done_when_they_have_settled() -> None:
    screen = Screen()
    screen.feed(b"one\ntwo\nthr", 10.0)
    assert screen.take_done(10.0) == []
    assert screen.unfinished == "one\ntwo\nthr"
    screen.feed(b"ee", 10.0 + SETTLE_SECONDS / 2)
    assert screen.take_done(10.0 + SETTLE_SECONDS) == [("one", 10.0), ("two", 10.0)]
    assert screen.unfinished == "three"
    assert screen.take_done(99.0) == []
    assert screen.take_all() == [("three", 10.0)]


def test_two_bars_that_go_on_for_long_stay_one_line_each() -> None:
    screen = Screen()
    now, done = 0.0, []
    for percent in range(100):
        for part in (b"\rone %d%%" % percent, b"\n", b"\rtwo %d%%" % percent, b"\x1b[A"):
            now += 0.05
            screen.feed(part, now)
            done += screen.take_done(now)
    assert done == []
    assert screen.unfinished == "one 99%\ntwo 99%"


def test_what_is_held_is_bounded() -> None:
    screen = Screen()
    screen.feed(b"x" * (MAX_LINE + 5) + b"\n", 1.0)
    screen.feed(b"y\n" * (10 * MAX_ROWS), 1.0)
    for _ in range(100):
        screen.feed(b"\x1b[1mz" + b"w" * 9_000 + b"\n", 1.0)
    screen.feed(b"\x1b]0;" + b"t" * 100_000, 1.0)
    assert len(screen.unfinished) < 400_000
    lines = [text for text, _ in screen.take_all()]
    assert screen.cut_characters >= 5
    assert max(map(len, lines)) == MAX_LINE
    assert lines.count("y") == 10 * MAX_ROWS


def naive(parts: list[tuple[str, str]]) -> list[str]:
    """A terminal that is too simple to be wrong: a mapping from places to characters."""
    cells: dict[tuple[int, int], str] = {}
    row = column = lowest = 0
    for kind, text in parts:
        if kind == "text":
            for character in text:
                cells[row, column] = character
                column += 1
        elif kind == "\n":
            row, column = row + 1, 0
        elif kind == "\r":
            column = 0
        elif kind == "\b":
            column = max(column - 1, 0)
        elif kind == "up":
            row = max(row - 1, 0)
        elif kind == "down":
            row = min(row + 1, lowest)
        elif kind == "erase":
            cells = {place: each for place, each in cells.items() if place[0] != row or place[1] < column}
        lowest = max(lowest, row)
    lines = []
    for line in range(lowest + 1):
        width = max((place[1] + 1 for place in cells if place[0] == line), default=0)
        lines.append("".join(cells.get((line, index), " ") for index in range(width)).rstrip(" "))
    if lines and not lines[-1] and row == lowest:
        lines.pop()
    return lines


WORDS = st.text("abcäß日 ", min_size=1, max_size=5).map(lambda text: ("text", text))
MOVES = st.sampled_from(["\n", "\r", "\b", "up", "down", "erase"]).map(lambda kind: (kind, ""))
BYTES = {"up": "\x1b[A", "down": "\x1b[1B", "erase": "\x1b[K"}


@settings(deadline=None, max_examples=150)
@given(st.lists(st.one_of(WORDS, MOVES), max_size=40), st.data())
def test_it_shows_what_a_terminal_would_however_the_bytes_arrive(
    parts: list[tuple[str, str]], data: st.DataObject
) -> None:
    raw = "".join(text or BYTES.get(kind, kind) for kind, text in parts).encode()
    screen = Screen()
    position = 0
    while position < len(raw):
        step = data.draw(st.integers(1, 12))
        screen.feed(raw[position : position + step], 1.0)
        position += step
    screen.feed(b"", 1.0, final=True)
    assert [text for text, _ in screen.take_all()] == naive(parts)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(
        st.one_of(st.binary(max_size=60), st.sampled_from([b"\x1b[", b"\x1b]", b"\r", b"\n", b"\x1b[3", b"A", b"m"]))
    ),
    st.booleans(),
)
def test_no_bytes_do_harm(parts: list[bytes], keep: bool) -> None:
    screen = Screen(keep_colours=keep)
    lines: list[str] = []
    for number, part in enumerate(parts):
        screen.feed(part, number / 3)
        lines += [text for text, _ in screen.take_done(number / 3)]
        lines.append(screen.unfinished.replace("\n", ""))
    screen.feed(b"", 99.0, final=True)
    lines += [text for text, _ in screen.take_all()]
    for line in lines:
        rest = re.sub(r"\x1b\[[0-9;:]*m", "", line) if keep else line
        assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]", rest), line


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text("ab\n", max_size=9_000), max_size=4))
def test_much_plain_text_is_the_same_lines(parts: list[str]) -> None:
    screen = Screen()
    for part in parts:
        screen.feed(part.encode(), 1.0)
    whole = "".join(parts)
    assert [text for text, _ in screen.take_all()] == (whole.removesuffix("\n").split("\n") if whole else [])
