"""Single pictures of a video as image files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from fractions import Fraction
from numbers import Integral
from pathlib import Path

import msgspec

from dlgeom.errors import UsageError
from dlgeom.video.files import Video

__all__ = ["SUFFIXES", "Snapshot", "video_snapshots"]

PathLike = str | os.PathLike[str]

SUFFIXES = ("png", "jpg", "jpeg", "bmp", "webp", "tiff")


class Snapshot(msgspec.Struct, frozen=True):
    """A picture that was written.

    Parameters
    ----------
    path : Path
        The image file.
    frame : int
        Number of the picture in the video, from 0.
    time : Fraction
        When it is shown, in seconds from the first one.
    """

    path: Path
    frame: int
    time: Fraction


def video_snapshots(
    path: PathLike,
    target: PathLike | None = None,
    *,
    every: int | None = None,
    frames: Iterable[int] | None = None,
    times: Iterable[float | Fraction] | None = None,
    ext: str = "png",
    overwrite: bool = False,
    backend: str | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> list[Snapshot]:
    """Write pictures of a video as ``<file name>.frame.<number>.<ext>``.

    Parameters
    ----------
    path : path
        The video.
    target : path, optional
        Folder for the pictures; ``snapshots`` beside the video if not given.
    every : int, optional
        Take the pictures 0, every, 2 * every...; 30 if nothing is said.
    frames : iterable of int, optional
        Numbers of the pictures to take, from 0.
    times : iterable of number, optional
        Seconds from the first picture; the one on the screen then is taken.
    ext : str
        Ending of the pictures: png (every value kept), jpg, bmp, webp or tiff.
    overwrite : bool
        Whether existing pictures are replaced.
    backend : {"av", "opencv"}, optional
        See `Video`.
    progress : callable, optional
        Called as ``progress(done, total)``.

    Returns
    -------
    list of Snapshot
        Ascending by frame, each picture once.

    Raises
    ------
    UsageError
        If more than one choice is given, a number is out of range, or the ending is none.
    OutputError, FormatError
        If a file cannot be read or written.
    """
    if sum(choice is not None for choice in (every, frames, times)) > 1:
        raise UsageError("give one of every=, frames= and times=")
    suffix = ext.lower().lstrip(".")
    if suffix not in SUFFIXES:
        raise UsageError(f"ext is {ext!r}; pictures are written as {', '.join(SUFFIXES)}")
    from dlgeom.converters.output import Output

    folder = Path(path).parent / "snapshots" if target is None else Path(target)
    with Video(path, backend=backend) as video:
        wanted = _wanted(video, every, frames, times)
        found: list[Snapshot] = []
        with Output(folder, overwrite=overwrite) as output:
            for number, picture in zip(wanted, video.frames(wanted), strict=True):
                name = f"{video.path.name}.frame.{number}.{suffix}"
                output.write(name, _encoded(picture, suffix))
                found.append(Snapshot(folder / name, number, video.times.time(number)))
                if progress is not None:
                    progress(len(found), len(wanted))
    return found


def _wanted(
    video: Video,
    every: int | None,
    frames: Iterable[int] | None,
    times: Iterable[float | Fraction] | None,
) -> list[int]:
    if times is not None:
        seconds = list(times)
        numbers = [video.times.frame_at(second) for second in seconds]
        for second, number in zip(seconds, numbers, strict=True):
            if not 0 <= number < len(video):
                raise UsageError(
                    f"time {float(second):g} s is outside of the video, which runs from 0 to "
                    f"{float(video.times.duration):g} s"
                )
    elif frames is not None:
        numbers = [video._checked(number) for number in frames]
    else:
        step = 30 if every is None else every
        if isinstance(step, bool) or not isinstance(step, Integral) or step < 1:
            raise UsageError(f"every is {every!r}; it is a whole number of pictures from 1")
        numbers = list(range(0, len(video), int(step)))
    return sorted(set(numbers))


def _encoded(picture: object, suffix: str) -> bytes:
    import cv2
    import numpy as np

    pixels = np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])
    done, data = cv2.imencode(f".{suffix}", pixels)
    if not done:
        raise UsageError(f"OpenCV cannot write {suffix}; choose png")
    return bytes(data)
