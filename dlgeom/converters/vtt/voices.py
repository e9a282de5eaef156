"""Who says what in a cue: voice spans, or names in front of the text where that is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from dlgeom.converters.vtt.cuetext import (
    Node,
    Text,
    Timestamp,
    collapsed,
    parse_cue_text,
    unescaped,
)
from dlgeom.converters.vtt.timing import BLANKS
from dlgeom.limits import DEFAULT_LIMITS

__all__ = ["Part", "parts_of"]

_DASHES = "-\u2010\u2011\u2012\u2013\u2014"
_BETWEEN = re.compile(rf"[{BLANKS}]*[{_DASHES}]?[{BLANKS}]*")
_NEXT = re.compile(rf"\n[{BLANKS}]*[{_DASHES}]?[{BLANKS}]*\Z")
# A name starts with a letter, has no punctuation of sentences and no more than six words:
# "10:30 Meeting: now" has no speaker.
_PREFIX = re.compile(
    rf"(?:[{_DASHES}][ \t]*)?([^\W\d_][^\n:,;!?\"<>]{{0,63}}):[ \t]+(?=[^ \t\n])([^\n]*)\Z"
)
_WORDS = 6
# What most cues with a voice are: one span around text without tags.
_ONE = re.compile(r"<v[ \t]([^<>&]*)>([^<]*)(?:</v>)?")


class Part(NamedTuple):
    """What one voice says.

    Parameters
    ----------
    text : str
        Plain text.
    voice : str, optional
        Who says it; None where nobody is named.
    """

    text: str
    voice: str | None


def _runs(
    children: list[Node | Text | Timestamp], current: int, names: list[str]
) -> Iterator[tuple[int, str]]:
    """Yield (voice, text) of each text node; voices are numbered by their spans, -1 for none."""
    for child in children:
        if isinstance(child, Text):
            yield current, child.value
        elif isinstance(child, Node):
            inner = current
            if child.name == "v" and child.value:
                names.append(child.value)
                inner = len(names) - 1
            yield from _runs(child.children, inner, names)


def parts_of(
    payload: str, *, joined: bool = False, prefix: bool = False, depth: int = DEFAULT_LIMITS.depth
) -> list[Part]:
    r"""Return what is said in a cue, by voices, in order; at least one part.

    A voice span around all of the text gives one part with the whole text. Otherwise each span is
    a part, and so is text outside of all spans unless it is only the dash that starts a line.

    Parameters
    ----------
    payload : str
        Cue text as in the file.
    joined : bool
        Whether all is one part; it names a voice only if that is the only one.
    prefix : bool
        Whether ``Name: text`` names the speaker in cues without voice spans.
    depth : int
        How many tags may be inside of each other.

    Raises
    ------
    LimitError
        ``limit.depth``.

    Examples
    --------
    >>> parts_of("<v Bob>Fish &amp; <i>chips</i>")
    [Part(text='Fish & chips', voice='Bob')]
    >>> parts_of("- <v Ann>Hi</v>\n- <v Bob>Yo</v>")
    [Part(text='Hi', voice='Ann'), Part(text='Yo', voice='Bob')]
    >>> parts_of("John Smith: Hello", prefix=True)
    [Part(text='Hello', voice='John Smith')]
    """
    if "<" not in payload:
        text = unescaped(payload)
        return _prefixed(text, joined) if prefix else [Part(text, None)]
    one = _ONE.fullmatch(payload)
    if one is not None and (name := collapsed(one[1])):
        return [Part(unescaped(one[2]), name)]
    names: list[str] = []
    runs = list(_runs(parse_cue_text(payload, depth=depth), -1, names))
    whole = "".join(text for _, text in runs)
    if not names:
        return _prefixed(whole, joined) if prefix else [Part(whole, None)]
    outside = [text for voice, text in runs if voice < 0]
    if len(names) == 1 and not "".join(outside).strip(BLANKS):
        return [Part(whole, names[0])]
    if joined:
        alone = len(set(names)) == 1 and all(_BETWEEN.fullmatch(text) for text in outside)
        return [Part(whole, names[0] if alone else None)]
    return _split(runs, names) or [Part(whole, names[0])]


def _split(runs: list[tuple[int, str]], names: list[str]) -> list[Part]:
    merged: list[tuple[int, list[str]]] = []
    for voice, text in runs:
        if merged and merged[-1][0] == voice:
            merged[-1][1].append(text)
        else:
            merged.append((voice, [text]))
    parts = []
    for voice, texts in merged:
        text = "".join(texts)
        if voice < 0 and _BETWEEN.fullmatch(text):
            continue
        # The dash of the next line belongs to the next voice.
        text = _NEXT.sub("", text).strip(BLANKS)
        if text:
            parts.append(Part(text, None if voice < 0 else names[voice]))
    return parts


def _prefixed(text: str, joined: bool) -> list[Part]:
    """Return the parts of a text in which names stand before a colon."""
    parts: list[tuple[str, list[str]]] = []
    for line in text.split("\n"):
        found = _PREFIX.match(line)
        if found is not None and len(found[1].split()) <= _WORDS:
            parts.append((found[1].strip(), [found[2]]))
        elif parts:
            parts[-1][1].append(line)
        else:
            return [Part(text, None)]
    if joined and len({name for name, _ in parts}) > 1:
        return [Part(text, None)]
    if joined:
        return [Part("\n".join("\n".join(lines) for _, lines in parts), parts[0][0])]
    return [Part("\n".join(lines), name) for name, lines in parts]
