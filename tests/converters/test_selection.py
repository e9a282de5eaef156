"""Label options and conditions in front of every reader."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from chunk_strategies import chunks
from filter_strategies import conditions, plain_chunks
from hypothesis import given, settings

import dlgeom
from dlgeom.chunk import Chunk
from dlgeom.converters.pipeline import convert, open_dataset
from dlgeom.converters.survey import survey
from dlgeom.dataset import Dataset
from dlgeom.definitions import Box
from dlgeom.errors import UsageError
from dlgeom.filters import Filters
from dlgeom.filters.tree import And, Node

SAMPLE = Path(dlgeom.__file__).parent / "sample" / "coco"
FORMATS = ("coco", "yolo", "voc")


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The sample in all formats; boxes only, which all of them hold."""
    folder = tmp_path_factory.mktemp("sources")
    for name in FORMATS:
        task = None if name == "coco" else "detect"
        convert(SAMPLE, folder / name, to_format=name, task=task, on_error="skip")
    return {name: folder / name for name in FORMATS}


def facts(path: Path) -> tuple[int, int, dict[str, int]]:
    found = survey(path)
    return found.images, found.annotations, {k: v for k, v in found.labels.items() if v}


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize(
    ("options", "images", "labels", "names"),
    [
        ({"include_labels": ["car", "sign"]}, 5, {"car": 1, "sign": 2}, {"car", "sign"}),
        ({"exclude_labels": ["sign", "never used"]}, 5, None, {"person", "tyre", "car"}),
        ({"label_map": {"car": "vehicle", "tyre": "vehicle"}}, 5, None, None),
        ({"label_map": {"car": None, "tyre": "car"}}, 5, None, None),
        ({"where": "label == 'car' or label == 'sign'"}, 5, {"car": 1, "sign": 2}, None),
        ({"where": "width >= 20 and not label ~ 's*'"}, 5, None, None),
        ({"where": "image.name ~ '**/0001*'"}, 2, None, None),
        ({"where": "any(label == 'car')"}, 1, None, None),
        ({"where": "not image.annotated"}, 1, {}, None),
        (
            {
                "where": "image.name ~ '**/0001*'",
                "include_labels": "car",
                "label_map": {"car": "c"},
            },
            2,
            {"c": 1},
            {"c"},
        ),
    ],
    ids=lambda value: str(sorted(value)) if isinstance(value, set) else str(value),
)
def test_any_format_to_any_other(
    sources: dict[str, Path],
    tmp_path: Path,
    source: str,
    target: str,
    options: dict[str, Any],
    images: int,
    labels: dict[str, int] | None,
    names: set[str] | None,
) -> None:
    if source == "voc":
        options = {k: v for k, v in options.items() if v != ["sign", "never used"]} or {
            "exclude_labels": ["sign"]
        }
    report = convert(
        sources[source],
        tmp_path / "out",
        to_format=target,
        task=None if target == "coco" else "detect",
        on_error="skip",
        **options,
    )
    before = survey(sources[source])
    assert report.read + report.filtered == before.annotations
    assert report.images + report.filtered_images == before.images
    assert report.read == report.written + report.approximated
    told = survey(sources[source], **options)
    assert facts(tmp_path / "out") == (
        images,
        report.read,
        {name: count for name, count in told.labels.items() if count},
    )
    assert (told.images, told.annotations, told.filtered) == (images, report.read, report.filtered)
    if labels is not None:
        assert facts(tmp_path / "out")[2] == labels
    if names is not None:
        assert set(survey(tmp_path / "out").labels) - {"never used"} == names
    assert json.loads(json.dumps(report.summary()))["filtered"] == report.filtered
    assert ("filtered" in report.table()) is bool(report.filtered or report.filtered_images)


