"""Writing SRT: cues by start, numbered from 1."""

from __future__ import annotations

from dlgeom.converters.base import WriteContext
from dlgeom.converters.items import ItemLosses
from dlgeom.converters.srt.file import Cue, srt_text
from dlgeom.converters.srt.mapping import NAME, coordinates_of, payload_of
from dlgeom.converters.srt.write_codes import CODES
from dlgeom.converters.subtitles.spans import lost_fields
from dlgeom.converters.subtitles.writer import Entry, SubtitleWriter
from dlgeom.converters.vtt.options import DEFAULT_LABEL
from dlgeom.item import Item

__all__ = ["SrtWriter", "create_writer"]


def create_writer(context: WriteContext) -> SrtWriter:
    """Start an SRT target: a file, or a folder with one for each item."""
    return SrtWriter(context)


class SrtWriter(SubtitleWriter):
    """Writes chunks as they come; see `dlgeom.converters.base.Writer`."""

    name = NAME
    suffix = ".srt"
    codes = CODES

    def __init__(self, context: WriteContext) -> None:
        super().__init__(context)
        self._default = str(context.options.get("srt_label", DEFAULT_LABEL))
        crlf = context.options.get("srt_newline", "lf") == "crlf"
        self._newline = "\r\n" if crlf else "\n"

    def empty(self) -> bytes:
        """Return the file of a source without items."""
        return self._newline.encode()

    def text(self, item: Item, entries: list[Entry], losses: ItemLosses) -> str:
        """Return the text of an item's file."""
        cues = []
        for entry in entries:
            annotation, span = entry.annotation, entry.span
            text, same, whole = payload_of(annotation)
            if self.too_long(text, None):
                losses.drop(entry.position, "limit.text")
                continue
            losses.fields.update(
                lost_fields(annotation, item, self._default, own=NAME, labels=False)
            )
            if not same:
                losses.approximate(entry.position, "srt.text")
            if not whole:
                losses.fields["cue.markup"] += 1
            coordinates = coordinates_of(annotation)
            if coordinates is None:
                losses.fields["cue.coordinates"] += 1
            cues.append(Cue(span.start, span.end, text, coordinates or ""))
        if item.metadata:
            losses.fields["image.metadata"] += 1
        return srt_text(cues, self._newline)
