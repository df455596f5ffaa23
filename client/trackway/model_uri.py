"""Addresses of models and artifacts.

| Address                  | Names                                                        |
|--------------------------|--------------------------------------------------------------|
| `models:/NAME/3`         | version 3 of a registered model                              |
| `models:/NAME/Production`| its newest version in a stage, in any case of letters        |
| `models:/NAME/latest`    | its newest version                                           |
| `models:/NAME@ALIAS`     | the version that an alias points to                          |
| `models:/m-ID`           | a logged model, by its id of `m-` and 32 digits              |
| `runs:/RUN_ID/PATH`      | artifacts of a run; without a path, all of them              |

Nothing is decoded: `%2e` is three letters. What a path may hold is checked where it is used, here too.
"""

from __future__ import annotations

from dataclasses import dataclass

from trackway.errors import InvalidArgument

STAGES = ("None", "Staging", "Production", "Archived")
LATEST = "latest"

_FORMS = (
    "models:/NAME/VERSION, models:/NAME/STAGE, models:/NAME/latest, models:/NAME@ALIAS, models:/m-ID or "
    "runs:/RUN_ID/PATH"
)
_GREATEST_VERSION = 2**31 - 1


@dataclass(frozen=True, slots=True)
class ModelUri:
    """A version of a registered model: exactly one of `version`, `stage` (`latest` too) and `alias` is set."""

    name: str
    version: int | None = None
    stage: str | None = None
    alias: str | None = None

    def __str__(self) -> str:
        return (
            f"models:/{self.name}@{self.alias}" if self.alias else f"models:/{self.name}/{self.version or self.stage}"
        )


@dataclass(frozen=True, slots=True)
class LoggedModelUri:
    """A logged model."""

    model_id: str

    def __str__(self) -> str:
        return f"models:/{self.model_id}"


@dataclass(frozen=True, slots=True)
class RunUri:
    """Artifacts of a run; an empty path is all of them."""

    run_id: str
    path: str = ""

    def __str__(self) -> str:
        return f"runs:/{self.run_id}/{self.path}" if self.path else f"runs:/{self.run_id}"


def parse(uri: str) -> ModelUri | LoggedModelUri | RunUri:
    """The address in `uri`. Raises InvalidArgument with the forms there are."""
    scheme, _, rest = uri.partition(":")
    if scheme == "models":
        body = _body(uri, rest)
        return LoggedModelUri(body) if _is_model_id(body) else _model(body, uri)
    if scheme == "runs":
        return _run(_body(uri, rest), uri)
    raise InvalidArgument(f"{uri!r} is no address of a model: write {_FORMS}")


def parse_model(uri: str) -> ModelUri:
    """The address of a version of a registered model. Raises InvalidArgument for any other."""
    parsed = parse(uri)
    if isinstance(parsed, ModelUri):
        return parsed
    raise InvalidArgument(
        f"{uri!r} is no registered model: write models:/NAME/VERSION, models:/NAME/STAGE or models:/NAME@ALIAS"
    )


def parse_run(uri: str) -> RunUri:
    """The address of artifacts of a run. Raises InvalidArgument for any other."""
    parsed = parse(uri)
    if isinstance(parsed, RunUri):
        return parsed
    raise InvalidArgument(f"{uri!r} is no artifact of a run: write runs:/RUN_ID/PATH")


def _body(uri: str, rest: str) -> str:
    if not rest.startswith("/") or rest.startswith("//"):
        raise InvalidArgument(f"{uri!r} needs exactly one slash after its colon: write {_FORMS}")
    return rest[1:].removesuffix("/")


def _is_model_id(text: str) -> bool:
    return len(text) == 34 and text.startswith("m-") and set(text[2:]) <= set("0123456789abcdef")


def _model(body: str, uri: str) -> ModelUri:
    name, mark, selector = body.rpartition("@") if "@" in body else body.partition("/")
    if not name or not selector or any(letter in part for part in (name, selector) for letter in "/:@"):
        raise InvalidArgument(f"{uri!r} does not say which version: write {_FORMS}")
    if mark == "@":
        return ModelUri(name, alias=selector)
    if selector.isascii() and selector.isdigit():
        return ModelUri(name, version=_version(selector, uri))
    return ModelUri(name, stage=_stage(selector, uri))


def _version(text: str, uri: str) -> int:
    version = int(text) if len(text) <= 10 else 0
    if not 1 <= version <= _GREATEST_VERSION:
        raise InvalidArgument(f"{uri!r} has no valid version: versions count from 1")
    return version


def _stage(text: str, uri: str) -> str:
    known = {stage.lower(): stage for stage in (*STAGES, LATEST)}
    if text.lower() not in known:
        raise InvalidArgument(
            f"{uri!r} names neither a version nor a stage ({', '.join(STAGES)}, {LATEST});"
            " an alias is written models:/NAME@ALIAS"
        )
    return known[text.lower()]


def _run(body: str, uri: str) -> RunUri:
    run_id, _, path = body.partition("/")
    if len(run_id) != 32 or not set(run_id) <= set("0123456789abcdef"):
        raise InvalidArgument(f"{uri!r} has no run id (32 hexadecimal digits): write runs:/RUN_ID/PATH")
    if path and any(part in ("", ".", "..") for part in path.split("/")):
        raise InvalidArgument(f"{uri!r} has a path that is not in normal form: no part may be empty, '.' or '..'")
    return RunUri(run_id, path)
