"""The videos of a file: one for each task that has tracks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from dlgeom.annotation import Annotation
from dlgeom.converters.cvat.meta import FileMeta, Task
from dlgeom.converters.find import Found
from dlgeom.converters.items import ItemRecord
from dlgeom.converters.names import safe_name
from dlgeom.errors import DlgeomError
from dlgeom.item import Item

__all__ = ["Films"]


class Films:
    """The videos of a file, by task.

    Parameters
    ----------
    file : Found
        The file; its name is that of a video of which nothing else tells one.
    meta : FileMeta
        Its tasks.
    """

    def __init__(self, file: Found, meta: FileMeta) -> None:
        self._file = file
        self._tasks = list(meta.tasks)
        self._given = len(self._tasks)
        self._by_id = {task.id: task for task in reversed(self._tasks) if task.id is not None}
        self._found: dict[int, tuple[list[Annotation], list[int]]] = {}
        self._only = self._tasks[0] if len(self._tasks) == 1 else None
        self._nameless: Task | None = None
        self._ids: set[tuple[int, str | None]] = set()

    def task_of(self, identifier: str | None) -> Task:
        """Return the task of a track; one that the file does not describe is made up."""
        if identifier is not None and identifier in self._by_id:
            return self._by_id[identifier]
        if self._only is not None and identifier is None:
            return self._only
        if identifier is None:
            if self._nameless is None:
                self._nameless = Task()
                self._tasks.append(self._nameless)
            return self._nameless
        task = Task(id=identifier, name=f"task {identifier}")
        self._by_id[identifier] = task
        self._tasks.append(task)
        return task

    def add(self, task: Task, annotation: Annotation, number: int) -> bool:
        """Keep an annotation until its video is complete; return whether its id is new there."""
        found = self._found.setdefault(id(task), ([], []))
        found[0].append(annotation)
        found[1].append(number)
        key = (id(task), annotation.object_id)
        fresh = annotation.object_id is None or key not in self._ids
        self._ids.add(key)
        return fresh

    def records(self, *, alone: bool) -> Iterator[ItemRecord]:
        """Yield the videos; `alone` says that the file has no images, so that it is one itself."""
        for place, task in enumerate(self._tasks):
            annotations, numbers = self._found.get(id(task), ([], []))
            empty = alone and task.mode == "interpolation" and place < self._given
            if annotations or empty:
                item = self._item(task)
                for annotation in annotations:
                    annotation.item = item
                yield ItemRecord(item, annotations, self._file.shown, numbers)

    def _item(self, task: Task) -> Item:
        identifier = task.id if self._given > 1 or task.id is None else None
        fields: dict[str, Any] = {"task": task.xml} if task.xml else {}
        if identifier is not None:
            fields["task_id"] = identifier
        return Item(
            name=self._name(task),
            width=task.width,
            height=task.height,
            media="video",
            fps=task.fps,
            frame_count=None if task.last is None else task.last + 1,
            subset=task.subset,
            fields=fields or None,
        )

    def _name(self, task: Task) -> str:
        """Return the name of the video; of an address or an absolute path its last part."""
        for text in (task.source, task.name, self._file.path.stem):
            for name in (text, re.split(r"[\\/]", text.strip())[-1]):
                try:
                    return safe_name(name)[0]
                except DlgeomError:
                    continue
        return "video"
