"""From a reader to a writer: what is counted, closed, taken back and refused."""

from __future__ import annotations

import gc
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dlgeom
from dlgeom.chunk import Chunk
from dlgeom.converters import registry
from dlgeom.converters.base import Format, Losses, Meta, ReadContext, WriteContext
from dlgeom.converters.fields import ItemFields, count_label_fields, count_sections
from dlgeom.converters.pipeline import choose_task, convert, gc_paused, open_dataset
from dlgeom.converters.survey import survey
from dlgeom.dataset import Dataset
from dlgeom.errors import FormatError, OutputError, UsageError
from dlgeom.geometry.ragged import Rings
from dlgeom.item import Item
from dlgeom.labels import Label, LabelTable

SAMPLE = Path(dlgeom.__file__).parent / "sample" / "coco"
JSON = SAMPLE / "annotations" / "instances_train.json"


def tree(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): None if path.is_dir() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
    }


# ------------------------------------------------------------------ a format of our own


class Toy:
    """A format whose reader tells and yields what a test wants, and whose writer does it too."""

    def __init__(self) -> None:
        self.skip_on_open = self.skip_on_read = 0
        self.fail_at = -1
        self.items = [Item(name=f"{k}.png", number=k, width=9, height=9) for k in range(4)]
        self.meta = Meta(format="toy", labels=LabelTable(["cat"]))
        self.opened = self.closed = 0
        self.contexts: list[WriteContext] = []
        self.needs_seen: list[frozenset[str]] = []
        self.passes = 0

    def format(self) -> Format:
        return Format(
            name="toy",
            title="Toy",
            recognise=lambda path: 2 if path.suffix == ".toy" else 0,
            open=self.open,
            create=self.create,
            single_file=(".toy",),
        )

    # reader
    grouped = True
    needs: frozenset[str] = frozenset()

    def open(self, path: Path, context: ReadContext) -> Toy:
        self.opened += 1
        self.problems = context.problems
        for number in range(self.skip_on_open):
            context.problems.skipped("number.range", "bad", annotation_id=number)
        return self

    def kinds(self) -> set[str]:
        return {"box"}

    def count(self) -> int | None:
        return len(self.items)

    def chunks(self, *, grouped: bool, needs: frozenset[str] = frozenset()) -> Iterator[Chunk]:
        self.needs_seen.append(needs)
        for item in self.items:
            for number in range(self.skip_on_read):
                self.problems.skipped("type.number", "bad", annotation_id=f"r{number}")
            yield Chunk.build(
                items=[item],
                item=np.zeros(1, dtype=np.int32),
                labels=self.meta.labels,
                label=np.zeros(1, dtype=np.int32),
                bounds=np.array([[0.0, 0.0, 4.0, 4.0]]),
            )

    def close(self) -> None:
        self.closed += 1

    # writer
    def create(self, context: WriteContext) -> Toy:
        self.contexts.append(context)
        self.written = 0
        return self

    def write(self, chunk: Chunk) -> Losses:
        if self.written == self.fail_at:
            raise RuntimeError("a bug")
        self.written += 1
        output = self.contexts[-1].output
        name = f"{self.written}.txt"
        output.write(f"{output.name}.d/{name}" if output.single else name, b"x")
        losses = Losses.none(len(chunk), (("geometry.box", "box"),))
        losses.status[:], losses.code[:] = 1, 0
        losses.replaced = Rings.of([[[np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 2.0], [0.0, 2.0]])]]])
        return losses

    def finish(self) -> None:
        output = self.contexts[-1].output
        output.write(output.name if output.single else "end.txt", b"end")


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Toy:
    own = Toy()
    known = {**registry.formats(), "toy": own.format()}
    monkeypatch.setattr(registry, "formats", lambda: known)
    (tmp_path / "a.toy").write_text("toy")
    return own


# ------------------------------------------------------------------ what is told


