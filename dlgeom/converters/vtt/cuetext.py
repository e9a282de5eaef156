"""Cue text: its tags, its tree, and the plain text.

The tokenizer and the tree follow "WebVTT cue text parsing" of the specification
(https://www.w3.org/TR/webvtt1/#cue-text-parsing). All of it takes time in proportion to the text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from html.entities import html5

import msgspec

from dlgeom.converters.vtt.timing import parse_timestamp
from dlgeom.errors import LimitError
from dlgeom.limits import DEFAULT_LIMITS

__all__ = [
    "Node",
    "Text",
    "Timestamp",
    "collapsed",
    "escaped",
    "parse_cue_text",
    "plain_text",
    "unescaped",
]

_BLANKS = re.compile(r"[ \t\n\f\r]+")
_REFERENCE = re.compile(r"&(?:#([0-9]+)(;?)|#[xX]([0-9a-fA-F]+)(;?)|([A-Za-z][A-Za-z0-9]{0,31};?))")
_TAG = re.compile(r"([^ \t\n\f.]*)((?:\.[^ \t\n\f.]*)*)(?:[ \t\n\f](.*))?", re.DOTALL)
_NAMES = frozenset({"c", "i", "b", "u", "ruby", "rt", "v", "lang"})
_DIGITS = 10


class Text(msgspec.Struct, frozen=True):
    """A text node; character references are decoded."""

    value: str


class Timestamp(msgspec.Struct, frozen=True):
    """A time stamp inside of the text, in milliseconds."""

    value: int


class Node(msgspec.Struct):
    """An element.

    Parameters
    ----------
    name : str
        ``c``, ``i``, ``b``, ``u``, ``ruby``, ``rt``, ``v`` or ``lang``.
    classes : tuple of str
        Its classes in order.
    value : str
        Who speaks (``v``), or the language (``lang``); "" otherwise.
    children : list
        What is inside.
    """

    name: str
    classes: tuple[str, ...] = ()
    value: str = ""
    children: list[Node | Text | Timestamp] = msgspec.field(default_factory=list)


def collapsed(text: str) -> str:
    r"""Return text without blanks around it, and each run of ASCII white space as one blank.

    Examples
    --------
    >>> collapsed(" Ann\t\nLee ")
    'Ann Lee'
    """
    return _BLANKS.sub(" ", text).strip(" ")


def _decoded(found: re.Match[str]) -> str:
    decimal, _, hexadecimal, _, name = found.groups()
    if name is None:
        digits = (decimal or hexadecimal).lstrip("0")
        # Beyond the last character whatever follows; int() refuses very long ones.
        return "\ufffd" if len(digits) > _DIGITS else html.unescape(found[0])
    if name in html5:
        return html5[name]
    for stop in range(len(name) - 1, 1, -1):
        if name[:stop] in html5:
            return html5[name[:stop]] + name[stop:]
    return found[0]


def unescaped(text: str) -> str:
    """Decode character references as HTML does, also those without a semicolon.

    Examples
    --------
    >>> unescaped("a &amp &lt; &notit; &unknown;")
    'a & < ¬it; &unknown;'
    """
    return _REFERENCE.sub(_decoded, text) if "&" in text else text


def escaped(text: str) -> str:
    """Return text as cue text that means just that.

    Examples
    --------
    >>> escaped("a --> <b> & c")
    'a --&gt; &lt;b&gt; &amp; c'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _tokens(text: str) -> Iterator[tuple[bool, str]]:
    """Yield (whether it is a tag, text without the angle brackets)."""
    place = 0
    while place < len(text):
        start = text.find("<", place)
        if start < 0:
            yield False, text[place:]
            return
        if start > place:
            yield False, text[place:start]
        stop = text.find(">", start)
        if stop < 0:
            # A tag that never ends takes the rest of the text with it.
            yield True, text[start + 1 :]
            return
        yield True, text[start + 1 : stop]
        place = stop + 1


def plain_text(text: str) -> str:
    """Return the text nodes joined; line feeds are line breaks.

    Examples
    --------
    >>> plain_text("<v Bob>Fish &amp; <i>chips</i> <00:01.000>now"), plain_text("a <b")
    ('Fish & chips now', 'a ')
    """
    if "<" not in text:
        return unescaped(text)
    return "".join(unescaped(part) for is_tag, part in _tokens(text) if not is_tag)


def _start_tag(text: str) -> Node | None:
    """Return the element that a start tag opens, None for one that has no meaning."""
    found = _TAG.fullmatch(text)
    if found is None or found[1] not in _NAMES:
        return None
    classes = tuple(name for name in found[2].split(".") if name)
    value = ""
    if found[1] in ("v", "lang"):
        value = collapsed(unescaped(found[3] or ""))
    return Node(found[1], classes, value)


def parse_cue_text(
    text: str, *, depth: int = DEFAULT_LIMITS.depth
) -> list[Node | Text | Timestamp]:
    """Return the tree of a cue text.

    Parameters
    ----------
    text : str
        The payload of a cue.
    depth : int
        How many elements may be inside of each other.

    Raises
    ------
    LimitError
        ``limit.depth``.

    Examples
    --------
    >>> parse_cue_text("<v.loud Bob>Hi</v>")
    [Node(name='v', classes=('loud',), value='Bob', children=[Text(value='Hi')])]
    """
    root = Node("")
    path = [root]
    waiting: list[str] = []

    def flush() -> None:
        # Text with only meaningless tags in between is one text node.
        if waiting:
            path[-1].children.append(Text("".join(waiting)))
            waiting.clear()

    for is_tag, part in _tokens(text):
        top = path[-1]
        if not is_tag:
            waiting.append(unescaped(part))
        elif part.startswith("/"):
            name = part[1:]
            if len(path) > 1 and top.name == name:
                flush()
                path.pop()
            elif name == "ruby" and top.name == "rt":
                flush()
                del path[-2:]
        elif part[:1] and part[0] in "0123456789":
            time = parse_timestamp(part)
            if time is not None:
                flush()
                top.children.append(Timestamp(time))
        else:
            node = _start_tag(part)
            if node is None or (node.name == "rt" and top.name != "ruby"):
                continue
            if len(path) > depth:
                raise LimitError(
                    f"has more than {depth} tags inside of each other (limit depth). "
                    f"Close them, or raise it with --limit depth={depth + 1}",
                    code="limit.depth",
                )
            flush()
            top.children.append(node)
            path.append(node)
    flush()
    return root.children
