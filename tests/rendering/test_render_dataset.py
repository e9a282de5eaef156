"""A picture for each item: what each holds, that it is the same in parallel, what is told."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import dlgeom as dl
from dlgeom.cli.run import run
from dlgeom.render import label_ids, panoptic
from dlgeom.rendering import KINDS, render_dataset, render_video
from dlgeom.rendering.sheet import ContactSheet
from dlgeom.video import Keyframe, Track, Video, VideoWriter

SAMPLE = Path(dl.__file__).parent / "sample" / "coco"


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def read(path: Path) -> np.ndarray:
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    return pixels


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_are_the_same_in_parallel(tmp_path: Path, kind: str) -> None:
    render_dataset(SAMPLE, tmp_path / "a", kind=kind, sheet=True)
    with ThreadPoolExecutor(3) as executor:
        render_dataset(SAMPLE, tmp_path / "b", kind=kind, sheet=True, executor=executor)
    first = tree(tmp_path / "a")
    assert first == tree(tmp_path / "b")
    assert {"contact-sheet.png", "street/0001.png", "empty.png"} <= set(first)


def test_processes_draw_the_same(tmp_path: Path) -> None:
    render_dataset(SAMPLE, tmp_path / "a", kind="instance")
    report = render_dataset(SAMPLE, tmp_path / "b", kind="instance", workers=2)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert (report.images, report.written, report.dropped) == (5, 6, 0)
    report.check()


def test_ids_of_labels_are_the_same_in_all_pictures(tmp_path: Path) -> None:
    render_dataset(SAMPLE, tmp_path / "out", kind="instance")
    ids = json.loads((tmp_path / "out" / "labels.json").read_text("utf-8"))
    assert ids.pop("$default") == 0
    assert list(ids.values()) == list(range(1, len(ids) + 1))
    assert list(ids) == sorted(ids)
    for item, annotations in dl.Dataset.open(SAMPLE):
        if item.name in ("sign.jpg", None):
            continue
        found = read(tmp_path / "out" / str(item.name))
        assert np.array_equal(found, label_ids(annotations, ids))


def test_panoptic_pictures_have_their_segments(tmp_path: Path) -> None:
    render_dataset(SAMPLE, tmp_path / "out", kind="panoptic")
    whole = json.loads((tmp_path / "out" / "panoptic.json").read_text("utf-8"))
    ids = {entry["name"]: entry["id"] for entry in whole["categories"]}
    assert len(whole["images"]) == len(whole["annotations"]) == 5
    for item, annotations in dl.Dataset.open(SAMPLE):
        [entry] = [one for one in whole["annotations"] if one["image_id"] == item.id]
        wanted = panoptic(annotations, ids)
        assert entry["segments_info"] == wanted.segments_info
        pixels = read(tmp_path / "out" / entry["file_name"])[:, :, ::-1]
        assert np.array_equal(pixels, wanted.rgb)


def one_item(folder: Path, name: str = "a.png", **fields: Any) -> Path:
    item = dl.Item(name=name, width=40, height=30, **fields)
    collection = dl.AnnotationCollection(item)
    collection.add(dl.Box(5, 5, 20, 20, "cat"), object_id=300)
    collection.add(dl.Box(15, 5, 30, 20, "dog"))
    path = folder / "set"
    dl.Dataset.from_pairs([(item, collection)]).write(path, format="dataloop")
    return path


def test_objects_without_an_id_are_left_out_and_told(tmp_path: Path) -> None:
    source = one_item(tmp_path)
    report = render_dataset(source, tmp_path / "out", kind="object-id", from_format="dataloop")
    assert (report.written, report.dropped) == (1, 1)
    pixels = read(tmp_path / "out" / "a.png")
    assert pixels.dtype == np.uint16
    assert set(np.unique(pixels).tolist()) == {0, 300}
    assert any(code == "value.invalid" for _, code in report.codes)


def test_without_its_image_an_item_is_drawn_on_gray(tmp_path: Path) -> None:
    source = one_item(tmp_path)
    report = render_dataset(
        source, tmp_path / "out", from_format="dataloop", alpha=0, with_text=False
    )
    pixels = read(tmp_path / "out" / "a.png")
    assert pixels.shape == (30, 40, 3)
    assert (pixels[0] == 128).all()
    assert ("warning", "image.unreadable") in report.codes
    with pytest.raises(dl.FormatError, match="image"):
        render_dataset(source, tmp_path / "strict", from_format="dataloop", on_error="raise")


def test_an_image_of_another_size_costs_its_item(tmp_path: Path) -> None:
    source = one_item(tmp_path)
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.zeros((10, 10, 3), np.uint8))
    report = render_dataset(
        source, tmp_path / "out", from_format="dataloop", images=tmp_path / "images"
    )
    assert (report.written, report.dropped) == (0, 2)
    assert not (tmp_path / "out" / "a.png").exists()
    assert report.exit_code() == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"kind": "masks"},
        {"kind": "instance", "ext": "jpg"},
        {"kind": "mask", "ext": "bmp"},
        {"ext": "docx"},
        {"workers": 0},
    ],
    ids=str,
)
def test_wrong_arguments_are_told(tmp_path: Path, arguments: dict[str, Any]) -> None:
    with pytest.raises(dl.UsageError):
        render_dataset(SAMPLE, tmp_path / "out", **arguments)
    assert not (tmp_path / "out").exists()


def test_the_command_draws_and_keeps_what_is_there(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["render", str(SAMPLE), str(out), "--kind", "mask", "--sheet"]) == 0
    assert "5 items" in capfd.readouterr().out
    assert read(out / "street" / "0001.png").shape[2] == 4
    assert run(["render", str(SAMPLE), str(out), "--kind", "mask"]) == 5
    assert run(["render", str(SAMPLE), str(out), "--kind", "mask", "--overwrite", "-q"]) == 0
    assert run(["render", str(SAMPLE), str(out), "--kind", "mesk"]) == 2
    assert "mask" in capfd.readouterr().err
    assert run(["render", str(SAMPLE), str(tmp_path / "j"), "--ext", "jpg", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["images"] == 5
    assert (tmp_path / "j" / "sign.jpg").read_bytes().startswith(b"\xff\xd8")


def test_contact_sheets_have_pages() -> None:
    sheet = ContactSheet()
    pages = [sheet.add(np.zeros((50, 200, 3), np.uint8), f"folder/{k}.jpg" * 9) for k in range(97)]
    assert [k for k, page in enumerate(pages) if page is not None] == [95]
    assert sheet.page() is not None
    assert sheet.page() is None
    assert sheet.pages == 2


# ------------------------------------------------------------------ videos


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    pytest.importorskip("av")
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, fps=10) as writer:
        for _ in range(12):
            writer.write(np.full((48, 64, 3), 90, dtype=np.uint8))
    return path


def moving() -> dl.AnnotationCollection:
    item = dl.Item(name="clip.mp4", width=64, height=48, media="video", fps=10)
    track = Track(
        (Keyframe(2, dl.Box(0, 10, 10, 30, "car")), Keyframe(9, dl.Box(35, 10, 45, 30, "car"))),
        object_id="5",
    )
    return dl.AnnotationCollection(item, [track.to_annotation()])


def test_a_video_of_ids_has_each_frame_exactly(clip: Path, tmp_path: Path) -> None:
    out = render_video(clip, moving(), tmp_path / "ids.mkv", kind="object-id")
    with Video(out) as video, Video(clip) as source:
        assert len(video) == len(source) == 12
        assert [video.times.time(k) for k in range(12)] == [source.times.time(k) for k in range(12)]
        for frame, picture in enumerate(video):
            wanted = np.zeros((48, 64), dtype=np.uint8)
            if 2 <= frame <= 9:
                left = 5 * (frame - 2)
                wanted[10:30, left : left + 10] = 5
            assert np.array_equal(picture[:, :, 0], wanted), frame
    with pytest.raises(dl.UsageError, match="lossless"):
        render_video(clip, moving(), tmp_path / "ids.mp4", kind="object-id")


def test_an_overlay_follows_the_thing(clip: Path, tmp_path: Path) -> None:
    out = render_video(clip, moving(), tmp_path / "seen.mp4")
    with Video(out) as video:
        changed = [np.abs(picture.astype(int) - 90).max(axis=2) > 60 for picture in video]
    assert not changed[0].any()
    assert not changed[11].any()
    columns = [np.flatnonzero(one[25]) for one in changed]
    assert columns[2].min() < 4
    assert columns[9].min() > 30


def test_a_data_set_of_videos_becomes_videos(clip: Path, tmp_path: Path) -> None:
    collection = moving()
    source = tmp_path / "set"
    dl.Dataset.from_pairs([(collection.item, collection)]).write(source, format="dataloop")
    report = render_dataset(
        source, tmp_path / "out", images=clip.parent, from_format="dataloop", on_error="raise"
    )
    assert report.written == 1
    with Video(tmp_path / "out" / "clip.mp4") as video:
        assert len(video) == 12
    missing = render_dataset(source, tmp_path / "none", images=source, from_format="dataloop")
    assert missing.dropped == 1


def test_an_annotated_video_is_downloaded(clip: Path, tmp_path: Path) -> None:
    collection = moving()
    path = collection.download(
        tmp_path / "seen", img_filepath=clip, annotation_format="img_mask", thickness=-1
    )
    assert path.endswith(".mp4")
    with Video(path) as video:
        assert len(video) == 12
        assert np.abs(video[4][20, 14].astype(int) - 90).max() > 60
        assert np.abs(video[4][20, 40].astype(int) - 90).max() < 10
    ids = collection.download(
        tmp_path / "ids", img_filepath=clip, annotation_format="object_id", thickness=-1
    )
    with Video(ids) as video:
        assert set(np.unique(video[4]).tolist()) == {0, 5}
