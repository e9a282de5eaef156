"""Annotation geometry and format conversion: exact, fast, nothing lost in silence.

Names are loaded when they are first used, so that ``import dlgeom`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dlgeom._version import __version__

if TYPE_CHECKING:
    from dlgeom import (
        batches,
        conversions,
        definitions,
        enums,
        errors,
        operations,
        overlap,
        render,
        testing,
        training,
        transforms,
        video,
    )
    from dlgeom.annotation import Annotation, AnnotationCollection, FrameAnnotation
    from dlgeom.chunk import Chunk
    from dlgeom.converters.converter import Converter
    from dlgeom.converters.pipeline import convert, open_dataset
    from dlgeom.converters.registry import formats
    from dlgeom.dataset import Dataset
    from dlgeom.definitions import (
        Box,
        Classification,
        Comparison,
        Cube,
        Cube3d,
        Definition,
        Description,
        Ellipse,
        FreeText,
        Gis,
        Message,
        Note,
        Point,
        Polygon,
        Polyline,
        Pose,
        RefImage,
        Segmentation,
        Subtitle,
        Text,
        UndefinedAnnotationType,
    )
    from dlgeom.enums import (
        AnnotationFormat,
        AnnotationStatus,
        AnnotationType,
        ExportVersion,
        ViewAnnotationOptions,
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
    from dlgeom.filters import (
        Filters,
        FiltersKnownFields,
        FiltersMethod,
        FiltersOperations,
        FiltersOrderByDirection,
        FiltersResource,
    )
    from dlgeom.geometry.validity import Validity
    from dlgeom.item import Item
    from dlgeom.labels import Label, LabelTable
    from dlgeom.limits import Limits
    from dlgeom.ontology import (
        AttributesRange,
        AttributesTypes,
        Ontology,
        OntologyAttribute,
        OntologyLabel,
    )
    from dlgeom.operations import DataSetDiff, Split, diff, merge, split
    from dlgeom.stats import Statistics, statistics
    from dlgeom.training import DatasetGenerator
    from dlgeom.transforms import Affine

__all__ = [
    "Affine",
    "Annotation",
    "AnnotationCollection",
    "AnnotationFormat",
    "AnnotationStatus",
    "AnnotationType",
    "AttributesRange",
    "AttributesTypes",
    "Box",
    "Chunk",
    "Classification",
    "Comparison",
    "Converter",
    "Cube",
    "Cube3d",
    "DataSetDiff",
    "Dataset",
    "DatasetGenerator",
    "Definition",
    "Description",
    "DlgeomError",
    "Ellipse",
    "ExportVersion",
    "Filters",
    "FiltersKnownFields",
    "FiltersMethod",
    "FiltersOperations",
    "FiltersOrderByDirection",
    "FiltersResource",
    "FormatError",
    "FrameAnnotation",
    "FreeText",
    "GeometryError",
    "Gis",
    "InternalError",
    "Item",
    "Label",
    "LabelTable",
    "LimitError",
    "Limits",
    "Message",
    "MissingDependencyError",
    "Note",
    "Ontology",
    "OntologyAttribute",
    "OntologyLabel",
    "OutputError",
    "Point",
    "Polygon",
    "Polyline",
    "Pose",
    "RefImage",
    "Segmentation",
    "Split",
    "Statistics",
    "Subtitle",
    "Text",
    "UndefinedAnnotationType",
    "UnknownFormatError",
    "UsageError",
    "Validity",
    "ViewAnnotationOptions",
    "__version__",
    "batches",
    "conversions",
    "convert",
    "definitions",
    "diff",
    "enums",
    "errors",
    "formats",
    "merge",
    "open_dataset",
    "operations",
    "overlap",
    "render",
    "split",
    "statistics",
    "testing",
    "training",
    "transforms",
    "video",
]

_MODULES = {
    "annotation": ("Annotation", "AnnotationCollection", "FrameAnnotation"),
    "chunk": ("Chunk",),
    "converters.converter": ("Converter",),
    "converters.pipeline": ("convert", "open_dataset"),
    "converters.registry": ("formats",),
    "dataset": ("Dataset",),
    "definitions": (
        "Box",
        "Classification",
        "Comparison",
        "Cube",
        "Cube3d",
        "Definition",
        "Description",
        "Ellipse",
        "FreeText",
        "Gis",
        "Message",
        "Note",
        "Point",
        "Polygon",
        "Polyline",
        "Pose",
        "RefImage",
        "Segmentation",
        "Subtitle",
        "Text",
        "UndefinedAnnotationType",
    ),
    "enums": (
        "AnnotationFormat",
        "AnnotationStatus",
        "AnnotationType",
        "ExportVersion",
        "ViewAnnotationOptions",
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
    "filters": (
        "Filters",
        "FiltersKnownFields",
        "FiltersMethod",
        "FiltersOperations",
        "FiltersOrderByDirection",
        "FiltersResource",
    ),
    "geometry.validity": ("Validity",),
    "item": ("Item",),
    "labels": ("Label", "LabelTable"),
    "limits": ("Limits",),
    "transforms": ("Affine",),
    "operations": ("DataSetDiff", "Split", "diff", "merge", "split"),
    "ontology": (
        "AttributesRange",
        "AttributesTypes",
        "Ontology",
        "OntologyAttribute",
        "OntologyLabel",
    ),
    "stats": ("Statistics", "statistics"),
    "training": ("DatasetGenerator",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}
_SUBMODULES = (
    "batches",
    "conversions",
    "definitions",
    "enums",
    "errors",
    "operations",
    "overlap",
    "render",
    "testing",
    "training",
    "transforms",
    "video",
)
_CONSTANTS = ("ANNOTATION_", "VIEW_ANNOTATION_OPTIONS_", "EXPORT_VERSION_")


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return import_module(f"dlgeom.{name}")
    if name.startswith(_CONSTANTS):
        # Members of enumerations: ANNOTATION_TYPE_BOX, VIEW_ANNOTATION_OPTIONS_MASK...
        found = import_module("dlgeom.enums").constants()
        globals().update(found)
        if name in found:
            return found[name]
    if name not in _HOME:
        raise AttributeError(f"module 'dlgeom' has no attribute {name!r}")
    value = getattr(import_module(f"dlgeom.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
