"""The YOLO writer: files, rows and losses; masks of real objects come through unchanged."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dlgeom.chunk import Chunk, Origin
from dlgeom.converters.base import APPROXIMATED, DROPPED, WRITTEN, Losses, Meta, WriteContext
from dlgeom.converters.output import Output
from dlgeom.converters.problems import Problems
from dlgeom.converters.yolo.writer import WRITE_OPTIONS, create_writer
from dlgeom.errors import FormatError, UsageError
from dlgeom.geometry import bridges
from dlgeom.geometry.ragged import Ragged, Rings, Runs
from dlgeom.item import Item
from dlgeom.labels import Label, LabelTable

mask_tools = pytest.importorskip("pycocotools.mask")

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
ROW = re.compile(r"[0-9]+( -?[0-9]+(\.[0-9]+)?)+")


def write(
    target: Path, chunk: Chunk, task: str, *, strict: bool = True, **more: Any
) -> tuple[Losses, Problems]:
    problems = Problems(strict=strict)
    meta = Meta(
        format="test",
        labels=chunk.labels,
        images_root=more.pop("images_root", None),
        extra=more.pop("meta_extra", {}),
    )
    with Output(target) as output:
        writer = create_writer(
            WriteContext(
                output=output,
                meta=meta,
                problems=problems,
                task=task,
                subset=more.pop("subset", None),
                image_files=more.pop("image_files", "none"),
                measure=more.pop("measure", False),
                options=more,
            )
        )
        losses = writer.write(chunk)
        writer.finish()
    assert len(losses.status) == len(losses.code) == len(losses.measure) == len(chunk)
    assert ((losses.code >= 0) == (losses.status != WRITTEN)).all()
    return losses, problems


def one_image(
    count: int, *, width: int = 100, height: int = 80, names: Any = ("a", "b"), **columns: Any
) -> Chunk:
    """Return a chunk of `count` rows in one image, all of the first label."""
    return Chunk.build(
        items=[Item(name="im.png", width=width, height=height)],
        item=np.zeros(count, dtype=np.int32),
        labels=names if isinstance(names, LabelTable) else LabelTable(names),
        label=columns.pop("label", np.zeros(count, dtype=np.int32)),
        **columns,
    )


def code_of(losses: Losses, row: int) -> str:
    return losses.codes[losses.code[row]][0] if losses.code[row] >= 0 else ""


def rows_of(target: Path, name: str = "labels/train/im.txt") -> list[str]:
    return (target / name).read_text("ascii").splitlines()


def csv_rows(target: Path) -> list[dict[str, str]]:
    text = (target / "images.csv").read_bytes().decode("utf-8")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def verify_as_ultralytics(target: Path) -> None:
    """Check all labels by the rules of Ultralytics' verifier (formats page, section 2.3)."""
    data = yaml.safe_load((target / "data.yaml").read_text("utf-8"))
    assert sorted(data["names"]) == list(range(data["nc"]))
    assert all(isinstance(name, str) for name in data["names"].values())
    assert data["train"]
    assert data["val"]
    task = data["task"]
    for path in sorted((target / "labels").rglob("*.txt")):
        text = path.read_text("ascii")
        assert not text or text.endswith("\n")
        for line in text.splitlines():
            assert ROW.fullmatch(line), line
            numbers = [float(word) for word in line.split()]
            assert 0 <= numbers[0] < data["nc"]
            if task == "detect":
                assert len(numbers) == 5
            elif task == "segment":
                assert len(numbers) >= 7
                assert len(numbers) % 2 == 1
            elif task == "obb":
                assert len(numbers) == 9
            else:
                assert len(numbers) == 5 + data["kpt_shape"][0] * data["kpt_shape"][1]
            values = numbers[1:] if task != "pose" else numbers[1:5]
            assert max(values) <= 1.01
            assert min(values) >= -0.01


