"""Definitions: what an annotation draws or says.

One pixel convention for all: coordinates are continuous, x grows to the right, y downwards, and
the pixel in row r and column c covers ``[c, c + 1) x [r, r + 1)``. ``Box(0, 0, width, height)``
covers an image exactly; a mask set on columns 3..7 has left 3 and right 8. Angles are degrees,
clockwise on screen.
"""

from __future__ import annotations

from dlgeom.definitions.base import Definition
from dlgeom.definitions.box import Box
from dlgeom.definitions.classification import Classification
from dlgeom.definitions.description import Description
from dlgeom.definitions.point import Point
from dlgeom.definitions.polygon import Polygon
from dlgeom.definitions.pose import Pose
from dlgeom.definitions.segmentation import Segmentation

__all__ = [
    "Box",
    "Classification",
    "Definition",
    "Description",
    "Point",
    "Polygon",
    "Pose",
    "Segmentation",
]
