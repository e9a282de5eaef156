"""What the image sets have to know of the rows: classes, tags of whole images, actions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk
from dlgeom.converters.base import DROPPED, Losses
from dlgeom.converters.voc.sets import file_name_of_set
from dlgeom.converters.voc.write_codes import approximate
from dlgeom.converters.voc.write_lists import safe_for_map
from dlgeom.converters.voc.write_objects import is_tags
from dlgeom.converters.voc.write_sets import SetWriter

__all__ = ["note_classes", "note_objects", "tags_of_rows"]


def tags_of_rows(chunk: Chunk, boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which rows are classes of whole images, shape (N,): no shape and no box."""
    tags = (chunk.shapes == 0) & np.isnan(boxes[:, 0])
    for row, other in chunk.others.items():
        tags[row] = other.annotation_definition.type == "class" and np.isnan(boxes[row, 0])
    return np.asarray(tags)


def note_classes(
    sets: SetWriter,
    chunk: Chunk,
    tags: NDArray[np.bool_],
    losses: Losses,
    fields: Counter[str],
) -> None:
    """Tell the image sets which classes the images have; tags have no other place.

    Parameters
    ----------
    sets : SetWriter
        The images of the chunk are added to it next.
    chunk : Chunk
        The rows.
    tags : ndarray of bool, shape (N,)
        Which of them are classes of whole images.
    losses, fields
        Are told what the lists cannot say of a tag.
    """
    alive = losses.status != DROPPED
    difficult = np.zeros(len(chunk), dtype=np.bool_)
    for row, values in chunk.attributes.items():
        difficult[row] = values.get("difficult") in (True, "1")
    sets.add_classes(chunk.item[alive], chunk.label[alive], difficult[alive])
    tags = tags & alive
    if not tags.any():
        return
    sets.add_tags(np.unique(chunk.label[tags]).tolist())
    pairs = chunk.item.astype(np.int64) << 32 | chunk.label
    known, counts = np.unique(pairs[alive], return_counts=True)
    approximate(losses, tags & np.isin(pairs, known[counts > 1]), "record.duplicate")
    for row in np.flatnonzero(tags).tolist():
        name = chunk.labels[int(chunk.label[row])].name
        if file_name_of_set(name) != name and not safe_for_map(name):
            approximate(losses, row, "path.normalised")
        more = set(chunk.attributes.get(row, {})) - {"difficult"}
        fields.update(f"attributes.{key}" for key in more)
        if not np.isnan(chunk.score[row]):
            fields["score"] += 1
        if row in chunk.children:
            fields["children"] += len(chunk.children[row])


def note_objects(sets: SetWriter, chunk: Chunk, rows: Sequence[int], source: str) -> None:
    """Tell the image sets the actions of the objects of one image, and which are left of it.

    Parameters
    ----------
    sets : SetWriter
        The image is added to it next.
    chunk : Chunk
        The rows.
    rows : sequence of int
        Those that are objects of the XML, in its order.
    source : str
        Stem of the image in the source.
    """
    for number, row in enumerate(rows, start=1):
        actions: Any = chunk.attributes.get(row, {}).get("actions")
        if is_tags(actions):
            sets.add_actions(number, actions)
    if sets.numbered:
        sets.add_numbers(source, chunk.origin.number[list(rows)].tolist())
