"""Video files: what they are, and any picture of them, exactly.

With PyAV (the extra ``video``) the index of a file is made from its packets, in milliseconds, and
each picture is reached by seeking to the key frame before it. Without it OpenCV reads in order:
its own seeking and counting are wrong for variable rates, edit lists and cut-off files.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from dlgeom.annotation.frames import checked_frame
from dlgeom.errors import FormatError, MissingDependencyError, OutputError, UsageError
from dlgeom.item import Item
from dlgeom.video.times import FrameTimes

__all__ = ["Video"]

Picture = NDArray[np.uint8]
PathLike = str | os.PathLike[str]


class Source(Protocol):
    """What reads a file: PyAV or OpenCV."""

    width: int
    height: int
    rotation: int
    times: FrameTimes
    codec: str
    sample_aspect_ratio: Fraction | None

    def frame(self, number: int) -> Picture:
        """Return one picture, upright, RGB."""
        ...

    def frames(self, numbers: Iterable[int]) -> Iterator[Picture]:
        """Yield pictures; numbers ascend."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class Video:
    """A video file: size, times, pictures. A context manager; close it when done.

    Parameters
    ----------
    path : path
        The file.
    backend : {"av", "opencv"}, optional
        What reads it. If not given: PyAV where it is installed (``pip install 'dlgeom[video]'``),
        else OpenCV, with a warning, which reads in order and is slow at random access.

    Attributes
    ----------
    width, height : int
        Size in pixels as it is displayed, after the file's rotation.
    rotation : int
        Degrees counter-clockwise by which the stored pictures are turned for display, as FFmpeg
        tells it; pictures come turned.
    times : FrameTimes
        When each picture is shown; its length is the exact number of pictures.

    Raises
    ------
    OutputError
        If the file cannot be read by the system.
    FormatError
        If it is no video, or has no picture.
    MissingDependencyError
        If neither PyAV nor OpenCV is there, or the backend asked for is not.
    """

    def __init__(self, path: PathLike, *, backend: str | None = None) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise OutputError("no such file", code="io.read", path=str(path))
        self._source = _open(self.path, backend)
        self.width, self.height = self._source.width, self._source.height
        self.rotation = self._source.rotation
        self.times = self._source.times

    @property
    def fps(self) -> Fraction | None:
        """Frames in a second, the mean where the rate varies; None for a single picture."""
        return self.times.rate

    @property
    def codec(self) -> str:
        """Name of the codec, such as ``h264``; "" where the backend does not tell."""
        return self._source.codec

    @property
    def sample_aspect_ratio(self) -> Fraction | None:
        """Width of a pixel by its height where it is not 1; pixels stay as stored."""
        return self._source.sample_aspect_ratio

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, frame: int) -> Picture:
        return self.frame(frame if frame >= 0 else len(self) + frame)

    def __iter__(self) -> Iterator[Picture]:
        return self.frames()

    def frame(self, number: int) -> Picture:
        """Return one picture.

        Parameters
        ----------
        number : int
            From 0.

        Returns
        -------
        ndarray of uint8, shape (height, width, 3)
            Red, green, blue; upright.

        Raises
        ------
        UsageError
            If there is no such picture.
        FormatError
            If it cannot be decoded.
        """
        return self._source.frame(self._checked(number))

    def frame_at(self, seconds: float | Fraction) -> Picture:
        """Return the picture that is on the screen at a time from the first one."""
        number = self.times.frame_at(seconds)
        return self.frame(min(max(number, 0), len(self) - 1))

    def frames(self, numbers: Iterable[int] | None = None) -> Iterator[Picture]:
        """Yield pictures in the order asked for; all of them if not given.

        Ascending numbers are decoded in one pass.
        """
        if numbers is None:
            return self._source.frames(range(len(self)))
        wanted = [self._checked(number) for number in numbers]
        if all(a <= b for a, b in pairwise(wanted)):
            return self._source.frames(wanted)
        return (self._source.frame(number) for number in wanted)

    def _checked(self, number: int) -> int:
        frame = checked_frame(number, "frame")
        if frame >= len(self):
            raise UsageError(
                f"frame is {frame}; {self.path.name} has {len(self)} pictures, counted from 0"
            )
        return frame

    @property
    def item(self) -> Item:
        """What it is as an `Item`: name, size, rate, number of frames."""
        return Item(
            name=self.path.name,
            width=self.width,
            height=self.height,
            media="video",
            fps=None if self.fps is None else float(self.fps),
            frame_count=len(self),
        )

    def close(self) -> None:
        """Let go of the file."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        rate = "" if self.fps is None else f", {float(self.fps):.6g} fps"
        return f"Video({self.path.name!r}, {self.width} x {self.height}, {len(self)} frames{rate})"


def _open(path: Path, backend: str | None) -> Source:
    if backend not in (None, "av", "opencv"):
        raise UsageError(f"backend is {backend!r}; it is 'av' or 'opencv'")
    if backend != "opencv":
        try:
            import av  # noqa: F401 - whether it is there
        except ImportError as error:
            if backend == "av":
                raise MissingDependencyError(
                    "PyAV is not installed. Install the extra: pip install 'dlgeom[video]'"
                ) from error
        else:
            from dlgeom.video.files_av import AvSource

            return AvSource(path)
    try:
        import cv2  # noqa: F401 - whether it is there
    except ImportError as error:
        raise MissingDependencyError(
            "reading video needs PyAV or OpenCV, and neither is installed. Install the extra: "
            "pip install 'dlgeom[video]'"
        ) from error
    if backend is None:
        warnings.warn(
            "PyAV is not installed: OpenCV reads the video in order, from the start for each "
            "earlier picture. For exact random access: pip install 'dlgeom[video]'",
            stacklevel=4,
        )
    from dlgeom.video.files_cv import CvSource

    return CvSource(path)


def unreadable(path: Path, why: Any) -> FormatError:
    """Return the error of a file that is no video."""
    text = " ".join(str(why).split())
    return FormatError(
        f"it cannot be read as a video ({text}); a file that a player shows is needed. "
        "Write it anew, for example as H.264 in mp4",
        code="video.frames",
        path=str(path),
    )
