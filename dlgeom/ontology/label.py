"""One label of an ontology: a node of the tree."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dlgeom.colors import Color, color_of_name, hex_of, parse_color
from dlgeom.errors import DlgeomError, FormatError, UsageError
from dlgeom.labels import Label

__all__ = ["OntologyLabel"]

MAX_DEPTH = 64
"""Levels of a tree; below Python's recursion limit, above any real one."""


class OntologyLabel:
    """A label with its colour, its attributes and the labels below it.

    Parameters
    ----------
    tag : str
        Its own name; the full name of a child is that of its parent, a dot, and its tag.
    color : str or sequence of int, optional
        See `dlgeom.colors.parse_color`. Without one it has a colour that follows from its name.
    display_label : str, optional
        What people read; the tag in words if not given.
    attributes : list of str, optional
        Keys of attributes.
    children : iterable of OntologyLabel, dict or str, optional
        The labels below it.

    Examples
    --------
    >>> animal = OntologyLabel("animal", color="#ff0000", children=["dog", {"label_name": "cat"}])
    >>> [child.tag for child in animal.children], animal.rgb
    (['dog', 'cat'], (255, 0, 0))
    """

    __slots__ = ("_node", "_read", "_value", "_wrapped", "children", "entry", "group", "position")

    def __init__(
        self,
        tag: str,
        color: object = None,
        display_label: str | None = None,
        attributes: Iterable[str] | None = None,
        children: Iterable[object] | None = None,
    ) -> None:
        self._value: dict[str, Any] = {"tag": checked_tag(tag)}
        self._value["displayLabel"] = in_words(tag) if display_label is None else display_label
        if color is not None:
            self._value["color"] = _spelled(color)
        self._value["attributes"] = list(attributes or ())
        self._node: dict[str, Any] = {"children": []}
        self._wrapped, self._read = True, False
        self.children: list[OntologyLabel] = [OntologyLabel.of(child) for child in children or ()]
        self._unattached()

    def _unattached(self) -> None:
        """Say that it comes from no label map.

        `entry` is what a table or label map says of it, `position` its place there, and a
        `group` is no label there but holds others together (a supercategory of COCO).
        """
        self.entry: Label | None = None
        self.position: int | None = None
        self.group = False

    @classmethod
    def of_entry(cls, entry: Label, position: int, tag: str | None = None) -> OntologyLabel:
        """Make a node of what a table or a label map says."""
        tag = entry.name if tag is None else tag
        value = {"tag": tag, "displayLabel": in_words(tag), "attributes": []}
        if entry.color is not None:
            value["color"] = hex_of(entry.color)
        self = cls.from_root({"value": value, "children": []})
        self._read = False
        self.entry, self.position = entry, position
        return self

    @classmethod
    def of(cls, given: object) -> OntologyLabel:
        """Return a label as it is, or make one of a name or of a dict.

        Parameters
        ----------
        given : OntologyLabel, str or mapping
            A dict is the platform's form (`from_root`), or has the keyword arguments of
            `Ontology.add_label`.
        """
        if isinstance(given, OntologyLabel):
            return given
        if isinstance(given, str):
            return cls(given)
        if isinstance(given, Mapping):
            if "label_name" in given and "value" not in given:
                known = {"label_name", "color", "children", "attributes", "display_label"}
                if odd := [key for key in given if key not in known]:
                    raise UsageError(
                        f"label {given['label_name']!r} has the key {odd[0]!r}; keys are "
                        f"{', '.join(sorted(known))}"
                    )
                fields = {key: value for key, value in given.items() if key != "label_name"}
                return cls(given["label_name"], **fields)
            return cls.from_root(given)
        raise UsageError(
            f"label is {given!r}; it is a name, a dict such as {{'label_name': 'cat'}}, or an "
            "OntologyLabel"
        )

    @classmethod
    def from_root(cls, root: Mapping[str, Any], _depth: int = 0) -> OntologyLabel:
        """Take the platform's record ``{"value": {"tag": ...}, "children": [...]}``.

        Unknown keys are kept. The flat form, without ``value``, is read as well.

        Raises
        ------
        FormatError
            If something is not what it has to be.
        """
        if _depth > MAX_DEPTH:
            raise FormatError(
                f"labels are nested more than {MAX_DEPTH} deep; no ontology is", code="limit.depth"
            )
        if not isinstance(root, Mapping):
            raise FormatError(
                f"label {root!r} is no object; it has 'value' and 'children'", code="schema.type"
            )
        self = cls.__new__(cls)
        wrapped = isinstance(root.get("value"), Mapping)
        value = dict(root["value"] if wrapped else root)
        below = root.get("children")
        tag = value.get("tag")
        if not isinstance(tag, str):
            raise FormatError(f"label {value!r} has no text as 'tag'", code="schema.field")
        if below is not None and not isinstance(below, list):
            raise FormatError(f"children of label {tag!r} are no list", code="schema.type")
        if not wrapped:
            value.pop("children", None)
        self._wrapped, self._read = wrapped, True
        self._value = copy.deepcopy(value)
        self._node = {
            key: copy.deepcopy(kept)
            for key, kept in root.items()
            if wrapped and key not in ("value", "children")
        }
        if "children" in root:
            self._node["children"] = None if below is None else []
        self.children = [cls.from_root(child, _depth + 1) for child in below or ()]
        self._unattached()
        return self

    def to_root(self) -> dict[str, Any]:
        """Return the platform's record; one that was read and not changed is equal to it."""
        value = copy.deepcopy(self._value)
        if not self._read:
            value.setdefault("color", self.hex)
        node = copy.deepcopy(self._node)
        if self.children:
            node["children"] = [child.to_root() for child in self.children]
        return {"value": value, **node} if self._wrapped else {**value, **node}

    def copy(self) -> OntologyLabel:
        """Return a copy, with copies of the labels below it."""
        fresh = copy.copy(self)
        fresh._value, fresh._node = copy.deepcopy(self._value), copy.deepcopy(self._node)
        fresh.children = [child.copy() for child in self.children]
        return fresh

    # What it says.

    @property
    def tag(self) -> str:
        """Its own name."""
        found: str = self._value["tag"]
        return found

    @tag.setter
    def tag(self, value: str) -> None:
        self._value["tag"] = checked_tag(value)

    @property
    def display_label(self) -> str:
        """What people read."""
        found = self._value.get("displayLabel")
        return self.tag if found is None else str(found)

    @display_label.setter
    def display_label(self, value: str) -> None:
        self._value["displayLabel"] = value

    @property
    def color(self) -> Any:
        """The colour as it was given, None if there is none; see `rgb`."""
        return self._value.get("color")

    @color.setter
    def color(self, value: object) -> None:
        if value is None:
            self._value.pop("color", None)
        else:
            self._value["color"] = _spelled(value)

    @property
    def rgb(self) -> Color:
        """Red, green and blue; without a colour that can be read one that its tag gives."""
        if self.color is not None:
            try:
                return parse_color(self.color)
            except DlgeomError:
                pass  # what a file says stays as it is
        return color_of_name(self.tag)

    @property
    def hex(self) -> str:
        """The colour as ``#rrggbb``."""
        return hex_of(self.rgb)

    @property
    def has_color(self) -> bool:
        """Whether it has a colour of its own."""
        try:
            return self.color is not None and bool(parse_color(self.color))
        except DlgeomError:
            return False

    @property
    def attributes(self) -> list[Any]:
        """Keys of its attributes; to change them, set the list anew."""
        return list(self._value.get("attributes") or ())

    @attributes.setter
    def attributes(self, value: Iterable[Any]) -> None:
        self._value["attributes"] = list(value)

    @property
    def extra(self) -> dict[str, Any]:
        """Unknown keys of its record; a copy."""
        known = {"tag", "displayLabel", "color", "attributes"}
        found = {key: value for key, value in self._value.items() if key not in known}
        return copy.deepcopy(found)

    def set_extra(self, key: str, value: Any) -> None:
        """Set a key of its record that no property has."""
        self._value[key] = value

    def walk(self, prefix: str = "") -> Iterator[tuple[str, OntologyLabel]]:
        """Yield (full name, label) of it and of all below, parents first."""
        name = f"{prefix}.{self.tag}" if prefix else self.tag
        yield name, self
        for child in self.children:
            yield from child.walk(name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OntologyLabel):
            return NotImplemented
        return self.to_root() == other.to_root()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        below = f", {len(self.children)} children" if self.children else ""
        return f"OntologyLabel({self.tag!r}, {self.hex}{below})"


def checked_tag(tag: object) -> str:
    """Return a tag, or raise `UsageError` if it is none."""
    if isinstance(tag, str) and tag:
        return tag
    raise UsageError(f"label name is {tag!r}; it is text with at least one character")


def in_words(tag: str) -> str:
    """Return a tag as people read it: ``unknown_vehicle`` is ``Unknown Vehicle``."""
    return " ".join(word[:1].upper() + word[1:] for word in tag.split("_"))


def _spelled(color: object) -> str:
    """Return a colour in the platform's spelling; a text that is one stays as it is."""
    parsed = parse_color(color)
    return color if isinstance(color, str) else hex_of(parsed)
