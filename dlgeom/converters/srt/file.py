"""A SubRip file: cues with numbers and times.

There is no specification; this is what files in the wild need. A cue starts at its timing line;
a number in front of it is not needed and need not be right. A blank line ends a cue only if
another one follows, so that texts may have blank lines.
"""

from __future__ import annotations

import re

import msgspec

from dlgeom.converters.subtitles.times import clock, to_milliseconds

__all__ = ["Cue", "Fault", "SrtFile", "parse_srt", "srt_text"]

_STAMP = r"([0-9]+):([0-5]?[0-9]):([0-5]?[0-9])(?:[.,]([0-9]{1,3}))?"
_TIMING = re.compile(rf"[ \t]*{_STAMP}[ \t]*-->[ \t]*{_STAMP}(?:[ \t]+(.*))?[ \t]*")
# Also what only looks like a time: it is told, and not taken for text.
_LIKE_TIMING = re.compile(r"[ \t]*[-+]?\d+[ \t]*:")
# What is left of a timing line where a file was cut, or its arrow is missing.
_CUT_TIMING = re.compile(
    rf"[ \t]*[0-9]{{1,3}}:(?:[0-9]{{0,2}}|[0-9]{{1,2}}:[0-9]{{0,2}}(?:[.,][0-9]{{0,3}})?)"
    rf"(?:[ \t]+-{{0,2}}>?[ \t]*(?:{_STAMP})?)?[ \t]*"
)
_NUMBER = re.compile(r"[ \t]*([-+]?[0-9]+)[ \t]*")
_DIGITS = 18


class Cue(msgspec.Struct):
    """A timed text.

    Parameters
    ----------
    start, end : int
        Milliseconds.
    text : str
        As it stands in the file, lines separated by LF, without blank lines around it.
    coordinates : str
        What follows the end time (``X1:... Y2:...``), "" for nothing.
    line : int
        Number of the timing line, from 1.
    """

    start: int
    end: int
    text: str
    coordinates: str = ""
    line: int = 0


class Fault(msgspec.Struct):
    """Something that is not as it should be.

    Parameters
    ----------
    line : int
        Number of the line, from 1.
    code : str
        ``srt.number`` (nothing is lost), ``srt.timing`` or ``number.range`` (the cue is).
    text : str
        What is wrong.
    """

    line: int
    code: str
    text: str


class SrtFile(msgspec.Struct):
    """The cues of a file in its order, and what was wrong."""

    cues: list[Cue] = msgspec.field(default_factory=list)
    faults: list[Fault] = msgspec.field(default_factory=list)
    timed: bool = False
    """Whether there is anything that looks like a timing line."""