def coco_chunk(path: Path) -> tuple[Chunk, list[dict[str, Any]]]:
    """Build a grouped chunk from a COCO file with the json module."""
    content = path.read_bytes()
    data = json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)
    images = {image["id"]: image for image in data["images"]}
    place = {key: index for index, key in enumerate(images)}
    records = [found for found in data["annotations"] if found["image_id"] in place]
    records.sort(key=lambda found: place[found["image_id"]])
    labels = LabelTable(Label(name=c["name"], id=c["id"]) for c in data["categories"])
    outline, runs, boxes = [], [], []
    for record in records:
        image = images[record["image_id"]]
        shape = (image["height"], image["width"])
        drawn = record.get("segmentation") or None
        is_mask = isinstance(drawn, dict)
        parts = None if is_mask or not drawn else [[np.reshape(r, (-1, 2))] for r in drawn]
        outline.append(parts)
        runs.append((np.array(drawn["counts"], dtype=np.uint32), shape) if is_mask else None)
        left, top, width, height = record["bbox"]
        boxes.append((left, top, left + width, top + height))
    chunk = Chunk.build(
        items=[
            Item(name=image["file_name"], width=image["width"], height=image["height"], id=key)
            for key, image in images.items()
        ],
        item=np.array([place[record["image_id"]] for record in records]),
        labels=labels,
        label=np.array([labels.find_id(record["category_id"]) for record in records]),
        outline=Rings.of(outline),
        runs=Runs.of(runs),
        bounds=np.array(boxes, dtype=np.float64).reshape(-1, 4),
        area=np.array([record["area"] for record in records], dtype=np.float64),
        crowd=np.array([record.get("iscrowd", 0) == 1 for record in records]),
        ids=[record["id"] for record in records],
    )
    return chunk, records


def coco_mask(drawn: Any, height: int, width: int) -> np.ndarray:
    if isinstance(drawn, dict):
        return mask_tools.decode(mask_tools.frPyObjects(drawn, height, width)).astype(bool)
    return mask_tools.decode(
        mask_tools.merge(
            mask_tools.frPyObjects([list(map(float, r)) for r in drawn], height, width)
        )
    ).astype(bool)


def row_mask(line: str, height: int, width: int) -> np.ndarray:
    """Draw a row as one ring, even-odd, as other readers do."""
    values = np.array([float(word) for word in line.split()[1:]]).reshape(-1, 2)
    pixels = values * [width, height]
    rle = mask_tools.frPyObjects([pixels.ravel().tolist()], height, width)
    return mask_tools.decode(rle)[:, :, 0].astype(bool)


def split_mask(line: str, height: int, width: int) -> np.ndarray:
    """Draw a row as its parts, as our own reader does."""
    values = np.array([float(word) for word in line.split()[1:]]).reshape(-1, 2)
    ring = values * [width, height]
    mask = np.zeros((height, width), dtype=bool)
    for part in bridges.split(ring) or [[ring]]:
        inside = np.zeros((height, width), dtype=bool)
        for piece in part:
            rle = mask_tools.frPyObjects([piece.ravel().tolist()], height, width)
            inside ^= mask_tools.decode(rle)[:, :, 0].astype(bool)
        mask |= inside
    return mask


COCO_FILES = [
    "coco_mini/instances_val2017.json",
    "coco_mini/instances_train2017.json",
    "coco_mini/person_keypoints_val2017.json",
    "taco/annotations.json.gz",
    "lvis_val_100/lvis_val_100.json",
    "person_1045/instances_val2017.json.gz",
    "keypoints_2213/person_keypoints_val2017.json.gz",
]


