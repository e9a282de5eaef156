"""What we write is what Ultralytics and darknet load, by an independent loader."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from loaders import load_darknet, load_ultralytics
from PIL import Image

import dlgeom
from dlgeom.errors import UsageError

NAMES = [
    "a.png",
    "a.jpg",
    "A.jpg",
    "x/0001.png",
    "y/0001.png",
    "images/b.png",
    "JPEGImages/c.png",
    "labels/d.png",
    "ü n.png",
    "e.f.png",
    "empty.png",
]
CATEGORIES = [
    {"id": 90, "name": "no", "keypoints": ["left_a", "right_a", "b"]},
    {"id": 3, "name": 'x: "y" #z'},
    {"id": 7, "name": "1.0"},
    {"id": 8, "name": "unused"},
]


def coco_set(root: Path, subsets: tuple[str, ...]) -> Path:
    """Write a COCO set with pictures; boxes tell the image and the number of the record."""
    (root / "annotations").mkdir(parents=True)
    for subset in subsets:
        images: list[dict[str, Any]] = []
        records: list[dict[str, Any]] = []
        for number, name in enumerate(NAMES):
            width, height = 40 + number, 30 + 2 * number
            path = root / subset / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (width, height), (20 * number, 0, 0)).save(path)
            images.append({"id": 7 * number, "file_name": name, "width": width, "height": height})
            for k in range(0 if name == "empty.png" else 1 + number % 3):
                left, top = 2.0 + k, 3.0 + number / 2
                ring = [left, top, left + 9, top, left + 9, top + 6, left, top + 6]
                hole = [left + 2, top + 2, left + 4, top + 2, left + 4, top + 4]
                away = [left, top + 8, left + 3, top + 8, left + 3, top + 10]
                records.append(
                    {
                        "id": len(records) + 1,
                        "image_id": 7 * number,
                        "category_id": (90, 3, 7)[k],
                        "bbox": [left, top, 9.0, 6.0],
                        "area": 54.0,
                        "iscrowd": 0,
                        "segmentation": ([ring], [ring, away], [ring, hole])[k],
                        "keypoints": [left, top, 2, 0, 0, 0, left + 1, top, 1],
                        "num_keypoints": 2,
                    }
                )
        content = {"images": images, "annotations": records, "categories": CATEGORIES}
        (root / "annotations" / f"instances_{subset}.json").write_text(json.dumps(content))
    return root


def picture_number(path: str) -> int:
    """Return which image it is: its red value says it, in a JPEG within one."""
    with Image.open(path) as image:
        return round(float(np.asarray(image.convert("RGB"))[..., 0].mean()) / 20)


def content(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.mark.parametrize("subsets", [("train",), ("train", "val"), ("train", "val2017", "test")])
@pytest.mark.parametrize("task", ["detect", "segment", "pose", "obb"])
def test_ultralytics_loads_all_images_with_all_rows(
    tmp_path: Path, task: str, subsets: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = coco_set(tmp_path / "source", subsets)
    target = tmp_path / "images" / "out"
    dlgeom.convert(source, target, to_format="yolo", task=task, image_files="copy", on_error="skip")
    # Not where the data set is: its paths must not depend on the folder of the process.
    (tmp_path / "elsewhere/images/train").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "elsewhere")
    data, splits = load_ultralytics(target / "data.yaml", task)
    assert list(data["names"].values()) == [category["name"] for category in CATEGORIES]
    assert (
        list(splits)
        == (["train", "val"] if len(subsets) == 1 else ["train", "val", "test"])[
            : max(2, len(subsets))
        ]
    )
    if task == "pose":
        assert data["kpt_shape"] == [3, 3]
        assert data["flip_idx"] == [1, 0, 2]
    for images in splits.values():
        assert len(images) == len(NAMES)
        assert sorted(map(picture_number, images)) == list(range(len(NAMES)))
        for path, (rows, size) in images.items():
            number = picture_number(path)
            assert size == (40 + number, 30 + 2 * number)
            expected = 0 if NAMES[number] == "empty.png" else 1 + number % 3
            assert [int(row[0]) for row in rows] == list(range(expected))
            for k, row in enumerate(rows):
                if task in ("detect", "pose"):
                    box = np.array(row[1:5]) * np.tile(size, 2)
                    due = [2 + k + 4.5, 3 + number / 2 + 3, 9, 6]
                    np.testing.assert_allclose(box, due, atol=1e-4)


@pytest.mark.parametrize("splits", [("train/", "val/"), ("train/",)])
def test_folders_of_classes_stay_what_they_are(tmp_path: Path, splits: tuple[str, ...]) -> None:
    for split in splits:
        for index, name in enumerate(["10", "9", "cat", "dog"]):
            for file in ("1.png", "1.jpg", "more/2.png"):
                path = tmp_path / "source" / split / name / file
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (12, 12), (20 * index, 0, 0)).save(path)
    report = dlgeom.convert(
        tmp_path / "source", tmp_path / "out", to_format="yolo", image_files="copy"
    )
    assert report.task == "classify"
    assert content(tmp_path / "out") == content(tmp_path / "source")


def test_images_of_one_class_never_share_a_file(tmp_path: Path) -> None:
    names = ["a/1.png", "1.png", "A/1.png"]
    images = [
        {"id": k, "file_name": name, "width": 12, "height": 12} for k, name in enumerate(names)
    ]
    records = [
        {"id": k + 1, "image_id": k, "category_id": 1, "bbox": [1, 1, 5, 5], "area": 25}
        for k in range(3)
    ]
    for k, name in enumerate(names):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (12, 12), (20 * k, 0, 0)).save(path)
    (tmp_path / "in.json").write_text(
        json.dumps(
            {"images": images, "annotations": records, "categories": [{"id": 1, "name": "a"}]}
        )
    )
    report = dlgeom.convert(
        tmp_path / "in.json",
        tmp_path / "out",
        to_format="yolo",
        task="classify",
        images=tmp_path / "pictures",
        image_files="copy",
        on_error="skip",
    )
    found = {
        name: picture_number(str(tmp_path / "out" / name)) for name in content(tmp_path / "out")
    }
    assert found == {"train/a/1.png": 0, "train/a/1_2.png": 1, "train/a/A/1.png": 2}
    assert report.approximated == 3
    assert "path.collision" in {entry["code"] for entry in report.summary()["codes"]}


@pytest.mark.parametrize("how", ["option", "alias"])
@pytest.mark.parametrize("subsets", [("train",), ("train", "val2017", "test", "more")])
def test_darknet_loads_all_images_with_all_rows(
    tmp_path: Path, subsets: tuple[str, ...], how: str
) -> None:
    source = coco_set(tmp_path / "source", subsets)
    target = tmp_path / "data"
    options: dict[str, Any] = {"to_format": "darknet"}
    if how == "option":
        options = {"to_format": "yolo", "yolo_layout": "darknet"}
    report = dlgeom.convert(source, target, image_files="copy", on_error="skip", **options)
    assert report.task == "detect"
    names, splits = load_darknet(target / "obj.data")
    assert names == [category["name"] for category in CATEGORIES]
    assert list(splits) == ["train", "valid", "test"][: max(2, len(subsets) - 1)]
    for images in splits.values():
        assert sorted(map(picture_number, images)) == list(range(len(NAMES)))
        for path, (rows, size) in images.items():
            number = picture_number(path)
            expected = 0 if NAMES[number] == "empty.png" else 1 + number % 3
            assert [int(row[0]) for row in rows] == list(range(expected))
            for k, row in enumerate(rows):
                box = np.array(row[1:]) * np.tile(size, 2)
                np.testing.assert_allclose(box, [2 + k + 4.5, 3 + number / 2 + 3, 9, 6], atol=1e-4)
    # What the layout cannot hold is in the report.
    assert report.approximated == report.read
    assert report.fields["category.id"] == len(CATEGORIES)


@pytest.mark.parametrize(
    ("with_table", "with_images"),
    [(True, True), (True, False), (False, True)],
    ids=["all", "no images", "no images.csv"],
)
def test_our_darknet_folder_is_read_back_by_its_path_alone(
    tmp_path: Path, with_table: bool, with_images: bool
) -> None:
    subsets = ("train", "val", "more")
    source = coco_set(tmp_path / "source", subsets)
    target = tmp_path / "target"
    how = "copy" if with_images else "none"
    dlgeom.convert(source, target, to_format="darknet", image_files=how, on_error="skip")
    if not with_table:
        (target / "images.csv").unlink()
    dlgeom.convert(target, tmp_path / "back", to_format="coco", image_files="none")
    for subset in subsets:
        before = json.loads((source / f"annotations/instances_{subset}.json").read_text())
        after = json.loads((tmp_path / f"back/annotations/instances_{subset}.json").read_text())
        sizes = [(image["width"], image["height"]) for image in after["images"]]
        assert sizes == [(image["width"], image["height"]) for image in before["images"]]
        if with_table:
            assert [image["file_name"] for image in after["images"]] == NAMES
        assert [c["name"] for c in after["categories"]] == [c["name"] for c in CATEGORIES]
        boxes = [record["bbox"] for record in after["annotations"]]
        np.testing.assert_allclose(
            boxes, [record["bbox"] for record in before["annotations"]], atol=1e-4
        )


def test_a_darknet_folder_is_the_same_after_another_round(tmp_path: Path) -> None:
    source = coco_set(tmp_path / "source", ("train", "val"))
    more: dict[str, Any] = {"to_format": "darknet", "image_files": "copy", "on_error": "skip"}
    dlgeom.convert(source, tmp_path / "a", **more)
    dlgeom.convert(tmp_path / "a", tmp_path / "b", **more)
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_darknet_has_boxes_only(tmp_path: Path) -> None:
    source = coco_set(tmp_path / "source", ("train",))
    with pytest.raises(UsageError, match="has no task 'segment' with these options"):
        dlgeom.convert(
            source, tmp_path / "out", to_format="yolo", yolo_layout="darknet", task="segment"
        )
    assert not (tmp_path / "out").exists()


def test_names_that_darknet_cannot_hold_are_told(tmp_path: Path) -> None:
    content = {
        "images": [{"id": 1, "file_name": "a.webp", "width": 20, "height": 20}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "area": 25}
        ],
        "categories": [{"id": 1, "name": "  a  b "}, {"id": 2, "name": "c"}],
    }
    (tmp_path / "in.json").write_text(json.dumps(content))
    report = dlgeom.convert(
        tmp_path / "in.json", tmp_path / "out", to_format="darknet", on_error="skip"
    )
    assert (tmp_path / "out/obj.names").read_text() == "a  b\nc\n"
    codes = Counter(entry["code"] for entry in report.summary()["codes"])
    assert codes["text.trimmed"] == codes["image.format"] == 1


@pytest.mark.parametrize("decimals", [None, 1, 2, 6])
def test_poses_without_visibility_stay_so(tmp_path: Path, decimals: int | None) -> None:
    rows = "0 0.5 0.5 0.2 0.2 0.3 .4 -1 -1\n1 0.5 0.5 0.2 0.2 0.3 0.4 0.1 0.2\n"
    source = tmp_path / "source"
    for folder in ("images/train", "labels/train"):
        (source / folder).mkdir(parents=True)
    Image.new("L", (20, 20)).save(source / "images/train/a.png")
    (source / "labels/train/a.txt").write_text(rows)
    (source / "data.yaml").write_text(
        "train: images/train\nval: images/train\nkpt_shape: [2, 2]\nnames: [a, b]\n"
    )
    out = tmp_path / "out"
    dlgeom.convert(source, out, to_format="yolo", decimals=decimals, image_files="copy")
    text = (out / "labels/train/a.txt").read_text()
    if decimals is None:
        assert text == rows
        return
    numbers = [[float(word) for word in line.split()] for line in text.splitlines()]
    assert [len(row) for row in numbers] == [9, 9]
    assert max(numbers[0][-2:]) < 0 <= min(numbers[1])
    if decimals > 1:
        data, splits = load_ultralytics(out / "data.yaml", "pose")
        assert data["kpt_shape"] == [2, 2]
        assert [len(found) for found, _ in splits["train"].values()] == [2]


def test_a_set_of_poses_without_any_names_their_shape(tmp_path: Path) -> None:
    source = coco_set(tmp_path / "source", ("train",))
    path = source / "annotations/instances_train.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "annotations": []}))
    out = tmp_path / "out"
    dlgeom.convert(source, out, to_format="yolo", task="pose", image_files="copy", on_error="skip")
    data, _ = load_ultralytics(out / "data.yaml", "pose")
    assert data["kpt_shape"] == [3, 3]


def test_classes_that_folders_cannot_show_are_told(tmp_path: Path) -> None:
    source = coco_set(tmp_path / "source", ("train",))
    report = dlgeom.convert(
        source,
        tmp_path / "out",
        to_format="yolo",
        task="classify",
        image_files="copy",
        on_error="skip",
    )
    told = {entry["code"]: entry["count"] for entry in report.summary()["codes"]}
    # One image without a label, and three classes without an image.
    assert told["ref.category"] == 4
    assert sorted(path.name for path in (tmp_path / "out/train").iterdir()) == ["no"]


def test_further_keys_of_a_data_yaml_survive(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "images").mkdir(parents=True)
    Image.new("L", (20, 20)).save(source / "images/a.png")
    (source / "labels").mkdir()
    (source / "labels/a.txt").write_text("0 0.5 0.5 0.1 0.1")
    keys = (
        "roboflow: {workspace: me, version: 1, url: 'http://x'}\nlicense: ~\nversion: 1.10\n"
        "channels: 3\ndate: 2024-01-02\ntags: [yes, 'yes', no]\nbad: 2024-13-45\n"
    )
    (source / "data.yaml").write_text(
        f"path: /a/b\ntrain: images\nval: images\nminival: images\ndownload: x\nnames: [a]\n{keys}"
    )
    for name, origin in (("one", "source"), ("two", "one")):
        dlgeom.convert(tmp_path / origin, tmp_path / name, to_format="yolo", image_files="copy")
        written = yaml.safe_load((tmp_path / name / "data.yaml").read_text())
        expected = yaml.safe_load(keys.replace("bad: 2024-13-45", "bad: '2024-13-45'"))
        assert {key: written[key] for key in expected} == expected
        assert not {"path", "download", "minival"} & set(written)
