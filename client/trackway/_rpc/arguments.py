"""Arguments as users pass them, made ready for messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from trackway.errors import InvalidArgument
from trackway.types import NOTE_TAG


def texts(values: Mapping[str, object] | None) -> dict[str, str]:
    """Values as text, as MLflow does it."""
    return {key: str(value) for key, value in (values or {}).items()}


def owner(owner_id: str) -> str:
    """What files belong to, by its id: a run, or a logged model."""
    return f"models/{owner_id}" if owner_id.startswith("m-") else f"runs/{owner_id}"


def names(values: Iterable[str]) -> list[str]:
    """A list of names. A lone text is refused: it would be taken letter by letter."""
    if isinstance(values, str):
        raise InvalidArgument(f"give a list, not the text {values!r}: [{values!r}]")
    return list(values)


def noted(tags: Mapping[str, object] | None, description: str | None) -> dict[str, str]:
    """Tags with the description among them, as the note that it is. Raises InvalidArgument where both are given."""
    if description is None:
        return texts(tags)
    if NOTE_TAG in (tags or {}):
        raise InvalidArgument(f"description and the tag {NOTE_TAG} are the same thing; give one of them")
    return {**texts(tags), NOTE_TAG: description}
