"""Strategies for labels, items, collections of annotations and data sets."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.dataset import Dataset
from dlgeom.item import Item
from dlgeom.labels import Label, LabelTable
from dlgeom.testing.strategies.annotated import annotations as one_of_many
from dlgeom.testing.strategies.annotated import tracks

__all__ = ["collections", "datasets", "file_names", "items", "label_names", "label_tables"]

_SIDES = st.integers(8, 64)


def label_names() -> st.SearchStrategy[str]:
    """Draw the name of a class: words, also with blanks and other letters than those of ASCII."""
    return st.sampled_from(["cat", "dog", "traffic light", "Bär", "猫", "n/a", "0"]) | st.text(
        "abcXYZ012 _-.é", min_size=1, max_size=8
    ).filter(lambda name: name == name.strip())


def label_tables(max_size: int = 4) -> st.SearchStrategy[LabelTable]:
    """Draw a table of classes with different names."""
    label = st.builds(
        Label,
        name=label_names(),
        parent=st.none() | label_names(),
        color=st.none() | st.tuples(*[st.integers(0, 255)] * 3),
    )
    return st.lists(label, max_size=max_size, unique_by=lambda entry: entry.name).map(LabelTable)


@st.composite
def file_names(draw: st.DrawFn, suffix: str = ".jpg") -> str:
    """Draw a relative path as files in data sets have it, without what systems refuse."""
    stems = st.sampled_from(["a", "b", "0001", "IMG 2"]) | st.text(
        "abxy01_-é", min_size=1, max_size=6
    )
    folder = draw(st.sampled_from(["", "", "", "street/", "a/b/"]))
    return folder + draw(stems) + suffix


@st.composite
def items(
    draw: st.DrawFn,
    *,
    media: str = "image",
    size: tuple[int, int] | None = None,
    known_size: bool | None = True,
) -> Item:
    """Draw an item with a name.

    Parameters
    ----------
    media : str
        ``image``, ``video``, ``audio`` or ``text``.
    size : tuple of int, optional
        (width, height) in pixels; sides of 8 to 64 if not given.
    known_size : bool or None, default True
        Whether its size is known: always, never, or both.
    """
    suffix = {"video": ".mp4", "audio": ".mp3", "text": ".txt"}.get(media, ".jpg")
    width, height = size or (draw(_SIDES), draw(_SIDES))
    item = Item(name=draw(file_names(suffix)), media=media)
    if known_size or (known_size is None and draw(st.booleans())):
        item.width, item.height = width, height
    if media == "video":
        item.fps = draw(st.sampled_from([25.0, 30.0, 29.97, 1.0]))
    return item


@st.composite
def collections(
    draw: st.DrawFn,
    /,
    of: st.SearchStrategy[Annotation] | None = None,
    *,
    item: Item | None = None,
    max_size: int = 4,
    plain: bool = False,
    inside: bool = True,
    **knobs: Any,
) -> AnnotationCollection:
    """Draw all annotations of one item.

    Annotations have different ids, where they have one; some belong to another (`parent_id`).

    Parameters
    ----------
    of : strategy, optional
        What to draw the annotations from; those of `annotations`, and `tracks` where the item is
        a video, if not given.
    item : Item, optional
        The item; one is drawn if not given.
    max_size : int
        Most annotations.
    plain : bool, default False
        Whether nothing is known about the annotations but their definitions.
    inside : bool, default True
        Whether all shapes lie in the item, where its size is known.
    **knobs
        As for `definitions`, where `of` is not given.
    """
    if item is None:
        item = draw(items(size=knobs.get("size")))
    if of is None:
        size = (item.width, item.height)
        if inside and item.shape is not None and not knobs.get("huge"):
            knobs.setdefault("size", size)
        of = tracks(item=item, **knobs) if item.media == "video" else None
        of = one_of_many(plain=plain, item=item, **knobs) if of is None else of
    found = draw(st.lists(of, max_size=max_size))
    seen: set[Any] = set()
    for annotation in found:
        annotation.item = item
        if annotation.id in seen:
            annotation.id = None
        if annotation.id is not None:
            if not plain and seen and draw(st.integers(0, 3)) == 3:
                annotation.parent_id = draw(st.sampled_from(sorted(seen, key=repr)))
            seen.add(annotation.id)
    return AnnotationCollection(item, found)


def _folded(item: Item) -> str:
    return str(item.name).casefold()


@st.composite
def datasets(
    draw: st.DrawFn,
    /,
    of: st.SearchStrategy[Annotation] | None = None,
    *,
    min_items: int = 0,
    max_items: int = 3,
    max_size: int = 4,
    media: str = "image",
    subsets: bool = False,
    plain: bool = False,
    inside: bool = True,
    **knobs: Any,
) -> Dataset:
    """Draw a data set in memory; its items have different names, whatever the letter case.

    Parameters
    ----------
    of : strategy, optional
        What to draw the annotations from; if not given as for `collections`, with labels out of
        a table of one to four classes.
    min_items, max_items, max_size : int
        Fewest and most items, and most annotations of one.
    media : str
        What the items are; ``video`` makes the annotations tracks.
    subsets : bool, default False
        Whether the items belong to splits (``train``, ``val``).
    plain, inside, **knobs
        As for `collections`.
    """
    table = None
    if of is None and knobs.get("labels") is None:
        table = draw(label_tables().filter(len))
        knobs["labels"] = table.names
    one = items(media=media, size=knobs.get("size"))
    found = draw(st.lists(one, min_size=min_items, max_size=max_items, unique_by=_folded))
    pairs = []
    for number, item in enumerate(found):
        if subsets:
            item.subset = draw(st.sampled_from(["train", "val"]))
        item.number = number
        annotated = collections(
            of, item=item, max_size=max_size, plain=plain, inside=inside, **knobs
        )
        pairs.append((item, draw(annotated)))
    labels = knobs.get("labels")
    if table is None and labels is not None and not isinstance(labels, st.SearchStrategy):
        table = LabelTable(dict.fromkeys(labels))
    return Dataset.from_pairs(pairs, table)
