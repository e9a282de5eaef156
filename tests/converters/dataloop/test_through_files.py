"""What is written as platform JSON is read back as it was, and the report lists nothing else."""

from __future__ import annotations

import tempfile
from pathlib import Path

from chunk_strategies import chunks
from hypothesis import example, given, settings
from hypothesis import strategies as st

import dlgeom as dl
from dlgeom.annotation import AnnotationCollection
from dlgeom.chunk import Chunk

KEPT = (
    "annotation_definition",
    "companions",
    "id",
    "score",
    "crowd",
    "stored_area",
    "stored_bounds",
    "extra",
    "children",
)
OF_CLASSES = {"category.id", "category.keypoints", "category.skeleton", "category.supercategory"}


def is_flat(annotation: dl.Annotation) -> bool:
    """An ellipse without area is no ellipse to the platform."""
    return annotation.type == "ellipse" and not annotation.area


@st.composite
def poses(draw: st.DrawFn) -> dl.Annotation:
    """Draw a pose of one of two classes, with any key points."""
    names = draw(st.lists(st.sampled_from("abcde"), max_size=4))
    points = [
        dl.Point(draw(st.integers(0, 9)), 1, name, visibility=draw(st.sampled_from([0, 1, 2])))
        for name in names
    ]
    edges = [(0, len(points) - 1)] if points and draw(st.booleans()) else []
    return dl.Annotation(dl.Pose(draw(st.sampled_from("xy")), "t", points=points, skeleton=edges))


# Two points of one name, of which one has no place.
TWICE = dl.Annotation(dl.Pose("x", "t", points=[dl.Point(0, 1, "a", visibility=v) for v in (0, 2)]))


# Each example writes files.
@settings(max_examples=min(settings().max_examples, 200))
@example(Chunk.of([(dl.Item(), AnnotationCollection())]), {0: [TWICE]})
@given(chunks(), st.dictionaries(st.integers(0, 3), st.lists(poses(), max_size=3)))
def test_records_come_back_from_files_as_they_were(
    chunk: Chunk, more: dict[int, list[dl.Annotation]]
) -> None:
    pairs = []
    for number, (_, found) in enumerate(chunk.pairs()):
        item = dl.Item(name=f"{number}.jpg")
        kept = [a for a in found if not is_flat(a)]
        kept += [a for a in more.get(number, []) if not is_flat(a)]
        pairs.append((item, AnnotationCollection(item, kept)))
    if not pairs:
        return
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out"
        report = dl.Dataset.from_pairs(pairs).write(target, format="dataloop")
        assert report.written == sum(len(found) for _, found in pairs)
        assert set(report.fields) <= OF_CLASSES
        again = list(dl.open_dataset(target, format="dataloop", on_error="skip"))
    assert [item.name for item, _ in again] == [item.name for item, _ in pairs]
    for (_, read), (_, given_) in zip(again, pairs, strict=True):
        assert len(read) == len(given_)
        for one, two in zip(read, given_, strict=True):
            for name in KEPT:
                assert getattr(one, name) == getattr(two, name), name
