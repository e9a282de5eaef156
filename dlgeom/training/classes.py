"""Labels and class ids: two maps that are inverse to each other, and one-hot rows."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from dlgeom.errors import UsageError

__all__ = ["BACKGROUND", "Classes", "to_categorical"]

BACKGROUND = "$default"
"""The label of what no annotation covers."""


COLUMNS = 1 << 20
"""One-hot rows are not longer: ids beyond are those of a database, not of a model."""


def _id(value: object, label: object) -> int:
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise UsageError(
            f"class id of {label!r} is {value!r}; class ids are whole numbers"
        ) from None


class Classes(msgspec.Struct, frozen=True):
    """Labels with their class ids.

    Parameters
    ----------
    label_to_id : dict of str to int
        Several labels may have one id. ``$default`` is the background.
    id_to_label : dict of int to str
        The inverse: of several labels of one id the first.
    """

    label_to_id: dict[str, int]
    id_to_label: dict[int, str]

    @classmethod
    def of(
        cls,
        label_to_id: Mapping[str, int] | None,
        id_to_label: Mapping[int, str] | None,
        names: Iterable[str],
    ) -> Classes:
        """Complete the maps.

        Parameters
        ----------
        label_to_id, id_to_label : mapping, optional
            What is given; one follows from the other.
        names : iterable of str
            The labels of the data set: where nothing is given they are sorted and numbered from
            1, and 0 is the background.

        Raises
        ------
        UsageError
            If the maps contradict each other, or an id is no whole number.
        """
        for name, given in (("label_to_id_map", label_to_id), ("id_to_label_map", id_to_label)):
            if given is not None and not isinstance(given, Mapping):
                raise UsageError(
                    f"{name} is a {type(given).__name__}; it is a dict such as {{'cat': 1}}, or "
                    "{1: 'cat'} for id_to_label_map"
                )
        if label_to_id is None and id_to_label is None:
            listed = sorted({name for name in names if name != BACKGROUND})
            label_to_id = {name: k for k, name in enumerate(listed, 1)}
        forward = {label: _id(k, label) for label, k in (label_to_id or {}).items()}
        backward: dict[int, str] = {}
        for key, label in (id_to_label or {}).items():
            number = _id(key, label)
            if label_to_id is not None and forward.get(label, number) != number:
                raise UsageError(
                    f"label_to_id_map gives {label!r} the id {forward[label]}, id_to_label_map "
                    f"{number}; they are the inverse of each other. Leave one of them out"
                )
            if label_to_id is None and label in forward and forward[label] != number:
                raise UsageError(
                    f"id_to_label_map has {label!r} for {forward[label]} and {number}; a label "
                    "has one id. Pass label_to_id_map"
                )
            forward.setdefault(label, number)
            backward[number] = label
        for label, number in forward.items():
            known = backward.get(number)
            if known is None or (known == BACKGROUND and number not in (id_to_label or {})):
                backward[number] = label
        for label in forward:
            if not isinstance(label, str):
                raise UsageError(f"label {label!r} is no text; the map is label -> id")
        return cls(forward, backward)

    @property
    def background(self) -> int:
        """Id of what no annotation covers: that of ``$default``, else 0."""
        return self.label_to_id.get(BACKGROUND, 0)

    @property
    def num_classes(self) -> int:
        """Number of classes beside the background.

        The number of different ids, or the highest id where that is more, so that ``num_classes
        + 1`` columns have room for each id and the background.
        """
        ids = {number for label, number in self.label_to_id.items() if label != BACKGROUND}
        ids.discard(self.background if BACKGROUND in self.label_to_id else -1)
        return max(len(ids), *ids, self.background, 0)

    def table(self, names: Iterable[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the id of each name, and whether it has one; an entry for no name follows."""
        listed = list(names)
        known = np.array([name in self.label_to_id for name in listed] + [False], dtype=np.bool_)
        ids = [self.label_to_id.get(name, 0) for name in listed] + [0]
        return np.array(ids, dtype=np.int64), known

    @property
    def mask_dtype(self) -> np.dtype[Any]:
        """The smallest integer type, uint8 at least, that holds all ids."""
        ids = [*self.label_to_id.values(), self.background, 0]
        return np.result_type(np.min_scalar_type(min(ids)), np.min_scalar_type(max(ids)))


def to_categorical(
    class_ids: ArrayLike, num_classes: int | None = None, *, dtype: DTypeLike = np.float32
) -> NDArray[Any]:
    """Turn class ids into one-hot rows.

    Parameters
    ----------
    class_ids : array_like of int, shape (...)
        Ids from 0; a label mask (H, W) too.
    num_classes : int, optional
        Classes beside the background 0; the largest id if not given.
    dtype : dtype, default float32
        Of the result.

    Returns
    -------
    ndarray, shape (..., num_classes + 1)
        1 in the column of the id, 0 elsewhere.

    Raises
    ------
    UsageError
        If an id is no whole number, below 0, or above `num_classes`.

    Examples
    --------
    >>> to_categorical([1, 0], num_classes=2).tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    """
    ids = np.asarray(class_ids)
    if ids.size == 0 and ids.dtype.kind == "f":
        ids = ids.astype(np.int64)
    if ids.dtype.kind not in "iu":
        raise UsageError(f"class ids have dtype {ids.dtype}; they are whole numbers")
    highest = int(ids.max()) if ids.size else 0
    count = highest if num_classes is None else operator.index(num_classes)
    if count >= COLUMNS:
        raise UsageError(
            f"class ids go up to {count}; one-hot rows have a column for each number from 0, and "
            f"{COLUMNS} at most. Number the classes anew, by label_to_id_map"
        )
    if ids.size and (int(ids.min()) < 0 or highest > count):
        wrong = highest if highest > count else int(ids.min())
        raise UsageError(
            f"class id {wrong} has no column; there are {count + 1}, from 0. Raise num_classes"
        )
    result = np.zeros((*ids.shape, count + 1), dtype=dtype)
    np.put_along_axis(result, ids[..., None].astype(np.intp), 1, axis=-1)
    return result
