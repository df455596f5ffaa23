"""Which rank of a distributed job this process is, as `torchrun` and its like say: RANK and WORLD_SIZE.

    TRACKWAY_RANK_CONTEXT   auto (default)  attach_run labels what is logged with the rank of the process
                            always          start_run does, too
                            off             neither does

A run's own process is not labelled by default: `run.data.metrics` holds the metrics without a context, and a script
that logs on rank 0 alone shall not find it empty.
"""

from __future__ import annotations

import os

from trackway.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_CHOICES = ("auto", "always", "off")


def context_or_rank(context: Mapping[str, Any] | None, *, joins: bool) -> Mapping[str, Any] | None:
    """The context of a process that gives none; `joins`: another process began the run. Any that is given, an empty one
    too, stays as it is. Raises InvalidArgument for a setting that is none."""
    if context is not None:
        return context
    chosen = os.environ.get("TRACKWAY_RANK_CONTEXT") or "auto"
    if chosen not in _CHOICES:
        raise InvalidArgument(f"TRACKWAY_RANK_CONTEXT must be one of {', '.join(_CHOICES)}, not {chosen!r:.80}")
    labels = chosen == "always" or (chosen == "auto" and joins)
    rank, size = os.environ.get("RANK", ""), os.environ.get("WORLD_SIZE", "")
    several = rank.isdecimal() and size.isdecimal() and int(size) > 1
    return {"rank": str(int(rank))} if labels and several else None
