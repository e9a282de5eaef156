"""Masks of classes and objects from VOC's PNG pairs, as run lengths.

``SegmentationObject`` has the number of the object at each pixel (in the order of the objects of
the XML), ``SegmentationClass`` its class; 255 is void in both. Indexes are read, never colours,
except from colour PNGs (formats page, section 3.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.png import VOC_PALETTE, Png, read_png
from dlgeom.converters.problems import Problems
from dlgeom.converters.voc.classes import VOID, ClassTable
from dlgeom.geometry import rle
from dlgeom.limits import Limits

__all__ = ["MaskRow", "Masks", "label_runs", "read_masks"]

Indexes = NDArray[np.uint8]
Counts = NDArray[np.uint32]


class MaskRow(msgspec.Struct):
    """One object or class region of a mask pair.

    Parameters
    ----------
    index : int
        Number of the object; 0 for a region that only the mask of classes has.
    name : str or None
        Name of its class, None where nothing tells it.
    counts : ndarray of uint32
        Its pixels as run lengths.
    """

    index: int
    name: str | None
    counts: Counts


class Masks(msgspec.Struct):
    """The mask pair of one image.

    Parameters
    ----------
    shape : (int, int)
        Height and width.
    rows : list of MaskRow
        By number; regions without an object last.
    void : ndarray of uint32 or None
        Pixels that are not annotated, None where there are none.
    void_objects : ndarray of uint32 or None
        Those of the mask of objects, where they are others.
    objects : ndarray of uint8, shape (H, W), or None
        Numbers of objects.
    """

    shape: tuple[int, int]
    rows: list[MaskRow]
    void: Counts | None = None
    void_objects: Counts | None = None
    objects: Indexes | None = None


def label_runs(labels: NDArray[np.integer[Any]]) -> dict[int, Counts]:
    """Return the run lengths of each value of a label map, shape (H, W), in one pass.

    Values come in ascending order; counts are canonical, column by column, zeros first.
    """
    flat = labels.T.ravel()
    if not flat.size:
        return {}
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    stops = np.append(starts[1:], flat.size)
    values = flat[starts]
    order = np.argsort(values, kind="stable")
    sorted_values = values[order]
    cuts = np.flatnonzero(sorted_values[1:] != sorted_values[:-1]) + 1
    result = {}
    for runs in np.split(order, cuts):
        flips = np.stack([starts[runs], stops[runs]], axis=1).ravel()
        result[int(values[runs[0]])] = rle.from_flips(flips, flat.size)
    return result


def _codes(colors: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    red, green, blue = (colors[..., k].astype(np.int64) for k in range(3))
    return red << 16 | green << 8 | blue


def _from_colors(png: Png, known: Mapping[int, int], problems: Problems, shown: str) -> Indexes:
    """Return the index of each pixel of a colour PNG; unknown colours are told and become 0."""
    codes = _codes(png.array)
    values, places = np.unique(codes, return_inverse=True)
    table = np.zeros(len(values), dtype=np.uint8)
    for place, value in enumerate(values.tolist()):
        if value in known:
            table[place] = known[value]
        else:
            color = (value >> 16, value >> 8 & 255, value & 255)
            problems.skipped(
                "ref.category",
                f"colour {color} is no class of the data set; labelmap.txt lists them. Add it",
                path=shown,
            )
    return table[places.reshape(codes.shape)]


def _indexes(
    path: Path, known: Mapping[int, int], problems: Problems, limits: Limits, shown: str
) -> tuple[Indexes | None, Png]:
    """Read one mask; None where its kind of pixel does not hold indexes."""
    png = read_png(path, limits=limits, shown=shown)
    for code, message in png.notes:
        tell = problems.notice if code == "file.trailing_data" else problems.warning
        tell(code, message, path=shown)
    if png.mode == "RGB":
        return _from_colors(png, known, problems, shown), png
    narrow = png.array.ndim == 2 and (png.array.dtype == np.uint8 or int(png.array.max()) < 256)
    if not narrow:
        problems.skipped(
            "image.mode",
            f"is a PNG of mode {png.mode}; masks have one index for each pixel (palette or "
            "grey, 8 bits) or the colours of the label map. Save it as a palette PNG",
            path=shown,
        )
        return None, png
    return png.array.astype(np.uint8, copy=False), png


def _class_colors(table: ClassTable) -> dict[int, int]:
    """Return colour -> index for colour PNGs: those of the label map, else of the palette."""
    if not table.colors:
        return {code: index for index, code in enumerate(_codes(VOC_PALETTE).tolist())}
    index_of = {name: index for index, name in table.names.items()}
    known = {0: 0}
    for name, (red, green, blue) in table.colors.items():
        known[red << 16 | green << 8 | blue] = index_of.get(name, 0)
    void = table.void or tuple(VOC_PALETTE[VOID].tolist())
    known.setdefault(void[0] << 16 | void[1] << 8 | void[2], VOID)
    return known


def _class_of(pixels: NDArray[np.int64]) -> int:
    """Return the most frequent class, 0 where there is none; `pixels` counts each of 256."""
    counts = pixels.copy()
    counts[[0, VOID]] = 0
    best = int(counts.argmax())
    return best if counts[best] else 0


def read_masks(
    classes: Path | None,
    objects: Path | None,
    *,
    table: ClassTable,
    problems: Problems,
    limits: Limits,
    names: tuple[str, str],
) -> Masks | None:
    """Read the mask pair of an image.

    Parameters
    ----------
    classes, objects : Path or None
        The two files; either may be missing.
    table : ClassTable
        What indexes and colours mean.
    problems : Problems
        Told of pixels that mean nothing.
    limits : Limits
        `pixels` of each file.
    names : (str, str)
        The two files as messages show them.

    Returns
    -------
    Masks or None
        None where no mask could be used.

    Raises
    ------
    FormatError
        As `dlgeom.converters.png.read_png`; ``image.size_disagrees`` for a pair of two sizes.
    """
    class_map = object_map = None
    lookup: dict[int, str] = {}
    if classes is not None:
        class_map, png = _indexes(classes, _class_colors(table), problems, limits, names[0])
        lookup = table.names if png.mode == "RGB" else table.lookup(png.palette)
    if objects is not None:
        palette = {code: index for index, code in enumerate(_codes(VOC_PALETTE).tolist())}
        object_map, _ = _indexes(objects, palette, problems, limits, names[1])
    if class_map is not None and object_map is not None and class_map.shape != object_map.shape:
        problems.skipped(
            "image.size_disagrees",
            f"has {class_map.shape[1]} x {class_map.shape[0]} pixels, the mask of objects "
            f"{object_map.shape[1]} x {object_map.shape[0]}; a pair has one size. Correct one",
            path=names[0],
        )
        object_map = None
    main = class_map if class_map is not None else object_map
    if main is None:
        return None
    masks = Masks(shape=(main.shape[0], main.shape[1]), rows=[], objects=object_map)
    void = main == VOID
    masks.void = label_runs(void).get(1)
    if object_map is not None:
        own_void = object_map == VOID
        if not np.array_equal(own_void, void):
            masks.void_objects = rle.encode(own_void)
        _add_objects(masks, object_map, class_map, lookup, problems, names)
    if class_map is not None:
        rest = (
            class_map
            if object_map is None
            else class_map * ((object_map == 0) | (object_map == VOID))
        )
        _add_classes(masks, rest, lookup, problems, names[0])
    return masks


def _add_objects(
    masks: Masks,
    objects: Indexes,
    classes: Indexes | None,
    lookup: Mapping[int, str],
    problems: Problems,
    names: tuple[str, str],
) -> None:
    pixels = None
    if classes is not None:
        joint = objects.astype(np.int64) << 8 | classes
        pixels = np.bincount(joint.ravel(), minlength=1 << 16).reshape(256, 256)
    for index, counts in label_runs(objects).items():
        if index in (0, VOID):
            continue
        found = 0
        if pixels is not None:
            counts_of = pixels[index]
            found = _class_of(counts_of)
            others = [k for k in np.flatnonzero(counts_of).tolist() if k not in (0, found, VOID)]
            if others or (found and found not in lookup):
                problems.notice(
                    "geometry.disagree",
                    f"object {index} has pixels of the classes {[found, *others]}; "
                    f"{lookup.get(found, 'that of the XML')} holds for all of them",
                    path=names[0],
                )
        masks.rows.append(MaskRow(index, lookup.get(found), counts))


def _add_classes(
    masks: Masks, rest: Indexes, lookup: Mapping[int, str], problems: Problems, shown: str
) -> None:
    for index, counts in label_runs(rest).items():
        if index in (0, VOID):
            continue
        if index not in lookup:
            problems.skipped(
                "ref.category",
                f"index {index} is not in the class list, which has {len(lookup)} classes; "
                "add it to labelmap.txt",
                path=shown,
            )
            continue
        masks.rows.append(MaskRow(0, lookup[index], counts))
