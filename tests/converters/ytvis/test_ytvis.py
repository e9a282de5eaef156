"""YouTube-VIS: real and synthetic files there and back, other formats, and what is wrong."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dlgeom as dl
from dlgeom.converters import registry
from dlgeom.converters.coco.layout import looks_like
from dlgeom.converters.ytvis.recognise import recognise
from dlgeom.video import Keyframe, Track

SIZE = (40, 30)
LABELS = st.sampled_from(["person", "car", "my own", "Fußgänger"])


@st.composite
def shapes(draw: st.DrawFn, kind: str, label: str) -> dl.Definition:
    x, y = draw(st.integers(0, 20)), draw(st.integers(0, 15))
    w, h = draw(st.integers(1, 15)), draw(st.integers(1, 12))
    attributes = draw(st.none() | st.just({"occlusion": "slight"}) | st.just({"depth": 1.5}))
    if kind == "box":
        return dl.Box(x / 8, y, x / 8 + w, y + h, label, attributes)
    if kind == "mask":
        mask = np.zeros(SIZE[::-1], dtype=bool)
        mask[y : y + h, x : x + w] = True
        mask[y, x] = draw(st.booleans())
        return dl.Segmentation(mask, label, attributes)
    ring = np.array([(x, y), (x + w, y), (x + w, y + h)], dtype=float)
    parts = [[ring], [ring + 20.5]] if kind == "parts" else [[ring]]
    return dl.Polygon.from_parts(parts, label, attributes)


@st.composite
def films(draw: st.DrawFn) -> list[tuple[dl.Item, dl.AnnotationCollection]]:
    pairs = []
    for k in range(draw(st.integers(1, 2))):
        item = dl.Item(
            name=f"v{k}.mp4",
            width=SIZE[0],
            height=SIZE[1],
            media="video",
            fps=draw(st.none() | st.just(25.0)),
            frame_count=draw(st.none() | st.just(30)),
        )
        found = []
        for thing in range(draw(st.integers(0, 3))):
            kind = draw(st.sampled_from(["box", "polygon", "parts", "mask"]))
            label = draw(LABELS)
            frames = draw(st.lists(st.integers(0, 12), min_size=1, max_size=4, unique=True))
            keyframes = tuple(
                Keyframe(frame, draw(shapes(kind, label)), draw(st.booleans() | st.just(True)))
                for frame in frames
            )
            track = Track(keyframes, max(frames) + draw(st.integers(0, 3)), str(thing + 5))
            mode = draw(st.sampled_from(["hold", "linear", "approach"]))
            found.append(track.replace(mode=mode).to_annotation())
        pairs.append((item, dl.AnnotationCollection(item, found)))
    return pairs


def seen(pairs: Any, attributes: bool = True) -> dict[tuple[str, int, str], dl.Definition]:
    """Return what is seen of each object in each frame."""
    found = {}
    for item, annotations in pairs:
        for a in annotations:
            for frame, state in a.frames.items():
                if state.object_visible:
                    shape = state.annotation_definition
                    shape = shape if attributes else shape.replace(attributes=None)
                    found[item.name, frame, a.object_id] = shape
    return found


def same(one: Any, other: Any, atol: float = 1e-9, attributes: bool = True) -> None:
    first, second = seen(one, attributes), seen(other, attributes)
    assert first.keys() == second.keys()
    for key, shape in first.items():
        assert shape.is_close(second[key], atol=atol), (key, shape, second[key])


@given(films())
@settings(max_examples=150)
def test_what_is_written_is_read_again(pairs: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.json"
        report = dl.Dataset.from_pairs(pairs).write(target, format="ytvis")
        report.check()
        assert report.approximated == 0
        record = json.loads(target.read_text())
        frames = {video["id"]: video["length"] for video in record["videos"]}
        for entry in record["annotations"]:
            for key in ("segmentations", "bboxes", "areas"):
                assert len(entry[key]) == frames[entry["video_id"]]
        back = dl.Dataset.open(target, "ytvis")
        same(pairs, back)
        facts = {item.name: item for item, _ in pairs}
        for item, _ in back:
            known = facts[item.name]
            assert (item.width, item.height, item.fps) == (*SIZE, known.fps)
            assert item.frame_count is None or item.frame_count >= (known.frame_count or 0)
        again = Path(folder) / "again.json"
        back.write(again, format="ytvis")
        assert json.loads(again.read_text()) == record


@given(films())
@settings(max_examples=60)
def test_platform_json_on_the_way_keeps_what_is_seen(pairs: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        dl.Dataset.from_pairs(pairs).write(root / "a.json", format="ytvis")
        dl.Dataset.open(root / "a.json", "ytvis").write(root / "b", format="dataloop")
        report = dl.Dataset.open(root / "b", "dataloop").write(root / "c.json", format="ytvis")
        report.check()
        assert report.dropped == report.approximated == 0
        same(pairs, dl.Dataset.open(root / "c.json", "ytvis"))
        first = json.loads((root / "a.json").read_text())
        second = json.loads((root / "c.json").read_text())
        assert [video["length"] for video in first["videos"]] == [
            video["length"] for video in second["videos"]
        ]


def test_the_native_file_comes_back_value_for_value(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "video" / "youtube_vis" / "native_layout_synthetic.json"
    assert recognise(source) == 2
    assert looks_like(source) == 0
    assert registry.recognise(source).name == "ytvis"
    dataset = dl.Dataset.open(source)
    [(item, [car, train])] = dataset
    assert (item.name, item.id, item.width, item.height, item.frame_count) == (
        "0043f083b5",
        1,
        1280,
        720,
        4,
    )
    assert (car.label, car.object_id, car.type, car.end_frame) == ("car", "1", "binary", 3)
    assert [state.object_visible for state in car.frames.values()] == [True, True, False, True]
    assert car.frames[3].bounds == (112, 100, 162, 150)
    assert (train.start_frame, train.end_frame, train.frames[1].area) == (1, 2, 10_000)
    for name in ("out.json", "out.json.gz"):
        dataset.write(tmp_path / name, format="ytvis")
        data = (tmp_path / name).read_bytes()
        text = gzip.decompress(data) if name.endswith(".gz") else data
        assert json.loads(text) == json.loads(source.read_text())
        same(dataset, dl.Dataset.open(tmp_path / name))


@pytest.mark.parametrize(
    ("name", "video"),
    [("youtube_vis/cocovid_style_vis.json", "0043f083b5"), ("coco_vid/ann.json", "1")],
)
def test_the_layout_of_images_is_coco_and_joins_into_videos(
    shared_data: Path, tmp_path: Path, name: str, video: str
) -> None:
    source = shared_data / "video" / name
    assert recognise(source) == 0
    assert registry.recognise(source).name == "coco"
    raw = json.loads(source.read_text())
    dl.Dataset.open(source).write(tmp_path / "out.json", format="ytvis")
    found = json.loads((tmp_path / "out.json").read_text())
    assert len(found["videos"]) == len(raw["videos"])
    [(item, annotations)] = dl.Dataset.open(tmp_path / "out.json")
    assert item.name == video
    assert item.frame_count == 1 + max(image["frame_id"] for image in raw["images"])
    frames = {image["id"]: image["frame_id"] for image in raw["images"]}
    wanted = {(a["instance_id"], frames[a["image_id"]]) for a in raw["annotations"]}
    assert wanted == {
        (int(a.object_id or -1), frame)
        for a in annotations
        for frame, state in a.frames.items()
        if state.object_visible
    }


@pytest.mark.parametrize("name", ["MOT15_TUD-Campus_gt.txt", "MOT17-09_gt_excerpt.txt"])
def test_mot_there_and_back(shared_data: Path, tmp_path: Path, name: str) -> None:
    source = dl.Dataset.open(shared_data / "video" / "mot" / name)
    with pytest.raises(dl.FormatError, match="--ytvis-size"):
        source.write(tmp_path / "no.json", format="ytvis")
    report = source.write(tmp_path / "a.json", format="ytvis", ytvis_size="1920x1080")
    report.check()
    assert (report.dropped, report.approximated) == (0, 0)
    dl.Dataset.open(tmp_path / "a.json").write(tmp_path / "b", format="mot")
    same(source, dl.Dataset.open(tmp_path / "b"), 1e-6)


def test_platform_json_to_tracks(shared_data: Path, tmp_path: Path) -> None:
    source = dl.Dataset.open(shared_data / "video" / "platform" / "video_boxes.json", "dataloop")
    source.write(tmp_path / "a.json", format="ytvis")
    record = json.loads((tmp_path / "a.json").read_text())
    assert (record["videos"][0]["length"], len(record["annotations"])) == (125, 2)
    back = dl.Dataset.open(tmp_path / "a.json")
    same(source, back, 1e-9, attributes=False)


# ------------------------------------------------------------------ wrong files


def text_of(*tracks: Any, **changes: Any) -> str:
    whole: dict[str, Any] = {
        "videos": [{"id": 1, "width": 20, "height": 10, "length": 3, "file_names": ["a/0"] * 3}],
        "categories": [{"id": 7, "name": "cat"}],
        "annotations": list(tracks),
    }
    return json.dumps(whole | changes)


def track(**changes: Any) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": 1,
        "video_id": 1,
        "category_id": 7,
        "iscrowd": 0,
        "segmentations": [[[0, 0, 5, 0, 5, 5]], None, [[1, 0, 5, 0, 5, 5]]],
        "bboxes": [[0, 0, 5, 5], None, [1, 0, 4, 5]],
        "areas": [12.5, None, 10],
    }
    return {k: v for k, v in (record | changes).items() if v != "gone"}


NULLS = [None, None, None]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"segmentations": [None] * 2}, "video.frames"),
        ({"segmentations": []}, "video.frames"),
        ({"bboxes": [None] * 4}, "video.frames"),
        ({"areas": [1]}, "video.frames"),
        ({"segmentations": NULLS, "bboxes": NULLS}, "video.frames"),
        ({"segmentations": "gone", "bboxes": "gone"}, "schema.field"),
        ({"segmentations": {}}, "schema.type"),
        ({"bboxes": "text"}, "schema.type"),
        ({"video_id": 9}, "ref.image"),
        ({"video_id": "gone"}, "schema.field"),
        ({"video_id": True}, "type.id"),
        ({"video_id": [1]}, "type.id"),
        ({"category_id": 9}, "ref.category"),
        ({"category_id": "gone"}, "schema.field"),
        ({"category_id": True}, "type.id"),
        ({"score": "high"}, "type.number"),
    ],
)
def test_a_bad_record_costs_itself(tmp_path: Path, changes: Any, code: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text_of(track(id=5), track(**changes), track(id=6)))
    dataset = dl.Dataset.open(path, "ytvis", on_error="skip")
    [(_, found)] = dataset
    assert [one.id for one in found] == [5, 6]
    assert [(entry.code, entry.location) for entry in dataset.problems.entries] == [  # type: ignore[union-attr]
        (code, "annotations[1]")
    ]
    with pytest.raises(dl.FormatError) as error:
        list(dl.Dataset.open(path, "ytvis"))
    assert (error.value.code, error.value.location) == (code, "annotations[1]")


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"size": [10, 21], "counts": [210]}, "image.size_disagrees"),
        ({"size": [10, 20], "counts": [0, 5]}, "rle.invalid"),
        ({"size": [10, 20], "counts": "~~~"}, "rle.invalid"),
        ({"size": [10**9, 10**9], "counts": [1]}, "limit.pixels"),
        ({"counts": [200]}, "rle.invalid"),
        ([[0, 0, 1]], "polygon.odd"),
        ([[0, 0, 1, 1]], "polygon.too_few"),
        ([[0, 0, 1, 1, 2, 2]], "polygon.zero_area"),
        ([[0, 0, 1e9, 1, 2, 2]], "geometry.outside_image"),
        ("text", "schema.type"),
        (5, "schema.type"),
    ],
)
def test_a_bad_frame_costs_itself(tmp_path: Path, entry: Any, code: str) -> None:
    path = tmp_path / "a.json"
    good = [[0, 0, 5, 0, 5, 5]]
    path.write_text(text_of(track(segmentations=[good, entry, good])))
    dataset = dl.Dataset.open(path, "ytvis", on_error="skip")
    [(_, [one])] = dataset
    assert [state.object_visible for state in one.frames.values()] == [True, False, True]
    assert [e.code for e in dataset.problems.entries] == [code]  # type: ignore[union-attr]
    assert "frame 1" in dataset.problems.entries[0].message  # type: ignore[union-attr]
    with pytest.raises(dl.FormatError, match="frame 1"):
        list(dl.Dataset.open(path, "ytvis"))
    path.write_text(text_of(track(segmentations=[entry, None, None], bboxes="gone", areas="gone")))
    dataset = dl.Dataset.open(path, "ytvis", on_error="skip")
    [(_, found)] = dataset
    assert not len(found)


@pytest.mark.parametrize(
    ("box", "code"),
    [
        ([0, 0, 1], "geometry.bbox_arity"),
        ([0, 0, -1, 1], "geometry.bbox_size"),
        ([0, 0, 1e9, 1], "number.range"),
        ([0, 0, "1", 1], "type.number"),
        ([0, 0, True, 1], "type.number"),
        ({}, "geometry.bbox_arity"),
    ],
)
def test_a_bad_box_costs_its_frame(tmp_path: Path, box: Any, code: str) -> None:
    path = tmp_path / "a.json"
    record = track(segmentations=NULLS, bboxes=[[0, 0, 1, 1], box, None])
    path.write_text(text_of(record))
    dataset = dl.Dataset.open(path, "ytvis", on_error="skip")
    [(_, [one])] = dataset
    assert (one.type, one.end_frame) == ("box", 0)
    assert [e.code for e in dataset.problems.entries] == [code]  # type: ignore[union-attr]


def test_many_bad_frames_are_told_in_few_lines(tmp_path: Path) -> None:
    video = {"id": 1, "width": 20, "height": 10, "length": 1000}
    bad = [[[0, 0, 1]]] * 999 + [[[0, 0, 5, 0, 5, 5]]]
    path = tmp_path / "a.json"
    record = track(segmentations=bad, bboxes="gone", areas="gone")
    path.write_text(text_of(record, videos=[video]))
    dataset = dl.Dataset.open(path, "ytvis", on_error="skip")
    [(_, [one])] = dataset
    assert one.start_frame == 999
    assert len(dataset.problems.entries) == 4  # type: ignore[union-attr]
    assert "996 more" in dataset.problems.entries[3].message  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "file.empty"),
        ("5", "schema.root"),
        ("{}", "schema.field"),
        (text_of(videos={}), "schema.type"),
        (text_of(annotations=None), "schema.type"),
        (text_of(videos=[{"width": 5}]), "schema.field"),
        (text_of(videos=[{"id": True}]), "type.id"),
        (text_of(videos=[5]), "schema.type"),
        (text_of(videos=[{"id": 1, "width": 2}, {"id": 1, "width": 3}]), "ref.duplicate_id"),
        (text_of(categories=[{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]), "ref.duplicate_id"),
        ('{"videos": [], "videos": []}', "json.duplicate_key"),
        ('{"videos": [], "info": NaN}', "number.not_finite"),
        ('{"videos": [', "json.syntax"),
        ('{"videos": []} x', "json.syntax"),
        ('{"videos": [' + "[" * 100 + "]" * 100 + "]}", "limit.depth"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused(tmp_path: Path, text: str, code: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    for mode in ("raise", "skip"):
        with pytest.raises(dl.FormatError) as error:
            list(dl.Dataset.open(path, "ytvis", on_error=mode))
        assert error.value.code == code


def test_numbers_of_json_that_are_none_cost_the_record(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    good = json.dumps(track(id=2))
    for bad, code in [
        (good.replace("12.5", "NaN"), "number.not_finite"),
        (good.replace("12.5", "1e999"), "number.not_finite"),
        (good.replace('"id": 2', '"id": 2, "id": 3'), "json.duplicate_key"),
        (good.replace('"id": 2', '"id": 2, "x": "\\ud800"'), "encoding.invalid"),
    ]:
        path.write_text(text_of().replace('"annotations": []', f'"annotations": [{good},{bad}]'))
        dataset = dl.Dataset.open(path, "ytvis", on_error="skip")
        [(_, found)] = dataset
        assert len(found) == 1
        assert [e.code for e in dataset.problems.entries] == [code]  # type: ignore[union-attr]


def test_lengths_that_are_none_are_never_allocated(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for length in (10**15, -1, "3", True, 2.5):
        video = {"id": 1, "width": 20, "height": 10, "length": length}
        path.write_text(text_of(track(), videos=[video]))
        dataset = dl.Dataset.open(path, "ytvis", on_error="skip")
        [(item, [one])] = dataset
        assert (item.frame_count, one.end_frame) == (None, 2)
        assert [e.code for e in dataset.problems.entries] == ["value.range"]  # type: ignore[union-attr]


def test_doubtful_things_are_told_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    video = {"id": 1, "width": 20, "height": 10, "length": 3, "file_names": ["../../x/0"] * 2}
    path.write_text(text_of(track(), track(), videos=[video, video]))
    dataset = dl.Dataset.open(path, "ytvis", on_error="skip")
    [(item, found)] = dataset
    assert (item.name, len(found)) == ("video-1", 2)
    codes = sorted(entry.code for entry in dataset.problems.entries)  # type: ignore[union-attr]
    assert codes == ["path.escape", "record.duplicate", "ref.duplicate_id", "video.frames"]


@pytest.mark.parametrize("identifier", [{"a": 1}, [], True, 1.5])
def test_an_id_that_is_none_is_left_out(tmp_path: Path, identifier: Any) -> None:
    path = tmp_path / "a.json"
    path.write_text(text_of(track(id=identifier), track(id=1)))
    dataset = dl.Dataset.open(path, "ytvis", on_error="skip")
    [(_, [one, other])] = dataset
    assert (one.id, one.object_id, other.id) == (None, "1", 1)
    assert [e.code for e in dataset.problems.entries] == ["type.id"]  # type: ignore[union-attr]
    report = dataset.write(tmp_path / "b.json", format="ytvis")
    assert report.fields == {"id": 1}  # the number was given to the first one
    assert len({a["id"] for a in json.loads((tmp_path / "b.json").read_text())["annotations"]}) == 2


def test_nothing_is_a_file_too(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(text_of(videos=[]))
    for target in ("b.json", "c"):
        dl.Dataset.open(path, "ytvis").write(tmp_path / target, format="ytvis")
        assert not list(dl.Dataset.open(tmp_path / target, "ytvis"))


def test_kinds_of_geometry_in_one_record_are_one_record_again(tmp_path: Path) -> None:
    mask = {"size": [10, 20], "counts": [10, 5, 185]}
    record = track(
        segmentations=[mask, None, [[0, 0, 5, 0, 5, 5]]],
        bboxes=[[0, 0, 1, 5], [2, 2, 3, 3], [0, 0, 5, 5]],
        occlusion=["no", "some", None],
        areas="gone",
        mood="good",
    )
    path = tmp_path / "a.json"
    path.write_text(text_of(record))
    dataset = dl.Dataset.open(path, "ytvis")
    [(_, found)] = dataset
    assert [(a.type, a.start_frame, a.object_id) for a in found] == [
        ("binary", 0, "1"),
        ("box", 1, "1"),
        ("segment", 2, "1"),
    ]
    assert found[1].attributes == {"occlusion": "some"}
    assert found[0].extra == {"mood": "good"}
    dataset.write(tmp_path / "b.json", format="ytvis")
    assert json.loads((tmp_path / "b.json").read_text())["annotations"] == [record]
    # Also where nothing but what is seen is left of it.
    dataset.write(tmp_path / "c", format="dataloop")
    dl.Dataset.open(tmp_path / "c").write(tmp_path / "d.json", format="ytvis")
    [made] = json.loads((tmp_path / "d.json").read_text())["annotations"]
    assert made["bboxes"] == [[1, 0, 1, 5], [2, 2, 3, 3], [0, 0, 5, 5]]
    assert (made["occlusion"], made["mood"]) == (["no", "some", None], "good")
    assert made["segmentations"][1] == []


def test_a_changed_record_is_made_anew_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(text_of(track(areas=[1, None, 2]), track(id=2, areas=[1, None, 2])))
    [(item, found)] = dl.Dataset.open(path, "ytvis")
    found = list(found)
    found[1].set_frame(0)
    found[1].annotation_definition = dl.Polygon([[(0, 0), (8, 0), (8, 8)]], "cat")
    data = dl.Dataset.from_pairs([(item, dl.AnnotationCollection(item, found))])
    data.write(tmp_path / "b.json", format="ytvis")
    first, second = json.loads((tmp_path / "b.json").read_text())["annotations"]
    assert first["areas"] == [1, None, 2]
    assert second["areas"] == [32, None, 10]


def test_lists_over_frames_hold_anything(tmp_path: Path) -> None:
    values = [{"a": [1, {"b": None}]}, "text", [True, 2.5]]
    record = track(occlusion=values, other=[1, 2], deep=[[], None, {}])
    path = tmp_path / "a.json"
    path.write_text(text_of(record))
    dataset = dl.Dataset.open(path, "ytvis")
    [(item, found)] = dataset
    assert found[0].frames[2].attributes == {"occlusion": [True, 2.5], "deep": {}}
    assert found[0].extra == {"other": [1, 2]}
    dataset.write(tmp_path / "b.json", format="ytvis")
    assert json.loads((tmp_path / "b.json").read_text())["annotations"] == [record]
    fresh = [one.copy() for one in found]
    fresh[0].record = None
    data = dl.Dataset.from_pairs([(item, dl.AnnotationCollection(item, fresh))])
    data.write(tmp_path / "c.json", format="ytvis")
    [made] = json.loads((tmp_path / "c.json").read_text())["annotations"]
    assert (made["occlusion"], made["deep"]) == ([values[0], None, values[2]], [[], None, {}])


def test_attributes_of_two_kinds_and_types_that_change(tmp_path: Path) -> None:
    listed = dl.Box(0, 0, 1, 1, "cat", ["old"])
    named = dl.Box(0, 0, 2, 1, "cat", {"k": 1})
    with pytest.warns(UserWarning, match="between types"):
        mixed = Track(
            (Keyframe(0, named), Keyframe(2, dl.Polygon([[(0, 0), (5, 0), (5, 5)]], "cat"))), 3, "2"
        )
    ways = [Track((Keyframe(0, listed), Keyframe(2, named)), 3, "1"), mixed]
    report = film(*(way.to_annotation() for way in ways)).write(tmp_path / "a.json", format="ytvis")
    report.check()
    first, second = json.loads((tmp_path / "a.json").read_text())["annotations"]
    assert first["k"] == [None, None, 1, 1]
    assert [bool(entry) for entry in second["segmentations"]] == [False, False, True, True]


def test_results_are_read_and_written(tmp_path: Path) -> None:
    mask = {"size": [10, 20], "counts": [10, 5, 185]}
    result = [
        {"video_id": 1, "category_id": 7, "score": 0.5, "segmentations": [mask, None, mask]},
        {"video_id": 1, "category_id": 7, "score": 0.25, "segmentations": [None, mask, None]},
    ]
    path, truth = tmp_path / "results.json", tmp_path / "truth.json"
    path.write_text(json.dumps(result))
    truth.write_text(text_of(track()))
    assert registry.recognise(path).name == "ytvis"
    [(item, found)] = dl.Dataset.open(path)
    assert (item.width, item.height, item.frame_count, found[0].label) == (20, 10, 3, "7")
    assert [one.score for one in found] == [0.5, 0.25]
    dataset = dl.Dataset.open(path, ground_truth=truth)
    [(item, found)] = dataset
    assert (item.name, found[0].label) == ("a", "cat")
    dataset.write(tmp_path / "out.json", format="ytvis")
    assert json.loads((tmp_path / "out.json").read_text()) == result
    dl.Dataset.open(truth).write(tmp_path / "r.json", format="ytvis", ytvis_kind="results")
    [made] = json.loads((tmp_path / "r.json").read_text())
    assert set(made) == {"video_id", "category_id", "score", "segmentations"}
    with pytest.raises(dl.FormatError, match="ground-truth"):
        list(dl.Dataset.open(path, ground_truth=path))


def test_splits_are_files_of_their_own(tmp_path: Path) -> None:
    pairs = []
    for subset in ("train", "val"):
        item = dl.Item(name=f"{subset}.mp4", width=9, height=9, media="video", subset=subset)
        one = Track((Keyframe(0, dl.Box(0, 0, 1, 1, "cat")),), 2, "3").to_annotation()
        pairs.append((item, dl.AnnotationCollection(item, [one])))
    dl.Dataset.from_pairs(pairs).write(tmp_path / "out", format="ytvis")
    files = sorted(path.name for path in (tmp_path / "out" / "annotations").iterdir())
    assert files == ["train.json", "val.json"]
    assert registry.recognise(tmp_path / "out").name == "ytvis"
    assert [item.subset for item, _ in dl.Dataset.open(tmp_path / "out")] == ["train", "val"]
    [(item, _)] = dl.Dataset.open(tmp_path / "out", subsets=["val"])
    assert item.name == "val.mp4"


def film(*annotations: dl.Annotation, **facts: Any) -> dl.Dataset:
    item = dl.Item(**{"name": "v.mp4", "width": 40, "height": 30, "media": "video", **facts})
    return dl.Dataset.from_pairs([(item, dl.AnnotationCollection(item, annotations))])


def test_what_records_cannot_hold_is_told(tmp_path: Path) -> None:
    def one(*shapes: dl.Definition, visible: bool = True) -> dl.Annotation:
        keys = tuple(Keyframe(k, shape, visible) for k, shape in enumerate(shapes))
        return Track(keys, object_id="5").to_annotation()

    square = np.array([(0, 0), (9, 0), (9, 9), (0, 9)], dtype=float)
    ring = dl.Polygon([square * 3, square + 3], "cat")
    flat = dl.Polygon([[(0, 0), (5, 5), (9, 9)]], "cat")
    report = film(
        dl.Annotation(dl.Subtitle("hello", "Bob"), start_time=0.0, end_time=1.0),
        one(dl.Ellipse(9, 9, 4, 2, 0, "cat")),
        one(dl.Box(9, 9, 20, 12, "cat", angle=30)),
        one(dl.Box(0, 0, 1, 1, "cat"), visible=False),
        one(dl.Box(0, 0, 1e7, 1, "cat")),
        one(dl.Box(0, 0, 1, 1)),
        one(ring),
        one(dl.Point(3, 4, "cat")),
        one(dl.Polygon([square], "cat"), flat),
        one(flat),
        one(dl.Segmentation(np.ones((5, 5), dtype=bool), "cat")),
        one(dl.Box(0, 0, 1, 1, "cat"), dl.Box(0, 0, 1, 1, "dog")),
    ).write(tmp_path / "out.json", format="ytvis")
    report.check()
    assert {key: kind.count for key, kind in report.codes.items()} == {
        ("dropped", "shape.no_box"): 1,
        ("dropped", "video.hidden"): 1,
        ("dropped", "value.range"): 1,
        ("dropped", "ref.category"): 1,
        ("dropped", "polygon.zero_area"): 1,
        ("dropped", "mask.size"): 1,
        ("approximated", "geometry.to_polygon"): 2,
        ("approximated", "geometry.to_mask"): 1,
        ("approximated", "geometry.to_box"): 1,
        ("approximated", "polygon.zero_area"): 1,
        ("approximated", "label.changes"): 1,
    }
    list(dl.Dataset.open(tmp_path / "out.json"))
    report = film(one(dl.Box(0, 0, 1, 1, "cat"))).write(
        tmp_path / "r.json", format="ytvis", ytvis_kind="results"
    )
    assert list(report.codes) == [("approximated", "geometry.box_only")]


def test_long_tracks_are_written_without_copies_of_frames(tmp_path: Path) -> None:
    ends = (Keyframe(0, dl.Box(0, 0, 1, 1, "car")), Keyframe(20_000, dl.Box(9, 0, 10, 1, "car")))
    film(Track(ends, 20_004, "1").to_annotation()).write(tmp_path / "a.json", format="ytvis")
    [(item, [one])] = dl.Dataset.open(tmp_path / "a.json")
    assert (item.frame_count, one.end_frame, one.frames[10_000].left) == (20_005, 20_004, 4.5)


def test_a_target_named_json_is_coco_unless_told(tmp_path: Path) -> None:
    assert registry.target_format(Path("x.json")).name == "coco"
