"""What lies between two states of one thing: a rule for each kind of geometry."""

from __future__ import annotations

from dlgeom.video.interpolation.definitions import interpolate

__all__ = ["interpolate"]
