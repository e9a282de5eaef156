"""Video: tracks over frames, what lies between key frames, frames and times."""

from __future__ import annotations

from dlgeom.video.interpolation import interpolate
from dlgeom.video.times import FrameTimes
from dlgeom.video.track import Keyframe, Track

__all__ = ["FrameTimes", "Keyframe", "Track", "interpolate"]
