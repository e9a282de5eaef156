"""`Filters`, as the documents have it, for local data sets."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from dlgeom.errors import UsageError
from dlgeom.filters.fields import FIELDS, PATHS, fact_of
from dlgeom.filters.globs import clean_path, has_wildcard
from dlgeom.filters.parser import compare, literal_fault, membership
from dlgeom.filters.tree import (
    And,
    AnyOf,
    Compare,
    Constant,
    Exists,
    Field,
    Match,
    Node,
    Not,
    Or,
)
from dlgeom.nearest import near

__all__ = [
    "Filters",
    "FiltersKnownFields",
    "FiltersMethod",
    "FiltersOperations",
    "FiltersOrderByDirection",
    "FiltersResource",
]


class FiltersResource(StrEnum):
    """What is chosen."""

    ITEM = "items"
    ANNOTATION = "annotations"


class FiltersOperations(StrEnum):
    """How a field is compared."""

    OR = "or"
    AND = "and"
    IN = "in"
    NOT_EQUAL = "ne"
    EQUAL = "eq"
    GREATER_THAN = "gt"
    LESS_THAN = "lt"
    EXISTS = "exists"
    MATCH = "match"
    NIN = "nin"


class FiltersMethod(StrEnum):
    """Whether all conditions have to hold, or one of those added so."""

    OR = "or"
    AND = "and"


class FiltersOrderByDirection(StrEnum):
    """The order of a sort."""

    DESCENDING = "descending"
    ASCENDING = "ascending"


class FiltersKnownFields(StrEnum):
    """Fields that all platforms' items have."""

    DIR = "dir"
    ANNOTATED = "annotated"
    FILENAME = "filename"
    CREATED_AT = "createdAt"
    UPDATED_AT = "updatedAt"
    LABEL = "label"
    NAME = "name"
    HIDDEN = "hidden"
    TYPE = "type"


_OPERATORS = ("eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "exists", "match")
_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}

_OF_ITEMS = {
    "filename": "image.name",
    "name": "image.file",
    "dir": "image.dir",
    "id": "image.id",
    "type": "image.kind",
    "hidden": "image.hidden",
    "annotated": "image.annotated",
    "metadata": "image.metadata",
    "extra": "image.extra",
    "width": "image.width",
    "height": "image.height",
    "subset": "image.subset",
    "split": "image.subset",
    "media": "image.media",
    "fps": "image.fps",
    "frames": "image.frames",
    "createdAt": "image.extra",
    "updatedAt": "image.extra",
    "creator": "image.extra",
}
_WITH_KEY = frozenset({"createdAt", "updatedAt", "creator"})
"""Names of items that are fields of the file's own record."""

_OF_ANNOTATIONS = {
    "createdAt": "created_at",
    "updatedAt": "updated_at",
    "updatedBy": "updated_by",
    "objectId": "object_id",
    "parentId": "parent_id",
    "startTime": "start_time",
    "endTime": "end_time",
    "frame": "frame_num",
    "endFrame": "end_frame_num",
    "confidence": "score",
    **{name: name for name in FIELDS if not name.startswith("image.")},
}
_THROUGH_ITEM = frozenset({"filename", "dir", "name", "annotated"})
"""Names of items that may be asked of annotations, too."""


class Condition(msgspec.Struct, frozen=True):
    """One condition as it was added."""

    field: str
    values: Any
    operator: str | None

    def to_json(self) -> dict[str, Any]:
        """Return the platform's form."""
        if self.operator is None:
            return {self.field: self.values}
        return {self.field: {f"${self.operator}": self.values}}


