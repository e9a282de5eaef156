"""Cutting an item into tiles, and putting the tiles together again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.definitions import Definition
from dlgeom.errors import UsageError
from dlgeom.item import Item
from dlgeom.transforms.collections import like, needed_size, size_of
from dlgeom.transforms.cutting import Cut, cut_some
from dlgeom.transforms.joining import Piece, join_predictions
from dlgeom.transforms.merging import hashable, restored
from dlgeom.transforms.tracks import reach
from dlgeom.transforms.value import checked_size
from dlgeom.transforms.windows import Window, tiles
from dlgeom.transforms.within import checked_visibility, has_place

__all__ = ["Tile", "Tiles", "tile_collection"]

Size = tuple[int, int]


class Tile(msgspec.Struct, frozen=True, eq=False):
    """One tile: its window and what was cut; iterates over its annotations."""

    window: Window
    cut: Cut
    # Each annotation as it was cut: what differs from it later was changed by somebody.
    _made: tuple[tuple[Annotation, Annotation], ...] = ()

    @property
    def annotations(self) -> AnnotationCollection:
        """The annotations of the tile, counted from its left-top corner."""
        return self.cut.annotations

    @property
    def visible(self) -> NDArray[np.float64]:
        """Which part of each annotation the tile has, shape (N,)."""
        return self.cut.visible

    @property
    def dropped(self) -> tuple[Annotation, ...]:
        """Annotations of the source that reach into the window, but too little of them."""
        return self.cut.dropped

    def image(self, image: NDArray[Any], **options: Any) -> NDArray[Any]:
        """Return the tile's pixels of the whole picture; `Affine.image` has the options."""
        return self.cut.transform.image(image, **options)

    def __len__(self) -> int:
        return len(self.annotations)

    def __iter__(self) -> Iterator[Annotation]:
        return iter(self.annotations)


class Tiles(Sequence[Tile]):
    """The tiles of one collection, row by row; `merge` puts them together again.

    Parameters
    ----------
    source : AnnotationCollection
        What was cut.
    size : tuple of int
        (width, height) of its image.
    tiles : sequence of Tile
        The tiles.
    """

    __slots__ = ("size", "source", "tiles")

    def __init__(self, source: AnnotationCollection, size: Size, tiles: Sequence[Tile]) -> None:
        self.source, self.size, self.tiles = source, size, tuple(tiles)

    @property
    def windows(self) -> list[Window]:
        """The window of each tile."""
        return [tile.window for tile in self.tiles]

    @property
    def dropped(self) -> tuple[Annotation, ...]:
        """Annotations of the source that no tile has."""
        found = {int(row) for tile in self.tiles for row in tile.cut.sources}
        return tuple(a for row, a in enumerate(self.source) if row not in found)

    def merge(
        self,
        results: Iterable[Iterable[Annotation]] | None = None,
        *,
        iou: float = 0.5,
        by_id: bool = True,
    ) -> AnnotationCollection:
        """Put the tiles together: the source, with what was changed in the tiles.

        Parameters
        ----------
        results : iterable of collections, optional
            One for each tile, in its coordinates: the tile's own annotations, copies of them
            with their ids, predictions. The tiles' own if not given.
        iou : float, default 0.5
            From which overlap on two predictions of one label, in different tiles, are the same
            thing, looked at where both tiles see.
        by_id : bool, default True
            Whether something in `results` that has the id of an annotation of its tile is that
            annotation, edited. False where predictions carry ids of their own, which only happen
            to be the same: then the tiles' own objects alone are known.

        Returns
        -------
        AnnotationCollection
            A new one. An annotation whose pieces are as they were cut is the source's, value
            for value, and so is one that no tile has. One of which pieces were changed is joined
            from them (`merge_tiles`); one whose pieces are all gone is gone. Predictions come
            last.
        """
        given = [tile.annotations for tile in self.tiles] if results is None else list(results)
        if len(given) != len(self.tiles):
            raise UsageError(
                f"merge has {len(given)} collections for {len(self.tiles)} tiles; give one for each"
            )
        known: dict[int, list[Piece]] = {}
        fresh: list[Piece] = []
        made: dict[int, int] = {}
        for tile, result in zip(self.tiles, given, strict=True):
            by_object = {id(piece): k for k, (piece, _) in enumerate(tile._made)}
            ids = _unique_ids(tile) if by_id else {}
            for row in tile.cut.sources.tolist():
                made[row] = made.get(row, 0) + 1
            for annotation in result:
                k = by_object.get(id(annotation))
                if k is None and annotation.id is not None:
                    k = ids.get(hashable(annotation.id))
                if k is None:
                    fresh.append(Piece(tile.window, annotation))
                    continue
                row = int(tile.cut.sources[k])
                piece = Piece(tile.window, annotation, tile._made[k][1], float(tile.visible[k]))
                known.setdefault(row, []).append(piece)
        merged = []
        for row, source in enumerate(self.source):
            if row not in made:
                merged.append(source.copy())
            elif row in known:
                merged.append(restored(source, known[row], made[row], self.size))
        merged += join_predictions(fresh, self.size, iou=iou)
        for annotation in merged[len(merged) - len(fresh) :]:
            if annotation.item is not None:
                annotation.item = self.source.item
        return like(self.source, self.source.item, merged)

    def __len__(self) -> int:
        return len(self.tiles)

    def __getitem__(self, index: Any) -> Any:
        return self.tiles[index]

    def __repr__(self) -> str:
        return f"Tiles({len(self)} of {self.size[0]} x {self.size[1]} px)"


