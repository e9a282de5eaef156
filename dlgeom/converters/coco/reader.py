"""Reading COCO: instances, keypoints, captions, results; files of any order and size.

Opening reads each file once and keeps a few dozen bytes for each record. Chunks are then made in
the order of the file, or grouped by image from text that is gathered by its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import BOX, KEYPOINTS, OTHER, OUTLINE, ROTATED, RUNS, Chunk
from dlgeom.converters.base import ALL, Meta, ReadContext, Reader
from dlgeom.converters.coco.layout import (
    AnnotationFile,
    find_files,
    image_folders,
    is_json,
    looks_like,
)
from dlgeom.converters.coco.options import READ_OPTIONS
from dlgeom.converters.coco.own_labels import OwnLabels
from dlgeom.converters.coco.read_chunks import Builder
from dlgeom.converters.coco.read_columns import DEAD, REPAIRED
from dlgeom.converters.coco.read_ids import last_id
from dlgeom.converters.coco.read_images import ImageFinder
from dlgeom.converters.coco.read_index import FileIndex, PanopticFileError
from dlgeom.converters.coco.read_portions import portions
from dlgeom.converters.coco.read_results import results_images, results_labels
from dlgeom.converters.coco.read_source import SourceFile
from dlgeom.converters.coco.read_spill import pieces_of
from dlgeom.converters.coco.read_subset import Labels, Subset
from dlgeom.converters.images import tell_links
from dlgeom.converters.memory import gc_paused
from dlgeom.converters.problems import Problems
from dlgeom.errors import DlgeomError, FormatError

if TYPE_CHECKING:
    from dlgeom.converters.parallel.units import Cut

Ints = NDArray[np.int64]

__all__ = ["READ_OPTIONS", "CocoReader", "open_reader", "recognise"]


_KINDS = {
    "box": BOX,
    "rotated": ROTATED,
    "outline": OUTLINE,
    "runs": RUNS,
    "keypoints": KEYPOINTS,
    "other": OTHER,
}


def recognise(path: Path) -> int:
    """Return how sure it is that a path holds COCO JSON: 0 no, 1 could be, 2 surely.

    Parameters
    ----------
    path : Path
        A file, or a folder with ``annotations/*.json``, ``<split>/_annotations.coco.json`` or
        JSON files in it.
    """
    try:
        if not path.is_dir():
            return looks_like(path)
        for pattern, sure in (
            ("annotations/*.json*", 2),
            ("*/_annotations.coco.json*", 2),
            ("*.json*", 2),
        ):
            found = [file for file in sorted(path.glob(pattern)) if is_json(file)]
            best = max(map(looks_like, found[:20]), default=0)
            if best:
                return min(best, sure)
    except OSError:
        return 0
    return 0


def open_reader(path: Path, context: ReadContext) -> Reader:
    """Open COCO annotations.

    Parameters
    ----------
    path : Path
        A JSON file (also packed by gzip or zstd), or a folder; see `recognise`.
    context : ReadContext
        ``ground_truth`` gives images and categories to a results file, ``images`` sizes that
        the annotations do not have, ``subsets`` chooses splits.

    Raises
    ------
    FormatError
        If a file cannot be trusted.
    """
    files = find_files(path, context.subsets)
    with gc_paused():
        return _open(path, files, context)


def _open(path: Path, files: list[AnnotationFile], context: ReadContext) -> Reader:
    opened: list[tuple[AnnotationFile, FileIndex]] = []
    panoptic: list[AnnotationFile] = []
    failed: list[FormatError] = []
    for file in files:
        finder = ImageFinder(image_folders(file.path, file.subset), context.images)
        try:
            opened.append((file, FileIndex(file.path, file.shown, context, finder)))
        except PanopticFileError:
            panoptic.append(file)
        except FormatError as error:
            if len(files) == 1:
                raise
            failed.append(error)
            context.problems.file(error)
    if panoptic and not opened:
        from dlgeom.converters.coco.panoptic_reader import PanopticReader

        return PanopticReader(panoptic, context)
    for file in panoptic:
        context.problems.notice(
            "schema.repeated",
            "is a panoptic file beside others of the same images; it is left out. "
            "Name the file itself to read its segments",
            path=file.shown,
        )
    if not opened:
        raise failed[0]
    images = _images_root(path, context.images)
    if images is not None and (context.images is not None or images.name == "images"):
        tell_links(images, context.problems)
    return CocoReader(path, opened, context)