class Filters:
    """Conditions that choose items, or annotations, of a local data set.

    Parameters
    ----------
    resource : {"items", "annotations"}
        What is chosen.
    field, values, operator, method
        A first condition, as for `add`.

    Notes
    -----
    Fields of items: ``filename`` (path in the data set), ``name`` (its last part), ``dir``, ``id``,
    ``type`` (``file``, or image, video, audio, text), ``metadata.*``, ``width``, ``height``,
    ``subset``, ``annotated``. Fields of annotations: ``label``, ``type``, ``id``, ``score``,
    ``attributes.*``, ``metadata.*`` and all that expressions know. A field of annotations asked of
    items holds if one annotation of the item has that value, and ``ne`` and ``nin`` hold if none
    has it.

    Examples
    --------
    >>> filters = Filters(field="dir", values="/train/**")
    >>> filters.add_join(field="label", values="cat")
    >>> filters.sort_by(field="filename", value="descending")
    """

    def __init__(
        self,
        resource: FiltersResource | str = FiltersResource.ITEM,
        field: str | None = None,
        values: Any = None,
        operator: FiltersOperations | str | None = None,
        method: FiltersMethod | str | None = None,
    ) -> None:
        try:
            self._resource = FiltersResource(resource)
        except ValueError:
            raise UsageError(
                f"resource is {resource!r}; it is 'items' or 'annotations'."
                f"{near(str(resource), [kind.value for kind in FiltersResource])}"
            ) from None
        self.and_filter_list: list[Condition] = []
        self.or_filter_list: list[Condition] = []
        self._join_and: list[Condition] = []
        self._join_or: list[Condition] = []
        self.sort: dict[str, str] = {}
        self.recursive = True
        if field is not None:
            self.add(field, values, operator, method)

    @property
    def resource(self) -> FiltersResource:
        """What is chosen."""
        return self._resource

    def add(
        self,
        field: str,
        values: Any = None,
        operator: FiltersOperations | str | None = None,
        method: FiltersMethod | str | None = None,
    ) -> None:
        """Add a condition.

        Parameters
        ----------
        field : str
            A field; ``metadata.user.key`` goes down.
        values : object
            What it is compared with; a list means any of it. In paths ``*`` stands for a part of
            a name and ``**`` for folders; a folder as ``filename`` means all that is below it,
            unless `recursive` is switched off.
        operator : FiltersOperations or str, optional
            ``eq`` if not given; also ``ne, gt, gte, lt, lte, in, nin, exists, match``.
        method : FiltersMethod or str, optional
            ``and``, or ``or``: of all conditions added so one has to hold.

        Raises
        ------
        UsageError
            For an unknown field, operator or method, or a value that cannot be compared.
        """
        condition = _condition(field, values, operator)
        self._node(condition, self._resource)
        chosen = self.or_filter_list if _is_or(method) else self.and_filter_list
        chosen.append(condition)

    def add_join(
        self,
        field: str,
        values: Any = None,
        operator: FiltersOperations | str | None = None,
        method: FiltersMethod | str = FiltersMethod.AND,
    ) -> None:
        """Add a condition on the other resource.

        Items are chosen that have an annotation for which all of these hold; annotations that
        lie on an item for which they do.

        Parameters
        ----------
        field, values, operator, method
            As for `add`.
        """
        condition = _condition(field, values, operator)
        self._node(condition, _other(self._resource))
        (self._join_or if _is_or(method) else self._join_and).append(condition)

    def pop(self, field: str) -> None:
        """Take away all conditions on a field."""
        self.and_filter_list = [one for one in self.and_filter_list if one.field != field]
        self.or_filter_list = [one for one in self.or_filter_list if one.field != field]

    def pop_join(self, field: str) -> None:
        """Take away all conditions of `add_join` on a field."""
        self._join_and = [one for one in self._join_and if one.field != field]
        self._join_or = [one for one in self._join_or if one.field != field]

    def has_field(self, field: str) -> bool:
        """Whether there is a condition on a field."""
        return any(one.field == field for one in (*self.and_filter_list, *self.or_filter_list))

    def sort_by(
        self,
        field: str,
        value: FiltersOrderByDirection | str = FiltersOrderByDirection.ASCENDING,
    ) -> None:
        """Sort by a field; where it is equal, by the fields that are added later.

        Parameters
        ----------
        field : str
            A field of what is chosen. Those without a value come last.
        value : {"ascending", "descending"}
            The order.
        """
        try:
            direction = FiltersOrderByDirection(value)
        except ValueError:
            raise UsageError(f"sort order is {value!r}; it is ascending or descending") from None
        found = _field(field, self._resource)
        image = found.name.startswith("image.")
        if image is not (self._resource is FiltersResource.ITEM) or "annotated" in found.name:
            raise UsageError(f"{self._resource} cannot be sorted by {field!r}")
        self.sort.pop(field, None)
        self.sort[field] = direction.value

    @property
    def sort_fields(self) -> list[tuple[Field, bool]]:
        """The fields to sort by, and whether each goes downwards."""
        return [
            (_field(name, self._resource), direction == "descending")
            for name, direction in self.sort.items()
        ]

    @property
    def join(self) -> dict[str, Any] | None:
        """The conditions of `add_join` in the platform's form, None if there are none."""
        lists = {"$and": self._join_and, "$or": self._join_or}
        found = {key: [one.to_json() for one in ones] for key, ones in lists.items() if ones}
        if not found:
            return None
        return {"on": {"resource": _other(self._resource).value}, "filter": found}

    def prepare(self) -> dict[str, Any]:
        """Return everything in the platform's form."""
        lists = {"$or": self.or_filter_list, "$and": self.and_filter_list}
        result: dict[str, Any] = {
            "resource": self._resource.value,
            "filter": {key: [one.to_json() for one in ones] for key, ones in lists.items() if ones},
        }
        if self.sort:
            result["sort"] = dict(self.sort)
        if self.join:
            result["join"] = self.join
        return result

    def __repr__(self) -> str:
        return f"Filters({self.prepare()!r})"

    # -- the tree ---------------------------------------------------------------------------

    def node(self) -> Node:
        """Return the condition that all of it says."""
        parts = [self._node(one, self._resource) for one in self.and_filter_list]
        if self.or_filter_list:
            parts.append(Or(tuple(self._node(one, self._resource) for one in self.or_filter_list)))
        if self._join_and or self._join_or:
            other = _other(self._resource)
            joined = [self._node(one, other, alone=False) for one in self._join_and]
            if self._join_or:
                joined.append(
                    Or(tuple(self._node(one, other, alone=False) for one in self._join_or))
                )
            inner = And(tuple(joined))
            parts.append(AnyOf(inner) if other is FiltersResource.ANNOTATION else inner)
        return And(tuple(parts)) if parts else Constant(True)

    def _node(self, one: Condition, resource: FiltersResource, *, alone: bool = True) -> Node:
        """Return one condition; `alone` says whether it is asked of items by itself."""
        field = _field(one.field, resource)
        if field.name == "image.annotated":
            return _annotated(one)
        node, negated = _plain(field, one, recursive=self.recursive)
        if resource is FiltersResource.ITEM and not field.name.startswith("image.") and alone:
            # None of the annotations has it, rather than: one has another.
            node = AnyOf(node)
        return Not(node) if negated else node


