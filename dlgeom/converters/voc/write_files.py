"""Names of the files of many images at once."""

from __future__ import annotations

from collections.abc import Sequence

from dlgeom.converters.images import plain_image_stems
from dlgeom.converters.names import Claims
from dlgeom.item import Item

__all__ = ["claim_plain"]


def claim_plain(items: Sequence[Item], claims: Claims) -> list[str] | None:
    """Return the stem of the files of each image, where all names are plain and none is taken.

    Else None, and nothing is claimed: the names have to be looked at one by one.

    Parameters
    ----------
    items : sequence of Item
        The images.
    claims : Claims
        Names of XML files so far.
    """
    names = [item.name for item in items]
    stems = None if None in names else plain_image_stems([name or "" for name in names])
    if stems is None or not claims.claim_all([f"{stem}.xml" for stem in stems]):
        return None
    return stems
