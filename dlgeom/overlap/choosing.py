"""Suppression and matching of annotations."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.definitions.base import Definition
from dlgeom.errors import UsageError
from dlgeom.geometry import overlap
from dlgeom.geometry.overlap import Matches
from dlgeom.overlap.keypoints import pairwise_oks
from dlgeom.overlap.measures import Shape, mask_size, pairwise_iou
from dlgeom.overlap.sides import MASK, NOTHING, Operand, Side, members_of, shape_of

__all__ = ["match", "nms", "soft_nms"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Kind = Literal["auto", "box", "rotated", "polygon", "mask", "keypoints"]
Members = list[Definition | Annotation]


def nms(
    given: Operand,
    *,
    iou_threshold: float = 0.5,
    kind: Kind = "auto",
    class_aware: bool = True,
    scores: ArrayLike | None = None,
    max_detections: int | None = None,
    shape: Shape | None = None,
    width: float | None = None,
    radius: float | None = None,
    sigmas: ArrayLike | None = None,
) -> Any:
    """Return what stays when each annotation removes those of lower score that overlap it.

    Parameters
    ----------
    given : AnnotationCollection, or iterable of annotations, definitions
        What to choose from.
    iou_threshold : float, default 0.5
        An annotation goes if its IoU with one that stays is greater than this, in [0, 1].
    kind : str
        What is compared, as for `pairwise_iou`; or "keypoints", by OKS, the one that stays
        taking the part of the truth.
    class_aware : bool, default True
        Whether only annotations of one label remove each other.
    scores : array_like of float, shape (N,), optional
        The annotations' own if not given.
    max_detections : int, optional
        Stop when that many stay.
    shape, width, radius
        As for `pairwise_iou`.
    sigmas
        As for `pairwise_oks`.

    Returns
    -------
    AnnotationCollection or list
        The same annotations, by falling score; of equal scores the first comes first. A
        collection of the same item and labels where a collection was given.

    Raises
    ------
    UsageError
        If there is no score for each, or something cannot be compared.
    GeometryError
        If a score is not finite.

    Examples
    --------
    >>> from dlgeom import Annotation, Box
    >>> boxes = [Box(0, 0, 9, 9, "cat"), Box(0, 0, 9, 8, "cat"), Box(0, 0, 9, 9, "dog")]
    >>> found = [Annotation(box, score=score) for box, score in zip(boxes, (0.5, 0.9, 0.7))]
    >>> [(one.label, one.score) for one in nms(found)]
    [('cat', 0.9), ('dog', 0.7)]
    """
    members = members_of(given)
    values = _scores(members, scores)
    options: dict[str, Any] = {
        "iou_threshold": iou_threshold,
        "class_ids": _classes(members) if class_aware else None,
        "max_detections": max_detections,
    }
    column, table = _overlaps(members, kind, shape, width, radius, sigmas)
    if column is not None:
        kept = overlap.nms(column, values, **options)
    else:
        kept = overlap.nms_table(table, values, **options)
    return _like(given, [members[k] for k in kept.tolist()])


def soft_nms(
    given: Operand,
    *,
    method: Literal["linear", "gaussian"] = "gaussian",
    iou_threshold: float = 0.3,
    sigma: float = 0.5,
    score_threshold: float = 0.001,
    kind: Kind = "auto",
    class_aware: bool = True,
    scores: ArrayLike | None = None,
    max_detections: int | None = None,
    shape: Shape | None = None,
    width: float | None = None,
    radius: float | None = None,
    sigmas: ArrayLike | None = None,
) -> Any:
    """Return copies of annotations, their scores lowered by what overlaps them; none is removed.

    But those whose score falls below `score_threshold`. See `dlgeom.geometry.overlap.soft_nms`
    for `method`, `iou_threshold`, `sigma`, and `nms` for all else. Only annotations have scores:
    definitions come back as annotations.
    """
    members = members_of(given)
    values = _scores(members, scores)
    options: dict[str, Any] = {
        "method": method,
        "iou_threshold": iou_threshold,
        "sigma": sigma,
        "score_threshold": score_threshold,
        "class_ids": _classes(members) if class_aware else None,
        "max_detections": max_detections,
    }
    column, table = _overlaps(members, kind, shape, width, radius, sigmas)
    if column is not None:
        kept, lowered = overlap.soft_nms(column, values, **options)
    else:
        kept, lowered = overlap.soft_nms_table(table, values, **options)
    result: Members = []
    for index, score in zip(kept.tolist(), lowered.tolist(), strict=True):
        member = members[index]
        copy = member.copy() if isinstance(member, Annotation) else Annotation(member)
        copy.score = score
        result.append(copy)
    return _like(given, result)


def match(
    a: Operand,
    b: Operand,
    *,
    iou_threshold: float = 0.5,
    method: Literal["greedy", "optimal"] = "greedy",
    kind: Kind = "auto",
    class_aware: bool = True,
    crowds: bool = True,
    scores: ArrayLike | None = None,
    ignore: ArrayLike | None = None,
    objective: Literal["sum", "number"] = "sum",
    shape: Shape | None = None,
    width: float | None = None,
    radius: float | None = None,
    sigmas: ArrayLike | None = None,
) -> Matches:
    """Match two sets of annotations, each with at most one of the other set.

    Parameters
    ----------
    a, b : AnnotationCollection, or iterable of annotations, definitions
        Found ones and true ones, where that matters.
    iou_threshold : float, default 0.5
        Least IoU, or OKS, of a pair, in (0, 1].
    method, objective, ignore
        As for `dlgeom.geometry.overlap.match`: "greedy" as COCO's evaluation does, or "optimal".
    kind : str
        What is compared, as for `nms`.
    class_aware : bool, default True
        Whether only annotations of one label make pairs.
    crowds : bool, default True
        Whether annotations of `b` that are crowds are ignored, as COCO has it.
    scores : array_like of float, shape (N,), optional
        Of `a`, for "greedy": who chooses first. If not given, the annotations' own where all of
        `a` have one, else the pair with the highest IoU comes first.
    shape, width, radius, sigmas
        As for `nms`.

    Returns
    -------
    Matches
        By positions in `a` and `b`.

    Raises
    ------
    GeometryError, UsageError
        As for `pairwise_iou` and `dlgeom.geometry.overlap.match`.

    Examples
    --------
    >>> from dlgeom import Box
    >>> found = match([Box(0, 0, 9, 9, "cat"), Box(0, 0, 9, 9, "dog")], [Box(0, 0, 9, 8, "dog")])
    >>> found.first.tolist(), found.second.tolist(), found.unmatched_first.tolist()
    ([1], [0], [0])
    """
    one, two = members_of(a), members_of(b)
    if scores is None:
        own = [member.score if isinstance(member, Annotation) else None for member in one]
        scores = None if None in own or not own else np.array(own, dtype=np.float64)
    crowd = [isinstance(member, Annotation) and member.crowd for member in two]
    labels = _classes([*one, *two])
    options: dict[str, Any] = {
        "iou_threshold": iou_threshold,
        "method": method,
        "scores": scores,
        "class_ids": (labels[: len(one)], labels[len(one) :]) if class_aware else None,
        "iscrowd": np.array(crowd, dtype=np.bool_) if crowds and any(crowd) else None,
        "ignore": ignore,
        "objective": objective,
    }
    overlap.match([], [], iou_threshold=iou_threshold)  # refuses what `match_table` may take
    if kind == "keypoints":
        return overlap.match_table(pairwise_oks(one, two, sigmas=sigmas), **options)
    sides = Side(one, kind, width, radius), Side(two, kind, width, radius)
    forms = {form for side in sides for form in side.forms.tolist()}
    masks = MASK in forms and not all(side.only_masks for side in sides)
    if len(forms) == 1 and NOTHING not in forms and not masks and one and two:
        # One form: no table of all with all.
        size, form = mask_size(*sides, shape), forms.pop()
        columns = (side.column(np.arange(len(side)), form, size) for side in sides)
        return overlap.match(*columns, **options)
    table = pairwise_iou(
        one, two, kind=kind, crowds=crowds, shape=shape, width=width, radius=radius
    )
    return overlap.match_table(table, **options)


def _overlaps(
    members: Members,
    kind: str,
    shape: Shape | None,
    width: float | None,
    radius: float | None,
    sigmas: ArrayLike | None,
) -> tuple[Any, Any]:
    """Return all as one column where they have one form, else the table of all with all."""
    if kind == "keypoints":
        # The row is the one that stays: the truth.
        return None, pairwise_oks(members, members, sigmas=sigmas).T
    side = Side(members, kind, width, radius)
    forms = np.unique(side.forms)
    if len(forms) == 1 and forms[0] != NOTHING and (forms[0] != MASK or side.only_masks):
        size = mask_size(side, side, shape)
        return side.column(np.arange(len(side)), int(forms[0]), size), None
    options: dict[str, Any] = {"kind": kind, "shape": shape, "width": width, "radius": radius}
    return None, pairwise_iou(members, members, **options)


def _scores(members: Members, scores: ArrayLike | None) -> Any:
    if scores is not None:
        return scores
    values = []
    for position, member in enumerate(members):
        score = member.score if isinstance(member, Annotation) else None
        if score is None:
            raise UsageError(
                f"entry {position} has no score; what is best is told by scores. Pass scores="
            )
        values.append(score)
    return np.array(values, dtype=np.float64)


def _classes(members: Members) -> Ints:
    """Return a number for each label; no label is one of its own."""
    numbers: dict[str | None, int] = {}
    labels = [shape_of(member).label for member in members]
    return np.array([numbers.setdefault(label, len(numbers)) for label in labels], dtype=np.int64)


def _like(given: Operand, members: Members) -> Any:
    """Return members in the form in which they were given."""
    if not isinstance(given, AnnotationCollection):
        return members
    result = AnnotationCollection(given.item, labels=given.labels)
    result.annotations = members  # type: ignore[assignment]
    result.extra.update(given.extra)
    return result
