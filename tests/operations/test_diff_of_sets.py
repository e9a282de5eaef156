"""``dlgeom diff`` finds each difference that was planted, and nothing else."""

from __future__ import annotations

import copy
import gzip
import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dlgeom
from dlgeom.cli.run import run
from dlgeom.errors import UsageError
from dlgeom.operations import diff

SAMPLE = Path(dlgeom.__file__).parent / "sample" / "coco"
Root = dict[str, Any]


def base() -> Root:
    """Return a data set with neighbours that overlap, equal shapes, and all kinds of records."""
    ring = [10.0, 10.0, 60.0, 12.0, 55.0, 70.0, 12.0, 64.0]
    keypoints = [20, 20, 2, 30, 22, 1, 0, 0, 0]
    images = [
        {"id": k, "file_name": name, "width": 200, "height": 100, "license": 1}
        for k, name in ((1, "a/one.jpg"), (2, "a/two.jpg"), (7, "b/one.jpg"), (9, "none.png"))
    ]
    annotations: list[dict[str, Any]] = []
    for image in (1, 2, 7):
        shapes: list[dict[str, Any]] = [
            {"bbox": [10, 10, 50, 60], "segmentation": [ring], "area": 2700.5},
            {"bbox": [14, 12, 50, 60], "area": 3000.0},
            {"bbox": [14, 12, 50, 60], "area": 3000.0, "score": 0.25},
            {"bbox": [120, 5, 40, 40], "area": 1600.0, "attributes": {"color": "red"}},
            {"bbox": [5, 5, 40, 40], "area": 1600.0, "keypoints": keypoints, "num_keypoints": 2},
            {
                "bbox": [0, 0, 200, 100],
                "area": 20000,
                "iscrowd": 1,
                "segmentation": {"size": [100, 200], "counts": [0, 20000]},
            },
        ]
        for place, shape in enumerate(shapes):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": 3 if "keypoints" in shape else 1 + place % 2,
                    "iscrowd": 0,
                    **copy.deepcopy(shape),
                }
            )
    categories = [
        {"id": 1, "name": "cat", "supercategory": "animal"},
        {"id": 2, "name": "dog", "supercategory": "animal"},
        {"id": 3, "name": "man", "keypoints": ["l", "r", "n"], "skeleton": [[1, 2]]},
    ]
    info = {"year": 2026, "description": "ours"}
    return {"info": info, "images": images, "annotations": annotations, "categories": categories}


def moved(root: Root, k: int) -> set[str]:
    one = root["annotations"][k]
    if "keypoints" in one:
        one["keypoints"][0] += 3
    elif isinstance(one.get("segmentation"), dict):
        one["segmentation"]["counts"] = [0, 19000, 1000]
    elif "segmentation" in one:
        one["segmentation"][0][2] += 0.5
    else:
        one["bbox"][0] += 6
    return {"geometry"}


def far(root: Root, k: int) -> set[str]:
    one = root["annotations"][k]
    if "keypoints" in one or "segmentation" in one:
        one["bbox"] = [100, 50, 30, 20]
        return {"stored_bounds"}
    one["bbox"] = [80, 55, 9, 9]
    return {"geometry"}


def relabelled(root: Root, k: int) -> set[str]:
    one = root["annotations"][k]
    one["category_id"] = 2 if one["category_id"] == 1 else 1
    return {"label"}


def deleted(root: Root, k: int) -> set[str]:
    del root["annotations"][k]
    return {"missing"}


def added(root: Root, k: int) -> set[str]:
    one = copy.deepcopy(root["annotations"][k])
    one["id"] = 1000
    root["annotations"].insert(0, one)
    return {"added"}


def field(name: str, value: Any, expected: str) -> Callable[[Root, int], set[str]]:
    def put(root: Root, k: int) -> set[str]:
        root["annotations"][k][name] = value
        return {expected}

    put.__name__ = name
    return put


def crowd(root: Root, k: int) -> set[str]:
    one = root["annotations"][k]
    one["iscrowd"] = 1 - one["iscrowd"]
    return {"crowd"}


def image_size(root: Root, k: int) -> set[str]:
    root["images"][3]["height"] = 101
    return {"image.height"}


def image_field(root: Root, k: int) -> set[str]:
    root["images"][k % 4]["license"] = 2
    return {"image.extra"}


def image_gone(root: Root, k: int) -> set[str]:
    del root["images"][3]
    return {"image.missing"}


def image_more(root: Root, k: int) -> set[str]:
    root["images"].append({"id": 77, "file_name": "c/more.jpg", "width": 1, "height": 2})
    return {"image.added"}


def image_ending(root: Root, k: int) -> set[str]:
    root["images"][1]["file_name"] = "a/two.png"
    return {"image.name"}


def category_parent(root: Root, k: int) -> set[str]:
    root["categories"][0]["supercategory"] = "pet"
    return {"category.parent"}


