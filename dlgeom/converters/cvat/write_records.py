"""Records as elements: what they say besides geometry, and what of it the file cannot hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from dlgeom.annotation import Annotation
from dlgeom.converters.cvat.read_shapes import COMMON, RESERVED
from dlgeom.converters.cvat.write_labels import LabelBook, quoted
from dlgeom.converters.cvat.write_shapes import Drawer, attributes_text, is_point_set
from dlgeom.converters.cvat.write_tracks import Piece
from dlgeom.converters.items import ItemLosses, fields_of
from dlgeom.converters.voc.xmlio import escape
from dlgeom.definitions import Definition, Pose

__all__ = ["NAME", "Elements", "Named"]

_START = (
    "A-Z_a-z\xc0-\xd6\xd8-\xf6\xf8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
NAME = re.compile(f"(?!(?i:xml))[{_START}][{_START}0-9.\xb7\u0300-\u036f\u203f\u2040-]*")
"""Names that an attribute of an element can have: XML 1.0, section 2.3, without namespaces."""
_OWN = COMMON | {
    *("id", "task_id", "group_id", "score", "end_frame", "rotation", "points", "rle", "shapes"),
    *("left", "top", "width", "height", "xtl", "ytl", "xbr", "ybr", "cx", "cy", "rx", "ry"),
}
_KEPT = frozenset(
    {
        *("source", "automated", "score", "frames", "fixed", "object_visible", "shapes"),
        *("object_id", "frame_num", "end_frame_num", "start_time", "end_time"),
    }
)
_OF_FILMS = frozenset({"object_id", "frame_num", "end_frame_num", "start_time", "end_time"})


class Named(NamedTuple):
    """The attributes of one shape: those of its element, those of its children, names of these."""

    occluded: str
    z_order: str
    children: str
    names: frozenset[str]


class Elements:
    """Makes the text of elements and counts what they cannot hold.

    Parameters
    ----------
    book : LabelBook
        Learns attributes and nodes.
    drawer : Drawer
        Writes geometry.
    """

    def __init__(self, book: LabelBook, drawer: Drawer) -> None:
        self._book = book
        self._drawer = drawer

    def count(
        self, annotation: Annotation, losses: ItemLosses, lost: set[str], *, film: bool
    ) -> None:
        """Count the fields of a record that no element has, and those that were found lost."""
        losses.fields.update(lost)
        written = dict(self._extra(annotation))
        for name in fields_of(annotation):
            if name.startswith("attributes.") or name in written:
                continue
            kept = name in _KEPT and (film or name not in _OF_FILMS)
            if kept and not (name == "automated" and self._is_lost(annotation)):
                continue
            if name == "group_id" and isinstance(annotation.extra.get(name), int | str):
                continue
            if name == "id" and film and annotation.id is None and annotation.object_id is None:
                continue
            losses.fields[name] += 1
        shape = annotation.annotation_definition
        for name in ("template_id", "instance_id") if isinstance(shape, Pose) else ():
            if getattr(shape, name) is not None:
                losses.fields[name] += 1

    @staticmethod
    def _is_lost(annotation: Annotation) -> bool:
        """Whether `automated` comes back as something else: the source says it."""
        if annotation.source is None:
            return False
        return annotation.automated != (annotation.source not in ("manual", "file"))

    def _extra(self, annotation: Annotation) -> list[tuple[str, str]]:
        """Return fields of the source that can be attributes of an element."""
        return [
            (name, value)
            for name, value in annotation.extra.items()
            if isinstance(value, str)
            and (name not in _OWN or name == "rotation")
            and NAME.fullmatch(name)
            and self._book.may_write(value)
        ]

    def head(self, annotation: Annotation, label: str | None) -> list[tuple[str, str]]:
        """Return what a track, or the shape of an image, says of itself."""
        pairs = [("label", label or "")]
        source = annotation.source
        if source is None and not annotation.automated:
            source = "manual"
        if source is not None and self._book.may_write(source):
            pairs.append(("source", source))
        group = annotation.extra.get("group_id")
        if isinstance(group, int | str) and self._book.may_write(str(group)):
            pairs.append(("group_id", str(int(group) if isinstance(group, bool) else group)))
        if annotation.score is not None:
            pairs.append(("score", repr(float(annotation.score))))
        elif isinstance(annotation.extra.get("score"), str):
            pairs.append(("score", annotation.extra["score"]))
        return pairs + self._extra(annotation)

    def named(self, shape: Definition, lost: set[str]) -> Named:
        """Return the attributes of a shape; those that do not come back go to `lost`."""
        found = shape.attributes
        if not isinstance(found, dict):
            # The older form, a list of names: check boxes that are set.
            found = dict.fromkeys(map(str, found or ()), True)
            if found:
                lost.add("attributes")
        occluded, order = "0", "0"
        lines: list[str] = []
        names: set[str] = set()
        for key, value in found.items():
            if key in RESERVED and type(value) is RESERVED[key]:
                if key == "occluded":
                    occluded = "1" if value else "0"
                else:
                    order = str(value)
                continue
            name = str(key).removeprefix("attribute:")
            if name not in RESERVED:
                name = str(key)
            text, same = self._book.attribute(shape.label, name, value)
            if not same:
                lost.add(f"attributes.{key}")
            if text is not None:
                names.add(name)
                lines.append(f"<attribute name={quoted(name)}>{escape(text)}</attribute>\n")
        return Named(occluded, order, "".join(lines), frozenset(names))

    def body(
        self, shape: Definition, visible: bool, fixed: bool | None, lost: set[str]
    ) -> tuple[str, list[tuple[str, str]], str]:
        """Return name, geometry and nodes of the element of a shape.

        `fixed` is None in an image, where nodes have no key frames.
        """
        if not isinstance(shape, Pose) or self._is_points(shape):
            name, pairs = self._drawer.element(shape)
            return name, pairs, ""
        if not self._book.pose(shape.label, shape):
            lost.add("skeleton")
        lines = []
        for point, (x, y, seen), label in zip(
            shape.points, shape.keypoints.tolist(), shape.names, strict=True
        ):
            outside = "0" if visible and seen else "1"
            pairs = [("label", label), ("outside", outside)]
            named = self.named(point.replace(label=None), lost)
            occluded = "1" if seen == 1 or named.occluded == "1" else "0"
            pairs.append(("occluded", occluded))
            if fixed is not None:
                pairs.append(("keyframe", str(int(fixed))))
            pairs.append(("points", self._drawer.node(x, y)))
            inner = f"\n{named.children}</points>\n" if named.children else "/>\n"
            lines.append(
                f"<points{attributes_text(pairs)}" + (">" + inner if named.children else inner)
            )
        return "skeleton", [], "".join(lines)

    @staticmethod
    def _is_points(shape: Pose) -> bool:
        return len(shape.keypoints) > 1 and is_point_set(shape)

    def image_shape(self, annotation: Annotation, shape: Definition, lost: set[str]) -> str:
        """Return the element of a shape of an image."""
        name, geometry, nodes = self.body(shape, True, None, lost)
        named = self.named(shape, lost)
        pairs = self.head(annotation, shape.label)
        if name != "tag":
            pairs += [("occluded", named.occluded), *geometry, ("z_order", named.z_order)]
        pairs = _once(pairs)
        inner = nodes + named.children
        text = attributes_text(pairs)
        return f"<{name}{text}>\n{inner}</{name}>\n" if inner else f"<{name}{text}/>\n"

    def track(
        self,
        annotation: Annotation,
        piece: Piece,
        identifier: str,
        lost: set[str],
        say: Callable[[str], None],
    ) -> str:
        """Return the element of a track; `say` is told the code of what it costs."""
        mode = annotation.interpolation if annotation.later else "approach"
        extras: Any = annotation.extra.get("shapes")
        extras = extras if isinstance(extras, dict) else {}
        label = piece.rows[0].shape.label
        pairs = [("id", identifier), *self.head(annotation, label)]
        if piece.end is not None:
            pairs.append(("end_frame", str(piece.end)))
        lines = [f"<track{attributes_text(_once(pairs))}>\n"]
        held: dict[str, None] = {}
        for row in piece.rows:
            fixed = row.fixed or mode != "approach"
            if fixed != row.fixed:
                lost.add("fixed")
            name, geometry, nodes = self.body(row.shape, row.visible, fixed, lost)
            named = self.named(row.shape, lost)
            children = named.children
            for gone in [key for key in held if key not in named.names]:
                if self._book.may_end(row.shape.label, gone):
                    children += f"<attribute name={quoted(gone)}></attribute>\n"
                    del held[gone]
                else:
                    say("video.attributes")
            held.update(dict.fromkeys(sorted(named.names)))
            own = [
                ("frame", str(row.frame)),
                ("outside", str(int(not row.visible))),
                ("occluded", named.occluded),
                ("keyframe", str(int(fixed))),
                *geometry,
                ("z_order", named.z_order),
            ]
            more = extras.get(str(row.frame))
            if isinstance(more, dict):
                own += [
                    (key, value)
                    for key, value in more.items()
                    if isinstance(key, str)
                    and isinstance(value, str)
                    and NAME.fullmatch(key)
                    and self._book.may_write(value)
                ]
            lines.append(f"<{name}{attributes_text(_once(own))}>\n{nodes}{children}</{name}>\n")
        return "".join([*lines, "</track>\n"])


def _once(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return attributes of an element, the first of each name."""
    return list({name: (name, value) for name, value in reversed(pairs)}.values())[::-1]
