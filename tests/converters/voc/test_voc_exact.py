"""VOC to VOC: what the source has stays, in the XML and in the masks; by way of COCO too."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

import dlgeom
from dlgeom.chunk import Chunk
from dlgeom.converters.png import VOC_PALETTE
from dlgeom.geometry.ragged import Ragged
from dlgeom.item import Item
from dlgeom.labels import LabelTable


def _tree(element):
    """Return an element as the standard library sees it; ``path`` is left out."""
    children = tuple(_tree(child) for child in element if child.tag != "path")
    text = (element.text or "").strip()
    return element.tag, sorted(element.attrib.items()), text, children


def _root(path):
    """Return objects in their order and the rest in any."""
    root = ElementTree.parse(path).getroot()
    rest = sorted(_tree(child) for child in root if child.tag not in ("object", "path"))
    return sorted(root.attrib.items()), rest, [_tree(child) for child in root.iter("object")]


def _chunk(rows: int = 1, **columns) -> Chunk:
    items = [Item(name="a.jpg", width=64, height=48, number=0)]
    zeros = np.zeros(rows, dtype=np.int32)
    return Chunk.build(items=items, item=zeros, label=zeros, labels=LabelTable(["cat"]), **columns)


RING = "<polygon><x1>1</x1><y1>2</y1><x2>30</x2><y2>2.50</y2><x3>30</x3><y3>40</y3></polygon>"
TURNED = "<robndbox><cx>20</cx><cy>20</cy><w>9</w><h>4</h><angle>0.52</angle></robndbox>"
PLAIN = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>"
WHOLE = "<size><width>64</width><height>48</height><depth>3</depth></size>"


def _file(*inner: str, head: str = WHOLE) -> str:
    objects = "".join(f"<object><name>cat</name>{text}</object>" for text in inner)
    return f"<annotation><filename>a.jpg</filename>{head}{objects}</annotation>"


def _written(root: Path, stem: str = "a"):
    return ElementTree.parse(root / "Annotations" / f"{stem}.xml").getroot()


@pytest.mark.parametrize("base", [0, 1])
@pytest.mark.parametrize("task", ["detect", "segment"])
def test_outlines_and_rotated_boxes_of_a_voc_source_stay(voc, make_voc, tmp_path, task, base):
    source = make_voc(tmp_path / "in", {"a": _file(PLAIN + RING, TURNED)})
    report = voc.write(source, tmp_path / "out", task=task, options={"voc_base": base})
    assert (report.read, report.written) == (2, 2)
    assert _root(tmp_path / "out" / "Annotations" / "a.xml") == _root(
        source / "Annotations" / "a.xml"
    )


def test_outlines_and_rotated_boxes_go_where_that_is_asked_for(voc, make_voc, tmp_path):
    source = make_voc(tmp_path / "in", {"a": _file(PLAIN + RING, TURNED)})
    options = {"voc_polygons": "no", "voc_robndbox": "no"}
    report = voc.write(source, tmp_path / "out", options=options)
    assert (report.read, report.approximated) == (2, 2)
    root = _written(tmp_path / "out")
    assert root.find("object/polygon") is None
    assert root.find("object/robndbox") is None
    assert len(root.findall("object/bndbox")) == 2


@pytest.mark.parametrize(
    "size",
    [
        "<size><width>0</width><height>0</height><depth>3</depth></size>",
        "<size><width>64.0</width><height>48</height><depth></depth></size>",
        "",
    ],
)
def test_a_size_stays_as_it_is_unless_the_image_knows_better(voc, make_voc, tmp_path, size):
    source = make_voc(tmp_path / "in", {"a": _file(PLAIN, head=size)})
    voc.write(source, tmp_path / "out")
    assert _root(tmp_path / "out" / "Annotations" / "a.xml") == _root(
        source / "Annotations" / "a.xml"
    )
    (source / "JPEGImages").mkdir()
    Image.new("RGB", (64, 48)).save(source / "JPEGImages" / "a.jpg")
    voc.write(source, tmp_path / "known")
    root = _written(tmp_path / "known")
    assert float(root.findtext("size/width")) == 64
    assert float(root.findtext("size/height")) == 48


def test_no_place_on_the_machine_of_the_annotator_is_written(voc, make_voc, tmp_path):
    head = WHOLE + (
        '<path kind="x">/home/bob/a.jpg</path><path/>'
        "<source><database>d</database><path>/home/bob</path></source>"
    )
    source = make_voc(tmp_path / "in", {"a": _file(PLAIN, head=head)})
    report = voc.write(source, tmp_path / "out")
    assert "bob" not in (tmp_path / "out" / "Annotations" / "a.xml").read_text()
    assert report.fields == {"path": 1}
    _, (chunk,), _ = voc.read(source, strict=False)
    assert chunk.items[0].extra == {"source": {"database": "d"}}


def test_an_xml_keeps_its_name_beside_an_image_of_another(voc, make_voc, tmp_path):
    text = _file(PLAIN).replace("a.jpg", "photo 5.png")
    source = make_voc(tmp_path / "in", {"001": text}, train=["001"], trainval=["001"])
    (source / "JPEGImages").mkdir()
    Image.new("RGB", (64, 48)).save(source / "JPEGImages" / "photo 5.png")
    _, (chunk,), _ = voc.read(source)
    assert [(item.name, item.subset) for item in chunk.items] == [("photo 5.png", "train")]
    voc.write(source, tmp_path / "out")
    assert _root(tmp_path / "out" / "Annotations" / "001.xml") == _root(
        source / "Annotations" / "001.xml"
    )
    lists = tmp_path / "out" / "ImageSets" / "Main"
    assert {path.name: path.read_text() for path in lists.iterdir()} == {
        "train.txt": "001\n",
        "trainval.txt": "001\n",
    }


def test_repeated_unknown_elements_of_the_head_are_all_read(voc, make_voc, tmp_path):
    head = WHOLE + "<weather>wet</weather><weather kind='x'>dry</weather>"
    source = make_voc(tmp_path / "in", {"a": _file(PLAIN, head=head)})
    _, (chunk,), _ = voc.read(source)
    assert chunk.items[0].extra == {
        "weather": ["wet", {"xml": '<weather kind="x">dry</weather>'}],
    }


@pytest.mark.parametrize(
    ("inner", "code"),
    [
        (PLAIN.replace("</bndbox>", "<rotation>5</rotation></bndbox>"), "schema.unknown"),
        (
            PLAIN + f"<part><name>head</name><pose>Left</pose>{PLAIN}</part>",
            "schema.unknown",
        ),
        (
            PLAIN + "<attributes>"
            "<attribute><name>k</name><value>1</value></attribute>"
            "<attribute><name>k</name><value>2</value></attribute></attributes>",
            "schema.repeated",
        ),
    ],
    ids=["bndbox", "part", "attribute"],
)
def test_what_only_the_text_keeps_is_told(voc, make_voc, tmp_path, inner, code):
    source = make_voc(tmp_path / "in", {"a": _file(inner)})
    report = voc.write(source, tmp_path / "out")
    assert ("notice", code) in report.codes
    assert _root(tmp_path / "out" / "Annotations" / "a.xml") == _root(
        source / "Annotations" / "a.xml"
    )


def test_whole_numbers_hold_for_parts_and_points(voc, make_voc, tmp_path):
    part = (
        "<part><name>head</name><bndbox><xmin>1.5</xmin><ymin>2</ymin><xmax>3</xmax>"
        "<ymax>4</ymax></bndbox></part><point><x>2.25</x><y>3</y></point>"
    )
    source = make_voc(tmp_path / "in", {"a": _file(PLAIN + part, PLAIN + "<tag>x</tag>")})
    report = voc.write(source, tmp_path / "out", options={"voc_numbers": "int"})
    assert (report.written, report.approximated) == (1, 1)
    root = _written(tmp_path / "out")
    assert [side.text for side in root.find("object/part/bndbox")] == ["2", "2", "3", "4"]
    assert [side.text for side in root.find("object/point")] == ["2", "3"]
    assert root.findall("object")[1].findtext("tag") == "x"


def test_a_single_keypoint_is_a_point_not_a_box_of_no_size(voc, tmp_path):
    keypoints = Ragged.of([np.array([[3.5, 4, 2]]), np.array([[0.0, 0, 0], [7, 8, 1]])])
    chunk = _chunk(2, keypoints=keypoints)
    report = voc.write(voc.Chunks([chunk]), tmp_path / "out")
    assert report.approximated == 2
    root = _written(tmp_path / "out")
    assert root.find("object/bndbox") is None
    assert [[side.text for side in point] for point in root.iterfind("object/point")] == [
        ["3.5", "4"],
        ["7", "8"],
    ]


def test_a_rotation_is_not_told_twice(voc, tmp_path):
    rotated = np.array([[20.0, 20, 10, 4, 30], [20, 20, 10, 4, 30]])
    attributes = {0: {"rotation": 30.0}, 1: {"rotation": 45.0}}
    chunk = _chunk(2, rotated=rotated, attributes=attributes)
    voc.write(voc.Chunks([chunk]), tmp_path / "out")
    names = _written(tmp_path / "out").findall("object/attributes/attribute/name")
    assert [name.text for name in names] == ["rotation"]
    _, (again,), _ = voc.read(tmp_path / "out")
    assert again.attributes == {1: {"rotation": 45.0}}


def test_the_head_comes_back_by_way_of_coco(make_voc, tmp_path):
    head = (
        "<folder>VOC2012</folder><filename>a.jpg</filename><source><database>d &amp; e</database>"
        "<flickrid>7</flickrid></source><owner><name>N</name></owner>"
        "<size><width>64</width><height>48</height><depth>1</depth></size><segmented>1</segmented>"
    )
    text = f'<annotation verified="yes">{head}</annotation>'
    source = make_voc(tmp_path / "in", {"a": text, "b": "<annotation>" + WHOLE + "</annotation>"})
    dlgeom.convert(source, tmp_path / "a.json")
    report = dlgeom.convert(tmp_path / "a.json", tmp_path / "out", to_format="voc", task="detect")
    assert not [name for name in report.fields if name not in ("image.id", "section.info")]
    assert _root(tmp_path / "out" / "Annotations" / "a.xml") == _root(
        source / "Annotations" / "a.xml"
    )


def test_fields_of_the_same_name_that_mean_something_else_are_told(tmp_path):
    image = {"id": 1, "file_name": "a.jpg", "width": 9, "height": 9}
    image |= {"source": "web", "depth": "deep", "segmented": True, "verified": "no"}
    table = {"images": [image], "annotations": [], "categories": []}
    (tmp_path / "a.json").write_text(json.dumps(table))
    report = dlgeom.convert(tmp_path / "a.json", tmp_path / "out", to_format="voc")
    lost = {name: count for name, count in report.fields.items() if name != "image.id"}
    assert lost == {"image.source": 1, "image.depth": 1, "image.segmented": 1}
    assert _written(tmp_path / "out").get("verified") == "no"


# Masks.

VOID, CLASSES, OBJECTS = 255, "SegmentationClass", "SegmentationObject"


def _pair() -> tuple[np.ndarray, np.ndarray]:
    """Two objects of the classes 8 (cat) and 12 (dog); void differs between the two masks."""
    classes = np.zeros((12, 20), dtype=np.uint8)
    objects = classes.copy()
    classes[1:5, 1:5], objects[1:5, 1:5] = 8, 1
    classes[6:11, 2:9], objects[6:11, 2:9] = 12, 2
    classes[5, 2:9] = objects[5, 2:9] = VOID
    classes[0, 0] = classes[2, 2] = objects[0, 19] = VOID
    return classes, objects


def _interlaced(indexes: np.ndarray) -> bytes:
    """Return a palette PNG in seven passes, which Pillow reads and does not write."""
    height, width = indexes.shape
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2))
    lines = [
        b"\0" + row.tobytes()
        for x, y, dx, dy in (*passes, (0, 1, 1, 2))
        for row in indexes[y::dy, x::dx]
        if row.size
    ]
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 1)),
        (b"PLTE", VOC_PALETTE.tobytes()),
        (b"IDAT", zlib.compress(b"".join(lines))),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def _save(path: Path, indexes: np.ndarray, how: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if how == "interlaced":
        path.write_bytes(_interlaced(indexes))
        return
    image = Image.fromarray(indexes if how != "16 bit" else indexes.astype(np.uint16))
    if how == "palette":
        image.putpalette(VOC_PALETTE.tobytes())
    elif how == "colours":
        image = Image.fromarray(VOC_PALETTE[indexes])
    image.save(path)


@pytest.mark.parametrize("how", ["palette", "interlaced", "grey", "16 bit", "colours"])
@pytest.mark.parametrize("with_xml", [True, False], ids=["xml", "masks only"])
def test_masks_come_back_index_by_index(voc, make_voc, tmp_path, how, with_xml):
    size = "<size><width>20</width><height>12</height></size>"
    text = _file(PLAIN, PLAIN, head=size).replace("cat", "dog").replace("dog", "cat", 1)
    make_voc(tmp_path / "in", {"a": text} if with_xml else {})
    pair = _pair()
    for folder, indexes in zip((CLASSES, OBJECTS), pair, strict=True):
        _save(tmp_path / "in" / folder / "a.png", indexes, how)
    report = voc.write(tmp_path / "in", tmp_path / "out", task="segment")
    assert (report.read, report.written, report.codes) == (2, 2, {})
    for folder, indexes in zip((CLASSES, OBJECTS), pair, strict=True):
        with Image.open(tmp_path / "out" / folder / "a.png") as image:
            assert image.mode == "P"
            assert np.array_equal(np.array(image), indexes)


def test_void_comes_back_by_way_of_coco(make_voc, tmp_path):
    pair = _pair()
    for folder, indexes in zip((CLASSES, OBJECTS), pair, strict=True):
        _save(tmp_path / "in" / folder / "a.png", indexes, "palette")
    dlgeom.convert(tmp_path / "in", tmp_path / "a.json")
    report = dlgeom.convert(tmp_path / "a.json", tmp_path / "out", to_format="voc")
    assert report.task == "segment"
    assert "image.void" not in report.fields
    for folder, indexes in zip((CLASSES, OBJECTS), pair, strict=True):
        with Image.open(tmp_path / "out" / folder / "a.png") as image:
            assert np.array_equal(np.array(image) == VOID, indexes == VOID)


def test_pixels_of_another_class_within_an_object_are_told(voc, tmp_path):
    classes, objects = _pair()
    classes[1, 1] = 15
    for folder, indexes in ((CLASSES, classes), (OBJECTS, objects)):
        _save(tmp_path / folder / "a.png", indexes, "palette")
    _, (chunk,), problems = voc.read(tmp_path)
    assert [chunk.labels[int(k)].name for k in chunk.label] == ["cat", "dog"]
    assert [(told.status, told.code) for told in problems.entries] == [
        ("notice", "geometry.disagree")
    ]


def test_void_over_an_outline_of_the_xml_stays(voc, make_voc, tmp_path):
    ring = "<polygon><x1>2</x1><y1>2</y1><x2>8</x2><y2>2</y2><x3>8</x3><y3>8</y3></polygon>"
    size = "<size><width>20</width><height>12</height></size>"
    source = make_voc(tmp_path / "in", {"a": _file(PLAIN + ring, head=size)})
    voc.write(source, tmp_path / "first", task="segment")
    paths = [tmp_path / "first" / folder / "a.png" for folder in (CLASSES, OBJECTS)]
    for path in paths:
        indexes = np.array(Image.open(path))
        indexes[3] = VOID
        _save(path, indexes, "palette")
    report = voc.write(tmp_path / "first", tmp_path / "second", task="segment")
    assert (report.read, report.written) == (1, 1)
    for path in paths:
        again = tmp_path / "second" / path.relative_to(tmp_path / "first")
        assert np.array_equal(np.array(Image.open(again)), np.array(Image.open(path)))
