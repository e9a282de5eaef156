"""Attributes of an ontology: the questions that annotators answer for the objects of a label.

A view on the platform's JSON record: what is set changes its key, what nobody touches stays as
it was read, unknown keys included.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from dlgeom.errors import UsageError

__all__ = ["AttributesRange", "AttributesTypes", "OntologyAttribute"]


class AttributesTypes(StrEnum):
    """Kinds of attributes, as the platform spells them."""

    CHECKBOX = "checkbox"
    """Any of the values."""
    RADIO_BUTTON = "options"
    """One of the values; files also have ``radio_button``."""
    SLIDER = "range"
    """A number of a range."""
    YES_NO = "boolean"
    """True or false."""
    FREE_TEXT = "freeText"
    """Any text."""


_SPELLINGS = {"radio_button": AttributesTypes.RADIO_BUTTON}


class AttributesRange(msgspec.Struct, frozen=True):
    """The range of a slider, both ends included.

    Parameters
    ----------
    min_range, max_range : float
        Smallest and largest value.
    step : float
        Distance between two values.
    """

    min_range: float
    max_range: float
    step: float = 1

    def to_json(self) -> dict[str, float]:
        """Return the platform's form."""
        return {"min": self.min_range, "max": self.max_range, "step": self.step}


class OntologyAttribute:
    """One attribute.

    Parameters
    ----------
    key : str
        Its id; unique in an ontology.
    type : AttributesTypes or str
        What kind of answer it takes.
    title : str, optional
        The question.
    scope : list of str, optional
        Full names of the labels that have it; ``["*"]``, which is the default, for all.
    values : list, optional
        The answers of a checkbox or a radio button.
    range : AttributesRange or mapping, optional
        That of a slider.
    optional : bool, optional
        Whether it may be left without an answer.

    Raises
    ------
    UsageError
        If the type is not known, or lacks what it needs.
    """

    __slots__ = ("_raw",)

    def __init__(
        self,
        key: str,
        type: AttributesTypes | str,  # noqa: A002 - the platform's word
        title: str | None = None,
        scope: Iterable[str] | None = None,
        values: Iterable[Any] | None = None,
        range: AttributesRange | Mapping[str, float] | None = None,  # noqa: A002 - likewise
        optional: bool | None = None,
    ) -> None:
        if not isinstance(key, str) or not key:
            raise UsageError(f"attribute key is {key!r}; it is text. Give it a name")
        kind = _type_of(type)
        listed = None if values is None else list(values)
        if kind in (AttributesTypes.CHECKBOX, AttributesTypes.RADIO_BUTTON) and not listed:
            raise UsageError(f"attribute {key!r} has no values; a {kind.name} needs some")
        span = range.to_json() if isinstance(range, AttributesRange) else range
        if kind is AttributesTypes.SLIDER:
            span = _range_of(key, span)
        labels = ["*"] if scope is None else [scope] if isinstance(scope, str) else list(scope)
        self._raw: dict[str, Any] = {"key": key, "type": str(kind), "scope": labels}
        if title is not None:
            self._raw["title"] = title
        if listed is not None:
            self._raw["values"] = listed
        if span is not None:
            self._raw["range"] = dict(span)
        if optional is not None:
            self._raw["optional"] = optional

    @classmethod
    def from_json(cls, _json: Mapping[str, Any]) -> OntologyAttribute:
        """Take the platform's record; nothing of it is lost or checked."""
        self = cls.__new__(cls)
        self._raw = copy.deepcopy(dict(_json))
        return self

    def to_json(self) -> dict[str, Any]:
        """Return the platform's record."""
        return copy.deepcopy(self._raw)

    def _get(self, key: str) -> Any:
        """Return a value of the record, or of what the platform keeps for its editor."""
        found = self._raw.get(key)
        if found is None:
            inner = self._raw.get("scriptData")
            found = inner.get(key) if isinstance(inner, dict) else None
        return found

    def _set(self, key: str, value: Any) -> None:
        """Set a value wherever the record has it; one place if it is new."""
        inner = self._raw.get("scriptData")
        if isinstance(inner, dict) and key in inner:
            inner[key] = value
            if key not in self._raw:
                return
        self._raw[key] = value

    @property
    def key(self) -> str:
        """Its id."""
        return str(self._raw.get("key", ""))

    @property
    def type(self) -> AttributesTypes | str:
        """Its kind; the text of the file where that is none that is known."""
        text = self._raw.get("type", "")
        if text in _SPELLINGS:
            return _SPELLINGS[text]
        return AttributesTypes(text) if text in AttributesTypes._value2member_map_ else str(text)

    @property
    def title(self) -> str | None:
        """The question."""
        found: str | None = self._get("title")
        return found

    @title.setter
    def title(self, value: str) -> None:
        self._set("title", value)

    @property
    def scope(self) -> list[str]:
        """Full names of the labels that have it; ``["*"]`` for all."""
        found = self._raw.get("scope")
        if isinstance(found, str):
            return [found]
        return ["*"] if found is None else list(found)

    @scope.setter
    def scope(self, value: Iterable[str]) -> None:
        self._raw["scope"] = [value] if isinstance(value, str) else list(value)

    @property
    def values(self) -> list[Any] | None:
        """The answers to choose from."""
        found = self._get("values")
        return None if found is None else list(found)

    @values.setter
    def values(self, value: Iterable[Any]) -> None:
        self._raw["values"] = list(value)

    @property
    def range(self) -> AttributesRange | None:
        """That of a slider."""
        found = self._raw.get("range")
        if not isinstance(found, dict) or not {"min", "max"} <= found.keys():
            return None
        return AttributesRange(found["min"], found["max"], found.get("step", 1))

    @range.setter  # noqa: A003
    def range(self, value: AttributesRange | Mapping[str, float]) -> None:
        span = value.to_json() if isinstance(value, AttributesRange) else value
        self._raw["range"] = {**(self._raw.get("range") or {}), **_range_of(self.key, span)}

    @property
    def optional(self) -> bool | None:
        """Whether it may be left without an answer."""
        found: bool | None = self._get("optional")
        return found

    @optional.setter
    def optional(self, value: bool) -> None:
        self._set("optional", value)

    def applies_to(self, label: str) -> bool:
        """Whether the objects of a label, by its full name, have it."""
        scope = self.scope
        return "*" in scope or label in scope

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OntologyAttribute):
            return NotImplemented
        return self._raw == other._raw

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"OntologyAttribute({self.key!r}, {str(self.type)!r}, scope={self.scope!r})"


def _type_of(value: object) -> AttributesTypes:
    if value in _SPELLINGS:
        return _SPELLINGS[str(value)]
    try:
        return AttributesTypes(value)  # type: ignore[arg-type]
    except ValueError:
        known = ", ".join(kind.value for kind in AttributesTypes)
        raise UsageError(f"attribute type {value!r} is not known; there are {known}") from None


def _range_of(key: str, span: Mapping[str, float] | None) -> dict[str, float]:
    values = {name: (span or {}).get(name) for name in ("min", "max")}
    values["step"] = (span or {}).get("step", 1)
    low, high, step = values.values()
    if not all(
        isinstance(number, int | float) and not isinstance(number, bool) and number - number == 0
        for number in (low, high, step)
    ):
        raise UsageError(
            f"attribute {key!r} is a slider without a range; give AttributesRange(min_range, "
            "max_range, step)"
        )
    if not low < high or not step > 0:  # type: ignore[operator]
        raise UsageError(
            f"attribute {key!r} has the range {low}..{high} in steps of {step}; it goes upwards "
            "in steps above 0"
        )
    return values  # type: ignore[return-value]
