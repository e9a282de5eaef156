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
from dlgeom.definitions.comparison import Comparison
from dlgeom.definitions.cube import Cube
from dlgeom.definitions.cube_3d import Cube3d
from dlgeom.definitions.description import Description
from dlgeom.definitions.ellipse import Ellipse
from dlgeom.definitions.free_text import FreeText
from dlgeom.definitions.gis import Gis
from dlgeom.definitions.note import Message, Note
from dlgeom.definitions.point import Point
from dlgeom.definitions.polygon import Polygon
from dlgeom.definitions.polyline import Polyline
from dlgeom.definitions.pose import Pose
from dlgeom.definitions.ref_image import RefImage
from dlgeom.definitions.segmentation import Segmentation
from dlgeom.definitions.subtitle import Subtitle
from dlgeom.definitions.text import Text
from dlgeom.definitions.undefined import UndefinedAnnotationType

__all__ = [
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
]
