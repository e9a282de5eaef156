"""`Filters` on local data sets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlgeom.dataset import Dataset
from dlgeom.definitions import Box, Point, Polygon
from dlgeom.errors import UsageError
from dlgeom.filters import (
    Filters,
    FiltersMethod,
    FiltersOperations,
    FiltersOrderByDirection,
    FiltersResource,
)
from dlgeom.item import Item


def dataset() -> Dataset:
    first = Item(
        name="train/a/1.jpg", width=64, height=48, id="x1", metadata={"user": {"site": 5}}
    ).annotations.builder()
    first.add(Box(1, 2, 30, 40, "cat", {"color": "red"}))
    first.add(Polygon([[0, 0], [9, 0], [0, 9]], "dog"), metadata={"user": {"by": ["ann", "bob"]}})
    second = Item(name="train/2.jpg", width=10, height=10, id="x2").annotations.builder()
    second.add(Box(1, 1, 2, 2, "dog"), model_info={"name": "m", "confidence": 0.4})
    third = Item(name="val/3.png", width=99, height=10, id="x3").annotations.builder()
    third.add([Point(1, 2, "cat"), Point(3, 4, "bird")])
    fourth = Item(name="4.jpg", width=5, height=5, id="x4", subset="val").annotations.builder()
    return Dataset.from_pairs([(each.item, each) for each in (first, second, third, fourth)])


def names(filters: Filters) -> list[str]:
    return [item.id[1] for item, _ in dataset().filter(filters)]


@pytest.mark.parametrize(
    ("field", "values", "operator", "found"),
    [
        ("filename", "/train/a/1.jpg", None, "1"),
        ("filename", "/train", None, "12"),
        ("filename", "/train/", None, "12"),
        ("filename", "/train/**", None, "12"),
        ("filename", "/train/*", None, "2"),
        ("filename", "/**.png", None, "3"),
        ("filename", ["/val/**", "/4.jpg"], None, "34"),
        ("filename", "/train/**", "ne", "34"),
        ("filename", "/", None, "1234"),
        ("dir", "/train", None, "2"),
        ("dir", "/train/**", None, "12"),
        ("dir", "/", None, "4"),
        ("dir", ["/train", "/val"], "nin", "14"),
        ("name", "1.jpg", None, "1"),
        ("name", "*.jpg", None, "124"),
        ("id", ["x1", "x4"], "in", "14"),
        ("type", "file", None, "1234"),
        ("type", "image", None, "1234"),
        ("type", "dir", None, ""),
        ("hidden", False, None, "1234"),
        ("annotated", True, None, "123"),
        ("annotated", True, "ne", "4"),
        ("metadata.user.site", 5, None, "1"),
        ("metadata.user.site", 5, "ne", "234"),
        ("metadata.user.site", True, "exists", "1"),
        ("metadata.user.site", False, "exists", "234"),
        ("metadata.user", {"site": 5}, "match", "1"),
        ("metadata.user", {"site": 6}, "match", ""),
        ("width", 10, "gt", "13"),
        ("width", 10, "gte", "123"),
        ("height", 10, "lt", "4"),
        ("height", 10, "lte", "234"),
        ("subset", "val", None, "4"),
        # Facts of annotations: one of the image's has it; ne: none has it.
        ("label", "cat", None, "13"),
        ("label", "cat", "ne", "24"),
        ("label", ["bird", "dog"], "in", "123"),
        ("label", ["bird", "dog"], "nin", "4"),
        ("score", 0.3, "gt", "2"),
        ("attributes.color", "red", None, "1"),
        ("attributes.color", True, "exists", "1"),
    ],
)
def test_items_are_chosen(field: str, values: Any, operator: str | None, found: str) -> None:
    assert names(Filters(field=field, values=values, operator=operator)) == list(found)


def test_conditions_come_together_as_documented() -> None:
    filters = Filters()
    assert names(filters) == list("1234")
    filters.add(field="label", values="dog")
    filters.add(field="filename", values="/train/2.jpg", operator=FiltersOperations.NOT_EQUAL)
    assert names(filters) == ["1"]
    filters.pop("filename")
    assert names(filters) == ["1", "2"]
    assert filters.has_field("label")
    assert not filters.has_field("filename")
    either = Filters(resource=FiltersResource.ITEM)
    either.add("id", "x1", method=FiltersMethod.OR)
    either.add("id", "x3", method="or")
    assert names(either) == ["1", "3"]
    either.add("dir", "/val")
    assert names(either) == ["3"]


def test_a_join_wants_one_annotation_that_meets_all() -> None:
    filters = Filters()
    filters.add_join(field="label", values="dog")
    filters.add_join(field="type", values="box")
    assert names(filters) == ["2"]
    filters.pop_join("type")
    assert names(filters) == ["1", "2"]
    other = Filters()
    other.add_join(field="label", values="cat", operator="ne")
    # Another one will do: the items without annotations have none.
    assert names(other) == ["1", "2", "3"]
    assert other.join == {
        "on": {"resource": "annotations"},
        "filter": {"$and": [{"label": {"$ne": "cat"}}]},
    }


def test_annotations_are_chosen() -> None:
    filters = Filters(resource="annotations", field="label", values="cat")
    found = dataset().filter(filters)
    assert [[a.label for a in annotations] for _, annotations in found] == [
        ["cat"],
        [],
        ["cat"],
        [],
    ]
    assert len(found) == 4
    filters.add_join(field="dir", values="/train/**")
    found = dataset().filter(filters)
    assert [(i.id, [a.type for a in annotations]) for i, annotations in found] == [
        ("x1", ["box"]),
        ("x2", []),
    ]
    with pytest.raises(TypeError):
        len(found)
    by = Filters(resource="annotations", field="metadata.user.by", values="bob")
    assert [len(annotations) for _, annotations in dataset().filter(by)] == [1, 0, 0, 0]
    several = dataset().filter(None, annotation_filter=filters)
    assert [len(annotations) for _, annotations in several] == [1, 0]


def test_sorting() -> None:
    filters = Filters()
    filters.sort_by(field="filename")
    assert names(filters) == ["4", "2", "1", "3"]
    filters.sort_by("filename", FiltersOrderByDirection.DESCENDING)
    assert names(filters) == ["3", "1", "2", "4"]
    two = Filters()
    two.sort_by("height", "descending")
    two.sort_by("width")
    assert names(two) == ["1", "2", "3", "4"]
    two.sort_by("metadata.user.site")
    two.add("label", "cat", operator="ne")
    assert names(two) == ["2", "4"]
    rows = Filters(resource="annotations")
    rows.sort_by("label")
    found = dataset().filter(rows)
    for _ in range(2):
        assert [[a.label for a in each] for _, each in found] == [
            ["cat", "dog"],
            ["dog"],
            ["bird", "cat"],
            [],
        ]
    chunks = list(found.chunks(grouped=False))
    assert [np.diff(chunk.item).min(initial=0) >= 0 for chunk in chunks] == [True] * len(chunks)


def test_it_tells_what_it_says() -> None:
    filters = Filters(field="dir", values="/a")
    filters.add("label", {"x", "y"}, operator=FiltersOperations.IN, method="or")
    filters.sort_by("id", "descending")
    assert filters.prepare() == {
        "resource": "items",
        "filter": {"$or": [{"label": {"$in": ["x", "y"]}}], "$and": [{"dir": "/a"}]},
        "sort": {"id": "descending"},
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"resource": "item"}, "Did you mean 'items'"),
        ({"field": "lable", "values": "a"}, "Did you mean 'label'"),
        ({"field": "label", "values": "a", "operator": "equals"}, "operator is 'equals'"),
        ({"field": "label", "values": 5}, "put 5 in quotes"),
        ({"field": "width", "values": "a"}, "is a number"),
        ({"field": "label", "values": "a", "method": "xor"}, "'and' or 'or'"),
        ({"field": "label", "values": "a", "operator": "in"}, "takes a list"),
        ({"field": "label", "values": "a", "operator": "exists"}, "true or false"),
        ({"field": "metadata", "values": "a", "operator": "match"}, "dict"),
        ({"field": "annotated", "values": "yes"}, "true or false"),
        ({"field": "dir.x", "values": "a"}, "nothing below"),
    ],
)
def test_faults_are_told_when_they_are_added(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Filters(**arguments)


def test_sort_orders_are_checked() -> None:
    with pytest.raises(UsageError, match="ascending"):
        Filters().sort_by("id", "up")
    with pytest.raises(UsageError, match="cannot be sorted"):
        Filters().sort_by("label")
