"""The labels of a file: those of the source as they were, with what records say in addition."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from dlgeom.converters.cvat.meta import LabelSpec
from dlgeom.converters.cvat.stream import safe_parser
from dlgeom.converters.cvat.text import AttributeSpec, kind_of, text_of_value, typed
from dlgeom.converters.voc.xmlio import Element, escape, serialise
from dlgeom.definitions import Pose
from dlgeom.errors import FormatError
from dlgeom.labels import Label
from dlgeom.limits import Limits

__all__ = ["LabelBook", "quoted"]

_CHOICES = ("select", "radio")


def quoted(text: str) -> str:
    """Return text for an attribute of an element, with its quotes.

    Raises
    ------
    FormatError
        ``text.control``.
    """
    found = escape(text)
    # Blanks other than spaces would be read back as spaces (XML 1.0, section 3.3.3).
    found = found.replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")
    return f'"{found}"'


class _Known(msgspec.Struct):
    """What is known of one label so far."""

    spec: LabelSpec
    added: dict[str, AttributeSpec] = msgspec.field(default_factory=dict)
    values: dict[str, list[str]] = msgspec.field(default_factory=dict)
    nodes: list[str] = msgspec.field(default_factory=list)
    edges: list[tuple[str, str]] = msgspec.field(default_factory=list)


class LabelBook:
    """Collects what the labels of a file have to say; written when all records are known.

    Parameters
    ----------
    labels : iterable of Label
        All classes of the data set.
    kept : mapping of str to LabelSpec
        Labels as a source of the same format has them.
    mutable : bool
        Whether attributes may change along a track.
    limits : Limits
        ``text``: no longer one is written.
    """

    def __init__(
        self,
        labels: Iterable[Label],
        kept: Mapping[str, LabelSpec],
        *,
        mutable: bool,
        limits: Limits,
    ) -> None:
        self._kept = kept
        self._mutable = mutable
        self._limits = limits
        self._known: dict[str, _Known] = {}
        for label in labels:
            self._of(label.name, label)

    def _of(self, name: str, label: Label | None = None) -> _Known:
        found = self._known.get(name)
        if found is None:
            spec = self._kept.get(name)
            found = _Known(LabelSpec(label or Label(name=name)) if spec is None else spec)
            if spec is not None and label is not None and label.color != spec.label.color:
                plain = msgspec.structs.replace(spec.label, color=label.color)
                found.spec = msgspec.structs.replace(spec, label=plain)
            self._known[name] = found
        return found

    def may_write(self, text: str) -> bool:
        """Whether XML can hold a text, and it is not longer than what is read again."""
        try:
            escape(text)
        except FormatError:
            return False
        return len(text) <= self._limits.text

    def attribute(self, label: str | None, name: str, value: Any) -> tuple[str | None, bool]:
        """Return the text of an attribute, None if it has none, and whether it comes back as is."""
        text = text_of_value(value)
        if text is None or not self.may_write(text) or not name or not self.may_write(name):
            return None, False
        if label is None:
            return text, isinstance(value, str)
        known = self._of(label)
        spec = known.spec.attributes.get(name) or known.added.get(name)
        if spec is None:
            spec = AttributeSpec(name, kind_of(value), self._mutable)
            known.added[name] = spec
        if spec.input_type in _CHOICES and not _offers(spec, text):
            more = known.values.setdefault(name, [])
            if text not in more and "\n" not in text:
                more.append(text)
        again = typed(text, spec)
        return text, type(again) is type(value) and again == value

    def may_end(self, label: str | None, name: str) -> bool:
        """Whether an empty text says that an attribute is no more."""
        if label is None:
            return False
        known = self._of(label)
        spec = known.spec.attributes.get(name) or known.added.get(name)
        return spec is not None and spec.input_type in ("number", "checkbox")

    def pose(self, label: str | None, pose: Pose) -> bool:
        """Add the nodes and edges of a skeleton; return whether its edges come back."""
        if label is None:
            return not pose.skeleton
        known = self._of(label)
        if not known.nodes:
            known.nodes = list(known.spec.label.keypoints)
            known.edges = _edges(known.spec.label)
        names = list(pose.names)
        fresh = [name for name in names if name not in known.nodes and self.may_write(name)]
        edges = [(names[a], names[b]) for a, b in pose.skeleton]
        if fresh and not set(known.nodes) & set(names):
            known.edges += [edge for edge in edges if edge not in known.edges]
        elif not known.edges and not any(self._first(known, name) for name in names):
            known.edges = list(edges)
        known.nodes += list(dict.fromkeys(fresh))
        there = set(names)
        due = [edge for edge in known.edges if there.issuperset(edge)]
        return len(there) == len(names) and due == edges

    @staticmethod
    def _first(known: _Known, name: str) -> bool:
        return name in known.spec.label.keypoints

    def xml(self) -> str:
        """Return the element ``labels``."""
        return (
            "<labels>\n"
            + "".join(self._label(known) for known in self._known.values())
            + ("</labels>")
        )

    def _label(self, known: _Known) -> str:
        label = known.spec.label
        if not self.may_write(label.name):
            return ""
        nodes = known.nodes or list(label.keypoints if _is_template(label) else ())
        edges = known.edges
        if not known.nodes:
            edges = _edges(label) if nodes else []
        there = [name for name, _ in known.spec.nodes]
        fresh = nodes if nodes and (nodes != there or not known.spec.xml) else []
        if known.spec.xml:
            element = _parsed(known.spec.xml)
            self._extend(element, known)
            if fresh:
                _put(element, "type", "skeleton")
                _put(element, "svg", _drawing(nodes, edges))
            text = serialise(element).strip() + "\n"
        else:
            text = self._fresh(known, nodes, edges)
        known_nodes = dict(known.spec.nodes)
        for name in nodes or there:
            xml = known_nodes.get(name)
            text += (_node(name, label.name) if xml is None else xml.strip()) + "\n"
        return text

    def _fresh(self, known: _Known, nodes: list[str], edges: list[tuple[str, str]]) -> str:
        label = known.spec.label
        lines = [f"<label>\n  <name>{escape(label.name)}</name>"]
        if label.color is not None:
            lines.append("  <color>#{:02x}{:02x}{:02x}</color>".format(*label.color))
        lines.append(f"  <type>{'skeleton' if nodes else 'any'}</type>\n  <attributes>")
        lines += [_attribute(spec) for spec in known.added.values()]
        lines.append("  </attributes>")
        if nodes:
            lines.append(f"  <svg>{escape(_drawing(nodes, edges))}</svg>")
        return "\n".join([*lines, "</label>\n"])

    def _extend(self, element: Element, known: _Known) -> None:
        """Add attributes, values and a new colour to a label of the source."""
        label = known.spec.label
        if label.color is not None:
            text = "#{:02x}{:02x}{:02x}".format(*label.color)
            old = element.findtext("color")
            if old is None or old.strip().lower() != text:
                _put(element, "color", text)
        group = element.find("attributes")
        if group is None and known.added:
            group = _put(element, "attributes", "\n")
        for spec in known.added.values():
            entry = group.makeelement("attribute")
            group.append(entry)
            for key, value in (
                ("name", spec.name),
                ("mutable", str(spec.mutable)),
                ("input_type", spec.input_type),
                ("default_value", ""),
                ("values", ""),
            ):
                _put(entry, key, value)
        for name, more in known.values.items():
            for entry in element.iterfind("attributes/attribute"):
                if (entry.findtext("name") or "") == name:
                    _put(entry, "values", "\n".join([*known.spec.attributes[name].values, *more]))


def _node(name: str, parent: str) -> str:
    """Return the label of a node of a skeleton."""
    return (
        f"<label>\n  <name>{escape(name)}</name>\n  <type>points</type>\n"
        f"  <attributes>\n  </attributes>\n  <parent>{escape(parent)}</parent>\n</label>"
    )


def _attribute(spec: AttributeSpec) -> str:
    return (
        f"    <attribute>\n      <name>{escape(spec.name)}</name>\n"
        f"      <mutable>{spec.mutable}</mutable>\n"
        f"      <input_type>{spec.input_type}</input_type>\n"
        "      <default_value></default_value>\n      <values></values>\n    </attribute>"
    )


def _offers(spec: AttributeSpec, text: str) -> bool:
    """Whether a value can be chosen; some tools write all of them into one line."""
    return text in spec.values or any(text in line.split() for line in spec.values)


def _is_template(label: Label) -> bool:
    """Whether the key points of a label have names: else they only count the points."""
    return label.keypoints != tuple(str(k) for k in range(len(label.keypoints)))


def _edges(label: Label) -> list[tuple[str, str]]:
    """Return the edges of a class by names; files may have some between points it has not."""
    names = label.keypoints
    return [
        (names[a], names[b]) for a, b in label.skeleton if 0 <= min(a, b) <= max(a, b) < len(names)
    ]


def _parsed(xml: str) -> Element:
    from lxml import etree

    return etree.fromstring(xml.encode(), safe_parser())


def _put(element: Element, name: str, text: str) -> Element:
    """Set the text of a child, made if it is missing."""
    child = element.find(name)
    if child is None:
        child = element.makeelement(name)
        element.append(child)
        child.tail = "\n"
    for inner in list(child):
        child.remove(inner)
    child.text = text
    return child


def _drawing(nodes: list[str], edges: list[tuple[str, str]]) -> str:
    """Return the drawing of a skeleton, its nodes on a circle, as CVAT reads it."""
    places = {name: k + 1 for k, name in enumerate(nodes)}
    at = {
        name: (
            round(50 + 40 * math.sin(2 * math.pi * k / len(nodes)), 3),
            round(50 - 40 * math.cos(2 * math.pi * k / len(nodes)), 3),
        )
        for k, name in enumerate(nodes)
    }
    lines = [
        f'<line x1="{at[a][0]}" y1="{at[a][1]}" x2="{at[b][0]}" y2="{at[b][1]}" stroke="black" '
        f'data-type="edge" data-node-from="{places[a]}" stroke-width="0.5" '
        f'data-node-to="{places[b]}"></line>'
        for a, b in edges
    ]
    circles = [
        f'<circle r="1.5" stroke="black" fill="#b3b3b3" cx="{x}" cy="{y}" stroke-width="0.1" '
        f'data-type="element node" data-element-id="{places[name]}" '
        f'data-node-id="{places[name]}" data-label-name={quoted(name)}></circle>'
        for name, (x, y) in at.items()
    ]
    return "".join(lines + circles)