def parse_srt(text: str) -> SrtFile:
    r"""Read a SubRip file.

    Parameters
    ----------
    text : str
        Its content; CR LF and CR count as LF, NUL as U+FFFD.

    Examples
    --------
    >>> file = parse_srt("1\r\n00:00:01,5 --> 0:00:02.000\r\nHi\r\n\r\nall")
    >>> file.cues[0].start, file.cues[0].end, file.cues[0].text
    (1500, 2000, 'Hi\n\nall')
    """
    text = text.removeprefix("\ufeff").replace("\0", "\ufffd")
    return _Parser(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")).run()


class _Parser:
    """The state of a run over the lines of a file."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._file = SrtFile()
        self._last: int | None = None

    def run(self) -> SrtFile:
        """Read all lines."""
        lines = self._lines
        places = [place for place, line in enumerate(lines) if self._is_timing(place, line)]
        self._file.timed = bool(places)
        if not places:
            return self._file
        heads = []
        low = 0
        for place in places:
            heads.append(self._head(place, low))
            low = place + 1
        before = "\n".join(lines[: heads[0]]).strip()
        if before:
            self._file.faults.append(
                Fault(1, "srt.timing", f"text {before[:60]!r} before the first timing line")
            )
        for place, stop in zip(places, [*heads[1:], len(lines)], strict=True):
            self._cue(place, lines[place + 1 : stop])
        self._file.faults.sort(key=lambda fault: fault.line)
        return self._file

    def _is_timing(self, place: int, line: str) -> bool:
        if "-->" not in line:
            if not _CUT_TIMING.fullmatch(line):
                return False
        elif _LIKE_TIMING.match(line):
            return True
        # Under a number that stands alone it can be nothing else, cut or not.
        return (
            place > 0
            and _NUMBER.fullmatch(self._lines[place - 1]) is not None
            and self._blank(place - 2)
        )

    def _blank(self, place: int, low: int = 0) -> bool:
        """Whether a line is blank, or not there."""
        return place < low or not self._lines[place].strip()

    def _head(self, place: int, low: int) -> int:
        """Return the line where the cue of a timing line starts; tell what is wrong there.

        Parameters
        ----------
        place : int
            Index of the timing line.
        low : int
            Index of the first line that is not the previous cue's own timing line.
        """
        lines = self._lines
        above = place - 1
        number = _NUMBER.fullmatch(lines[above]) if above >= low else None
        if number is not None:
            head = above
            if above - 1 >= low and self._blank(above - 2, low):
                twice = _NUMBER.fullmatch(lines[above - 1])
                if twice is not None and twice[1] == number[1]:
                    head = above - 1
                    self._tell(above, f"number {number[1][:20]} stands there twice")
            self._check_number(above, number[1])
            return head
        if above >= low and self._blank(above, low):
            while above > low and self._blank(above, low):
                above -= 1
            number = _NUMBER.fullmatch(lines[above])
            if number is not None and self._blank(above - 1, low) and self._is_next(number[1]):
                self._tell(above, "number and times are apart")
                self._last = int(number[1])
                return above
        elif above >= low and self._stands_alone(above, low):
            self._tell(above, f"{lines[above].strip()[:40]!r} is no number")
            return above
        self._tell(place, "cue without a number")
        return place

    def _stands_alone(self, above: int, low: int) -> bool:
        """Whether a line has a blank one above it, and the previous cue a text without it."""
        if above == 0:
            return True
        if above - 1 < low or not self._blank(above - 1, low):
            return False
        return low == 0 or any(line.strip() for line in self._lines[low : above - 1])

    def _is_next(self, number: str) -> bool:
        digits = number.lstrip("+0")
        return len(digits) <= _DIGITS and digits == str((self._last or 0) + 1)

    def _check_number(self, place: int, text: str) -> None:
        value = int(text) if len(text) <= _DIGITS else None
        if value is None or value < 0:
            self._tell(place, f"number {text[:20]} is out of range")
        elif self._last is not None and value <= self._last:
            self._tell(place, f"number {value} comes after {self._last}")
        if value is not None:
            self._last = value

    def _tell(self, place: int, text: str) -> None:
        self._file.faults.append(Fault(place + 1, "srt.number", text))

    def _cue(self, place: int, body: list[str]) -> None:
        line = self._lines[place]
        found = _TIMING.fullmatch(line)
        if found is None:
            self._file.faults.append(
                Fault(place + 1, "srt.timing", f"cue with the timing line {line[:60]!r}")
            )
            return
        start = to_milliseconds(found[1], found[2], found[3], found[4] or "")
        end = to_milliseconds(found[5], found[6], found[7], found[8] or "")
        if start is None or end is None:
            self._file.faults.append(
                Fault(place + 1, "number.range", f"cue with the times {line[:60]!r}")
            )
            return
        first, last = 0, len(body)
        while first < last and not body[first].strip():
            first += 1
        while last > first and not body[last - 1].strip():
            last -= 1
        text = "\n".join(body[first:last])
        self._file.cues.append(Cue(start, end, text, (found[9] or "").strip(), place + 1))


def srt_text(cues: list[Cue], newline: str = "\n") -> str:
    r"""Return the text of a file: numbers from 1, a blank line after each cue.

    Examples
    --------
    >>> srt_text([Cue(0, 1500, "Hi")])
    '1\n00:00:00,000 --> 00:00:01,500\nHi\n\n'
    """
    pieces = []
    for number, cue in enumerate(cues, 1):
        times = f"{clock(cue.start, ',')} --> {clock(cue.end, ',')}"
        pieces.append(f"{number}\n{times}{' ' * bool(cue.coordinates)}{cue.coordinates}\n")
        pieces.append(f"{cue.text}\n\n" if cue.text else "\n")
    text = "".join(pieces) or "\n"
    return text if newline == "\n" else text.replace("\n", newline)
