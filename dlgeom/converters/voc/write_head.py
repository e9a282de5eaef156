"""What stands in an XML file before and after its objects."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from dlgeom.converters.voc.xmlio import VocItem, escape, value_text
from dlgeom.errors import FormatError
from dlgeom.item import Item

__all__ = ["END", "HEAD_FIELDS", "bare_head", "head_text", "heads_are_bare", "text_or"]

END = "</annotation>\n"
"""What stands after the objects of an image."""

_PATH = re.compile(r"[ \t\r\n]*<path(?:[ \t\r\n][^>]*)?(?:/>|(?<!/)>.*?</path>)", re.DOTALL)
_SIZE = re.compile(r"<size(?:[ \t\r\n][^<>]*?)?(?:/>|>.*?</size>)", re.DOTALL)
_SIDE = re.compile(r"<(width|height)(?:[ \t\r\n][^<>]*?)?(?:/>|>([^<]*)</\1>)")
_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]{1,3})?")
_FILENAME = re.compile(r"<filename>[^<]*</filename>|<filename/>")
HEAD_FIELDS = frozenset({"folder", "source", "owner", "depth", "segmented", "verified"})
"""Fields of an image that have a place here, whatever format the source has."""
_KNOWN = HEAD_FIELDS | {"void"}
_FIELDS, _RECORD = attrgetter("fields"), attrgetter("record")
_MARKS = tuple(f'"{name}"'.encode() for name in sorted(HEAD_FIELDS))


def heads_are_bare(items: Sequence[Item]) -> bool:
    """Whether no image has a field of another format for the head: `bare_head` says it all.

    One search in all records at once; nearly all data sets have nothing of the kind.
    """
    if list(map(_FIELDS, items)).count(None) != len(items):
        return False
    records = b"\n".join(map(_RECORD, items))
    return not any(mark in records for mark in _MARKS)


def bare_head(item: Item, filename: str, segmented: bool = False) -> str:
    """Return what stands before the objects of an image of which only the size is known.

    Parameters
    ----------
    item : Item
        The image.
    filename : str
        Its base name, escaped.
    segmented : bool
        Whether it has masks.
    """
    return (
        f"<annotation>\n\t<folder>JPEGImages</folder>\n\t<filename>{filename}</filename>\n"
        f"{_size_text(item, 3)}\t<segmented>{int(segmented)}</segmented>\n"
    )


def head_text(
    item: Item, filename: str, *, segmented: bool, renamed: bool, own: bool
) -> tuple[str, str, Counter[str]]:
    """Return the text before the first object, after the last one, and fields that were lost.

    Parameters
    ----------
    item : Item
        The image.
    filename : str
        Its base name in the target.
    segmented : bool
        Whether it has masks.
    renamed : bool
        Whether the target has it under another stem than the source.
    own : bool
        Whether the source is VOC; its text is used again as far as it still holds, without
        ``path``, which names a place on somebody's machine.
    """
    lost: Counter[str] = Counter()
    if own and isinstance(item, VocItem) and item.head:
        head, paths = _PATH.subn("", item.head)
        tail, more = _PATH.subn("", item.tail)
        if paths + more:
            lost["path"] += 1
        name = f"<filename>{text_or(filename, '')}</filename>" if renamed else None
        first = _SIZE.search(head) is not None
        texts = [_changed(head, item, name), _changed(tail, item, name, sized=first)]
        if "<size" not in head + tail:
            texts[0] = f"{texts[0].rstrip()}\n{_size_text(item, 3)}"
        end = f"{texts[1].strip()}\n" if texts[1].strip() else ""
        return f"{texts[0].rstrip()}\n", f"{end}</annotation>\n", lost
    return _new_head(item, filename, segmented, lost, own), END, lost


def _changed(text: str, item: Item, filename: str | None, *, sized: bool = False) -> str:
    """Return text of a VOC source with the size and the name that hold now.

    The first size is that of the image (`sized`: it stands before the text); another one was told
    where it was read, and may hold anything.
    """
    if filename is not None:
        text = _FILENAME.sub(lambda _: filename, text, count=1)

    def size(match: re.Match[str]) -> str:
        nonlocal sized
        first, sized = not sized, True
        return _sized(match[0], item) if first else ""

    return _SIZE.sub(size, text)


def _sized(text: str, item: Item) -> str:
    """Return a ``<size>`` with the sides of an image; one that is not known is left out."""
    sides = {"width": item.width, "height": item.height}

    def side(match: re.Match[str]) -> str:
        now, held = sides.pop(match[1], None), _whole(match[2] or "")
        if now is None:  # what was there may be no number at all, or a second one
            fine = match[1] not in seen and held is not None and math.isfinite(held)
            return match[0] if fine else ""
        seen.add(match[1])
        return match[0] if now == held else f"<{match[1]}>{now}</{match[1]}>"

    seen: set[str] = set()
    text = _SIDE.sub(side, text)
    more = "".join(f"<{name}>{now}</{name}>" for name, now in sides.items() if now is not None)
    if not more:
        return text
    if text.endswith("/>"):
        return f"<size>{more}</size>"
    return text.removesuffix("</size>") + more + "</size>"


def _whole(text: str) -> float | None:
    """Return a number as the reader takes it: `float` takes ``4_0`` and digits of other scripts."""
    return float(text) if _NUMBER.fullmatch(text.strip(" \t\r\n")) else None


def _new_head(item: Item, filename: str, segmented: bool, lost: Counter[str], own: bool) -> str:
    fields = (item.fields or {}) if own else _fields_of_others(item, lost)
    if not fields:
        return bare_head(item, text_or(filename, ""), segmented)
    verified = fields.get("verified")
    pieces = [
        f'<annotation verified="{verified}">\n' if verified in ("yes", "no") else "<annotation>\n",
        f"\t<folder>{text_or(fields.get('folder'), 'JPEGImages')}</folder>\n",
        f"\t<filename>{text_or(filename, '')}</filename>\n",
    ]
    for name in ("source", "owner"):
        branch = fields.get(name)
        if isinstance(branch, dict):
            text = _branch(name, branch)
            pieces.append(f"\t{text}\n" if text else "")
            if not text:
                lost[f"image.{name}"] += 1
    depth = fields.get("depth", 3)
    pieces.append(_size_text(item, depth if isinstance(depth, int) else 3))
    segmented = segmented or fields.get("segmented") == 1
    pieces.append(f"\t<segmented>{int(segmented)}</segmented>\n")
    for name, value in fields.items():
        if name not in _KNOWN:
            more = value_text(name, value)
            if more is None:
                lost[f"image.{name}"] += 1
            else:
                pieces.append(f"\t{more}\n")
    return "".join(pieces)


def _fields_of_others(item: Item, lost: Counter[str]) -> dict[str, Any]:
    """Return the fields that another format has kept of a VOC file."""
    if item.fields is None and not any(map(item.record.__contains__, _MARKS)):
        return {}
    extra = item.extra
    found: dict[str, Any] = {}
    for name in HEAD_FIELDS & extra.keys():
        value = extra[name]
        fits = {
            "folder": isinstance(value, str) and text_or(value, "") == value,
            "depth": type(value) is int and value >= 0,
            "segmented": type(value) is int and value in (0, 1),
            "verified": value in ("yes", "no"),
        }
        if fits.get(name, isinstance(value, dict)):
            found[name] = value
        else:
            lost[f"image.{name}"] += 1
    return found


def _size_text(item: Item, depth: int) -> str:
    if item.width is None or item.height is None:
        return ""
    return (
        f"\t<size>\n\t\t<width>{item.width}</width>\n\t\t<height>{item.height}</height>\n"
        f"\t\t<depth>{depth}</depth>\n\t</size>\n"
    )


def text_or(value: Any, default: str) -> str:
    """Return a text escaped; the default for what is no text, or none that XML can hold."""
    try:
        return escape(value) if isinstance(value, str) else default
    except FormatError:
        return default


def _branch(name: str, values: dict[str, Any]) -> str | None:
    inner = [value_text(key, value) for key, value in values.items()]
    if None in inner:
        return None
    return f"<{name}>{''.join(text for text in inner if text)}</{name}>"