@pytest.mark.shared
@pytest.mark.parametrize("name", COCO_FILES)
def test_masks_of_real_objects_are_the_same_in_the_label_files(
    name: str, shared_data: Path, tmp_path: Path
) -> None:
    chunk, records = coco_chunk(shared_data / "coco" / name)
    most = 80 if name.startswith("taco") else 600  # images of 12 megapixels are slow to compare
    if len(records) > most:
        some = np.sort(np.random.default_rng(0).permutation(len(records))[:most])
        chunk, records = chunk.select(some), [records[row] for row in some]
    losses, _ = write(tmp_path / "out", chunk, "segment", strict=False)
    verify_as_ultralytics(tmp_path / "out")
    files = {
        row["file_name"]: rows_of(tmp_path / "out", row["label_file"])
        for row in csv_rows(tmp_path / "out")
    }
    assert len(files) == len({item.name for item in chunk.items})
    waiting = {name: iter(lines) for name, lines in files.items()}
    compared = 0
    for row, record in enumerate(records):
        item = chunk.items[chunk.item[row]]
        width, height = item.width, item.height
        wanted = coco_mask(record["segmentation"], height, width)
        if losses.status[row] == DROPPED:
            assert not wanted.any()
            continue
        line = next(waiting[item.name])
        assert int(line.split()[0]) == chunk.label[row]
        assert np.array_equal(row_mask(line, height, width), wanted), record["id"]
        assert np.array_equal(split_mask(line, height, width), wanted), record["id"]
        compared += 1
    assert compared >= len(records) - 10
    assert all(next(lines, None) is None for lines in waiting.values())