class CocoReader:
    """A COCO data set; see `dlgeom.converters.base.Reader`.

    With ``grouped=False`` the images of a split come first, in chunks without rows: one item for
    each record of the file, so that a repeated record is an item of the same number again. Rows
    follow in file order. Rows with nothing mended have their text in `Chunk.origin`; in a grouped
    stream only where `needs` has ``raw``.
    """

    def __init__(
        self, path: Path, files: list[tuple[AnnotationFile, FileIndex]], context: ReadContext
    ) -> None:
        self._context = context
        labels = Labels()
        self._subsets: list[Subset] = []
        names = list(dict.fromkeys(file.subset for file, _ in files))
        for name in names:
            parts = [(file.kind, index) for file, index in files if file.subset == name]
            self._add(name, parts, labels)
        table = labels.table()
        first = self._subsets[0]
        sections = [subset.sections() for subset in self._subsets]
        self.meta = Meta(
            format="coco",
            labels=table,
            subsets=[name for name in names if name is not None],
            sections=sections[0],
            subset_sections={
                subset.name: keys
                for subset, keys in zip(self._subsets, sections, strict=True)
                if subset.name is not None
            },
            items_first=True,
            images_root=_images_root(path, context.images),
        )
        if first.parts[0].results:
            self.meta.extra["coco_results"] = True
        if any(subset.images.records is not None for subset in self._subsets):
            self.meta.extra["coco_repeats"] = True
        if any(len(subset.parts) > 1 for subset in self._subsets):
            self.meta.extra["coco_joined"] = True
        self.meta.extra["coco_categories"] = OwnLabels(
            table, {subset.name: subset.labels for subset in self._subsets}
        )
        self.meta.extra["coco_last_ids"] = (
            max(subset.images.last_id() for subset in self._subsets),
            max(
                last_id(piece.block.id)
                for subset in self._subsets
                for piece in pieces_of(subset.records, subset.item, subset.label)
            ),
        )

    def _add(self, name: str | None, parts: list[tuple[str, FileIndex]], labels: Labels) -> None:
        for kind, index in parts:
            self._check_lists(kind, index)
        images = None
        if any(index.results for _, index in parts):
            images = results_images([index for _, index in parts], self._context)
            results_labels([index for _, index in parts], self._context)
        subset = Subset(name, parts, labels, self._context, images=images)
        if self._subsets:
            last = self._subsets[-1]
            subset.first_item = last.first_item + len(last.images)
            subset.first_order = last.first_order + len(last)
        self._subsets.append(subset)

    def _check_lists(self, kind: str, index: FileIndex) -> None:
        problems: Problems = self._context.problems
        if index.results:
            return
        if not index.has_images:
            raise FormatError(
                "has no list of images; a COCO file has images and annotations. Add it",
                code="schema.field",
                path=index.shown,
            )
        if not index.has_annotations:
            tell = problems.notice if kind in ("image_info", "images_info") else problems.warning
            tell(
                "schema.field",
                "has no list of annotations; it is read as images without any",
                path=index.shown,
            )

    def kinds(self) -> set[str]:
        """Return which of box, rotated, outline, runs, keypoints, other occur anywhere."""
        seen = 0
        for subset in self._subsets:
            for piece in pieces_of(subset.records, subset.item, subset.label):
                flags = piece.block.flags
                alive = flags[(flags & DEAD) == 0]
                seen |= int(np.bitwise_or.reduce(alive)) if len(alive) else 0
        return {name for name, bit in _KINDS.items() if seen & bit}

    def files(self) -> Iterator[tuple[Path, int]]:
        """Yield each file, and the place of its first record among those of the run."""
        for subset in self._subsets:
            for index, first in zip(subset.parts, subset.first_rows, strict=False):
                yield index.source.path, subset.first_order + first

    def outlines(self) -> Iterator[tuple[SourceFile, Ints, Ints, Ints]]:
        """Yield where the outlines of records are that have a box besides, and are as they should.

        For each file, in pieces: the place of the records among those of the run, ascending; start
        and length of the text in the file.
        """
        wanted = OUTLINE | BOX
        for subset in self._subsets:
            for portion in portions(subset, grouped=False):
                block = portion.block
                flags = block.flags
                good = (flags & (wanted | DEAD | REPAIRED | ROTATED)) == wanted
                rows = np.flatnonzero(good & (block.box[:, 2:] > 0).all(axis=1))
                rows = rows[np.argsort(portion.numbers_of(rows), kind="stable")]
                owners = portion.part_of(rows)
                for part in np.unique(owners).tolist():
                    mine = rows[owners == part]
                    order = portion.numbers_of(mine) + portion.first_order
                    start = block.start[mine] + block.part_start[mine]
                    yield subset.parts[part].source, order, start, block.part_length[mine]

    def count(self) -> int:
        """Return the number of distinct images."""
        return sum(len(subset.images) for subset in self._subsets)

    def chunks(self, *, grouped: bool, needs: frozenset[str] = ALL) -> Iterator[Chunk]:
        """Yield the data set; columns not in `needs` may be empty (`Chunk.shapes` tells).

        Parameters
        ----------
        grouped : bool
            Whether the rows of an image come together.
        needs : frozenset of str
            Of outline, runs, keypoints, extra; ``raw`` asks for the records' own text in a
            grouped stream too.
        """
        for subset in self._subsets:
            builder = partial(
                Builder,
                labels=self.meta.labels,
                context=self._context,
                needs=needs,
                raw=True,
                check=not grouped,
            )
            try:
                if not grouped:
                    yield from builder(subset).item_chunks()
                for portion in portions(subset, grouped=grouped):
                    made = builder(portion)
                    yield from made.grouped_chunks() if grouped else made.file_chunks()
            except (ValueError, msgspec.DecodeError) as error:
                # The text was good when it was indexed.
                if not isinstance(error, DlgeomError):
                    subset.check_unchanged()
                raise
            subset.check_unchanged()

    def cut(self, *, grouped: bool, needs: frozenset[str]) -> Cut | None:
        """Return the data set as parts for other processes, None where it stays whole."""
        if not grouped:
            return None
        from dlgeom.converters.coco.read_parts import parts_of

        return parts_of(self._subsets, self.meta, self._context, needs)

    def close(self) -> None:
        """Let go of the files."""
        for subset in self._subsets:
            for index in subset.parts:
                index.source.close()


def _images_root(path: Path, images: Path | None) -> Path | None:
    if images is not None:
        return images
    root = path if path.is_dir() else path.parent
    if not path.is_dir() and root.name == "annotations":
        root = root.parent
    return root / "images" if (root / "images").is_dir() else root