@pytest.mark.parametrize("opening", [0, 3])
@pytest.mark.parametrize("reading", [0, 2])
def test_each_bad_record_is_in_the_report_file_once(
    toy: Toy, tmp_path: Path, opening: int, reading: int
) -> None:
    toy.skip_on_open, toy.skip_on_read = opening, reading
    report = convert(
        tmp_path / "a.toy",
        tmp_path / "out",
        to_format="toy",
        on_error="skip",
        report=tmp_path / "r.json",
    )
    found = json.loads((tmp_path / "r.json").read_text())
    skipped = [e["annotation_id"] for e in found["entries"] if e["status"] == "skipped"]
    assert skipped == [*range(opening), *(["r0", "r1"][:reading] * 4)]
    assert sum(e["status"] == "approximated" for e in found["entries"]) == 4
    assert report.skipped == found["skipped"] == opening + 4 * reading
    assert report.read == 4 + report.skipped == report.approximated + report.dropped
    assert report.images == 4
    assert report.files == found["files_written"] == 5
    assert report.exit_code() == bool(opening or reading)


def test_a_data_set_tells_each_run_what_is_wrong(toy: Toy, tmp_path: Path) -> None:
    toy.skip_on_open, toy.skip_on_read = 3, 1
    dataset = open_dataset(tmp_path / "a.toy", on_error="skip")
    assert dataset.problems is not None
    assert [entry.annotation_id for entry in dataset.problems.entries] == [0, 1, 2]
    reports = []
    for name in ("one", "two"):
        file = tmp_path / f"{name}.json"
        reports.append(dataset.write(tmp_path / name, format="toy", report=file))
        entries = json.loads(file.read_text())["entries"]
        skipped = [e["annotation_id"] for e in entries if e["status"] == "skipped"]
        assert skipped == [0, 1, 2, "r0", "r0", "r0", "r0"]
        assert [e["measure"] for e in entries if "measure" in e] == [0.5] * 4
    assert reports[0].skipped == reports[1].skipped == 7
    before = reports[1].skipped
    assert sum(1 for _ in dataset) == 4
    assert reports[1].skipped == before
    assert len(dataset.problems.entries) == 3 + 3 * 4


@pytest.mark.parametrize("asked", ["dry_run", "report", "neither"])
def test_overlap_of_masks_is_measured_only_on_request(toy: Toy, tmp_path: Path, asked: str) -> None:
    options: dict[str, Any] = {"dry_run": True} if asked == "dry_run" else {}
    if asked == "report":
        options["report"] = tmp_path / "r.json"
    report = convert(tmp_path / "a.toy", tmp_path / "out", to_format="toy", **options)
    measured = asked != "neither"
    assert report.codes["approximated", "geometry.box"].least == (0.5 if measured else None)
    assert toy.contexts[-1].measure == measured
    assert toy.needs_seen == [frozenset({"outline", "runs"}) if measured else frozenset()]