def boxes(*edges: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(edges, dtype=np.float64).reshape(-1, 4)


def test_boxes_are_centre_and_size_over_the_image(tmp_path: Path) -> None:
    chunk = one_image(2, bounds=boxes((10, 20, 30, 60), (0, 0, 100, 80)), label=np.array([1, 0]))
    losses, _ = write(tmp_path / "out", chunk, "detect")
    assert rows_of(tmp_path / "out") == [
        "1 0.200000 0.500000 0.200000 0.500000",
        "0 0.500000 0.500000 1.000000 1.000000",
    ]
    assert losses.status.tolist() == [WRITTEN, WRITTEN]
    assert not losses.fields
    verify_as_ultralytics(tmp_path / "out")


edges = st.tuples(*[st.floats(0, 1)] * 4).map(
    lambda e: (min(e[0], e[1]), min(e[2], e[3]), max(e[0], e[1]), max(e[2], e[3]))
)


@given(st.lists(edges, min_size=1, max_size=20), st.integers(1, 5000), st.integers(1, 5000))
def test_boxes_come_back_within_the_decimals(
    tmp_path_factory: pytest.TempPathFactory, parts: list[Any], width: int, height: int
) -> None:
    target = tmp_path_factory.mktemp("yolo") / "out"
    wanted = np.array(parts) * [width, height, width, height]
    write(target, one_image(len(parts), width=width, height=height, bounds=wanted), "detect")
    found = np.array([[float(w) for w in line.split()[1:]] for line in rows_of(target)])
    center, size = found[:, :2] * [width, height], found[:, 2:] * [width, height]
    near = np.concatenate([center - size / 2, center + size / 2], axis=1)
    assert np.abs(near - wanted).max() <= 1e-6 * max(width, height)
    verify_as_ultralytics(target)


def test_every_shape_gets_its_box_and_says_what_it_lost(tmp_path: Path) -> None:
    triangle = [[[(10, 10), (30, 10), (10, 30)]]]
    mask = np.zeros((80, 100), dtype=bool)
    mask[5:9, 3:8] = True
    from dlgeom.geometry import rle

    nothing = np.full(5, np.nan)
    chunk = one_image(
        6,
        bounds=boxes((1, 1, 2, 3), *[(np.nan,) * 4] * 5),
        outline=Rings.of([None, triangle, None, None, None, None]),
        runs=Runs.of([None, None, (rle.encode(mask), mask.shape), None, None, None]),
        rotated=np.array([nothing, nothing, nothing, [50, 40, 20, 10, 90], nothing, nothing]),
        keypoints=Ragged.of([None] * 4 + [np.array([[5, 6, 2], [9, 9, 1], [0, 0, 0.0]])] + [None]),
    )
    losses, _ = write(tmp_path / "out", chunk, "detect", measure=True)
    assert [code_of(losses, row) for row in range(6)] == [
        "",
        "geometry.to_box",
        "geometry.to_box",
        "geometry.rotated_to_box",
        "geometry.keypoints_to_box",
        "geometry.none",
    ]
    assert losses.measure[1:4].tolist() == [0.5, 1.0, 1.0]
    found = np.array([[float(w) for w in line.split()[1:]] for line in rows_of(tmp_path / "out")])
    found *= [100, 80, 100, 80]
    assert np.allclose(
        found[1:], [[20, 20, 20, 20], [5.5, 7, 5, 4], [50, 40, 10, 20], [7, 7.5, 4, 3]]
    )
    assert losses.replaced is not None
    assert losses.replaced.part_counts.tolist() == [0, 1, 1, 1, 1, 0]
    assert np.allclose(losses.replaced.row(3)[0][0], [(45, 30), (55, 30), (55, 50), (45, 50)])


def test_rows_without_a_label_and_crowds_are_dropped(tmp_path: Path) -> None:
    chunk = one_image(
        3,
        bounds=boxes(*[(1, 1, 5, 5)] * 3),
        label=np.array([-1, 0, 0]),
        crowd=np.array([False, True, False]),
    )
    losses, _ = write(tmp_path / "out", chunk, "detect", yolo_crowd="drop")
    assert [code_of(losses, row) for row in range(3)] == ["ref.category", "option.crowd", ""]
    assert len(rows_of(tmp_path / "out")) == 1
    losses, _ = write(tmp_path / "kept", chunk, "detect")
    assert losses.status.tolist() == [DROPPED, WRITTEN, WRITTEN]
    assert losses.fields == {"iscrowd": 1}


def test_boxes_beyond_the_image_are_kept_and_told_or_cut(tmp_path: Path) -> None:
    chunk = one_image(3, bounds=boxes((90, 70, 130, 90), (200, 1, 210, 9), (-4, 2, 50, 60)))
    losses, problems = write(tmp_path / "out", chunk, "detect")
    assert losses.status.tolist() == [WRITTEN] * 3
    assert [entry.code for entry in problems.entries] == ["geometry.outside_image"] * 2
    losses, problems = write(tmp_path / "cut", chunk, "detect", yolo_clip="image", measure=True)
    assert [code_of(losses, row) for row in range(3)] == [
        "geometry.clipped",
        "geometry.outside_image",
        "geometry.clipped",
    ]
    assert losses.measure[0] == 0.125
    assert not problems.entries
    assert len(rows_of(tmp_path / "cut")) == 2
    verify_as_ultralytics(tmp_path / "cut")


def test_scores_are_lost_or_come_last(tmp_path: Path) -> None:
    chunk = one_image(2, bounds=boxes(*[(0, 0, 50, 40)] * 2), score=np.array([0.25, np.nan]))
    losses, _ = write(tmp_path / "out", chunk, "detect")
    assert losses.fields == {"score": 1}
    losses, _ = write(tmp_path / "last", chunk, "detect", yolo_score="last")
    assert not losses.fields
    assert [line.split()[5] for line in rows_of(tmp_path / "last")] == ["0.250000", "1.000000"]


def test_decimals_are_those_asked_for(tmp_path: Path) -> None:
    chunk = one_image(1, bounds=boxes((10, 20, 31, 60)))
    write(tmp_path / "out", chunk, "detect", decimals=3)
    assert rows_of(tmp_path / "out") == ["0 0.205 0.500 0.210 0.500"]
    with pytest.raises(UsageError, match="decimals"):
        write(tmp_path / "no", chunk, "detect", decimals=12)


def test_decimals_of_an_image_do_not_depend_on_its_neighbours(tmp_path: Path) -> None:
    both = Chunk.build(
        items=[
            Item(name="a.png", width=100, height=100),
            Item(name="b.png", width=300_000, height=9),
        ],
        item=np.array([0, 1]),
        labels=LabelTable(["x"]),
        label=np.array([0, 0]),
        bounds=boxes((1, 1, 3, 3), (1, 1, 2, 2)),
    )
    write(tmp_path / "out", both, "detect")
    assert rows_of(tmp_path / "out", "labels/train/a.txt") == [
        "0 0.020000 0.020000 0.020000 0.020000"
    ]
    assert rows_of(tmp_path / "out", "labels/train/b.txt") == [
        "0 0.0000050 0.1666667 0.0000033 0.1111111"
    ]


def test_poses_have_all_keypoints_and_whole_visibilities(tmp_path: Path) -> None:
    labels = LabelTable(
        [
            Label(name="p", id=5, keypoints=("nose", "left_eye", "right_eye")),
            Label(name="q", id=7, keypoints=("tip",)),
        ]
    )
    chunk = one_image(
        3,
        names=labels,
        label=np.array([0, 1, 0]),
        bounds=boxes((0, 0, 50, 40), (0, 0, 50, 40), (10, 10, 20, 20)),
        keypoints=Ragged.of([[[10, 8, 2], [0, 0, 0], [50, 40, 1]], [[1, 1, 0.5]], None]),
    )
    losses, _ = write(tmp_path / "out", chunk, "pose")
    assert rows_of(tmp_path / "out") == [
        "0 0.250000 0.250000 0.500000 0.500000 0.100000 0.100000 2 0 0 0 0.500000 0.500000 1",
        "1 0.250000 0.250000 0.500000 0.500000 0.010000 0.012500 0.500000 0 0 0 0 0 0",
        "0 0.150000 0.187500 0.100000 0.125000 0 0 0 0 0 0 0 0 0",
    ]
    assert losses.status.tolist() == [WRITTEN, WRITTEN, APPROXIMATED]
    assert code_of(losses, 2) == "keypoints.missing"
    data = yaml.safe_load((tmp_path / "out" / "data.yaml").read_text("utf-8"))
    assert data["kpt_shape"] == [3, 3]
    assert data["kpt_names"] == {0: ["nose", "left_eye", "right_eye"]}
    assert data["category_ids"] == [5, 7]
    verify_as_ultralytics(tmp_path / "out")


def test_mirrored_keypoints_are_paired_by_their_names(tmp_path: Path) -> None:
    labels = LabelTable([Label(name="p", keypoints=("nose", "left_eye", "right_eye"))])
    chunk = one_image(1, names=labels, keypoints=Ragged.of([[[1, 1, 2], [2, 2, 2], [3, 3, 2]]]))
    losses, _ = write(tmp_path / "out", chunk, "pose")
    data = yaml.safe_load((tmp_path / "out" / "data.yaml").read_text("utf-8"))
    assert data["flip_idx"] == [0, 2, 1]
    assert losses.status.tolist() == [WRITTEN]


def test_poses_without_a_known_number_of_keypoints_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="--task detect"):
        write(tmp_path / "out", one_image(1, bounds=boxes((0, 0, 5, 5))), "pose")


