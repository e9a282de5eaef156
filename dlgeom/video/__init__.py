"""Video: tracks over frames, what lies between key frames, frames and times, video files."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dlgeom.video.interpolation import interpolate
from dlgeom.video.times import FrameTimes
from dlgeom.video.track import Keyframe, Track

if TYPE_CHECKING:
    from dlgeom.video.editing import from_detections, merge
    from dlgeom.video.files import Video
    from dlgeom.video.snapshots import Snapshot, video_snapshots
    from dlgeom.video.writing import VideoWriter

__all__ = [
    "FrameTimes",
    "Keyframe",
    "Snapshot",
    "Track",
    "Video",
    "VideoWriter",
    "from_detections",
    "interpolate",
    "merge",
    "video_snapshots",
]

_LATER = {
    "Snapshot": "snapshots",
    "Video": "files",
    "VideoWriter": "writing",
    "from_detections": "editing",
    "merge": "editing",
    "video_snapshots": "snapshots",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'dlgeom.video' has no attribute {name!r}")
    return getattr(import_module(f"dlgeom.video.{_LATER[name]}"), name)
