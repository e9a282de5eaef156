"""Words of an expression, each with its column."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from dlgeom.errors import UsageError

__all__ = ["ExpressionError", "Token", "tokens"]

MAX_LENGTH = 65_536
_TOKEN = re.compile(
    r"""(?P<blank>\s+)
    | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<number>[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)
    | (?P<name>[^\W\d]\w*(?:\.\w[\w-]*)*)
    | (?P<mark>==|!=|<=|>=|!~|&&|\|\||<>|[<>~()\[\],.=!])""",
    re.VERBOSE | re.DOTALL,
)
_WORDS = {"and", "or", "not", "in", "true", "false", "null", "none"}
_INSTEAD = {"&&": "and", "||": "or", "!": "not", "<>": "!=", "=": "=="}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)


class ExpressionError(UsageError):
    """An expression that cannot be read; the message shows it with ``^^^`` before the place."""

    def __init__(self, text: str, column: int, message: str) -> None:
        self.column = column
        shown, place = _excerpt(text, column)
        super().__init__(f"column {column + 1}: {message} In: {shown[:place]}^^^{shown[place:]}")


def _excerpt(text: str, column: int, room: int = 60) -> tuple[str, int]:
    start = max(0, column - room)
    return text[start : column + room], column - start


class Token(msgspec.Struct, frozen=True):
    """One word.

    Parameters
    ----------
    kind : str
        ``text``, ``number``, ``name`` (with the keys behind its dots), ``word`` (and, or, not, in,
        true, false, null), ``mark`` or ``end``.
    value : object
        Text without quotes, the number, or the word itself.
    column : int
        Counted from 0.
    """

    kind: str
    value: Any
    column: int


def tokens(text: str) -> list[Token]:
    """Split an expression.

    Raises
    ------
    ExpressionError
        If it has something that is no word of it.
    """
    if len(text) > MAX_LENGTH:
        raise UsageError(f"the expression has {len(text)} characters; it may have {MAX_LENGTH}")
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            if text[at] in "'\"":
                raise ExpressionError(text, at, "this quote is not closed.")
            raise ExpressionError(text, at, f"{text[at]!r} has no meaning here.")
        kind, value = str(match.lastgroup), match[0]
        if kind != "blank":
            found.append(_token(text, kind, value, at))
        at = match.end()
    found.append(Token("end", "", len(text)))
    return found


def _token(text: str, kind: str, value: str, at: int) -> Token:
    if kind == "text":
        return Token(kind, _ESCAPE.sub(_unescaped, value[1:-1]), at)
    if kind == "number":
        after = text[at + len(value) : at + len(value) + 1]
        if after.isalnum() or after == "_":
            raise ExpressionError(text, at, f"{value + after!r}... is no number; quote texts.")
        plain = re.fullmatch(r"[-+]?[0-9]{1,4000}", value)
        return Token(kind, int(value) if plain else float(value), at)
    if kind == "name" and value.lower() in _WORDS:
        return Token("word", value.lower().replace("none", "null"), at)
    if value in _INSTEAD:
        raise ExpressionError(
            text, at, f"{value!r} is no operator here. Did you mean {_INSTEAD[value]!r}?"
        )
    return Token(kind, value, at)


def _unescaped(found: re.Match[str]) -> str:
    if found[1]:
        return chr(int(found[1], 16))
    return _ESCAPES.get(found[2], found[2])
