"""One HTML page to look through a data set, without a network or a server."""

from __future__ import annotations

from dlgeom.view.writing import view

__all__ = ["view"]