def _other(resource: FiltersResource) -> FiltersResource:
    items = resource is FiltersResource.ITEM
    return FiltersResource.ANNOTATION if items else FiltersResource.ITEM


def _is_or(method: FiltersMethod | str | None) -> bool:
    if method not in (None, "and", "or"):
        raise UsageError(f"method is {method!r}; it is 'and' or 'or'")
    return method == "or"


def _condition(field: str, values: Any, operator: FiltersOperations | str | None) -> Condition:
    name = None if operator is None else str(operator).lstrip("$")
    if name is not None and name not in _OPERATORS:
        raise UsageError(
            f"operator is {str(operator)!r}; there are {', '.join(_OPERATORS)}."
            f"{near(name, _OPERATORS)}"
        )
    if isinstance(values, list | tuple | set | frozenset):
        values = sorted(values, key=repr) if isinstance(values, set | frozenset) else list(values)
    return Condition(str(field), values, name)


def _field(name: str, resource: FiltersResource) -> Field:
    """Return the field that a name of the documents means."""
    first, _, rest = name.partition(".")
    path = tuple(rest.split(".")) if rest else ()
    items = resource is FiltersResource.ITEM
    if items and first in _OF_ITEMS:
        path = (first, *path) if first in _WITH_KEY else path
        found = Field(_OF_ITEMS[first], path)
    elif first in _OF_ANNOTATIONS:
        found = Field(_OF_ANNOTATIONS[first], path)
    elif first in _THROUGH_ITEM:
        found = Field(_OF_ITEMS[first], path)
    else:
        known = [*(_OF_ITEMS if items else ()), *_OF_ANNOTATIONS]
        raise UsageError(f"{resource.value} have no field {name!r}.{near(first, known)}")
    if found.path and not fact_of(found).open:
        raise UsageError(f"field {first!r} has nothing below it, so not {rest!r}")
    return found


def _annotated(one: Condition) -> Node:
    wanted = one.values
    if one.operator not in (None, "eq", "ne") or not isinstance(wanted, bool):
        raise UsageError("'annotated' is true or false; it can be compared by eq and ne")
    has = AnyOf(Constant(True))
    return has if wanted is (one.operator != "ne") else Not(has)


def _plain(field: Field, one: Condition, *, recursive: bool) -> tuple[Node, bool]:
    """Return a condition without its negation, and whether it is negated."""
    values, operator = one.values, one.operator
    if operator == "exists":
        if not isinstance(values, bool) and values is not None:
            raise UsageError(f"exists takes true or false, not {values!r}")
        return Exists(field), values is False
    if operator == "match":
        if not isinstance(values, Mapping):
            raise UsageError(f"match takes a dict of keys and values, not {values!r}")
        return Match(field, tuple(values.items())), False
    if operator in _SIGNS:
        return compare(field, _SIGNS[operator], values), False
    listed = values if isinstance(values, list) else [values]
    if operator in ("in", "nin") and not isinstance(values, list):
        raise UsageError(f"{operator} takes a list, not {values!r}")
    for value in listed:
        if fault := literal_fault(field, "==", value):
            raise UsageError(fault)
    return _one_of(field, listed, recursive=recursive), operator in ("ne", "nin")


def _one_of(field: Field, values: list[Any], *, recursive: bool) -> Node:
    """Return whether a field is one of some values, which are patterns if it is a path."""
    if field.name not in PATHS | {"image.file"}:
        return membership(field, values)
    plain = [value for value in values if value is None or not has_wildcard(value)]
    parts = [Compare(field, "~", _pattern(field, value)) for value in values if value not in plain]
    nodes: list[Node] = [*parts, *([membership(field, plain)] if plain else ())]
    if recursive and field.name == "image.name":
        for folder in (clean_path(value) for value in plain if value is not None):
            below = f"{_escaped(folder)}/**" if folder else "**"
            nodes.append(Compare(field, "~", below))
    return nodes[0] if len(nodes) == 1 else Or(tuple(nodes))


def _pattern(field: Field, value: str) -> str:
    return clean_path(value) if field.name in PATHS else value


def _escaped(text: str) -> str:
    return text.replace("[", "[[]")
