"""A WebVTT file: header, regions, style sheets, comments, cues.

A transcription of "WebVTT file parsing" and "collect a WebVTT block" of the specification
(https://www.w3.org/TR/webvtt1/#file-parsing). Nothing a file says is thrown away unseen: comments
are kept for the way back, and blocks that mean nothing are told as faults.
"""

from __future__ import annotations

import re

import msgspec

from dlgeom.converters.vtt.settings import Region, parse_region
from dlgeom.converters.vtt.timing import BLANKS, parse_timing
from dlgeom.errors import FormatError

__all__ = ["Block", "Cue", "Fault", "VttFile", "normalised", "parse_vtt"]

_NOTE = re.compile(r"NOTE(?:[ \t\n]|\Z)")


class Cue(msgspec.Struct):
    """A timed text.

    Parameters
    ----------
    start, end : int
        Milliseconds; the end may come before the start.
    text : str
        The payload as it stands in the file, lines separated by LF.
    id : str
        Identifier, "" for none.
    settings : str
        Cue settings as they stand on the timing line.
    line : int
        Number of the timing line, from 1.
    lenient : bool
        Whether the times are in a form that the specification does not know.
    """

    start: int
    end: int
    text: str
    id: str = ""
    settings: str = ""
    line: int = 0
    lenient: bool = False


class Block(msgspec.Struct):
    """A block that is no cue.

    Parameters
    ----------
    kind : str
        ``style``, ``region``, ``comment``; ``ignored`` for one that means nothing.
    text : str
        Its lines; of style sheets and regions without the first.
    before : int
        Number of cues in front of it.
    line : int
        Number of its first line, from 1.
    """

    kind: str
    text: str
    before: int = 0
    line: int = 0


class Fault(msgspec.Struct):
    """A cue that could not be read.

    Parameters
    ----------
    line : int
        Number of the line, from 1.
    code : str
        ``vtt.timing`` or ``number.range``.
    text : str
        The line.
    """

    line: int
    code: str
    text: str


class VttFile(msgspec.Struct):
    """What a file says.

    Parameters
    ----------
    header : str
        What follows ``WEBVTT`` up to the first empty line, its own line break included.
    cues : list of Cue
        In the file's order.
    blocks : list of Block
        Style sheets, regions, comments and blocks without meaning, in the file's order.
    faults : list of Fault
        Cues that could not be read.
    """

    header: str = ""
    cues: list[Cue] = msgspec.field(default_factory=list)
    blocks: list[Block] = msgspec.field(default_factory=list)
    faults: list[Fault] = msgspec.field(default_factory=list)

    @property
    def lenient(self) -> int:
        """How many cues needed the lenient reading of times."""
        return sum(cue.lenient for cue in self.cues)

    @property
    def regions(self) -> list[Region]:
        """The regions, in the file's order."""
        return [parse_region(block.text) for block in self.blocks if block.kind == "region"]

    @property
    def stylesheets(self) -> list[str]:
        """The style sheets, in the file's order."""
        return [block.text for block in self.blocks if block.kind == "style"]


def normalised(data: bytes | str) -> str:
    r"""Return the text as the specification reads it.

    Bytes are decoded as UTF-8, what is none becomes U+FFFD; one byte order mark is left out.
    NUL becomes U+FFFD, CR LF and CR become LF. Only LF ends a line after that.

    Examples
    --------
    >>> normalised(b"\xef\xbb\xbfWEBVTT\r\ra\x00\r\n")
    'WEBVTT\n\na\ufffd\n'
    """
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    text = text.removeprefix("\ufeff")
    return text.replace("\0", "\ufffd").replace("\r\n", "\n").replace("\r", "\n")


def parse_vtt(data: bytes | str, *, strict: bool = False) -> VttFile:
    r"""Read a WebVTT file.

    Parameters
    ----------
    data : bytes or str
        Its content.
    strict : bool
        Whether times in a form that the specification does not know discard their cue.

    Raises
    ------
    FormatError
        ``vtt.header`` if it does not start with ``WEBVTT``; nothing else is an error.

    Examples
    --------
    >>> file = parse_vtt("WEBVTT\n\nintro\n00:01.000 --> 00:02.000 align:start\n<v Bob>Hi")
    >>> file.cues[0].id, file.cues[0].start, file.cues[0].settings, file.cues[0].text
    ('intro', 1000, 'align:start', '<v Bob>Hi')
    """
    text = normalised(data)
    if text[:6] != "WEBVTT" or text[6:7] not in ("", " ", "\t", "\n"):
        raise FormatError(
            f"starts with {text[:12]!r}; a WebVTT file starts with WEBVTT and a blank or a line "
            "break. Is it SRT, or another format?",
            code="vtt.header",
            location="line 1",
        )
    return _Parser(text.split("\n"), strict).run()


class _Parser:
    """The state of a run over the lines of a file."""

    def __init__(self, lines: list[str], strict: bool) -> None:
        self._lines = lines
        self._strict = strict
        self._file = VttFile()

    def run(self) -> VttFile:
        """Read all lines."""
        lines = self._lines
        stop = 1
        while stop < len(lines) and lines[stop] and "-->" not in lines[stop]:
            stop += 1
        self._file.header = "\n".join(lines[:stop])[6:]
        place = stop
        while place < len(lines):
            if lines[place]:
                place = self._block(place)
            else:
                place += 1
        return self._file

    def _block(self, place: int) -> int:
        """Read the block that starts at a line; return where the next one starts."""
        lines, first = self._lines, place
        arrow = next((k for k in (0, 1) if self._has_arrow(place + k)), None)
        body = place if arrow is None else place + arrow + 1
        stop = body
        while stop < len(lines) and lines[stop] and "-->" not in lines[stop]:
            stop += 1
        text = "\n".join(lines[body:stop])
        if arrow is None:
            self._without_times(text, first)
        else:
            self._cue(body - 1, lines[first] if arrow else "", text)
        return stop

    def _has_arrow(self, place: int) -> bool:
        return place < len(self._lines) and "-->" in self._lines[place]

    def _cue(self, place: int, identifier: str, text: str) -> None:
        line = self._lines[place]
        timing = parse_timing(line, strict=self._strict)
        if timing is None:
            self._file.faults.append(Fault(place + 1, "vtt.timing", line))
        elif timing.start is None or timing.end is None:
            self._file.faults.append(Fault(place + 1, "number.range", line))
        else:
            self._file.cues.append(
                Cue(
                    timing.start,
                    timing.end,
                    text,
                    identifier,
                    timing.settings,
                    place + 1,
                    timing.lenient,
                )
            )

    def _without_times(self, text: str, place: int) -> None:
        """Take a block without a timing line."""
        head, more, rest = text.partition("\n")
        kind = "comment" if _NOTE.match(text) else "ignored"
        if more and not self._file.cues:
            # Style sheets and regions count only in front of the first cue.
            for name in ("STYLE", "REGION"):
                if head.startswith(name) and not head[len(name) :].strip(BLANKS):
                    kind, text = name.lower(), rest
        self._file.blocks.append(Block(kind, text, len(self._file.cues), place + 1))
