"""COCO records built from the columns of a chunk."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk
from dlgeom.converters.base import Losses
from dlgeom.converters.coco.write_codes import approximate, drop
from dlgeom.converters.coco.write_ids import is_plain
from dlgeom.converters.coco.write_others import other_record
from dlgeom.converters.coco.write_sizes import areas, boxes, shortest_sizes
from dlgeom.geometry import bridges, rasters_of, rings, rle, rotated

__all__ = ["Choices", "Record", "build", "finite_rows"]
