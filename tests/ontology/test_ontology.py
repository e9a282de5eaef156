"""Ontologies: trees, colours, ids, attributes, and the platform's form."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlgeom.errors import FormatError, UsageError
from dlgeom.ontology import (
    AttributesRange,
    AttributesTypes,
    Ontology,
    OntologyAttribute,
    OntologyLabel,
)

words = st.text("abc_. é", min_size=1, max_size=5)
anything = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just(["x"])
colors = st.sampled_from(["#14638f", "#ABC", "rgb(1,2,3)", None, "no colour", [1, 2, 3]])
nodes: st.SearchStrategy[dict[str, Any]] = st.deferred(
    lambda: st.builds(
        lambda value, node: {"value": value, **node},
        st.fixed_dictionaries(
            {"tag": words},
            optional={
                "displayLabel": anything,
                "color": colors,
                "attributes": st.lists(words, max_size=2),
                "new": anything,
            },
        ),
        st.fixed_dictionaries(
            {}, optional={"children": st.none() | st.lists(nodes, max_size=2), "more": anything}
        ),
    )
)
attributes = st.fixed_dictionaries(
    {"key": words, "type": st.sampled_from(["range", "options", "radio_button", "odd"])},
    optional={"scope": st.lists(words, max_size=2), "scriptData": st.just({"title": "?"})},
)
ontologies = st.fixed_dictionaries(
    {"roots": st.lists(nodes, max_size=3)},
    optional={
        "title": anything,
        "id": words,
        "metadata": st.none()
        | st.fixed_dictionaries(
            {}, optional={"attributes": st.lists(attributes, max_size=2), "system": anything}
        ),
        "attributes": st.lists(attributes, max_size=2),
        "unknown": anything,
    },
)


@given(ontologies | st.lists(nodes, max_size=3))
def test_from_json_to_json_is_the_identity(given_json: Any) -> None:
    before = copy.deepcopy(given_json)
    ontology = Ontology.from_json(given_json)
    assert ontology.to_json() == before == given_json
    assert Ontology.from_json(json.loads(json.dumps(ontology.to_json()))) == ontology
    assert set(ontology.instance_map) == set(ontology.color_map) == set(ontology.labels_flat_dict)


@pytest.mark.parametrize("name", ["example-ontology", "labels_2019"])
def test_real_files_come_back_equal(shared_data: Path, name: str) -> None:
    text = (shared_data / "platform" / "ontology" / f"{name}.json").read_text("utf-8")
    assert Ontology.from_json(json.loads(text)).to_json() == json.loads(text)


def test_names_ids_and_colours_of_a_real_file(shared_data: Path) -> None:
    path = shared_data / "platform" / "ontology" / "example-ontology.json"
    ontology = Ontology.from_json(json.loads(path.read_text("utf-8")))
    assert ontology.instance_map == {"Fruit": 1, "Fruit.apple": 2, "Fruit.orange": 3, "Plant": 4}
    assert ontology.color_map["Fruit.apple"] == (3, 255, 70)
    assert ontology.labels_flat_dict["Fruit.apple"].display_label == "Apple"
    [deadly] = ontology.attributes
    assert (deadly.type, deadly.range) == (AttributesTypes.SLIDER, AttributesRange(0, 5, 1))
    assert deadly.title == "How deadly is the plant?"
    assert ontology.attributes_of("Plant") == [deadly]
    assert ontology.attributes_of("Fruit") == []


@given(st.lists(st.text("ab.", min_size=1, max_size=5), unique=True, max_size=6))
def test_added_names_are_there_with_their_parents(names: list[str]) -> None:
    ontology = Ontology()
    for name in names:
        ontology.add_label(name)
    assert set(names) <= set(ontology.labels_flat_dict)
    before = ontology.to_json()
    for name in names:
        ontology.add_label(name)
    assert ontology.to_json() == before
    ids = ontology.instance_map
    assert list(ids.values()) == list(range(1, len(ids) + 1))
    assert list(ids) == sorted(ids)


def test_the_documents_examples() -> None:
    ontology = Ontology([OntologyLabel(tag="Chameleon", color=(255, 0, 0))], title="zoo")
    ontology.add_labels(label_list=["Shark", "Whale", "Animal.Donkey"])
    child = ontology.labels[-1].children[0]
    assert (child.tag, ontology.labels[0].rgb) == ("Donkey", (255, 0, 0))
    label = ontology.add_label(label_name="person", color=(34, 6, 231), attributes=["big", "small"])
    assert (label.hex, label.attributes) == ("#2206e7", ["big", "small"])
    ontology.add_label(
        label_name="car", children=[{"label_name": "van", "color": "#0000ff"}, "truck"]
    )
    assert ontology.color_map["car.van"] == (0, 0, 255)
    ontology.update_attributes(
        key="color",
        title="Choose a color",
        attribute_type=AttributesTypes.CHECKBOX,
        values=["red", "blue"],
        scope=["person"],
    )
    ontology.update_attributes(
        key="height",
        title="Height [cm]",
        attribute_type=AttributesTypes.SLIDER,
        attribute_range=AttributesRange(0, 200, 10),
        scope=["*"],
    )
    assert [att["key"] for att in ontology.metadata["attributes"]] == ["color", "height"]
    assert [one.key for one in ontology.attributes_of("car")] == ["height"]
    again = Ontology.from_json(ontology.to_json())
    assert again == ontology
    assert again.attributes[1].range == AttributesRange(0, 200, 10)
    assert again.color_map == ontology.color_map
    ontology.delete_attributes("color")
    assert [one.key for one in ontology.attributes] == ["height"]
    assert "attributes" in ontology.to_json()["metadata"]


def test_labels_are_changed_and_deleted() -> None:
    ontology = Ontology(["a.b.c", "a.d", "e"])
    ontology.update_label("a.b", color="#010203", display_label="Bee", children=["x"])
    assert list(ontology.labels_flat_dict) == ["a", "a.b", "a.b.x", "a.d", "e"]
    assert ontology.labels_flat_dict["a.b"].to_root() == {
        "value": {"tag": "b", "displayLabel": "Bee", "attributes": [], "color": "#010203"},
        "children": [ontology.labels_flat_dict["a.b.x"].to_root()],
    }
    with pytest.raises(UsageError, match=r"no label 'a\.e'"):
        ontology.update_label("a.e", color="#000")
    assert ontology.update_label("a.e", color="#000", upsert=True).rgb == (0, 0, 0)
    with pytest.raises(UsageError, match=r"Did you mean 'a\.d'"):
        ontology.delete_labels(["e", "a.D"])
    assert "e" in ontology
    ontology.delete_labels(["e", "a.b"])
    assert list(ontology.labels_flat_dict) == ["a", "a.d", "a.e"]
    ontology.delete_labels(ontology.labels[0])
    assert ontology.labels == []


def test_maps_can_be_set() -> None:
    ontology = Ontology(["cat", "dog", "eel"])
    ontology.instance_map = {"$default": 9, "dog": 4, "cat": 4}
    assert ontology.instance_map == {"$default": 9, "dog": 4, "cat": 4, "eel": 10}
    ontology.color_map = {"$default": "#fff", "cat": [1, 2, 3]}
    assert ontology.color_map["cat"] == (1, 2, 3)
    assert ontology.color_map["$default"] == (255, 255, 255)
    assert ontology.labels_flat_dict["cat"].rgb != (1, 2, 3)
    with pytest.raises(UsageError, match="integers"):
        ontology.instance_map = {"cat": -1}


def test_attributes_given_with_a_label_belong_to_it() -> None:
    question = OntologyAttribute("occluded", AttributesTypes.YES_NO, "Hidden?")
    ontology = Ontology()
    ontology.add_label("car", attributes=[question])
    ontology.add_label("bus", attributes=[question, "old"])
    assert [one.scope for one in ontology.attributes] == [["car", "bus"]]
    assert ontology.labels_flat_dict["bus"].attributes == ["occluded", "old"]
    assert question.scope == ["*"]


def test_changing_an_attribute_keeps_what_is_not_known(shared_data: Path) -> None:
    path = shared_data / "platform" / "ontology" / "example-ontology.json"
    ontology = Ontology.from_json(json.loads(path.read_text("utf-8")))
    ontology.update_attributes("How bad?", "Deadly", "range", attribute_range={"min": 1, "max": 9})
    [record] = ontology.metadata["attributes"]
    assert record["scriptData"]["multi"] is True
    assert record["scriptData"]["title"] == "How bad?"
    assert record["range"] == {"min": 1, "max": 9, "step": 1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"key": "", "type": "range"}, "key"),
        ({"key": "a", "type": "slider"}, "not known"),
        ({"key": "a", "type": "checkbox"}, "no values"),
        ({"key": "a", "type": "range"}, "without a range"),
        ({"key": "a", "type": "range", "range": {"min": 5, "max": 1}}, "upwards"),
        ({"key": "a", "type": "range", "range": AttributesRange(0, 1, 0)}, "upwards"),
    ],
)
def test_attributes_that_make_no_sense_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        OntologyAttribute(**arguments)


@pytest.mark.parametrize(
    "given_json", [{}, {"roots": {}}, [5], [{"value": {"tag": 5}}], [{"tag": "a", "children": 5}]]
)
def test_what_is_no_ontology_is_refused(given_json: Any) -> None:
    with pytest.raises(FormatError):
        Ontology.from_json(given_json)


def test_a_bottomless_tree_is_refused() -> None:
    root: dict[str, Any] = {"tag": "a"}
    for _ in range(500):
        root = {"tag": "a", "children": [root]}
    with pytest.raises(FormatError, match="deep"):
        Ontology.from_json([root])


@pytest.mark.parametrize("label", [5, "", {"label_name": "a", "colour": "#fff"}, None])
def test_what_is_no_label_is_refused(label: Any) -> None:
    with pytest.raises((UsageError, FormatError)):
        Ontology([label])
