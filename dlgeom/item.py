"""Items: the images (videos, texts...) that annotations belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from dlgeom.annotation import ItemAnnotations

__all__ = ["Item"]

RECORD_FIELDS = frozenset({"id", "file_name", "width", "height"})


class Item(msgspec.Struct, eq=True):
    """One image, video, audio or text of a data set.

    Parameters
    ----------
    name : str, optional
        Relative path in the data set, with ``/`` between folders.
    width, height : int, optional
        Size in pixels of the upright (displayed) image.
    media : str
        ``image``, ``video``, ``audio`` or ``text``.
    fps : float, optional
        Frames in a second.
    frame_count : int, optional
        Number of frames.
    exif_orientation : int, optional
        1..8 as in the file's EXIF header; `width` and `height` are those after turning.
    metadata : dict, optional
        Anything the user keeps with it.
    id : int or str, optional
        The id that the source gives it.
    subset : str, optional
        Name of its split.
    number : int
        Position among the items of one run; a reader gives each item its own.
    file : str, optional
        Path of its image below the folder of images, where its name does not lead there.
    record : bytes
        The JSON record as a COCO file has it, kept so that the way back is exact.
    raw : bytes
        The same of a format with a file for each item, without its annotations.
    """

    name: str | None = None
    width: int | None = None
    height: int | None = None
    media: str = "image"
    fps: float | None = None
    frame_count: int | None = None
    exif_orientation: int | None = None
    metadata: dict[str, Any] | None = None
    id: int | str | None = None
    subset: str | None = None
    number: int = -1
    record: bytes = b""
    raw: bytes = b""
    fields: dict[str, Any] | None = None
    file: str | None = None

    @property
    def extra(self) -> dict[str, Any]:
        """Fields of the source that no other field holds."""
        if self.fields is None and self.record:
            values = msgspec.json.decode(self.record)
            return {key: value for key, value in values.items() if key not in RECORD_FIELDS}
        return dict(self.fields or {})

    @property
    def shape(self) -> tuple[int, int] | None:
        """(height, width) of the image, or None where the size is not known."""
        if self.width is None or self.height is None:
            return None
        return self.height, self.width

    @property
    def tells_media(self) -> bool:
        """Whether `media` is known rather than the default: by a name or a type of the file."""
        if self.name is not None or self.media != "image":
            return True
        system = (self.metadata or {}).get("system")
        return isinstance(system, dict) and isinstance(system.get("mimetype"), str)

    @property
    def annotations(self) -> ItemAnnotations:
        """Access to collections tied to this item: ``item.annotations.builder()``."""
        from dlgeom.annotation import ItemAnnotations

        return ItemAnnotations(self)

    @classmethod
    def from_file(cls, path: str) -> Item:
        """Read name and size from an image header, turned upright by its EXIF orientation."""
        from dlgeom.converters.images import item_from_file

        return item_from_file(path)
