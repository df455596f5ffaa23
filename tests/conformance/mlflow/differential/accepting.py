"""Which differences are meant, and whether each that is listed still occurs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from conformance.mlflow.differential.comparing import Difference


@dataclass(frozen=True, slots=True)
class Accepted:
    """Differences that stay, and why: of these steps (`story/step`, with `*`), at this place (with `*`).

    `theirs` and `ours`, where given, are regular expressions that are found in what either says.
    """

    reason: str
    steps: tuple[str, ...]
    place: str = "*"
    theirs: str = ""
    ours: str = ""

    def takes(self, difference: Difference, pattern: str) -> bool:
        """Whether the difference is one of these, of this pattern of `steps`."""
        return (
            fnmatchcase(difference.step, pattern.replace("[", "[[]"))
            and fnmatchcase(difference.place, self.place.replace("[]", "[[]]"))
            and re.search(self.theirs, str(difference.theirs)) is not None
            and re.search(self.ours, str(difference.ours)) is not None
        )


@dataclass(slots=True)
class Judged:
    """Differences by what is to be said of them. `gone` are patterns of the list that nothing matches any more."""

    unlisted: list[Difference] = field(default_factory=list)
    accepted: list[tuple[Difference, str]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


def judge(found: Sequence[Difference], listed: Sequence[Accepted]) -> Judged:
    """Every difference under the first entry that takes it."""
    judged = Judged()
    used: set[tuple[int, str]] = set()
    for difference in found:
        taken = [
            (number, pattern)
            for number, entry in enumerate(listed)
            for pattern in entry.steps
            if entry.takes(difference, pattern)
        ]
        used.update(taken)
        if taken:
            judged.accepted.append((difference, listed[taken[0][0]].reason))
        else:
            judged.unlisted.append(difference)
    judged.gone = [
        f"{pattern} at {entry.place}: {entry.reason}"
        for number, entry in enumerate(listed)
        for pattern in entry.steps
        if (number, pattern) not in used
    ]
    return judged
