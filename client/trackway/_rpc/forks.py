"""gRPC in a child of a process whose asynchronous gRPC threads ran when it forked.

There gRPC waits for threads that the child does not have: calls hang, and some end the process. The synchronous client
ends those threads before a fork (`trackway._sync.portal`); an asynchronous client, ours or anybody's, belongs to an
event loop that goes on. A child of such a process is told so at its first call.
"""

from __future__ import annotations

import os
import threading

from trackway import errors

_POLLER = "(_poll_wrapper)"
"""In the name of gRPC's own thread: Python names threads after what they run."""
_ENDING_SECONDS = 0.2
"""How long a thread that has done its work may need to go."""

_threads_live = False
_inherited = False


def check_usable() -> None:
    """Raise FailedPrecondition where this process is such a child."""
    if _inherited:
        raise errors.FailedPrecondition(
            "this process was forked while an asynchronous gRPC client was open in its parent, and gRPC does not work "
            "in such a child: close it before the fork, or start the child by spawn or forkserver (logging works here)"
        )


def _before_fork() -> None:
    global _threads_live  # noqa: PLW0603 - of the process
    pollers = [thread for thread in threading.enumerate() if thread.name.endswith(_POLLER)]
    for poller in pollers:
        poller.join(_ENDING_SECONDS)
    _threads_live = any(poller.is_alive() for poller in pollers)


def _in_child() -> None:
    global _inherited  # noqa: PLW0603
    _inherited = _inherited or _threads_live


# What is registered first runs last before a fork: the portal, which registers at its first call, has ended its own.
os.register_at_fork(before=_before_fork, after_in_child=_in_child)
