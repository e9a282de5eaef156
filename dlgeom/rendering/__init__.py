"""Pictures of a whole data set: one for each image, a contact sheet of all."""

from __future__ import annotations

from dlgeom.render.videos import render_video
from dlgeom.rendering.dataset import KINDS, render_dataset

__all__ = ["KINDS", "render_dataset", "render_video"]
