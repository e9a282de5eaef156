"""Enumerations and their constants."""

from __future__ import annotations

import json
import pickle

import pytest

import dlgeom
from dlgeom import enums
from dlgeom.definitions import Definition, Message, UndefinedAnnotationType

ENUMS = [getattr(enums, name) for name in enums.__all__ if name != "constants"]


@pytest.mark.parametrize("kind", ENUMS)
def test_members_are_text_and_constants_of_the_package(kind: type[enums.AnnotationType]) -> None:
    prefix = {value: key for key, value in enums.PREFIXES.items()}[kind]
    for member in kind:
        assert isinstance(member, str)
        assert member == member.value == str(member) == f"{member}"
        assert json.loads(json.dumps([member])) == [member.value]
        assert pickle.loads(pickle.dumps(member)) is member
        assert getattr(dlgeom, f"{prefix}_{member.name}") is member
        assert kind(member.value.upper()) is member
    with pytest.raises(ValueError, match="nothing"):
        kind("nothing")
    with pytest.raises(ValueError, match="3"):
        kind(3)


def test_prefixes_are_the_class_names() -> None:
    for prefix, kind in enums.PREFIXES.items():
        assert prefix.replace("_", "").lower() == kind.__name__.lower()
    assert set(enums.PREFIXES.values()) == set(ENUMS)


def test_documented_names_and_values() -> None:
    assert dlgeom.VIEW_ANNOTATION_OPTIONS_MASK == "mask"
    assert dlgeom.VIEW_ANNOTATION_OPTIONS_ANNOTATION_ON_IMAGE == "img_mask"
    assert [member.value for member in enums.ViewAnnotationOptions] == [
        *("json", "mask", "instance", "img_mask", "vtt", "object_id")
    ]
    assert {member.value for member in enums.AnnotationStatus} == {
        *("issue", "approved", "review", "clear")
    }
    assert (dlgeom.EXPORT_VERSION_V1, dlgeom.EXPORT_VERSION_V2) == ("v1", "v2")
    assert enums.ExportVersion("V2") is enums.ExportVersion.V2


def test_each_definition_has_its_type_string() -> None:
    kinds = {getattr(dlgeom.definitions, name) for name in dlgeom.definitions.__all__}
    kinds -= {Definition, Message, UndefinedAnnotationType}
    known = {member.value for member in enums.AnnotationType}
    assert {kind.type for kind in kinds} <= known
    assert known - {kind.type for kind in kinds} == {
        *("polyline_3d", "semantic_3d", "ref_semantic_3d")
    }


def test_names_of_formats_are_registered_or_known() -> None:
    known = {member.value for member in enums.AnnotationFormat}
    assert set(dlgeom.formats()) <= known


def test_a_constant_that_is_none_is_an_attribute_error() -> None:
    for name in ("ANNOTATION_TYPE_NOTHING", "EXPORT_VERSION_V9", "ANNOTATION_"):
        assert not hasattr(dlgeom, name)
