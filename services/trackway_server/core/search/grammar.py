"""Reading filters and orders: MLflow's grammar and more.

    filter     := or-term                                   -- empty: everything
    or-term    := and-term ( OR and-term )*
    and-term   := not-term ( AND not-term )*
    not-term   := NOT not-term | "(" or-term ")" | condition
    condition  := name ( = | == | != | <> | < | <= | > | >= ) value
                | name [NOT] ( LIKE | ILIKE | RLIKE ) 'pattern'
                | name [NOT] IN "(" value ( "," value )* ")"
                | name [NOT] BETWEEN value AND value
                | name IS [NOT] NULL
    name       := [ entity "." ] key                        -- a key with other characters: `key` or "key"
                | entity "." `key` ( .first | .last | .min | .max | .count )    -- of a metric
    value      := 'text' | "text" | number                  -- a quote inside is doubled
    order      := name [ ASC | DESC ]

Words of the grammar are written in any case. What is refused says where, and what was expected there.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import cache
from typing import Any

from lark import Discard, Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken, VisitError

from trackway_server.core.errors import DomainError
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
    invalid,
)

MAX_LENGTH = 16_384
MAX_CONDITIONS = 200
MAX_DEPTH = 64
_INT64 = range(-(2**63), 2**63)

_GRAMMAR = r"""
?filter: or_term
?or_term: and_term (OR and_term)*
?and_term: not_term (AND not_term)*
?not_term: NOT not_term -> negation
         | "(" or_term ")"
         | condition
?condition: name COMPARED value               -> comparison
          | name MATCHED text                 -> comparison
          | name NOT MATCHED text          -> not_matched
          | name IN list                   -> member
          | name NOT IN list            -> not_member
          | name BETWEEN value AND value        -> between
          | name NOT BETWEEN value AND value -> not_between
          | name IS NULL                -> absent
          | name IS NOT NULL         -> present
order: name [DIRECTION]
name: BARE | BACK_QUOTED | DOUBLE_QUOTED | ENTITY (BACK_QUOTED | DOUBLE_QUOTED) [STATISTIC]
?value: text | NUMBER -> number
text: SINGLE_QUOTED | DOUBLE_QUOTED
list: "(" value ("," value)* ")"

OR.3: /OR\b/i
AND.3: /AND\b/i
NOT.3: /NOT\b/i
IN.3: /IN\b/i
IS.3: /IS\b/i
NULL.3: /NULL\b/i
BETWEEN.3: /BETWEEN\b/i
COMPARED: "==" | "!=" | "<>" | "<=" | ">=" | "=" | "<" | ">"
MATCHED.3: /(LIKE|ILIKE|RLIKE)\b/i
DIRECTION.3: /(ASC|DESC)\b/i
ENTITY.4: /[A-Za-z_]\w*\.(?=[`"])/
STATISTIC: /\.(?:first|last|min|max|count)\b/
BARE: /[A-Za-z_][\w\/:.@-]*/
BACK_QUOTED: /`[^`]*`/
DOUBLE_QUOTED: /"(?:[^"]|"")*"/
SINGLE_QUOTED: /'(?:[^']|'')*'/
NUMBER: /[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])/
%ignore /\s+/
"""

_WORDS = frozenset({"OR", "AND", "NOT", "IN", "IS", "NULL", "BETWEEN"})

_OPERATORS = {"==": Operator.EQUAL, "<>": Operator.NOT_EQUAL, **{operator.value: operator for operator in Operator}}

_EXPECTED = {
    "AND": "AND",
    "OR": "OR",
    "COMPARED": "a comparison",
    "MATCHED": "LIKE",
    "BARE": "a name",
    "SINGLE_QUOTED": "a text in quotes",
    "NUMBER": "a number",
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": "a comma",
    "IN": "IN",
    "IS": "IS",
    "NULL": "NULL",
    "BETWEEN": "BETWEEN",
    "NOT": "NOT",
    "DIRECTION": "ASC or DESC",
    "$END": "the end",
}
"""What a person calls the parser's terminals; those without a word of their own go with one that has."""


def parse_filter(text: str) -> Filter | None:
    """The tree of a filter; None for an empty one. Raises FILTER_INVALID with the position and what was expected."""
    if len(text) > MAX_LENGTH:
        raise invalid(f"is {len(text):,} characters long; at most {MAX_LENGTH:,} are taken", MAX_LENGTH)
    if not text.strip():
        return None
    _check_depth(text)
    tree: Filter = _read(text, "filter")
    return tree


def parse_order(text: str) -> Order:
    """One term of an order. Raises FILTER_INVALID with the position and what was expected."""
    if len(text) > MAX_LENGTH:
        raise invalid(f"is {len(text):,} characters long; at most {MAX_LENGTH:,} are taken", MAX_LENGTH)
    order: Order = _read(text, "order")
    return order


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, start=["filter", "order"], parser="lalr", propagate_positions=False, maybe_placeholders=False)


def _read(text: str, start: str) -> Any:
    try:
        return _Builder().transform(_parser().parse(text, start=start))
    except VisitError as error:
        if isinstance(error.orig_exc, DomainError):
            raise error.orig_exc from None
        raise
    except UnexpectedInput as error:
        raise _unexpected(text, error) from None


