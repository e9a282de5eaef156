"""Tags in SRT texts, and what WebVTT has of them: italic, bold, underlined."""

from __future__ import annotations

import re

from dlgeom.converters.vtt.cuetext import Node, Text, Timestamp, escaped, parse_cue_text
from dlgeom.errors import LimitError

__all__ = ["markup_of_vtt", "markup_to_vtt", "plain_text"]

# <i>, <b>, <u>, <s>, <font ...> and their ends; {\an8} and other overrides of ASS.
_TAG = re.compile(r"<(/?)(i|b|u|s|font)(?:[ \t\n][^<>]*)?>|\{\\[^{}]*\}", re.IGNORECASE)
_COMMON = ("i", "b", "u")


def plain_text(text: str) -> str:
    r"""Return the text without its tags; there are no character references.

    Examples
    --------
    >>> plain_text("{\\an8}<i>Fish</i> &amp; <font color='red'>chips</font>, 1 < 2")
    'Fish &amp; chips, 1 < 2'
    """
    return _TAG.sub("", text) if "<" in text or "{" in text else text


def markup_to_vtt(text: str) -> tuple[str, bool]:
    """Return an SRT text as WebVTT cue text, and whether all of its tags are in it.

    Examples
    --------
    >>> markup_to_vtt("<I>Fish</I> & <font color='red'>chips</font>")
    ('<i>Fish</i> &amp; chips', False)
    """
    pieces = []
    place = 0
    whole = True
    for found in _TAG.finditer(text):
        pieces.append(escaped(text[place : found.start()]))
        place = found.end()
        name = (found[2] or "").lower()
        if name in _COMMON:
            pieces.append(f"<{found[1]}{name}>")
        else:
            whole = False
    pieces.append(escaped(text[place:]))
    return "".join(pieces), whole


def markup_of_vtt(payload: str) -> tuple[str, bool]:
    """Return WebVTT cue text as an SRT text, and whether all but its voices is in it.

    Examples
    --------
    >>> markup_of_vtt("<v Bob><i.loud>Fish</i> &amp; <c.red>chips</c>")
    ('<i>Fish</i> & chips', False)
    """
    try:
        tree = parse_cue_text(payload)
    except LimitError:
        return "", False
    pieces: list[str] = []
    whole = _add(tree, pieces)
    return "".join(pieces), whole


def _add(children: list[Node | Text | Timestamp], pieces: list[str]) -> bool:
    whole = True
    for child in children:
        if isinstance(child, Text):
            pieces.append(child.value)
        elif isinstance(child, Node):
            tag = child.name in _COMMON
            pieces.append(f"<{child.name}>" if tag else "")
            inner = _add(child.children, pieces)
            pieces.append(f"</{child.name}>" if tag else "")
            whole = whole and inner and (tag or child.name == "v") and not child.classes
        else:
            whole = False
    return whole
