"""Reading expressions such as ``label == 'car' and (area > 100 or crowd)``.

A Pratt parser: each operator has a strength, and a condition goes on as long as the next operator
is stronger than what stands before it. Nothing of an expression is ever run.

    condition  = condition ("and" | "or") condition | "not" condition | "(" condition ")"
               | "any" "(" condition ")" | "exists" "(" field ")" | field
               | operand (comparison operand)+ | operand ["not"] "in" "(" literal, ... ")"
    comparison = "==" "!=" "<" "<=" ">" ">=" "~" "!~"
    operand    = field | literal
    field      = name ("." key | "." text | "[" text "]")*
"""

from __future__ import annotations

from typing import Any

from dlgeom.errors import UsageError
from dlgeom.filters.fields import PATHS, TYPES, fact_of, field_of
from dlgeom.filters.globs import clean_path
from dlgeom.filters.tokens import ExpressionError, Token, tokens
from dlgeom.filters.tree import And, AnyOf, Compare, Constant, Exists, Field, In, Node, Not, Or

__all__ = ["ExpressionError", "compare", "literal_fault", "membership", "parse"]

_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "~", "!~"})
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_OR, _AND, _NOT, _COMPARE = 1, 2, 3, 4
MAX_DEPTH = 100
MAX_TOKENS = 10_000


def parse(text: str) -> Node:
    """Return the condition that a text says.

    Raises
    ------
    ExpressionError
        If it cannot be read; says the column, and what was meant if that can be told.

    Examples
    --------
    >>> parse("score >= 0.5")
    Compare(field=Field(name='score', path=()), operator='>=', value=0.5)
    """
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        if len(self._tokens) > MAX_TOKENS:
            raise UsageError(f"the expression has more than {MAX_TOKENS} words")
        self._at = 0
        self._depth = 0

    # -- words ------------------------------------------------------------------------------

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _is(self, value: str) -> bool:
        return self._next.kind in ("mark", "word") and self._next.value == value

    def _skip(self, value: str, why: str) -> None:
        if not self._is(value):
            raise self._wrong(self._next, f"{value!r} is due {why}")
        self._at += 1

    def _wrong(self, token: Token, message: str) -> ExpressionError:
        seen = "the expression ends" if token.kind == "end" else f"there is {token.value!r}"
        return ExpressionError(self._text, token.column, f"{message}, but {seen}.")

    # -- conditions -------------------------------------------------------------------------

    def whole(self) -> Node:
        if self._next.kind == "end":
            raise ExpressionError(self._text, 0, "the expression is empty.")
        node = self._condition(0)
        if self._next.kind != "end":
            raise self._wrong(self._next, "'and', 'or' or the end is due")
        return node

    def _condition(self, strength: int) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError(
                self._text, self._next.column, f"conditions are nested more than {MAX_DEPTH} deep."
            )
        node = self._first()
        while True:
            if self._is("and") and strength < _AND:
                node = self._chain("and", _AND, And, node)
            elif self._is("or") and strength < _OR:
                node = self._chain("or", _OR, Or, node)
            else:
                self._depth -= 1
                return node

    def _chain(self, word: str, strength: int, kind: Any, first: Node) -> Node:
        parts = [first]
        while self._is(word):
            self._at += 1
            parts.append(self._condition(strength))
        node: Node = kind(tuple(parts))
        return node

    def _first(self) -> Node:
        token = self._next
        if self._is("not"):
            self._at += 1
            return Not(self._condition(_NOT))
        if self._is("("):
            self._at += 1
            node = self._condition(0)
            self._skip(")", "to close the parenthesis")
            return node
        after = self._tokens[self._at + 1] if token.kind != "end" else token
        if token.kind == "name" and (after.kind, after.value) == ("mark", "("):
            return self._call()
        return self._comparison()

    def _call(self) -> Node:
        name = self._take()
        self._at += 1
        if name.value == "exists":
            node: Node = Exists(self._field())
        elif name.value == "any":
            node = AnyOf(self._condition(0))
        else:
            raise ExpressionError(
                self._text,
                name.column,
                f"there is no function {name.value!r}; there are 'exists' and 'any'.",
            )
        self._skip(")", f"after what {name.value!r} asks for")
        return _annotated(node)

    # -- comparisons ------------------------------------------------------------------------

    def _comparison(self) -> Node:
        token = self._next
        left = self._operand()
        negated = self._is("not") and self._tokens[self._at + 1].value == "in"
        if negated or self._is("in"):
            self._at += 1 + negated
            return self._membership(left, token, negated)
        parts: list[Node] = []
        while self._next.kind == "mark" and self._next.value in _COMPARISONS:
            operator = self._take()
            right_token = self._next
            right = self._operand()
            parts.append(self._compare(left, token, operator, right, right_token))
            left, token = right, right_token
        if parts:
            return parts[0] if len(parts) == 1 else And(tuple(parts))
        return self._bare(left, token)

    def _bare(self, operand: Any, token: Token) -> Node:
        if isinstance(operand, bool):
            return Constant(operand)
        if isinstance(operand, Field):
            if fact_of(operand).kind in ("flag", "any"):
                return _annotated(Compare(operand, "==", True))
            raise self._wrong(
                self._next, f"a comparison is due behind {str(operand)!r}, which is no yes or no"
            )
        raise ExpressionError(self._text, token.column, "a value alone is no condition.")

    def _compare(
        self, left: Any, left_token: Token, operator: Token, right: Any, right_token: Token
    ) -> Node:
        sign = operator.value
        if not isinstance(left, Field):
            if not isinstance(right, Field) or sign in ("~", "!~"):
                raise ExpressionError(
                    self._text, left_token.column, "a field is due on the left side."
                )
            left, right, sign = right, left, _TURNED[sign]
            right_token = left_token
        try:
            return _annotated(compare(left, sign, right))
        except ExpressionError:
            raise
        except UsageError as error:
            raise ExpressionError(self._text, right_token.column, f"{error}.") from error

    def _membership(self, left: Any, token: Token, negated: bool) -> Node:
        if not isinstance(left, Field):
            raise ExpressionError(self._text, token.column, "a field is due in front of 'in'.")
        close = "]" if self._is("[") else ")"
        if not self._is("(") and not self._is("["):
            raise self._wrong(self._next, "a list such as ('a', 'b') is due behind 'in'")
        self._at += 1
        values: list[Any] = []
        while not self._is(close):
            at = self._next
            value = self._operand()
            if isinstance(value, Field):
                raise ExpressionError(self._text, at.column, "a list holds values, no fields.")
            if fault := literal_fault(left, "==", value):
                raise ExpressionError(self._text, at.column, f"{fault}.")
            values.append(value)
            if not self._is(close):
                self._skip(",", "between the values of a list")
        self._at += 1
        node = _annotated(membership(left, values))
        return Not(node) if negated else node

    # -- operands ---------------------------------------------------------------------------

    def _operand(self) -> Any:
        token = self._next
        if token.kind == "name":
            return self._field()
        self._at += 1
        if token.kind in ("text", "number"):
            return token.value
        if token.kind == "word" and token.value in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[token.value]
        raise self._wrong(token, "a field or a value is due")

    def _field(self) -> Field:
        first = self._take()
        if first.kind != "name":
            raise self._wrong(first, "a field is due")
        steps = first.value.split(".")
        while self._is(".") or self._is("["):
            bracket = self._take().value == "["
            step = self._take()
            if step.kind == "text":
                steps.append(step.value)
            elif step.kind in ("name", "word") and not bracket:
                steps += str(step.value).split(".")
            else:
                raise self._wrong(step, "a key in quotes is due")
            if bracket:
                self._skip("]", "behind the key")
        try:
            return field_of(steps)
        except UsageError as error:
            more = (
                "" if len(steps) > 1 or self._is("(") else f" A text has quotes: {first.value!r}."
            )
            before = self._tokens[self._at - 2].value if self._at > 1 else ""
            message = f"{error}{more if before in _COMPARISONS else ''}"
            raise ExpressionError(self._text, first.column, message) from error


