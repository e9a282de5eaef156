"""SRT cues to annotations and back.

What a cue says beyond times and text is kept in ``metadata["user"]["srt"]``: ``coordinates`` and,
where the text has tags, ``payload``. A payload is written again only while its plain text is the
annotation's text.
"""

from __future__ import annotations

from typing import Any

from dlgeom.annotation import Annotation
from dlgeom.converters.srt.file import Cue
from dlgeom.converters.srt.markup import markup_of_vtt, plain_text
from dlgeom.converters.subtitles.spans import subtitle_annotation, user_data
from dlgeom.converters.vtt.mapping import clean, parts_of_payload, plain_line
from dlgeom.item import Item

__all__ = ["NAME", "annotation_of_cue", "coordinates_of", "payload_of"]

NAME = "srt"
ARROW = "\u2192"


def annotation_of_cue(cue: Cue, item: Item, label: str) -> Annotation:
    """Return the annotation of a cue."""
    text = plain_text(cue.text)
    own: dict[str, Any] = {}
    if cue.coordinates:
        own["coordinates"] = cue.coordinates
    if text != cue.text:
        own["payload"] = cue.text
    return subtitle_annotation(text, label, cue.start, cue.end, item, {NAME: own} if own else {})


def fitting(text: str) -> str:
    """Return text as it can stand in a file: no blank lines around it, no arrow of times."""
    lines = clean(text).replace("-->", ARROW).split("\n")
    first, last = 0, len(lines)
    while first < last and not lines[first].strip():
        first += 1
    while last > first and not lines[last - 1].strip():
        last -= 1
    return "\n".join(lines[first:last])


def payload_of(annotation: Annotation) -> tuple[str, bool, bool]:
    """Return the text that is written for a subtitle.

    Returns
    -------
    text : str
        With the tags that the source had, as far as SRT has them.
    same : bool
        Whether reading gives the annotation's text.
    whole : bool
        Whether no tags of the source are lost.
    """
    definition: Any = annotation.annotation_definition
    said: str = definition.text
    whole = True
    own = user_data(annotation.metadata, NAME).get("payload")
    if own is not None:
        if isinstance(own, str) and fitting(own) == own and plain_text(own) == said:
            return own, True, True
        whole = False
    vtt = user_data(annotation.metadata, "vtt")
    if "payload" in vtt:
        parts = parts_of_payload(vtt)
        text, all_tags = markup_of_vtt(str(vtt["payload"])) if parts else ("", False)
        if len(parts) == 1 and fitting(text) == text and plain_text(text) == said:
            return text, True, whole and all_tags
        whole = whole and all_tags and "<" not in text
    text = fitting(said)
    return text, plain_text(text) == said, whole


def coordinates_of(annotation: Annotation) -> str | None:
    """Return what follows the end time, None if it cannot stand there."""
    line = plain_line(user_data(annotation.metadata, NAME).get("coordinates", ""))
    return None if line is None or "-->" in line else line.strip()
