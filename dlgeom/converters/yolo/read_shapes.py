"""From rows of numbers to shapes: which arity means what, which values are refused.

Formats page, section 2.3: 4 numbers are a box, 6 and more in pairs are an outline, 8 are four
corners under obb, 4 + K * D are a box with keypoints. Rows of 4 numbers stay boxes in any task.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.converters.yolo.rows import Rows
from dlgeom.geometry import boxes, bridges, raster, rotated
from dlgeom.geometry.ragged import Ragged, Rings, gather, offsets_of
from dlgeom.geometry.rings import drop_closing
from dlgeom.limits import Limits

__all__ = ["Refused", "Shapes", "check_rows", "take_extras", "to_shapes"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Refused = list[tuple[int, str, str]]
"""Row, code, sentence."""


_WHY = {
    "number.not_finite": "has a number that is not finite",
    "polygon.too_few": "has fewer than three points; an outline has at least three",
    "geometry.outside_image": "has an outline far outside of any image, or over the limit outline",
    "limit.points": "has more points than the limit ring_points",
    "polygon.zero_area": "has all points on one line; an outline has an area",
}


class Shapes(msgspec.Struct, kw_only=True):
    """Columns of a chunk.

    `bad` are rows whose shape cannot be used, `mended` those in which something was put right.
    """

    bounds: Floats
    rotated: Floats
    outline: Rings
    keypoints: Ragged
    bad: Refused = []
    mended: Refused = []


def take_extras(
    rows: Rows, *, conf: str, track: str, full: int | None
) -> tuple[Rows, Floats, Ints]:
    """Cut confidences and track ids out of the rows that have them.

    A row without them has an even count of numbers (a pose `full`), so that the count tells how
    many there are. A track id stands behind the confidence (``save_txt`` of Ultralytics).

    Parameters
    ----------
    rows : Rows
        Rows as in the file.
    conf : {"none", "last", "second"}
        Where rows have a confidence: at the end, or right after the class.
    track : {"none", "last"}
        Whether rows end with a track id. Behind a confidence at the end one is seen in any case.
    full : int, optional
        Numbers of a pose.

    Returns
    -------
    rows : Rows
        Without them.
    score : ndarray of float64, shape (N,)
        Confidences, NaN where a row has none.
    tracks : ndarray of int64, shape (N,)
        Track ids, -1 where a row has none.
    """
    counts = rows.counts
    score = np.full(len(rows), np.nan)
    tracks = np.full(len(rows), -1, dtype=np.int64)
    ends = rows.offsets[1:] - 1
    if not len(rows) or (conf == "none" and track == "none"):
        return rows, score, tracks
    over = counts - full if full is not None else np.where(counts > 4, 2 - counts % 2, 0)
    final = np.zeros(len(rows))
    final[counts > 0] = rows.values[ends[counts > 0]]
    whole = (final >= 0) & (final == np.rint(final)) & (final < 2.0**53)
    if conf == "none":
        followed, scored = (over == 1) & whole, np.zeros(len(rows), dtype=np.bool_)
    else:
        asked = track == "last"
        followed = (over == 2) & whole & (asked | ((conf == "last") & (final >= 1)))
        scored = followed | (over == 1)
    keep = np.ones(len(rows.values), dtype=np.bool_)
    tracks[followed] = final[followed].astype(np.int64)
    keep[ends[followed]] = False
    place = (ends - followed if conf == "last" else rows.offsets[:-1])[scored]
    score[scored] = rows.values[place]
    keep[place] = False
    spans = rows.spans.copy()
    # The text of such a row is not that of the shape alone.
    spans[followed | scored] = 0
    offsets = offsets_of(counts - followed - scored)
    fresh = msgspec.structs.replace(rows, values=rows.values[keep], offsets=offsets, spans=spans)
    return fresh, score, tracks


def check_rows(
    rows: Rows,
    *,
    task: str | None,
    keypoints: tuple[int, int] | None,
    known: Ints,
    far: float,
    score: Floats,
) -> Refused:
    """Find the rows that are refused, with code and sentence, before any shape is made.

    Parameters
    ----------
    rows : Rows
        Without confidences and track ids.
    task : str, optional
        ``detect``, ``segment``, ``pose`` or ``obb``; None takes boxes and outlines.
    keypoints : (int, int), optional
        ``kpt_shape`` under pose.
    known : ndarray of int64
        Class indexes that have a name, sorted.
    far : float
        Largest distance of a number from 0..1.
    score : ndarray of float64, shape (N,)
        The confidences, NaN for none.
    """
    counts = rows.counts
    if task == "detect":
        fits, due = counts == 4, "5: class, centre x, centre y, width, height"
    elif task == "obb":
        fits, due = (counts == 8) | (counts == 4), "9: class and four corners"
    elif task == "pose" and keypoints is not None:
        full = 4 + keypoints[0] * keypoints[1]
        fits, due = (counts == full) | (counts == 4), f"{full + 1}, as kpt_shape says"
    else:
        fits = (counts == 4) | ((counts >= 6) & (counts % 2 == 0))
        due = "5 for a box, or 1 + 2 for each of three or more points"
    codes = np.zeros(len(rows), dtype=np.int8)
    if len(known):
        place = np.minimum(np.searchsorted(known, rows.cls), len(known) - 1)
        codes[known[place] != rows.cls] = 1
    else:
        codes[:] = 1
    codes[(codes == 0) & ~fits] = 2
    if len(rows.values):
        wild = (rows.values < -far) | (rows.values > 1 + far)
        if wild.any():
            total = np.concatenate([[0], np.cumsum(wild)])
            codes[(codes == 0) & (total[rows.offsets[1:]] > total[rows.offsets[:-1]])] = 3
        boxed = np.flatnonzero((codes == 0) & ((counts == 4) | (task == "pose")))
        start = rows.offsets[:-1][boxed]
        negative = (rows.values[start + 2] < 0) | (rows.values[start + 3] < 0)
        codes[boxed[negative]] = 4
    codes[(codes == 0) & ((score < 0) | (score > 1))] = 5
    refused: Refused = []
    for row in np.flatnonzero(codes).tolist():
        if codes[row] == 1:
            text = f"class {rows.cls[row]} has no name; names are {_listed(known)}"
            refused.append((row, "ref.category", f"{text}. Correct the row, or the names"))
        elif codes[row] == 2:
            text = f"has {counts[row] + 1} fields; a row has {due}. Correct the row"
            if counts[row] % 2:
                text += ", or pass --yolo-conf or --yolo-track-id if one field is such a number"
            refused.append((row, "row.arity", text))
        elif codes[row] == 3:
            text = "has a number far outside of 0..1; coordinates are divided by the image's size"
            refused.append((row, "value.range", f"{text}. Divide them"))
        elif codes[row] == 5:
            text = f"has the confidence {score[row]:g}; confidences are in 0..1. Correct the row, "
            text += "or pass --yolo-track-id last if it is a track id"
            refused.append((row, "value.range", text))
        else:
            text = "has a negative width or height; sizes are >= 0. Correct the row"
            refused.append((row, "geometry.bbox_size", text))
    return refused


def _listed(known: Ints) -> str:
    if not len(known):
        return "none"
    low, high = int(known[0]), int(known[-1])
    return f"{low}..{high}" if high - low + 1 == len(known) else f"{len(known)} of {low}..{high}"


def to_shapes(
    rows: Rows,
    sizes: Ints,
    *,
    task: str | None,
    keypoints: tuple[int, int] | None,
    own: bool,
    limits: Limits,
) -> Shapes:
    """Turn rows that `check_rows` let pass into columns in pixels.

    Parameters
    ----------
    rows : Rows
        N rows.
    sizes : ndarray of int64, shape (N, 2)
        Width and height of each row's image.
    own : bool
        Whether dlgeom wrote the rows: boxes outside of the image are what the source had.
    """
    n = len(rows)
    counts = rows.counts
    scale = sizes.astype(np.float64)
    result = Shapes(
        bounds=np.full((n, 4), np.nan),
        rotated=np.full((n, 5), np.nan),
        outline=Rings.empty(n),
        keypoints=Ragged.empty(n),
    )
    boxed = np.flatnonzero((counts == 4) | (task == "pose"))
    if boxed.size:
        index = rows.offsets[:-1][boxed][:, None] + np.arange(4)
        values = rows.values[index] * np.tile(scale[boxed], 2)
        result.bounds[boxed] = boxes.cxcywh_to_xyxy(values)
        result.bad += _outside(result.bounds, scale, own, limits)
    if task == "pose" and keypoints is not None:
        _keypoints(rows, scale, keypoints, result)
        return result
    outlined = np.flatnonzero(counts != 4)
    if outlined.size:
        index, offsets = gather(rows.offsets, outlined)
        xy = rows.values[index].reshape(-1, 2)
        offsets = offsets // 2
        xy = xy * np.repeat(scale[outlined], np.diff(offsets), axis=0)
        if task == "obb":
            xy, offsets, outlined = _rectangles(xy, outlined, scale, result)
        _outlines(xy, offsets, outlined, n, limits, result)
    return result


def _keypoints(rows: Rows, scale: Floats, shape: tuple[int, int], result: Shapes) -> None:
    """Fill the keypoints of rows that have them (pose)."""
    count, width = shape
    full = np.flatnonzero(rows.counts == 4 + count * width)
    index = rows.offsets[:-1][full][:, None] + np.arange(4, 4 + count * width)
    values = rows.values[index].reshape(len(full), count, width)
    points = np.zeros((len(full), count, 3))
    points[..., :2] = values[..., :2] * scale[full][:, None, :]
    if width == 2:
        # Without a visibility a negative coordinate says that the keypoint is missing.
        points[..., 2] = np.where((values < 0).any(axis=2), 0, 2)
        points[points[..., 2] == 0] = 0
    else:
        points[..., 2] = values[..., 2]
        _visibility(values[..., 2], points, full, result)
    lengths = np.zeros(len(rows), dtype=np.int64)
    lengths[full] = count
    result.keypoints = Ragged(points.reshape(-1, 3), offsets_of(lengths))


def _visibility(seen: Floats, points: Floats, rows: Ints, result: Shapes) -> None:
    """Accept 0, 1 and 2; a fraction is a predicted confidence, anything else is wrong."""
    odd = ~np.isin(seen, (0.0, 1.0, 2.0))
    if not odd.any():
        return
    wrong = ((seen < 0) | (seen > 1)) & odd
    points[..., 2] = np.where(odd, 2.0, seen)
    for place in np.flatnonzero(odd.any(axis=1)).tolist():
        row = int(rows[place])
        if wrong[place].any():
            what = "has a visibility other than 0, 1 or 2. Correct the row"
            result.bad.append((row, "value.range", what))
        else:
            what = "has confidences as visibilities; they are read as 2 (visible)"
            result.mended.append((row, "value.range", what))


def _outside(bounds: Floats, scale: Floats, own: bool, limits: Limits) -> Refused:
    """Find boxes that lie wholly outside of their image, or too far away."""
    with np.errstate(invalid="ignore"):
        away = (np.abs(bounds) > limits.coordinate).any(axis=1)
        if not own:
            # Boxes that touch the image from outside are real; six decimals may part them from it.
            away |= (bounds[:, :2] > scale * (1 + 1e-6)).any(axis=1)
            away |= (bounds[:, 2:] < -1e-6 * scale).any(axis=1)
    what = "has a box that lies outside of its image. Correct the row"
    return [(row, "geometry.outside_image", what) for row in np.flatnonzero(away).tolist()]


def _rectangles(xy: Floats, rows: Ints, scale: Floats, result: Shapes) -> tuple[Floats, Ints, Ints]:
    """Take corners that are rectangles as rotated boxes; return the others."""
    corners = xy.reshape(-1, 4, 2)
    # Six decimals leave half a millionth of the image's size in each number.
    tolerance = np.maximum(1e-3, 3e-6 * scale[rows].max(axis=1))
    # A short edge rounded to six decimals says little about the direction: begin at a long one.
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 1]
    tall = np.hypot(*second.T) > np.hypot(*first.T)
    begun = np.where(tall[:, None, None], np.roll(corners, -1, axis=1), corners)
    right = np.zeros(len(rows), dtype=np.bool_)
    for atol in np.unique(tolerance).tolist():
        same = tolerance == atol
        right[same] = rotated.is_rectangle(begun[same], atol)
    fitted = rotated.from_corners(begun)
    fitted[tall, 2:4] = fitted[tall, 3:1:-1]
    # A box without area has no side to tell: it counts as going round clockwise.
    turn = np.where(first[:, 0] * second[:, 1] < first[:, 1] * second[:, 0], -1.0, 1.0)
    fitted[tall, 4] -= 90 * turn[tall]
    fitted[:, 4] = (fitted[:, 4] + 180) % 360 - 180
    result.rotated[rows[right]] = fitted[right]
    rest = corners[~right].reshape(-1, 2)
    return rest, np.arange(0, len(rest) + 1, 4), rows[~right]


def _outlines(
    xy: Floats, offsets: Ints, rows: Ints, n: int, limits: Limits, result: Shapes
) -> None:
    """Split bridged rings and put the outlines of some rows in their places."""
    rings = bridges.split_many(xy, offsets)
    faults = raster.faults(rings.xy, rings.rings, limits=limits)
    if faults.any():
        owner = np.repeat(np.arange(len(rings)), np.diff(rings.row_rings))
        told: set[int] = set()
        for ring in np.flatnonzero(faults).tolist():
            row = int(rows[owner[ring]])
            if row not in told:
                told.add(row)
                code = raster.FAULTS[faults[ring]]
                result.bad.append((row, code, f"{_WHY[code]}. Correct the row"))
    parts = np.zeros(n, dtype=np.int64)
    parts[rows] = rings.part_counts
    # Split first: the last vertex of a bridged ring repeats the first one and belongs to it.
    opened = drop_closing(rings.xy, rings.rings)
    result.outline = Rings(*opened, rings.parts, offsets_of(parts))