def test_poses_with_too_many_keypoints_are_dropped(tmp_path: Path) -> None:
    labels = LabelTable([Label(name="p", keypoints=("a",))])
    chunk = one_image(2, names=labels, keypoints=Ragged.of([[[1, 1, 2], [2, 2, 2]], [[3, 3, 2]]]))
    losses, _ = write(tmp_path / "out", chunk, "pose")
    assert [code_of(losses, row) for row in range(2)] == ["keypoints.arity", ""]


def test_rotated_boxes_keep_the_order_of_their_corners(tmp_path: Path) -> None:
    nothing = [np.nan] * 5
    chunk = one_image(
        3,
        width=100,
        height=100,
        rotated=np.array([[50, 50, 20, 10, 90], nothing, nothing]),
        bounds=boxes((np.nan,) * 4, (10, 20, 30, 40), (np.nan,) * 4),
        outline=Rings.of([None, None, [[[(10, 10), (30, 10), (10, 30)]]]]),
    )
    losses, _ = write(tmp_path / "out", chunk, "obb", measure=True)
    found = rows_of(tmp_path / "out")
    assert found[0] == ("0 0.550000 0.400000 0.550000 0.600000 0.450000 0.600000 0.450000 0.400000")
    assert found[1] == ("0 0.100000 0.200000 0.300000 0.200000 0.300000 0.400000 0.100000 0.400000")
    assert losses.status.tolist() == [WRITTEN, WRITTEN, APPROXIMATED]
    assert code_of(losses, 2) == "geometry.to_rotated"
    assert losses.measure[2] == pytest.approx(0.5)
    verify_as_ultralytics(tmp_path / "out")