def coco(folder: Path, **changes: Any) -> Path:
    content: dict[str, Any] = {
        "info": {"year": 2020},
        "images": [
            {"id": k, "file_name": f"{k}.jpg", "width": 100, "height": 80, "odd": [k]}
            for k in (7, 3, 5)
        ],
        "annotations": [
            {"id": 10, "image_id": 3, "category_id": 90, "bbox": [1, 2, 3, 4], "area": 12,
             "iscrowd": 0, "strange": {"a": 1.50}},
            {"id": 11, "image_id": 7, "category_id": 4, "bbox": [1, 2, 30, 40], "area": 1200,
             "iscrowd": 0, "segmentation": [[1, 2, 31, 2, 31, 42]]},
            {"id": 12, "image_id": 3, "category_id": 50, "bbox": [0, 0, 9, 9], "area": 81,
             "iscrowd": 0, "score": 0.5, "attributes": {"occluded": True}},
        ],
        "categories": [
            {"id": 90, "name": "cat", "supercategory": "animal", "extra": 1},
            {"id": 4, "name": "dog"},
            {"id": 50, "name": "eel"},
        ],
    }  # fmt: skip
    path = folder / "source.json"
    path.write_text(json.dumps({**content, **changes}))
    return path


def written(path: Path, target: Path, **options: Any) -> dict[str, Any]:
    convert(path, target, **options)
    found: dict[str, Any] = json.loads(target.read_text())
    return found


def test_coco_to_coco_changes_what_was_asked_for_and_no_more(tmp_path: Path) -> None:
    source = coco(tmp_path)
    before = json.loads(source.read_text())
    merged = written(source, tmp_path / "a.json", label_map={"cat": "pet", "dog": "pet"})
    assert merged["categories"] == [
        {"id": 90, "name": "pet", "supercategory": "animal", "extra": 1},
        {"id": 50, "name": "eel"},
    ]
    assert [record["category_id"] for record in merged["annotations"]] == [90, 90, 50]
    for mine, theirs in zip(merged["annotations"], before["annotations"], strict=True):
        assert {**mine, "category_id": 0} == {**theirs, "category_id": 0}
    assert (merged["images"], merged["info"]) == (before["images"], before["info"])
    some = written(source, tmp_path / "b.json", exclude_labels=["cat"])
    assert some["categories"] == before["categories"][1:]
    assert some["annotations"] == before["annotations"][1:]
    assert some["images"] == before["images"]
    joined = written(source, tmp_path / "c.json", where="any(label == 'eel')")
    assert joined["annotations"] == [before["annotations"][k] for k in (0, 2)]
    assert joined["images"] == [before["images"][1]]
    assert joined["categories"] == before["categories"]
    nothing = written(source, tmp_path / "d.json", where="false")
    assert (nothing["images"], nothing["annotations"]) == ([], [])
    assert nothing["categories"] == before["categories"]


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ("area > 100", [11]),
        ("width < 10 and left >= 1", [10]),
        ("points == 3", [11]),
        ("type == 'polygon'", [11]),
        ("type in ('box')", [10, 12]),
        ("attributes.occluded == 'true'", [12]),
        ("attributes.occluded", [12]),
        ("not exists(attributes.occluded)", [10, 11]),
        ("score >= 0.5", [12]),
        ("not score >= 0.5", [10, 11]),
        ("extra.strange.a == 1.5", [10]),
        ("id in (10, 12)", [10, 12]),
        ("image.extra.odd == 3", [10, 12]),
        ("image.extra.odd == 3 and label == 'eel'", [12]),
        ("any(image.extra.odd == 7 and label == 'dog')", [11]),
        ("image.id == 7", [11]),
        ("right < image.height", [10, 11, 12]),
    ],
)
def test_conditions_on_coco(tmp_path: Path, where: str, ids: list[int]) -> None:
    found = written(coco(tmp_path), tmp_path / "out.json", where=where)
    assert [record["id"] for record in found["annotations"]] == ids


