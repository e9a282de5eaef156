"""Label maps of other formats, there and back."""

from __future__ import annotations

import contextlib
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlgeom.errors import FormatError, UsageError
from dlgeom.labels import Label, LabelTable
from dlgeom.ontology import Ontology

names = st.text("ab.é :", min_size=1, max_size=4)
labels = st.builds(
    Label,
    name=st.text(max_size=4),
    id=st.none() | st.integers(0, 99) | st.text(max_size=2),
    parent=st.none() | names,
    color=st.none() | st.tuples(*[st.integers(0, 255)] * 3),
    keypoints=st.sampled_from([(), ("nose", "eye")]),
    record=st.sampled_from([b"", b'{"id":1}']),
)
categories = st.lists(
    st.fixed_dictionaries(
        {"id": st.integers(0, 99), "name": names},
        optional={
            "supercategory": names | st.just(""),
            "color": st.lists(st.integers(0, 255), min_size=3, max_size=3),
            "isthing": st.integers(0, 1),
        },
    ),
    max_size=5,
)


@given(st.lists(labels, max_size=5))
def test_the_table_of_a_run_comes_back_equal(given_labels: list[Label]) -> None:
    table = Ontology.from_labels(LabelTable(given_labels)).to_labels()
    assert list(table) == given_labels


@given(categories)
def test_coco_categories_come_back_equal(given_ones: list[dict[str, Any]]) -> None:
    assert Ontology.from_coco_categories(given_ones).to_coco_categories() == given_ones


def test_categories_of_real_files_come_back_equal(shared_data: Path) -> None:
    seen = 0
    for path in sorted((shared_data / "coco").rglob("*.json*")):
        data = path.read_bytes()
        content = json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
        if isinstance(content, dict) and content.get("categories"):
            ontology = Ontology.from_coco_categories(content["categories"])
            assert ontology.to_coco_categories() == content["categories"], path
            seen += 1
    assert seen > 20


def test_supercategories_are_parents() -> None:
    ontology = Ontology.from_coco_categories(
        [
            {"id": 5, "name": "dog", "supercategory": "animal"},
            {"id": 1, "name": "person", "supercategory": "person"},
            {"id": 9, "name": "animal"},
        ]
    )
    assert list(ontology.labels_flat_dict) == ["animal", "animal.dog", "person", "person.person"]
    assert [(one.name, one.id) for one in ontology.to_labels()] == [
        ("animal", 9),
        ("animal.dog", 5),
        ("person.person", 1),
    ]
    ontology.add_label("animal.cat", color="#ff0000")
    assert ontology.to_coco_categories()[-1] == {
        "id": 10,
        "name": "cat",
        "supercategory": "animal",
        "color": [255, 0, 0],
    }


def test_a_tree_becomes_categories_as_the_platform_has_them() -> None:
    assert Ontology(["animal.dog", "car"]).to_coco_categories() == [
        {"id": 1, "name": "animal", "supercategory": ""},
        {"id": 2, "name": "dog", "supercategory": "animal"},
        {"id": 3, "name": "car", "supercategory": ""},
    ]


@given(st.dictionaries(st.integers(0, 50), names, max_size=5))
def test_yolo_names_come_back_equal(given_names: dict[int, str]) -> None:
    assert Ontology.from_yolo_names(given_names).to_yolo_names() == given_names


@given(st.lists(names, max_size=5))
def test_yolo_lists_count_from_0(given_names: list[str]) -> None:
    assert Ontology.from_yolo_names(given_names).to_yolo_names() == dict(enumerate(given_names))


def test_yolo_files(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text("names:\n  0: no\n  5: dog\n")
    (tmp_path / "obj.names").write_text("cat\n dog \n\n")
    assert Ontology.from_yolo_names(tmp_path / "data.yaml").to_yolo_names() == {0: "no", 5: "dog"}
    assert Ontology.from_yolo_names(str(tmp_path / "obj.names")).to_yolo_names() == {
        0: "cat",
        1: "dog",
    }


@pytest.mark.parametrize(
    "given_names", [{"x": "a"}, {-1: "a"}, {True: "a"}, [5], {0: "a", "0": "b"}]
)
def test_what_are_no_yolo_names_is_refused(given_names: Any) -> None:
    with pytest.raises(FormatError):
        Ontology.from_yolo_names(given_names)


def test_label_maps_of_real_files_come_back_equal(shared_data: Path) -> None:
    found = list((shared_data / "voc").rglob("labelmap.txt"))
    assert found
    for path in found:
        text = path.read_text("utf-8")
        assert Ontology.from_voc_labelmap(path).to_voc_labelmap() == text
    pbtxt = shared_data / "tfrecord" / "voc100" / "label_map.pbtxt"
    ontology = Ontology.from_voc_labelmap(pbtxt)
    table = list(ontology.to_labels())
    assert (table[0].name, table[0].id, len(table)) == ("person", 1, 20)
    assert list(Ontology.from_voc_labelmap(ontology.to_pbtxt()).to_labels()) == table


def test_label_map_with_all_it_can_have() -> None:
    text = (
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\n"
        "person:1,2,3:head,hand:jumping\nignored:224,224,192::\na:b::: \n"
    )
    ontology = Ontology.from_voc_labelmap(text)
    assert [(one.name, one.id, one.color) for one in ontology.to_labels()] == [
        ("person", 1, (1, 2, 3)),
        ("a:b", 3, None),
    ]
    assert ontology.labels[0].extra == {"parts": ["head", "hand"], "actions": ["jumping"]}
    assert ontology.to_voc_labelmap() == text.replace(": \n", ":\n")
    assert Ontology(["x"]).to_voc_labelmap().splitlines()[1] == "background:0,0,0::"
    with pytest.raises(FormatError, match="colour '1,2'"):
        Ontology.from_voc_labelmap("a:1,2::\nb:::")
    with pytest.raises(UsageError, match="Rename"):
        Ontology(["#x"]).to_voc_labelmap()


def test_pbtxt_with_all_it_can_have() -> None:
    text = r"""
    # a comment
    item: {
      name: "/m/01g317"; id: 7, display_name: 'caf\303\251 "x"'
      keypoints { id: 0 label: "nose" } keypoints < id: 1 label: 'eye' >
    }
    item { id: 2 display_name: "dog" }
    """
    ontology = Ontology.from_voc_labelmap(text)
    person, dog = ontology.labels
    assert (person.display_label, dog.tag) == ('café "x"', "dog")
    assert [(one.id, one.keypoints) for one in ontology.to_labels()] == [
        (7, ("nose", "eye")),
        (2, ()),
    ]
    again = Ontology.from_voc_labelmap(ontology.to_pbtxt())
    assert list(again.to_labels()) == list(ontology.to_labels())
    assert again.labels[0].display_label == person.display_label


@pytest.mark.parametrize(
    "text",
    [
        "item {\n id: 1",
        "item { id: x name: 'a' }\n",
        "item { name: 'a' }\n",
        "item { id: 1 }\n",
        "item { id: 1 name: }\n",
        "item { id: 1 name: 'a }\n}",
        "}\nitem { id: 1 name: 'a' }",
        "item { id: 1 name: 'a' } thing: 5\n",
        "item {" * 200 + "\n",
    ],
)
def test_broken_pbtxt_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        Ontology.from_voc_labelmap(text)


@given(st.text("item{}:'\"a1<>;,\\ \n", max_size=40))
def test_any_text_is_a_label_map_or_refused(text: str) -> None:
    with contextlib.suppress(FormatError):
        assert isinstance(Ontology.from_voc_labelmap("item {\n" + text), Ontology)
