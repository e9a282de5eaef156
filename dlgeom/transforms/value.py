"""The matrix and sizes of an affine map as an immutable value; chains and inverses."""

from __future__ import annotations

from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlgeom.definitions.base import read_only
from dlgeom.errors import UsageError
from dlgeom.geometry import affine as maps

__all__ = ["AffineValue", "Size", "checked_size"]

Floats = NDArray[np.float64]
Size = tuple[int, int]


def checked_size(value: object, what: str) -> Size:
    """Return (width, height) as whole numbers > 0, or raise `UsageError` that names `what`."""
    given: Any = value
    whole = (0, 0)
    try:
        width, height = given
        whole = (int(width), int(height))
        exact = whole == (width, height) and not ({type(width), type(height)} & {bool, np.bool_})
    except (TypeError, ValueError, OverflowError):
        exact = False
    if not exact or min(whole) <= 0:
        raise UsageError(
            f"{what} is {value!r}; it is (width, height) in whole pixels, both > 0. "
            "Shapes of arrays are the other way round"
        )
    return whole


class AffineValue:
    """What `dlgeom.Affine` is, without what it does."""

    __slots__ = ("_matrix", "size", "source")

    _matrix: Floats
    size: Size | None
    source: Size | None

    def __init__(
        self, matrix: ArrayLike, size: Size | None = None, source: Size | None = None
    ) -> None:
        put = object.__setattr__
        put(self, "_matrix", read_only(maps.matrix_of(matrix)))
        put(self, "size", None if size is None else checked_size(size, "Affine: size"))
        put(self, "source", None if source is None else checked_size(source, "Affine: source"))

    @property
    def matrix(self) -> Floats:
        """The map as a read-only matrix, shape (3, 3)."""
        return self._matrix

    @property
    def det(self) -> float:
        """By what factor areas grow; negative where it mirrors."""
        return maps.determinant(self._matrix)

    @property
    def mirrors(self) -> bool:
        """Whether left and right change places."""
        return self.det < 0

    @property
    def inverse(self) -> Self:
        """The map back: `size` and `source` change places.

        Raises
        ------
        GeometryError
            If it presses the plane onto a line or a point.
        """
        return type(self)(maps.inverse(self._matrix), self.source, self.size)

    def __invert__(self) -> Self:
        return self.inverse

    def then(self, other: AffineValue) -> Self:
        """Return the map that does this one first and then the other.

        Raises
        ------
        UsageError
            If the other one is for an image of another size than this one gives.
        """
        if not isinstance(other, AffineValue):
            raise UsageError(f"then: {other!r} is no Affine")
        if self.size and other.source and self.size != other.source:
            raise UsageError(
                f"the first map gives an image of {self.size}, the second is for one of "
                f"{other.source} (width, height); they have to be equal. Build the second with "
                "the size that the first gives"
            )
        before = self.source
        if before is None and self.size is None:
            before = other.source
        return type(self)(
            maps.product(other._matrix, self._matrix), other.size or self.size, before
        )

    def __matmul__(self, first: object) -> Self:
        if not isinstance(first, type(self)):
            return NotImplemented
        return first.then(self)

    def for_image(self, size: Size | None) -> Self:
        """Return the same map for images of `size`, which they keep unless it changes it.

        Raises
        ------
        UsageError
            If it is for images of another size.
        """
        if size is None:
            return self
        if self.source is not None and self.source != size:
            raise UsageError(
                f"the map is for an image of {self.source}, this one is {size} (width, height). "
                "Build it with size= of this image"
            )
        return type(self)(self._matrix, self.size or size, size)

    # Values.

    def _key(self) -> tuple[Any, ...]:
        return self._matrix.tobytes(), self.size, self.source

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, AffineValue) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def is_close(self, other: AffineValue, *, atol: float) -> bool:
        """Whether sizes are equal and no number of the matrices differs by more than `atol`."""
        return (self.size, self.source) == (other.size, other.source) and bool(
            (np.abs(self._matrix - other._matrix) <= atol).all()
        )

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"Affine.{name} is read-only; maps are values. Build a new one")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"Affine.{name} is read-only; maps are values")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (np.array(self._matrix), self.size, self.source)

    def __repr__(self) -> str:
        rows = self._matrix[:2].tolist()
        given = [f"{name}={value}" for name in ("size", "source") if (value := getattr(self, name))]
        return f"Affine({', '.join([str(rows), *given])})"
