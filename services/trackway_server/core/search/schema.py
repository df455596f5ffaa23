"""What can be searched, and the meaning that a filter has for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from trackway_server.core.errors import DomainError
from trackway_server.core.search import syntax, times
from trackway_server.core.search.conditions import (
    EVERYTHING,
    AllOf,
    AnyOf,
    Condition,
    Field,
    Negation,
    NumberTest,
    Ordering,
    Present,
    Search,
    Shape,
    Source,
    Statistic,
    Term,
    TextIn,
    TextTest,
)
from trackway_server.core.search.patterns import problem_of
from trackway_server.core.search.syntax import Name, Operator, Value, invalid

MAX_ORDERS = 10


class Kind(Enum):
    """What values an attribute has."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Schema:
    """The fields of one sort of object.

    `entities` are the words before the dot, in lower case, by what they mean; a name without one is an attribute.
    `attributes` are canonical names with their kind, `aliases` other names for them. `datasets` are what is known of a
    data set. `optional` attributes may be absent, `shapes` are those in orders that differ from the kind. Orders end
    with `default_order`, whose last term identifies an object. `stored_as`: tags that stand as something else.
    """

    entities: Mapping[str, Source]
    attributes: Mapping[str, Kind]
    aliases: Mapping[str, str]
    datasets: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    default_order: tuple[tuple[str, bool], ...] = ()
    stored_as: Mapping[Field, Field] = field(default_factory=dict)

    def search(self, filter_text: str, orders: Sequence[str], now_us: int) -> Search:
        """What to search for. Raises FILTER_INVALID."""
        return Search(self.read(filter_text, now_us), self.read_orders(orders))

    def read(self, text: str, now_us: int) -> Term:
        """The meaning of a filter. Raises FILTER_INVALID with the position and what was expected."""
        # Loaded with the first filter: the parser is a sixth of a server's start.
        from trackway_server.core.search.grammar import parse_filter

        tree = parse_filter(text) if text else None
        return EVERYTHING if tree is None else _Reader(self, now_us).term(tree)

    def read_orders(self, texts: Sequence[str]) -> tuple[Ordering, ...]:
        """The meaning of an order's terms, completed; a field named twice is refused. Raises FILTER_INVALID."""
        if len(texts) > MAX_ORDERS:
            raise invalid(f"has an order of {len(texts)} terms; at most {MAX_ORDERS} are taken", 0)
        orders: dict[Field, Ordering] = {}
        for text in texts:
            try:
                self._read_order(text, orders)
            except DomainError as error:
                raise DomainError(
                    error.reason, error.message.replace("The filter", "The order", 1), **error.metadata
                ) from None
        for key, descending in self.default_order:
            field = Field(Source.ATTRIBUTE, key)
            orders.setdefault(field, self._ordering(field, descending=descending))
        return tuple(orders.values())

    def _read_order(self, text: str, orders: dict[Field, Ordering]) -> None:
        from trackway_server.core.search.grammar import parse_order

        parsed = parse_order(text)
        field = _Reader(self, 0).field(parsed.name)
        if field in orders:
            raise invalid(f"names {str(parsed.name)!r} twice", parsed.name.position)
        if field.source is Source.DATASET:
            raise invalid("names a data set: a run may have several", parsed.name.position)
        orders[field] = self._ordering(field, descending=bool(parsed.descending))

    def _ordering(self, field: Field, *, descending: bool) -> Ordering:
        match field.source:
            case Source.METRIC:
                shape = Shape.INTEGER if field.statistic is Statistic.COUNT else Shape.NUMBER
            case Source.PARAM:
                shape = Shape.TYPED
            case Source.TAG | Source.DATASET:
                shape = Shape.TEXT
            case Source.ATTRIBUTE:
                text = self.attributes[field.key] is Kind.TEXT
                shape = self.shapes.get(field.key, Shape.TEXT if text else Shape.INTEGER)
        optional = field.source is not Source.ATTRIBUTE or field.key in self.optional
        return Ordering(field, descending, shape, optional)


