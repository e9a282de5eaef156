"""What a VOC file says besides its objects, from its element tree."""

from __future__ import annotations

import math
from typing import Any

from dlgeom.converters.voc.read_fast import Head, head_fields
from dlgeom.converters.voc.read_tree import NUMBER, Note
from dlgeom.converters.voc.xmlio import Element, check_tree, gather, serialise, text_of, to_value
from dlgeom.limits import Limits

__all__ = ["read_head"]

_HEAD_TAGS = frozenset({"folder", "filename", "path", "source", "owner", "size", "segmented"})


def _size(element: Element | None) -> tuple[int | None, int | None, str | None]:
    if element is None:
        return None, None, None
    numbers: list[int | None] = []
    for name in ("width", "height"):
        text = (element.findtext(name) or "").strip()
        value = float(text) if NUMBER.fullmatch(text) else math.nan
        numbers.append(int(value) if value.is_integer() else None)
    depth = element.findtext("depth")
    return numbers[0], numbers[1], None if depth is None else depth.strip()


def _branch(element: Element | None) -> dict[str, Any] | None:
    """Return the children of ``source`` or ``owner``, but a place on somebody's machine."""
    if element is None:
        return None
    values: dict[str, Any] = {}
    for child in element:
        if child.tag != "path":
            gather(values, str(child.tag), to_value(child))
    return values


def read_head(root: Element, *, keep: bool, limits: Limits, shown: str) -> tuple[Head, list[Note]]:
    """Read what an ``annotation`` element says besides its objects.

    Returns
    -------
    head : Head
        The image's part.
    notes : list of Note
        What is doubtful about it.
    """
    notes: list[Note] = []
    first: dict[str, Element] = {}
    unknown: dict[str, Any] = {}
    before: list[str] = []
    after: list[str] = []
    met = False
    for child in root:
        tag = str(child.tag)
        if tag == "object":
            met = True
            continue
        if tag in _HEAD_TAGS:
            if tag in first and tag != "path":
                notes.append(
                    Note("warning", "schema.repeated", f"there are two <{tag}>; the first holds")
                )
            first.setdefault(tag, child)
        elif tag.lower() == "object":
            notes.append(
                Note(
                    "skipped",
                    "schema.unknown",
                    f"<{tag}> is no element of Pascal VOC; names of elements are lower case. "
                    "Rename it to <object>",
                )
            )
            continue
        else:
            if tag.lower() in _HEAD_TAGS:
                notes.append(
                    Note("warning", "schema.unknown", f"<{tag}> is not read; names are lower case")
                )
            check_tree(child, limits=limits, shown=shown)
            gather(unknown, tag, to_value(child))
        if keep:
            (after if met else before).append(serialise(child))
    width, height, depth = _size(first.get("size"))

    def text(name: str) -> str | None:
        return text_of(first[name]) if name in first else None

    fields = head_fields(
        folder=text("folder"),
        source=_branch(first.get("source")),
        owner=_branch(first.get("owner")),
        depth=depth,
        segmented=text("segmented"),
        verified=root.get("verified"),
    )
    fields.update(unknown)
    head = Head(
        filename=text("filename"),
        width=width,
        height=height,
        has_size="size" in first,
        fields=fields,
        has_path=any(
            text_of(path) for child in root if child.tag != "object" for path in child.iter("path")
        ),
        text=_start_tag(root) + "\n" + "\n".join(before) + "\n" if keep else "",
        tail="\n".join(after),
    )
    return head, notes


def _start_tag(root: Element) -> str:
    """Return the start tag of the root with its attributes."""
    from lxml import etree

    if len(root.attrib) > 50:
        # Each of n attributes is looked for among the others: n squared steps. The text has no
        # ">" before the end of the tag, attributes have it as a reference.
        return serialise(root).partition(">")[0].rstrip("/ ") + ">"
    bare = etree.Element("annotation", attrib=dict(root.attrib))
    return serialise(bare).removesuffix("/>").rstrip() + ">"
