"""What stands in an XML file before and after its objects."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from dlgeom.converters.voc.xmlio import VocItem, escape, value_text
from dlgeom.errors import FormatError
from dlgeom.item import Item

__all__ = ["head_text"]

_PATH = re.compile(r"[ \t\r\n]*<path>[^<]*</path>|[ \t\r\n]*<path/>")
_SIZE = re.compile(r"<(width|height)>([^<]*)</\1>")
_FILENAME = re.compile(r"<filename>[^<]*</filename>|<filename/>")
_KNOWN = frozenset({"folder", "source", "owner", "depth", "segmented", "verified", "void"})


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
        Whether the target has it under another name than the source.
    own : bool
        Whether the source is VOC; its text is used again as far as it still holds, without
        ``path``, which names a place on somebody's machine.
    """
    lost: Counter[str] = Counter()
    if own and isinstance(item, VocItem) and item.head:
        head, tail = item.head, item.tail
        bare, paths = _PATH.subn("", head)
        bare_tail, more = _PATH.subn("", tail)
        if paths + more:
            lost["path"] += 1
        sizes = {name: _whole(text) for name, text in _SIZE.findall(bare)}
        if not renamed and sizes in ({"width": item.width, "height": item.height}, {}):
            end = (
                f"{bare_tail.strip()}\n</annotation>\n" if bare_tail.strip() else "</annotation>\n"
            )
            return bare.rstrip() + "\n", end, lost
    return _new_head(item, filename, segmented, lost, own), "</annotation>\n", lost


def _whole(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() else None


def _new_head(item: Item, filename: str, segmented: bool, lost: Counter[str], own: bool) -> str:
    fields: dict[str, Any] = (item.fields or {}) if own else {}
    verified = fields.get("verified")
    pieces = [
        f'<annotation verified="{verified}">\n' if verified in ("yes", "no") else "<annotation>\n",
        f"\t<folder>{_text(fields.get('folder'), 'JPEGImages')}</folder>\n",
        f"\t<filename>{_text(filename, '')}</filename>\n",
    ]
    for name in ("source", "owner"):
        branch = fields.get(name)
        if isinstance(branch, dict):
            text = _branch(name, branch)
            pieces.append(f"\t{text}\n" if text else "")
            if not text:
                lost[name] += 1
    if item.width is not None and item.height is not None:
        depth = fields.get("depth", 3)
        depth = depth if isinstance(depth, int) else 3
        pieces.append(
            f"\t<size>\n\t\t<width>{item.width}</width>\n\t\t<height>{item.height}</height>\n"
            f"\t\t<depth>{depth}</depth>\n\t</size>\n"
        )
    segmented = segmented or fields.get("segmented") == 1
    pieces.append(f"\t<segmented>{int(segmented)}</segmented>\n")
    for name, value in fields.items():
        if name not in _KNOWN:
            more = value_text(name, value)
            if more is None:
                lost[name] += 1
            else:
                pieces.append(f"\t{more}\n")
    return "".join(pieces)


def _text(value: Any, default: str) -> str:
    try:
        return escape(value) if isinstance(value, str) else default
    except FormatError:
        return default


def _branch(name: str, values: dict[str, Any]) -> str | None:
    if set(values) == {"xml"}:
        return value_text(name, values)
    inner = [value_text(key, value) for key, value in values.items()]
    if None in inner:
        return None
    return f"<{name}>{''.join(text for text in inner if text)}</{name}>"