_ENTITY_WORDS = {
    Source.METRIC: "metrics.",
    Source.PARAM: "params.",
    Source.TAG: "tags.",
    Source.DATASET: "datasets.",
}
_ORDER_OPERATORS = (Operator.LESS, Operator.LESS_EQUAL, Operator.GREATER, Operator.GREATER_EQUAL)


@dataclass(frozen=True, slots=True)
class _Reader:
    schema: Schema
    now_us: int

    def term(self, tree: syntax.Filter) -> Term:
        match tree:
            case syntax.And(operands):
                return AllOf(tuple(map(self.term, operands)))
            case syntax.Or(operands):
                return AnyOf(tuple(map(self.term, operands)))
            case syntax.Not(operand):
                return Negation(self.term(operand))
            case _:
                return self._condition(tree)

    def _condition(self, tree: syntax.Comparison | syntax.Membership | syntax.Between | syntax.IsNull) -> Term:
        match tree:
            case syntax.IsNull(name):
                return Negation(Condition(self.field(name), Present()))
            case syntax.Membership(name, values, negated):
                return self._member(name, values, negated=negated)
            case syntax.Between(name, low, high):
                return AllOf(
                    (self._compared(name, Operator.GREATER_EQUAL, low), self._compared(name, Operator.LESS_EQUAL, high))
                )
            case syntax.Comparison(name, operator, value):
                return self._compared(name, operator, value)

    def field(self, name: Name) -> Field:
        """What a name stands for."""
        source = Source.ATTRIBUTE if name.entity is None else self.schema.entities.get(name.entity.lower())
        if source is None:
            raise invalid(f"names {name.entity!r}, which is none of {', '.join(self._entities())}", name.position)
        if name.statistic and source is not Source.METRIC:
            raise invalid(f"names {str(name)!r}; only metrics have a .{name.statistic}", name.position)
        match source:
            case Source.ATTRIBUTE:
                return Field(source, self._attribute(name))
            case Source.DATASET:
                if name.key not in self.schema.datasets:
                    raise invalid(
                        f"names {str(name)!r}; of a data set there are {', '.join(sorted(self.schema.datasets))}",
                        name.position,
                    )
                return Field(source, name.key)
            case Source.METRIC:
                return _metric(name)
            case _:
                named = Field(source, name.key)
                return self.schema.stored_as.get(named, named)

    def _entities(self) -> list[str]:
        return ["attributes.", *(word for source, word in _ENTITY_WORDS.items() if source in self._sources())]

    def _sources(self) -> set[Source]:
        return set(self.schema.entities.values())

    def _attribute(self, name: Name) -> str:
        canonical = self.schema.aliases.get(name.key, name.key)
        if canonical not in self.schema.attributes:
            known = ", ".join(sorted(self.schema.attributes))
            hint = " or metrics.NAME, params.NAME, tags.NAME" if Source.PARAM in self._sources() else " or tags.NAME"
            raise invalid(f"names {name.key!r}, which is no attribute; write {known}{hint}", name.position)
        return canonical

    def _kind(self, field: Field) -> Kind:
        match field.source:
            case Source.ATTRIBUTE:
                return self.schema.attributes[field.key]
            case Source.METRIC:
                return Kind.NUMBER
            case _:
                return Kind.TEXT

    def _member(self, name: Name, values: tuple[Value, ...], *, negated: bool) -> Term:
        field = self.field(name)
        if self._kind(field) is Kind.TEXT and all(isinstance(value.content, str) for value in values):
            return Condition(field, TextIn(tuple(str(value.content) for value in values), negated))
        found = AnyOf(tuple(self._compared(name, Operator.EQUAL, value) for value in values))
        if not negated:
            return found
        return AllOf((Condition(field, Present()), Negation(found)))

    def _compared(self, name: Name, operator: Operator, value: Value) -> Term:
        field = self.field(name)
        match self._kind(field):
            case Kind.NUMBER:
                return _number(name, field, operator, value)
            case Kind.TIME:
                return _time(name, field, operator, value, self.now_us)
            case Kind.TEXT:
                return _text(name, field, operator, value)


