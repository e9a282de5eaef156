"""Cues to annotations and back.

What a cue says beyond times, text and label is kept in ``metadata["user"]["vtt"]``: ``id``,
``settings`` and, where the cue text is not simply that of text and label, ``payload``. A payload
is written again only while it still says what text and label say, never after an edit. Of a cue
with several voices the first annotation has the payload, and each has ``part``: its index and
their number.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from dlgeom.annotation import Annotation
from dlgeom.converters.subtitles.spans import subtitle_annotation, user_data
from dlgeom.converters.vtt.cuetext import collapsed, escaped
from dlgeom.converters.vtt.file import Block, Cue, VttFile
from dlgeom.converters.vtt.options import DEFAULT_LABEL
from dlgeom.converters.vtt.voices import Part, parts_of
from dlgeom.errors import LimitError
from dlgeom.item import Item
from dlgeom.limits import DEFAULT_LIMITS

__all__ = [
    "Mapping",
    "annotations_of_cue",
    "item_data",
    "parts_of_payload",
    "payload_of",
    "plain_line",
    "whole_payload",
]

NAME = "vtt"
_SURROGATES = re.compile("[\ud800-\udfff]")
MOST_VOICES = 100
"""Parts of a cue that become subtitles of their own; one of more is not worth a thousand times its
bytes, and all of its text is one subtitle."""
NO_BREAK_SPACE = "\u00a0"


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """How cues become annotations.

    Parameters
    ----------
    label : str
        Label where nobody is named.
    joined : bool
        Whether a cue with several voices is one annotation.
    prefix : bool
        Whether ``Name: text`` names a speaker.
    depth : int
        How many tags may be inside of each other.
    """

    label: str = DEFAULT_LABEL
    joined: bool = False
    prefix: bool = False
    depth: int = DEFAULT_LIMITS.depth


def clean(text: str) -> str:
    """Return text with LF as its only line break, without NUL and halves of surrogate pairs."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def payload_of(text: str, label: str | None, default: str) -> str:
    r"""Return the cue text for a text and a label.

    An empty line would end the cue; it gets a no-break space.

    Examples
    --------
    >>> payload_of("Fish & chips", "Bob", "Text"), payload_of("Hi", "Text", "Text")
    ('<v Bob>Fish &amp; chips', 'Hi')
    """
    body = escaped(clean(text))
    voice = "" if label is None or label == default else collapsed(clean(label))
    if voice:
        body = f"<v {escaped(voice)}>{body}"
    if not body or ("\n" not in body):
        return body
    return "\n".join(line or NO_BREAK_SPACE for line in body.split("\n"))


def annotations_of_cue(cue: Cue, item: Item, mapping: Mapping) -> list[Annotation]:
    """Return the annotations of a cue: one, or one for each voice span (up to `MOST_VOICES`).

    Raises
    ------
    LimitError
        ``limit.depth``.
    """
    parts = parts_of(cue.text, joined=mapping.joined, prefix=mapping.prefix, depth=mapping.depth)
    crowded = len(parts) > MOST_VOICES
    if crowded:
        parts = parts_of(cue.text, joined=True, prefix=mapping.prefix, depth=mapping.depth)
    common: dict[str, Any] = {}
    if cue.id:
        common["id"] = cue.id
    if cue.settings:
        common["settings"] = cue.settings
    first: dict[str, Any] = {}
    if len(parts) > 1 or payload_of(parts[0].text, parts[0].voice, mapping.label) != cue.text:
        first["payload"] = cue.text
        if mapping.joined or crowded:
            first["voices"] = "joined"
        if mapping.prefix:
            first["speaker"] = "prefix"
    made = []
    for index, part in enumerate(parts):
        own = dict(common)
        if len(parts) > 1:
            own["part"] = [index, len(parts)]
        if index == 0:
            own.update(first)
        made.append(
            subtitle_annotation(
                part.text,
                mapping.label if part.voice is None else part.voice,
                cue.start,
                cue.end,
                item,
                {NAME: own} if own else {},
            )
        )
    return made


def item_data(file: VttFile) -> dict[str, Any]:
    """Return what a file says beside its cues, as it is kept in the item's metadata."""
    found: dict[str, Any] = {}
    if file.header:
        found["header"] = file.header
    blocks = [_kept(block) for block in file.blocks]
    if blocks:
        found["blocks"] = blocks
    return found


def _kept(block: Block) -> dict[str, Any]:
    kind, text = block.kind, block.text
    if kind == "ignored":
        # It means nothing to players; as a comment it is not lost, and no fault of the next file.
        kind, text = "comment", f"NOTE\n{text}"
    return {"kind": kind, "text": text, "before": block.before}


def plain_line(value: object) -> str | None:
    """Return a value as the text of one line, None if it is none."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or clean(text) != text or "\n" in text:
        return None
    return text


def whole_payload(value: object) -> str | None:
    """Return a value as cue text that fits between two empty lines, None if it is none."""
    if not isinstance(value, str) or clean(value) != value or "-->" in value:
        return None
    if "\n\n" in value or value.startswith("\n") or value.endswith("\n"):
        return None
    return value


def parts_of_payload(own: dict[str, Any]) -> list[Part]:
    """Return what the payload says that is kept with an annotation, [] if there is none."""
    payload = whole_payload(own.get("payload"))
    if payload is None:
        return []
    try:
        return parts_of(
            payload,
            joined=own.get("voices") == "joined",
            prefix=own.get("speaker") == "prefix",
        )
    except LimitError:
        return []


def own_data(annotation: Annotation) -> dict[str, Any]:
    """Return what is kept with an annotation for WebVTT."""
    return user_data(annotation.metadata, NAME)
