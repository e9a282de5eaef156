"""Subtitle files as a source: one file, or all of a folder and the folders below it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path

from dlgeom.annotation import Annotation
from dlgeom.converters.base import Meta, ReadContext
from dlgeom.converters.find import find_files
from dlgeom.converters.inputs import check_inside, read_bytes
from dlgeom.converters.items import ItemReader, ItemRecord
from dlgeom.converters.names import safe_name
from dlgeom.converters.problems import Problems
from dlgeom.errors import FormatError
from dlgeom.item import Item
from dlgeom.labels import LabelTable

__all__ = ["SubtitleReader"]


class SubtitleReader(ItemReader):
    """Reads each file as an item whose name is the file's path.

    Subclasses give `suffix` and `read`.

    Parameters
    ----------
    path : Path
        A file or a folder.
    name : str
        Name of the format.
    context : ReadContext
        Problems, limits and options.
    """

    unit = "line {}"
    suffix = ""

    def __init__(self, path: Path, name: str, context: ReadContext) -> None:
        super().__init__(Meta(format=name, labels=LabelTable()), context)
        self._root = path
        self._files = find_files(path, self.suffix)

    def count(self) -> int:
        """Return how many files there are."""
        return len(self._files)

    def kinds(self) -> set[str]:
        """Return what occurs: subtitles only."""
        return {"other"}

    def records(self, problems: Problems) -> Iterator[ItemRecord]:
        """Yield a record for each file; one of many that cannot be trusted is left out."""
        for file in self._files:
            try:
                if self._root.is_dir():
                    check_inside(file.path, self._root, file.shown)
                name, _ = safe_name(file.shown, limits=self.context.limits, shown=file.shown)
                data = read_bytes(file.path, limits=self.context.limits, shown=file.shown)
                item = Item(name=name, media="audio")
                item, annotations, lines = self.read(data, item, file.shown, problems)
            except FormatError as error:
                if len(self._files) == 1:
                    raise
                problems.file(error)
                continue
            yield ItemRecord(item, annotations, file.shown, lines)

    @abstractmethod
    def read(
        self, data: bytes, item: Item, shown: str, problems: Problems
    ) -> tuple[Item, list[Annotation], list[int]]:
        """Read a file.

        Parameters
        ----------
        data : bytes
            Its content.
        item : Item
            What the annotations belong to.
        shown : str
            Its path, for messages.
        problems : Problems
            Where to tell what is wrong.

        Returns
        -------
        item : Item
            With what the file says beside its cues.
        annotations : list of Annotation
            In the file's order.
        lines : list of int
            Number of the line of each, from 1.
        """
