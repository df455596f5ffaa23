"""What of registered models and versions can be searched, and by what they are ordered: the names are MLflow's.

MLflow keeps prompts as registered models with a tag. Searches leave them and their versions out, unless the filter
names that tag.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from trackway_server.core.search.conditions import (
    AllOf,
    AnyOf,
    Condition,
    Field,
    Negation,
    Present,
    Search,
    Source,
    Term,
    TextTest,
    fields_of,
)
from trackway_server.core.search.evaluation import FieldValue, holds
from trackway_server.core.search.ordering import Place
from trackway_server.core.search.schema import Kind, Schema
from trackway_server.core.search.syntax import Operator
from trackway_server.registry.domain.model import ModelVersion, RegisteredModel

_ENTITIES = {
    **dict.fromkeys(("attribute", "attributes", "attr"), Source.ATTRIBUTE),
    **dict.fromkeys(("tag", "tags"), Source.TAG),
}

MODELS = Schema(
    entities=_ENTITIES,
    attributes={"name": Kind.TEXT, "creation_timestamp": Kind.TIME, "last_updated_timestamp": Kind.TIME},
    aliases={"timestamp": "last_updated_timestamp"},
    default_order=(("name", False),),
)

VERSIONS = Schema(
    entities=_ENTITIES,
    attributes={
        "name": Kind.TEXT,
        "version_number": Kind.NUMBER,
        "run_id": Kind.TEXT,
        "source_path": Kind.TEXT,
        "stage": Kind.TEXT,
        "user_id": Kind.TEXT,
        "model_id": Kind.TEXT,
        "creation_timestamp": Kind.TIME,
        "last_updated_timestamp": Kind.TIME,
    },
    aliases={"version": "version_number", "current_stage": "stage", "timestamp": "last_updated_timestamp"},
    optional=frozenset({"run_id", "model_id"}),
    default_order=(("last_updated_timestamp", True), ("name", False), ("version_number", True)),
)

_PROMPT = Field(Source.TAG, "mlflow.prompt.is_prompt")
_NO_PROMPT = Negation(Condition(_PROMPT, TextTest(Operator.EQUAL, "true")))


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model, and where it stands in the order asked for."""

    model: RegisteredModel
    place: Place


@dataclass(frozen=True, slots=True)
class FoundVersion:
    """A version, and where it stands in the order asked for."""

    version: ModelVersion
    place: Place


def without_prompts(search: Search) -> Search:
    """The search, without prompts where its filter does not name their tag. Where it does, the tag of what is no prompt
    counts as `false`: MLflow's clients ask so for models."""
    if _PROMPT in fields_of(search.term):
        return replace(search, term=_with_default(search.term))
    return replace(search, term=AllOf((search.term, _NO_PROMPT)))


def _with_default(term: Term) -> Term:
    match term:
        case AllOf(terms):
            return AllOf(tuple(map(_with_default, terms)))
        case AnyOf(terms):
            return AnyOf(tuple(map(_with_default, terms)))
        case Negation(inner):
            return Negation(_with_default(inner))
        case Condition(field, test):
            counts = field == _PROMPT and not isinstance(test, Present) and holds(term, _NoPrompt())
            return AnyOf((term, Negation(Condition(_PROMPT, Present())))) if counts else term


class _NoPrompt:
    def values(self, _: Field) -> Sequence[FieldValue]:
        return ["false"]


@dataclass(frozen=True, slots=True)
class SearchedModel:
    """A registered model under search: what every store's own way must agree with."""

    model: RegisteredModel

    def values(self, field: Field) -> Sequence[FieldValue]:
        """See Searched."""
        if field.source is Source.TAG:
            return _of_key(self.model.tags, field.key)
        attributes: Mapping[str, FieldValue] = {
            "name": self.model.key.name,
            "creation_timestamp": self.model.create_time_us,
            "last_updated_timestamp": self.model.update_time_us,
        }
        return [attributes[field.key]]


@dataclass(frozen=True, slots=True)
class SearchedVersion:
    """A version under search."""

    version: ModelVersion

    def values(self, field: Field) -> Sequence[FieldValue]:
        """See Searched."""
        version = self.version
        if field.source is Source.TAG:
            return _of_key(version.tags, field.key)
        attributes: Mapping[str, FieldValue | None] = {
            "name": version.key.model.name,
            "version_number": version.key.number,
            "run_id": version.run_id or None,
            "source_path": version.source,
            "stage": version.stage.value,
            "user_id": version.user,
            "model_id": version.model_id or None,
            "creation_timestamp": version.create_time_us,
            "last_updated_timestamp": version.update_time_us,
        }
        value = attributes[field.key]
        return [] if value is None else [value]


def _of_key(values: Mapping[str, str], key: str) -> Sequence[FieldValue]:
    return [values[key]] if key in values else []
