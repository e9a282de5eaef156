"""``dlgeom split`` and ``dlgeom merge``: every image once, the same each time, nothing lost."""

from __future__ import annotations

import json
import random
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dlgeom
from dlgeom.cli.run import run
from dlgeom.errors import FormatError, OutputError, UsageError
from dlgeom.operations import diff, merge, split
from dlgeom.operations.dividing import Unit, checked_parts, divide

SAMPLE = Path(dlgeom.__file__).parent / "sample" / "coco"
PARTS = {"train": 0.7, "val": 0.2, "test": 0.1}
Root = dict[str, Any]


def small(count: int = 30, first: int = 1, labels: tuple[str, ...] = ("cat", "dog")) -> Root:
    """Return a COCO file with a folder for each three images and two records an image."""
    images = [
        {"id": k, "file_name": f"f{k // 3}/{k}.jpg", "width": 64, "height": 48, "camera": k % 5}
        for k in range(first, first + count)
    ]
    annotations = [
        {
            "id": 2 * image["id"] + k,
            "image_id": image["id"],
            "category_id": 1 + (image["id"] + k) % len(labels),
            "bbox": [k, 2, 10, 12.5],
            "area": 125.0,
            "iscrowd": 0,
            "note": image["id"],
        }
        for image in images
        for k in range(2)
    ]
    categories = [{"id": k + 1, "name": name} for k, name in enumerate(labels)]
    return {"images": images, "annotations": annotations, "categories": categories}


def write(folder: Path, name: str, root: Root) -> Path:
    path = folder / name
    path.write_text(json.dumps(root), encoding="utf-8")
    return path


def places(path: Path, kind: str | None = None) -> dict[str | None, str | None]:
    with dlgeom.open_dataset(path, format=kind) as dataset:
        return {item.name: item.subset for item, _ in dataset}


# -- dividing ---------------------------------------------------------------------------------

units_drawn = st.lists(
    st.tuples(st.integers(1, 5), st.lists(st.sampled_from("abc"), unique=True)), max_size=40
)


def _units(drawn: list[tuple[int, list[str]]]) -> list[Unit]:
    units, number = [], 0
    for place, (size, labels) in enumerate(drawn):
        items = list(range(number, number + size))
        number += size
        units.append(Unit(f"u{place}", items, Counter(dict.fromkeys(labels, size))))
    return units


@given(units_drawn, st.integers(0, 5), st.booleans(), st.randoms())
def test_each_item_is_in_one_part_and_units_stay_whole_in_any_order(
    drawn: list[tuple[int, list[str]]], seed: int, stratify: bool, chance: random.Random
) -> None:
    units = _units(drawn)
    chosen = divide(units, PARTS, seed, stratify=stratify)
    assert sorted(chosen) == [k for unit in units for k in unit.items]
    assert all(len({chosen[k] for k in unit.items}) == 1 for unit in units)
    chance.shuffle(units)
    assert divide(units, PARTS, seed, stratify=stratify) == chosen


@given(st.integers(0, 200), st.integers(0, 9))
def test_parts_of_single_items_have_their_sizes(count: int, seed: int) -> None:
    units = [Unit(f"{k}", [k]) for k in range(count)]
    sizes = Counter(divide(units, PARTS, seed, stratify=False).values())
    assert all(abs(sizes[name] - share * count) < 1 for name, share in PARTS.items())


@given(st.integers(20, 200), st.integers(0, 9))
def test_each_label_has_its_share_in_each_part(count: int, seed: int) -> None:
    units = [Unit(f"{k}", [k], Counter("abc"[k % 3])) for k in range(count)]
    chosen = divide(units, PARTS, seed, stratify=True)
    for label in "abc":
        mine = [unit for unit in units if unit.labels[label]]
        found = Counter(chosen[unit.items[0]] for unit in mine)
        for name, share in PARTS.items():
            assert abs(found[name] - share * len(mine)) <= 2


def test_seeds_differ() -> None:
    units = [Unit(f"{k}", [k]) for k in range(100)]
    assert divide(units, PARTS, 0, stratify=False) != divide(units, PARTS, 1, stratify=False)


