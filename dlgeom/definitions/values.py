"""Checks of what definitions are given, and values that cannot be changed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.errors import GeometryError, UsageError

__all__ = [
    "NO_ATTRIBUTES",
    "Attributes",
    "AttributesLike",
    "FrozenDict",
    "FrozenList",
    "checked_text",
    "float_array",
    "frozen_attributes",
    "frozen_json",
    "json_key",
    "needed_text",
    "number",
    "points_array",
    "read_only",
    "shortened",
]


def _refuse(self: object, *args: object, **kwargs: object) -> NoReturn:
    raise TypeError(
        "this value is read-only; definitions are values. Build a new one, for attributes with "
        "definition.replace(attributes={...}), or set annotation.attributes"
    )


class FrozenDict(dict[str, Any]):
    """A dict that cannot be changed; equal to a plain dict with the same entries.

    A `dict` rather than a mapping proxy because it has to pickle and to go into JSON as it is.
    """

    __slots__ = ()

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)


class FrozenList(list[Any]):
    """A list that cannot be changed; equal to a plain list with the same entries."""

    __slots__ = ()

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (list(self),)


Attributes = FrozenDict | FrozenList
AttributesLike = Mapping[str, Any] | Sequence[str] | None
NO_ATTRIBUTES = FrozenDict()


def _frozen(value: Any) -> Any:
    """Copy a JSON-like value into one that cannot be changed."""
    if isinstance(value, FrozenDict | FrozenList):
        return value
    if isinstance(value, Mapping):
        return FrozenDict({key: _frozen(entry) for key, entry in value.items()})
    if isinstance(value, list):
        return FrozenList([_frozen(entry) for entry in value])
    if type(value) is tuple:
        return tuple(_frozen(entry) for entry in value)
    if isinstance(value, set):
        return frozenset(value)
    if isinstance(value, bytearray):
        return bytes(value)
    if isinstance(value, np.ndarray):
        return _frozen(value.tolist())
    return value.item() if isinstance(value, np.generic) else value


def frozen_attributes(value: AttributesLike) -> Attributes:
    """Copy attributes into their read-only form.

    Parameters
    ----------
    value : mapping of str to value, sequence of str, or None
        The list of strings is the platform's older form.

    Raises
    ------
    UsageError
        If it is neither, or a key is not text.
    """
    if value is None:
        return NO_ATTRIBUTES
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise UsageError(
                    f"attribute key {key!r} is no text; keys are str. Use str({key!r})"
                )
        return FrozenDict(_frozen(value)) if value else NO_ATTRIBUTES
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise UsageError(
            f"attributes is {value!r}; it is a dict {{key: value}} or a list of strings. "
            "Use attributes={'key': value}"
        )
    names = list(value)
    for name in names:
        if not isinstance(name, str):
            raise UsageError(
                f"attributes has the entry {name!r}; a list of attributes holds strings only. "
                "Use a dict for values of other types"
            )
    return FrozenList(names) if names else NO_ATTRIBUTES


def frozen_json(value: Any, what: str) -> Any:
    """Copy a JSON value into one that cannot be changed; tuples and arrays become lists.

    Raises
    ------
    GeometryError
        If there is something in it that JSON cannot hold; the message names `what`.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, np.ndarray | np.generic):
        return frozen_json(value.tolist(), what)
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        raise GeometryError(f"{what} has {value}; JSON holds finite numbers only. Leave it out")
    if isinstance(value, list | tuple):
        return FrozenList([frozen_json(entry, what) for entry in value])
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise GeometryError(f"{what} has the key {key!r}; keys of JSON are text")
        return FrozenDict({key: frozen_json(entry, what) for key, entry in value.items()})
    raise GeometryError(
        f"{what} has {value!r}; it holds JSON values: text, numbers, true, false, null, lists and "
        "dicts of them. Convert it first"
    )


def json_key(value: Any) -> Any:
    """Return something hashable that is equal for equal JSON values."""
    if isinstance(value, dict):
        return frozenset((key, json_key(entry)) for key, entry in value.items())
    if isinstance(value, list):
        return tuple(json_key(entry) for entry in value)
    return value


def number(value: object, what: str) -> float:
    """Return a finite float, or raise `GeometryError` that names `what`."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, bool | np.bool_) or not isinstance(
        value, int | float | np.floating | np.integer
    ):
        raise GeometryError(f"{what} is {value!r}; it has to be a number. Convert it first")
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise GeometryError(f"{what} is {result}; coordinates are finite. Correct or leave it out")
    return result


def float_array(values: ArrayLike, what: str, rule: str) -> NDArray[np.float64]:
    """Copy numbers into a new float64 array, or raise `GeometryError`.

    Text that reads as a number, truth values and complex numbers are none; numpy takes them.
    """
    try:
        given = np.asarray(values)
        if given.size == 0 or given.dtype.kind in "iuf":
            return np.array(given, dtype=np.float64)
        if given.dtype.kind == "O":  # integers beyond 64 bits, or things of several types
            flat = [number(entry, what) for entry in given.ravel().tolist()]
            return np.array(flat, dtype=np.float64).reshape(given.shape)
        problem = f"dtype {given.dtype}"
    except (TypeError, ValueError) as error:
        if isinstance(error, GeometryError):
            raise
        problem = str(error)
    raise GeometryError(f"{what} is no array of numbers ({problem}); {rule}")


def points_array(values: ArrayLike, what: str) -> NDArray[np.float64]:
    """Copy vertices into a float64 array of shape (n, 2), or raise `GeometryError`."""
    array = float_array(values, what, "give [[x, y], ...] in pixels")
    if array.ndim != 2 or array.shape[1] != 2:
        raise GeometryError(f"{what} has shape {array.shape}; expected (n, 2), x then y")
    if not np.isfinite(array).all():
        bad = int(np.flatnonzero(~np.isfinite(array).all(axis=1))[0])
        raise GeometryError(
            f"{what}: vertex {bad} is {array[bad].tolist()}; coordinates are finite. "
            "Correct or leave it out"
        )
    return array


def checked_text(value: object, what: str) -> str | None:
    """Return a text or None, or raise `UsageError` that names `what`."""
    if value is None or isinstance(value, str):
        return value
    raise UsageError(f"{what} is {value!r}; it has to be text. Use str({value!r})")


def needed_text(value: object, what: str) -> str:
    """Return a text, or raise `UsageError` that names `what`."""
    if isinstance(value, str):
        return value
    raise UsageError(f"{what} is {value!r}; it has to be text. Use str(...)")


def shortened(text: str) -> str:
    """Return the repr of a text for the repr of a definition, cut where it is long."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a read-only view, or the array itself if it is read-only already."""
    if not array.flags.writeable:
        return array
    view = array.view()
    view.flags.writeable = False
    return view
