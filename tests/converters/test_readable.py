"""What is written can be read again with the same limits, or is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlgeom as dl
from dlgeom.annotation import AnnotationCollection
from dlgeom.chunk import Chunk
from dlgeom.converters.yolo.write_losses import CODES, Ledger
from dlgeom.converters.yolo.write_segments import segment_table
from dlgeom.converters.yolo.write_table import Scale, Settings
from dlgeom.limits import Limits


def source(folder: Path, *shapes: dl.Definition, size: tuple[int, int] = (64, 64)) -> Path:
    """Write platform JSON with one image."""
    item = dl.Item(name="a.png", width=size[0], height=size[1])
    found = AnnotationCollection(item, [dl.Annotation(shape) for shape in shapes])
    dl.Dataset.from_pairs([(item, found)]).write(folder, format="coco")
    return folder


def teeth(count: int, label: str) -> dl.Segmentation:
    """Make a mask whose outline is about 120 px a tooth."""
    mask = np.zeros((64, 64), dtype=bool)
    mask[:, : 2 * count : 2] = True
    mask[63, : 2 * count] = True
    return dl.Segmentation(mask, label)


@pytest.mark.parametrize(
    "limits", [Limits(outline=1_000), Limits(ring_points=30)], ids=["outline", "ring_points"]
)
def test_an_outline_that_our_reader_refuses_is_no_yolo_row(tmp_path: Path, limits: Limits) -> None:
    small, large = teeth(2, "small"), teeth(20, "large")
    source(tmp_path / "in", small, large, teeth(3, "small"))
    report = dl.convert(
        tmp_path / "in",
        tmp_path / "out",
        to_format="yolo",
        task="segment",
        limits=limits,
        report=tmp_path / "r.json",
    )
    told = {key: kind.count for key, kind in report.codes.items()}
    assert told == {("dropped", "limit.points"): 1}
    with dl.open_dataset(tmp_path / "out", limits=limits) as found:
        (labels,) = [[a.label for a in annotations] for _, annotations in found]
    assert labels == ["small", "small"]
    report = dl.convert(tmp_path / "in", tmp_path / "all", to_format="yolo", task="segment")
    assert report.written == 3
    assert sum(len(a) for _, a in dl.open_dataset(tmp_path / "all")) == 3


def test_a_polygon_that_our_reader_refuses_is_no_yolo_row(tmp_path: Path) -> None:
    x = np.repeat(np.linspace(1, 60, 30), 2)
    zigzag = np.column_stack([x, np.tile([1, 60], 30)])
    ring = np.concatenate([zigzag, [[62, 62], [1, 62]]])
    source(tmp_path / "in", dl.Polygon(ring, "x"), dl.Polygon(ring[-3:], "y"))
    # In memory nothing is refused; the outline is longer than what the files may have.
    with dl.open_dataset(tmp_path / "in") as found:
        pairs = list(found)
    assert not dl.Dataset.from_pairs(pairs).write(tmp_path / "all", format="yolo").codes
    settings = Settings(limits=Limits(outline=1_000))
    chunk, ledger = Chunk.of(pairs), Ledger(2)
    segment_table(chunk, chunk.sizes, Scale(chunk.sizes, None), ledger, settings)
    assert [CODES[code][0] if code >= 0 else "" for code in ledger.code] == ["limit.points", ""]


BOX = dl.Box(1, 2, 30, 40, "a class with a name")


@pytest.mark.parametrize(
    ("to", "options", "limits"),
    [
        ("yolo", {"task": "detect"}, Limits(label_bytes=30)),
        ("yolo", {"task": "detect", "yolo_layout": "darknet"}, Limits(label_bytes=30)),
        ("voc", {}, Limits(label_bytes=30)),
        ("yolo", {"task": "detect"}, Limits(yaml_bytes=10)),
        ("yolo", {"task": "detect", "yolo_layout": "darknet"}, Limits(yaml_bytes=10)),
    ],
    ids=["yolo", "darknet", "voc", "data.yaml", "obj.names"],
)
def test_a_file_that_is_too_large_to_read_is_not_written(
    tmp_path: Path, to: str, options: dict[str, Any], limits: Limits
) -> None:
    source(tmp_path / "in", BOX)
    with pytest.raises(dl.LimitError, match=r"to write.*--limit (label|yaml)_bytes="):
        dl.convert(tmp_path / "in", tmp_path / "out", to_format=to, limits=limits, **options)
    assert not (tmp_path / "out").exists()


def test_a_subtitle_file_that_is_too_large_to_read_is_not_written(tmp_path: Path) -> None:
    cue = dl.Annotation(dl.Subtitle("hello", "who"), start_time=1.0, end_time=2.0)
    item = dl.Item(name="a.mp3", media="audio")
    found = dl.Dataset.from_pairs([(item, AnnotationCollection(item, [cue]))])
    found.write(tmp_path / "in", format="dataloop")
    for target, to in (("out", "vtt"), ("out.srt", "srt")):
        with pytest.raises(dl.LimitError, match="label_bytes"):
            dl.convert(
                tmp_path / "in", tmp_path / target, to_format=to, limits=Limits(label_bytes=20)
            )
        assert not (tmp_path / target).exists()


FAR = {
    "box": lambda v: dl.Box(min(0, v), 0, max(v, 1), 10, "x"),
    "rotated": lambda v: dl.Box(0, 0, abs(v), 10, "x", angle=30),
    "polygon": lambda v: dl.Polygon([[0, 0], [v, 0], [v, 5], [0, 5]], "x"),
    "pose": lambda v: dl.Pose("x", None, points=[dl.Point(v, 1, "a"), dl.Point(2, 3, "b")]),
    "ellipse": lambda v: dl.Ellipse(5, 5, abs(v), 3, 0, "x"),
}


@pytest.mark.parametrize("options", [{}, {"yolo_clip": "image"}], ids=["as it is", "clipped"])
@pytest.mark.parametrize("task", ["detect", "segment", "pose", "obb"])
@pytest.mark.parametrize("shape", FAR.values(), ids=FAR)
def test_what_lies_far_away_is_dropped_or_can_be_read(
    tmp_path: Path, shape: Any, task: str, options: dict[str, Any]
) -> None:
    item = dl.Item(name="a.png", width=640, height=480)
    pose = dl.Pose("x", None, points=[dl.Point(1, 1, "a"), dl.Point(2, 3, "b")])
    near = dl.Box(1, 2, 30, 40, "x") if task != "pose" else pose
    for number, value in enumerate((1e308, -1.7e308, 1e154, 1e19, -1e8, 1e7, -5e6, 2e6, 1e4)):
        try:
            far = shape(value)
        except dl.GeometryError:  # numbers that no such shape has
            continue
        found = AnnotationCollection(item, [dl.Annotation(far), dl.Annotation(near)])
        place = tmp_path / str(number)
        report = dl.Dataset.from_pairs([(item, found)]).write(
            place, format="yolo", task=task, report=tmp_path / f"{number}.json", **options
        )
        assert report.dropped <= 1
        again = sum(len(annotations) for _, annotations in dl.open_dataset(place))
        assert again == report.written + report.approximated
        assert report.dropped == 1 or abs(value) < 1e8
