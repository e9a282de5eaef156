"""A video with its annotations, frame by frame, as a video."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dlgeom.annotation import AnnotationCollection
from dlgeom.errors import UsageError
from dlgeom.render.pictures import Style, picture_of
from dlgeom.video.files import Video
from dlgeom.video.writing import VideoWriter

__all__ = ["render_video"]

PathLike = str | os.PathLike[str]


def render_video(
    source: PathLike,
    annotations: AnnotationCollection,
    target: PathLike,
    *,
    kind: str = "overlay",
    style: Style | None = None,
    ids: Mapping[str, int] | None = None,
    draw: Callable[[AnnotationCollection, Any], Any] | None = None,
    overwrite: bool = False,
    backend: str | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Path:
    """Write a video with its annotations: one picture for each of the source, at the same times.

    Parameters
    ----------
    source : path
        The video.
    annotations : AnnotationCollection
        What is drawn on each frame in its state there; hidden things are left out.
    target : path
        ``.mp4`` for overlays and colours; ids are exact numbers, which a lossy codec would smear,
        so that they need ``.mkv`` (FFV1).
    kind : {"overlay", "mask", "instance", "object-id", "panoptic"}
        As for `render_dataset`; ids are written as gray, of 8 bits.
    style : Style, optional
        How pictures look.
    ids : mapping of str to int, optional
        Label -> id.
    draw : callable, optional
        ``draw(annotations, picture)`` of a frame, instead of a kind's own drawing; `kind` says
        then whether the result is exact.
    overwrite, backend
        As for `VideoWriter` and `Video`.
    progress : callable, optional
        Called as ``progress(frames_done, frames_in_all)``.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    UsageError
        If ids do not fit into 8 bits, or the ending does not fit the kind.
    OutputError, FormatError
        If a file cannot be read or written.
    """
    look = style or Style()
    exact = kind not in ("overlay", "mask")
    with Video(source, backend=backend) as video:
        size = {"width": video.width, "height": video.height}
        writer = VideoWriter(
            target, times=video.times, lossless=exact, overwrite=overwrite, backend=backend
        )
        with writer:
            for frame, picture in enumerate(video):
                writer.write(_frame(picture, annotations, frame, kind, look, ids, size, draw))
                if progress is not None:
                    progress(frame + 1, len(video))
    return Path(target)


def _frame(
    picture: Any,
    annotations: AnnotationCollection,
    frame: int,
    kind: str,
    style: Style,
    ids: Mapping[str, int] | None,
    size: dict[str, int],
    draw: Callable[[AnnotationCollection, Any], Any] | None,
) -> Any:
    """Return one picture, RGB or gray."""
    alive = annotations.get_frame(frame)
    seen = [annotation for annotation in alive if annotation.object_visible]
    source = AnnotationCollection._view(_sized(annotations, size), seen, annotations.labels)
    if draw is not None:
        found = draw(source, picture)
    elif kind == "overlay" and style.trail:
        # Ways need the states before.
        found = picture_of(annotations, kind, style, image=picture, frame_num=frame, hidden=False)
    else:
        found = picture_of(source, kind, style, image=picture, ids=ids)
    pixels = found[0] if isinstance(found, tuple) else found
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        # Transparency has no place in a video: colours on black.
        share = pixels[:, :, 3:].astype(np.float32) / 255
        pixels = np.rint(pixels[:, :, :3] * share).astype(np.uint8)
    if pixels.dtype != np.uint8:
        raise UsageError(
            f"ids up to {pixels.max()} do not fit into a video of 8 bits; number them from 1, or "
            "render panoptic pictures"
        )
    return pixels


def _sized(annotations: AnnotationCollection, size: dict[str, int]) -> Any:
    import msgspec

    from dlgeom.item import Item

    item = annotations.item or Item(media="video")
    return msgspec.structs.replace(item, **size)
