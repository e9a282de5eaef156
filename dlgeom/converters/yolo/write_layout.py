"""Where a target has its label files and images, and the class file that names them."""

from __future__ import annotations

import os
import re
from typing import Protocol

from dlgeom.converters.base import WriteContext
from dlgeom.converters.images import IMAGE_SUFFIXES
from dlgeom.converters.inputs import check_size
from dlgeom.converters.output import FileWriter
from dlgeom.converters.yolo.write_files import Namer, data_yaml, named_splits
from dlgeom.errors import UsageError
from dlgeom.item import Item

__all__ = ["DarknetLayout", "Layout", "UltralyticsLayout"]

_DARKNET_IMAGES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".tiff"})
"""Endings that darknet replaces by ``.txt``; images with others have no labels there."""


class Layout(Protocol):
    """Files of a target besides its rows.

    `namer` gives each item its place, `label_fields` are the fields of classes that are kept.
    """

    namer: Namer
    label_fields: frozenset[str]

    def label(self, place: str) -> str:
        """Return the label file of a place."""
        ...

    def image(self, place: str) -> str:
        """Return the image of a place, without its ending."""
        ...

    def add(self, item: Item, place: str) -> None:
        """Take note of an item that is written."""
        ...

    def finish(self, pose: tuple[int, int] | None) -> None:
        """Write the class file; `pose` is the ``kpt_shape`` of the task pose."""
        ...


class UltralyticsLayout:
    """``labels/<split>/**.txt``, ``images/<split>/**`` and ``data.yaml``."""

    def __init__(self, context: WriteContext, task: str) -> None:
        self._context = context
        self._task = task
        named = {"id", "keypoints", "flip"} if task == "pose" else {"id"}
        self.label_fields = frozenset(named)
        self.namer = Namer(context.problems, context.limits, context.subset or "train")

    def label(self, place: str) -> str:
        """Return the label file of a place."""
        return f"labels/{place}.txt"

    def image(self, place: str) -> str:
        """Return the image of a place, without its ending."""
        return f"images/{place}"

    def add(self, item: Item, place: str) -> None:
        """Do nothing: folders need no list."""

    def finish(self, pose: tuple[int, int] | None) -> None:
        """Write ``data.yaml``."""
        folders = list(self.namer.folders.values())
        meta = self._context.meta
        # Keys of a YOLO source that mean nothing here, such as Roboflow's.
        extra = meta.extra.get("yaml", {}) if meta.format == "yolo" else {}
        text = data_yaml(meta.labels, self._task, folders, pose, extra)
        check_size(text, self._context.limits, "data.yaml", "yaml_bytes")
        self._context.output.write("data.yaml", text)


class DarknetLayout:
    """``obj.data``, ``obj.names``, a list for each split, labels beside the images.

    As CVAT's "YOLO 1.1" has it: folders ``obj_<split>_data``, and ``data/`` before all paths,
    because the folder is meant to be called so where darknet runs.

    Raises
    ------
    UsageError
        For a task other than detect.
    """

    label_fields: frozenset[str] = frozenset()

    def __init__(self, context: WriteContext, task: str) -> None:
        if task != "detect":
            raise UsageError(
                f"darknet's layout holds boxes only, but the task is {task!r}. Use --task detect, "
                "or --yolo-layout ultralytics"
            )
        self._context = context
        self._lists: dict[str, FileWriter] = {}
        self._names: dict[str, str] = {}
        self.namer = Namer(
            context.problems,
            context.limits,
            context.subset or "train",
            form="obj_{}_data",
            moved=frozenset({"images", "JPEGImages"}),
        )

    def label(self, place: str) -> str:
        """Return the label file of a place."""
        return f"{place}.txt"

    def image(self, place: str) -> str:
        """Return the image of a place, without its ending."""
        return place

    def add(self, item: Item, place: str) -> None:
        """Put an image into the list of its split."""
        ending = os.path.splitext(item.name or "")[1]
        ending = ending if ending.lower() in IMAGE_SUFFIXES else ".jpg"
        if ending.lower() not in _DARKNET_IMAGES:
            self._context.problems.notice(
                "image.format",
                f"image {item.name!r} is no format of which darknet finds the labels; it knows "
                "jpg, png, bmp, ppm and tiff",
            )
        line = f"data/{place}{ending}\n"
        self._list(place.partition("/")[0]).write(line.encode("utf-8", "replace"))

    def _list(self, folder: str) -> FileWriter:
        found = self._lists.get(folder)
        if found is None:
            split = folder.removeprefix("obj_").removesuffix("_data")
            known = {"train": "train", "val": "valid", "test": "test"}
            name = next((known[key] for key in known if split.lower().startswith(key)), split)
            taken = {other.lower() for other in self._names.values()}
            name = folder if name in taken else name
            self._names[folder] = name
            found = self._lists[folder] = self._context.output.open(f"{name}.txt")
        return found

    def finish(self, pose: tuple[int, int] | None) -> None:
        """Write ``obj.names`` and ``obj.data``, and end the lists."""
        if not self._lists:
            self._list(self.namer.folder(None))
        for file in self._lists.values():
            file.close()
        names = [
            self._name(index, label.name) for index, label in enumerate(self._context.meta.labels)
        ]
        output = self._context.output
        text = "".join(f"{name}\n" for name in names).encode()
        check_size(text, self._context.limits, "obj.names", "yaml_bytes")
        output.write("obj.names", text)
        folders = {
            folder.removeprefix("obj_").removesuffix("_data"): name
            for folder, name in self._names.items()
        }
        lines = [f"classes = {len(names)}"]
        for key, split in named_splits(list(folders)).items():
            lines.append(f"{'valid' if key == 'val' else key} = data/{folders[split]}.txt")
        lines += ["names = data/obj.names", "backup = backup/"]
        output.write("obj.data", "".join(f"{line}\n" for line in lines).encode())

    def _name(self, index: int, name: str) -> str:
        """Return a name of a class as one line; what it cannot have is told."""
        line = re.sub(r"[\r\n]+", " ", name).strip() or f"class_{index}"
        if line != name:
            self._context.problems.warning(
                "text.trimmed",
                f"class {name!r} is written as {line!r}: obj.names has one name a line, without "
                "blanks around it",
            )
        return line