def test_progress_is_told_with_the_number_to_come(toy: Toy, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    convert(
        tmp_path / "a.toy",
        tmp_path / "out",
        to_format="toy",
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


# ------------------------------------------------------------------ beginning and end


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("fail_at", [0, 2])
def test_a_failed_run_leaves_nothing_and_closes_its_source(
    toy: Toy, tmp_path: Path, single: bool, fail_at: int
) -> None:
    toy.fail_at = fail_at
    before = tree(tmp_path)
    target = tmp_path / "deep" / ("out.toy" if single else "out")
    with pytest.raises(RuntimeError, match="a bug"):
        convert(tmp_path / "a.toy", target, to_format="toy", report=tmp_path / "deep" / "r.json")
    assert tree(tmp_path) == before
    assert toy.opened == toy.closed == 1
    assert gc.isenabled()


def test_a_source_that_cannot_be_opened_leaves_nothing(toy: Toy, tmp_path: Path) -> None:
    toy.skip_on_open = 1
    before = tree(tmp_path)
    with pytest.raises(FormatError, match=r"number\.range"):
        convert(tmp_path / "a.toy", tmp_path / "out", to_format="toy", report=tmp_path / "r.json")
    with pytest.raises(OutputError, match=r"io\.read"):
        convert(tmp_path / "no.toy", tmp_path / "out", to_format="toy", report=tmp_path / "r.json")
    assert tree(tmp_path) == before


def test_sources_are_closed_at_the_end(toy: Toy, tmp_path: Path) -> None:
    convert(tmp_path / "a.toy", tmp_path / "out", to_format="toy")
    assert toy.closed == 1
    survey(tmp_path / "a.toy")
    assert toy.closed == 2
    with open_dataset(tmp_path / "a.toy") as dataset:
        dataset.write(tmp_path / "out2", format="toy")
        assert toy.closed == 2
    assert toy.closed == 3


def test_the_garbage_collector_is_left_as_it_was() -> None:
    gc.disable()
    try:
        with gc_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
    with gc_paused():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_dry_run_reports_the_same_and_writes_nothing(tmp_path: Path) -> None:
    dry = convert(JSON, tmp_path / "out", to_format="voc", on_error="skip", dry_run=True)
    assert tree(tmp_path) == {}
    wet = convert(JSON, tmp_path / "out", to_format="voc", on_error="skip")
    for key in ("annotations", "images", "files_written", "fields"):
        assert dry.summary()[key] == wet.summary()[key]
    assert wet.files == sum(path.is_file() for path in (tmp_path / "out").rglob("*"))


def test_a_dry_run_may_write_its_report(tmp_path: Path) -> None:
    report = tmp_path / "r.json"
    convert(SAMPLE, tmp_path / "out", to_format="coco", dry_run=True, report=report)
    assert list(tree(tmp_path)) == ["r.json"]


def test_the_report_may_lie_in_the_target(tmp_path: Path) -> None:
    report = tmp_path / "out" / "report.json"
    convert(JSON, tmp_path / "out", to_format="coco", report=report)
    assert json.loads(report.read_text())["images"] == 5


# ------------------------------------------------------------------ what is refused


def test_a_target_over_its_source_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    source = data / "a.json"
    source.write_bytes(JSON.read_bytes())
    before = tree(tmp_path)
    (tmp_path / "link").symlink_to(data)
    for target in (source, data, tmp_path, tmp_path / "link" / "a.json"):
        with pytest.raises(OutputError, match="overlaps_input"):
            convert(source, target, to_format="coco", overwrite=True)
    with pytest.raises(OutputError, match="overlaps_input"):
        convert(source, tmp_path / "new", to_format="coco", report=source, overwrite=True)
    (tmp_path / "link").unlink()
    assert tree(tmp_path) == before


def test_arguments_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    before = tree(tmp_path)
    target = tmp_path / "out"
    cases: list[tuple[str, dict[str, Any]]] = [
        ("image_files is 'all'", {"to_format": "coco", "image_files": "all"}),
        ("on_error is 'stop'", {"to_format": "coco", "on_error": "stop"}),
        ("yolo has no task 'x'", {"to_format": "yolo", "task": "x"}),
        ("does nothing here", {"to_format": "coco", "yolo_holes": "fill"}),
        ("is the target too", {"to_format": "coco", "report": target}),
        ("no file or folder|no such file", {"to_format": "coco", "images": tmp_path / "no"}),
        ("unknown format", {"to_format": "cocoo"}),
        ("does not say the format", {}),
        ("no split 'nope'", {"to_format": "coco", "subsets": ["nope"]}),
    ]
    for message, options in cases:
        with pytest.raises((UsageError, OutputError), match=message):
            convert(SAMPLE, target, **options)
        assert tree(tmp_path) == before


def test_a_source_without_splits_takes_one_name(toy: Toy, tmp_path: Path) -> None:
    source = tmp_path / "boxes_val2017.toy"
    source.write_text("toy")
    for subsets, name in (([], "val2017"), (["mine"], "mine")):
        convert(source, tmp_path / name, to_format="toy", subsets=subsets)
        assert toy.contexts[-1].subset == name
    with pytest.raises(UsageError, match="no splits, but 2"):
        convert(source, tmp_path / "x", to_format="toy", subsets=["a", "b"])
    convert(tmp_path / "a.toy", tmp_path / "y", to_format="toy")
    assert toy.contexts[-1].subset == "train"


@pytest.mark.parametrize(
    ("kinds", "task"),
    [
        ({"keypoints", "outline", "box"}, "pose"),
        ({"runs", "box"}, "segment"),
        ({"rotated", "outline"}, "segment"),
        ({"rotated", "box"}, "obb"),
        ({"box"}, "detect"),
        ({"other"}, "detect"),
        (set(), "detect"),
    ],
)
def test_the_richest_task_that_is_filled_is_chosen(kinds: set[str], task: str) -> None:
    class Reader:
        meta = Meta(format="made", labels=LabelTable())

        def kinds(self) -> set[str]:
            return kinds

    reader: Any = Reader()
    yolo = registry.find_format("yolo")
    assert choose_task(reader, yolo, None) == task
    assert choose_task(reader, yolo, "obb") == "obb"
    assert choose_task(reader, registry.find_format("coco"), None) is None
    voc = registry.find_format("voc")
    assert choose_task(reader, voc, None) in ("detect", "segment")


# ------------------------------------------------------------------ images


@pytest.mark.parametrize("how", ["copy", "link"])
def test_a_coco_folder_also_gets_the_images(tmp_path: Path, how: Any) -> None:
    report = convert(SAMPLE, tmp_path / "out", to_format="coco", image_files=how)
    found = {
        path.relative_to(tmp_path / "out" / "images").as_posix(): path.read_bytes()
        for path in (tmp_path / "out" / "images").rglob("*")
        if path.is_file()
    }
    names = [image["file_name"] for image in json.loads(JSON.read_bytes())["images"]]
    assert found == {name: (SAMPLE / "images" / name).read_bytes() for name in names}
    assert report.files == len(names) + 1
    again = Dataset.open(tmp_path / "out")
    assert again.reader.meta.images_root == tmp_path / "out" / "images"


def test_a_single_file_has_no_room_for_images(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'out\.json' is one file and has no room for images"):
        convert(SAMPLE, tmp_path / "out.json", image_files="link")
    with pytest.raises(UsageError, match="no room for images"):
        Dataset.open(SAMPLE).write(tmp_path / "out.json", image_files="copy")
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("to_format", ["yolo", "voc"])
def test_other_targets_get_the_images_too(tmp_path: Path, to_format: str) -> None:
    out = tmp_path / "out"
    convert(SAMPLE, out, to_format=to_format, on_error="skip", image_files="copy")
    found = {
        path.read_bytes()
        for path in out.rglob("*")
        if path.suffix in (".jpg", ".png") and "Segmentation" not in str(path)
    }
    assert found == {path.read_bytes() for path in (SAMPLE / "images").rglob("*") if path.is_file()}


# ------------------------------------------------------------------ fields


def _coco(folder: Path) -> Path:
    record = {
        "info": {"year": 2024},
        "licenses": [],
        "extra": [1],
        "images": [
            {"id": 7, "file_name": "a.png", "width": 9, "height": 9, "license": 1, "x": None},
            {"id": 8, "file_name": "b.png", "width": 9, "height": 9, "license": 1},
        ],
        "annotations": [
            {"id": 3, "image_id": 7, "category_id": 5, "bbox": [1, 1, 4, 4], "area": 16, "z": 1}
        ],
        "categories": [
            {"id": 5, "name": "cat", "supercategory": "pet", "synset": "cat.n.01"},
            {"id": 2, "name": "dog", "supercategory": ""},
        ],
    }
    path = folder / "a.json"
    path.write_text(json.dumps(record))
    return path


IMAGES = {"image.id": 2, "image.license": 2, "image.x": 1}
SECTIONS = {"section.info": 1, "section.extra": 1}


@pytest.mark.parametrize(
    ("to_format", "options", "due"),
    [
        ("coco", {}, {}),
        (
            "yolo",
            {},
            {**IMAGES, **SECTIONS, "category.supercategory": 1, "category.synset": 1}
            | {"id": 1, "area": 1, "z": 1},
        ),
        (
            "voc",
            {},
            {**IMAGES, **SECTIONS, "category.supercategory": 1, "category.synset": 1}
            | {"category.id": 2, "id": 1, "area": 1, "z": 1},
        ),
        (
            "coco",
            {"coco_task": "results"},
            {"image.license": 2, "image.x": 1, **SECTIONS}
            | {"category.supercategory": 1, "category.synset": 1},
        ),
    ],
)
def test_fields_without_a_place_are_counted_once(
    tmp_path: Path, to_format: str, options: dict[str, Any], due: dict[str, int]
) -> None:
    source = _coco(tmp_path)
    report = convert(source, tmp_path / "out", to_format=to_format, **options)
    found = dict(report.fields)
    if to_format == "coco":
        found = {key: count for key, count in found.items() if "." in key}
    assert found == due


def _kept(extra: frozenset[str]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(["license", "x", "id", "metadata", *extra]))


@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from(["license", "x", "width", "url"]), st.integers()),
            st.sampled_from(["record", "fields"]),
            st.none() | st.just({"a": 1}),
            st.none() | st.integers(),
        ),
        max_size=12,
    ),
    _kept(frozenset({"url"})) | st.just(frozenset({"*"})),
    st.integers(1, 5),
)
def test_fields_of_images_are_those_of_item_extra(
    rows: list[tuple[dict[str, int], str, Any, Any]], kept: frozenset[str], step: int
) -> None:
    items = []
    for values, kind, metadata, identifier in rows:
        item = Item(metadata=metadata, id=identifier)
        if kind == "record":
            item.record = msgspec.json.encode({"file_name": "a", **values})
        else:
            item.fields = values
        items.append(item)
    counter = ItemFields(kept)
    for start in range(0, len(items), step):
        counter.add(items[start : start + step])
    due: Counter[str] = Counter()
    for item in items:
        due.update(f"image.{key}" for key in item.extra if not {key, "*"} & kept)
        due["image.id"] += item.id is not None and not {"id", "*"} & kept
        due["image.metadata"] += bool(item.metadata) and "metadata" not in kept
    assert counter.lost() == +due


