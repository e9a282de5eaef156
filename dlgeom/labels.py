"""Labels: the classes that annotations name, with what a file says about each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

__all__ = ["Label", "LabelTable"]


class Label(msgspec.Struct, frozen=True, kw_only=True, eq=True):
    """One class.

    Parameters
    ----------
    name : str
        What annotations say. Names may repeat in a file; the position in a table tells apart.
    id : int or str, optional
        The id that the file gives it (a COCO category id of any size, a YOLO class index).
    parent : str, optional
        Name of the class above it (COCO's supercategory).
    color : tuple of int, optional
        Red, green, blue in 0..255.
    keypoints : tuple of str
        Names of the keypoints that a pose of this class has, in order.
    skeleton : tuple of (int, int)
        Edges between keypoints, counted from 0.
    flip : tuple of int
        For each keypoint the one it becomes when the image is mirrored (YOLO's ``flip_idx``).
    record : bytes
        The JSON record as a COCO file has it, kept so that the way back is exact.
    """

    name: str
    id: int | str | None = None
    parent: str | None = None
    color: tuple[int, int, int] | None = None
    keypoints: tuple[str, ...] = ()
    skeleton: tuple[tuple[int, int], ...] = ()
    flip: tuple[int, ...] = ()
    record: bytes = b""

    @property
    def extra(self) -> dict[str, Any]:
        """Fields of the file's record that no other field holds."""
        if not self.record:
            return {}
        known = {"id", "name", "supercategory", "keypoints", "skeleton", "color"}
        fields = msgspec.json.decode(self.record)
        return {key: value for key, value in fields.items() if key not in known}


class LabelTable:
    """The labels of one run, in order; it only grows, so that an index stays what it was."""

    __slots__ = ("_by_id", "_by_name", "_labels")

    def __init__(self, labels: Iterable[Label | str] = ()) -> None:
        self._labels: list[Label] = []
        self._by_name: dict[str, int] = {}
        self._by_id: dict[object, int] = {}
        for label in labels:
            self.add(label)

    def add(self, label: Label | str) -> int:
        """Append a label and return its index, also where the name is there already."""
        entry = Label(name=label) if isinstance(label, str) else label
        index = len(self._labels)
        self._labels.append(entry)
        self._by_name.setdefault(entry.name, index)
        if entry.id is not None:
            self._by_id.setdefault(entry.id, index)
        return index

    def index(self, name: str) -> int:
        """Return the index of the first label of that name; it is added if there is none."""
        found = self._by_name.get(name)
        return self.add(name) if found is None else found

    def describe(self, index: int, label: Label) -> None:
        """Put a label that says more in the place of one; the name stays.

        A class may be met without its key points first.
        """
        if label.name != self._labels[index].name:
            raise ValueError(f"label {index} is {self._labels[index].name!r}, not {label.name!r}")
        self._labels[index] = label

    def find(self, name: str) -> int | None:
        """Return the index of the first label of that name, or None."""
        return self._by_name.get(name)

    def find_id(self, identifier: object) -> int | None:
        """Return the index of the first label with that id, or None."""
        return self._by_id.get(identifier)

    @property
    def names(self) -> list[str]:
        """Names in order."""
        return [label.name for label in self._labels]

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> Label:
        return self._labels[index]

    def __iter__(self) -> Iterator[Label]:
        return iter(self._labels)

    def __repr__(self) -> str:
        return f"LabelTable({self.names!r})"
