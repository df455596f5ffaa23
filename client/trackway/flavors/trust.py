"""Leave to run code that a model carries.

A pickle is a program: whoever wrote it decides what loading it does. Pickles are loaded only here, in the client, and
only after every file was compared with the digest that the server keeps. `TRACKWAY_ALLOW_PICKLE=false` refuses them.
"""

from __future__ import annotations

import os

from trackway.errors import FailedPrecondition

_NO = ("0", "false", "no", "off")


def require_pickle(what: str) -> None:
    """Raise `FailedPrecondition` where this process must not load pickles."""
    for variable in ("TRACKWAY_ALLOW_PICKLE", "MLFLOW_ALLOW_PICKLE_DESERIALIZATION"):
        value = os.environ.get(variable)
        if value is None:
            continue
        if value.strip().lower() in _NO:
            raise FailedPrecondition(
                f"{what} is a pickle, which runs code when it is loaded, and {variable}={value} forbids that here; "
                f"set {variable}=true if you trust whoever logged the model"
            )
        return
