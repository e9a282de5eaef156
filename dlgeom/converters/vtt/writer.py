"""Writing WebVTT: cues by start, with voices, ids, settings, regions, styles and comments."""

from __future__ import annotations

from typing import Any

from dlgeom.converters.base import WriteContext
from dlgeom.converters.items import ItemLosses
from dlgeom.converters.srt.markup import markup_to_vtt
from dlgeom.converters.subtitles.spans import lost_fields, user_data
from dlgeom.converters.subtitles.writer import Entry, SubtitleWriter
from dlgeom.converters.vtt.compose import WrittenCue, compose
from dlgeom.converters.vtt.cuetext import Node, Text, parse_cue_text, plain_text
from dlgeom.converters.vtt.mapping import (
    NAME,
    own_data,
    parts_of_payload,
    payload_of,
    plain_line,
    whole_payload,
)
from dlgeom.converters.vtt.options import DEFAULT_LABEL
from dlgeom.converters.vtt.timing import BLANKS
from dlgeom.converters.vtt.voices import Part, parts_of
from dlgeom.converters.vtt.write_codes import CODES
from dlgeom.errors import LimitError
from dlgeom.item import Item

__all__ = ["VttWriter", "create_writer"]


def create_writer(context: WriteContext) -> VttWriter:
    """Start a WebVTT target: a file, or a folder with one for each item."""
    return VttWriter(context)


class VttWriter(SubtitleWriter):
    """Writes chunks as they come; see `dlgeom.converters.base.Writer`."""

    name = NAME
    suffix = ".vtt"
    codes = CODES

    def __init__(self, context: WriteContext) -> None:
        super().__init__(context)
        self._default = str(context.options.get("vtt_label", DEFAULT_LABEL))

    def empty(self) -> bytes:
        """Return the file of a source without items."""
        return b"WEBVTT\n"

    def text(self, item: Item, entries: list[Entry], losses: ItemLosses) -> str:
        """Return the text of an item's file."""
        cues = []
        place = 0
        while place < len(entries):
            cue, stop = self._cue(entries, place, losses)
            some = entries[place:stop]
            place = stop
            if any(self.too_long(cue.payload, entry.annotation.label) for entry in some):
                for entry in some:
                    losses.drop(entry.position, "limit.text")
                continue
            cues.append(cue)
            for entry in some:
                losses.fields.update(
                    lost_fields(entry.annotation, item, self._default, own=NAME, labels=True)
                )
        text, whole = compose(cues, user_data(item.metadata, NAME))
        if not whole or _says_more(item.metadata):
            losses.fields["image.metadata"] += 1
        return text

    # -- a cue -----------------------------------------------------------------------------

    def _cue(self, entries: list[Entry], place: int, losses: ItemLosses) -> tuple[WrittenCue, int]:
        """Return the cue of an entry, and of those that follow and belong to the same cue."""
        annotation, span = entries[place].annotation, entries[place].span
        own = own_data(annotation)
        parts = parts_of_payload(own)
        kept = bool(parts) and self._unchanged(entries, place, parts, own)
        stop = place + (len(parts) if kept else 1)
        if kept:
            payload = str(own["payload"])
        else:
            payload = self._new_payload(entries[place], losses)
            if "part" in own or ("payload" in own and _says_markup(own["payload"], parts)):
                losses.fields["cue.markup"] += 1
        cue = WrittenCue(span.start, span.end, payload)
        for name, value in (("id", own.get("id", "")), ("settings", own.get("settings", ""))):
            line = plain_line(value)
            if line is None or (name == "id" and "-->" in line):
                losses.fields[f"cue.{name}"] += 1
            else:
                setattr(cue, name, line if name == "id" else line.strip(BLANKS))
        return cue, stop

    def _unchanged(
        self, entries: list[Entry], place: int, parts: list[Part], own: dict[str, Any]
    ) -> bool:
        """Whether the entries from there on say what the payload says, in its order."""
        some = entries[place : place + len(parts)]
        if len(some) < len(parts):
            return False
        shared = own.get("id"), own.get("settings")
        for index, (entry, part) in enumerate(zip(some, parts, strict=True)):
            if len(parts) > 1:
                other = own_data(entry.annotation)
                if (
                    other.get("part") != [index, len(parts)]
                    or (other.get("id"), other.get("settings")) != shared
                    or entry.span != some[0].span
                ):
                    return False
            definition: Any = entry.annotation.annotation_definition
            if definition.text != part.text or not self._same_voice(definition.label, part):
                return False
        return True

    def _same_voice(self, label: str | None, part: Part) -> bool:
        return label == (self._default if part.voice is None else part.voice)

    def _new_payload(self, entry: Entry, losses: ItemLosses) -> str:
        """Return the cue text for an annotation as it is now."""
        definition: Any = entry.annotation.annotation_definition
        payload = payload_of(definition.text, definition.label, self._default)
        tagged = user_data(entry.annotation.metadata, "srt").get("payload")
        if isinstance(tagged, str):
            payload = self._with_tags(tagged, definition, payload, losses)
        part = parts_of(payload)[0]
        if part.text != definition.text:
            losses.approximate(entry.position, "vtt.text")
        if definition.label is not None and not self._same_voice(definition.label, part):
            losses.fields["label"] += 1
        return payload

    def _with_tags(self, tagged: str, definition: Any, payload: str, losses: ItemLosses) -> str:
        """Return the cue text with the tags of an SRT source, if they still belong to the text."""
        body, whole = markup_to_vtt(tagged)
        own = payload_of("", definition.label, self._default) + body
        usable = whole_payload(own) is not None
        if usable and parts_of(own) == parts_of(payload):
            if not whole:
                losses.fields["cue.markup"] += 1
            return own
        losses.fields["cue.markup"] += 1
        return payload


def _says_markup(payload: object, parts: list[Part]) -> bool:
    """Whether a payload says more than one text and one voice."""
    if len(parts) != 1 or not isinstance(payload, str):
        return True
    try:
        tree = parse_cue_text(payload)
    except LimitError:
        return True
    while len(tree) == 1 and isinstance(tree[0], Node) and tree[0].name == "v":
        if tree[0].classes:
            return True
        tree = tree[0].children
    return (
        not all(isinstance(child, Text) for child in tree) or plain_text(payload) != parts[0].text
    )


def _says_more(metadata: dict[str, Any] | None) -> bool:
    """Whether an item's metadata has anything but what a WebVTT file holds."""
    if not metadata:
        return False
    user = metadata.get("user")
    return set(metadata) != {"user"} or not isinstance(user, dict) or not set(user) <= {NAME}
