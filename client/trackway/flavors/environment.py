"""The environment a model needs, written beside it: requirements.txt, python_env.yaml, conda.yaml.

Requirements are pinned to what is installed here. `requirements` are the names of distributions a flavor needs;
`pip_requirements` replaces them, `extra_pip_requirements` adds to them. Both take a list, or the path of a file in
pip's form.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trackway.errors import InvalidArgument

PYTHON_ENV_FILE = "python_env.yaml"
CONDA_FILE = "conda.yaml"
REQUIREMENTS_FILE = "requirements.txt"
CONSTRAINTS_FILE = "constraints.txt"

_BUILD_TOOLS = ("pip", "setuptools", "wheel")


@dataclass(frozen=True, slots=True)
class Environment:
    """What must be installed to load a model."""

    python_version: str
    requirements: tuple[str, ...]
    constraints: tuple[str, ...] = ()

    def save(self, folder: Path) -> None:
        """Write the three files (and constraints.txt where there are constraints) into the model's folder."""
        import yaml

        lines = [*([f"-c {CONSTRAINTS_FILE}"] if self.constraints else []), *self.requirements]
        (folder / REQUIREMENTS_FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")
        if self.constraints:
            (folder / CONSTRAINTS_FILE).write_text("\n".join(self.constraints) + "\n", encoding="utf-8")
        (folder / PYTHON_ENV_FILE).write_text(yaml.safe_dump(self._python_env(), sort_keys=False), encoding="utf-8")
        (folder / CONDA_FILE).write_text(yaml.safe_dump(self._conda_env(lines), sort_keys=False), encoding="utf-8")

    def _python_env(self) -> dict[str, Any]:
        return {
            "python": self.python_version,
            "build_dependencies": [pinned(name) for name in _BUILD_TOOLS if _version(name)],
            "dependencies": [f"-r {REQUIREMENTS_FILE}"],
        }

    def _conda_env(self, lines: Sequence[str]) -> dict[str, Any]:
        tools = [f"python={self.python_version}", "pip"]
        return {"channels": ["conda-forge"], "dependencies": [*tools, {"pip": list(lines)}], "name": "trackway-env"}


def capture(
    distributions: Sequence[str],
    pip_requirements: Sequence[str] | str | None = None,
    extra_pip_requirements: Sequence[str] | str | None = None,
) -> Environment:
    """The environment of this process, as far as the model needs it.

    Raises `InvalidArgument` where both lists are given or a requirements file cannot be read.
    """
    if pip_requirements is not None and extra_pip_requirements is not None:
        raise InvalidArgument("give pip_requirements or extra_pip_requirements, not both")
    if pip_requirements is not None:
        lines = _lines(pip_requirements)
    else:
        extra = _lines(extra_pip_requirements or [])
        named = {_name(line) for line in extra}
        lines = [*(pinned(name) for name in distributions if _name(name) not in named), *extra]
    constraints = [line.removeprefix("-c ").strip() for line in lines if line.startswith("-c ")]
    kept = tuple(line for line in lines if not line.startswith("-c "))
    return Environment(platform.python_version(), kept, tuple(_constraint_lines(constraints)))


def pinned(distribution: str) -> str:
    """`name==version` of what is installed here; the name alone where it is not."""
    version = _version(distribution)
    return f"{distribution}=={version}" if version else distribution


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _name(requirement: str) -> str:
    end = next((at for at, letter in enumerate(requirement) if letter in "=<>!~[; @"), len(requirement))
    return requirement[:end].strip().lower().replace("_", "-")


def _lines(requirements: Sequence[str] | str) -> list[str]:
    if not isinstance(requirements, str):
        return [_checked(each) for each in requirements]
    return [line for line in _read(requirements) if not line.startswith("#")]


def _checked(line: object) -> str:
    if isinstance(line, str) and line.strip() and "\n" not in line:
        return line.strip()
    raise InvalidArgument(f"{line!r} is no pip requirement; give lines such as 'numpy==2.1.0'")


def _constraint_lines(paths: Sequence[str]) -> list[str]:
    return [line for path in paths for line in _read(path)]


def _read(path: str) -> list[str]:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidArgument(f"the requirements file {path!r} cannot be read: {error.strerror}") from None
    return [line.strip() for line in text.splitlines() if line.strip()]