@pytest.mark.parametrize(
    ("parts", "match"),
    [
        ({}, "parts is empty"),
        ({"a": 0.5, "b": 0.4}, "add up to 0.9"),
        ({"a": -1, "b": 2}, "is -1"),
        ({"a": float("nan")}, "is nan"),
        ({"../a": 1.0}, "no name of a split"),
        ({"a/b": 1.0}, "no name of a split"),
        ({"a": 0.5, "A": 0.5}, "comes twice"),
    ],
)
def test_parts_that_make_no_whole_are_refused(parts: dict[str, float], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        checked_parts(parts)


def test_percents_are_shares() -> None:
    assert checked_parts({"a": 80, "b": 20}) == {"a": 0.8, "b": 0.2}


# -- split ------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["coco", "yolo", "voc", "dataloop", "cvat"])
def test_a_split_is_the_same_in_every_format_and_order(tmp_path: Path, to: str) -> None:
    root = small()
    source = write(tmp_path, "a.json", root)
    done = split(source, tmp_path / "one", PARTS, seed=3)
    assert done.images == {"train": 21, "val": 6, "test": 3}
    wanted = places(tmp_path / "one")
    random.Random(1).shuffle(root["images"])
    random.Random(1).shuffle(root["annotations"])
    other = write(tmp_path, "b.json", root)
    split(other, tmp_path / "two", PARTS, seed=3, to_format=to)
    assert places(tmp_path / "two", to) == wanted
    # And from that format again, over the splits that it has by now.
    split(tmp_path / "two", tmp_path / "three", PARTS, seed=3)
    assert places(tmp_path / "three", to) == wanted


def test_a_split_holds_what_the_source_has(tmp_path: Path) -> None:
    source = write(tmp_path, "a.json", small())
    done = split(source, tmp_path / "out", PARTS, stratify=True)
    assert (done.report.read, done.report.written) == (60, 60)
    assert diff(source, tmp_path / "out").equal
    files = [tmp_path / f"out/annotations/instances_{name}.json" for name in PARTS]
    report = merge(files, tmp_path / "again.json")
    assert (report.written, report.fields) == (60, {"image.subset": 30})
    assert diff(source, tmp_path / "again.json").equal
    for label, counts in done.labels.items():
        assert sum(counts.values()) == 30, label


@pytest.mark.parametrize("group", ["folder", "image.extra.camera"])
@pytest.mark.parametrize("stratify", [False, True])
def test_a_group_lies_in_one_part(tmp_path: Path, group: str, stratify: bool) -> None:
    root = small(60)
    source = write(tmp_path, "a.json", root)
    split(source, tmp_path / "out", PARTS, group=group, stratify=stratify)
    found: dict[Any, set[str | None]] = defaultdict(set)
    subsets = places(tmp_path / "out")
    for image in root["images"]:
        name = image["file_name"]
        found[name.split("/")[0] if group == "folder" else image["camera"]].add(subsets[name])
    assert all(len(names) == 1 for names in found.values())
    assert len(set(subsets.values())) > 1


def test_a_split_needs_room_and_a_known_field(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is one file"):
        split(SAMPLE, tmp_path / "x.json", PARTS)
    with pytest.raises(UsageError, match="field of annotations"):
        split(SAMPLE, tmp_path / "x", PARTS, group="label")
    with pytest.raises(UsageError, match="no field"):
        split(SAMPLE, tmp_path / "x", PARTS, group="image.camra")
    assert not (tmp_path / "x").exists()


def test_the_command_split(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = str(write(tmp_path, "a.json", small()))
    out = str(tmp_path / "out")
    assert run(["split", source, out, "--parts", "train=0.8,val=0.2", "--dry-run"]) == 0
    assert not Path(out).exists()
    assert run(["split", source, out, "--parts", "train=0.8,val=0.2", "--json"]) == 0
    text = capfd.readouterr().out
    assert json.loads(text[text.rindex("\n{") :])["parts"] == {"train": 24, "val": 6}
    assert run(["split", source, out, "--parts", "train=0.8,val=0.2"]) == 5
    assert run(["split", source, out + "2", "--parts", "train:0.8"]) == 2
    assert "NAME=SHARE" in capfd.readouterr().err


# -- merge ------------------------------------------------------------------------------------


@settings(max_examples=200)  # each reads and writes five files
@given(st.integers(0, 6), st.integers(0, 2**6 - 1), st.integers(0, 3))
def test_the_halves_of_a_file_merge_to_the_whole(count: int, picked: int, seed: int) -> None:
    root = small(count)
    halves = []
    for side in (0, 1):
        images = [im for k, im in enumerate(root["images"]) if (picked >> k) & 1 == side]
        ids = {image["id"] for image in images}
        rows = [one for one in root["annotations"] if one["image_id"] in ids]
        random.Random(seed).shuffle(rows)
        halves.append({**root, "images": images, "annotations": rows})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [write(folder, f"{k}.json", half) for k, half in enumerate(halves)]
        report = merge(paths, folder / "m.json")
        assert report.lossless
        assert diff(write(folder, "whole.json", root), folder / "m.json").equal


def test_labels_are_unified_and_ids_and_names_stay_unique(tmp_path: Path) -> None:
    a = write(tmp_path, "a.json", small(10))
    b = write(tmp_path, "b.json", small(10, labels=("dog", "cow", "cat")))
    report = merge([a, b], tmp_path / "m.json")
    assert report.codes["notice", "path.collision"].count == 10
    root = json.loads((tmp_path / "m.json").read_text())
    assert [one["name"] for one in root["categories"]] == ["cat", "dog", "cow"]
    for kind in ("images", "annotations", "categories"):
        ids = [one["id"] for one in root[kind]]
        assert len(set(ids)) == len(ids), kind
    names = {image["id"]: image["file_name"] for image in root["images"]}
    assert len({name.casefold() for name in names.values()}) == 20
    label = {one["id"]: one["name"] for one in root["categories"]}
    told = Counter(
        (names[one["image_id"]], label[one["category_id"]]) for one in root["annotations"]
    )
    for source, suffix in ((a, ""), (b, "_2")):
        given = json.loads(source.read_text())
        by_id = {one["id"]: one["name"] for one in given["categories"]}
        file = {one["id"]: one["file_name"] for one in given["images"]}
        for one in given["annotations"]:
            name = file[one["image_id"]].replace(".jpg", f"{suffix}.jpg")
            assert told[name, by_id[one["category_id"]]] >= 1
    assert all(one["note"] for one in root["annotations"])  # unknown fields are kept


def test_names_that_collide_can_be_an_error(tmp_path: Path) -> None:
    a, b = write(tmp_path, "a.json", small(4)), write(tmp_path, "b.json", small(4, first=4))
    with pytest.raises(FormatError, match=r"path\.collision"):
        merge([a, b], tmp_path / "m.json", collisions="error")
    assert not (tmp_path / "m.json").exists()
    c = write(tmp_path, "c.json", small(4, first=50))
    assert merge([a, c], tmp_path / "m.json", collisions="error").lossless


@pytest.mark.parametrize("to", ["coco", "yolo", "voc", "dataloop", "cvat"])
def test_sources_of_two_formats_merge_into_any(tmp_path: Path, to: str) -> None:
    a = write(tmp_path, "a.json", small(5))
    dlgeom.convert(write(tmp_path, "b.json", small(5, first=20)), tmp_path / "b", to_format="voc")
    report = merge([a, tmp_path / "b"], tmp_path / "out", to_format=to)
    assert (report.images, report.read, report.written) == (10, 20, 20)
    with dlgeom.open_dataset(tmp_path / "out", format=to) as dataset:
        counts = Counter(one.label for _, rows in dataset for one in rows)
    assert counts == {"cat": 10, "dog": 10}


def test_images_come_along_under_their_new_names(tmp_path: Path) -> None:
    report = merge(
        [SAMPLE, SAMPLE],
        tmp_path / "out",
        to_format="yolo",
        image_files="copy",
        on_error="skip",
        task="segment",
    )
    assert report.images == 10
    images = [path for path in (tmp_path / "out" / "images").rglob("*") if path.is_file()]
    assert len(images) == 10
    originals = Counter(p.read_bytes() for p in (SAMPLE / "images").rglob("*") if p.is_file())
    assert Counter(path.read_bytes() for path in images) == {
        data: 2 * count for data, count in originals.items()
    }


def test_a_merge_takes_two_and_is_no_source(tmp_path: Path) -> None:
    a = write(tmp_path, "a.json", small(1))
    b = write(tmp_path, "b.json", small(1, first=9))
    with pytest.raises(UsageError, match="two sources"):
        merge([a], tmp_path / "m.json")
    with pytest.raises(OutputError, match="inputs are never changed"):
        merge([a, b], b, overwrite=True)
    assert run(["merge", str(a), str(b), str(tmp_path / "m.json"), "-q"]) == 0
    assert run(["merge", str(a), str(tmp_path / "n.json")]) == 2


def test_real_data_sets_merge_and_split(shared_data: Path, tmp_path: Path) -> None:
    sources = [shared_data / "voc/voc100", shared_data / "coco/lvis_val_100/lvis_val_100.json"]
    report = merge(sources, tmp_path / "m.json", to_format="coco", on_error="skip")
    assert report.images == 200
    assert report.read == report.written == 273 + 977
    done = split(tmp_path / "m.json", tmp_path / "s", PARTS, stratify=True, on_error="skip")
    assert sum(done.images.values()) == 200
    assert diff(tmp_path / "m.json", tmp_path / "s").equal
