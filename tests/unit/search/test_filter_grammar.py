"""The grammar of filters: what is written is what is read, and what is not understood says where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.search.grammar import MAX_CONDITIONS, MAX_DEPTH, MAX_LENGTH, parse_filter, parse_order
from trackway_server.core.search.syntax import (
    And,
    Between,
    Comparison,
    Filter,
    IsNull,
    Membership,
    Name,
    Not,
    Operator,
    Or,
    Order,
    Value,
)

COMPARED = [operator for operator in Operator if not operator.matches_pattern]
MATCHED = [operator for operator in Operator if operator.matches_pattern]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
values = st.builds(Value, texts | numbers, st.just(0))
names = st.builds(
    Name,
    st.none() | st.sampled_from(["metrics", "params", "tags"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="`"), max_size=12),
    bare=st.just(False),
    position=st.just(0),
) | st.builds(
    Name,
    st.just("metrics"),
    texts.map(lambda text: text.replace("`", "")),
    st.just(False),
    st.just(0),
    st.just("max"),
)
conditions = (
    st.builds(Comparison, names, st.sampled_from(COMPARED), values)
    | st.builds(Comparison, names, st.sampled_from(MATCHED), st.builds(Value, texts, st.just(0)))
    | st.builds(Membership, names, st.lists(values, min_size=1, max_size=3).map(tuple))
    | st.builds(Between, names, values, values)
    | st.builds(IsNull, names)
)
filters = st.recursive(
    conditions,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple))
        | st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=8,
)


def written(tree: Filter) -> str:
    """A filter as text, every part of it in parentheses."""
    match tree:
        case Comparison(name, operator, value):
            return f"{_name(name)} {operator.value} {_value(value)}"
        case Membership(name, listed):
            return f"{_name(name)} IN ({', '.join(map(_value, listed))})"
        case Between(name, low, high):
            return f"{_name(name)} between {_value(low)} and {_value(high)}"
        case IsNull(name):
            return f"{_name(name)} is Null"
        case Not(operand):
            return f"not ({written(operand)})"
        case And(operands):
            return "(" + ") AND (".join(map(written, operands)) + ")"
        case Or(operands):
            return "(" + ") or (".join(map(written, operands)) + ")"


def _name(name: Name) -> str:
    statistic = f".{name.statistic}" if name.statistic else ""
    return ("" if name.entity is None else f"{name.entity}.") + f"`{name.key}`" + statistic


def _value(value: Value) -> str:
    return repr(value.content) if not isinstance(value.content, str) else "'" + value.content.replace("'", "''") + "'"


def _bare_of_place(tree: Filter) -> Filter:
    """The same without positions."""
    match tree:
        case Comparison(name, operator, value):
            return Comparison(_name_at_0(name), operator, Value(value.content, 0))
        case Membership(name, listed):
            return Membership(_name_at_0(name), tuple(Value(value.content, 0) for value in listed))
        case Between(name, low, high):
            return Between(_name_at_0(name), Value(low.content, 0), Value(high.content, 0))
        case IsNull(name):
            return IsNull(_name_at_0(name))
        case Not(operand):
            return Not(_bare_of_place(operand))
        case And(operands):
            return And(tuple(map(_bare_of_place, operands)))
        case Or(operands):
            return Or(tuple(map(_bare_of_place, operands)))


def _name_at_0(name: Name) -> Name:
    return Name(name.entity, name.key, name.bare, 0, name.statistic)


@given(filters)
def test_what_is_written_is_read(tree: Filter) -> None:
    read = parse_filter(written(tree))
    assert read is not None
    assert _bare_of_place(read) == tree


@given(st.text(max_size=60) | st.text("andornt()'\"`=<>.%1 ", max_size=60))
def test_any_text_is_read_or_refused_with_its_place(text: str) -> None:
    try:
        parse_filter(text)
    except DomainError as refusal:
        assert refusal.reason is Reason.FILTER_INVALID
        assert 0 <= int(refusal.metadata["position"]) <= max(len(text), 1)


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_an_empty_filter_is_everything(text: str) -> None:
    assert parse_filter(text) is None


def test_and_binds_stronger_than_or() -> None:
    tree = parse_filter("a = 1 or b = 2 and not c = 3")
    assert isinstance(tree, Or)
    assert isinstance(tree.operands[1], And)
    assert isinstance(tree.operands[1].operands[1], Not)


def test_names_that_begin_with_a_word_of_the_grammar() -> None:
    tree = parse_filter("order_by = 1 AND notes LIKE 'x' or isnull IS NULL and in_time not in (1) AND android = 2")
    assert isinstance(tree, Or)


def test_names_in_every_form() -> None:
    for text, entity, key in [
        ("loss", None, "loss"),
        ("metrics.loss", "metrics", "loss"),
        ("metrics.val/loss-1:x@y", "metrics", "val/loss-1:x@y"),
        ("metrics.a.b", "metrics", "a.b"),
        ("metrics.`a b`", "metrics", "a b"),
        ('tags."mlflow.source.type"', "tags", "mlflow.source.type"),
        ("`run name`", None, "run name"),
    ]:
        tree = parse_filter(f"{text} = 1")
        assert isinstance(tree, Comparison)
        assert (tree.name.entity, tree.name.key) == (entity, key)


def test_a_key_in_quotes_may_have_a_statistic() -> None:
    for text in ("metrics.`val/acc top-1`.max = 1", 'metrics."val/acc top-1".max = 1'):
        tree = parse_filter(text)
        assert isinstance(tree, Comparison)
        assert (tree.name.key, tree.name.statistic) == ("val/acc top-1", "max")
    assert parse_order("metrics.`a b`.count DESC").name.statistic == "count"
    for text in ("metrics.`a`.median = 1", "metrics.`a`.maximum = 1", "`a`.max = 1"):
        with pytest.raises(DomainError):
            parse_filter(text)


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("status = 'FINISHED' AND", 23, "a name"),
        ("a = ", 3, "a text in quotes or a number"),
        ("a = 'x", 4, "not closed"),
        ("(a = 1", 6, ")"),
        ("a = 1 b = 2", 6, "AND, OR or the end"),
        ("a IN ()", 6, "a text in quotes or a number"),
        ("a 1", 2, "a comparison"),
        ("a LIKE 5", 7, "a text in quotes"),
        ("= 5", 0, "a name"),
        ("a = 5§", 5, "AND, OR"),
        ("a. = 5", 0, "ends in a dot"),
        ("a = 1e999", 4, "too large"),
    ],
)
def test_a_refusal_names_the_place_and_what_was_expected(text: str, position: int, expected: str) -> None:
    with pytest.raises(DomainError) as refused:
        parse_filter(text)
    assert refused.value.metadata == {"position": str(position)}
    assert expected in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "a = 1" + " AND a = 1" * MAX_CONDITIONS,
        "(" * (MAX_DEPTH + 1) + "a = 1" + ")" * (MAX_DEPTH + 1),
        "NOT " * 100_000 + "a = 1",
        "NOT " * (MAX_CONDITIONS + 1) + "a = 1",
        "a IN (" + "1," * MAX_CONDITIONS + "1)",
        "a = '" + "x" * MAX_LENGTH + "'",
        "a = 1" + "0" * 100,
    ],
    ids=["conditions", "parentheses", "long", "negations", "list", "text", "digits"],
)
def test_what_would_cost_too_much_is_refused(text: str) -> None:
    with pytest.raises(DomainError) as refused:
        parse_filter(text)
    assert refused.value.reason is Reason.FILTER_INVALID


def test_orders() -> None:
    assert parse_order("metrics.loss") == Order(Name("metrics", "loss", bare=True, position=0), None)
    assert parse_order("`a b` desc") == Order(Name(None, "a b", bare=False, position=0), descending=True)
    assert parse_order(" start_time ASC ").descending is False
    for text in ("", "a b", "a DESC ASC", "a, b", "desc desc desc"):
        with pytest.raises(DomainError):
            parse_order(text)