def test_records_with_odd_numbers_are_counted_too() -> None:
    counter = ItemFields(frozenset({"id"}))
    counter.add([Item(record=b'{"a": NaN}'), Item(record=b'{"a": 1, "b": 2}')])
    assert counter.lost() == {"image.a": 2, "image.b": 1}


def test_fields_of_classes_are_counted() -> None:
    table = LabelTable(
        [
            Label(name="a", id=3, parent="p", color=(1, 2, 3), keypoints=("k",)),
            Label(name="b", id=1, skeleton=((0, 1),), flip=(0,), record=b'{"name":"b","def":"x"}'),
        ]
    )
    names = ("id", "supercategory", "color", "keypoints", "skeleton", "flip", "def")
    counts = {name: 2 if name == "id" else 1 for name in names}
    assert count_label_fields(table, frozenset()) == {f"category.{k}": counts[k] for k in names}
    assert count_label_fields(table, frozenset(names)) == {}
    assert count_label_fields(table, frozenset({"*"})) == {}
    for first in (0, 1):
        counted = LabelTable([Label(name="a", id=first), Label(name="b", id=first + 1)])
        assert count_label_fields(counted, frozenset()) == {}


def test_sections_that_say_nothing_are_not_lost() -> None:
    sections = {"info": b"{ }", "licenses": b"[\n]", "images": b"", "x": b"null", "y": b"0"}
    meta = Meta(format="coco", labels=LabelTable(), sections=sections)
    assert count_sections(meta, frozenset()) == {"section.y": 1}
    meta.subset_sections = {"train": sections, "val": {"y": b"1", "z": b"[1]"}}
    assert count_sections(meta, frozenset({"z"})) == {"section.y": 2}
    assert count_sections(meta, frozenset({"*"})) == {}


# ------------------------------------------------------------------ whole runs


def test_coco_comes_back_value_for_value(tmp_path: Path) -> None:
    report = convert(JSON, tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_bytes()) == json.loads(JSON.read_bytes())
    assert report.lossless
    assert (report.source_format, report.target_format, report.task) == ("coco", "coco", None)
    assert report.seconds > 0


def test_the_same_run_gives_the_same_report_and_bytes(tmp_path: Path) -> None:
    reports = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        reports.append(convert(JSON, tmp_path / name / "out", to_format="voc", on_error="skip"))
        reports[-1].target = ""
    assert reports[0] == reports[1]
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_objects_and_files_are_written_by_the_same_way(tmp_path: Path) -> None:
    direct = convert(JSON, tmp_path / "direct", to_format="voc", on_error="skip")
    through = Dataset.open(JSON, on_error="skip").write(tmp_path / "through", format="voc")
    assert tree(tmp_path / "direct") == tree(tmp_path / "through")
    direct.target = through.target
    assert direct == through
