"""Reading and writing VOC without the pipeline, for the tests of this folder."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlgeom.chunk import Chunk
from dlgeom.converters.base import Meta, ReadContext, WriteContext
from dlgeom.converters.output import Output
from dlgeom.converters.problems import Problems
from dlgeom.converters.report import Report
from dlgeom.converters.voc.reader import open_reader
from dlgeom.converters.voc.writer import create_writer
from dlgeom.labels import LabelTable


class Chunks:
    """A reader that has its chunks already."""

    def __init__(self, chunks: list[Chunk], *, source: str = "coco", **meta: Any) -> None:
        labels = chunks[0].labels if chunks else LabelTable()
        self.meta = Meta(format=source, labels=labels, **meta)
        self._chunks = chunks

    def chunks(self, *, grouped: bool, needs: frozenset[str]):
        return iter(self._chunks)


class Voc:
    """What the tests do with VOC folders."""

    Chunks = Chunks

    def open(self, path: Path, *, strict: bool = True, **context: Any):
        problems = Problems(strict=strict)
        context.setdefault("options", {"voc_base": 0})
        return open_reader(Path(path), ReadContext(problems=problems, **context)), problems

    def read(self, path: Path, *, strict: bool = True, **context: Any):
        """Return (reader, one chunk a list, problems)."""
        reader, problems = self.open(path, strict=strict, **context)
        return reader, list(reader.chunks(grouped=True)), problems

    def boxes(self, path: Path, **context: Any) -> dict[str, list[tuple[Any, ...]]]:
        """Return item name -> [(label, l, t, r, b)]."""
        _, chunks, _ = self.read(path, **context)
        found: dict[str, list[tuple[Any, ...]]] = {}
        for chunk in chunks:
            for item in chunk.items:
                found[item.name] = []
            for row in range(len(chunk)):
                name = chunk.items[chunk.item[row]].name
                label = chunk.labels[int(chunk.label[row])].name
                found[name].append((label, *chunk.bounds[row].tolist()))
        return found

    def write(self, source: Any, target: Path, *, task: str = "detect", **context: Any) -> Report:
        """Write a reader (or a path) as VOC and return the report."""
        report = Report()
        strict = context.pop("strict", True)
        problems = Problems(strict=strict, listener=report.tell)
        options = {"voc_base": 0, **context.pop("options", {})}
        reader = source
        if isinstance(source, Path):
            reader = open_reader(source, ReadContext(problems=problems, options=options))
        with Output(target) as output:
            writer = create_writer(
                WriteContext(
                    output=output,
                    meta=reader.meta,
                    problems=problems,
                    task=task,
                    options=options,
                    **context,
                )
            )
            for chunk in reader.chunks(grouped=True, needs=writer.needs):
                report.add(chunk, writer.write(chunk))
            writer.finish()
        report.check()
        return report


@pytest.fixture(scope="session")
def voc() -> Voc:
    return Voc()


@pytest.fixture(scope="session")
def fresh(tmp_path_factory) -> Callable[[], Path]:
    """Return new folders; `mktemp` looks at all that there are, which takes long for thousands."""
    root, numbers = tmp_path_factory.mktemp("voc"), itertools.count()

    def make() -> Path:
        path = root / str(next(numbers))
        path.mkdir()
        return path

    return make


@pytest.fixture(scope="session")
def make_voc() -> Callable[..., Path]:
    """Write a small VOC folder: stem -> XML text."""

    def make(root: Path, files: dict[str, str | bytes], **sets: list[str]) -> Path:
        for stem, text in files.items():
            path = root / "Annotations" / f"{stem}.xml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode() if isinstance(text, str) else text)
        for name, stems in sets.items():
            path = root / "ImageSets" / "Main" / f"{name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{stem}\n" for stem in stems))
        return root

    return make