def _unique_ids(tile: Tile) -> dict[Any, int]:
    """Return the place of each id that one annotation of the tile has."""
    found: dict[Any, int] = {}
    twice = set()
    for k, (_, made) in enumerate(tile._made):
        key = hashable(made.id)
        if key in found:
            twice.add(key)
        found[key] = k
    return {key: k for key, k in found.items() if key not in twice}


def tile_collection(
    collection: AnnotationCollection,
    tile: int | Size,
    *,
    overlap: int | Size = 0,
    last: str = "align",
    size: Size | None = None,
    min_visibility: float = 0.0,
    boxes: str = "exact",
) -> Tiles:
    """Cut a collection into tiles; `dlgeom.transforms.tiles` has the windows' parameters.

    Parameters
    ----------
    collection : AnnotationCollection
        What to cut; stays as it is.
    size : tuple of int, optional
        (width, height) of the image; that of the item if not given.
    min_visibility : float, default 0
        The least part of an annotation, in [0, 1], that a tile takes.
    boxes : {"exact", "rotated", "bounds", "polygon"}
        What a rotated box becomes where it is cut; see `Affine.apply`.

    Returns
    -------
    Tiles
        Each tile with its own item, named by its left-top corner (``a_640_0.jpg``). Pieces keep
        the id of their annotation. What has no place in the image is in all tiles.

    Raises
    ------
    UsageError
        If the size is not known, or a parameter is out of its range.
    """
    least = checked_visibility(min_visibility)
    whole = checked_size(needed_size(collection, size, "tile"), "tile: size")
    windows = tiles(whole, tile, overlap, last=last)
    rows = _rows_of(collection, windows)
    done = []
    for window, chosen in zip(windows, rows, strict=True):
        cut = cut_some(
            window.transform(whole),
            collection,
            chosen,
            least,
            item=_tile_item(collection.item, window),
            boxes=boxes,
        )
        made = tuple((annotation, annotation.copy()) for annotation in cut)
        done.append(Tile(window, cut, made))
    return Tiles(collection, whole, done)


def _tile_item(item: Item | None, window: Window) -> Item | None:
    """Return an item of its own for a tile."""
    if item is None:
        return None
    from dlgeom.transforms.collections import moved_item

    made = moved_item(item, window.transform(size_of(item)))
    if made is None or item.name is None:
        return made
    folder, slash, base = item.name.rpartition("/")
    stem, dot, suffix = base.rpartition(".")
    if not stem:
        stem, dot, suffix = base, "", ""
    name = f"{folder}{slash}{stem}_{window.left}_{window.top}{dot}{suffix}"
    return msgspec.structs.replace(
        made, name=name, id=None, number=-1, record=b"", raw=b"", file=None, fields=item.extra
    )


def _rows_of(collection: AnnotationCollection, windows: Sequence[Window]) -> list[list[int]]:
    """Return for each window the positions of annotations whose bounds touch it."""
    edges = np.array(windows, dtype=np.float64).reshape(-1, 4)
    found: list[list[int]] = [[] for _ in windows]
    for row, annotation in enumerate(collection):
        near = np.zeros(len(windows), dtype=np.bool_)
        shapes: list[Definition] = []
        for state in annotation.states:
            if not shapes or shapes[-1] is not state.annotation_definition:
                shapes.append(state.annotation_definition)
        if not all(has_place(shape) for shape in shapes):
            near[:] = True
            shapes = []
        boxes = [shape.bounds for shape in shapes]
        if annotation.interpolation != "hold" and len(shapes) > 1:
            # What moves from one key frame to the next comes through what lies between them.
            boxes = [reach(pair) for pair in pairwise(shapes)]
        for left, top, right, bottom in boxes:
            near |= (
                (left <= edges[:, 2])
                & (right >= edges[:, 0])
                & (top <= edges[:, 3])
                & (bottom >= edges[:, 1])
            )
        for place in np.flatnonzero(near).tolist():
            found[place].append(row)
    return found