def test_boxes_are_rows_of_four_corners_under_segment(tmp_path: Path) -> None:
    chunk = one_image(1, bounds=boxes((10, 20, 30, 60)))
    losses, _ = write(tmp_path / "out", chunk, "segment", measure=True)
    assert rows_of(tmp_path / "out") == [
        "0 0.100000 0.250000 0.300000 0.250000 0.300000 0.750000 0.100000 0.750000"
    ]
    assert code_of(losses, 0) == "geometry.box_to_polygon"
    assert losses.replaced is not None
    assert losses.replaced.part_counts.tolist() == [1]


def test_equal_stems_and_letter_cases_get_their_own_files(tmp_path: Path) -> None:
    names = ["a.png", "a.jpg", "A.PNG", "d/x.png", "d/images/x.png", "d/X.jpg"]
    chunk = Chunk.build(
        items=[Item(name=name, width=10, height=10) for name in names],
        item=np.arange(len(names)),
        labels=LabelTable(["x"]),
        label=np.zeros(len(names), dtype=int),
        bounds=boxes(*[(0, 0, 5, k + 1) for k in range(len(names))]),
    )
    _, problems = write(tmp_path / "out", chunk, "detect", strict=False)
    table = csv_rows(tmp_path / "out")
    assert [row["file_name"] for row in table] == names
    files = [row["label_file"] for row in table]
    assert files == [
        "labels/train/a.txt",
        "labels/train/a_2.txt",
        "labels/train/A_3.txt",
        "labels/train/d/x.txt",
        "labels/train/d/images_/x.txt",
        "labels/train/d/X_2.txt",
    ]
    for number, file in enumerate(files):
        assert rows_of(tmp_path / "out", file)[0].endswith(f"{(number + 1) / 10:.6f}")
    assert [entry.code for entry in problems.entries] == ["path.collision"] * 3
    with pytest.raises(FormatError, match="a_2") as caught:
        write(tmp_path / "strict", chunk, "detect")
    assert caught.value.code == "path.collision"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../x.png", "path.escape"),
        ("/etc/x.png", "path.escape"),
        ("", "path.invalid"),
        ("http://a/x.png", "path.url"),
    ],
)
def test_names_that_leave_the_target_are_refused(tmp_path: Path, name: str, code: str) -> None:
    chunk = one_image(1, bounds=boxes((0, 0, 5, 5)))
    chunk.items[0].name = name
    with pytest.raises(FormatError) as caught:
        write(tmp_path / "out", chunk, "detect")
    assert caught.value.code == code
    assert not (tmp_path / "out" / "data.yaml").exists()


def test_an_image_cannot_be_a_folder_of_others(tmp_path: Path) -> None:
    chunk = Chunk.build(
        items=[Item(name="a", width=9, height=9), Item(name="a/b.png", width=9, height=9)],
        item=np.zeros(0, dtype=int),
        labels=LabelTable(["x"]),
        label=np.zeros(0, dtype=int),
    )
    with pytest.raises(FormatError, match="folder of others"):
        write(tmp_path / "out", chunk, "detect")


def test_names_with_anything_in_them_come_back_from_the_table(tmp_path: Path) -> None:
    names = ['we"ird, name.png', "ünï côdé/ß.jpg", " lead.png", "q?.png", "no_ending"]
    chunk = Chunk.build(
        items=[
            Item(name=name, width=4, height=3, exif_orientation=6 if k == 1 else None)
            for k, name in enumerate(names)
        ],
        item=np.zeros(0, dtype=int),
        labels=LabelTable(["x"]),
        label=np.zeros(0, dtype=int),
    )
    write(tmp_path / "out", chunk, "detect")
    table = csv_rows(tmp_path / "out")
    assert [row["file_name"] for row in table] == names
    assert {(row["width"], row["height"]) for row in table} == {("4", "3")}
    assert [row["orientation"] for row in table] == ["1", "6", "1", "1", "1"]
    for row in table:
        assert (tmp_path / "out" / row["label_file"]).read_bytes() == b""
        assert "?" not in row["label_file"]


