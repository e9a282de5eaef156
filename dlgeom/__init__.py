"""Annotation geometry and format conversion: exact, fast, nothing lost in silence.

Names are loaded when they are first used, so that ``import dlgeom`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dlgeom._version import __version__

if TYPE_CHECKING:
    from dlgeom import conversions, definitions, errors
    from dlgeom.annotation import Annotation, AnnotationCollection
    from dlgeom.chunk import Chunk
    from dlgeom.converters.pipeline import convert, open_dataset
    from dlgeom.converters.registry import formats
    from dlgeom.dataset import Dataset
    from dlgeom.definitions import (
        Box,
        Classification,
        Definition,
        Description,
        Point,
        Polygon,
        Pose,
        Segmentation,
    )
    from dlgeom.errors import (
        DlgeomError,
        FormatError,
        GeometryError,
        InternalError,
        LimitError,
        MissingDependencyError,
        OutputError,
        UnknownFormatError,
        UsageError,
    )
    from dlgeom.item import Item
    from dlgeom.labels import Label, LabelTable
    from dlgeom.limits import Limits

__all__ = [
    "Annotation",
    "AnnotationCollection",
    "Box",
    "Chunk",
    "Classification",
    "Dataset",
    "Definition",
    "Description",
    "DlgeomError",
    "FormatError",
    "GeometryError",
    "InternalError",
    "Item",
    "Label",
    "LabelTable",
    "LimitError",
    "Limits",
    "MissingDependencyError",
    "OutputError",
    "Point",
    "Polygon",
    "Pose",
    "Segmentation",
    "UnknownFormatError",
    "UsageError",
    "__version__",
    "conversions",
    "convert",
    "definitions",
    "errors",
    "formats",
    "open_dataset",
]

_MODULES = {
    "annotation": ("Annotation", "AnnotationCollection"),
    "chunk": ("Chunk",),
    "converters.pipeline": ("convert", "open_dataset"),
    "converters.registry": ("formats",),
    "dataset": ("Dataset",),
    "definitions": (
        "Box",
        "Classification",
        "Definition",
        "Description",
        "Point",
        "Polygon",
        "Pose",
        "Segmentation",
    ),
    "errors": (
        "DlgeomError",
        "FormatError",
        "GeometryError",
        "InternalError",
        "LimitError",
        "MissingDependencyError",
        "OutputError",
        "UnknownFormatError",
        "UsageError",
    ),
    "item": ("Item",),
    "labels": ("Label", "LabelTable"),
    "limits": ("Limits",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}
_SUBMODULES = ("conversions", "definitions", "errors")


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return import_module(f"dlgeom.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'dlgeom' has no attribute {name!r}")
    value = getattr(import_module(f"dlgeom.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
