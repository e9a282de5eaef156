"""What is written as platform JSON is read back as it was, and the report lists nothing else."""

from __future__ import annotations

import tempfile
from pathlib import Path

from chunk_strategies import chunks
from hypothesis import given, settings

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


# Each example writes files.
@settings(max_examples=min(settings().max_examples, 200))
@given(chunks())
def test_records_come_back_from_files_as_they_were(chunk: Chunk) -> None:
    pairs = []
    templates: dict[str | None, tuple] = {}

    def has_template_of_class(annotation: dl.Annotation) -> bool:
        # In a data set the key points' names belong to the class: one template each.
        shape = annotation.annotation_definition
        if annotation.type != "pose":
            return True
        told = (shape.names, shape.skeleton)
        return templates.setdefault(shape.label, told) == told

    for number, (_, found) in enumerate(chunk.pairs()):
        item = dl.Item(name=f"{number}.jpg")
        pairs.append(
            (
                item,
                AnnotationCollection(
                    item, [a for a in found if not is_flat(a) and has_template_of_class(a)]
                ),
            )
        )
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
