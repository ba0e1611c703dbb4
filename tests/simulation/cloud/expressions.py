"""DynamoDB's expressions, as far as pynamodb writes any for us. What is not known here raises.

An expression is parsed once, into a function over an item and the values of the call.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

Value = dict[str, Any]
"""One attribute's value as it goes over the wire, e.g. ``{"S": "text"}``."""
Item = dict[str, Value]
Names = Mapping[str, str]
Values = Mapping[str, Value]
Condition = Callable[[Item, Names, Values], bool]

_TOKEN = re.compile(r"\s*(#\w+|:\w+|[A-Za-z_]+|<=|>=|<>|[=<>(),])")
_SUM = re.compile(r"if_not_exists\((?P<name>#\w+), (?P<default>:\w+)\) \+ (?P<more>:\w+)")
_SET = rf"#?\w+ = (?::\w+|{re.sub(r'[?]P<[a-z]+>', '?:', _SUM.pattern)})"
_UPDATE = re.compile(rf"(?:SET (?P<sets>{_SET}(?:, {_SET})*))? ?(?:REMOVE (?P<removes>#?\w+(?:, #?\w+)*))?")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


class UnknownExpressionError(Exception):
    """Raised for syntax that this little part of DynamoDB does not have."""


@dataclass(frozen=True)
class Update:
    """What an update expression sets, by placeholder, and what it removes."""

    sets: tuple[tuple[str, str], ...]
    removes: tuple[str, ...]

    def apply(self, item: Item, names: Names, values: Values) -> Item:
        """Return the item as it is afterwards."""
        changed = item | {names.get(name, name): _value_of(value, item, names, values) for name, value in self.sets}
        for name in self.removes:
            changed.pop(names.get(name, name), None)
        return changed


@dataclass(frozen=True)
class KeyCondition:
    """The partition that a query reads, by placeholders, and the condition on the sort key."""

    hash_name: str
    hash_value: str
    matches: Condition | None


def sort_value(value: Value) -> Any:
    """Return what DynamoDB sorts a key attribute by. Python sorts text by code points, which is UTF-8's order."""
    ((kind, content),) = value.items()
    return Decimal(content) if kind == "N" else content


@cache
def parse_condition(text: str) -> Condition:
    """Return the condition.

    Raises:
        UnknownExpressionError: if it is written in a way that is not known here.
    """
    return _Parser(text).whole()


@cache
def parse_key_condition(text: str) -> KeyCondition:
    """Return the key condition: equality of the partition key, alone or with one condition of the sort key."""
    whole = re.fullmatch(r"\(?(#\w+) = (:\w+)(?: AND (.+)\))?", text)
    if whole is None:
        raise UnknownExpressionError(text)
    return KeyCondition(whole[1], whole[2], parse_condition(whole[3]) if whole[3] else None)


@cache
def parse_update(text: str) -> Update:
    """Return the update: a SET of plain values and of counters, a REMOVE, or both."""
    whole = _UPDATE.fullmatch(text)
    if whole is None:
        raise UnknownExpressionError(text)
    sets = tuple((pair[0], pair[1]) for part in re.findall(_SET, whole["sets"] or "") for pair in [part.split(" = ")])
    return Update(sets, tuple(_split(whole["removes"])))


def _value_of(text: str, item: Item, names: Names, values: Values) -> Value:
    """Return the value that is set: one of the call, or the sum of an attribute and one."""
    added = _SUM.fullmatch(text)
    if added is None:
        return values[text]
    before = item.get(names[added["name"]], values[added["default"]])
    return {"N": str(Decimal(before["N"]) + Decimal(values[added["more"]]["N"]))}


def _split(text: str | None) -> list[str]:
    return text.split(", ") if text else []


class _Parser:
    """Recursive descent over the tokens of one condition."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _TOKEN.findall(text)
        self._at = 0
        if "".join(self._tokens) != re.sub(r"\s", "", text):
            raise UnknownExpressionError(text)

    def whole(self) -> Condition:
        """Return the condition up to the end of the text: terms of one kind need no brackets."""
        terms, words = [self.condition()], set[str]()
        while self._at < len(self._tokens):
            words.add(self._next())
            terms.append(self.condition())
        if words <= {"OR"}:
            return lambda item, names, values: any(term(item, names, values) for term in terms)
        if words == {"AND"}:
            return lambda item, names, values: all(term(item, names, values) for term in terms)
        raise UnknownExpressionError(self._text)

    def condition(self) -> Condition:
        token = self._next()
        if token == "(":
            return self._in_brackets()
        if token in ("attribute_exists", "attribute_not_exists"):
            return self._existence(wanted=token == "attribute_exists")
        if token == "begins_with":
            return self._beginning()
        if token.startswith("#"):
            return self._comparison(token)
        raise UnknownExpressionError(self._text)

    def _in_brackets(self) -> Condition:
        left = self.condition()
        word = self._next()
        right = self.condition()
        self._expect(")")
        if word == "AND":
            return lambda item, names, values: left(item, names, values) and right(item, names, values)
        if word == "OR":
            return lambda item, names, values: left(item, names, values) or right(item, names, values)
        raise UnknownExpressionError(self._text)

    def _existence(self, *, wanted: bool) -> Condition:
        self._expect("(")
        name = self._next()
        self._expect(")")
        return lambda item, names, _: (names[name] in item) is wanted

    def _beginning(self) -> Condition:
        self._expect("(")
        name = self._next()
        self._expect(",")
        start = self._next()
        self._expect(")")

        def begins(item: Item, names: Names, values: Values) -> bool:
            return bool(item.get(names[name], {}).get("S", "").startswith(values[start]["S"]))

        return begins

    def _comparison(self, name: str) -> Condition:
        operator = self._next()
        if operator == "BETWEEN":
            low = self._next()
            self._expect("AND")
            return self._between(name, low, self._next())
        value = self._next()
        if operator == "=":
            return lambda item, names, values: _equal(item.get(names[name]), values[value])
        if operator == "<>":
            return lambda item, names, values: not _equal(item.get(names[name]), values[value])
        if operator not in _COMPARISONS:
            raise UnknownExpressionError(self._text)
        compare = _COMPARISONS[operator]
        return lambda item, names, values: _ordered(item.get(names[name]), values[value], compare)

    def _between(self, name: str, low: str, high: str) -> Condition:
        at_least, at_most = _COMPARISONS[">="], _COMPARISONS["<="]

        def lies_between(item: Item, names: Names, values: Values) -> bool:
            value = item.get(names[name])
            return _ordered(value, values[low], at_least) and _ordered(value, values[high], at_most)

        return lies_between

    def _next(self) -> str:
        if self._at == len(self._tokens):
            raise UnknownExpressionError(self._text)
        self._at += 1
        token: str = self._tokens[self._at - 1]
        return token

    def _expect(self, token: str) -> None:
        if self._next() != token:
            raise UnknownExpressionError(self._text)


def _equal(value: Value | None, other: Value) -> bool:
    if value is None or value.keys() != other.keys():
        return False
    return value == other or ("N" in value and Decimal(value["N"]) == Decimal(other["N"]))


def _ordered(value: Value | None, other: Value, compare: Callable[[Any, Any], bool]) -> bool:
    return value is not None and value.keys() == other.keys() and compare(sort_value(value), sort_value(other))
