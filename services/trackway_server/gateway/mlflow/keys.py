"""Names of params, metrics and tags, checked in MLflow's words before a service sees them."""

from __future__ import annotations

import json
import posixpath
import re

from trackway_server.gateway.mlflow.errors import MlflowError, invalid
from trackway_server.gateway.mlflow.lengths import tag_value
from trackway_server.gateway.mlflow.parameters import Parameters

_MOST = 250
_ALLOWED = re.compile(r"[/\w.\- :]*")
_PLAIN = re.compile(rf"(?!\.\.|\.\Z)[\w.\- :]{{1,{_MOST}}}")


def checked_key(key: str, path: str, called: str) -> str:
    """The key. `path` is where it stands in the request, `called` what MLflow calls it where it is too long.

    Raises MlflowError where MLflow would take it for the path of a file elsewhere, or not at all.
    """
    if not _ALLOWED.fullmatch(key):
        raise _wrong(
            key,
            path,
            "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and "
            "slashes (/).",
        )
    normal = posixpath.normpath(key)
    if normal != key or normal == "." or normal.startswith(("..", "/")):
        raise _wrong(
            key,
            path,
            "Names may be treated as files in certain cases, and must not resolve to other names when treated as such. "
            f"This name would resolve to {normal!r}",
        )
    if len(key) > _MOST:
        raise invalid(f"'{called}' exceeds the maximum length of {_MOST} characters")
    return key


def plain_key(key: str) -> bool:
    """Whether `checked_key` takes the key, which it looks at more closely where this is not so."""
    return _PLAIN.fullmatch(key) is not None


def param_key(asked: Parameters) -> str:
    """The `key` of a param. Raises MlflowError."""
    return checked_key(asked.text("key"), asked.path("key"), "Param key")


def metric_key(asked: Parameters) -> str:
    """The `key` of a metric. Raises MlflowError."""
    return checked_key(asked.text("key"), asked.path("name"), "Metric name")


def tag_key(asked: Parameters) -> str:
    """The `key` of a tag. Raises MlflowError."""
    return checked_key(asked.text("key"), asked.path("key"), asked.path("key"))


def tags_of(asked: Parameters, name: str) -> dict[str, str]:
    """A list of tags; of a key that is there twice, the last. Raises MlflowError."""
    return {tag_key(one): tag_value(one) for one in asked.objects(name)}


def _wrong(key: str, path: str, why: str) -> MlflowError:
    return invalid(f"Invalid value {json.dumps(key[:_MOST])} for parameter '{path}' supplied: {why}")
