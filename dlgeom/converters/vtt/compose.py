"""The text of a WebVTT file from its pieces; nothing that could break the file gets in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from dlgeom.converters.subtitles.times import clock
from dlgeom.converters.vtt.mapping import clean

__all__ = ["WrittenCue", "compose"]

_NOTE = re.compile(r"NOTE(?:[ \t\n]|\Z)")


class WrittenCue(msgspec.Struct):
    """A cue to be written.

    Parameters
    ----------
    start, end : int
        Milliseconds.
    payload : str
        Cue text without empty lines.
    id, settings : str
        One line each, "" for none.
    """

    start: int
    end: int
    payload: str
    id: str = ""
    settings: str = ""

    def text(self) -> str:
        """Return its lines."""
        times = f"{clock(self.start)} --> {clock(self.end)}"
        lines = [self.id] if self.id else []
        lines.append(f"{times} {self.settings}" if self.settings else times)
        if self.payload:
            lines.append(self.payload)
        return "\n".join(lines) + "\n"


def _header(value: object) -> str | None:
    """Return what may follow ``WEBVTT``, None if it would not come back as the same."""
    if not isinstance(value, str) or clean(value) != value:
        return None
    if value and value[0] not in " \t\n":
        return None
    if not all(line and "-->" not in line for line in value.split("\n")[1:]):
        return None
    return value


def _block(entry: object) -> tuple[int, str] | None:
    """Return (number of cues in front, text) of a block, None if it is none."""
    if not isinstance(entry, dict) or not isinstance(entry.get("text"), str):
        return None
    kind, text, before = entry.get("kind"), entry["text"], entry.get("before", 0)
    if clean(text) != text or "-->" in text or not all(text.split("\n")):
        return None
    if kind in ("style", "region"):
        # They count only in front of the first cue.
        return 0, f"{kind.upper()}\n{text}\n"
    if kind != "comment" or not _NOTE.match(text):
        return None
    place = before if isinstance(before, int) and not isinstance(before, bool) else 0
    return max(0, place), text + "\n"


def compose(cues: Sequence[WrittenCue], own: dict[str, Any]) -> tuple[str, bool]:
    r"""Return the text of a file.

    Parameters
    ----------
    cues : sequence of WrittenCue
        In the order of the file.
    own : dict
        ``header`` and ``blocks`` as `dlgeom.converters.vtt.mapping.item_data` gives them.

    Returns
    -------
    text : str
        Ends with LF.
    whole : bool
        Whether all of `own` is in it.

    Examples
    --------
    >>> compose([WrittenCue(0, 1000, "Hi")], {"header": " - a talk"})
    ('WEBVTT - a talk\n\n00:00:00.000 --> 00:00:01.000\nHi\n', True)
    """
    header = _header(own.get("header", ""))
    entries = own.get("blocks", [])
    entries = entries if isinstance(entries, list) else [entries]
    blocks = [_block(entry) for entry in entries]
    whole = header is not None and None not in blocks
    there = sorted((block for block in blocks if block is not None), key=lambda block: block[0])
    pieces = [f"WEBVTT{header or ''}\n"]
    place = 0
    for index, cue in enumerate(cues):
        while place < len(there) and there[place][0] <= index:
            pieces.append(there[place][1])
            place += 1
        pieces.append(cue.text())
    pieces += [text for _, text in there[place:]]
    return "\n".join(pieces), whole
