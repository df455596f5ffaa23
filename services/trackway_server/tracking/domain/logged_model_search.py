"""What of logged models can be searched, and by what they are ordered: the names are MLflow's.

A model may have one metric several times: of several runs, and of several data sets. A condition on it holds where it
does for one of them; an order takes the one whose last point is latest, by time, then step.
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
    Ordering,
    Present,
    Scope,
    Search,
    Source,
    Statistic,
    Term,
    fields_of,
)
from trackway_server.core.search.evaluation import FieldValue
from trackway_server.core.search.schema import Kind, Schema
from trackway_server.metrics.domain.reading import SummarisedSeries
from trackway_server.metrics.domain.records import context_digest
from trackway_server.tracking.domain.logged_models import LoggedModel, measured
from trackway_server.tracking.domain.search import statistic_of

LOGGED_MODELS = Schema(
    entities={
        **dict.fromkeys(("attribute", "attributes", "attr"), Source.ATTRIBUTE),
        **dict.fromkeys(("tag", "tags"), Source.TAG),
        **dict.fromkeys(("metric", "metrics"), Source.METRIC),
        **dict.fromkeys(("param", "params", "parameter", "parameters"), Source.PARAM),
    },
    attributes={
        "name": Kind.TEXT,
        "model_id": Kind.TEXT,
        "model_type": Kind.TEXT,
        "status": Kind.TEXT,
        "source_run_id": Kind.TEXT,
        "creation_timestamp": Kind.TIME,
        "last_updated_timestamp": Kind.TIME,
    },
    aliases={
        "creation_time": "creation_timestamp",
        "creation_timestamp_ms": "creation_timestamp",
        "last_updated_timestamp_ms": "last_updated_timestamp",
    },
    optional=frozenset({"model_type", "source_run_id"}),
    default_order=(("creation_timestamp", True), ("model_id", False)),
)

_ON_A_DATASET = Field(Source.DATASET, "name")


@dataclass(frozen=True, slots=True)
class ModelOrder:
    """One term of an order as it was asked for; `scope` empty: whatever data set."""

    text: str
    scope: Scope = ()


def read_search(filter_text: str, datasets: Scope, orders: Sequence[ModelOrder], now_us: int) -> Search:
    """What to search for, its metrics scoped to data sets. Raises FILTER_INVALID."""
    term = LOGGED_MODELS.read(filter_text, now_us)
    read = LOGGED_MODELS.read_orders([order.text for order in orders])
    scopes = [*(order.scope for order in orders), *(() for _ in read[len(orders) :])]
    scoped = tuple(_scoped_order(order, scope) for order, scope in zip(read, scopes, strict=True))
    if not datasets:
        return Search(term, scoped)
    if not any(field.source is Source.METRIC for field in fields_of(term)):
        return Search(AllOf((term, Condition(replace(_ON_A_DATASET, scope=datasets), Present()))), scoped)
    return Search(_scoped(term, datasets), scoped)


def _scoped(term: Term, scope: Scope) -> Term:
    match term:
        case AllOf(terms):
            return AllOf(tuple(_scoped(each, scope) for each in terms))
        case AnyOf(terms):
            return AnyOf(tuple(_scoped(each, scope) for each in terms))
        case Negation(inner):
            return Negation(_scoped(inner, scope))
        case Condition(field, test) if field.source is Source.METRIC:
            return Condition(replace(field, scope=scope), test)
        case _:
            return term


def _scoped_order(order: Ordering, scope: Scope) -> Ordering:
    return replace(order, field=replace(order.field, scope=scope)) if order.field.source is Source.METRIC else order


@dataclass(frozen=True, slots=True)
class SearchedModel:
    """A logged model under search: what every store's own way must agree with."""

    model: LoggedModel

    def values(self, field: Field) -> Sequence[FieldValue]:
        """See Searched. Of a metric the value of the series that was logged last comes first."""
        match field.source:
            case Source.ATTRIBUTE:
                return self._attribute(field.key)
            case Source.PARAM:
                return [self.model.params[field.key]] if field.key in self.model.params else []
            case Source.TAG:
                return [self.model.tags[field.key]] if field.key in self.model.tags else []
            case Source.DATASET:
                return [one.key for one in self.model.metrics if _within(one, field.scope)]
            case Source.METRIC:
                whole = [] if field.whole_key is None else self._series(field.whole_key, field.scope)
                found = whole or self._series(field.key, field.scope)
                statistic = Statistic.LAST if whole else field.statistic
                return [value for series in found for value in statistic_of(series, statistic)]

    def _series(self, key: str, scope: Scope) -> list[SummarisedSeries]:
        found = [one for one in self.model.metrics if one.key == key and _within(one, scope)]
        return sorted(found, key=_latest_first)

    def _attribute(self, key: str) -> Sequence[FieldValue]:
        info = self.model.info
        attributes: Mapping[str, FieldValue | None] = {
            "name": info.name,
            "model_id": info.model_id,
            "model_type": info.model_type or None,
            "status": info.status.name,
            "source_run_id": info.source_run_id or None,
            "creation_timestamp": info.create_time_us,
            "last_updated_timestamp": info.update_time_us,
        }
        value = attributes[key]
        return [] if value is None else [value]


def _within(series: SummarisedSeries, scope: Scope) -> bool:
    on = measured(series.context)
    if on is None:
        return False
    return not scope or any(on.dataset_name == name and digest in ("", on.dataset_digest) for name, digest in scope)


def _latest_first(series: SummarisedSeries) -> tuple[int, int, str, str]:
    return -series.last_time_us, -series.last_step, series.subject_id, context_digest(series.context)
