"""Conditions on columns: the same as object by object, and laws of what is left."""

from __future__ import annotations

import numpy as np
from chunk_strategies import chunks
from filter_strategies import conditions, plain_chunks, rows_met
from hypothesis import given, settings

from dlgeom.chunk import Chunk
from dlgeom.filters.columns import Columns
from dlgeom.filters.evaluate import items_possible, rows_where
from dlgeom.filters.tree import And, AnyOf, Compare, Constant, Field, Node, Not, Or
from dlgeom.item import Item


def select(node: Node, chunk: Chunk) -> Chunk:
    return chunk.select(np.flatnonzero(rows_where(node, Columns(chunk))))


# Chunks of any columns take long to draw.
@settings(max_examples=settings.default.max_examples // 5)
@given(chunks(), conditions(joins=True))
def test_columns_say_the_same_as_objects(chunk: Chunk, node: Node) -> None:
    assert rows_where(node, Columns(chunk)).tolist() == rows_met(node, chunk)


@given(plain_chunks(), conditions(joins=True))
def test_columns_of_a_few_shapes_say_the_same_as_objects(chunk: Chunk, node: Node) -> None:
    assert rows_where(node, Columns(chunk)).tolist() == rows_met(node, chunk)


@given(plain_chunks(), conditions(), conditions())
def test_where_a_and_b_is_where_a_of_where_b(chunk: Chunk, a: Node, b: Node) -> None:
    assert select(And((a, b)), chunk) == select(a, select(b, chunk))


@given(plain_chunks(), conditions())
def test_a_condition_and_its_opposite_part_the_rows(chunk: Chunk, node: Node) -> None:
    yes = rows_where(node, Columns(chunk))
    no = rows_where(Not(node), Columns(chunk))
    assert (yes ^ no).all()


@given(plain_chunks(), conditions(), conditions())
def test_de_morgan(chunk: Chunk, a: Node, b: Node) -> None:
    left = rows_where(Not(Or((a, b))), Columns(chunk))
    assert np.array_equal(left, rows_where(And((Not(a), Not(b))), Columns(chunk)))


@given(plain_chunks(), conditions(joins=True))
def test_an_image_that_is_not_possible_has_no_row_that_is_met(chunk: Chunk, node: Node) -> None:
    columns = Columns(chunk)
    possible = items_possible(node, columns)
    assert possible[chunk.item[rows_where(node, columns)]].all()


@given(plain_chunks(), conditions())
def test_conditions_on_annotations_leave_all_images(chunk: Chunk, node: Node) -> None:
    label = Compare(Field("label"), "==", "a")
    assert items_possible(Or((node, label)), Columns(chunk)).all()
    assert items_possible(AnyOf(Constant(True)), Columns(chunk)).tolist() == [
        k in set(chunk.item.tolist()) for k in range(len(chunk.items))
    ]


def test_numbers_beyond_floats_are_compared_exactly() -> None:
    item = Item(name="a", number=0)
    chunk = Chunk.build(
        items=[item],
        item=np.zeros(1, dtype=np.int32),
        labels=Chunk.of([]).labels,
        label=np.array([-1]),
        area=np.array([2.0**53]),
        ids=[2**80 + 1],
    )
    columns = Columns(chunk)
    assert rows_where(Compare(Field("id"), "==", 2**80 + 1), columns).all()
    assert not rows_where(Compare(Field("id"), "==", 2**80), columns).any()
    assert not rows_where(Compare(Field("area"), "==", 2**53 + 1), columns).any()
    assert rows_where(Compare(Field("area"), "<", 10**400), columns).all()
