"""References to images."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import msgspec

from dlgeom.definitions.base import (
    NO_ATTRIBUTES,
    Definition,
    check_common,
    checked_text,
    needed_text,
    shortened,
)

__all__ = ["RefImage"]


class RefImage(Definition, msgspec.Struct, frozen=True, eq=False, gc=False):
    """A reference to an image, such as one that a model made; never fetched.

    Parameters
    ----------
    ref : str
        Id of an item, or an address.
    ref_type : str, optional
        ``id`` or ``url``. If None, ``url`` where `ref` starts with "http", else ``id``.
    mimetype : str, optional
        What kind of file it is, such as ``image/png``.
    label : str, default "ref-image"
        Name of its class.
    attributes : dict of str to value, or list of str, optional
        Copied in; read-only.
    description : str, optional
        Free text.

    Raises
    ------
    UsageError
        If `ref` is no text.

    Examples
    --------
    >>> RefImage("https://example.com/a.png", mimetype="image/png")
    RefImage('https://example.com/a.png', ref_type='url', mimetype='image/png', label='ref-image')
    """

    type: ClassVar[str] = "ref_image"

    ref: str
    ref_type: str | None = None
    mimetype: str | None = None
    label: str | None = "ref-image"
    attributes: Any = NO_ATTRIBUTES
    description: str | None = None

    def __post_init__(self) -> None:
        ref = needed_text(self.ref, "RefImage: ref")
        kind = checked_text(self.ref_type, "RefImage: ref_type")
        if kind is None:
            kind = "url" if ref.startswith("http") else "id"
        msgspec.structs.force_setattr(self, "ref_type", kind)
        checked_text(self.mimetype, "RefImage: mimetype")
        check_common(self)

    def _geometry_key(self) -> Any:
        return self.ref, self.ref_type, self.mimetype

    def _with(self, changes: dict[str, Any]) -> Self:
        return msgspec.structs.replace(self, **changes)

    def _summary(self) -> list[str]:
        kind = "" if self.mimetype is None else f", mimetype={self.mimetype!r}"
        return [f"{shortened(self.ref)}, ref_type={self.ref_type!r}{kind}"]
