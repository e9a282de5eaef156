"""Converter: any format to any, errors for each annotation, nothing of the caller's changed."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

import dlgeom as dl
from dlgeom.errors import UnknownFormatError, UsageError

ITEM = dl.Item(name="a.jpg", width=64, height=48)


def builder() -> dl.AnnotationCollection:
    found = ITEM.annotations.builder()
    found.add(dl.Box(16, 12, 48, 36, "cat"))
    found.add(dl.Subtitle("words", "Ann"), start_time=1, end_time=2)
    found.add(dl.Box(1, 2, 30, 40, "dog"))
    return found


@pytest.mark.parametrize("to", ["coco", "YOLO", "Voc", "vtt", "srt", "dataloop"])
@pytest.mark.parametrize("through", ["coco", "yolo", "voc", "dataloop"])
def test_any_format_to_any(through: str, to: str) -> None:
    converter = dl.Converter()
    converter.labels = ["cat", "dog"]
    first = converter.convert(builder(), "dataloop", through, item=ITEM)
    kept = 3 if through == "dataloop" else 2
    assert len(first) == kept
    given = copy.deepcopy(list(first))
    second = converter.convert(first, through, to, item=ITEM)
    assert list(first) == given
    texts = 1 if through == "dataloop" else 0
    expected = {"vtt": texts, "srt": texts, "dataloop": kept}.get(to, 2)
    assert len(second) == expected
    assert len(second.errors) == kept - expected
    if to not in ("vtt", "srt"):
        back = converter.convert(second, to, "dataloop", item=ITEM)
        boxes = [a for a in back if a.type == "box"]
        assert [a.label for a in boxes] == ["cat", "dog"]
        # Six decimals of the width.
        assert boxes[0].bounds == pytest.approx((16, 12, 48, 36), abs=1e-4)
        assert boxes[1].bounds == pytest.approx((1, 2, 30, 40), abs=1e-4)


def test_errors_have_the_index_of_what_was_given() -> None:
    good: dict[str, Any] = {"id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}
    bad = {**good, "bbox": [1, 2, "x", 4]}
    given = [good, bad, {**good, "id": 3}, "none"]
    same = copy.deepcopy(given)
    found = dl.Converter().convert(given, "coco", "yolo", item=ITEM)
    assert len(found) == 2
    assert [error.index for error in found.errors] == [1, 3]
    assert found.errors[0].code == "type.number"
    assert given == same
    with pytest.raises(UsageError, match="bbox"):
        dl.Converter().from_coco(bad)


def test_a_hook_takes_the_place_of_the_step_and_its_errors_cost_one_annotation() -> None:
    def hook(annotation: dl.Annotation, item: dl.Item) -> str:
        annotation.label = "mine"
        if annotation.type == "subtitle":
            raise KeyError("no")
        return f"{item.name} {annotation.label}"

    given = builder()
    found = dl.Converter().convert(given, "dataloop", "whatever", conversion_func=hook)
    assert list(found) == ["a.jpg mine"] * 2
    assert [(e.index, e.code) for e in found.errors] == [(1, "hook.failed")]
    assert [a.label for a in given] == ["cat", "Ann", "dog"]


def test_labels_may_be_names_ids_or_categories() -> None:
    converter = dl.Converter()
    record = {"id": 1, "category_id": 7, "bbox": [1, 2, 3, 4]}
    for labels in ({7: "cat"}, {"cat": 7}, [{"id": 7, "name": "cat"}]):
        assert converter.from_coco(record, labels=labels).label == "cat"
    assert converter.from_coco(record).label == "7"
    assert converter.from_yolo("1 .5 .5 .1 .1", item=ITEM, labels=["a", "b"]).label == "b"
    box = dl.Annotation(dl.Box(1, 2, 3, 4, "cat"))
    assert converter.to_coco(box, item=ITEM, labels={7: "cat"})["category_id"] == 7


def test_yolo_needs_the_size_of_the_image() -> None:
    with pytest.raises(UsageError, match="size is not known"):
        dl.Converter().from_yolo("0 .5 .5 .1 .1")
    with pytest.raises(UnknownFormatError, match="Did you mean 'coco'"):
        dl.Converter().convert([], "cocoo", "yolo")


def test_files_folders_and_data_sets(tmp_path: Path) -> None:
    converter = dl.Converter(return_error_filepath=True)
    dataset = dl.Dataset.from_pairs([(ITEM, builder()[::2])])
    path, failed, errors = converter.convert_dataset(dataset, "dataloop", tmp_path / "json")
    assert (path, failed, errors) == (str(tmp_path / "json"), False, None)
    out, failed, _ = converter.convert_directory(tmp_path / "json", "coco", "dataloop")
    assert not failed
    assert out == str(tmp_path / "json_coco")
    (file,) = Path(out).rglob("*.json")
    assert len(json.loads(file.read_text())["annotations"]) == 2
    found, failures = converter.convert_file("voc", "coco", file, save_locally=True)
    assert failures == []
    assert [obj["name"] for obj in found] == ["cat", "dog"]
    assert len(next(iter(dl.open_dataset(file.with_suffix(".xml"), format="voc")))[1]) == 2
    only = dl.Filters("annotations", "label", "dog")
    converter.convert_dataset(dataset, "yolo", tmp_path / "y", annotation_filter=only)
    assert len((tmp_path / "y" / "labels" / "train" / "a.txt").read_text().split("\n")) == 2


def test_files_of_one_item_keep_the_names_of_classes(tmp_path: Path) -> None:
    source = tmp_path / "source.json"
    source.write_text(
        json.dumps(
            {
                "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 80}],
                "categories": [{"id": 18, "name": "dog"}, {"id": 3, "name": "cat"}],
                "annotations": [
                    {"id": 1, "image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 4], "area": 12},
                ],
            }
        )
    )
    ((item, read),) = dl.open_dataset(source)
    mine = dl.AnnotationCollection(item, list(read), labels=read.labels)
    mine.add(dl.Box(1, 2, 3, 4, "zebra"))
    alone = [dl.Annotation(dl.Box(1, 2, 3, 4, "zebra")), dl.Annotation(dl.Box(0, 0, 3, 4, "ant"))]
    for given, wanted in (
        (read, ["cat"]),
        (mine, ["cat", "zebra"]),
        (list(read), ["cat"]),
        (alone, ["zebra", "ant"]),
    ):
        path = dl.Converter().save_to_file(tmp_path / "one.json", "coco", given, item=item)
        assert [a.label for a in next(iter(dl.open_dataset(path)))[1]] == wanted
    # What `convert` made has ids only; the converter knows the names.
    converter = dl.Converter()
    converter.labels = {18: "dog", 3: "cat"}
    made = converter.convert(read, "dataloop", "coco", item=item)
    path = converter.save_to_file(tmp_path / "made.json", "coco", made, item=item)
    assert [a.label for a in next(iter(dl.open_dataset(path)))[1]] == ["cat"]


def test_a_file_that_is_converted_keeps_the_names_of_classes(tmp_path: Path) -> None:
    source = tmp_path / "a.xml"
    source.write_text(
        "<annotation><filename>a.jpg</filename><size><width>9</width><height>8</height>"
        "<depth>3</depth></size><object><name>dog</name><bndbox><xmin>2</xmin><ymin>3</ymin>"
        "<xmax>9</xmax><ymax>8</ymax></bndbox></object></annotation>"
    )
    target = tmp_path / "out.json"
    for read, written, name in (("voc", source, target), ("coco", target, tmp_path / "again.json")):
        dl.Converter().convert_file("coco", read, written, save_locally=True, save_to=name)
        assert [a.label for a in next(iter(dl.open_dataset(name)))[1]] == ["dog"]


def test_errors_of_a_folder_are_in_a_file(tmp_path: Path) -> None:
    good = {"type": "class", "label": "a"}
    (tmp_path / "in").mkdir()
    whole = {"filename": "/a.jpg", "annotations": [good, {"type": "box", "label": "b"}]}
    (tmp_path / "in" / "a.json").write_text(json.dumps(whole))
    converter = dl.Converter(return_error_filepath=True)
    _, failed, file = converter.convert_directory(
        tmp_path / "in", "dataloop", "dataloop", save_to=tmp_path / "out"
    )
    assert failed
    assert "schema.type" in Path(file).read_text()


def test_a_data_set_through_a_hook(tmp_path: Path) -> None:
    dataset = dl.Dataset.from_pairs([(ITEM, builder()[::2])])

    def as_row(annotation: dl.Annotation, item: dl.Item) -> str:
        return "0 0.5 0.5 0.25 0.25"

    dl.Converter().convert_dataset(dataset, "yolo", tmp_path / "y", conversion_func=as_row)
    rows = (tmp_path / "y" / "labels" / "train" / "a.txt").read_text().split("\n")
    assert rows == ["0 0.500000 0.500000 0.250000 0.250000"] * 2 + [""]
    dl.Converter().convert_dataset(
        dataset, "mine", tmp_path / "m", conversion_func=lambda annotation, item: annotation.label
    )
    assert json.loads((tmp_path / "m" / "a.jpg.json").read_text()) == ["cat", "dog"]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("coco", {"category_id": 1, "bbox": [1, 2, 3, 4]}, {"category_id": [1]}),
        ("coco", {"category_id": 1, "bbox": [1, 2, 3, 4]}, {"category_id": 1, "bbox": {1}}),
        ("voc", "<object><name>a</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax>"
         "<ymax>4</ymax></bndbox></object>", "<object><name>"),
        ("voc", {"name": "a", "bndbox": {"xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4}}, {"a b": 1}),
        ("yolo", "0 .5 .5 .1 .1", 5),
        ("vtt", "00:01.000 --> 00:02.000\nhi", "junk"),
        ("srt", "1\n00:00:01,000 --> 00:00:02,000\nhi", "junk"),
    ],
)  # fmt: skip
def test_what_is_no_annotation_costs_itself_only(kind: str, good: object, bad: object) -> None:
    item = dl.Item(name="a.jpg", width=64, height=48)
    found = dl.Converter().convert([bad, good, None, good], kind, "dataloop", item=item)
    assert len(found) == 2
    assert [failure.index for failure in found.errors] == [0, 2]
