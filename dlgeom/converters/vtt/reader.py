"""Reading WebVTT: a file, or a folder of files, each of them an item."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from dlgeom.annotation import Annotation
from dlgeom.converters.base import ReadContext
from dlgeom.converters.find import recognise_ending
from dlgeom.converters.problems import Problems
from dlgeom.converters.subtitles.files import SubtitleReader
from dlgeom.converters.subtitles.spans import user_data
from dlgeom.converters.vtt.file import Cue, VttFile, parse_vtt
from dlgeom.converters.vtt.mapping import MOST_VOICES, NAME, Mapping, annotations_of_cue, item_data
from dlgeom.converters.vtt.options import DEFAULT_LABEL
from dlgeom.errors import FormatError, LimitError
from dlgeom.item import Item
from dlgeom.limits import Limits

__all__ = ["VttReader", "decode", "open_reader", "read_vtt", "recognise"]

SUFFIX = ".vtt"
_SHOWN = 60


def recognise(path: Path) -> int:
    """Tell how sure it is that a path is WebVTT: 0, 1 or 2."""
    return recognise_ending(path, SUFFIX)


def open_reader(path: Path, context: ReadContext) -> VttReader:
    """Open a WebVTT file, or a folder with such files at any depth."""
    return VttReader(path, NAME, context)


class VttReader(SubtitleReader):
    """A WebVTT source; see `dlgeom.converters.base.Reader`."""

    suffix = SUFFIX

    def read(
        self, data: bytes, item: Item, shown: str, problems: Problems
    ) -> tuple[Item, list[Annotation], list[int]]:
        """Read a file."""
        return read_vtt(data, item, shown, problems, self.context.limits, self.context.options)


def decode(data: bytes, shown: str, problems: Problems, *, replace: bool) -> str:
    """Decode UTF-8.

    Raises
    ------
    FormatError
        ``encoding.invalid`` for bytes that are none, unless they are to be replaced.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = 1 + data.count(b"\n", 0, error.start)
        what = f"byte {error.start} is no UTF-8; WebVTT is always UTF-8."
        if not replace:
            raise FormatError(
                f"{what} Save the file as UTF-8, or pass vtt_bad_bytes=replace "
                "(--vtt-bad-bytes replace) to read as browsers do",
                code="encoding.invalid",
                path=shown,
                location=f"line {line}",
            ) from error
        problems.repaired(
            "encoding.invalid",
            f"{what} Such bytes are replaced by U+FFFD",
            path=shown,
            location=f"line {line}",
        )
        return data.decode("utf-8", "replace")


