"""Evaluating conditions on the columns of a chunk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.filters.columns import Column, Columns, Numbers
from dlgeom.filters.fields import PATHS, is_image
from dlgeom.filters.tree import (
    And,
    AnyOf,
    Compare,
    Constant,
    Exists,
    Field,
    In,
    Match,
    Node,
    Not,
    Or,
    fields_of,
)
from dlgeom.filters.values import equal, fits, glob, ordered

__all__ = ["Answers", "items_possible", "rows_where"]

Bools = NDArray[np.bool_]
Answers = Callable[[AnyOf, Columns], Bools]
"""Says for each image of a chunk whether one of its annotations meets a condition."""

_NUMPY: dict[str, Callable[[Any, Any], Any]] = {
    "==": np.equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


def rows_where(node: Node, columns: Columns, answers: Answers | None = None) -> Bools:
    """Return which rows meet a condition, shape (N,).

    Parameters
    ----------
    node : Node
        The condition.
    columns : Columns
        The rows; all costly columns that it needs have to be decoded.
    answers : callable, optional
        Answers what asks for the other annotations of an image; those in the chunk if not given.
    """
    count = len(columns.chunk)
    if isinstance(node, Constant):
        return np.full(count, node.value)
    if isinstance(node, Not):
        return ~rows_where(node.inner, columns, answers)
    if isinstance(node, And | Or):
        merge = np.logical_and if isinstance(node, And) else np.logical_or
        result = np.full(count, isinstance(node, And))
        for part in node.parts:
            result = merge(result, rows_where(part, columns, answers))
        return result
    if isinstance(node, AnyOf):
        return (answers or any_in_chunk)(node, columns)[columns.chunk.item]
    return _leaf(node, columns.of_rows)


def any_in_chunk(node: AnyOf, columns: Columns) -> Bools:
    """Return which images have a row in the chunk that meets the condition, shape (items,)."""
    chunk = columns.chunk
    found = np.zeros(len(chunk.items), dtype=np.bool_)
    found[chunk.item[rows_where(node.inner, columns, None)]] = True
    return found


def items_possible(node: Node, columns: Columns, answers: Answers | None = None) -> Bools:
    """Return which images could have an annotation that meets a condition, shape (items,).

    An image for which the condition is false whatever its annotations say has no place in the
    result; one whose annotations happen not to meet it stays, as an image without any.
    """
    return _may(node, columns, answers or any_in_chunk)[0]


def _may(node: Node, columns: Columns, answers: Answers) -> tuple[Bools, Bools]:
    """Return for each image whether the condition may be true, and whether it may be false."""
    count = len(columns.chunk.items)
    if isinstance(node, Not):
        true, false = _may(node.inner, columns, answers)
        return false, true
    if isinstance(node, And | Or):
        sides = [_may(part, columns, answers) for part in node.parts]
        start = isinstance(node, And)
        first, second = (
            (np.logical_and, np.logical_or) if start else (np.logical_or, np.logical_and)
        )
        true, false = np.full(count, start), np.full(count, not start)
        for may, may_not in sides:
            true, false = first(true, may), second(false, may_not)
        return true, false
    if isinstance(node, Constant):
        found = np.full(count, node.value)
    elif isinstance(node, AnyOf):
        found = answers(node, columns)
    elif all(is_image(field) for field in fields_of(node)):
        found = _leaf(node, columns.of_items)
    else:
        return np.ones(count, dtype=np.bool_), np.ones(count, dtype=np.bool_)
    return found, ~found


def items_where(node: Node, columns: Columns, answers: Answers | None = None) -> Bools:
    """Return which images meet a condition that asks for images only, shape (items,)."""
    return items_possible(node, columns, answers)


# -- single comparisons -------------------------------------------------------------------------


def _leaf(node: Node, column_of: Callable[[Field], Column]) -> Bools:
    assert isinstance(node, Compare | In | Exists | Match)
    column = column_of(node.field)
    if isinstance(node, Exists):
        if isinstance(column, Numbers):
            return ~np.isnan(column.values)
        return column.where(lambda value: value is not None)
    if isinstance(node, In):
        if isinstance(column, Numbers):
            return _number_in(column, node.values)
        return column.where(lambda value: any(equal(value, one) for one in node.values))
    if isinstance(node, Match):
        if isinstance(column, Numbers):
            return np.zeros(len(column.values), dtype=np.bool_)
        return column.where(lambda value: fits(value, node.entries))
    if isinstance(node.value, Field):
        return _between(node.operator, column, column_of(node.value))
    if isinstance(column, Numbers):
        return _number(node.operator, column, node.value)
    return _coded(node, column)


def _number(sign: str, column: Numbers, literal: Any) -> Bools:
    if fault := not isinstance(literal, int | float) or isinstance(literal, bool):
        return np.full(len(column.values), not fault)
    try:
        other = float(literal)
    except OverflowError:
        other = np.inf if literal > 0 else -np.inf
    # Beyond 2^53 not every integer is a float; such a literal equals none of the column's numbers.
    if sign == "==" and other != literal:
        return np.zeros(len(column.values), dtype=np.bool_)
    with np.errstate(invalid="ignore"):
        found: Bools = _NUMPY[sign](column.values, other) & ~np.isnan(column.values)
    return found


def _number_in(column: Numbers, literals: tuple[Any, ...]) -> Bools:
    result = np.zeros(len(column.values), dtype=np.bool_)
    for literal in literals:
        result |= _number("==", column, literal)
    return result


def _coded(node: Compare, column: Any) -> Bools:
    literal = node.value
    if node.operator == "~":
        path = node.field.name in PATHS
        if node.field.name == "image.dir":
            # A folder is below itself: /dir/** has the files in /dir, too.
            return column.where(  # type: ignore[no-any-return]
                lambda value: (
                    value is not None
                    and (glob(value, literal, path=path) or glob(f"{value}/", literal, path=path))
                )
            )
        return column.where(lambda value: glob(value, literal, path=path))  # type: ignore[no-any-return]
    if node.operator == "==":
        return column.where(lambda value: equal(value, literal))  # type: ignore[no-any-return]
    return column.where(lambda value: ordered(value, node.operator, literal))  # type: ignore[no-any-return]


def _between(sign: str, left: Column, right: Column) -> Bools:
    """Compare two fields row by row."""
    if isinstance(left, Numbers) and isinstance(right, Numbers):
        found: Bools = _NUMPY[sign](left.values, right.values)
        return found & ~np.isnan(left.values) & ~np.isnan(right.values)
    pairs = zip(left.tolist(), right.tolist(), strict=True)
    if sign == "==":
        return np.array([equal(a, b) for a, b in pairs], dtype=np.bool_)
    return np.array([ordered(a, sign, b) for a, b in pairs], dtype=np.bool_)
