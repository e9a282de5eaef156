"""What formats of videos write can be read, strictly: any shapes, moving in any way."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import dlgeom as dl
from dlgeom.testing import strategies as shapes
from dlgeom.video import Keyframe, Track

WRITING: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("ytvis", {}, {}),
    ("ytvis", {"ytvis_kind": "results"}, {}),
    ("yolo-video", {}, {"yolo_video_size": "24x20"}),
    ("yolo-video", {"yolo_video_decimals": 12}, {"yolo_video_size": "24x20"}),
    ("mot", {}, {}),
    ("dataloop", {}, {}),
]
KINDS = [dl.Box, dl.Polygon, dl.Segmentation, dl.Ellipse, dl.Cube, dl.Polyline, dl.Point, dl.Note]


def one_kind(found: list[dl.Definition]) -> list[dl.Definition]:
    """Return those of the first one's kind: a track has one."""
    return [shape for shape in found if type(shape) is type(found[0])]


@pytest.mark.parametrize(("name", "writing", "reading"), WRITING, ids=str)
def test_what_is_written_is_read(
    name: str, writing: dict[str, Any], reading: dict[str, Any]
) -> None:
    # Each example writes and reads a folder.
    few = settings(
        max_examples=40, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    one = shapes.definitions(KINDS, labels=["a", "b"], attributes=False, descriptions=False)

    @few
    @given(
        st.lists(st.lists(one, min_size=1, max_size=3).map(one_kind), min_size=1, max_size=4),
        st.sampled_from(["hold", "linear", "approach"]),
        st.integers(1, 4),
    )
    def law(things: list[list[dl.Definition]], mode: Any, step: int) -> None:
        item = dl.Item(name="a.mp4", width=24, height=20, media="video")
        found = []
        for number, states in enumerate(things):
            keys = tuple(Keyframe(k * step, shape) for k, shape in enumerate(states))
            track = Track(keys, object_id=str(number + 1), mode=mode)
            found.append(track.to_annotation())
        data = dl.Dataset.from_pairs([(item, dl.AnnotationCollection(item, found))])
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder, "out")
            report = data.write(target, format=name, **writing)
            report.check()
            assert report.read == len(found)
            with dl.open_dataset(target, format=name, on_error="raise", **reading) as back:
                again = [a for _, annotations in back for a in annotations]
        # A thing that is a box in one frame and a polygon in another is two annotations.
        assert len({a.object_id for a in again}) == report.written + report.approximated
        assert {a.object_id for a in again} <= {str(k + 1) for k in range(len(found))}

    law()