def test_the_task_is_that_of_what_is_left(tmp_path: Path) -> None:
    source = coco(tmp_path)
    assert convert(source, tmp_path / "a", to_format="yolo").task == "segment"
    assert convert(source, tmp_path / "b", to_format="yolo", where="type == 'box'").task == "detect"
    assert convert(source, tmp_path / "c", to_format="yolo", exclude_labels="dog").task == "detect"
    assert convert(source, tmp_path / "d", to_format="yolo", label_map={"dog": "cat"}).task == (
        "segment"
    )


def test_rows_of_yolo_keep_their_text(tmp_path: Path) -> None:
    source = tmp_path / "in"
    (source / "labels" / "train").mkdir(parents=True)
    (source / "images" / "train").mkdir(parents=True)
    (source / "data.yaml").write_text("train: images/train\nnames: [a, b, c]\n")
    (source / "images.csv").write_text(
        "label_file,file_name,width,height,orientation\nlabels/train/1.txt,1.jpg,30,30,1\n"
    )
    rows = ["2 0.123456789 0.5 0.2 0.1", "1 .5 0.50 1e-1 0.1", "0 0.3 0.3 0.3 0.3"]
    (source / "labels" / "train" / "1.txt").write_text("\n".join(rows))
    convert(source, tmp_path / "out", to_format="yolo", exclude_labels=["a"])
    text = (tmp_path / "out" / "labels" / "train" / "1.txt").read_text()
    assert text == "1 0.123456789 0.5 0.2 0.1\n0 .5 0.50 1e-1 0.1\n"
    assert dlgeom.open_dataset(tmp_path / "out").labels.names == ["b", "c"]


def test_names_that_do_not_occur_stop_before_anything_is_written(
    sources: dict[str, Path], tmp_path: Path
) -> None:
    for name, source in sources.items():
        with pytest.raises(UsageError, match="Did you mean 'car'"):
            convert(source, tmp_path / name, to_format="yolo", include_labels=["caar"])
        with pytest.raises(UsageError, match="Did you mean 'car'"):
            survey(source, exclude_labels=["Car"])
        with pytest.raises(UsageError, match="Did you mean 'label'"):
            convert(source, tmp_path / name, to_format="yolo", where="labl == 'car'")
    assert list(tmp_path.iterdir()) == []


def test_a_name_of_the_label_map_that_does_not_occur_is_a_notice(tmp_path: Path) -> None:
    report = convert(coco(tmp_path), tmp_path / "out.json", label_map={"catt": "x"})
    assert [kind.status for kind in report.codes.values()] == ["notice"]
    assert report.exit_code() == 0


def test_a_bad_record_is_told_once_however_often_the_source_is_read(tmp_path: Path) -> None:
    source = tmp_path / "in"
    (source / "labels").mkdir(parents=True)
    (source / "images").mkdir()
    (source / "data.yaml").write_text("train: images\nnames: [a, b]\n")
    lines = ["label_file,file_name,width,height,orientation"]
    for k in range(3):
        lines.append(f"labels/{k}.txt,{k}.jpg,30,30,1")
        (source / "labels" / f"{k}.txt").write_text("0 0.5 0.5 0.1 0.1\n7 0.5 0.5 0.1 0.1\nx\n")
    (source / "images.csv").write_text("\n".join(lines) + "\n")
    plain = convert(source, tmp_path / "a", to_format="yolo", on_error="skip")
    for where in ("true", "any(label == 'a')", "any(label == 'a') and label == 'a'"):
        again = convert(
            source, tmp_path / "b", to_format="yolo", on_error="skip", where=where, overwrite=True
        )
        assert again.skipped == plain.skipped == 6
        assert {key: kind.count for key, kind in again.codes.items()} == {
            key: kind.count for key, kind in plain.codes.items()
        }


