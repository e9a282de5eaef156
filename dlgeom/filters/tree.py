"""Conditions on annotations and images: the tree that `Filters` and expressions become.

Two-valued: a comparison with a value that is not there is false, and ``not`` turns it round, so
that ``a and b`` chooses what ``b`` leaves of what ``a`` chooses.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

__all__ = [
    "And",
    "AnyOf",
    "Compare",
    "Constant",
    "Exists",
    "Field",
    "In",
    "Match",
    "Node",
    "Not",
    "Or",
    "fields_of",
    "has_any",
]


class Node(msgspec.Struct, frozen=True):
    """A condition."""


class Field(msgspec.Struct, frozen=True):
    """A fact about an annotation or its image.

    Parameters
    ----------
    name : str
        Its name in `dlgeom.filters.fields`: ``label``, ``image.width``, ``attributes``...
    path : tuple of str
        Keys below it, for ``attributes.color`` and the like.
    """

    name: str
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ".".join((self.name, *self.path))


class Constant(Node, frozen=True):
    """Always true or always false."""

    value: bool


class Compare(Node, frozen=True):
    """A comparison.

    Parameters
    ----------
    field : Field
        Left side.
    operator : str
        ``==``, ``<``, ``<=``, ``>``, ``>=`` or ``~`` (fits the glob).
    value : object
        A literal, or a `Field`.
    """

    field: Field
    operator: str
    value: Any


class In(Node, frozen=True):
    """Whether a field equals one of several literals."""

    field: Field
    values: tuple[Any, ...]


class Exists(Node, frozen=True):
    """Whether a field has a value."""

    field: Field


class Match(Node, frozen=True):
    """Whether a field is an object, or has one in its list, with all of the entries given."""

    field: Field
    entries: tuple[tuple[str, Any], ...]


class Not(Node, frozen=True):
    """The opposite."""

    inner: Any


class And(Node, frozen=True):
    """All of several conditions."""

    parts: tuple[Any, ...]


class Or(Node, frozen=True):
    """One of several conditions at least."""

    parts: tuple[Any, ...]


class AnyOf(Node, frozen=True):
    """Whether an image has an annotation that meets a condition."""

    inner: Any


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all below it."""
    yield node
    if isinstance(node, Not | AnyOf):
        yield from walk(node.inner)
    elif isinstance(node, And | Or):
        for part in node.parts:
            yield from walk(part)


def fields_of(node: Node) -> set[Field]:
    """Return all fields that a condition asks for."""
    found: set[Field] = set()
    for one in walk(node):
        if isinstance(one, Compare | In | Exists | Match):
            found.add(one.field)
        if isinstance(one, Compare) and isinstance(one.value, Field):
            found.add(one.value)
    return found


def has_any(node: Node) -> bool:
    """Whether a condition looks at the other annotations of an image."""
    return any(isinstance(one, AnyOf) for one in walk(node))
