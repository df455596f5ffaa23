"""Tags: free labels on models and versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trackway_server.core.errors import DomainError, Reason

MAX_TAGS = 1_000
MAX_TAGS_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class TagChange:
    """What differs: tags to set that are new or have another value, and tags to delete."""

    to_set: Mapping[str, str]
    to_delete: list[str]

    def __bool__(self) -> bool:
        return bool(self.to_set or self.to_delete)


def plan_tags(present: Mapping[str, str], to_set: Mapping[str, str], to_delete: Iterable[str]) -> TagChange:
    """What has to change. A key that is both set and deleted is deleted.

    Raises DomainError: TAG_NOT_FOUND where one to delete is not there, LIMIT_EXCEEDED where too much would be.
    """
    unwanted = sorted(set(to_delete))
    for key in unwanted:
        if key not in present:
            raise DomainError(Reason.TAG_NOT_FOUND, f"There is no tag {key!r} to delete; nothing was changed.", key=key)
    wanted = {key: value for key, value in to_set.items() if key not in unwanted and present.get(key) != value}
    check_tags({key: value for key, value in {**present, **wanted}.items() if key not in unwanted})
    return TagChange(wanted, unwanted)


def check_tags(tags: Mapping[str, str]) -> None:
    """Refuse more tags than one model or version may have. Raises DomainError(LIMIT_EXCEEDED)."""
    if len(tags) > MAX_TAGS:
        raise DomainError(
            Reason.LIMIT_EXCEEDED,
            f"There would be {len(tags)} tags where {MAX_TAGS} are allowed; delete some first.",
            limit="tags",
            maximum=str(MAX_TAGS),
        )
    size = sum(len(key.encode()) + len(value.encode()) for key, value in tags.items())
    if size > MAX_TAGS_BYTES:
        raise DomainError(
            Reason.LIMIT_EXCEEDED,
            f"The tags would take {size} bytes where {MAX_TAGS_BYTES} are allowed; store large texts as artifacts.",
            limit="tags_bytes",
            maximum=str(MAX_TAGS_BYTES),
        )
