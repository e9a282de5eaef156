"""Which images a file has already, and with which ids."""

from __future__ import annotations

from array import array
from typing import Any

from dlgeom.item import Item

__all__ = ["SeenImages"]

_BITS = 10
_SIZE = 1 << _BITS
# Two numbers that stand for no id, and for the id that the item itself has.
_NONE, _OWN = -(1 << 63), -(1 << 63) + 1
_WORD = range(_OWN + 1, 1 << 63)


class SeenImages:
    """The ids that images have got, by the numbers of the images in the run.

    Eight bytes an image where the ids are integers or the images' own; numbers come in long runs,
    so that pages of a thousand are full.

    Examples
    --------
    >>> seen = SeenImages()
    >>> seen.put(Item("a.png", number=7), 12)
    >>> seen.get(Item("a.png", number=7)), seen.get(Item("b.png", number=8))
    (12, None)
    """

    __slots__ = ("_loose", "_odd", "_pages")

    def __init__(self) -> None:
        self._pages: dict[int, array[int]] = {}
        # Ids that are no integers of 64 bits, and not the item's own.
        self._odd: dict[int, Any] = {}
        # Items without a number, which stay here: their id() must not be that of another.
        self._loose: dict[int, tuple[Item, Any]] = {}

    def get(self, item: Item) -> Any:
        """Return the id of an image, None if it is new."""
        number = item.number
        if number < 0:
            loose = self._loose.get(id(item))
            return None if loose is None else loose[1]
        page = self._pages.get(number >> _BITS)
        found = _NONE if page is None else page[number & _SIZE - 1]
        if found == _NONE:
            return self._odd.get(number)
        return item.id if found == _OWN else found

    def put(self, item: Item, identifier: Any) -> None:
        """Note the id of an image."""
        number = item.number
        if number < 0:
            self._loose[id(item)] = item, identifier
            return
        word = type(identifier) is int and identifier in _WORD
        if not word and identifier is not item.id:
            self._odd[number] = identifier
            return
        page = self._pages.get(number >> _BITS)
        if page is None:
            page = self._pages[number >> _BITS] = array("q", [_NONE]) * _SIZE
        page[number & _SIZE - 1] = identifier if word else _OWN
