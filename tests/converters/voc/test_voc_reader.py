"""Reading VOC: real files against an independent reader, dialects, image sets, names."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from dlgeom.chunk import Chunk
from dlgeom.converters.voc import read_fast
from dlgeom.converters.voc.reader import recognise
from dlgeom.errors import FormatError, UsageError
from dlgeom.limits import DEFAULT_LIMITS

FOLDERS = {
    "voc100/pascalvoc": (100, 273),
    "voc100/cvat_voc_export": (100, 273),
    "bccd": (364, 4_888),
    "datumaro/voc_dataset1": (2, 13),
    "datumaro/voc_dataset2": (5, 4),
    "datumaro/voc_dataset3": (1, 1),
    "labelme_voc/data_dataset_voc": (3, 12),
    "labelme_voc_bbox": (3, 9),
    "retinanet": (1, 2),
}
BOX = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>"
SIZE = "<size><width>64</width><height>48</height><depth>3</depth></size>"


def _xml(*objects: str, head: str = "") -> str:
    inner = "".join(f"<object>{text}</object>" for text in objects)
    return f"<annotation><filename>a.png</filename>{head}{SIZE}{inner}</annotation>"


def _one(voc, make_voc, root, *objects: str, strict: bool = True, head: str = "", **options):
    make_voc(root, {"a": _xml(*objects, head=head)})
    _, chunks, problems = voc.read(root, strict=strict, options={"voc_base": 0, **options})
    return chunks[0], problems


@pytest.mark.shared
@pytest.mark.parametrize("folder", FOLDERS)
def test_real_folder_is_recognised_and_has_the_counts_of_the_index(voc, shared_data, folder):
    path = shared_data / "voc" / folder
    assert recognise(path) == 2
    reader, chunks, _ = voc.read(path)
    images, rows = FOLDERS[folder]
    assert reader.count() == sum(len(chunk.items) for chunk in chunks) == images
    assert sum(map(len, chunks)) == rows


@pytest.mark.shared
@pytest.mark.parametrize("folder", [name for name in FOLDERS if name[:8] != "labelme_"])
def test_real_boxes_are_those_that_lxml_finds(voc, shared_data, folder):
    root = shared_data / "voc" / folder
    files = root / "Annotations" if (root / "Annotations").is_dir() else root
    found = {name.rpartition(".")[0]: rows for name, rows in voc.boxes(root).items()}
    for path in files.glob("*.xml"):
        expected = [
            (
                obj.findtext("name"),
                *(float(obj.findtext(f"bndbox/{k}")) for k in ("xmin", "ymin", "xmax", "ymax")),
            )
            for obj in etree.parse(path).getroot().iterchildren("object")
        ]
        boxes = [row for row in found[path.stem] if not math.isnan(row[1])]
        assert boxes == expected


@pytest.mark.shared
def test_two_writers_of_the_same_hundred_images_agree(voc, shared_data):
    root = shared_data / "voc" / "voc100"
    one, other = (
        {name: sorted(rows) for name, rows in voc.boxes(root / writer).items()}
        for writer in ("pascalvoc", "cvat_voc_export")
    )
    assert one == other


@pytest.mark.shared
def test_fast_reading_and_lxml_agree_on_all_real_files(voc, shared_data, monkeypatch):
    seen = 0
    for folder in FOLDERS:
        path = shared_data / "voc" / folder
        _, fast, _ = voc.read(path)
        with monkeypatch.context() as patch:
            patch.setattr(read_fast, "usable", lambda limits: False)
            _, slow, _ = voc.read(path)
        for a, b in zip(fast, slow, strict=True):
            strip = {"head": "", "tail": ""}
            for chunk in (a, b):
                for item in chunk.items:
                    item.head, item.tail = strip["head"], strip["tail"]
            assert a == b
            seen += len(a)
    assert seen > 5_000


@pytest.mark.shared
@pytest.mark.parametrize("folder", FOLDERS)
def test_objects_of_a_chunk_make_the_chunk_again(voc, shared_data, folder):
    _, chunks, _ = voc.read(shared_data / "voc" / folder)
    for chunk in chunks:
        again = Chunk.of(chunk.pairs(), chunk.labels)
        assert again == chunk


@pytest.mark.shared
def test_bccd_images_belong_to_train_val_and_test(voc, shared_data):
    reader, chunks, _ = voc.read(shared_data / "voc" / "bccd")
    assert reader.meta.subsets == ["train", "val", "test"]
    subsets = [item.subset for chunk in chunks for item in chunk.items]
    assert [subsets.count(name) for name in reader.meta.subsets] == [205, 87, 72]
    _, chunks, _ = voc.read(shared_data / "voc" / "bccd", subsets=["trainval"])
    assert sum(len(chunk.items) for chunk in chunks) == 292
    with pytest.raises(UsageError, match="no split 'train2'"):
        voc.open(shared_data / "voc" / "bccd", subsets=["train2"])


def test_base_one_reads_inclusive_pixels_from_one(voc, make_voc, tmp_path):
    chunk, _ = _one(voc, make_voc, tmp_path, f"<name>cat</name>{BOX}", voc_base=1)
    assert chunk.bounds.tolist() == [[0, 1, 3, 4]]


def test_flags_become_attributes_only_where_they_say_something(voc, make_voc, tmp_path):
    chunk, _ = _one(
        voc,
        make_voc,
        tmp_path,
        f"<name>a</name><pose>Left</pose><truncated>1</truncated><occluded>0</occluded>{BOX}",
        f"<name>a</name><pose>Unspecified</pose><difficult>0</difficult>{BOX}",
        f"{BOX}<difficult>1</difficult><name>a</name><weather>wet &amp; cold</weather>",
    )
    assert chunk.attributes == {0: {"pose": "Left", "truncated": True}, 2: {"difficult": True}}
    assert chunk.extra == {2: {"weather": "wet & cold"}}


def test_extensions_are_read(voc, make_voc, tmp_path):
    chunk, _ = _one(
        voc,
        make_voc,
        tmp_path,
        "<name>a</name><type>robndbox</type><robndbox><cx>20</cx><cy>15</cy><w>10</w><h>4</h>"
        f"<angle>{math.pi / 2}</angle></robndbox>",
        "<name>a</name><polygon><x1>1</x1><y1>1</y1><x2>9</x2><y2>1</y2><x3>9</x3><y3>7</y3>"
        f"</polygon>{BOX}<score>0.25</score>",
        "<name>a</name><segmentation><pt><x>1</x><y>1</y></pt><pt><x>9</x><y>1</y></pt>"
        "<pt><x>9</x><y>7</y></pt></segmentation>",
        f"<name>p</name>{BOX}<part><name>head</name>{BOX}</part>"
        "<actions><jumping>1</jumping><walking>0</walking></actions><point><x>5</x><y>6</y></point>",
        "<name>p</name><point><x>5</x><y>6</y></point>",
        f"<name>a</name>{BOX}<attributes><attribute><name>rot</name><value>1.0</value></attribute>"
        '<attribute><name>n</name><value type="json">[1,2]</value></attribute></attributes>',
    )
    assert chunk.rotated[0].tolist() == [20, 15, 10, 4, 90]
    assert chunk.score[1] == 0.25
    triangle = [[[[1, 1], [9, 1], [9, 7]]]]
    for row in (1, 2):
        assert [[[r.tolist() for r in part] for part in chunk.outline.row(row)]] == [triangle]
    (head,) = chunk.children[3]
    assert (head.label, head.bounds) == ("head", (1, 2, 3, 4))
    assert chunk.attributes[3] == {"actions": ["jumping"], "point": [5.0, 6.0]}
    point = chunk.others[4].annotation_definition
    assert (point.type, point.label) == ("point", "p")
    assert chunk.attributes[5] == {"rot": "1.0", "n": [1, 2]}
    assert Chunk.of(chunk.pairs(), chunk.labels) == chunk


def test_a_ring_with_bridges_becomes_parts_and_holes_again(voc, make_voc, tmp_path):
    ring = [(0, 0), (9, 0), (9, 9), (0, 9), (0, 0), (2, 2), (2, 4), (4, 4), (4, 2), (2, 2), (0, 0)]
    text = "".join(f"<x{k}>{x}</x{k}><y{k}>{y}</y{k}>" for k, (x, y) in enumerate(ring, 1))
    chunk, _ = _one(voc, make_voc, tmp_path, f"<name>a</name><polygon>{text}</polygon>")
    (part,) = chunk.outline.row(0)
    assert [len(r) for r in part] == [4, 4]


def test_corners_in_the_wrong_order_are_put_right_and_told(voc, make_voc, tmp_path):
    box = "<bndbox><xmin>9</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>"
    chunk, problems = _one(voc, make_voc, tmp_path, f"<name>a</name>{box}", strict=False)
    assert chunk.bounds.tolist() == [[3, 2, 9, 4]]
    assert [(told.status, told.code) for told in problems.entries] == [
        ("repaired", "geometry.normalised")
    ]
    with pytest.raises(FormatError, match="wrong order"):
        voc.read(tmp_path)


def test_text_that_comments_split_is_one_text(voc, make_voc, tmp_path):
    box = BOX.replace("<xmax>3<", "<xmax>1<!-- x --><?pi?>0<").replace(
        "<ymax>4<", "<ymax><![CDATA[1]]>1<"
    )
    chunk, _ = _one(voc, make_voc, tmp_path, f"<name>a</name>{box}")
    assert chunk.bounds.tolist() == [[1, 2, 10, 11]]


@pytest.mark.parametrize(
    ("polygon", "code"),
    [
        ("<x1>1</x1><y1>1</y1><x2>5</x2>", "polygon.odd"),
        ("<x1>1</x1><y1>1</y1><x2>5</x2><y2>5</y2>", "polygon.too_few"),
        ("<x1>1</x1><y1>1</y1><x2>5</x2><y2>5</y2><x3>9</x3><y3>9</y3>", "polygon.zero_area"),
        ("<x1>1</x1><y1>inf</y1><x2>5</x2><y2>5</y2><x3>9</x3><y3>9</y3>", "number.not_finite"),
    ],
)
def test_an_outline_that_is_none_costs_its_record_only(voc, make_voc, tmp_path, polygon, code):
    chunk, problems = _one(
        voc,
        make_voc,
        tmp_path,
        f"<name>a</name>{BOX}<polygon>{polygon}</polygon>",
        f"<name>a</name>{BOX}",
        strict=False,
    )
    assert chunk.bounds.tolist() == [[1, 2, 3, 4]]
    assert [told.code for told in problems.entries] == [code]


@pytest.mark.parametrize(
    ("stem", "filename", "name"),
    [
        ("a", "a.png", "a.png"),
        ("a", "a.JPEG", "a.JPEG"),
        ("a", "other/a.png", "a.png"),
        ("a", "a", "a.jpg"),
        ("sub/a", "a.bmp", "sub/a.bmp"),
        ("a", "b.png", "a.png"),
        ("a.v1", "a.v1.png", "a.v1.png"),
        ("图 1", "图 1.png", "图 1.png"),
        ("@", "@.jpg", "@.jpg"),
    ],
)
def test_an_image_is_named_by_the_stem_of_its_xml(voc, make_voc, tmp_path, stem, filename, name):
    make_voc(tmp_path, {stem: f"<annotation><filename>{filename}</filename>{SIZE}</annotation>"})
    _, chunks, _ = voc.read(tmp_path)
    assert [item.name for item in chunks[0].items] == [name]


def test_an_image_that_only_a_set_lists_is_an_item_without_objects(voc, make_voc, tmp_path):
    make_voc(tmp_path, {"a": _xml()}, train=["a"], test=["b c"])
    (tmp_path / "ImageSets" / "Main" / "cat_train.txt").write_text("a -1\n")
    reader, chunks, _ = voc.read(tmp_path)
    assert [(i.name, i.subset) for i in chunks[0].items] == [
        ("a.png", "train"),
        ("b c.jpg", "test"),
    ]
    assert reader.meta.subsets == ["train", "test"]


def test_a_single_xml_and_a_bare_folder_are_read(voc, tmp_path):
    (tmp_path / "a.xml").write_text(_xml(f"<name>a</name>{BOX}"))
    assert recognise(tmp_path) == recognise(tmp_path / "a.xml") == 2
    expected = {"a.png": [("a", 1, 2, 3, 4)]}
    assert voc.boxes(tmp_path) == voc.boxes(tmp_path / "a.xml") == expected


def test_roboflow_folders_are_splits(voc, tmp_path):
    for split in ("train", "valid"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "a.xml").write_text(_xml(f"<name>a</name>{BOX}"))
    reader, chunks, _ = voc.read(tmp_path)
    assert recognise(tmp_path) == 2
    assert reader.meta.subsets == ["train", "valid"]
    assert [item.name for item in chunks[0].items] == ["train/a.png", "valid/a.png"]


def test_the_data_set_in_a_devkit_is_read_and_one_of_several_has_to_be_named(
    voc, make_voc, tmp_path
):
    for year in ("VOC2007", "VOC2012"):
        root = make_voc(tmp_path / "kit" / year, {f"in{year}": _xml(f"<name>cat</name>{BOX}")})
        (root / "ImageSets" / "Main").mkdir(parents=True)
        (root / "ImageSets" / "Main" / "val.txt").write_text(f"in{year}\n")
        if year == "VOC2007":
            assert recognise(tmp_path / "kit") == 2
            _, (chunk,), _ = voc.read(tmp_path / "kit")
            assert [(item.name, item.subset) for item in chunk.items] == [("inVOC2007.png", "val")]
    assert recognise(tmp_path / "kit") == 2
    with pytest.raises(FormatError, match=r"VOC2007, VOC2012"):
        voc.read(tmp_path / "kit")


def test_kinds_tell_what_occurs(voc, make_voc, tmp_path):
    make_voc(tmp_path, {"a": _xml(f"<name>a</name>{BOX}<polygon/>"), "b": _xml()})
    reader, _ = voc.open(tmp_path)
    assert reader.kinds() == {"box", "outline"}


NUMBERS = st.one_of(
    st.integers(-5, 70).map(str),
    st.floats(0, 60).map(repr),
    st.sampled_from(["1e1", "+3", "nan", "1,5", "", " 7 ", "0x1", "1_0", "٣"]),
)
NAMES = st.one_of(
    st.sampled_from(["cat", " dog", "a&amp;b", "图", "", "<b/>", "&lt;x&gt;", "a]]&gt;"]),
    st.text(st.characters(codec="ascii", exclude_characters="&<\r", exclude_categories=["Cc"])),
)
EDGES = ("xmin", "ymin", "xmax", "ymax")
OBJECTS = st.builds(
    lambda name, edges, flag, gap, extra: (
        f"<name>{name}</name>{gap}<truncated>{flag}</truncated><bndbox>{gap}"
        + "".join(f"<{k}>{v}</{k}>{gap}" for k, v in zip(EDGES, edges, strict=True))
        + f"</bndbox>{extra}"
    ),
    NAMES,
    st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS),
    st.sampled_from(["0", "1", "", "2", "yes"]),
    st.sampled_from(["", "\n\t", "\r\n  ", "<!-- x -->"]),
    st.sampled_from(["", "<difficult>1</difficult>", "<x>y</x>", "<object/>", "<?pi?>"]),
)


@given(st.lists(OBJECTS, max_size=4))
def test_fast_reading_and_lxml_agree_on_any_objects(voc, make_voc, fresh, objects):
    root = fresh()
    make_voc(root, {"a": _xml(*objects)})
    outcomes = []
    for usable in (True, False):
        reader, problems = voc.open(root, strict=False)
        reader._fast = usable
        try:
            (chunk,) = reader.chunks(grouped=True)
        except FormatError as error:
            outcomes.append(error.code)
            continue
        codes = [(told.status, told.code, told.location) for told in problems.entries]
        rows = [
            (chunk.labels[int(k)].name, chunk.attributes.get(row), chunk.extra.get(row))
            for row, k in enumerate(chunk.label)
        ]
        outcomes.append((sorted(codes, key=str), rows, chunk.bounds.tolist()))
    assert outcomes[0] == outcomes[1]


def test_limits_below_those_of_the_patterns_turn_them_off():
    assert read_fast.usable(DEFAULT_LIMITS)
    assert not read_fast.usable(DEFAULT_LIMITS.replace(text=100))


def test_a_box_without_area_is_kept(voc, make_voc, tmp_path):
    box = "<bndbox><xmin>4</xmin><ymin>4</ymin><xmax>4</xmax><ymax>4</ymax></bndbox>"
    chunk, problems = _one(voc, make_voc, tmp_path, f"<name>a</name>{box}")
    assert np.array_equal(chunk.bounds, [[4, 4, 4, 4]])
    assert [(told.status, told.code) for told in problems.entries] == [
        ("notice", "geometry.bbox_size")
    ]