def test_sizes_that_nobody_knows_are_an_error_only_where_they_count(tmp_path: Path) -> None:
    chunk = one_image(1, bounds=boxes((0, 0, 5, 5)))
    chunk.items[0].width = None
    with pytest.raises(FormatError, match="--images") as caught:
        write(tmp_path / "out", chunk, "detect")
    assert caught.value.code == "image.size"
    empty = chunk.select(np.zeros(0, dtype=int))
    write(tmp_path / "empty", empty, "detect")
    assert csv_rows(tmp_path / "empty")[0]["width"] == ""


def test_names_of_classes_stay_text(tmp_path: Path) -> None:
    names = ["no", "1.0", "~", "y", "0x1F", "a: b", "#x", "", "é", 'q"uote', "2001-01-01", "no"]
    chunk = one_image(0, names=LabelTable(Label(name=n, id=k + 1) for k, n in enumerate(names)))
    _, problems = write(tmp_path / "out", chunk, "detect")
    data = yaml.safe_load((tmp_path / "out" / "data.yaml").read_text("utf-8"))
    assert data["names"] == dict(enumerate(names))
    assert data["nc"] == len(names)
    assert data["category_ids"] == list(range(1, len(names) + 1))
    assert [entry.code for entry in problems.entries] == ["ref.duplicate_name"]


def test_ids_from_zero_are_written_as_others_are(tmp_path: Path) -> None:
    write(tmp_path / "out", one_image(0, names=LabelTable([Label(name="a", id=0)])), "detect")
    data = yaml.safe_load((tmp_path / "out" / "data.yaml").read_text("utf-8"))
    assert data["category_ids"] == [0]
    assert data["train"] == data["val"] == "images/train"


def test_splits_are_named_in_data_yaml(tmp_path: Path) -> None:
    subsets = ["val2017", "train2017", "test", "extra/../x", None]
    chunk = Chunk.build(
        items=[
            Item(name=f"{k}.png", width=4, height=3, subset=subset)
            for k, subset in enumerate(subsets)
        ],
        item=np.zeros(0, dtype=int),
        labels=LabelTable(["x"]),
        label=np.zeros(0, dtype=int),
    )
    write(tmp_path / "out", chunk, "detect", subset="names")
    data = yaml.safe_load((tmp_path / "out" / "data.yaml").read_text("utf-8"))
    # Ultralytics would look for "." where the training is started, not beside this file.
    assert "path" not in data
    assert (data["train"], data["val"]) == ("images/train2017", "images/val2017")
    assert data["test"] == "images/test"
    assert data["extra_.._x"] == "images/extra_.._x"
    assert data["names_subset"] == "images/names"
    assert data["names"] == {0: "x"}
    assert (tmp_path / "out/labels/extra_.._x/3.txt").is_file()


def test_rows_of_a_yolo_source_keep_their_text(tmp_path: Path) -> None:
    text = b"0 .5 0.50 1e-1\t0.2\n1 0.5 0.5 0.1 0.2 0.9\n7 0.5 0.5 0.1 0.2\n"
    ends = [0, *(k + 1 for k, c in enumerate(text) if c == 10)]
    chunk = one_image(
        3,
        label=np.array([0, 1, 1]),
        bounds=boxes(*[(45, 32, 55, 48)] * 3),
        origin=Origin(
            format="yolo",
            number=np.arange(3),
            buffer=text,
            spans=np.array([ends[:-1], ends[1:]]).T.astype(np.int64),
        ),
    )
    write(tmp_path / "out", chunk, "detect")
    plain = "1 0.500000 0.500000 0.100000 0.200000"
    # Of the last one only the class has another number.
    assert rows_of(tmp_path / "out") == ["0 .5 0.50 1e-1\t0.2", plain, "1 0.5 0.5 0.1 0.2"]
    write(tmp_path / "fresh", chunk, "detect", decimals=6)
    assert rows_of(tmp_path / "fresh") == [plain.replace("1", "0", 1), plain, plain]
    write(tmp_path / "other", chunk, "detect", meta_extra={"task": "segment"})
    assert rows_of(tmp_path / "other")[0] == plain.replace("1", "0", 1)


