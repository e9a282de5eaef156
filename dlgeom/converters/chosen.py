"""Readers of what `Filters` and expressions leave of a data set."""

from __future__ import annotations

from collections.abc import Iterable

from dlgeom.converters.base import Reader
from dlgeom.converters.ordering import SortedReader
from dlgeom.converters.problems import Problems
from dlgeom.converters.selection import Selection
from dlgeom.errors import UsageError
from dlgeom.filters import Filters, Node, parse
from dlgeom.filters.tree import Constant

__all__ = ["chosen"]


def chosen(
    reader: Reader, conditions: Iterable[Filters | Node | str | None], problems: Problems | None
) -> Reader:
    """Return a reader of what meets all of some conditions, in the order that they ask for.

    Parameters
    ----------
    reader : Reader
        Where everything comes from.
    conditions : iterable of Filters, Node or str
        None asks for nothing.
    problems : Problems, optional
        Whom the reader tells of bad records.

    Raises
    ------
    UsageError
        For what is no condition.
    """
    given = [condition for condition in conditions if condition is not None]
    for condition in given:
        node = condition
        if isinstance(node, str):
            node = parse(node)
        elif isinstance(node, Filters):
            node = node.node()
        if not isinstance(node, Node):
            raise UsageError(f"{condition!r} is no Filters and no expression")
        if node != Constant(True):
            reader = Selection(where=node).over(reader, problems)
    for condition in given:
        if isinstance(condition, Filters) and condition.sort:
            reader = SortedReader(reader, condition.sort_fields)
    return reader
