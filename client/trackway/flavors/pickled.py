"""Pickles of models: written, read with leave, and asked for the modules they need."""

from __future__ import annotations

import importlib.metadata
import pickle
import pickletools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trackway.errors import InvalidArgument
from trackway.flavors.trust import require_pickle

CLOUDPICKLE = "cloudpickle"
PICKLE = "pickle"
FORMATS = (CLOUDPICKLE, PICKLE)

_INSPECTED_BYTES = 64 << 20
_STRINGS = ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE")


def dump(model: Any, path: Path, serialization_format: str) -> None:
    """Write a pickle. Raises InvalidArgument where the format is unknown or the object cannot be pickled."""
    if serialization_format not in FORMATS:
        raise InvalidArgument(f"serialization_format must be one of {', '.join(FORMATS)}, not {serialization_format!r}")
    pickler: Any = _cloudpickle() if serialization_format == CLOUDPICKLE else pickle
    try:
        data = pickler.dumps(model, protocol=pickle.DEFAULT_PROTOCOL)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise InvalidArgument(
            f"a {type(model).__name__} cannot be saved with {serialization_format}: {error}"
        ) from error
    path.write_bytes(data)


def load(path: Path) -> Any:
    """Read a pickle, which runs code of whoever wrote it. Raises FailedPrecondition where that is forbidden,
    InvalidArgument where a module is missing that it needs."""
    require_pickle(f"the model file {path.name}")
    try:
        with path.open("rb") as file:
            return pickle.load(file)  # noqa: S301 - the leave is taken a line above
    except ModuleNotFoundError as error:
        raise InvalidArgument(
            f"the model needs the module {error.name!r}; install what its requirements.txt lists"
        ) from error


def distributions(path: Path) -> list[str]:
    """Names of the installed distributions whose modules a pickle names, sorted."""
    if path.stat().st_size > _INSPECTED_BYTES:
        return []
    packages = {name.partition(".")[0] for name in modules(path.read_bytes())}
    wanted = packages - sys.stdlib_module_names - {"__main__", "builtins", "copyreg"}
    by_package = importlib.metadata.packages_distributions() if wanted else {}
    return sorted({by_package[name][0] for name in wanted if name in by_package})


def modules(data: bytes) -> set[str]:
    """Names of the modules that a pickle takes classes and functions from, read without running it."""
    return set(_module_names(data))


def _module_names(data: bytes) -> Iterator[str]:
    memo: dict[Any, str | None] = {}
    strings: list[str] = []
    top: str | None = None
    imports_next = False
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name in _STRINGS:
            top = str(argument)
        elif opcode.name in ("BINGET", "LONG_BINGET"):
            top = memo.get(argument)
        elif opcode.name == "MEMOIZE":
            memo[len(memo)] = top
            continue
        elif opcode.name == "STACK_GLOBAL" and len(strings) > 1:
            yield strings[-2]
            imports_next = strings[-1] == "subimport"
            top = None
        elif opcode.name == "GLOBAL":
            yield str(argument).partition(" ")[0]
            top = None
        else:
            top = None
        if top is not None:
            strings.append(top)
            if imports_next:  # cloudpickle imports a module by its name: subimport("numpy")
                yield top
                imports_next = False


def _cloudpickle() -> Any:
    try:
        import cloudpickle
    except ImportError:
        raise InvalidArgument(
            "cloudpickle is not installed: pip install cloudpickle, or give serialization_format='pickle'"
        ) from None
    return cloudpickle
