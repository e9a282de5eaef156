"""Id maps: arrays that hold, for each pixel, the id of what lies there.

Ids are exact: a pixel holds an id that was given, or the background, and nothing else; the dtype
is the smallest of uint8, uint16 and int32 that holds all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation import Annotation
from dlgeom.errors import UsageError
from dlgeom.limits import DEFAULT_LIMITS
from dlgeom.render.making import (
    MapOptions,
    checked_id,
    checked_rule,
    checked_window,
    marks_for,
    painted,
    scene_for,
)
from dlgeom.render.painting import regions
from dlgeom.render.scene import Source, kept, scene_of, shape_of

__all__ = [
    "BACKGROUND",
    "MISSING",
    "instance_ids",
    "instance_stack",
    "label_ids",
    "label_map",
    "object_ids",
    "one_hot",
]

BACKGROUND = "$default"
"""Name of the background in maps of labels, as documented."""
MISSING = "$missing"
"""Name under which a map of labels has the id of labels that it does not hold."""


def label_map(source: Source) -> dict[str, int]:
    """Return an id for each label: those of the collection's table, sorted by name, from 1.

    Labels that only annotations name follow, sorted as well. `AnnotationCollection.
    from_instance_mask` counts in the same way.
    """
    scene = scene_of(source)
    known = set() if scene.labels is None else set(scene.labels.names)
    used = {one.label for one in scene.annotations}
    used |= {state.label for one in scene.annotations for state in one.later}
    names = [*sorted(known), *sorted(name for name in used - known if name is not None)]
    return {name: k for k, name in enumerate(names, 1)}


def label_ids(
    source: Source,
    ids: Any = None,
    *,
    missing: int | str = "error",
    **options: Unpack[MapOptions],
) -> NDArray[Any]:
    """Return the id of the label of each pixel: a semantic mask, shape (H, W).

    Parameters
    ----------
    source : AnnotationCollection, Annotation, Definition, or iterable of them
        What to paint.
    ids : mapping of str to int, or Ontology, optional
        Label -> id from 0; several labels may share one, ``$default`` is the background,
        ``$missing`` the same as `missing`. `label_map` if not given.
    missing : int or "error"
        Id of labels that are not in the map, and of annotations without a label.
    **options
        See `MapOptions`.

    Raises
    ------
    UsageError
        If a label is not in the map and `missing` is no id; if an id is none, or too large.
    GeometryError
        If a shape cannot be rasterised, or two claim a pixel and `overlap` is ``error``.

    Examples
    --------
    >>> from dlgeom.definitions import Box
    >>> label_ids([Box(0, 0, 2, 1, "cat"), Box(1, 1, 3, 2, "dog")], width=3, height=2).tolist()
    [[1, 1, 0], [0, 2, 2]]
    """
    source = kept(source)
    scene = scene_for(source, options)
    tree = getattr(ids, "instance_map", ids)
    known: dict[str, int] = dict(label_map(source) if tree is None else tree)
    for name, value in known.items():
        known[name] = checked_id(value, f"the id of {name!r}")
    other = known.pop(MISSING, None) if missing == "error" else checked_id(missing, "missing")
    if (background := known.pop(BACKGROUND, None)) is not None:
        options.setdefault("background", background)

    def value_of(annotation: Annotation, _: int) -> int:
        label = annotation.label
        if label is not None and label in known:
            return known[label]
        if other is None:
            what = "an annotation has no label" if label is None else f"label {label!r} is missing"
            raise UsageError(
                f"{what}; the map of ids has {_some(known)}. Add it, or give missing= "
                f"(or {MISSING!r} in the map) the id of such annotations"
            )
        return other

    held = [*known.values(), *([] if other is None else [other])]
    return painted(scene, value_of, held, options, apart=False)


def instance_ids(
    source: Source,
    ids: Sequence[int] | Callable[[Annotation], int] | None = None,
    **options: Unpack[MapOptions],
) -> NDArray[Any]:
    """Return the id of the annotation of each pixel, shape (H, W).

    Parameters
    ----------
    source : AnnotationCollection, Annotation, Definition, or iterable of them
        What to paint.
    ids : sequence of int or callable, optional
        Id of each annotation, or a function that returns it; its position, counted from 1, if
        not given.
    **options
        See `MapOptions`.

    Raises
    ------
    UsageError
        If an id is none, or there are not as many as annotations.
    GeometryError
        As `label_ids`.
    """
    scene = scene_for(source, options)
    count = len(scene.annotations)
    if ids is None:
        given = list(range(1, count + 1))
    else:
        found = [ids(one) for one in scene.annotations] if callable(ids) else list(ids)
        given = [checked_id(value, "an id") for value in found]
    if len(given) != count:
        raise UsageError(f"there are {len(given)} ids for {count} annotations; each has one")
    return painted(scene, lambda _, place: given[place], given, options)


def object_ids(
    source: Source, *, missing: int | str = "error", **options: Unpack[MapOptions]
) -> NDArray[Any]:
    """Return the object id of each pixel, shape (H, W): the same thing, the same id.

    Parameters
    ----------
    source : AnnotationCollection, Annotation, Definition, or iterable of them
        What to paint.
    missing : int or "error"
        Id of annotations without an object id.
    **options
        See `MapOptions`.

    Raises
    ------
    UsageError
        If an annotation that is painted has no object id and `missing` is no id.
    GeometryError
        As `label_ids`.
    """
    scene = scene_for(source, options)
    other = None if missing == "error" else checked_id(missing, "missing")

    def value_of(annotation: Annotation, place: int) -> int:
        if annotation.object_id is not None:
            return checked_id(annotation.object_id, f"the object id of annotation {place}")
        if other is None:
            raise UsageError(
                f"annotation {place} ({annotation.label!r}) has no object id; a map of object "
                "ids needs one. Give it object_id, or give missing="
            )
        return other

    return painted(scene, value_of, [] if other is None else [other], options)


def one_hot(
    source: Source,
    ids: Any = None,
    *,
    classes: int | None = None,
    missing: int | str = "error",
    **options: Unpack[MapOptions],
) -> NDArray[np.bool_]:
    """Return one channel for each label id, shape (C, H, W): channel k is where `label_ids` is k.

    Parameters
    ----------
    source, ids, missing, **options
        As for `label_ids`.
    classes : int, optional
        Number of channels, the background included; up to the greatest id of the map if not
        given. Void pixels, and others with greater ids, are set in no channel.
    """
    source = kept(source)
    tree = getattr(ids, "instance_map", ids)
    known: Mapping[str, int] = label_map(source) if tree is None else tree
    found = label_ids(source, known, missing=missing, **options)
    if classes is None:
        extra = [] if missing == "error" else [missing]
        classes = 1 + max((int(value) for value in (*known.values(), *extra)), default=0)
    DEFAULT_LIMITS.check(
        "pixels", found.size * classes, code="limit.pixels", what="pixels of all channels"
    )
    return np.asarray(found[None] == np.arange(classes)[:, None, None])


def instance_stack(source: Source, **options: Unpack[MapOptions]) -> NDArray[np.bool_]:
    """Return one mask for each annotation, shape (N, H, W), overlaps kept.

    Parameters
    ----------
    source : AnnotationCollection, Annotation, Definition, or iterable of them
        What to paint; what draws nothing has an empty mask.
    **options
        See `MapOptions`; those of order and ids do nothing.
    """
    scene = scene_for(source, options)
    shape = shape_of(scene, options.get("width"), options.get("height"))
    window = checked_window(options.get("window"), shape)
    size = (window[3] - window[1], window[2] - window[0])
    count = len(scene.annotations)
    DEFAULT_LIMITS.check(
        "pixels", count * size[0] * size[1], code="limit.pixels", what="pixels of all masks"
    )
    stack = np.zeros((count, *size), dtype=np.bool_)
    places, marks = marks_for(scene, range(count), options, shape)
    masks = regions(marks, shape, window, checked_rule(options))
    for place, found in zip(places, masks, strict=True):
        for region in found:
            region.stamp(stack[place], True)
    return stack


def _some(names: Mapping[str, int]) -> str:
    listed = ", ".join(map(repr, list(names)[:8]))
    return (listed or "no labels") + (", ..." if len(names) > 8 else "")
