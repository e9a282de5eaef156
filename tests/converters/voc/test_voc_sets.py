"""Image sets of VOC: splits, classes with flags, numbers of objects, actions."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import dlgeom
from dlgeom.annotation import Annotation
from dlgeom.chunk import Chunk
from dlgeom.definitions import Box, Classification, Description
from dlgeom.item import Item
from dlgeom.labels import LabelTable

BOX = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>"
SIZE = "<size><width>64</width><height>48</height><depth>3</depth></size>"


def _xml(*names: str, more: str = "") -> str:
    objects = "".join(f"<object><name>{name}</name>{BOX}{more}</object>" for name in names)
    return f"<annotation>{SIZE}{objects}</annotation>"


def _sets(root: Path, **lists: str) -> None:
    """Write lists: ``Main__cat_train`` is ``ImageSets/Main/cat_train.txt``."""
    for key, text in lists.items():
        path = root / "ImageSets" / f"{key.replace('__', '/')}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _texts(root: Path) -> dict[str, list[list[str]]]:
    """Return name -> words of each line, of all lists, as any other reader would."""
    folder = root / "ImageSets"
    return {
        str(path.relative_to(folder))[:-4]: [line.split() for line in path.read_text().splitlines()]
        for path in sorted(folder.rglob("*.txt"))
    }


def _tags(chunk: Chunk) -> list[tuple[str | None, str, bool]]:
    return [
        (item.name, annotation.label, bool(annotation.attributes.get("difficult")))
        for item, annotations in chunk.pairs()
        for annotation in annotations
        if isinstance(annotation.annotation_definition, Classification)
    ]


@pytest.fixture
def listed(make_voc, tmp_path) -> Path:
    """Three images, two with objects, and all kinds of lists."""
    action = "<actions><jumping>1</jumping><walking>0</walking></actions>"
    root = make_voc(
        tmp_path / "in",
        {"a": _xml("person", "cat", more=action), "b": _xml("cat"), "c": _xml()},
        train=["a", "c"],
        val=["b"],
        trainval=["a", "b", "c"],
    )
    _sets(
        root,
        Main__cat_train="a  1\nc -1\n",
        Main__cat_val="b  1\n",
        Main__dog_train="a -1\nc  1\n",
        Main__dog_val="b  0\n",
        Layout__train="a 1\n",
        Action__train="a 1\na 2\n",
        Action__jumping_train="a 1  1\na 2 -1\n",
        Segmentation__val="b\n",
    )
    return root


def test_flags_without_an_object_are_classes_of_the_image(voc, listed):
    _, (chunk,), problems = voc.read(listed)
    assert _tags(chunk) == [("c.jpg", "dog", False), ("b.jpg", "dog", True)]
    assert [(item.name, item.subset) for item in chunk.items] == [
        ("a.jpg", "train"),
        ("c.jpg", "train"),
        ("b.jpg", "val"),
    ]
    assert not problems.entries


def test_lists_of_a_voc_source_come_back(voc, listed, tmp_path):
    report = voc.write(listed, tmp_path / "out")
    assert (report.read, report.written) == (5, 5)
    assert _texts(tmp_path / "out") == _texts(listed)
    for path in (listed / "ImageSets").rglob("*.txt"):
        assert (tmp_path / "out" / path.relative_to(listed)).read_text() == path.read_text()


def test_lists_follow_the_objects_that_are_left_and_their_names(voc, listed, tmp_path):
    broken = listed / "Annotations" / "a.xml"
    broken.write_text(broken.read_text().replace("<name>person</name>", "<name> </name>"))
    voc.write(listed, tmp_path / "out", strict=False)
    texts = _texts(tmp_path / "out")
    # The first object is gone, so the second one is the first.
    assert texts["Action/jumping_train"] == [["a", "1", "-1"]]
    assert texts["Action/train"] == [["a", "1"]]
    assert "Layout/train" not in texts


def test_lists_of_a_renamed_class_are_made_anew(voc, listed, tmp_path):
    reader, chunks, _ = voc.read(listed)
    names = ["lion" if name == "cat" else name for name in reader.meta.labels.names]
    table = LabelTable(names)
    renamed = voc.Chunks(
        [chunk.relabel(lambda k: k, table) for chunk in chunks],
        source="voc",
        extra=dict(reader.meta.extra),
    )
    voc.write(renamed, tmp_path / "out")
    texts = _texts(tmp_path / "out")
    assert not any("cat" in key for key in texts)
    assert texts["Main/lion_train"] == [["a", "1"], ["c", "-1"]]
    assert texts["Main/dog_val"] == [["b", "0"]]
    _, (again,), _ = voc.read(tmp_path / "out")
    assert _tags(again) == [("c.jpg", "dog", False), ("b.jpg", "dog", True)]


def test_only_lists_of_classes_make_splits_and_images(voc, tmp_path):
    (tmp_path / "JPEGImages").mkdir()
    _sets(
        tmp_path,
        Main__cat_train="a  1\nb -1\n",
        Main__potted_plant_train="a -1\nb  1\n",
        Main__cat_test="c -1\n",
    )
    _, (chunk,), _ = voc.read(tmp_path)
    assert [(item.name, item.subset) for item in chunk.items] == [
        ("a.jpg", "train"),
        ("b.jpg", "train"),
        ("c.jpg", "test"),
    ]
    assert _tags(chunk) == [("a.jpg", "cat", False), ("b.jpg", "potted_plant", False)]


@pytest.mark.parametrize(
    ("stems", "line"),
    [(["img 1", "img 0"], "img 1\nimg 0\n"), (["a b"], '"a b"\n'), (["a.b"], "a.b.jpg\n")],
    ids=["numbers", "quotes", "endings"],
)
def test_names_with_blanks_quotes_and_endings(voc, make_voc, tmp_path, stems, line):
    root = make_voc(tmp_path / "in", {stem: _xml("cat") for stem in stems})
    _sets(root, Main__my_val=line)
    _, (chunk,), problems = voc.read(root)
    assert {item.name: item.subset for item in chunk.items} == {
        f"{stem}.jpg": "my_val" for stem in stems
    }
    assert not problems.entries
    voc.write(root, tmp_path / "out")
    assert (tmp_path / "out" / "ImageSets" / "Main" / "my_val.txt").read_text() == line


def test_lists_beside_the_folders_of_kinds_are_splits(voc, make_voc, tmp_path):
    root = make_voc(tmp_path / "in", {"a": _xml("cat"), "b": _xml("cat")})
    (root / "ImageSets").mkdir()
    (root / "ImageSets" / "val.txt").write_text("a\n")
    _, (chunk,), _ = voc.read(root)
    assert {item.name: item.subset for item in chunk.items} == {"a.jpg": "val", "b.jpg": None}
    voc.write(root, tmp_path / "out")
    assert (tmp_path / "out" / "ImageSets" / "val.txt").read_text() == "a\n"


def test_a_line_without_a_flag_is_told(voc, make_voc, tmp_path):
    root = make_voc(tmp_path, {"a": _xml("cat"), "b": _xml()}, train=["a", "b"])
    _sets(root, Main__cat_train="a  1\nb  2\nb\n")
    _, _, problems = voc.read(root, strict=False)
    assert [(told.status, told.code, told.location) for told in problems.entries] == [
        ("warning", "value.invalid", "line 2"),
        ("warning", "value.invalid", "line 3"),
    ]


def test_an_object_that_its_list_does_not_count_is_told(voc, make_voc, tmp_path):
    root = make_voc(tmp_path, {"a": _xml("cat")}, train=["a"])
    _sets(root, Main__cat_train="a -1\n")
    _, (chunk,), problems = voc.read(root)
    assert len(chunk) == 1
    (told,) = problems.entries
    assert (told.status, told.code, told.path) == ("notice", "value.invalid", "Annotations/a.xml")


def test_images_that_no_list_names_stay_without_a_list(voc, make_voc, tmp_path):
    root = make_voc(tmp_path / "in", {"a": _xml("cat"), "b": _xml("cat")}, val=["a"])
    voc.write(root, tmp_path / "out")
    assert _texts(tmp_path / "out") == {"Main/val": [["a"]]}


def test_lists_that_splits_do_not_tell_are_in_the_report(listed, tmp_path):
    report = dlgeom.convert(listed, tmp_path / "out.json")
    lost = {name for name in report.fields if name.startswith("section.")}
    assert lost == {
        f"section.ImageSets/{name}"
        for name in ("Main/trainval", "Layout/train", "Action/train", "Action/jumping_train")
    }


def _chunk() -> Chunk:
    items = [
        Item(name=f"{name}.png", width=64, height=48, number=k, subset=subset)
        for k, (name, subset) in enumerate([("a", "train"), ("b", "train"), ("s/c", "val")])
    ]
    pairs = [
        [
            Annotation(Box(1, 2, 9, 9, "person", {"actions": ["jumping", "dancing"]})),
            Annotation(Box(1, 2, 3, 4, "cat")),
        ],
        [
            Annotation(Box(1, 2, 3, 4, "cat", {"difficult": True})),
            Annotation(Box(2, 2, 8, 8, "person", {"actions": []})),
        ],
        [Annotation(Classification("night", {"sure": 1}))],
    ]
    return Chunk.of(zip(items, pairs, strict=True))


def test_class_lists_on_request_have_a_flag_for_each_image(voc, tmp_path):
    report = voc.write(voc.Chunks([_chunk()]), tmp_path / "out", options={"voc_class_sets": "yes"})
    texts = _texts(tmp_path / "out")
    assert texts["Main/cat_train"] == [["a", "1"], ["b", "0"]]
    assert texts["Main/person_train"] == [["a", "1"], ["b", "1"]]
    assert texts["Main/night_train"] == [["a", "-1"], ["b", "-1"]]
    assert texts["Main/cat_val"] == texts["Main/person_val"] == [["s/c", "-1"]]
    assert texts["Main/night_val"] == [["s/c", "1"]]
    assert (report.read, report.written) == (5, 5)
    assert report.fields == {"attributes.sure": 1}
    _, (again,), problems = voc.read(tmp_path / "out")
    assert _tags(again) == [("s/c.png", "night", False)]
    assert not problems.entries


def test_actions_of_objects_have_lists(voc, tmp_path):
    voc.write(voc.Chunks([_chunk()]), tmp_path / "out")
    texts = _texts(tmp_path / "out")
    assert texts["Action/train"] == [["a", "1"], ["b", "2"]]
    assert texts["Action/jumping_train"] == [["a", "1", "1"], ["b", "2", "-1"]]
    assert texts["Action/dancing_train"] == [["a", "1", "1"], ["b", "2", "-1"]]
    assert texts["Action/walking_train"] == [["a", "1", "-1"], ["b", "2", "-1"]]
    assert not any("val" in key for key in texts if key.startswith("Action"))
    # The lists and the XML say the same.
    root = ElementTree.parse(tmp_path / "out" / "Annotations" / "b.xml").getroot()
    assert [flag.text for flag in root.findall("object")[1].find("actions")] == ["0"] * 11
    _, (again,), _ = voc.read(tmp_path / "out")
    assert [again.attributes[row]["actions"] for row in (0, 3)] == [["jumping", "dancing"], []]


def test_by_default_only_tags_make_class_lists_and_no_drops_them(voc, tmp_path):
    voc.write(voc.Chunks([_chunk()]), tmp_path / "auto")
    assert {key for key in _texts(tmp_path / "auto") if "_" in key and "Main" in key} == {
        "Main/night_train",
        "Main/night_val",
    }
    report = voc.write(voc.Chunks([_chunk()]), tmp_path / "no", options={"voc_class_sets": "no"})
    assert [key for key in report.codes if key[0] == "dropped"] == [("dropped", "geometry.none")]
    assert not any("night" in key for key in _texts(tmp_path / "no"))


def test_what_a_list_of_a_class_cannot_say_is_told(voc, tmp_path):
    item = Item(name="a.jpg", width=9, height=9, number=0)
    shapes = [Box(1, 2, 3, 4, "cat"), Classification("cat"), Description("hello", label="cat")]
    chunk = Chunk.of([(item, [Annotation(shape) for shape in shapes])])
    report = voc.write(voc.Chunks([chunk]), tmp_path / "out")
    assert {key: kind.count for key, kind in report.codes.items()} == {
        ("approximated", "record.duplicate"): 1,
        ("dropped", "geometry.none"): 1,
    }


NAMES = st.text(min_size=1, max_size=8).filter(lambda name: name.strip(" \t\r\n"))


@given(st.lists(NAMES, min_size=1, max_size=4, unique=True), st.data())
@example(["a/b", "a_b", "A_B"], None)
@example(["con", "x.", "train", "x_train", "background"], None)
def test_classes_of_images_come_back(voc, fresh, names, data):
    root = fresh() / "out"
    items = [Item(name=f"{k}.jpg", width=9, height=9, number=k, subset="train") for k in range(2)]
    chosen = [[name for name in names if data is None or data.draw(st.booleans())] for _ in items]
    chunk = Chunk.of(
        (item, [Annotation(Classification(name)) for name in some])
        for item, some in zip(items, chosen, strict=True)
    )
    report = voc.write(voc.Chunks([chunk]), root)
    _, chunks, _ = voc.read(root, strict=False)
    found = [(name, label) for part in chunks for name, label, _ in _tags(part)]
    due = [(item.name, name) for item, some in zip(items, chosen, strict=True) for name in some]
    if report.written == report.read:
        assert sorted(found) == sorted(due)
    else:
        assert len(found) <= report.written + report.approximated


@pytest.mark.shared
def test_lists_of_real_data_agree_with_its_objects(voc, shared_data, tmp_path):
    """Lists that we make say what a look at the XML files says."""
    source = shared_data / "voc" / "bccd"
    voc.write(source, tmp_path / "out", options={"voc_class_sets": "yes"})
    texts = _texts(tmp_path / "out")
    for subset in ("train", "val", "test"):
        for label in ("RBC", "WBC", "Platelets"):
            assert len(texts[f"Main/{label}_{subset}"]) == len(texts[f"Main/{subset}"])
            for stem, flag in texts[f"Main/{label}_{subset}"]:
                root = ElementTree.parse(source / "Annotations" / f"{stem}.xml").getroot()
                names = [name.text for name in root.iterfind("object/name")]
                assert int(flag) == (1 if label in names else -1)


def test_tags_travel_to_coco_and_back(listed, tmp_path):
    dlgeom.convert(listed, tmp_path / "a.json")
    dlgeom.convert(tmp_path / "a.json", tmp_path / "out", to_format="voc")
    table = json.loads((tmp_path / "a.json").read_text())
    assert len(table["annotations"]) == 5
    assert _texts(tmp_path / "out")["Main/dog_train"] == [["a", "-1"], ["c", "1"], ["b", "0"]]
    assert np.unique([record["id"] for record in table["annotations"]]).size == 5