def _annotated(node: Node) -> Node:
    """Replace ``image.annotated`` by what it means."""
    if isinstance(node, Compare) and node.field.name == "image.annotated":
        has = AnyOf(Constant(True))
        return has if node.value in (True, 1) else Not(has)
    if isinstance(node, In) and node.field.name == "image.annotated":
        return Or(tuple(_annotated(Compare(node.field, "==", v)) for v in node.values))
    if isinstance(node, Exists) and node.field.name == "image.annotated":
        return Constant(True)
    return Not(_annotated(node.inner)) if isinstance(node, Not) else node


# -- what both `Filters` and expressions make ---------------------------------------------------


def literal_fault(field: Field, operator: str, value: Any) -> str:
    """Return what is wrong with a literal for a field, "" if nothing is."""
    kind = fact_of(field).kind
    if value is None and operator not in ("==", "!="):
        return "null can be compared by == and != only"
    if value is None:
        return ""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if operator in ("~", "!~"):
        if not isinstance(value, str):
            return f"{operator!r} takes a pattern in quotes"
        return "" if kind in ("text", "any") else f"{str(field)!r} is no text"
    if kind == "number" and not is_number:
        return f"{str(field)!r} is a number, {value!r} is none"
    if kind == "text" and not isinstance(value, str):
        return f"{str(field)!r} is text; put {value!r} in quotes"
    if kind == "flag" and not (isinstance(value, bool) or value in (0, 1)):
        return f"{str(field)!r} is true or false, {value!r} is neither"
    if operator not in ("==", "!=") and (isinstance(value, bool) or kind == "flag"):
        return "true and false have no order"
    return ""


def _meant(field: Field, value: Any) -> Any:
    """Return a literal as the columns have it."""
    if isinstance(value, str):
        if field.name == "type":
            return TYPES.get(value, value)
        if field.name in PATHS:
            return clean_path(value)
    return value


def compare(field: Field, operator: str, value: Any) -> Node:
    """Return the comparison of a field with a literal or another field.

    Raises
    ------
    UsageError
        If they cannot be compared.
    """
    if isinstance(value, Field):
        kinds = {fact_of(field).kind, fact_of(value).kind} - {"any"}
        apart = "image.annotated" in (field.name, value.name)
        if len(kinds) > 1 or apart or operator in ("~", "!~"):
            raise UsageError(f"{str(field)!r} and {str(value)!r} cannot be compared by {operator}")
    elif fault := literal_fault(field, operator, value):
        raise UsageError(fault)
    if value is None:
        there = Exists(field)
        return there if operator == "!=" else Not(there)
    if operator in ("!=", "!~"):
        return Not(Compare(field, "==" if operator == "!=" else "~", _meant(field, value)))
    return Compare(field, operator, _meant(field, value))


def membership(field: Field, values: list[Any]) -> Node:
    """Return whether a field has one of several values."""
    node: Node = In(field, tuple(_meant(field, value) for value in values if value is not None))
    return Or((node, Not(Exists(field)))) if None in values else node
