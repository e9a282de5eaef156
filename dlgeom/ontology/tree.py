"""The ontology: a tree of labels with colours, ids and attributes, in the platform's form."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dlgeom.colors import Color, parse_color
from dlgeom.errors import FormatError, UsageError
from dlgeom.labels import Label, LabelTable
from dlgeom.nearest import near
from dlgeom.ontology import maps
from dlgeom.ontology.attributes import AttributesRange, AttributesTypes, OntologyAttribute
from dlgeom.ontology.label import OntologyLabel, checked_tag, in_words

__all__ = ["DEFAULT", "Ontology"]

DEFAULT = "$default"
"""Name that stands for the background in `Ontology.instance_map` and `Ontology.color_map`."""

LabelLike = OntologyLabel | str | Mapping[str, Any]


class Ontology:
    """A tree of labels.

    Parameters
    ----------
    labels : iterable of OntologyLabel, str or dict
        The labels, as `add_labels` takes them.
    title : str, optional
        Its name.
    attributes : iterable of OntologyAttribute
        The attributes of its labels.

    Examples
    --------
    >>> ontology = Ontology(["car", "animal.dog", "animal.cat"])
    >>> ontology.instance_map
    {'animal': 1, 'animal.cat': 2, 'animal.dog': 3, 'car': 4}
    """

    def __init__(
        self,
        labels: Iterable[LabelLike] = (),
        title: str | None = None,
        attributes: Iterable[OntologyAttribute] = (),
    ) -> None:
        self.labels: list[OntologyLabel] = []
        self._raw: dict[str, Any] | None = {"title": title, "roots": [], "metadata": {}}
        self._attributes = list(attributes)
        self._old_attributes = False
        self._instances: dict[str, int] = {}
        self._colors: dict[str, Color] = {}
        self._voc_lines = maps.BACKGROUND_LINES
        self.add_labels(labels)

    # -- the platform's form ----------------------------------------------------------------

    @classmethod
    def from_json(cls, _json: Mapping[str, Any] | Sequence[Any]) -> Ontology:
        """Read an ontology.

        Parameters
        ----------
        _json : dict or list
            The platform's object with ``roots``, or the bare list of labels that files of 2019
            have.

        Raises
        ------
        FormatError
            If it is none of these.
        """
        self = cls()
        if isinstance(_json, Mapping):
            roots = _json.get("roots", [])
            self._raw = copy.deepcopy(dict(_json))
            if "roots" not in _json:
                raise FormatError(
                    "has no 'roots'; an ontology lists its labels there", code="schema.field"
                )
        else:
            roots, self._raw = _json, None
        if not isinstance(roots, list | tuple):
            raise FormatError("'roots' is no list of labels", code="schema.type")
        self.labels = [OntologyLabel.from_root(root) for root in roots]
        metadata = self.metadata
        listed = metadata.get("attributes")
        old = (self._raw or {}).get("attributes")
        self._old_attributes = not listed and _are_records(old)
        listed = old if self._old_attributes else listed
        if listed and _are_records(listed):
            self._attributes = [OntologyAttribute.from_json(record) for record in listed]
        return self

    def to_json(self) -> Any:
        """Return the platform's form; what was read and not changed is equal to its source."""
        roots = [label.to_root() for label in self.labels]
        if self._raw is None:
            if not self._attributes:
                return roots
            return {"roots": roots, "metadata": {"attributes": self._attribute_records()}}
        result = copy.deepcopy(self._raw)
        result["roots"] = roots
        holder = result
        if not self._old_attributes:
            if not isinstance(result.get("metadata"), dict) and self._attributes:
                result["metadata"] = {}
            holder = result.get("metadata")  # type: ignore[assignment]
        if isinstance(holder, dict) and (
            self._attributes or _are_records(holder.get("attributes"))
        ):
            holder["attributes"] = self._attribute_records()
        return result

    def _attribute_records(self) -> list[dict[str, Any]]:
        return [attribute.to_json() for attribute in self._attributes]

    @property
    def title(self) -> str | None:
        """Its name."""
        found: str | None = (self._raw or {}).get("title")
        return found

    @title.setter
    def title(self, value: str | None) -> None:
        if self._raw is None:
            self._raw = {}
        self._raw["title"] = value

    @property
    def metadata(self) -> dict[str, Any]:
        """Its metadata, with the attributes as the platform has them; a copy."""
        found = copy.deepcopy((self._raw or {}).get("metadata"))
        metadata: dict[str, Any] = found if isinstance(found, dict) else {}
        if self._attributes and not self._old_attributes:
            metadata["attributes"] = self._attribute_records()
        return metadata

    # -- looking up -------------------------------------------------------------------------

    def walk(self) -> Iterator[tuple[str, OntologyLabel]]:
        """Yield (full name, label) of all labels, parents before their children."""
        for label in self.labels:
            yield from label.walk()

    @property
    def labels_flat_dict(self) -> dict[str, OntologyLabel]:
        """Full name -> label, of all labels; of two of one name the first."""
        flat: dict[str, OntologyLabel] = {}
        for name, label in self.walk():
            flat.setdefault(name, label)
        return flat

    @property
    def color_map(self) -> dict[str, Color]:
        """Full name -> (red, green, blue), with what was set by hand.

        May be set: ``$default`` is the background, other names change the colour of a label here
        but not in the tree.
        """
        return {
            **{name: label.rgb for name, label in self.labels_flat_dict.items()},
            **self._colors,
        }

    @color_map.setter
    def color_map(self, values: Mapping[str, object]) -> None:
        self._colors = {name: parse_color(color) for name, color in values.items()}

    @property
    def instance_map(self) -> dict[str, int]:
        """Full name -> id in a mask: sorted names, from 1; 0 is the background.

        May be set: the ids given count, several labels may share one, ``$default`` is the value
        of the background. Labels without an id there get the next free ones.
        """
        found = dict(self._instances)
        free = max((value for value in found.values()), default=0) + 1
        for name in sorted(self.labels_flat_dict):
            if name not in found:
                found[name] = free
                free += 1
        return found

    @instance_map.setter
    def instance_map(self, values: Mapping[str, int]) -> None:
        for name, value in values.items():
            if isinstance(value, bool) or not hasattr(value, "__index__") or value < 0:
                raise UsageError(f"instance_map: {name!r} has {value!r}; ids are integers >= 0")
        self._instances = {name: int(value) for name, value in values.items()}

    def _find(self, name: str) -> OntologyLabel:
        flat = self.labels_flat_dict
        if name not in flat:
            raise UsageError(f"the ontology has no label {name!r}.{near(name, flat)}")
        return flat[name]

    def __contains__(self, name: object) -> bool:
        return name in self.labels_flat_dict

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ontology):
            return NotImplemented
        return bool(self.to_json() == other.to_json())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Ontology({list(self.labels_flat_dict)!r})"

    # -- changing it ------------------------------------------------------------------------

    def add_label(
        self,
        label_name: str | None = None,
        color: object = None,
        children: Iterable[LabelLike] | None = None,
        attributes: Iterable[str | OntologyAttribute] | None = None,
        display_label: str | None = None,
        label: LabelLike | None = None,
    ) -> OntologyLabel:
        """Add a label; one that is there already gets what is given and is not doubled.

        Parameters
        ----------
        label_name : str
            Its full name: ``animal.dog`` goes below ``animal``, which is added if missing.
        color : str or sequence of int, optional
            See `dlgeom.colors.parse_color`.
        children : iterable, optional
            Labels below it, as `add_labels` takes them.
        attributes : iterable of str or OntologyAttribute, optional
            Keys, or attributes that are added to the ontology for this label.
        display_label : str, optional
            What people read.
        label : OntologyLabel, str or dict, optional
            A label to add as it is, instead of the other arguments.

        Returns
        -------
        OntologyLabel
            The label in the tree.
        """
        if label is not None:
            return self._put(OntologyLabel.of(label))
        if label_name is None:
            raise UsageError("add_label: give label_name, or a label")
        path = _steps(label_name, self.labels_flat_dict)
        found = self._node(path)
        self._change(label_name, found, color, children, attributes, display_label)
        return found

    def _put(self, label: OntologyLabel, path: tuple[str, ...] = ()) -> OntologyLabel:
        """Put a label into the tree; one of its name that is there gets what it says."""
        full = ".".join((*path, label.tag))
        steps = _steps(full, self.labels_flat_dict)
        siblings = self._node(steps[:-1]).children if len(steps) > 1 else self.labels
        node = next((node for node in siblings if node.tag == steps[-1]), None)
        named = label.display_label not in (label.tag, in_words(label.tag))
        if node is None:
            if label.tag != steps[-1]:
                label = label.copy()
                label.tag = steps[-1]
                if not named:
                    label.display_label = in_words(steps[-1])
            siblings.append(label)
            return label
        if label.has_color:
            node.color = label.color
        if label.attributes:
            node.attributes = label.attributes
        if named:
            node.display_label = label.display_label
        for child in label.children:
            self._put(child, tuple(steps))
        return node

    def _node(self, steps: Sequence[str]) -> OntologyLabel:
        """Return the node of a path, with all of it that is missing."""
        siblings = self.labels
        node: OntologyLabel | None = None
        for tag in steps:
            node = next((label for label in siblings if label.tag == tag), None)
            if node is None:
                node = OntologyLabel(tag)
                siblings.append(node)
            siblings = node.children
        assert node is not None
        return node

    def _change(
        self,
        name: str,
        node: OntologyLabel,
        color: object,
        children: Iterable[LabelLike] | None,
        attributes: Iterable[str | OntologyAttribute] | None,
        display_label: str | None,
    ) -> None:
        if color is not None:
            node.color = color
        if display_label is not None:
            node.display_label = display_label
        if attributes is not None:
            given = [attributes] if isinstance(attributes, str | OntologyAttribute) else attributes
            keys = []
            for attribute in given:
                if isinstance(attribute, OntologyAttribute):
                    self._scope(attribute, name)
                keys.append(
                    attribute.key if isinstance(attribute, OntologyAttribute) else attribute
                )
            node.attributes = keys
        listed = [children] if isinstance(children, str | Mapping | OntologyLabel) else children
        for child in listed or ():
            self._put(OntologyLabel.of(child), tuple(_steps(name, self.labels_flat_dict)))

    def _scope(self, attribute: OntologyAttribute, name: str) -> None:
        """Add an attribute for a label."""
        known = next((one for one in self._attributes if one.key == attribute.key), None)
        if known is None:
            known = OntologyAttribute.from_json(attribute.to_json())
            known.scope = [name] if attribute.scope == ["*"] else attribute.scope
            self._attributes.append(known)
        if not known.applies_to(name):
            known.scope = [*known.scope, name]

    def add_labels(self, label_list: Iterable[LabelLike] | LabelLike) -> list[OntologyLabel]:
        """Add several labels.

        Parameters
        ----------
        label_list : iterable of OntologyLabel, str or dict
            Full names; dicts with ``label_name``, ``color``, ``children``, ``attributes``,
            ``display_label``; dicts in the platform's form; labels.

        Returns
        -------
        list of OntologyLabel
            The labels in the tree.
        """
        single = isinstance(label_list, str | Mapping | OntologyLabel)
        listed: Iterable[Any] = [label_list] if single else list(label_list)  # type: ignore[arg-type]
        return [self._put(label) for label in [OntologyLabel.of(given) for given in listed]]

    def update_label(
        self,
        label_name: str,
        color: object = None,
        children: Iterable[LabelLike] | None = None,
        attributes: Iterable[str | OntologyAttribute] | None = None,
        display_label: str | None = None,
        upsert: bool = False,
    ) -> OntologyLabel:
        """Change what is given of a label; `children` take the place of those it has.

        Parameters
        ----------
        upsert : bool, default False
            Whether a label that is not there is added.

        Raises
        ------
        UsageError
            If there is no such label.
        """
        if upsert and label_name not in self:
            return self.add_label(label_name, color, children, attributes, display_label)
        node = self._find(label_name)
        if children is not None:
            node.children = []
        self._change(label_name, node, color, children, attributes, display_label)
        return node

    def delete_labels(
        self, label_names: Iterable[str | OntologyLabel] | str | OntologyLabel
    ) -> None:
        """Delete labels with all that is below them.

        Parameters
        ----------
        label_names : str, OntologyLabel or iterable of them
            Full names, or labels of this tree.

        Raises
        ------
        UsageError
            If there is no such label; nothing is deleted then.
        """
        single = isinstance(label_names, str | OntologyLabel)
        listed: Iterable[Any] = [label_names] if single else list(label_names)  # type: ignore[arg-type]
        doomed = [name if isinstance(name, OntologyLabel) else self._find(name) for name in listed]
        everything = {id(label) for _, label in self.walk()}
        for label in doomed:
            if id(label) not in everything:
                raise UsageError(f"{label!r} is no label of this ontology")
        gone = {id(label) for label in doomed}
        self.labels = _without(self.labels, gone)

    # -- attributes -------------------------------------------------------------------------

    @property
    def attributes(self) -> list[OntologyAttribute]:
        """The attributes, in their order; a new list of the attributes themselves."""
        return list(self._attributes)

    def attributes_of(self, label: str) -> list[OntologyAttribute]:
        """Return the attributes that the objects of a label have: by scope, or by its keys."""
        keys = self._find(label).attributes
        return [one for one in self._attributes if one.applies_to(label) or one.key in keys]

    def update_attributes(
        self,
        title: str,
        key: str,
        attribute_type: AttributesTypes | str,
        scope: Iterable[str] | None = None,
        optional: bool | None = None,
        values: Iterable[Any] | None = None,
        attribute_range: AttributesRange | Mapping[str, float] | None = None,
    ) -> OntologyAttribute:
        """Add an attribute, or change the one that has this key.

        See `OntologyAttribute` for the parameters. Unknown keys of one that is changed are kept.
        """
        fresh = OntologyAttribute(
            key, attribute_type, title, scope, values, attribute_range, optional
        )
        for place, known in enumerate(self._attributes):
            if known.key == key:
                kept = known.to_json()
                inner = kept.get("scriptData")
                merged = OntologyAttribute.from_json({**kept, **fresh.to_json()})
                if isinstance(inner, dict) and "title" in inner:
                    merged.title = title
                self._attributes[place] = merged
                return merged
        self._attributes.append(fresh)
        return fresh

    def delete_attributes(self, keys: Iterable[str] | str) -> None:
        """Delete attributes by their keys.

        Raises
        ------
        UsageError
            If there is no such attribute; nothing is deleted then.
        """
        listed = [keys] if isinstance(keys, str) else list(keys)
        known = [attribute.key for attribute in self._attributes]
        for key in listed:
            if key not in known:
                raise UsageError(f"the ontology has no attribute {key!r}.{near(key, known)}")
        self._attributes = [one for one in self._attributes if one.key not in listed]

    # -- the run's flat table ---------------------------------------------------------------

    @classmethod
    def from_labels(cls, labels: Iterable[Label | str]) -> Ontology:
        """Build a flat ontology from the labels of a run; `to_labels` gives them back.

        Parameters
        ----------
        labels : LabelTable, or iterable of Label or str
            Names stay whole: a dot in one makes no tree.
        """
        self = cls()
        self.labels = [
            OntologyLabel.of_entry(label, place) for place, label in enumerate(LabelTable(labels))
        ]
        return self

    def to_labels(self) -> LabelTable:
        """Return the flat table of all labels: what chunks, readers and writers work with.

        A label that came from a table or a label map says what it said there, with the name and
        the colour that it has now. Others have their full name, the id of `instance_map`, and the
        full name of their parent.
        """
        instances = self.instance_map
        return LabelTable(
            maps.label_of(node, name, instances[name]) for name, node in self._own_labels()
        )

    def _own_labels(self) -> Iterator[tuple[str, OntologyLabel]]:
        """Yield all labels but those that only group others (the supercategories of COCO)."""
        return ((name, node) for name, node in self.walk() if not node.group)

    # -- label maps of other formats --------------------------------------------------------

    @classmethod
    def from_coco_categories(cls, categories: Iterable[Mapping[str, Any]]) -> Ontology:
        """Build an ontology from the ``categories`` of a COCO file.

        A category with a supercategory goes below it: ``dog`` of ``animal`` is ``animal.dog``.

        Raises
        ------
        FormatError
            If a category has no name or no id.
        """
        self = cls()
        self.labels = maps.from_coco(categories)
        return self

    def to_coco_categories(self) -> list[dict[str, Any]]:
        """Return the ``categories`` of a COCO file: the inverse of `from_coco_categories`.

        ``animal.dog`` is ``dog`` of the supercategory ``animal``; ids are those that the source
        gave, else those of `instance_map`.
        """
        return maps.to_coco(self._own_labels(), self.instance_map)

    @classmethod
    def from_yolo_names(
        cls, names: Sequence[str] | Mapping[int | str, str] | str | os.PathLike[str]
    ) -> Ontology:
        """Build an ontology from class names of YOLO.

        Parameters
        ----------
        names : list of str, dict of int to str, or path
            ``names`` of a ``data.yaml``; or the file itself, or one with a name on each line
            (``obj.names``, ``classes.txt``).
        """
        self = cls()
        self.labels = maps.from_yolo(names)
        return self

    def to_yolo_names(self) -> dict[int, str]:
        """Return class index -> name: the source's indexes, else the order of the tree.

        Names are full names.
        """
        return maps.to_yolo(self._own_labels())

    @classmethod
    def from_voc_labelmap(cls, source: str | os.PathLike[str]) -> Ontology:
        """Build an ontology from a ``labelmap.txt`` or a ``.pbtxt``.

        Parameters
        ----------
        source : path or str
            The file; or its text, which has more than one line.
        """
        self = cls()
        self.labels, self._voc_lines = maps.from_voc(source)
        return self

    def to_voc_labelmap(self) -> str:
        """Return the text of a ``labelmap.txt``, with the background first."""
        return maps.to_voc(self._own_labels(), self._voc_lines)

    def to_pbtxt(self) -> str:
        """Return the text of a ``.pbtxt``: an item with id and name for each label."""
        return maps.to_pbtxt(self._own_labels(), self.instance_map)


def _are_records(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)


def _steps(name: str, known: Mapping[str, OntologyLabel]) -> list[str]:
    """Split a full name into the tags of its path; tags that are there may hold dots."""
    checked_tag(name)
    ends = [k for k in range(len(name) - 1, 0, -1) if name[k] == "." and k + 1 < len(name)]
    for cut in [len(name), *ends]:
        head = name[:cut]
        if head in known:
            return [*_path_of(head, known), *_split(name[cut + 1 :])]
    return _split(name)


def _path_of(name: str, known: Mapping[str, OntologyLabel]) -> list[str]:
    """Return the tags that lead to a label that is there."""
    tag = known[name].tag
    rest = name[: -len(tag) - 1]
    return [tag] if name == tag else [*_path_of(rest, known), tag]


def _split(name: str) -> list[str]:
    """Split a name at its dots; one with an empty step is one name."""
    if not name:
        return []
    parts = name.split(".")
    return parts if all(part.strip() for part in parts) else [name]


def _without(labels: list[OntologyLabel], gone: set[int]) -> list[OntologyLabel]:
    kept = [label for label in labels if id(label) not in gone]
    for label in kept:
        label.children = _without(label.children, gone)
    return kept
