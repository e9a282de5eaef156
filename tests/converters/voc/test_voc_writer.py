"""Writing VOC: equal trees on the way back, every loss told, any name, numbers unchanged."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from dlgeom.annotation import Annotation
from dlgeom.chunk import Chunk
from dlgeom.converters.voc.read_tree import degrees_of
from dlgeom.converters.voc.write_numbers import number_texts, round_half_up
from dlgeom.converters.voc.write_objects import radians_text
from dlgeom.converters.voc.xmlio import escape
from dlgeom.definitions import Box, Polygon
from dlgeom.errors import FormatError
from dlgeom.geometry import rle
from dlgeom.geometry.ragged import Ragged, Rings, Runs
from dlgeom.item import Item
from dlgeom.labels import LabelTable

REAL = [
    "voc100/pascalvoc",
    "voc100/cvat_voc_export",
    "bccd",
    "datumaro/voc_dataset2",
    "datumaro/voc_dataset3",
    "labelme_voc_bbox",
    "retinanet",
]


def _tree(element):
    """Return an element as a value: no comments, no blanks around text, no private path."""
    return (
        element.tag,
        dict(element.attrib),
        (element.text or "").strip(),
        [_tree(child) for child in element if isinstance(child.tag, str) and child.tag != "path"],
    )


def _root(path):
    return _tree(etree.parse(path, etree.XMLParser(remove_comments=True)).getroot())


def _chunk(rows: int = 1, names=("cat",), items=None, **columns) -> Chunk:
    items = items or [Item(name="a.jpg", width=64, height=48, number=0)]
    columns.setdefault("item", np.zeros(rows, dtype=np.int32))
    columns.setdefault("label", np.zeros(rows, dtype=np.int32))
    columns.setdefault("labels", LabelTable(names))
    return Chunk.build(items=items, **columns)


def _boxes(*boxes) -> np.ndarray:
    return np.array(boxes, dtype=np.float64).reshape(-1, 4)


@pytest.mark.shared
@pytest.mark.parametrize("task", ["detect", "segment"])
@pytest.mark.parametrize("folder", REAL)
def test_voc_to_voc_gives_equal_trees(voc, shared_data, tmp_path, folder, task):
    source = shared_data / "voc" / folder
    report = voc.write(source, tmp_path / "out", task=task)
    assert report.read == report.written > 0
    files = source / "Annotations" if (source / "Annotations").is_dir() else source
    for path in files.rglob("*.xml"):
        assert _root(tmp_path / "out" / "Annotations" / path.relative_to(files)) == _root(path)
    for path in (source / "ImageSets").rglob("*.txt"):
        again = (tmp_path / "out" / path.relative_to(source)).read_text()
        lines = [line for line in path.read_text().splitlines() if line and line[0] != "#"]
        assert [" ".join(line.split()) for line in again.splitlines()] == [
            " ".join(line.split()) for line in lines
        ]


@pytest.mark.shared
def test_private_paths_are_left_out_and_counted(voc, shared_data, tmp_path):
    report = voc.write(shared_data / "voc" / "bccd", tmp_path / "out")
    assert report.fields["path"] == 364
    assert not any(
        "<path>" in path.read_text() for path in (tmp_path / "out" / "Annotations").iterdir()
    )


def test_unknown_elements_come_back_as_they_were(voc, make_voc, tmp_path):
    text = (
        '<annotation verified="no" made="by hand"><weather kind="x">wet<deep a="1">&amp;</deep>'
        "</weather><filename>a.png</filename><size><height>48</height><width>64</width>"
        "<depth/></size><object id='7'><bndbox><ymax>4.50</ymax><xmin>1e0</xmin><ymin>2</ymin>"
        "<xmax>+3</xmax></bndbox><more><less>1</less></more><tag>x</tag><tag>y</tag>"
        "<name>a &lt; b</name></object><segmented>1</segmented></annotation>"
    )
    source = make_voc(tmp_path / "in", {"sub/a": text}, train=["sub/a"])
    voc.write(source, tmp_path / "out")
    written = tmp_path / "out" / "Annotations" / "sub" / "a.xml"
    expected = _root(source / "Annotations" / "sub" / "a.xml")
    assert _root(written) == expected


def test_a_renamed_label_is_written_with_all_the_rest(voc, make_voc, tmp_path):
    text = (
        "<annotation><filename>a.png</filename><size><width>64</width><height>48</height>"
        "</size><object><name>cat</name><pose>Left</pose><difficult>1</difficult><bndbox>"
        "<xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>"
        "<more><less>1</less></more><tag>x</tag></object></annotation>"
    )
    _, chunks, _ = voc.read(make_voc(tmp_path / "in", {"a": text}))
    table = LabelTable(["lion"])
    renamed = voc.Chunks([chunks[0].relabel(lambda k: 0, table)], source="voc")
    report = voc.write(renamed, tmp_path / "out")
    assert not report.fields
    obj = etree.parse(tmp_path / "out" / "Annotations" / "a.xml").find("object")
    assert (obj.findtext("name"), obj.findtext("pose")) == ("lion", "Left")
    assert (obj.findtext("more/less"), obj.findtext("tag")) == ("1", "x")
    assert obj.findtext("difficult") == "1"


EDGE = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(st.lists(st.tuples(EDGE, EDGE, EDGE, EDGE), min_size=1, max_size=5), st.booleans())
@example([(0.0, 0.0, 0.0, -1.0)], False)
def test_boxes_come_back_with_the_same_floats(voc, fresh, edges, base):
    boxes = _boxes(*edges)
    boxes = np.concatenate([np.minimum(boxes[:, :2], boxes[:, 2:]), boxes[:, 2:]], axis=1)
    boxes[:, 2:] = np.maximum(boxes[:, :2], boxes[:, 2:]) + 1
    root = fresh() / "out"
    items = [Item(name="a.jpg", number=0)]
    chunk = _chunk(len(boxes), bounds=boxes, items=items)
    voc.write(voc.Chunks([chunk]), root, options={"voc_base": int(base)})
    _, chunks, _ = voc.read(root, strict=False, options={"voc_base": int(base)})
    again = chunks[0].bounds
    # A box that only touches the image from outside has no part in it.
    kept = [row for row in boxes.tolist() if row[2] > 0 and row[3] > 0]
    if base:
        assert np.allclose(again, _boxes(*kept), rtol=0, atol=1e-9)
    else:
        assert again.tolist() == kept


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20))
def test_number_texts_read_back_as_the_same_floats_without_exponents(values):
    texts = number_texts(np.array(values, dtype=np.float64))
    assert [float(text) for text in texts] == values
    assert not any("e" in text or text.endswith(".0") or text == "-0" for text in texts)


NAMES = st.text(min_size=1, max_size=12)


@given(st.lists(NAMES, min_size=1, max_size=4, unique=True), st.dictionaries(NAMES, NAMES))
def test_labels_and_attributes_of_any_text_come_back(voc, fresh, names, attributes):
    root = fresh() / "out"
    n = len(names)
    chunk = _chunk(
        n,
        names=names,
        label=np.arange(n),
        bounds=_boxes(*[[1, 2, 3, 4]] * n),
        attributes={0: attributes} if attributes else {},
    )
    report = voc.write(voc.Chunks([chunk]), root)
    parsed = etree.parse(root / "Annotations" / "a.xml")
    good = [name for name in names if name.strip(" \t\r\n") and _fits(name)]
    assert report.dropped + len(parsed.findall("object")) == n
    written = [obj.findtext("name") for obj in parsed.findall("object")]
    assert written == [name for name in good if name.strip()]
    if not attributes or names[0] not in written:
        return
    _, chunks, _ = voc.read(root, strict=False)
    found = chunks[0].attributes.get(0, {})
    special = {"pose", "truncated", "occluded", "difficult", "actions", "point"}
    for key, value in attributes.items():
        plain = key.strip(" \t\r\n") == key and key.strip() and key not in special
        if plain and _fits(key) and _fits(value):
            assert found[key] == value


def _fits(text: str) -> bool:
    try:
        escape(text)
    except FormatError:
        return False
    return True


@given(
    st.lists(
        st.text(
            st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="/\\"),
            min_size=1,
            max_size=8,
        ),
        min_size=1,
        max_size=6,
    )
)
def test_any_image_name_gets_an_xml_of_its_own(voc, fresh, stems):
    root = fresh() / "out"
    stems = [stem for stem in stems if stem.strip() and stem.strip(".") and stem[1:2] != ":"]
    items = [Item(name=f"{stem}.jpg", width=9, height=9, number=k) for k, stem in enumerate(stems)]
    if not items:
        return
    chunk = _chunk(0, items=items)
    voc.write(voc.Chunks([chunk]), root, strict=False)
    written = list((root / "Annotations").rglob("*.xml"))
    assert len(written) == len(items)
    folded = [str(path).casefold() for path in written]
    assert len(set(folded)) == len(folded)
    for path in written:
        assert etree.parse(path).findtext("filename") == path.name[:-4] + ".jpg"


def test_equal_stems_are_told_apart(voc, tmp_path):
    items = [
        Item(name=name, width=9, height=9, number=k) for k, name in enumerate(["a.png", "a.jpg"])
    ]
    chunk = _chunk(2, items=items, item=np.array([0, 1]), bounds=_boxes([1, 1, 2, 2], [3, 3, 4, 4]))
    report = voc.write(voc.Chunks([chunk]), tmp_path / "out", strict=False)
    assert ("warning", "path.collision") in report.codes
    assert voc.boxes(tmp_path / "out") == {
        "a.png": [("cat", 1, 1, 2, 2)],
        "a_2.jpg": [("cat", 3, 3, 4, 4)],
    }
    with pytest.raises(FormatError, match="a_2"):
        voc.write(voc.Chunks([chunk]), tmp_path / "strict", strict=True)


def test_images_without_objects_and_splits_are_written(voc, tmp_path):
    items = [
        Item(name="sub/a.png", width=9, height=9, number=0, subset="train"),
        Item(name="b.png", width=9, height=9, number=1, subset="val"),
        Item(name="c.png", width=9, height=9, number=2),
    ]
    voc.write(voc.Chunks([_chunk(0, items=items)]), tmp_path / "out", subset="rest")
    _, chunks, _ = voc.read(tmp_path / "out")
    assert [(item.name, item.subset) for item in chunks[0].items] == [
        ("sub/a.png", "train"),
        ("b.png", "val"),
        ("c.png", "rest"),
    ]
    assert (tmp_path / "out" / "ImageSets" / "Main" / "train.txt").read_text() == "sub/a\n"


def test_whole_numbers_on_request_are_told(voc, tmp_path):
    chunk = _chunk(2, bounds=_boxes([1, 2, 3, 4], [1.5, 2.25, 9.5, 9]))
    report = voc.write(voc.Chunks([chunk]), tmp_path / "out", options={"voc_numbers": "int"})
    assert (report.written, report.approximated) == (1, 1)
    assert voc.boxes(tmp_path / "out")["a.jpg"] == [("cat", 1, 2, 3, 4), ("cat", 2, 2, 10, 9)]
    assert round_half_up(np.array([0.5, 1.5, -0.5])).tolist() == [1, 2, 0]


def test_every_loss_of_voc_is_in_the_report(voc, tmp_path):
    n = 6
    triangle = np.array([[1.0, 1], [9, 1], [9, 7]])
    outline = Rings.of([None, [[triangle]], None, None, None, None])
    mask = np.zeros((48, 64), dtype=bool)
    mask[3:5, 3:9] = True
    runs = Runs.of([None, None, (rle.encode(mask), (48, 64)), None, None, None])
    keypoints = Ragged.of([None, None, None, np.array([[1.0, 2, 2], [5, 9, 2]]), None, None])
    bounds = _boxes([1, 2, 3, 4], *[[math.nan] * 4] * 5)
    rotated = np.full((n, 5), np.nan)
    rotated[4] = [20, 20, 10, 4, 30]
    chunk = _chunk(
        n,
        bounds=bounds,
        outline=outline,
        runs=runs,
        keypoints=keypoints,
        rotated=rotated,
        label=np.array([0, 0, 0, 0, 0, 0]),
        crowd=np.array([True, False, False, False, False, False]),
        ids=[7, None, None, None, None, None],
        extra={0: {"license": 1}},
    )
    report = voc.write(voc.Chunks([chunk]), tmp_path / "out")
    codes = {key: kind.count for key, kind in report.codes.items()}
    assert codes == {
        ("approximated", "geometry.box"): 2,
        ("approximated", "geometry.keypoints"): 1,
        # A record without a shape is a class of the whole image.
        ("approximated", "record.duplicate"): 1,
    }
    assert report.fields == {"id": 1, "iscrowd": 1, "license": 1}
    boxes = voc.boxes(tmp_path / "out")["a.jpg"]
    assert boxes[1:4] == [("cat", 1, 1, 9, 7), ("cat", 3, 3, 9, 5), ("cat", 1, 2, 5, 9)]


@given(st.floats(-360, 360))
def test_angles_come_back_in_degrees(degrees):
    assert degrees_of(float(radians_text(degrees))) == pytest.approx(degrees, abs=1e-9)
    short = round(degrees, 3)
    assert degrees_of(float(radians_text(short))) == short


def test_all_that_voc_holds_comes_back(voc, tmp_path):
    outer = np.array([[0.0, 0], [20, 0], [20, 20], [0, 20]])
    hole = np.array([[5.0, 5], [5, 9], [9, 9], [9, 5]])
    far = np.array([[30.0, 30], [40, 30], [40, 40]])
    rotated = np.full((3, 5), np.nan)
    rotated[1] = [20, 20, 10, 4, 30]
    chunk = _chunk(
        3,
        bounds=_boxes([0, 0, 40, 40], [10, 10, 30, 30], [1, 2, 3, 4]),
        outline=Rings.of([[[outer, hole], [far]], None, None]),
        rotated=rotated,
        score=np.array([np.nan, np.nan, 0.1]),
        attributes={
            2: {
                "pose": "Left",
                "truncated": True,
                "note": " two  lines\n",
                "n": 3,
                "deep": {"a": [1, None]},
                "actions": ["jumping", "dancing"],
                "point": [1.5, 2.0],
            }
        },
        children={2: [Annotation(Box(1, 2, 3, 3.5, label="head"))]},
    )
    report = voc.write(voc.Chunks([chunk]), tmp_path / "out", options={"voc_polygons": "yes"})
    assert (report.written, report.fields) == (3, {})
    _, chunks, _ = voc.read(tmp_path / "out")
    again = chunks[0]
    assert again.outline == chunk.outline
    assert np.array_equal(again.rotated, chunk.rotated, equal_nan=True)
    assert np.array_equal(again.bounds, chunk.bounds)
    assert again.attributes == chunk.attributes
    assert again.score[2] == 0.1
    assert [c.bounds for c in again.children[2]] == [(1, 2, 3, 3.5)]


def test_a_polygon_keeps_its_ring_with_the_base_of_one(voc, tmp_path):
    ring = np.array([[0.5, 0], [20, 0], [20, 20.25]])
    chunk = _chunk(1, bounds=_boxes([0, 0, 20, 20.25]), outline=Rings.of([[[ring]]]))
    options = {"voc_base": 1, "voc_polygons": "yes"}
    voc.write(voc.Chunks([chunk]), tmp_path / "out", options=options)
    parsed = etree.parse(tmp_path / "out" / "Annotations" / "a.xml")
    assert parsed.findtext("object/polygon/x1") == "1.5"
    _, chunks, _ = voc.read(tmp_path / "out", options=options)
    assert chunks[0].outline == chunk.outline


def test_objects_of_the_library_are_written(voc, tmp_path):
    item = Item(name="a.jpg", width=64, height=48, number=0)
    made = [
        Annotation(Polygon(np.array([[1.0, 1], [9, 1], [9, 7]]), "cat")),
        Annotation(Box(1, 2, 3, 4, "dog", attributes={"difficult": True})),
    ]
    chunk = Chunk.of([(item, made)])
    report = voc.write(voc.Chunks([chunk]), tmp_path / "out", options={"voc_polygons": "yes"})
    assert report.written == 2
    _, chunks, _ = voc.read(tmp_path / "out")
    assert chunks[0].attributes == {1: {"difficult": True}}


def test_images_are_copied_beside_the_annotations(voc, make_voc, tmp_path):
    from PIL import Image

    text = "<annotation><filename>a.png</filename></annotation>"
    source = make_voc(tmp_path / "in", {"sub/a": text})
    (source / "JPEGImages" / "sub").mkdir(parents=True)
    Image.new("RGB", (7, 5)).save(source / "JPEGImages" / "sub" / "a.png")
    for how in ("copy", "link"):
        voc.write(source, tmp_path / how, image_files=how)
        assert (tmp_path / how / "JPEGImages" / "sub" / "a.png").is_file()
        _, chunks, _ = voc.read(tmp_path / how)
        assert (chunks[0].items[0].width, chunks[0].items[0].height) == (7, 5)
