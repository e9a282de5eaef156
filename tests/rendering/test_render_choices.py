"""Options of a run are checked before any item; panoptic pictures keep the source's categories."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import dlgeom as dl
from dlgeom.cli.run import run
from dlgeom.render import instance_ids, object_ids, overlay, panoptic
from dlgeom.rendering import render_dataset, render_video
from dlgeom.rendering.one import Style
from dlgeom.video import Video, VideoWriter

SAMPLE = Path(dl.__file__).parent / "sample" / "coco"


@pytest.mark.parametrize(
    "arguments",
    [
        {"thickness": 0},
        {"thickness": 2.5},
        {"boundary": -3},
        {"boundary": -3, "kind": "instance"},
        {"trail": -1},
        {"alpha": 2},
        {"color_by": "lable"},
        {"order": "aera"},
        {"rule": "quick", "kind": "instance"},
        {"legend": True, "color_by": "instance"},
    ],
    ids=str,
)
def test_an_option_that_draws_nothing_costs_no_item(
    tmp_path: Path, arguments: dict[str, Any]
) -> None:
    with pytest.raises(dl.UsageError):
        render_dataset(SAMPLE, tmp_path / "out", **arguments)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "words", [["--boundary", "-3"], ["--trail", "-1"], ["--workers", "0"], ["--thickness", "0"]]
)
def test_the_command_refuses_numbers_out_of_range(tmp_path: Path, words: list[str]) -> None:
    assert run(["render", str(SAMPLE), str(tmp_path / "out"), *words]) == 2


def test_a_function_may_say_the_order(tmp_path: Path) -> None:
    order: Any = lambda one: {"car": 1}.get(one.label, 0)  # noqa: E731
    report = render_dataset(SAMPLE, tmp_path / "out", kind="instance", order=order)
    assert report.dropped == 0


def test_trails_are_whole_numbers_from_0() -> None:
    image = np.zeros((9, 9, 3), dtype=np.uint8)
    for trail in (-1, "3", 1.5, True):
        with pytest.raises(dl.UsageError, match="trail"):
            overlay(image, [dl.Box(1, 1, 5, 5, "a")], trail=trail)  # type: ignore[arg-type]


@pytest.mark.parametrize("alpha", [400, -1, None])
def test_the_fourth_number_of_a_colour_is_checked(alpha: object) -> None:
    with pytest.raises(dl.UsageError, match="alpha of color"):
        dl.Box(1, 1, 5, 5, "a").show(width=9, height=9, color=(1, 2, 3, alpha))


def test_what_lies_outside_writes_nothing() -> None:
    shown = dl.Box(300, 300, 400, 400, "far").show(width=60, height=40, with_text=True)
    assert not shown.any()
    assert dl.Box(30, 30, 400, 400, "near").show(width=60, height=40, with_text=True).any()


def test_void_is_nobodys_id() -> None:
    boxes = [
        dl.Box(k % 20 * 10, k // 20 * 10, k % 20 * 10 + 9, k // 20 * 10 + 9) for k in range(260)
    ]
    with pytest.raises(dl.UsageError, match="void"):
        instance_ids(boxes, width=200, height=130, boundary=1)
    found = instance_ids(boxes, width=200, height=130, boundary=1, void=999)
    assert found.max() == 999
    builder = dl.Item(width=9, height=9).annotations.builder()
    builder.add(dl.Box(1, 1, 8, 8, "a"), object_id=255)
    with pytest.raises(dl.UsageError, match="void"):
        object_ids(builder, boundary=1)
    assert object_ids(builder, boundary=1, void=7)[4, 4] == 255


def test_void_of_panoptic_pictures_is_no_segment() -> None:
    builder = dl.Item(width=20, height=20).annotations.builder()
    builder.add(dl.Box(2, 2, 12, 12, "a"))
    found = panoptic(builder, {"a": 1}, boundary=2)
    assert set(np.unique(found.ids).tolist()) == {0, found.segments_info[0]["id"]}
    assert found.segments_info[0]["area"] == np.count_nonzero(found.ids)


def test_panoptic_pictures_keep_the_categories_of_the_source(tmp_path: Path) -> None:
    square = [[1, 1, 9, 1, 9, 9, 1, 9]]
    rle = {"size": [10, 10], "counts": [0, 100]}
    records = [
        {"id": 7, "image_id": 3, "category_id": 90, "iscrowd": 0, "segmentation": square},
        {"id": 5, "image_id": 3, "category_id": 17, "iscrowd": 1, "segmentation": rle},
    ]
    categories = [
        {"id": 90, "name": "apple", "isthing": 0, "supercategory": "fruit", "color": [1, 2, 3]},
        {"id": 17, "name": "bear", "isthing": 1},
    ]
    (tmp_path / "set.json").write_text(
        json.dumps(
            {
                "images": [{"id": 3, "file_name": "a.png", "width": 10, "height": 10}],
                "annotations": [{**one, "bbox": [1, 1, 8, 8], "area": 64} for one in records],
                "categories": categories,
            }
        )
    )
    render_dataset(tmp_path / "set.json", tmp_path / "out", kind="panoptic")
    whole = json.loads((tmp_path / "out" / "panoptic.json").read_text("utf-8"))
    assert whole["categories"] == sorted(categories, key=lambda one: one["id"])  # type: ignore[arg-type,return-value]
    # Painted as they stand in the file: the mask of the crowd lies above, and covers the square.
    segments = whole["annotations"][0]["segments_info"]
    assert [(one["id"], one["category_id"], one["area"]) for one in segments] == [(5, 17, 100)]


def test_official_panoptic_pictures_and_segments_come_back(
    shared_data: Path, tmp_path: Path
) -> None:
    folder = shared_data / "coco" / "panoptic_sample" / "sample_data"
    official = json.loads((folder / "panoptic_examples.json").read_text("utf-8"))
    render_dataset(folder / "panoptic_examples.json", tmp_path, kind="panoptic")
    ours = json.loads((tmp_path / "panoptic.json").read_text("utf-8"))
    assert ours["categories"] == sorted(official["categories"], key=lambda one: one["id"])

    def by_image(whole: dict[str, Any]) -> dict[int, list[dict[str, Any]]]:
        return {
            one["image_id"]: sorted(one["segments_info"], key=lambda segment: segment["id"])
            for one in whole["annotations"]
        }

    assert by_image(ours) == by_image(official)
    for one in official["annotations"]:
        wanted = cv2.imread(str(folder / "panoptic_examples" / one["file_name"]))
        assert np.array_equal(cv2.imread(str(tmp_path / one["file_name"])), wanted)


def test_hidden_things_are_left_out_with_their_ways(tmp_path: Path) -> None:
    pytest.importorskip("av")
    clip = tmp_path / "clip.mp4"
    with VideoWriter(clip, fps=10) as writer:
        for _ in range(6):
            writer.write(np.full((48, 64, 3), 90, dtype=np.uint8))
    item = dl.Item(name="clip.mp4", width=64, height=48, media="video", fps=10)
    one = dl.Annotation.new(item=item, annotation_definition=dl.Box(5, 5, 40, 40, "car"))
    for frame in range(6):
        one.add_frame(dl.Box(5, 5, 40, 40, "car"), frame, object_visible=frame < 3)
    moving = dl.AnnotationCollection(item, [one])
    out = render_video(clip, moving, tmp_path / "seen.mp4", style=Style(trail=2))
    with Video(out) as video:
        seen = [np.abs(picture.astype(int) - 90).max() > 60 for picture in video]
    assert seen == [True, True, True, False, False, False]


def test_the_json_says_what_was_drawn_where(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    assert run(["render", str(SAMPLE), out, "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["source"], told["target"], told["source_format"]) == (str(SAMPLE), out, "coco")
    assert told["files_written"] == 5


def test_videos_count_as_progress_and_tell_shared_names(tmp_path: Path) -> None:
    pytest.importorskip("av")
    pairs = []
    for name in ("clip.avi", "clip.mp4"):
        with VideoWriter(tmp_path / "clip.mp4", fps=10, overwrite=True) as writer:
            writer.write(np.full((48, 64, 3), 90, dtype=np.uint8))
        item = dl.Item(name=name, width=64, height=48, media="video", fps=10)
        one = dl.Annotation.new(item=item)
        one.add_frame(dl.Box(5, 5, 40, 40, "car"), 0)
        pairs.append((item, dl.AnnotationCollection(item, [one])))
    (tmp_path / "clip.avi").write_bytes((tmp_path / "clip.mp4").read_bytes())
    dl.Dataset.from_pairs(pairs).write(tmp_path / "set", format="dataloop")
    seen: list[int] = []
    report = render_dataset(
        tmp_path / "set",
        tmp_path / "out",
        from_format="dataloop",
        images=tmp_path,
        progress=lambda done, _: seen.append(done),
    )
    assert seen == [1, 2]
    assert ("notice", "path.collision") in report.codes
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["clip.mp4", "clip_2.mp4"]