def test_a_bad_polygon_of_coco_is_told_once(tmp_path: Path) -> None:
    bad = {"id": 1, "image_id": 3, "category_id": 4, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0}
    source = coco(tmp_path, annotations=[{**bad, "segmentation": [[1, 2, 3, "x"]]}, bad])
    counts = [
        {key: kind.count for key, kind in convert(
            source, tmp_path / f"out{k}", to_format=name, on_error="skip", **options
        ).codes.items() if key[0] == "skipped"}
        for k, (name, options) in enumerate(
            (name, options)
            for name in ("coco", "yolo")
            for options in ({}, {"where": "any(area > 0)"})
        )
    ]  # fmt: skip
    assert counts[0] == counts[1] == counts[2] == counts[3]
    assert sum(counts[0].values()) == 1


def test_repeated_images_stay_repeated(tmp_path: Path) -> None:
    image = {"id": 3, "file_name": "3.jpg", "width": 9, "height": 9}
    source = coco(tmp_path, images=[image, {**image, "id": 7, "file_name": "7.jpg"}, image])
    before = json.loads(source.read_text())
    plain = written(source, tmp_path / "a.json", on_error="skip")
    assert plain["images"] == before["images"]
    for where in ("label == 'nothing'", "label == 'dog'", "label != 'dog'"):
        found = written(source, tmp_path / f"{where}.json", on_error="skip", where=where)
        assert found["images"] == before["images"]
    found = written(source, tmp_path / "b.json", on_error="skip", where="image.id == 3")
    assert found["images"] == [image, image]


def rows(dataset: Dataset) -> list[Any]:
    return [list(annotations) for _, annotations in dataset]