def read_vtt(
    data: bytes,
    item: Item,
    shown: str,
    problems: Problems,
    limits: Limits,
    options: Any,
) -> tuple[Item, list[Annotation], list[int]]:
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
        ``text``, ``cue_text`` and ``depth`` hold here.
    options : mapping
        As in `dlgeom.converters.vtt.options`.

    Returns
    -------
    item : Item
        With header, regions, style sheets and comments in its metadata.
    annotations : list of Annotation
        One for each cue, or voice span of a cue.
    lines : list of int
        Number of each one's timing line, from 1.

    Raises
    ------
    FormatError
        If the file as a whole cannot be trusted, or `problems` is strict and anything is wrong.
    """
    text = decode(data, shown, problems, replace=options.get("vtt_bad_bytes") == "replace")
    if "\0" in text:
        problems.notice(
            "text.control",
            f"has {text.count(chr(0))} NUL characters; they are read as U+FFFD, as the "
            "specification says",
            path=shown,
            location=f"line {1 + text.count(chr(10), 0, text.index(chr(0)))}",
        )
    try:
        file = parse_vtt(text, strict=bool(options.get("vtt_strict", False)))
    except FormatError as error:
        raise FormatError(
            error.message, code=error.code, path=shown, location=error.location
        ) from None
    item = _with_data(item, file)
    mapping = Mapping(
        label=str(options.get("vtt_label", DEFAULT_LABEL)),
        joined=options.get("vtt_voices") == "joined",
        prefix=options.get("vtt_speaker") == "prefix",
        depth=limits.depth,
    )
    _tell_faults(file, shown, problems)
    annotations: list[Annotation] = []
    lines: list[int] = []
    latest = 0
    for cue in file.cues:
        made = _checked(cue, item, mapping, shown, problems, limits)
        if not made:
            continue
        _tell_doubts(cue, latest, shown, problems)
        latest = max(latest, cue.start)
        annotations += made
        lines += [cue.line] * len(made)
    return item, annotations, lines


def _with_data(item: Item, file: VttFile) -> Item:
    """Return the item with what the file says beside its cues; nothing stale is left."""
    own = item_data(file)
    metadata = dict(item.metadata or {})
    if not own and not user_data(metadata, NAME):
        return item
    user = dict(metadata.get("user") or {}) if isinstance(metadata.get("user"), dict) else {}
    user.pop(NAME, None)
    if own:
        user[NAME] = own
    metadata["user"] = user
    return msgspec.structs.replace(item, metadata=metadata)


def _tell_faults(file: VttFile, shown: str, problems: Problems) -> None:
    for fault in file.faults:
        if fault.code == "number.range":
            problems.skipped(
                fault.code,
                f"cue with the times {fault.text[:_SHOWN]!r}; no time may be later than 10^15 ms. "
                "Correct it",
                path=shown,
                location=f"line {fault.line}",
            )
            continue
        problems.skipped(
            fault.code,
            f"cue with the timing line {fault.text[:_SHOWN]!r}; it reads "
            "'[hours:]minutes:seconds.mmm --> [hours:]minutes:seconds.mmm'. Correct it, or write "
            "&gt; in a text",
            path=shown,
            location=f"line {fault.line}",
        )
    for block in file.blocks:
        if block.kind == "ignored":
            problems.warning(
                "vtt.ignored_block",
                f"block {block.text[:_SHOWN]!r} has no timing line; it is no cue and kept as a "
                "comment. Start comments with NOTE, and put STYLE and REGION before the first cue",
                path=shown,
                location=f"line {block.line}",
            )


def _checked(
    cue: Cue, item: Item, mapping: Mapping, shown: str, problems: Problems, limits: Limits
) -> list[Annotation]:
    """Return the annotations of a cue; [] if it passes a limit, which is told."""
    try:
        if 4 * len(cue.text) > limits.cue_text:
            limits.check(
                "cue_text", len(cue.text.encode()), code="limit.text", what="length of a cue"
            )
        made = annotations_of_cue(cue, item, mapping)
        for annotation in made:
            name = annotation.label or ""
            if 4 * len(name) > limits.text:
                limits.check(
                    "text", len(name.encode()), code="limit.text", what="length of a voice"
                )
        own = user_data(made[0].metadata, NAME)
        if own.get("voices") == "joined" and not mapping.joined:
            problems.notice(
                "limit.entries",
                f"cue has more than {MOST_VOICES} voice spans; it is read as one subtitle, as with "
                "vtt_voices=joined",
                path=shown,
                location=f"line {cue.line}",
            )
    except LimitError as error:
        problems.skipped(
            error.code, f"cue: {error.message}", path=shown, location=f"line {cue.line}"
        )
        return []
    return made


def _tell_doubts(cue: Cue, latest: int, shown: str, problems: Problems) -> None:
    """Tell of a cue that is kept but not as it should be."""
    where = {"path": shown, "location": f"line {cue.line}"}
    if cue.lenient:
        problems.warning(
            "vtt.timing",
            "times are not in the form that the specification asks for, "
            "'[hours:]minutes:seconds.mmm'; read as they are meant",
            **where,
        )
    if cue.end <= cue.start:
        problems.warning(
            "vtt.order",
            f"cue ends at {cue.end} ms, not after its start at {cue.start} ms; kept as it is",
            **where,
        )
    if cue.start < latest:
        problems.warning(
            "vtt.order",
            "cue starts before one that comes earlier in the file; kept as it is",
            **where,
        )
    if not cue.text:
        problems.warning("vtt.empty_cue", "cue without text; kept as it is", **where)
