"""The code of a page of MLflow's documentation: what a reader of it runs, step by step, and nothing changed in it.

Of a page (.mdx) each block marked as Python is a step, of a notebook (.ipynb) each cell of code, and a script (.py) is
one. Not run is what is for a shell or for Jupyter: lines with `!` or `%`, cells that begin with `%%sh` or the like. A
block that says which file it is (`title="train.py"`, or `%%writefile`, even where that is left to be uncommented) is
written to that file.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^(?P<indent>[ \t]*)(?P<ticks>`{3,})(?:python|py)\b(?P<rest>.*)$")
_TITLE = re.compile(r"""title=["']([\w./-]+\.\w+)["']""")
_WRITTEN = re.compile(r"""^(?:# )?%%writefile +["']?(?:\./)?([^"'\n#]+?)["']? *(?:#.*)?$""", re.MULTILINE)
_OTHER_CELL = re.compile(r"^%%(?!time\b|capture\b)")
_FOR_JUPYTER = re.compile(r"^([ \t]*)[%!].*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Step:
    """A piece of Python to be run, or, with `file`, to be written there. `name` is where it stands on the page."""

    name: str
    code: str
    file: str = ""


def steps(page: Path, without: str = "") -> list[Step]:
    """What is to be run of a page, in its order; without those steps in which the pattern `without` is found."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".py":
        return [Step(page.name, text)]
    found = _cells(text) if page.suffix == ".ipynb" else _blocks(text)
    wanted = (step for name, title, code in found if (step := _step(name, title, code)) is not None)
    return [step for step in wanted if not (without and re.search(without, step.code))]


def _blocks(text: str) -> Iterator[tuple[str, str, str]]:
    """Line number, title and code of each block of Python in a text of Markdown."""
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        opened = _FENCE.match(lines[at])
        at += 1
        if opened is None:
            continue
        begin = at
        while at < len(lines) and lines[at].strip() != opened["ticks"]:
            at += 1
        title = _TITLE.search(opened["rest"])
        yield f"line {begin + 1}", title[1] if title else "", textwrap.dedent("\n".join(lines[begin:at]))
        at += 1


def _cells(text: str) -> Iterator[tuple[str, str, str]]:
    for number, cell in enumerate(json.loads(text)["cells"]):
        if cell["cell_type"] == "code":
            source = cell["source"]
            yield f"cell {number}", "", source if isinstance(source, str) else "".join(source)


def _step(name: str, title: str, code: str) -> Step | None:
    written = _WRITTEN.search(code)
    if written is not None:
        return Step(name, code[: written.start()] + code[written.end() :], written[1])
    if title:
        return Step(name, code, title)
    if _OTHER_CELL.match(code):
        return None
    if _FOR_JUPYTER.search(code) and not _whole(code):
        code = _FOR_JUPYTER.sub(r"\1pass", code)
    return Step(name, code) if code.strip() else None


def _whole(code: str) -> bool:
    """Whether it is Python as it is: a line of a longer string may begin with any sign."""
    try:
        compile(code, "page", "exec")
    except SyntaxError:
        return False
    return True