@settings(max_examples=settings.default.max_examples // 2)
@given(plain_chunks(), conditions(joins=True), conditions())
def test_filtering_twice_is_filtering_by_both(chunk: Chunk, a: Node, b: Node) -> None:
    dataset = Dataset.from_pairs(chunk.pairs())
    twice, once = dataset.filter(a).filter(b), dataset.filter(And((a, b)))
    assert rows(twice) == rows(once)
    assert [item.number for item, _ in twice] == [item.number for item, _ in once]


@settings(max_examples=settings.default.max_examples // 10)
@given(chunks(), conditions(joins=True))
def test_grouped_and_ungrouped_streams_leave_the_same(chunk: Chunk, node: Node) -> None:
    dataset = Dataset.from_pairs(chunk.pairs()).filter(node)
    streams = [list(dataset.chunks(grouped=grouped)) for grouped in (True, False)]
    assert streams[0] == streams[1]


def test_sorted_items_are_written_as_they_were(tmp_path: Path) -> None:
    source = coco(tmp_path)
    before = json.loads(source.read_text())
    filters = Filters()
    filters.sort_by("id", "descending")
    with open_dataset(source) as dataset:
        ordered = dataset.filter(filters)
        assert [item.id for item, _ in ordered] == [7, 5, 3]
        assert len(ordered) == 3
        report = ordered.write(tmp_path / "out.json")
    found = json.loads((tmp_path / "out.json").read_text())
    assert report.written == 3
    assert [image["id"] for image in found["images"]] == [7, 5, 3]
    assert found["annotations"] == [before["annotations"][k] for k in (1, 0, 2)]
    assert (found["categories"], found["info"]) == (before["categories"], before["info"])
    assert sorted(found["images"], key=str) == sorted(before["images"], key=str)


def test_a_filtered_data_set_leaves_the_files_of_its_parent_open(tmp_path: Path) -> None:
    parent = open_dataset(coco(tmp_path))
    child = parent.filter("label == 'cat'")
    assert [len(annotations) for _, annotations in child] == [0, 1, 0]
    child.close()
    del child
    gc.collect()
    assert sum(len(annotations) for _, annotations in parent) == 3
    orphan = open_dataset(coco(tmp_path)).filter("label == 'dog'")
    gc.collect()
    assert sum(len(annotations) for _, annotations in orphan) == 1
    report = orphan.write(tmp_path / "x.json", label_map={"dog": "hound"})
    assert (report.read, report.filtered) == (1, 2)
    parent.close()


def test_objects_in_memory_are_selected_too(tmp_path: Path) -> None:
    with open_dataset(coco(tmp_path)) as source:
        memory = Dataset.from_pairs(list(source))
    report = memory.write(
        tmp_path / "out", format="voc", include_labels=["eel"], where="area < 100"
    )
    assert (report.read, report.filtered) == (1, 2)
    with pytest.raises(UsageError, match="no label 'x'"):
        memory.write(tmp_path / "other", format="voc", include_labels=["x"])


def test_a_run_without_choice_loads_nothing_of_it(tmp_path: Path) -> None:
    code = (
        "import sys; from dlgeom.converters.pipeline import convert; "
        f"convert({str(coco(tmp_path))!r}, {str(tmp_path / 'out.json')!r}); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = done.stdout.split()
    assert "dlgeom.converters.pipeline" in loaded
    assert not [name for name in loaded if "dlgeom.filters" in name or "selection" in name]


def test_real_coco_by_area_as_pycocotools_counts(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "coco" / "coco_mini" / "instances_val2017.json"
    content = json.loads(path.read_text())
    names = {category["id"]: category["name"] for category in content["categories"]}
    due = [
        record
        for record in content["annotations"]
        if record["area"] > 1024 and names[record["category_id"]] in ("person", "car")
    ]
    found = written(path, tmp_path / "out.json", where="area > 1024 and label in ('person', 'car')")
    assert found["annotations"] == due
    assert found["images"] == content["images"]
    kept = written(path, tmp_path / "b.json", include_labels=["person", "car"], where="area>1024")
    assert kept["annotations"] == due
    assert [category["name"] for category in kept["categories"]] == ["person", "car"]
    counts = Counter(names[record["category_id"]] for record in due)
    report = convert(path, tmp_path / "yolo", to_format="yolo", task="detect",
                     where="area > 1024", include_labels=["person", "car"])  # fmt: skip
    assert (report.read, report.written + report.approximated) == (len(due), len(due))
    assert facts(tmp_path / "yolo")[2] == dict(counts)


def test_panoptic_segments_are_selected(shared_data: Path, tmp_path: Path) -> None:
    [path] = (shared_data / "coco" / "panoptic_val100").glob("panoptic_*.json")
    content = json.loads(path.read_text())
    crowded = [
        frame
        for frame in content["annotations"]
        if any(segment["iscrowd"] for segment in frame["segments_info"])
    ][:3]
    ids = tuple(frame["image_id"] for frame in crowded)
    report = convert(
        path,
        tmp_path / "a",
        to_format="coco",
        on_error="skip",
        where=f"not crowd and image.id in {ids}",
        label_map={"person": "human"},
    )
    due = sum(not s["iscrowd"] for frame in crowded for s in frame["segments_info"])
    assert (report.images, report.filtered_images) == (3, 97)
    assert (report.read, report.written) == (due, due)
    [out] = (tmp_path / "a" / "annotations").glob("*.json")
    found = json.loads(out.read_text())
    for mine, theirs in zip(found["annotations"], crowded, strict=True):
        kept = [segment for segment in theirs["segments_info"] if not segment["iscrowd"]]
        assert mine == {**theirs, "segments_info": kept}
    assert found["categories"][0] == {**content["categories"][0], "name": "human"}
    assert found["categories"][1:] == content["categories"][1:]


def test_lists_of_classes_of_voc_are_those_of_what_is_left(tmp_path: Path) -> None:
    source = tmp_path / "in"
    (source / "Annotations").mkdir(parents=True)
    (source / "ImageSets" / "Main").mkdir(parents=True)
    (source / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\n"
        "cat:1,2,3:head:\ndog:4,5,6::\neel:7,8,9::\n"
    )
    box = "<bndbox><xmin>{}</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>"
    for stem, names in (("a", ("cat", "dog")), ("b", ("dog",)), ("c", ("eel",))):
        objects = "".join(
            f"<object><name>{name}</name><difficult>0</difficult>{box.format(k)}</object>"
            for k, name in enumerate(names)
        )
        (source / "Annotations" / f"{stem}.xml").write_text(
            f"<annotation><filename>{stem}.jpg</filename><size><width>20</width><height>20</height>"
            f"<depth>3</depth></size>{objects}</annotation>"
        )
    lists = source / "ImageSets" / "Main"
    (lists / "train.txt").write_text("a\nb\n")
    (lists / "val.txt").write_text("c\n")
    (lists / "trainval.txt").write_text("a\nb\nc\n")
    flags = {"cat": (1, -1), "dog": (1, 1), "eel": (-1, -1)}
    for name, (first, second) in flags.items():
        (lists / f"{name}_train.txt").write_text(f"a {first:2}\nb {second:2}\n")

    def flags_of(folder: Path) -> dict[str, list[list[str]]]:
        return {
            path.stem: [line.split() for line in path.read_text().splitlines()]
            for path in sorted((folder / "ImageSets" / "Main").glob("*_train.txt"))
        }

    convert(source, tmp_path / "same", to_format="voc")
    assert flags_of(tmp_path / "same") == flags_of(source)
    convert(source, tmp_path / "out", to_format="voc", exclude_labels="eel", where="left < 1",
            label_map={"cat": "pet"})  # fmt: skip
    assert flags_of(tmp_path / "out") == {
        "pet_train": [["a", "1"], ["b", "-1"]],
        "dog_train": [["a", "-1"], ["b", "1"]],
    }
    text = (tmp_path / "out" / "labelmap.txt").read_text()
    assert text.splitlines()[1:] == ["background:0,0,0::", "pet:1,2,3:head:", "dog:4,5,6::"]
    assert (tmp_path / "out" / "ImageSets" / "Main" / "trainval.txt").read_text() == "a\nb\nc\n"
    only = "image.name ~ 'b*'"
    convert(source, tmp_path / "one", to_format="voc", where=only)
    assert (tmp_path / "one" / "ImageSets" / "Main" / "train.txt").read_text() == "b\n"
    with pytest.raises(UsageError, match="Did you mean 'eel'"):
        convert(source, tmp_path / "two", to_format="voc", include_labels=["elk", "ee"])


def test_labels_that_only_reading_finds_are_checked_at_the_end(tmp_path: Path) -> None:
    """A VOC folder without a list of classes."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.xml").write_text(
        "<annotation><filename>a.jpg</filename><size><width>20</width><height>20</height></size>"
        "<object><name>cat</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax>"
        "</bndbox></object></annotation>"
    )
    report = convert(tmp_path / "in", tmp_path / "x.json", label_map={"cat": "dog"})
    assert json.loads((tmp_path / "x.json").read_text())["categories"][0]["name"] == "dog"
    assert report.written == 1
    with pytest.raises(UsageError, match="Did you mean 'cat'"):
        convert(tmp_path / "in", tmp_path / "out", to_format="yolo", exclude_labels=["cats"])
    assert not (tmp_path / "out").exists()


def test_states_over_frames_get_the_new_name_too(tmp_path: Path) -> None:
    builder = dlgeom.Item(
        name="a.mp4", width=64, height=48, media="video", fps=25.0, frame_count=50
    ).annotations.builder()
    for frame, label in ((0, "cat"), (5, "cat"), (9, "dog")):
        builder.add(Box(frame, 2, 30, 40, label), object_id=1, frame_num=frame, end_frame_num=frame)
    dataset = Dataset.from_pairs([(builder.item, builder)])
    dataset.write(tmp_path / "out", format="dataloop", label_map={"cat": "pet", "dog": "hound"})
    [(_, [found])] = open_dataset(tmp_path / "out")
    assert [found.frames[frame].label for frame in (0, 5, 9)] == ["pet", "pet", "hound"]
    assert builder[0].frames[5].label == "cat"
