"""How the domain asks whether a caller may reach something, without knowing who calls or by what right.

A principal has a role in a workspace, which is the floor for all that lies there, and may have a greater one on a
single resource by a binding, which the service that owns the resource keeps. `rpc/call.py` answers; roles are numbers
here, as in auth.v1.Role, and 0 is none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Bound = Callable[[str], int]
"""The role that bindings give the principal of a name on what is asked for."""


class Admits(Protocol):
    """Whether what lies in a workspace is there for the caller."""

    def __call__(self, workspace: str, bound: Bound = ..., /) -> bool:
        """False where it is as if it were not there. Raises PERMISSION_DENIED where the caller's role is too small."""
        ...


class Admission(Protocol):
    """The caller, as far as the domain needs to know."""

    @property
    def admits(self) -> Admits:
        """See Admits."""
        ...

    def holds(self, workspace: str, /) -> bool:
        """Whether the caller's role in a workspace suffices, on everything that lies there."""
        ...

    def role_on(self, workspace: str, bound: Bound, /) -> int:
        """The caller's role on something in a workspace: the one there, or a greater one by a binding."""
        ...

    def enters(self, workspace: str, bound: Bound) -> str:
        """By what the caller is in a workspace: empty for a role there that suffices for everything, else the name of
        the principal whose bindings alone say what is there.

        Raises WORKSPACE_NOT_FOUND where the caller has neither, `bound` being the greatest role on anything there.
        """
        ...


def unbound(_: str) -> int:
    """The role by bindings on what nobody can be bound to."""
    return 0