def _metric(name: Name) -> Field:
    """`loss`, or one of its statistics: `loss.min`, or "a key in quotes".min."""
    if name.statistic:
        return Field(Source.METRIC, name.key, Statistic(name.statistic))
    base, dot, word = name.key.rpartition(".")
    if name.bare and dot and base and word in {statistic.value for statistic in Statistic}:
        return Field(Source.METRIC, base, Statistic(word), whole_key=name.key)
    return Field(Source.METRIC, name.key)


def _number(name: Name, field: Field, operator: Operator, value: Value) -> Term:
    if operator.matches_pattern or isinstance(value.content, str):
        raise invalid(f"compares {str(name)!r}, a number, with text; write a number without quotes", value.position)
    return Condition(field, NumberTest(operator, _as_stored(field, value.content)))


def _as_stored(field: Field, number: int | float) -> int | float:
    """Values of metrics and numbers of params are IEEE doubles, counts are whole."""
    exact = field.source is Source.ATTRIBUTE or field.statistic is Statistic.COUNT
    return number if exact else float(number)


def _text(name: Name, field: Field, operator: Operator, value: Value) -> Term:
    if not isinstance(value.content, str):
        if field.source is not Source.PARAM or operator.matches_pattern:
            raise invalid(f"compares {str(name)!r}, a text, with a number; put it in quotes", value.position)
        return Condition(field, NumberTest(operator, float(value.content)))
    if operator in _ORDER_OPERATORS:
        advice = "; leave out the quotes to compare numbers" if field.source is Source.PARAM else ""
        raise invalid(
            f"compares {str(name)!r}, a text, with {operator.value}; write = != LIKE or IN{advice}", name.position
        )
    if operator is Operator.RLIKE and (problem := problem_of(value.content)):
        raise invalid(f"has a regular expression that cannot be used: {problem}", value.position)
    return Condition(field, TextTest(operator, value.content))


def _time(name: Name, field: Field, operator: Operator, value: Value, now_us: int) -> Term:
    if operator.matches_pattern:
        raise invalid(f"matches {str(name)!r}, a time, with a pattern; write = != < <= > >=", name.position)
    content = value.content
    try:
        span = times.span_of_text(content, now_us) if isinstance(content, str) else times.span_of_milliseconds(content)
    except OverflowError:
        span = None
    if span is None or not _storable(span):
        raise invalid(
            f"has {content!r} for a time; write milliseconds since 1970, '2026-11-23', '2026-11-23T14:30' or 'now-7d'",
            value.position,
        )
    return _SPANS[operator](field, span)


def _storable(span: times.Span) -> bool:
    return span[0] >= -(2**63) and span[1] < 2**63


def _at_least(field: Field, number: int) -> Condition:
    return Condition(field, NumberTest(Operator.GREATER_EQUAL, number))


def _less(field: Field, number: int) -> Condition:
    return Condition(field, NumberTest(Operator.LESS, number))


_SPANS: Mapping[Operator, Callable[[Field, times.Span], Term]] = {
    Operator.EQUAL: lambda field, span: AllOf((_at_least(field, span[0]), _less(field, span[1]))),
    Operator.NOT_EQUAL: lambda field, span: AnyOf((_less(field, span[0]), _at_least(field, span[1]))),
    Operator.LESS: lambda field, span: _less(field, span[0]),
    Operator.LESS_EQUAL: lambda field, span: _less(field, span[1]),
    Operator.GREATER: lambda field, span: _at_least(field, span[1]),
    Operator.GREATER_EQUAL: lambda field, span: _at_least(field, span[0]),
}
"""How a time compares with a span: it equals what lies within."""
