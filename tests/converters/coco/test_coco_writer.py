"""The COCO writer: built records, copied records, ids, files, what is told as lost."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlgeom.chunk import Chunk, Origin
from dlgeom.converters.base import Losses, Meta, WriteContext
from dlgeom.converters.coco.read_json import edit
from dlgeom.converters.coco.write_edit import contiguous
from dlgeom.converters.coco.write_ids import Ids
from dlgeom.converters.coco.write_root import RootFile, Spool
from dlgeom.converters.coco.write_sizes import shortest_sizes
from dlgeom.converters.coco.writer import WRITE_OPTIONS, create_writer
from dlgeom.converters.output import Output
from dlgeom.converters.problems import Problems
from dlgeom.errors import FormatError, InternalError
from dlgeom.geometry import raster, rle, rotated
from dlgeom.geometry.ragged import Ragged, Rings, Runs
from dlgeom.item import Item
from dlgeom.labels import Label, LabelTable

SQUARE = np.array([[1.0, 1.0], [9.0, 1.0], [9.0, 9.0], [1.0, 9.0]])
HOLE = np.array([[3.0, 3.0], [3.0, 6.0], [6.0, 6.0], [6.0, 3.0]])


def write(
    target: Path,
    chunks: list[Chunk],
    labels: LabelTable,
    *,
    meta: Meta | None = None,
    single: bool = True,
    subset: str | None = None,
    measure: bool = False,
    problems: Problems | None = None,
    **options: Any,
) -> list[Losses]:
    with Output(target, single=single) as output:
        writer = create_writer(
            WriteContext(
                output=output,
                meta=meta or Meta(format="made", labels=labels),
                problems=problems or Problems(),
                options=options,
                subset=subset,
                measure=measure,
            )
        )
        losses = [writer.write(chunk) for chunk in chunks]
        writer.finish()
    return losses


def read(path: Path) -> Any:
    def refuse(text: str) -> None:
        raise AssertionError(text)

    data = path.read_bytes()
    if path.name.endswith(".gz"):
        data = gzip.decompress(data)
    return json.loads(data, parse_constant=refuse)


def image(number: int = 0, **fields: Any) -> Item:
    values = {"name": f"{number}.jpg", "width": 16, "height": 12, "number": number, **fields}
    return Item(**values)


def rows(labels: LabelTable, count: int, **columns: Any) -> Chunk:
    columns.setdefault("items", [image()])
    columns.setdefault("item", np.zeros(count, dtype=np.int32))
    columns.setdefault("label", np.zeros(count, dtype=np.int32))
    return Chunk.build(labels=labels, **columns)


def one(tmp_path: Path, labels: LabelTable | None = None, **columns: Any) -> dict[str, Any]:
    """Write one row and return its record."""
    labels = labels or LabelTable(["cat"])
    options = columns.pop("options", {})
    write(tmp_path / "x.json", [rows(labels, 1, **columns)], labels, **options)
    (record,) = read(tmp_path / "x.json")["annotations"]
    return record


# ------------------------------------------------------------------ built records


def test_box_becomes_bbox_and_area(tmp_path: Path) -> None:
    record = one(tmp_path, bounds=np.array([[1.5, 2.0, 4.5, 10.0]]))
    assert record == {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "bbox": [1.5, 2.0, 3.0, 8.0],
        "area": 24.0,
        "iscrowd": 0,
        "segmentation": [],
    }


def test_file_has_what_readers_ask_for(tmp_path: Path) -> None:
    labels = LabelTable([Label(name="a", parent="x", color=(1, 2, 3)), "b"])
    write(tmp_path / "x.json", [rows(labels, 0, items=[image()])], labels)
    found = read(tmp_path / "x.json")
    assert found["licenses"] == []
    assert isinstance(found["info"], dict)
    assert found["images"] == [{"id": 1, "file_name": "0.jpg", "width": 16, "height": 12}]
    assert found["annotations"] == []
    assert found["categories"] == [
        {"id": 1, "name": "a", "supercategory": "x", "color": [1, 2, 3]},
        {"id": 2, "name": "b", "supercategory": ""},
    ]


@given(
    st.lists(
        st.tuples(
            st.floats(-1e5, 1e5), st.floats(0, 1e5) | st.decimals(0, 999, places=2).map(float)
        ),
        min_size=1,
        max_size=20,
    )
)
def test_sizes_lead_from_low_edge_to_high_edge_exactly(pairs: list[tuple[float, float]]) -> None:
    low = np.array([a for a, _ in pairs])
    high = low + np.array([b for _, b in pairs])
    sizes = shortest_sizes(low, high)
    assert np.array_equal(low + sizes, high)
    assert (sizes >= 0).all()


@given(st.decimals(0, 500, places=2), st.decimals(0, 500, places=2))
def test_sizes_of_two_decimals_have_two_decimals(x: Any, w: Any) -> None:
    low, size = float(x), float(w)
    found = shortest_sizes(np.array([low]), np.array([low + size]))
    assert low + found[0] == low + size
    assert len(repr(float(found[0]))) <= len(repr(size))


def test_polygon_has_its_extent_and_shoelace_area(tmp_path: Path) -> None:
    outline = Rings.of([[[SQUARE], [HOLE[::-1]]]])
    record = one(tmp_path, outline=outline)
    assert record["segmentation"] == [SQUARE.ravel().tolist(), HOLE[::-1].ravel().tolist()]
    assert record["bbox"] == [1.0, 1.0, 8.0, 8.0]
    assert record["area"] == 64.0 + 9.0


def test_stored_bbox_and_area_stay_unless_asked(tmp_path: Path) -> None:
    columns: dict[str, Any] = {
        "outline": Rings.of([[[SQUARE]]]),
        "bounds": np.array([[0.0, 0.0, 10.0, 10.0]]),
        "area": np.array([77.5]),
    }
    kept = one(tmp_path, **columns)
    assert (kept["bbox"], kept["area"]) == ([0.0, 0.0, 10.0, 10.0], 77.5)
    (tmp_path / "x.json").unlink()
    fresh = one(tmp_path, **columns, options={"coco_recompute": "both"})
    assert (fresh["bbox"], fresh["area"]) == ([1.0, 1.0, 8.0, 8.0], 64.0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_masks_come_back_pixel_for_pixel(seed: int, crowd: bool) -> None:
    import tempfile

    from pycocotools import mask as native

    rng = np.random.default_rng(seed)
    mask = rng.random((12, 16)) < rng.random()
    runs = Runs.of([(rle.encode(mask), (12, 16))])
    with tempfile.TemporaryDirectory() as folder:
        record = one(Path(folder), runs=runs, crowd=np.array([crowd]))
    found = record["segmentation"]
    assert isinstance(found["counts"], list) == crowd
    packed = native.frPyObjects(found, 12, 16) if crowd else found
    assert np.array_equal(native.decode(packed).astype(bool), mask)
    assert record["area"] == mask.sum()
    if not crowd:
        x, y, w, h = native.toBbox(packed).tolist()
        assert record["bbox"] == [x, y, w, h]


@pytest.mark.parametrize("angle", [0.0, 30.0, -120.0, 90.0, 179.5])
def test_rotated_box_can_be_restored(tmp_path: Path, angle: float) -> None:
    box = np.array([[8.0, 6.0, 6.0, 2.0, angle]])
    labels = LabelTable(["cat"])
    chunk = rows(labels, 1, rotated=box, attributes={0: {"color": "red"}})
    (losses,) = write(tmp_path / "x.json", [chunk], labels, measure=True)
    (record,) = read(tmp_path / "x.json")["annotations"]
    assert record["attributes"] == {"color": "red", "rotation": angle}
    corners = np.array(record["segmentation"]).reshape(1, 4, 2)
    assert np.allclose(rotated.from_corners(corners)[0, :4], box[0, :4], atol=1e-9)
    left, top, width, height = record["bbox"]
    assert np.allclose(rotated.extent(box)[0], [left, top, left + width, top + height])
    assert record["area"] == 12.0
    assert losses.codes[losses.code[0]][0] == "geometry.rotated"
    assert losses.measure[0] == 1.0


@pytest.mark.parametrize("how", ["rle", "bridge", "drop"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_holes_are_written_as_asked(tmp_path: Path, how: str) -> None:
    from pycocotools.coco import COCO

    labels = LabelTable(["cat"])
    chunk = rows(labels, 1, outline=Rings.of([[[SQUARE, HOLE]]]))
    (losses,) = write(tmp_path / "x.json", [chunk], labels, coco_holes=how, measure=True)
    coco = COCO(str(tmp_path / "x.json"))
    mask = coco.annToMask(coco.anns[1]).astype(bool)
    whole = raster.parts_to_mask([[SQUARE]], (12, 16))
    exact = raster.parts_to_mask([[SQUARE, HOLE]], (12, 16))
    assert np.array_equal(mask, whole if how == "drop" else exact)
    assert losses.status[0] == 1
    assert losses.measure[0] == (55 / 64 if how == "drop" else 1.0)
    assert (losses.replaced is not None) == (how == "drop")


def test_keypoints_are_counted_anew_and_the_category_names_them(tmp_path: Path) -> None:
    labels = LabelTable([Label(name="p", keypoints=("a", "b", "c"), skeleton=((0, 1), (1, 2)))])
    points = Ragged.of([np.array([[1.5, 2, 2], [3, 4, 1], [0, 0, 0]])])
    record = one(tmp_path, labels, keypoints=points)
    assert record["keypoints"] == [1.5, 2.0, 2, 3.0, 4.0, 1, 0.0, 0.0, 0]
    assert record["num_keypoints"] == 2
    assert record["bbox"] == [1.5, 2.0, 1.5, 2.0]
    (category,) = read(tmp_path / "x.json")["categories"]
    assert category["keypoints"] == ["a", "b", "c"]
    assert category["skeleton"] == [[1, 2], [2, 3]]


def test_keypoints_without_names_get_some(tmp_path: Path) -> None:
    one(tmp_path, keypoints=Ragged.of([np.array([[1.5, 2, 2], [3, 4, 1]])]))
    (category,) = read(tmp_path / "x.json")["categories"]
    assert category["keypoints"] == ["keypoint_1", "keypoint_2"]
    assert category["skeleton"] == []


def test_score_attributes_and_unknown_fields_are_kept(tmp_path: Path) -> None:
    labels = LabelTable(["cat"])
    chunk = rows(
        labels,
        1,
        bounds=np.array([[0.0, 0, 1, 1]]),
        score=np.array([0.25]),
        attributes={0: {"occluded": True, "bad": math.inf}},
        extra={0: {"track": [1, {"a": None}], "id": 9, "worse": math.nan, "big": 2**70}},
        children={0: ["head"]},
    )
    (losses,) = write(tmp_path / "x.json", [chunk], labels)
    (record,) = read(tmp_path / "x.json")["annotations"]
    assert record["score"] == 0.25
    assert record["attributes"] == {"occluded": True}
    assert (record["track"], record["big"], record["id"]) == ([1, {"a": None}], 2**70, 1)
    assert losses.fields == {"attributes.bad": 1, "id": 1, "worse": 1, "children": 1}


def test_rows_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    labels = LabelTable(["cat"])
    small = (rle.encode(np.ones((3, 3), dtype=bool)), (3, 3))
    chunk = rows(
        labels,
        4,
        label=np.array([0, -1, 0, 0]),
        bounds=np.array([[0.0, 0, 1, 1], [0, 0, 1, 1], [0, 0, math.inf, 1], [0, 0, 3, 3]]),
        runs=Runs.of([None, None, None, small]),
    )
    (losses,) = write(tmp_path / "x.json", [chunk], labels)
    assert [losses.codes[code][0] if code >= 0 else "" for code in losses.code.tolist()] == [
        "",
        "ref.category",
        "number.not_finite",
        "image.size_disagrees",
    ]
    (record,) = read(tmp_path / "x.json")["annotations"]
    assert record["id"] == 1


def test_crowds_are_left_out_on_request(tmp_path: Path) -> None:
    labels = LabelTable(["cat"])
    chunk = rows(labels, 2, bounds=np.ones((2, 4)), crowd=np.array([True, False]))
    (losses,) = write(tmp_path / "x.json", [chunk], labels, coco_crowd="drop")
    assert losses.status.tolist() == [2, 0]
    assert len(read(tmp_path / "x.json")["annotations"]) == 1


def test_boxes_get_corners_on_request(tmp_path: Path) -> None:
    record = one(
        tmp_path,
        bounds=np.array([[1.0, 2.0, 3.0, 5.0]]),
        options={"coco_box_polygons": True},
    )
    assert record["segmentation"] == [[1.0, 2.0, 3.0, 2.0, 3.0, 5.0, 1.0, 5.0]]


def test_unknown_image_size_is_an_error(tmp_path: Path) -> None:
    labels = LabelTable(["cat"])
    chunk = rows(labels, 0, items=[image(width=None)])
    with pytest.raises(FormatError, match="--images") as caught:
        write(tmp_path / "x.json", [chunk], labels)
    assert caught.value.code == "image.size"
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------ ids, files


@given(st.lists(st.none() | st.integers(-2, 8) | st.text(max_size=1)))
def test_ids_never_repeat_and_are_kept_where_they_can_be(wishes: list[Any]) -> None:
    ids = Ids()
    given_ids = [ids.take(wish) for wish in wishes]
    values = [value for value, _ in given_ids]
    assert len(set(values)) == len(values)
    assert all(isinstance(value, int) for value in values)
    assert all(value == wish for wish, (value, kept) in zip(wishes, given_ids, strict=True) if kept)


@pytest.mark.parametrize(
    ("ids", "expected", "notices"),
    [
        ([None, None], [1, 2], 0),
        ([7, 3], [7, 3], 0),
        ([0, 1], [0, 1], 0),
        (["a", "b"], [1, 2], 1),
        ([5, 5], [1, 2], 1),
    ],
)
def test_category_ids_are_kept_or_counted(
    tmp_path: Path, ids: list[Any], expected: list[int], notices: int
) -> None:
    labels = LabelTable([Label(name=f"n{i}", id=value) for i, value in enumerate(ids)])
    problems = Problems()
    chunk = rows(labels, 2, label=np.array([0, 1]), bounds=np.ones((2, 4)))
    write(tmp_path / "x.json", [chunk], labels, problems=problems)
    found = read(tmp_path / "x.json")
    assert [c["id"] for c in found["categories"]] == expected
    assert [a["category_id"] for a in found["annotations"]] == expected
    assert problems.counts.get("notice", 0) == notices


def test_category_ids_from_one_on_request(tmp_path: Path) -> None:
    labels = LabelTable([Label(name="a", id=0), Label(name="b", id=9)])
    chunk = rows(labels, 2, label=np.array([1, 0]), bounds=np.ones((2, 4)))
    write(tmp_path / "x.json", [chunk], labels, coco_category_ids="from1")
    found = read(tmp_path / "x.json")
    assert [c["id"] for c in found["categories"]] == [1, 2]
    assert [a["category_id"] for a in found["annotations"]] == [2, 1]


def test_labels_may_come_while_writing(tmp_path: Path) -> None:
    labels = LabelTable(["a"])
    first = rows(labels, 1, bounds=np.ones((1, 4)))
    with Output(tmp_path / "x.json", single=True) as output:
        meta = Meta(format="made", labels=labels)
        writer = create_writer(WriteContext(output=output, meta=meta, problems=Problems()))
        writer.write(first)
        labels.add("b")
        writer.write(rows(labels, 1, label=np.array([1]), bounds=np.ones((1, 4))))
        writer.finish()
    found = read(tmp_path / "x.json")
    assert [a["category_id"] for a in found["annotations"]] == [1, 2]
    assert [c["name"] for c in found["categories"]] == ["a", "b"]


def test_each_subset_has_its_file_in_a_folder(tmp_path: Path) -> None:
    labels = LabelTable(["a"])
    items = [image(0, subset="train"), image(1, subset="val/x"), image(2, subset="train")]
    chunk = rows(
        labels, 3, items=items, item=np.array([0, 1, 2]), bounds=np.arange(12.0).reshape(3, 4)
    )
    write(tmp_path / "out", [chunk], labels, single=False)
    train = read(tmp_path / "out/annotations/instances_train.json")
    other = read(tmp_path / "out/annotations/instances_val_x.json")
    assert [r["file_name"] for r in train["images"]] == ["0.jpg", "2.jpg"]
    assert [a["bbox"][0] for a in train["annotations"]] == [0.0, 8.0]
    assert [a["bbox"][0] for a in other["annotations"]] == [4.0]


@given(st.lists(st.none() | st.integers(-2, 9) | st.integers(2**60, 2**70), max_size=30))
def test_ids_of_a_chunk_change_only_where_they_repeat(wishes: list[int | None]) -> None:
    ids = Ids()
    again = [5, *wishes]
    for batch in (wishes, again):
        given_ids, changed = ids.take_all(batch)
        kept = [a == b for a, b in zip(given_ids, batch, strict=True)]
        assert changed == sum(
            not same for same, wish in zip(kept, batch, strict=True) if wish is not None
        )
        if batch is wishes:
            firsts = [wish is not None and wish not in wishes[:k] for k, wish in enumerate(wishes)]
            assert kept == firsts
            before = given_ids
    assert len(set(before + given_ids)) == len(before) + len(given_ids)


def test_a_single_file_gets_all_subsets_with_new_ids_where_they_meet(tmp_path: Path) -> None:
    labels = LabelTable(["a"])
    items = [image(0, subset="train", id=5), image(1, subset="val", id=5)]
    chunk = rows(labels, 2, items=items, item=np.array([0, 1]), ids=[3, 3], bounds=np.ones((2, 4)))
    (losses,) = write(tmp_path / "x.json.gz", [chunk], labels)
    found = read(tmp_path / "x.json.gz")
    assert [r["id"] for r in found["images"]] == [5, 1]
    assert [(a["id"], a["image_id"]) for a in found["annotations"]] == [(3, 5), (4, 1)]
    assert losses.fields == {"id": 1}


def test_an_item_mentioned_again_is_one_image(tmp_path: Path) -> None:
    labels = LabelTable(["a"])
    first = rows(labels, 0, items=[image(0), image(1)])
    second = rows(labels, 1, items=[image(1)], bounds=np.ones((1, 4)))
    write(tmp_path / "x.json", [first, second], labels)
    found = read(tmp_path / "x.json")
    assert [r["id"] for r in found["images"]] == [1, 2]
    assert found["annotations"][0]["image_id"] == 2


def test_the_same_rows_give_the_same_bytes_in_one_chunk_or_many(tmp_path: Path) -> None:
    labels = LabelTable(["a"])
    chunk = rows(
        labels,
        5,
        items=[image(k) for k in range(3)],
        item=np.array([0, 0, 1, 2, 2]),
        bounds=np.arange(20.0).reshape(5, 4),
    )
    write(tmp_path / "a.json", [chunk], labels)
    parts = [chunk.select(np.array(some)) for some in ([0], [1, 2], [3, 4])]
    write(tmp_path / "b.json", parts, labels)
    assert read(tmp_path / "a.json") == read(tmp_path / "b.json")


def test_every_option_has_its_default_among_its_choices() -> None:
    assert all(not o.choices or o.default in o.choices for o in WRITE_OPTIONS)


# ------------------------------------------------------------------ copied records

SOURCE = {
    "info": {"big": 2**70},
    "images": [
        {"id": 7, "width": 16, "height": 12.0, "file_name": "b\\a.jpg", "license": None},
        {"file_name": "z.jpg", "id": 2**65, "height": 12, "width": 16},
    ],
    "x": [1.50, {"é": "\\"}],
    "annotations": [
        {"id": 2**63, "image_id": 7, "category_id": 3, "bbox": [1, 2, 3, 4.0], "zzz": 1e-7},
        {"image_id": 2**65, "category_id": 0, "id": 4, "segmentation": [], "area": 7},
        {"image_id": 7, "category_id": 3, "id": 4, "bbox": [0.10, 0, 5, 5]},
    ],
    "categories": [{"name": "b", "id": 3, "odd": {}}, {"id": 0, "name": "a"}],
}


def coco_chunks(
    source: dict[str, Any], *, indent: int | None = None
) -> tuple[Meta, list[Chunk], LabelTable]:
    """Return what a COCO reader would give: all images, then the annotations."""
    records = {key: [json.dumps(r).encode() for r in source.get(key, [])] for key in source}
    labels = LabelTable(
        [Label(name=r["name"], id=r["id"], record=json.dumps(r).encode())
         for r in source["categories"]]
    )  # fmt: skip
    sections = {
        key: b"" if key in ("images", "annotations", "categories") else json.dumps(v).encode()
        for key, v in source.items()
    }
    items = [
        Item(
            name=r["file_name"].replace("\\", "/"),
            width=16,
            height=12,
            id=r["id"],
            number=k,
            record=records["images"][k],
        )
        for k, r in enumerate(source["images"])
    ]
    found = source["annotations"]
    between = b"," if indent is None else b",\n" + b" " * indent
    buffer = between.join(records["annotations"])
    stops = np.cumsum([len(r) for r in records["annotations"]])
    stops = stops + np.arange(len(found)) * len(between)
    starts = np.concatenate(([0], stops[:-1] + len(between)))
    place = {item.id: k for k, item in enumerate(items)}
    boxes = [r.get("bbox", [math.nan] * 4) for r in found]
    rows_chunk = Chunk.build(
        items=items,
        item=np.array([place[r["image_id"]] for r in found]),
        labels=labels,
        label=np.array([labels.find_id(r["category_id"]) for r in found]),
        bounds=np.array([[x, y, x + w, y + h] for x, y, w, h in boxes], dtype=np.float64),
        ids=[r["id"] for r in found],
        origin=Origin(
            format="coco",
            number=np.arange(len(found)),
            buffer=buffer,
            spans=np.column_stack((starts, stops)).astype(np.int64),
        ),
    )
    nothing = np.zeros(0, dtype=np.int32)
    bare = Chunk.build(items=items, item=nothing, labels=labels, label=nothing)
    meta = Meta(format="coco", labels=labels, sections=sections, items_first=True)
    return meta, [bare, rows_chunk], labels


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("indent", [None, 6])
def test_coco_comes_out_as_it_went_in(tmp_path: Path, seed: int, indent: int | None) -> None:
    keys = list(SOURCE)
    np.random.default_rng(seed).shuffle(keys)
    source = {key: SOURCE[key] for key in keys}
    meta, chunks, labels = coco_chunks(source, indent=indent)
    write(tmp_path / "x.json", chunks, labels, meta=meta)
    assert json.dumps(read(tmp_path / "x.json")) == json.dumps(source)


def test_chosen_rows_of_coco_keep_their_text(tmp_path: Path) -> None:
    meta, (bare, chunk), labels = coco_chunks(SOURCE)
    write(tmp_path / "x.json", [bare, chunk.select(np.array([0, 2]))], labels, meta=meta)
    found = read(tmp_path / "x.json")["annotations"]
    assert found == [SOURCE["annotations"][0], SOURCE["annotations"][2]]  # type: ignore[index]


def test_only_changed_keys_of_coco_records_change(tmp_path: Path) -> None:
    meta, chunks, labels = coco_chunks(SOURCE)
    write(tmp_path / "x.json", chunks, labels, meta=meta, coco_category_ids="from1")
    expected = json.loads(json.dumps(SOURCE))
    for record in expected["annotations"]:
        record["category_id"] = {3: 1, 0: 2}[record["category_id"]]
    for record in expected["categories"]:
        record["id"] = {3: 1, 0: 2}[record["id"]]
    assert json.dumps(read(tmp_path / "x.json")) == json.dumps(expected)


def test_relabelled_coco_rows_name_the_new_category(tmp_path: Path) -> None:
    meta, (bare, chunk), labels = coco_chunks(SOURCE)
    merged = chunk.relabel(lambda index: 1, labels)
    write(tmp_path / "x.json", [bare, merged], labels, meta=meta)
    assert {a["category_id"] for a in read(tmp_path / "x.json")["annotations"]} == {0}


def test_coco_bbox_and_area_are_recomputed_on_request(tmp_path: Path) -> None:
    meta, (bare, chunk), labels = coco_chunks(SOURCE)
    outline = Rings.of([None, [[SQUARE]], None])
    chunk = msgspec.structs.replace(chunk, outline=outline)
    write(tmp_path / "x.json", [bare, chunk], labels, meta=meta, coco_recompute="both")
    first, second, third = read(tmp_path / "x.json")["annotations"]
    assert first["bbox"] == [1, 2, 3, 4.0]
    assert first["area"] == 12.0
    assert (second["bbox"], second["area"]) == ([1.0, 1.0, 8.0, 8.0], 64.0)
    assert third["bbox"] == [0.10, 0, 5, 5]


def test_two_coco_subsets_in_one_file_get_their_own_ids(tmp_path: Path) -> None:
    meta, (_, chunk), labels = coco_chunks(SOURCE)
    meta.subsets = ["a", "b"]
    both = []
    for number, subset in enumerate("ab"):
        items = [
            msgspec.structs.replace(item, subset=subset, number=item.number + 2 * number)
            for item in chunk.items
        ]
        both.append(msgspec.structs.replace(chunk, items=items))
    write(tmp_path / "x.json", both, labels, meta=meta)
    found = read(tmp_path / "x.json")
    ids = [r["id"] for r in found["images"]]
    assert len(set(ids)) == 4
    assert len({a["id"] for a in found["annotations"]}) == 6
    assert {a["image_id"] for a in found["annotations"]} == set(ids)


def test_edit_keeps_the_order_and_the_other_values() -> None:
    raw = b'{"a": 1.50, "b": [1, 2], "c": 18446744073709551616}'
    changed = edit(raw, {"b": b"3", "a": None, "d": b"4"})
    assert changed == b'{"b":3,"c":18446744073709551616,"d":4}'


def test_text_with_another_record_between_is_not_contiguous() -> None:
    _, (_, chunk), _ = coco_chunks(SOURCE)
    assert contiguous(chunk, np.array([0, 1, 2])) == chunk.origin.buffer
    assert contiguous(chunk, np.array([0, 2])) is None
    assert contiguous(chunk, np.array([1, 0])) is None


# ------------------------------------------------------------------ the root object


@given(
    st.permutations(["info", "images", "annotations", "categories"]),
    st.lists(st.sampled_from(["images", "annotations"]), max_size=12),
)
def test_sections_keep_their_order_whatever_comes_first(keys: list[str], adds: list[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        with Output(Path(folder) / "x.json", single=True) as output:
            sections = {key: b"{}" if key == "info" else b"" for key in keys}
            root = RootFile(output, "x.json", sections)
            for number, key in enumerate(adds):
                root.add(key, b"%d" % number)
            root.finish(b'"c"', always=True)
        found = read(Path(folder) / "x.json")
    assert list(found) == keys
    for key in ("images", "annotations"):
        assert found[key] == [number for number, other in enumerate(adds) if other == key]
    assert found["categories"] == ["c"]


def test_an_image_after_its_section_is_a_bug(tmp_path: Path) -> None:
    with Output(tmp_path / "x.json", single=True) as output:
        sections = {"images": b"", "annotations": b""}
        root = RootFile(output, "x.json", sections, items_first=True)
        root.add("images", b"1")
        root.add("annotations", b"2")
        with pytest.raises(InternalError, match="images"):
            root.add("images", b"3")


def test_spool_goes_to_disk_and_back(tmp_path: Path) -> None:
    spool = Spool(tmp_path, limit=10)
    for number in range(20):
        spool.add(b"%03d" % number)
    assert b"".join(spool.blocks()) == b"".join(b"%03d" % number for number in range(20))
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_dry_run_writes_nothing_and_tells_the_same(tmp_path: Path) -> None:
    labels = LabelTable(["a"])
    chunk = rows(labels, 2, label=np.array([0, -1]), bounds=np.ones((2, 4)))
    with Output(tmp_path / "x.json", single=True, dry_run=True) as output:
        meta = Meta(format="made", labels=labels)
        writer = create_writer(WriteContext(output=output, meta=meta, problems=Problems()))
        losses = writer.write(chunk)
        writer.finish()
    assert losses.status.tolist() == [0, 2]
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------ real files, both ways

REAL = [
    "coco_mini/captions_val2017.json",
    "coco_mini/instances_train2017.json",
    "coco_mini/instances_val2017.json",
    "coco_mini/person_keypoints_val2017.json",
    "datumaro/coco_image_info/annotations/image_info_val.json",
    "datumaro/coco_instances/annotations/instances_val.json",
    "datumaro/coco_labels/annotations/labels_val.json",
    "datumaro/coco_person_keypoints/annotations/person_keypoints_val.json",
    "datumaro/coco_roboflow/val/_annotations.coco.json",
    "datumaro/coco_stuff/annotations/stuff_val.json",
    "keypoints_2213/*.json.gz",
    "labelme_coco/annotations.json",
    "lvis_val_100/lvis_val_100.json",
    "mmpose/*.json",
    "panoptic_sample/sample_data/panoptic_coco_detection_format.json",
    "person_1045/*.json.gz",
    "results/*segm*.json",
    "retinanet/*.json",
    "roboflow_small/*.json",
    "taco/*.json.gz",
    "voc100_coco/*/*.json",
    "voc100_dets/coco_dets.json",
]


@pytest.mark.parametrize("pattern", REAL)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_real_coco_files_come_out_as_they_went_in(
    tmp_path: Path, shared_data: Path, pattern: str
) -> None:
    from pycocotools.coco import COCO

    from dlgeom.converters.base import ReadContext
    from dlgeom.converters.coco.reader import open_reader

    found = sorted((shared_data / "coco").glob(pattern))
    for number, path in enumerate(found):
        problems = Problems(strict=False)
        reader = open_reader(path, ReadContext(problems=problems))
        target = tmp_path / f"{number}.json"
        with Output(target, single=True) as output:
            writer = create_writer(WriteContext(output=output, meta=reader.meta, problems=problems))
            for chunk in reader.chunks(grouped=writer.grouped, needs=writer.needs):
                losses = writer.write(chunk)
                assert not losses.status.any()
            writer.finish()
        reader.close()
        before, after = read(path), read(target)
        bad = problems.counts.get("skipped", 0) + problems.counts.get("repaired", 0)
        if bad:
            assert isinstance(before, dict)
            same = [a for a in before["annotations"] if a in after["annotations"]]
            assert len(before["annotations"]) - len(same) <= bad
            before["annotations"] = after["annotations"]
        assert json.dumps(after) == json.dumps(before), path.name
        if isinstance(after, dict) and "categories" in after:
            COCO(str(target))


@pytest.mark.parametrize(
    "name", ["instances_val2017", "person_keypoints_val2017", "captions_val2017"]
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_real_records_built_from_columns_mean_the_same(
    tmp_path: Path, shared_data: Path, name: str
) -> None:
    """Drop the text of the source: the records are made from what the reader understood."""
    from pycocotools.coco import COCO

    from dlgeom.converters.base import ALL, ReadContext
    from dlgeom.converters.coco.reader import open_reader

    path = shared_data / "coco" / "coco_mini" / f"{name}.json"
    reader = open_reader(path, ReadContext(problems=Problems(strict=False)))
    labels = reader.meta.labels
    chunks = [
        msgspec.structs.replace(chunk, origin=Origin(format="", number=chunk.order))
        for chunk in reader.chunks(grouped=False, needs=ALL)
    ]
    reader.close()
    write(tmp_path / "x.json", chunks, labels)
    before, after = COCO(str(path)), COCO(str(tmp_path / "x.json"))
    assert before.imgs == after.imgs
    assert before.cats == after.cats
    assert list(before.anns) == list(after.anns)
    for key, old in before.anns.items():
        new = after.anns[key]
        for record in (old, new):
            # The number is counted anew, a ring's repeated first vertex is not kept, and
            # pycocotools wants a category of captions too.
            record.pop("num_keypoints", None)
            record.setdefault("category_id", None)
            if isinstance(record.get("segmentation"), list):
                record["segmentation"] = [_opened(ring) for ring in record["segmentation"]]
        assert old == new


def _opened(ring: list[float]) -> list[float]:
    return ring[:-2] if ring[:2] == ring[-2:] else ring


@pytest.mark.parametrize("angle", [0.0, 33.25, 90.0, -150.0])
def test_our_reader_restores_rotated_boxes(tmp_path: Path, angle: float) -> None:
    from dlgeom.converters.base import ReadContext
    from dlgeom.converters.coco.reader import open_reader

    labels = LabelTable(["cat"])
    box = np.array([[8.0, 6.0, 5.0, 2.0, angle]])
    write(tmp_path / "x.json", [rows(labels, 1, rotated=box)], labels)
    reader = open_reader(tmp_path / "x.json", ReadContext(problems=Problems()))
    found = [chunk for chunk in reader.chunks(grouped=False) if len(chunk)]
    reader.close()
    assert np.allclose(found[0].rotated, box, atol=1e-9)
    assert found[0].rotated[0, 4] == angle
    assert not found[0].outline.part_counts[0]