def _unexpected(text: str, error: UnexpectedInput) -> DomainError:
    if isinstance(error, UnexpectedCharacters):
        expected, position = error.allowed or set(), int(error.pos_in_stream or 0)
    else:
        assert isinstance(error, UnexpectedToken)
        expected = set(error.accepts or error.expected)
        position = len(text.rstrip()) if error.token.type == "$END" else int(error.token.start_pos or 0)
    words = [word for terminal, word in _EXPECTED.items() if terminal in expected]
    found = text[position : position + 20].strip()
    what = f"has {found!r} where" if found else "ends where"
    if found[:1] in {"'", '"', "`"} and found.count(found[0]) == 1 and text.count(found[0], position) == 1:
        return invalid(f"has a {found[0]} that is not closed", position)
    return invalid(f"{what} {_listed(words)} was expected", position)


def _listed(words: list[str]) -> str:
    if len(words) < 2:
        return words[0] if words else "something else"
    return f"{', '.join(words[:-1])} or {words[-1]}"


_QUOTED = re.compile(r"`[^`]*`|\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*'|[()]|\bNOT\b", re.IGNORECASE)


def _check_depth(text: str) -> None:
    """Refuse what would nest deeper than its readers can follow, before anything recurses."""
    depth = negations = 0
    for found in _QUOTED.finditer(text):
        word = found[0]
        if word == "(":
            depth += 1
        elif word == ")":
            depth -= 1
        elif word.upper() == "NOT":
            negations += 1
        if depth > MAX_DEPTH or negations > MAX_CONDITIONS:
            raise invalid(f"nests deeper than {MAX_DEPTH}, or says NOT too often", found.start())


class _Builder(Transformer[Token, Any]):
    """From the parser's tree to ours."""

    def __init__(self) -> None:
        super().__init__()
        self._conditions = 0

    def __default_token__(self, token: Token) -> Any:
        return Discard if token.type in _WORDS else token

    def or_term(self, operands: list[Filter]) -> Or:
        return Or(tuple(operands))

    def and_term(self, operands: list[Filter]) -> And:
        return And(tuple(operands))

    def negation(self, operands: list[Filter]) -> Not:
        return Not(operands[0])

    def comparison(self, parts: list[Any]) -> Comparison:
        name, operator, value = parts
        self._count(name)
        return Comparison(name, _OPERATORS[operator.upper()], value)

    def not_matched(self, parts: list[Any]) -> Not:
        return Not(self.comparison(parts))

    def member(self, parts: list[Any]) -> Membership:
        name, values = parts
        self._count(name, len(values))
        return Membership(name, values)

    def not_member(self, parts: list[Any]) -> Membership:
        return replace(self.member(parts), negated=True)

    def between(self, parts: list[Any]) -> Between:
        self._count(parts[0])
        return Between(*parts)

    def not_between(self, parts: list[Any]) -> Not:
        return Not(self.between(parts))

    def absent(self, parts: list[Any]) -> IsNull:
        self._count(parts[0])
        return IsNull(parts[0])

    def present(self, parts: list[Any]) -> Not:
        return Not(self.absent(parts))

    def order(self, parts: list[Any]) -> Order:
        descending = parts[1].upper() == "DESC" if len(parts) > 1 else None
        return Order(parts[0], descending)

    def name(self, parts: list[Token]) -> Name:
        first = parts[0]
        position = int(first.start_pos or 0)
        if len(parts) > 1:
            statistic = str(parts[2][1:]) if len(parts) > 2 else ""
            return Name(str(first[:-1]), _unquoted(parts[1]), bare=False, position=position, statistic=statistic)
        if first.type != "BARE":
            return Name(None, _unquoted(first), bare=False, position=position)
        entity, dot, key = first.partition(".")
        if dot and not key:
            raise invalid(f"has a name that ends in a dot, {str(first)!r}", position)
        return Name(str(entity) if dot else None, str(key if dot else entity), bare=True, position=position)

    def text(self, parts: list[Token]) -> Value:
        return Value(_unquoted(parts[0]), int(parts[0].start_pos or 0))

    def number(self, parts: list[Token]) -> Value:
        token = parts[0]
        position = int(token.start_pos or 0)
        if len(token) > 40:
            raise invalid("has a number of more than 40 characters", position)
        if re.fullmatch(r"[+-]?\d+", token) and int(token) in _INT64:
            return Value(int(token), position)
        number = float(token)
        if math.isinf(number):
            raise invalid(f"has a number that is too large, {str(token)!r}", position)
        return Value(number, position)

    def list(self, parts: list[Value]) -> tuple[Value, ...]:
        return tuple(parts)

    def _count(self, name: Name, conditions: int = 1) -> None:
        self._conditions += conditions
        if self._conditions > MAX_CONDITIONS:
            raise invalid(f"has more than {MAX_CONDITIONS} conditions", name.position)


def _unquoted(token: Token) -> str:
    quote, inner = token[0], token[1:-1]
    return str(inner) if quote == "`" else inner.replace(quote * 2, quote)
