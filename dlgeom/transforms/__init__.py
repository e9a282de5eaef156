"""Moving shapes and images together: affine maps, crops, letterboxes, tiles.

`Affine` is the value; `Cut` and `Tiles` are what crops and tilings return.
"""

from __future__ import annotations

from dlgeom.transforms.affine import Affine
from dlgeom.transforms.collections import apply_to_annotation, apply_to_collection
from dlgeom.transforms.cutting import Cut, cut_annotation, cut_collection
from dlgeom.transforms.images import transform_image
from dlgeom.transforms.merging import merge_tiles
from dlgeom.transforms.pairs import flip_pairs
from dlgeom.transforms.shapes import apply_to_definition
from dlgeom.transforms.tiling import Tile, Tiles, tile_collection
from dlgeom.transforms.windows import Window, tiles
from dlgeom.transforms.within import cut_definition, visible_fraction

__all__ = [
    "Affine",
    "Cut",
    "Tile",
    "Tiles",
    "Window",
    "apply_to_annotation",
    "apply_to_collection",
    "apply_to_definition",
    "cut_annotation",
    "cut_collection",
    "cut_definition",
    "flip_pairs",
    "merge_tiles",
    "tile_collection",
    "tiles",
    "transform_image",
    "visible_fraction",
]
