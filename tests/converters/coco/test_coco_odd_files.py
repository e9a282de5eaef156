"""COCO files as other programs leave them: found, read, and written so that tools load them."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from dlgeom.converters.coco.reader import recognise
from dlgeom.converters.pipeline import convert
from dlgeom.converters.report import Report
from dlgeom.dataset import Dataset
from dlgeom.errors import FormatError

IMAGES = [{"id": k, "file_name": f"{k}.jpg", "width": 64, "height": 48} for k in (1, 2)]
CATEGORIES = [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog", "keypoints": ["a", "b"]}]
RING = [1, 2, 11, 2, 11, 22, 1, 22]


def record(number: Any = 1, **fields: Any) -> dict[str, Any]:
    """Return a record; a field that is given as ... is left out."""
    entry = {
        "id": number,
        "image_id": 1,
        "category_id": 3,
        "bbox": [1, 2, 10, 20],
        "area": 200,
        "iscrowd": 0,
        "segmentation": [RING],
        **fields,
    }
    return {key: value for key, value in entry.items() if value is not ...}


def root(*annotations: dict[str, Any], **sections: Any) -> dict[str, Any]:
    return {
        "images": IMAGES,
        "annotations": list(annotations),
        "categories": CATEGORIES,
        **sections,
    }


def put(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = (value if isinstance(value, str) else json.dumps(value)).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def through(path: Path, target: Path | None = None, **options: Any) -> tuple[Any, Report]:
    """Convert to COCO; return what was written, which pycocotools must load, and the report."""
    out = target or path.with_name("out.json")
    report = convert(path, out, overwrite=True, on_error="skip", **options)
    made = json.loads(out.read_text())
    if isinstance(made, dict):
        pycoco = pytest.importorskip("pycocotools.coco")
        with contextlib.redirect_stdout(io.StringIO()):
            pycoco.COCO(str(out))
    return made, report


def codes(report: Report) -> list[tuple[str, str]]:
    return [(found["status"], found["code"]) for found in report.summary()["codes"]]


# ------------------------------------------------------------------ found by their content

LONG = {
    "annotations first": {"annotations": [record(k) for k in range(800)], **root()},
    "a long info": {"info": {"description": "x" * 100_000}, **root(record())},
    "a list of its own": {"frames": [[0.5] * 8] * 3_000, "annotations": [record()], **root()},
}


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("file", ["labels.json", "labels.json.gz"])
def test_sections_of_any_order_and_size_are_recognised(
    name: str, file: str, mark: str, tmp_path: Path
) -> None:
    value = {key: LONG[name][key] for key in (*LONG[name].keys() - {"images"}, "images")}
    path = put(tmp_path / "in" / file, mark + json.dumps(value))
    for source in (path, path.parent):
        made, _ = through(source, tmp_path / "out.json")
        assert made == value


def test_lists_of_other_formats_are_not_taken_for_coco(tmp_path: Path) -> None:
    value = {"annotations": [{"id": "x", "type": "box", "label": "cat"}] * 3_000}
    assert recognise(put(tmp_path / "a.json", value)) == 0


# ------------------------------------------------------------------ records

TWICE = '{"a": 1, "a": 2}'


@pytest.mark.parametrize("value", [TWICE, f'{{"b": {TWICE}}}', f"[{TWICE}]", '{"a":1,"\\u0061":2}'])
@pytest.mark.parametrize("key", ["attributes", "other", "num_keypoints"])
def test_keys_that_repeat_inside_a_field_cost_the_record(
    key: str, value: str, tmp_path: Path
) -> None:
    good = record(2, attributes={"a": "{", "b": {"a": 1}}, other=[{"a": {}}])
    text = json.dumps(root(record(1, **{key: "?"}), good)).replace('"?"', value)
    path = put(tmp_path / "a.json", text)
    made, report = through(path)
    assert made["annotations"] == [good]
    assert codes(report) == [("skipped", "json.duplicate_key")]
    report = convert(path, tmp_path / "yolo", to_format="yolo", on_error="skip")
    assert (report.read, report.dropped) == (2, 1)


@pytest.mark.parametrize("section", ["images", "categories", "info"])
def test_keys_that_repeat_elsewhere_cost_the_file(section: str, tmp_path: Path) -> None:
    value = root(record(), info={"x": 0})
    place = value["info"] if section == "info" else value[section][0]
    fields = {**place, "x": {"y": ["?"]}}
    value[section] = fields if section == "info" else [fields, *value[section][1:]]
    path = put(tmp_path / "a.json", json.dumps(value).replace('"?"', TWICE))
    with pytest.raises(FormatError, match=section) as caught:
        convert(path, tmp_path / "out.json", on_error="skip")
    assert caught.value.code == "json.duplicate_key"


@pytest.mark.parametrize("number", ["1" + "0" * 400 + ".0", "1" + "0" * 250 + "e99", "1e999"])
@pytest.mark.parametrize("key", ["attributes", "other", "num_keypoints"])
def test_numbers_beyond_floats_are_never_written(key: str, number: str, tmp_path: Path) -> None:
    value = '"?"' if key == "num_keypoints" else '{"a": "?"}'
    text = json.dumps(root(record(1, **{key: json.loads(value)}), record(2)))
    made, report = through(put(tmp_path / "a.json", text.replace('"?"', number)))
    assert made["annotations"] == [record(2)]
    assert codes(report) == [("skipped", "number.not_finite")]


def test_half_characters_in_ids_cost_the_record(tmp_path: Path) -> None:
    made, report = through(put(tmp_path / "a.json", root(record("\ud800"), record("\U0001f600"))))
    assert made["annotations"] == [record("\U0001f600")]
    assert codes(report) == [("skipped", "encoding.invalid")]


@pytest.mark.parametrize("least", [-(2**63), 2**63, -(2**70)])
def test_ids_may_be_any_integer(least: int, tmp_path: Path) -> None:
    value = root(
        record(least, image_id=least, category_id=least),
        record(None, image_id=1),
        images=[*IMAGES, {**IMAGES[0], "id": least, "file_name": "least.jpg"}],
        categories=[*CATEGORIES, {"id": least, "name": "least"}],
    )
    made, report = through(put(tmp_path / "a.json", value))
    assert made["annotations"][0] == value["annotations"][0]
    assert (report.written, report.dropped) == (2, 0)


def test_a_missing_id_is_added_and_told(tmp_path: Path) -> None:
    path = put(tmp_path / "a.json", root(record(...), record(9), record(None)))
    made, report = through(path)
    assert made["annotations"] == [
        record(9) | {"id": 10},
        record(9),
        record(11),
    ]
    assert report.codes["notice", "schema.field"].count == 1
    assert not report.fields


def test_captions_beside_categories_stay_as_they_are(tmp_path: Path) -> None:
    # pycocotools asks them for a category, and does not load the source either.
    value = root(
        record(1),
        {"id": 4, "image_id": 1, "caption": "hi"},
        {"id": 5, "image_id": 1, "caption": "hi", "category_id": None},
    )
    report = convert(put(tmp_path / "a.json", value), tmp_path / "b.json")
    assert json.loads((tmp_path / "b.json").read_text()) == value
    assert not report.codes


def test_captions_that_meet_categories_get_the_key(tmp_path: Path) -> None:
    folder = tmp_path / "annotations"
    folder.mkdir()
    put(folder / "instances_val2017.json", root(record(1)))
    captions = {"images": IMAGES, "annotations": [{"id": 2, "image_id": 1, "caption": "hi"}]}
    put(folder / "captions_val2017.json", captions)
    report = convert(tmp_path, tmp_path / "out", to_format="coco")
    [file] = (tmp_path / "out").rglob("*.json")
    made = {one["id"]: one for one in json.loads(file.read_text())["annotations"]}
    assert made[2] == {"id": 2, "image_id": 1, "caption": "hi", "category_id": None}
    assert made[1] == record(1)
    assert report.codes["notice", "schema.field"].count == 1


def test_shapes_with_a_caption_stay_shapes(tmp_path: Path) -> None:
    plain = {"id": 2, "image_id": 1, "caption": "text", "bbox": [1, 2, 3, 4], "category_id": None}
    bad = record(3, caption="mended", segmentation=[RING, [1, 2]])
    path = put(tmp_path / "a.json", root(record(caption="region"), plain, bad))
    made, _ = through(path)
    assert made["annotations"] == [
        *root(record(caption="region"), plain)["annotations"],
        bad | {"segmentation": [RING]},
    ]
    with Dataset.open(path, on_error="skip") as data:
        (first, second, _), _ = (list(annotations) for _, annotations in data)
    assert first.annotation_definition.type == "segment"
    assert first.extra["caption"] == "region"
    assert second.annotation_definition.type == "item_description"
    report = convert(path, tmp_path / "yolo", to_format="yolo", on_error="skip")
    assert report.fields["caption"] == 2
    convert(tmp_path / "yolo", tmp_path / "back.json")


# ------------------------------------------------------------------ images


def test_lvis_images_without_a_name_keep_their_records(tmp_path: Path) -> None:
    url = "http://images.cocodataset.org/val2017/000000397133.jpg?x=[1"
    image = {"id": 1, "coco_url": url, "width": 64, "height": 48, "neg_category_ids": [7]}
    value = root(record(iscrowd=...), images=[image])
    made, _ = through(put(tmp_path / "a.json", value))
    assert made == value
    with Dataset.open(tmp_path / "a.json") as data:
        assert [item.name for item, _ in data] == ["000000397133.jpg"]


def test_images_without_a_size_keep_their_records(tmp_path: Path) -> None:
    value = root(record(), record(2), images=[{"id": 1, "file_name": "a.jpg"}, IMAGES[1]])
    made, report = through(put(tmp_path / "a.json", value))
    assert made == value
    assert (report.written, report.exit_code()) == (2, 0)


# ------------------------------------------------------------------ several files of a split


def split(folder: Path) -> Path:
    things = root(record(1), record(2, image_id=2), info={"year": 1})
    put(folder / "annotations/instances_val.json", things)
    put(
        folder / "annotations/captions_val.json",
        {
            "info": {"year": 2},
            "mine": [1],
            "images": [IMAGES[0] | {"x": 5}, IMAGES[1]],
            "annotations": [{"id": 1, "image_id": 1, "caption": "hello"}],
        },
    )
    stuff = root(record(1, category_id=100), categories=[{"id": 100, "name": "sky"}])
    put(folder / "annotations/stuff_val.json", stuff)
    return folder


def test_files_of_one_split_lose_nothing(tmp_path: Path) -> None:
    made, report = through(split(tmp_path / "in"), tmp_path / "out.json")
    assert [entry["category_id"] for entry in made["annotations"]] == [3, 3, 100, None]
    ids = [entry["id"] for entry in made["annotations"]]
    assert ids[:2] == [1, 2]
    assert len(set(ids)) == 4
    assert made["mine"] == [1]
    assert made["info"] == {"year": 1}
    assert report.fields == {"id": 2}
    assert codes(report) == [
        ("notice", "record.duplicate"),
        ("notice", "schema.repeated"),
        ("notice", "schema.field"),
    ]


@pytest.mark.parametrize("field", [{"file_name": "b.jpg"}, {"width": 65}])
def test_one_image_id_means_one_image(field: dict[str, Any], tmp_path: Path) -> None:
    folder = split(tmp_path / "in")
    other = root(images=[IMAGES[0] | field])
    put(folder / "annotations/person_keypoints_val.json", other)
    with pytest.raises(FormatError, match="one id means one image"):
        convert(folder, tmp_path / "out.json", on_error="skip")


# ------------------------------------------------------------------ several splits


def splits(folder: Path) -> dict[str, Any]:
    """Write two splits whose categories differ; return what they hold."""
    cat, dog = CATEGORIES
    roots = {
        "train": root(record(), categories=[cat, cat | {"name": "unused", "id": 4}, dog]),
        "val": root(
            record(category_id=1, image_id=8),
            record(2, category_id=3, image_id=8),
            images=[IMAGES[0] | {"id": 8}],
            categories=[
                dog | {"id": 1, "keypoints": ["c"]},
                dog | {"id": 1, "keypoints": ["c"]},
                cat | {"supercategory": "pet"},
            ],
        ),
    }
    for name, value in roots.items():
        put(folder / f"annotations/instances_{name}.json", value)
    return roots


def test_each_split_keeps_its_own_categories(tmp_path: Path) -> None:
    roots = splits(tmp_path / "in")
    report = convert(tmp_path / "in", tmp_path / "out", to_format="coco")
    for name, value in roots.items():
        made = json.loads((tmp_path / f"out/annotations/instances_{name}.json").read_text())
        assert made == value
    assert not report.fields


def test_splits_in_one_file_share_classes_by_their_names(tmp_path: Path) -> None:
    splits(tmp_path / "in")
    made, report = through(tmp_path / "in", tmp_path / "one.json")
    assert [entry["category_id"] for entry in made["annotations"]] == [3, 7, 3]
    assert [entry["id"] for entry in made["categories"]] == [3, 4, 7]
    lost = {"id": 1, "image.subset": 3, "category.supercategory": 1}
    assert report.fields == lost | {"category.id": 2, "category.keypoints": 2}
    convert(tmp_path / "in", tmp_path / "yolo", to_format="yolo", task="detect")
    names = yaml.safe_load((tmp_path / "yolo/data.yaml").read_text())["names"]
    assert list(names.values()) == ["cat", "unused", "dog"]


# ------------------------------------------------------------------ results


def test_results_become_what_loadres_makes_of_them(tmp_path: Path) -> None:
    pycoco = pytest.importorskip("pycocotools.coco")
    truth = put(tmp_path / "truth.json", root(info={}))
    points = [
        [5, 6, 0, 20, 30, 2],
        [5, 6, 0, 20, 30, 0],
        [5, 6, 0.93, 20, 30, 0.1],
        [5, 6, 1, 0, 0, 0],
    ]
    rows = [
        {"image_id": 1, "category_id": 7, "keypoints": values, "score": 0.5} for values in points
    ]
    path = put(tmp_path / "results.json", rows)
    made, _ = through(path, ground_truth=truth, coco_task="instances")
    with contextlib.redirect_stdout(io.StringIO()):
        due = pycoco.COCO(str(truth)).loadRes(str(path)).dataset["annotations"]
    for ours, theirs in zip(made["annotations"], due, strict=True):
        assert np.allclose(ours["bbox"], theirs["bbox"])
        assert np.isclose(ours["area"], theirs["area"])
        assert ours["id"] == theirs["id"]
    seen = [entry["keypoints"][2::3] for entry in made["annotations"]]
    assert seen == [[0, 2], [2, 2], [2, 2], [1, 0]]
    again, _ = through(path, ground_truth=truth)
    assert again == rows
