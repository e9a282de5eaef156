"""Rows of label files: many files at once in arrays, and one by one where a file is unusual.

The numbers of a whole window are parsed in one go by a JSON decoder, whose grammar is a subset
of what label files may hold; what it does not take (tabs, blank lines, ``.5``, ``inf``, text)
goes row by row with an ASCII grammar of its own. Python's ``int`` and ``float`` are never asked
first: they take ``1_0`` and digits of other scripts.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.inputs import decode_text
from dlgeom.errors import FormatError
from dlgeom.geometry.ragged import gather, offsets_of

__all__ = ["Fault", "Rows", "parse_rows"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BOM = b"\xef\xbb\xbf"
_ALLOWED = b"0123456789. -\neE+"
_TO_JSON = bytes.maketrans(b" \n", b",,")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_CLASS = re.compile(r"[-+]?[0-9]+")
_WHOLE = re.compile(r"[-+]?[0-9]+\.0*")
_NOT_FINITE = re.compile(r"[-+]?(?:inf|infinity|nan)", re.IGNORECASE)
_BLANKS = re.compile(rb" {2,}")
_DECODER = msgspec.json.Decoder(list[float])
FAR = 1 << 62
"""Stands for a class number that no 64-bit integer holds."""
MAX_FIELDS = 2_000_008
"""A row of more fields would be split into too many pieces; the default limit of points."""


class Fault(msgspec.Struct, frozen=True):
    """Something wrong with one line of a file.

    `kept` tells that the row is there all the same; `whole` that the file as a whole is meant.
    """

    file: int
    line: int
    code: str
    message: str
    kept: bool = False
    whole: bool = False


class Rows(msgspec.Struct, kw_only=True):
    """N rows: a class and any count of numbers each.

    Parameters
    ----------
    file : ndarray of int64, shape (N,)
        Index of the file in the window.
    line : ndarray of int64, shape (N,)
        Line in the file, counted from 1.
    cls : ndarray of int64, shape (N,)
        Class numbers.
    values : ndarray of float64, shape (V,)
        Numbers after the class of all rows.
    offsets : ndarray of int64, shape (N + 1,)
        Row i has ``values[offsets[i]:offsets[i + 1]]``.
    buffer : bytes
        The text of the rows.
    spans : ndarray of int64, shape (N, 2)
        Row i is ``buffer[spans[i, 0]:spans[i, 1]]``.
    faults : list of Fault
        Rows that were left out, or are doubtful.
    """

    file: Ints
    line: Ints
    cls: Ints
    values: Floats
    offsets: Ints
    buffer: bytes
    spans: Ints
    faults: list[Fault] = msgspec.field(default_factory=list)

    def __len__(self) -> int:
        return len(self.cls)

    @property
    def counts(self) -> Ints:
        """Numbers of each row, shape (N,)."""
        return np.diff(self.offsets)

    def take(self, rows: NDArray[Any]) -> Rows:
        """Return the chosen rows."""
        index, offsets = gather(self.offsets, rows)
        return Rows(
            file=self.file[rows],
            line=self.line[rows],
            cls=self.cls[rows],
            values=self.values[index],
            offsets=offsets,
            buffer=self.buffer,
            spans=self.spans[rows],
            faults=self.faults,
        )


def parse_rows(texts: list[bytes]) -> Rows:
    """Parse the label files of a window.

    Parameters
    ----------
    texts : list of bytes
        The content of each file.

    Returns
    -------
    Rows
        Good rows, and faults for the others; a file that is no text is one fault.
    """
    return _parse(texts, tidied=False)


def _parse(texts: list[bytes], *, tidied: bool) -> Rows:
    """Parse a window; files that still are unusual once they are tidied go row by row."""
    buffer = b"".join(text if text.endswith(b"\n") or not text else text + b"\n" for text in texts)
    lengths = np.array(
        [len(text) + (not text.endswith(b"\n")) if text else 0 for text in texts], dtype=np.int64
    )
    ends = np.cumsum(lengths)
    fast = _parse_fast(buffer, ends)
    if fast is not None:
        return fast
    if not tidied:
        return _parse([_tidy(text) for text in texts], tidied=True)
    if len(texts) == 1:
        return _parse_slow(texts[0])
    # Only the unusual files of a window go the slow way.
    middle = len(texts) // 2
    left, right = (_parse(half, tidied=True) for half in (texts[:middle], texts[middle:]))
    return _joined(left, right, middle)


def _tidy(text: bytes) -> bytes:
    """Spell blanks and line ends in one way, without moving a line."""
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        return text
    text = text.removeprefix(BOM).replace(b"\r\n", b"\n").replace(b"\t", b" ").rstrip()
    if b"  " in text or b" \n" in text or b"\n " in text or text.startswith(b" "):
        text = b"\n".join(line.strip() for line in text.split(b"\n"))
        text = _BLANKS.sub(b" ", text)
    return text + b"\n" if text else text


def _joined(left: Rows, right: Rows, files: int) -> Rows:
    shift = len(left.buffer)
    return Rows(
        file=np.concatenate([left.file, right.file + files]),
        line=np.concatenate([left.line, right.line]),
        cls=np.concatenate([left.cls, right.cls]),
        values=np.concatenate([left.values, right.values]),
        offsets=np.concatenate([left.offsets, right.offsets[1:] + left.offsets[-1]]),
        buffer=left.buffer + right.buffer,
        spans=np.concatenate([left.spans, right.spans + shift]),
        faults=left.faults
        + [msgspec.structs.replace(fault, file=fault.file + files) for fault in right.faults],
    )


def _parse_fast(buffer: bytes, ends: Ints) -> Rows | None:
    """Parse text that is numbers, single blanks and newlines; None for anything else."""
    if buffer.translate(None, _ALLOWED):
        return None
    if not buffer:
        return _nothing()
    try:
        numbers = np.array(
            _DECODER.decode(b"[" + buffer[:-1].translate(_TO_JSON) + b"]"), dtype=np.float64
        )
    except msgspec.DecodeError:
        return None
    text = np.frombuffer(buffer, dtype=np.uint8)
    breaks = np.flatnonzero((text == 32) | (text == 10))
    if len(breaks) != len(numbers):
        return None
    last = np.flatnonzero(text[breaks] == 10)
    # A line is as many numbers as it has breaks; an empty line would have failed to decode.
    first = np.concatenate([[0], last[:-1] + 1])
    stop = breaks[last]
    start = np.concatenate([[0], stop[:-1] + 1])
    cls = numbers[first]
    if not (np.isfinite(numbers).all() and (cls >= 0).all() and (cls < 1e9).all()):
        return None
    whole = cls.astype(np.int64)
    digits = np.ones(len(whole), dtype=np.int64)
    for power in range(1, 10):
        digits += whole >= 10**power
    # A class is written in plain digits: not 1.0, 1e1 or -0.
    if not (np.array_equal(whole, cls) and np.array_equal(breaks[first] - start, digits)):
        return None
    keep = np.ones(len(numbers), dtype=np.bool_)
    keep[first] = False
    file = np.searchsorted(ends, start, side="right")
    lines = np.arange(len(start))
    return Rows(
        file=file,
        line=lines - np.searchsorted(start, ends - np.diff(ends, prepend=0))[file] + 1,
        cls=whole,
        values=numbers[keep],
        offsets=offsets_of(last - first),
        buffer=buffer,
        spans=np.stack([start, stop], axis=1),
    )


def _nothing() -> Rows:
    none = np.zeros(0, dtype=np.int64)
    return Rows(
        file=none,
        line=none,
        cls=none,
        values=np.zeros(0),
        offsets=np.zeros(1, dtype=np.int64),
        buffer=b"",
        spans=np.zeros((0, 2), dtype=np.int64),
    )


def _parse_slow(data: bytes) -> Rows:
    """Parse one file row by row, naming what is wrong."""
    faults: list[Fault] = []
    try:
        text, note = decode_text(data, "")
    except FormatError as error:
        return msgspec.structs.replace(
            _nothing(), faults=[Fault(0, 0, error.code, error.message, whole=True)]
        )
    if note:
        what = "is UTF-16; label files are UTF-8. Save it as UTF-8"
        faults.append(Fault(0, 0, note, what, kept=True, whole=True))
    lines: list[int] = []
    classes: list[int] = []
    values: list[float] = []
    counts: list[int] = []
    pieces: list[bytes] = []
    for number, row in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if len(row) > 2 * MAX_FIELDS and len(row) - len(row.replace(" ", "")) > MAX_FIELDS:
            what = f"has more than {MAX_FIELDS} fields; no outline has so many. Correct the row"
            faults.append(Fault(0, number, "limit.points", what))
            continue
        tokens = row.split()
        if not tokens:
            continue
        parsed = _numbers(tokens, number, faults)
        if parsed is None:
            continue
        lines.append(number)
        classes.append(parsed[0])
        values += parsed[1]
        counts.append(len(parsed[1]))
        pieces.append(" ".join(tokens).encode())
    lengths = np.array([len(piece) for piece in pieces], dtype=np.int64)
    stops = np.cumsum(lengths + 1) - 1
    return Rows(
        file=np.zeros(len(lines), dtype=np.int64),
        line=np.array(lines, dtype=np.int64),
        cls=np.array(classes, dtype=np.int64),
        values=np.array(values, dtype=np.float64),
        offsets=offsets_of(counts),
        buffer=b"".join(piece + b"\n" for piece in pieces),
        spans=np.stack([stops - lengths, stops], axis=1).reshape(-1, 2),
        faults=faults,
    )


def _numbers(tokens: list[str], line: int, faults: list[Fault]) -> tuple[int, list[float]] | None:
    """Return class and numbers of a row, or None and a fault."""

    def fault(code: str, message: str, *, kept: bool = False) -> None:
        faults.append(Fault(0, line, code, message, kept=kept))

    head = tokens[0]
    if _CLASS.fullmatch(head):
        cls = int(head) if len(head) < 19 else FAR
    elif _WHOLE.fullmatch(head) and len(head) < 19:
        cls = int(head.partition(".")[0])
        fault("type.id", f"class {head!r} is read as {cls}; a class is an integer", kept=True)
    else:
        fault("type.id", f"class {head[:40]!r} is no integer; rows begin with one. Correct it")
        return None
    numbers = []
    for token in tokens[1:]:
        if not _NUMBER.fullmatch(token):
            if _NOT_FINITE.fullmatch(token):
                fault("number.not_finite", f"{token!r} is no finite number. Correct the row")
            else:
                fault("type.number", f"{token[:40]!r} is no decimal number. Correct the row")
            return None
        value = float(token)
        if not np.isfinite(value):
            fault("number.not_finite", f"{token[:40]!r} is too large. Correct the row")
            return None
        numbers.append(value)
    return cls, numbers
