"""Reading SRT: a file, or a folder of files, each of them an item."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlgeom.annotation import Annotation
from dlgeom.converters.base import ReadContext
from dlgeom.converters.find import recognise_ending
from dlgeom.converters.inputs import decode_text
from dlgeom.converters.problems import Problems
from dlgeom.converters.srt.file import Cue, SrtFile, parse_srt
from dlgeom.converters.srt.mapping import NAME, annotation_of_cue
from dlgeom.converters.subtitles.files import SubtitleReader
from dlgeom.converters.vtt.options import DEFAULT_LABEL
from dlgeom.errors import FormatError, LimitError, UsageError
from dlgeom.item import Item
from dlgeom.limits import Limits

__all__ = ["SrtReader", "decode", "open_reader", "read_srt", "recognise"]

SUFFIX = ".srt"
# Encodings of Python that are no encodings of files, or take quadratic time.
_NONE = {"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "mbcs", "oem"}


def recognise(path: Path) -> int:
    """Tell how sure it is that a path is SRT: 0, 1 or 2."""
    return recognise_ending(path, SUFFIX)


def open_reader(path: Path, context: ReadContext) -> SrtReader:
    """Open an SRT file, or a folder with such files at any depth.

    Raises
    ------
    UsageError
        If ``srt_encoding`` is no encoding.
    """
    checked_encoding(context.options.get("srt_encoding"))
    return SrtReader(path, NAME, context)


def checked_encoding(name: str | None) -> str | None:
    """Return the name of an encoding as Python has it, None for none.

    Raises
    ------
    UsageError
        If there is no such encoding.
    """
    if name is None:
        return None
    try:
        found = codecs.lookup(name).name.replace("_", "-")
        if found in _NONE:
            raise LookupError(name)
        # Those that turn bytes into bytes refuse; nothing is decoded of an empty one.
        bytes(4).decode(name, "replace")
    except (LookupError, ValueError, TypeError):
        raise UsageError(
            f"option srt_encoding: {name!r} is no encoding of text. Give one such as gb2312, "
            "cp1252 or shift_jis"
        ) from None
    return found


class SrtReader(SubtitleReader):
    """An SRT source; see `dlgeom.converters.base.Reader`."""

    suffix = SUFFIX

    def read(
        self, data: bytes, item: Item, shown: str, problems: Problems
    ) -> tuple[Item, list[Annotation], list[int]]:
        """Read a file."""
        found, lines = read_srt(
            data, item, shown, problems, self.context.limits, self.context.options
        )
        return item, found, lines


def decode(data: bytes, shown: str, problems: Problems, encoding: str | None) -> str:
    """Decode a file: UTF-8, UTF-16 with a mark, else the encoding that is declared.

    Raises
    ------
    FormatError
        ``encoding.invalid``.
    """
    if encoding is None:
        try:
            text, note = decode_text(data, shown)
        except FormatError as error:
            raise FormatError(
                f"{error.message}, or name its encoding with srt_encoding=... "
                "(--srt-encoding cp1252, gb2312...)",
                code=error.code,
                path=shown,
            ) from error
        if note:
            problems.notice(note, "is UTF-16; read as that", path=shown)
        return text
    if data.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeError as error:
        raise FormatError(
            f"is no {encoding} ({error}). Name its encoding with srt_encoding=... (--srt-encoding)",
            code="encoding.invalid",
            path=shown,
        ) from error


def read_srt(
    data: bytes,
    item: Item,
    shown: str,
    problems: Problems,
    limits: Limits,
    options: Mapping[str, Any],
) -> tuple[list[Annotation], list[int]]:
    """Read the content of a file.

    Parameters
    ----------
    data : bytes
        The content.
    item : Item
        What the annotations belong to.
    shown : str
        Path for messages.
    problems : Problems
        Where to tell what is wrong.
    limits : Limits
        ``cue_text`` holds here.
    options : mapping
        As in `dlgeom.converters.srt.options`.

    Returns
    -------
    annotations : list of Annotation
        One for each cue, in the file's order.
    lines : list of int
        Number of each one's timing line, from 1.

    Raises
    ------
    FormatError
        If the file as a whole cannot be trusted, or `problems` is strict and anything is wrong.
    """
    text = decode(data, shown, problems, checked_encoding(options.get("srt_encoding")))
    if "\0" in text:
        problems.notice(
            "text.control",
            f"has {text.count(chr(0))} NUL characters; they are read as U+FFFD",
            path=shown,
        )
    file = parse_srt(text)
    if not file.timed and text.strip():
        raise FormatError(
            "has no line with times such as '00:00:01,000 --> 00:00:02,000'; it is no SRT. "
            "Is it another format?",
            code="srt.timing",
            path=shown,
        )
    _tell_faults(file, shown, problems)
    label = str(options.get("srt_label", DEFAULT_LABEL))
    annotations: list[Annotation] = []
    lines: list[int] = []
    latest = 0
    for cue in file.cues:
        if not _fits(cue, shown, problems, limits):
            continue
        _tell_doubts(cue, latest, shown, problems)
        latest = max(latest, cue.start)
        annotations.append(annotation_of_cue(cue, item, label))
        lines.append(cue.line)
    return annotations, lines


def _tell_faults(file: SrtFile, shown: str, problems: Problems) -> None:
    for fault in file.faults:
        where = f"line {fault.line}"
        if fault.code == "srt.number":
            problems.notice(
                fault.code,
                f"{fault.text}; cues are numbered from 1 on. The number is not used",
                path=shown,
                location=where,
            )
        elif fault.code == "number.range":
            problems.skipped(
                fault.code,
                f"{fault.text}; no time may be later than 10^15 ms. Correct it",
                path=shown,
                location=where,
            )
        else:
            problems.skipped(
                fault.code,
                f"{fault.text}; a cue starts with 'hours:minutes:seconds,mmm --> "
                "hours:minutes:seconds,mmm'. Correct it",
                path=shown,
                location=where,
            )


def _fits(cue: Cue, shown: str, problems: Problems, limits: Limits) -> bool:
    if 4 * len(cue.text) <= limits.cue_text:
        return True
    try:
        limits.check("cue_text", len(cue.text.encode()), code="limit.text", what="length of a cue")
    except LimitError as error:
        problems.skipped(error.code, error.message, path=shown, location=f"line {cue.line}")
        return False
    return True


def _tell_doubts(cue: Cue, latest: int, shown: str, problems: Problems) -> None:
    """Tell of a cue that is kept but not as it should be."""
    where = {"path": shown, "location": f"line {cue.line}"}
    if cue.end <= cue.start:
        problems.warning(
            "srt.order",
            f"cue ends at {cue.end} ms, not after its start at {cue.start} ms; kept as it is",
            **where,
        )
    if cue.start < latest:
        problems.notice(
            "srt.order", "cue starts before one that comes earlier in the file", **where
        )