def category_more(root: Root, k: int) -> set[str]:
    root["categories"].append({"id": 50, "name": "cow"})
    return {"category.added"}


def info(root: Root, k: int) -> set[str]:
    root["info"]["year"] = 2025
    return {"section.info"}


def nothing(root: Root, k: int) -> set[str]:
    return set()


MUTATIONS = [
    moved,
    far,
    relabelled,
    deleted,
    added,
    crowd,
    field("area", 123.25, "stored_area"),
    field("score", 0.75, "score"),
    field("note", "seen", "extra"),
    field("attributes", {"color": "blue"}, "attributes"),
    field("id", 5000, "id"),
    image_size,
    image_field,
    image_gone,
    image_more,
    image_ending,
    category_parent,
    category_more,
    info,
    nothing,
]


def write(folder: Path, name: str, root: Root) -> Path:
    path = folder / name
    path.write_text(json.dumps(root), encoding="utf-8")
    return path


def shuffled(root: Root, seed: int) -> Root:
    """Return the same data set in another order."""
    chance = random.Random(seed)
    for name in ("images", "annotations", "categories"):
        chance.shuffle(root[name])
    return root


@given(st.sampled_from(MUTATIONS), st.integers(0, 17), st.integers(0, 3), st.booleans())
def test_one_planted_difference_is_found_and_nothing_else(
    mutate: Callable[[Root, int], set[str]], k: int, seed: int, ids: bool
) -> None:
    one, two = base(), base()
    if mutate is crowd and isinstance(two["annotations"][k].get("segmentation"), list):
        mutate = nothing  # a crowd is no polygon
    expected = mutate(two, k)
    if not ids and mutate is not far:
        # New numbers for all: they belong together by what they are.
        for place, record in enumerate(reversed(two["annotations"])):
            record["id"] = place + 3
    ignore = () if ids else ("id",)
    with tempfile.TemporaryDirectory() as folder:
        a = write(Path(folder), "a.json", one)
        b = write(Path(folder), "b.json", shuffled(two, seed) if seed else two)
        found = diff(a, b, ignore=ignore)
        back = None if seed else diff(b, a, ignore=ignore)
    wanted = expected - ({"id"} if not ids else set())
    assert set(found.counts) == wanted, found.table()
    assert all(count == 1 for count in found.counts.values()), found.table()
    assert found.exit_code == (1 if wanted else 0)
    if back is None:
        return
    swap = {"missing": "added", "added": "missing"}
    turned = {".".join(swap.get(step, step) for step in name.split(".")) for name in wanted}
    assert set(back.counts) == turned


def test_a_moved_box_is_told_in_iou_and_pixels(tmp_path: Path) -> None:
    one, two = base(), base()
    two["annotations"][3]["bbox"][0] += 4
    found = diff(write(tmp_path, "a.json", one), write(tmp_path, "b.json", two))
    [entry] = found.differences
    assert entry.field == "geometry"
    assert (entry.item, entry.label, entry.a_id, entry.b_id) == ("a/one.jpg", "dog", 4, 4)
    assert entry.distance == pytest.approx(4)
    assert entry.iou == pytest.approx(36 / 44)
    assert entry.a_place == "a.json:annotations[3]"
    assert diff(tmp_path / "a.json", tmp_path / "b.json", atol=4.0).equal
    assert not diff(tmp_path / "a.json", tmp_path / "b.json", atol=3.9).equal


def test_several_planted_differences_are_counted_one_by_one(tmp_path: Path) -> None:
    one, two = base(), base()
    moved(two, 0)
    relabelled(two, 1)
    moved(two, 9)
    two["annotations"][15]["attributes"] = {"color": "blue"}
    del two["annotations"][11]
    found = diff(write(tmp_path, "a.json", one), write(tmp_path, "b.json", two))
    assert found.counts == {"geometry": 2, "label": 1, "attributes": 1, "missing": 1}
    assert found.images == (4, 4, 4)
    assert found.annotations == (18, 17, 17)


@pytest.mark.parametrize("to", ["coco", "yolo", "voc", "dataloop"])
def test_what_another_format_keeps_is_no_difference(tmp_path: Path, to: str) -> None:
    root = base()
    root["annotations"] = [
        one for one in root["annotations"] if "keypoints" not in one and not one["iscrowd"]
    ]
    for one in root["annotations"]:
        one.pop("segmentation", None)
        one.pop("score", None)
        one["area"] = one["bbox"][2] * one["bbox"][3]
    del root["categories"][2]
    source = write(tmp_path, "a.json", root)
    target = tmp_path / to
    dlgeom.convert(source, target, to_format=to, task=None if to != "yolo" else "detect")
    found = diff(source, target, ignore=["attributes", "image.name"])
    assert found.counts == {}, found.table()
    root["annotations"][2]["bbox"][1] += 2
    found = diff(write(tmp_path, "b.json", root), target, ignore=["attributes", "image.name"])
    assert found.counts.pop("geometry") == 1
    assert set(found.counts) <= {"stored_bounds"}, found.table()


