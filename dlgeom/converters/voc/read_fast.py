"""Files as the common tools write them, read by two regular expressions.

The patterns are narrower than XML: plain ASCII text, known elements in the usual order, no
entities, comments or anything else to interpret. A file they match from its first byte to its
last one is well formed and means what lxml would find in it; for any other file there is no
answer, and lxml reads it. A test compares the two on all files at hand.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from dlgeom.limits import Limits

__all__ = ["FLAGS", "OBJECT", "Head", "Plain", "head_fields", "read_plain", "usable"]

_S = r"[ \t\r\n]*+"
_T = r"[ -%'-;=?-~]{0,255}+"  # printable ASCII without & < >
_N = r"-?[0-9]{1,15}+(?:\.[0-9]{1,20}+)?+"
_B = r"[01]?+"


def _element(name: str, content: str) -> str:
    return f"<{name}>({content})</{name}>{_S}"


def _leaves(group: int) -> str:
    """Leaf elements of any name; group number `group` holds the name of the last one."""
    return rf"((?:<([a-z]{{1,40}}+)>{_T}</\{group}>{_S})*+)"


_HEAD = re.compile(
    r"(?:<\?xml version=[\"']1\.0[\"'](?: encoding=[\"'](?:UTF-8|utf-8)[\"'])? ?\?>)?"
    rf"{_S}(<annotation(?: verified=\"(yes|no)\")?>){_S}"
    rf"(?:{_element('folder', _T)})?"
    rf"{_element('filename', _T)}"
    rf"(?:{_element('path', _T)})?"
    rf"(?:<source>{_S}{_leaves(7)}</source>{_S})?"
    rf"(?:<owner>{_S}{_leaves(9)}</owner>{_S})?"
    rf"<size>{_S}{_element('width', '[0-9]{1,9}')}{_element('height', '[0-9]{1,9}')}"
    rf"(?:{_element('depth', '[0-9]{0,4}')})?</size>{_S}"
    rf"(?:{_element('segmented', _B)})?"
)
OBJECT = re.compile(
    rf"(<object>{_S}{_element('name', _T)}(?:{_element('pose', _T)})?"
    rf"(?:{_element('truncated', _B)})?(?:{_element('occluded', _B)})?"
    rf"(?:{_element('difficult', _B)})?"
    rf"<bndbox>{_S}{_element('xmin', _N)}{_element('ymin', _N)}{_element('xmax', _N)}"
    rf"{_element('ymax', _N)}</bndbox>{_S}(?:{_element('difficult', _B)})?</object>{_S})"
)
"""One object. Groups: all of it, name, pose, truncated, occluded, difficult, xmin, ymin, xmax,
ymax, difficult where it comes last."""

FLAGS = ("truncated", "occluded", "difficult")
_LEAF = re.compile(r"<([a-z]+)>([^<]*)<")
_END = "</annotation>"


class Head(msgspec.Struct):
    """What an XML file says about its image.

    Parameters
    ----------
    filename : str or None
        Text of the element, None where it is missing.
    width, height : int or None
        As the file has them, which may be 0 or less; None where there is no such number.
    has_size : bool
        Whether there is an element ``size``.
    fields : dict
        The rest, without what every file says.
    has_path : bool
        Whether the file tells a path of the machine it was made on.
    text, tail : str
        See `VocItem`.
    """

    filename: str | None
    width: int | None
    height: int | None
    fields: dict[str, Any]
    has_size: bool = True
    has_path: bool = False
    text: str = ""
    tail: str = ""


class Plain(msgspec.Struct):
    """A file that the patterns describe: its head and the groups of `OBJECT` for each object."""

    head: Head
    objects: list[tuple[str, ...]]


def usable(limits: Limits) -> bool:
    """Whether the patterns keep within the limits by themselves."""
    return limits.text >= 255 and limits.depth >= 8


def head_fields(
    *,
    folder: str | None,
    source: dict[str, Any] | None,
    owner: dict[str, Any] | None,
    depth: str | None,
    segmented: str | None,
    verified: str | None,
) -> dict[str, Any]:
    """Return the fields that say more than the default that every writer writes."""
    fields: dict[str, Any] = {}
    if folder and folder != "JPEGImages":
        fields["folder"] = folder
    if source:
        fields["source"] = source
    if owner:
        fields["owner"] = owner
    if depth and depth != "3":
        fields["depth"] = int(depth) if depth.isdecimal() and depth.isascii() else depth
    if segmented and segmented != "0":
        fields["segmented"] = int(segmented) if segmented == "1" else segmented
    if verified:
        fields["verified"] = verified
    return fields


def _leaf_values(text: str | None) -> dict[str, Any] | None:
    return dict(_LEAF.findall(text)) if text else None


def read_plain(data: bytes, *, keep: bool) -> Plain | None:
    """Read a file of the common kind.

    Parameters
    ----------
    data : bytes
        The file.
    keep : bool
        Whether the head's text is kept.

    Returns
    -------
    Plain or None
        None for a file that the patterns do not describe, well formed or not.
    """
    if not data.isascii():
        return None
    text = data.decode("ascii")
    match = _HEAD.match(text)
    if match is None:
        return None
    start = match.end()
    end = text.rfind(_END)
    objects = OBJECT.findall(text, start, end) if end > start else []
    # The objects must fill the room between head and end without a gap.
    if end < start or start + sum([len(found[0]) for found in objects]) != end:
        return None
    if text[end + len(_END) :].strip(" \t\r\n"):
        return None
    (_, verified, folder, filename, path, source, _, owner, _, width, height, depth, segmented) = (
        match.groups()
    )
    leaves = _leaf_values(source)
    if leaves is not None and ("path" in leaves or len(leaves) != (source or "").count("</")):
        return None  # a repeated element, or one to leave out: the tree reader knows
    head = Head(
        filename=filename.strip(),
        width=int(width),
        height=int(height),
        fields=head_fields(
            folder=folder,
            source=leaves,
            owner=_leaf_values(owner),
            depth=depth,
            segmented=segmented,
            verified=verified,
        ),
        has_path=bool(path),
        text=text[match.start(1) : start] if keep else "",
    )
    return Plain(head, objects)
