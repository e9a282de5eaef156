"""From samples to a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dlgeom.errors import UsageError
from dlgeom.training.extras import import_torch

__all__ = ["collate_default", "collate_detection", "collate_lists", "collate_pad", "collate_torch"]

Batch = Sequence[Any]


def _by_key(batch: Batch, join: Callable[[list[Any]], Any]) -> Any:
    """Join the values of each key; the samples have the same keys."""
    if not len(batch):
        return {}
    if not isinstance(batch[0], Mapping):
        raise UsageError(
            f"a batch of {type(batch[0]).__name__} cannot be joined by keys; samples are dicts. "
            "Use collate_detection for (image, target)"
        )
    return {key: join([sample[key] for sample in batch]) for key in batch[0]}


def collate_lists(batch: Batch) -> dict[str, list[Any]]:
    """Return a dict with the list of all values of each key."""
    found: dict[str, list[Any]] = _by_key(batch, list)
    return found


def _stacked(values: list[Any]) -> Any:
    """Stack arrays of numbers that have one shape; leave others as a list."""
    arrays = all(isinstance(v, np.ndarray | np.generic) for v in values)
    if not arrays or any(v.dtype == object for v in values):
        return values
    return np.stack(values) if len({v.shape for v in values}) == 1 else values


def collate_default(batch: Batch) -> dict[str, Any]:
    """Return a dict: arrays of equal shape are stacked, what differs stays a list.

    Parameters
    ----------
    batch : sequence of dict
        Samples of a `DatasetGenerator`.

    Examples
    --------
    >>> batch = collate_default([{"x": np.zeros(2), "n": "a"}, {"x": np.ones(2), "n": "b"}])
    >>> batch["x"].shape, batch["n"]
    ((2, 2), ['a', 'b'])
    """
    found: dict[str, Any] = _by_key(batch, _stacked)
    return found


def collate_pad(batch: Batch, *, fill: float = 0, box: float = -1) -> dict[str, Any]:
    """Return a dict of stacked arrays; smaller ones are filled up at their ends.

    Parameters
    ----------
    batch : sequence of dict
        Samples.
    fill : float, default 0
        Value of further pixels and rows.
    box : float, default -1
        The same for ``box`` and ``class``, where 0 means something.

    Returns
    -------
    dict
        Arrays (B, ...) of the largest size along each axis; ``count`` int64 (B,), the true
        number of rows of each sample; values that are no arrays of numbers as lists.
    """

    def padded(key: str, values: list[Any]) -> Any:
        if any(not isinstance(v, np.ndarray) or v.dtype == object for v in values):
            return values
        if len({v.ndim for v in values}) != 1:
            return values
        value = box if key in ("box", "class") else fill
        whole = [max(sides) for sides in zip(*(v.shape for v in values), strict=True)]
        result = np.full((len(values), *whole), value, dtype=np.result_type(*values))
        for place, array in zip(result, values, strict=True):
            place[tuple(slice(0, side) for side in array.shape)] = array
        return result

    lists = collate_lists(batch)
    result = {key: padded(key, values) for key, values in lists.items()}
    if "labels" in lists:
        result["count"] = np.array([len(labels) for labels in lists["labels"]], dtype=np.int64)
    return result


def collate_torch(batch: Batch) -> dict[str, Any]:
    """Return a dict as `collate_default` does, of tensors where it has arrays.

    Raises
    ------
    MissingDependencyError
        If torch is not installed.
    """
    torch = import_torch()

    def tensor(values: list[Any]) -> Any:
        if all(isinstance(v, torch.Tensor) for v in values):
            return torch.stack(values) if len({v.shape for v in values}) == 1 else values
        joined = _stacked(values)
        if isinstance(joined, np.ndarray) and joined.dtype.kind in "biuf":
            return torch.from_numpy(np.ascontiguousarray(joined))
        if all(isinstance(v, np.ndarray) and v.dtype.kind in "biuf" for v in values):
            return [torch.from_numpy(np.ascontiguousarray(v)) for v in values]
        return joined

    found: dict[str, Any] = _by_key(batch, tensor)
    return found


def collate_detection(batch: Batch) -> tuple[list[Any], list[Any]]:
    """Return a list of images and a list of targets, as torchvision's detection models take them.

    Parameters
    ----------
    batch : sequence of (image, target)
        Samples of a generator with ``output="torch"``.
    """
    pairs = list(batch)
    if any(not isinstance(pair, tuple) or len(pair) != 2 for pair in pairs):
        raise UsageError("samples are no pairs (image, target); make them with output='torch'")
    return [image for image, _ in pairs], [target for _, target in pairs]
