"""Annotations of one item as a file: what `AnnotationCollection.download` writes."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from dlgeom.annotation import AnnotationCollection
from dlgeom.converters.output import Output
from dlgeom.errors import UsageError

__all__ = ["download", "write_file"]

SUFFIXES = {"json": ".json", "vtt": ".vtt"}


def download(
    collection: AnnotationCollection,
    filepath: str | os.PathLike[str],
    annotation_format: str | Sequence[str] = "json",
) -> str:
    """Write a collection in one format; see `AnnotationCollection.download`."""
    names = [annotation_format] if isinstance(annotation_format, str) else list(annotation_format)
    if len(names) != 1:
        raise UsageError(
            f"annotation_format is {annotation_format!r}; one file has one format. Call it again "
            "for each"
        )
    name = str(getattr(names[0], "value", names[0])).lower()
    if name not in SUFFIXES:
        raise UsageError(
            f"annotation_format is {name!r}; annotations are written as {' or '.join(SUFFIXES)}. "
            "Use one of these"
        )
    path = Path(filepath)
    if not path.suffix:
        path = path.with_name(path.name + SUFFIXES[name])
    if name == "vtt":
        from dlgeom.converters.vtt.api import write_vtt_file

        write_vtt_file(collection, path)
        return str(path)
    from dlgeom.converters.dataloop.api import collection_to_json

    whole = collection_to_json(collection, item_metadata=True)
    try:
        data = json.dumps(whole, ensure_ascii=False, allow_nan=False, indent=2).encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair is valid JSON as an escape only.
        data = json.dumps(whole, allow_nan=False, indent=2).encode()
    write_file(path, data)
    return str(path)


def write_file(path: Path, data: bytes) -> None:
    """Write one file under a temporary name and rename it; one that is there is replaced."""
    with Output(path, single=True, overwrite=True) as output, output.file(path.name) as file:
        file.write(data)
