"""Where a version is made from: `runs:/RUN_ID/PATH`, and nothing else.

There is no way to name a file of the server, a URL, or anything outside the artifacts of a run, so that neither
registering nor resolving can be made to read or fetch something.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trackway_server.core.errors import DomainError, Reason
from trackway_server.registry.domain.paths import is_normal_path

_SHAPE = re.compile(r"runs:/([0-9a-f]{32})/(.+)", re.ASCII | re.DOTALL)

_SHOWN_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class RunSource:
    """A folder of artifacts, or one file, of a run."""

    run_id: str
    path: str

    @property
    def uri(self) -> str:
        """`runs:/RUN_ID/PATH`."""
        return f"runs:/{self.run_id}/{self.path}"


def parse_source(source: str) -> RunSource:
    """Read `runs:/RUN_ID/PATH`. Raises DomainError(SOURCE_INVALID)."""
    shape = _SHAPE.fullmatch(source)
    if shape is None:
        raise source_invalid(
            source, "is not runs:/RUN_ID/PATH with a run id of 32 lower-case hexadecimal digits; log the model in a run"
        )
    run_id, path = shape.groups()
    if not is_normal_path(path):
        raise source_invalid(source, "has a path that is not in normal form; give it as the run lists it")
    return RunSource(run_id, path)


def source_invalid(source: str, problem: str) -> DomainError:
    """The refusal of a source, in one sentence."""
    shown = source if len(source) <= _SHOWN_CHARACTERS else source[:_SHOWN_CHARACTERS] + "…"
    return DomainError(Reason.SOURCE_INVALID, f"The source {shown!r} {problem}.", source=shown)