@pytest.mark.parametrize("how", ["copy", "link"])
def test_images_go_beside_their_labels(tmp_path: Path, how: str) -> None:
    root = tmp_path / "pictures"
    (root / "d").mkdir(parents=True)
    (root / "a.png").write_bytes(b"one")
    (root / "a.jpg").write_bytes(b"two")
    (root / "d" / "b.png").write_bytes(b"three")
    chunk = Chunk.build(
        items=[
            Item(name=name, width=4, height=3)
            for name in ("a.png", "a.jpg", "d/b.png", "missing.png")
        ],
        item=np.zeros(0, dtype=int),
        labels=LabelTable(["x"]),
        label=np.zeros(0, dtype=int),
    )
    _, problems = write(
        tmp_path / "out", chunk, "detect", strict=False, image_files=how, images_root=root
    )
    images = tmp_path / "out" / "images" / "train"
    assert (images / "a.png").read_bytes() == b"one"
    assert (images / "a_2.jpg").read_bytes() == b"two"
    assert (images / "d" / "b.png").read_bytes() == b"three"
    assert [entry.code for entry in problems.entries] == ["path.collision", "image.unreadable"]
    assert not list((tmp_path / "out").rglob("*.part"))
    assert ((root / "a.png").stat().st_nlink == 2) == (how == "link")


def test_links_out_of_the_images_are_not_copied(tmp_path: Path) -> None:
    root = tmp_path / "pictures"
    root.mkdir()
    (tmp_path / "secret.png").write_bytes(b"secret")
    (root / "im.png").symlink_to(tmp_path / "secret.png")
    chunk = one_image(1, bounds=boxes((0, 0, 5, 5)))
    _, problems = write(
        tmp_path / "out", chunk, "detect", strict=False, image_files="copy", images_root=root
    )
    assert [entry.code for entry in problems.entries] == ["path.symlink"]
    assert len(rows_of(tmp_path / "out")) == 1
    assert not (tmp_path / "out" / "images").exists()


def test_images_are_asked_for_where_nobody_knows_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--images"):
        write(tmp_path / "out", one_image(0), "detect", image_files="copy")
    with pytest.raises(UsageError, match="--image-files"):
        write(tmp_path / "out2", one_image(0), "classify")
    with pytest.raises(UsageError, match="no task 'cubes'"):
        write(tmp_path / "out3", one_image(0), "cubes")


def test_classes_of_images_are_folders(tmp_path: Path) -> None:
    from dlgeom.chunk import OTHER

    root = tmp_path / "pictures"
    root.mkdir()
    for name in ("a.png", "b.png", "c.png"):
        (root / name).write_bytes(name.encode())
    chunk = Chunk.build(
        items=[Item(name=name, width=4, height=3) for name in ("a.png", "b.png", "c.png")],
        item=np.array([0, 0, 1]),
        labels=LabelTable(["cat", "../../dog"]),
        label=np.array([0, 1, 1]),
        shapes=np.full(3, OTHER, dtype=np.uint8),
    )
    losses, problems = write(
        tmp_path / "out", chunk, "classify", image_files="copy", images_root=root
    )
    files = sorted(
        p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.png")
    )
    assert files == ["train/_.._dog/b.png", "train/cat/a.png"]
    assert [code_of(losses, row) for row in range(3)] == ["", "label.second", ""]
    # A class gets a folder of another name, and an image has no label.
    assert [entry.code for entry in problems.entries] == ["path.reserved", "ref.category"]


def test_options_have_a_help_text_and_a_legal_default() -> None:
    for option in WRITE_OPTIONS:
        assert option.help.endswith(".")
        assert option.use == "write"
        assert not option.choices or option.default in option.choices


def test_the_same_chunk_gives_the_same_bytes(tmp_path: Path) -> None:
    chunk = one_image(2, bounds=boxes((1, 2, 3, 4), (5, 6, 7, 8)))
    for name in ("one", "two"):
        write(tmp_path / name, chunk, "detect")
    for path in (tmp_path / "one").rglob("*"):
        if path.is_file():
            other = tmp_path / "two" / path.relative_to(tmp_path / "one")
            assert path.read_bytes() == other.read_bytes()