def test_items_in_another_order_wait_for_their_partner(tmp_path: Path) -> None:
    one, two = base(), base()
    two["images"].reverse()
    two["annotations"].reverse()
    moved(two, 2)
    a, b = write(tmp_path, "a.json", one), write(tmp_path, "b.json", two)
    assert diff(a, b).to_dict()["counts"] == {"geometry": 1}


def test_the_command_prints_a_table_or_json(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    one, two = base(), base()
    two["annotations"][2]["score"] = 0.5
    a, b = str(write(tmp_path, "a.json", one)), str(write(tmp_path, "b.json", two))
    assert run(["diff", a, a]) == 0
    assert "no difference" in capfd.readouterr().out
    assert run(["diff", a, b]) == 1
    out = capfd.readouterr().out
    assert "score 1" in out
    assert "a/one.jpg annotation 3 (cat): 0.25, other 0.5 (off by 0.25)" in out
    assert run(["diff", a, b, "--ignore", "score"]) == 0
    capfd.readouterr()
    assert run(["diff", a, b, "--json"]) == 1
    found = json.loads(capfd.readouterr().out)
    assert found["counts"] == {"score": 1}
    assert found["differences"][0]["a_place"] == "a.json:annotations[2]"
    assert run(["diff", a, b, "--ignore", "scroe"]) == 2
    assert "Did you mean 'score'?" in capfd.readouterr().err
    assert run(["diff", a, str(tmp_path / "none.json")]) == 5


def test_a_bad_record_is_told_and_is_no_equality(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = base()
    root["annotations"][1]["bbox"] = [1, 2]
    path = str(write(tmp_path, "a.json", root))
    assert run(["diff", path, path]) == 1
    out = capfd.readouterr().out
    assert "geometry.bbox_arity" in out
    assert "no difference" in out
    assert run(["diff", path, path, "--strict"]) == 3


def test_cues_of_two_files_belong_together_by_text_and_time(tmp_path: Path) -> None:
    vtt, srt = tmp_path / "one.vtt", tmp_path / "two.srt"
    cues = ["00:01.000 --> 00:02.000\nhello", "00:03.000 --> 00:04.000\nworld"]
    vtt.write_text("WEBVTT\n\n" + "\n\n".join(cues) + "\n", encoding="utf-8")
    srt.write_text(
        "1\n00:00:01,000 --> 00:00:02,000\nhello\n\n2\n00:00:03,000 --> 00:00:04,500\nworld\n",
        encoding="utf-8",
    )
    found = diff(vtt, srt, ignore=["end_frame_num"])
    assert found.counts == {"end_time": 1}, found.table()
    assert found.annotations == (2, 2, 2)


def test_a_tolerance_that_is_no_distance_is_refused() -> None:
    with pytest.raises(UsageError, match="atol is -1"):
        diff(SAMPLE, SAMPLE, atol=-1)


def test_the_sample_is_itself_and_neither_side_is_changed(tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in SAMPLE.rglob("*") if path.is_file()}
    assert diff(SAMPLE, SAMPLE).equal
    assert {path: path.read_bytes() for path in SAMPLE.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "source",
    [
        "coco/lvis_val_100/lvis_val_100.json",
        "voc/voc100",
        "cvat/voc100",
        "platform/image/sheepface",
    ],
)
def test_real_data_sets_differ_from_a_copy_in_the_planted_places_only(
    shared_data: Path, source: str
) -> None:
    path = shared_data / source
    assert diff(path, path).counts == {}


def test_planted_differences_in_a_real_file(shared_data: Path, tmp_path: Path) -> None:
    raw = (shared_data / "coco/lvis_val_100/lvis_val_100.json").read_bytes()
    root = json.loads(raw)
    chance = random.Random(8)
    picked = chance.sample(range(len(root["annotations"])), 40)
    for k in picked[:10]:
        root["annotations"][k]["segmentation"][0][0] += 1.5
    for k in picked[10:20]:
        root["annotations"][k]["category_id"] = root["categories"][0]["id"]
    for k in picked[20:30]:
        root["annotations"][k]["area"] += 1
    for k in sorted(picked[30:], reverse=True):
        del root["annotations"][k]
    chance.shuffle(root["annotations"])
    chance.shuffle(root["images"])
    a, b = tmp_path / "a.json.gz", write(tmp_path, "b.json", root)
    a.write_bytes(gzip.compress(raw))
    found = diff(a, b)
    assert found.counts == {"geometry": 10, "label": 10, "stored_area": 10, "missing": 10}
    told = {entry.a_id for entry in found.differences}
    assert told == {json.loads(raw)["annotations"][k]["id"] for k in picked}
