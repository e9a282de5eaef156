"""Writing video files that browsers play: H.264 in mp4, times as given, whole or not at all."""

from __future__ import annotations

import os
import secrets
import warnings
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dlgeom.errors import MissingDependencyError, OutputError, UsageError
from dlgeom.video.timebase import Number, as_rate
from dlgeom.video.times import FrameTimes

__all__ = ["VideoWriter"]

PathLike = str | os.PathLike[str]

CODECS = {
    ".mp4": ("libx264", "libopenh264", "mpeg4"),
    ".mov": ("libx264", "libopenh264", "mpeg4"),
    ".mkv": ("libx264", "libopenh264", "mpeg4"),
    ".webm": ("libvpx-vp9", "libvpx"),
    ".avi": ("mpeg4",),
}
"""Encoders by the file's ending, the first one that is there."""

SETTINGS = {
    "libx264": {"crf": "20", "preset": "veryfast"},
    "libvpx-vp9": {"crf": "30", "b:v": "0", "deadline": "realtime", "cpu-used": "6"},
    "mpeg4": {"qscale": "3"},
}


FOURCC = {".mp4": "mp4v", ".mov": "mp4v", ".mkv": "mp4v", ".avi": "XVID", ".webm": "VP90"}
"""The same for OpenCV, whose wheels have no encoder of H.264."""


class VideoWriter:
    """Writes pictures to a video file; a context manager.

    The file appears under its name when everything is written; after an error it does not.

    Parameters
    ----------
    path : path
        ``.mp4`` (H.264, what browsers play), ``.webm`` (VP9), ``.mkv``, ``.mov`` or ``.avi``.
    fps : number, optional
        Frames in a second.
    times : FrameTimes, optional
        When each picture is shown, for a variable rate; those of the video that is copied.
    lossless : bool
        Write FFV1 in ``.mkv``, which keeps every value: for masks of ids, which a lossy codec
        would smear.
    overwrite : bool
        Whether an existing file is replaced.
    backend : {"av", "opencv"}, optional
        PyAV (the extra ``video``) if not given, else OpenCV with a warning: MPEG-4, which few
        browsers play, and constant rates only.

    Raises
    ------
    UsageError
        If the ending is another, or neither or both of `fps` and `times` are given.
    OutputError
        If the file exists and may not be replaced, or cannot be written.
    MissingDependencyError
        If the backend asked for is not installed, or neither is.
    """

    def __init__(
        self,
        path: PathLike,
        *,
        fps: Number | None = None,
        times: FrameTimes | None = None,
        lossless: bool = False,
        overwrite: bool = False,
        backend: str | None = None,
    ) -> None:
        self.path = Path(path)
        suffix = self.path.suffix.lower()
        wanted = {".mkv": ()} if lossless else CODECS
        if suffix not in wanted:
            raise UsageError(
                f"{self.path.name!r} does not end in {' or '.join(wanted)}; the ending says how "
                f"{'a lossless' if lossless else 'a'} video is written. Give it one of these"
            )
        if (fps is None) == (times is None):
            raise UsageError("give either fps= or times=; a video needs times for its pictures")
        if self.path.exists() and not overwrite:
            raise OutputError(
                "it exists; existing files are kept. Pass overwrite=True, or another name",
                code="output.exists",
                path=str(self.path),
            )
        self.times = times
        self.fps = as_rate(fps) if fps is not None else None
        self.count = 0
        self._size: tuple[int, int] | None = None
        self._padded = (0, 0)
        token = f".{self.path.stem}.{os.getpid()}.{secrets.token_hex(4)}.part{suffix}"
        self._part = self.path.with_name(token)
        self._lossless = lossless
        self._target: Any = None
        self._backend = _backend(backend)

    def write(self, picture: NDArray[np.uint8]) -> None:
        """Add the next picture.

        Parameters
        ----------
        picture : ndarray of uint8, shape (height, width, 3) or (height, width)
            Red, green, blue, or gray; all of one size.

        Raises
        ------
        UsageError
            If it has another shape, dtype or size than the first, or there is no time for it.
        """
        pixels = np.asarray(picture)
        if pixels.ndim == 2:
            pixels = np.repeat(pixels[:, :, None], 3, axis=2)
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
            raise UsageError(
                f"picture has shape {np.shape(picture)} and dtype {pixels.dtype}; it is uint8, "
                "(height, width, 3), red first"
            )
        size = (pixels.shape[1], pixels.shape[0])
        if self._size is None:
            self._begin(size)
        if size != self._size:
            raise UsageError(
                f"picture {self.count} is {size[0]} x {size[1]}, the first one was "
                f"{self._size and self._size[0]} x {self._size and self._size[1]}; all pictures "
                "of a video have one size. Resize it first"
            )
        if self.times is not None and self.count >= len(self.times):
            raise UsageError(
                f"picture {self.count} has no time; the table has {len(self.times)} of them"
            )
        right, bottom = self._padded
        if right or bottom:
            pixels = np.pad(pixels, ((0, bottom), (0, right), (0, 0)), mode="edge")
        self._target.put(np.ascontiguousarray(pixels), self.count)
        self.count += 1

    def _begin(self, size: tuple[int, int]) -> None:
        self._size = size
        if not self._lossless:
            # Chroma is stored for every second pixel: sizes have to be even.
            self._padded = (size[0] % 2, size[1] % 2)
            if any(self._padded):
                warnings.warn(
                    f"the video is {size[0] + self._padded[0]} x {size[1] + self._padded[1]}: "
                    "its size has to be even, the last column or row is repeated",
                    stacklevel=3,
                )
        whole = (size[0] + self._padded[0], size[1] + self._padded[1])
        kind = _AvTarget if self._backend == "av" else _CvTarget
        self._target = kind(self._part, whole, self.fps, self.times, self._lossless)

    def close(self) -> None:
        """Finish the file and give it its name.

        Raises
        ------
        UsageError
            If no picture was written.
        OutputError
            If the system refuses.
        """
        if self._target is None:
            raise UsageError(f"no picture was written to {self.path.name!r}; a video has one")
        try:
            self._target.close()
            os.replace(self._part, self.path)
        except OSError as error:
            self.abort()
            raise OutputError(
                error.strerror or str(error), code="output.invalid", path=str(self.path)
            ) from error

    def abort(self) -> None:
        """Remove what was written."""
        if self._target is not None:
            self._target.abort()
        self._part.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()


def _backend(wanted: str | None) -> str:
    if wanted not in (None, "av", "opencv"):
        raise UsageError(f"backend is {wanted!r}; it is 'av' or 'opencv'")
    if wanted == "opencv":
        _need_opencv()
        return wanted
    try:
        import av  # noqa: F401 - whether it is there
    except ImportError as error:
        if wanted == "av":
            raise MissingDependencyError(
                "PyAV is not installed. Install the extra: pip install 'dlgeom[video]'"
            ) from error
        _need_opencv()
        warnings.warn(
            "PyAV is not installed: OpenCV writes MPEG-4, which few browsers play. For H.264: "
            "pip install 'dlgeom[video]'",
            stacklevel=4,
        )
        return "opencv"
    return "av"


def _need_opencv() -> None:
    try:
        import cv2  # noqa: F401 - whether it is there
    except ImportError as error:
        raise MissingDependencyError(
            "writing video needs PyAV or OpenCV, and neither is installed. Install the extra: "
            "pip install 'dlgeom[video]'"
        ) from error


class _AvTarget:
    """A file that PyAV writes."""

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        fps: Fraction | None,
        times: FrameTimes | None,
        lossless: bool,
    ) -> None:
        import av

        self._av: Any = av
        self._times = times
        self._unit = 1 / fps if fps is not None else _unit(times)
        codec = "ffv1" if lossless else _encoder(path.suffix.lower())
        options = {"movflags": "+faststart"} if path.suffix.lower() in (".mp4", ".mov") else {}
        try:
            self._container = av.open(str(path), "w", options=options)
        except (av.FFmpegError, OSError) as error:
            raise OutputError(
                f"it cannot be written ({error})", code="output.invalid", path=str(path.parent)
            ) from error
        rate = fps if fps is not None else (times.rate if times is not None else None)
        stream: Any = self._container.add_stream(codec, rate=rate or Fraction(25))
        self._stream = stream
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "bgr0" if lossless else "yuv420p"
        self._stream.codec_context.time_base = self._unit
        self._stream.time_base = self._unit
        settings = dict(SETTINGS.get(codec, {}))
        if times is not None and not times.is_constant and codec == "libx264":
            # Pictures in the order of their times: mp4 stores durations in decoding order, and
            # browsers seek by them.
            settings["bf"] = "0"
        self._stream.options = settings

    def put(self, pixels: NDArray[np.uint8], number: int) -> None:
        frame = self._av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.time_base = self._unit
        frame.pts = number if self._times is None else int(self._times.time(number) / self._unit)
        for packet in self._stream.encode(frame):
            self._container.mux(packet)

    def close(self) -> None:
        for packet in self._stream.encode():
            self._container.mux(packet)
        self._container.close()

    def abort(self) -> None:
        self._container.close()


def _unit(times: FrameTimes | None) -> Fraction:
    """Return a tick in which all times are whole numbers."""
    assert times is not None
    return times.unit


def _encoder(suffix: str) -> str:
    import av

    for name in CODECS[suffix]:
        if name in av.codec.codecs_available:
            return name
    raise MissingDependencyError(
        f"no encoder for {suffix} is there ({', '.join(CODECS[suffix])}). Write .avi, or install a "
        "PyAV with these"
    )


class _CvTarget:
    """A file that OpenCV writes."""

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        fps: Fraction | None,
        times: FrameTimes | None,
        lossless: bool,
    ) -> None:
        import cv2

        rate = fps
        if rate is None and times is not None:
            rate = times.rate
            if not times.is_constant:
                warnings.warn(
                    "OpenCV writes constant rates only: pictures keep their order, not their "
                    "times. For exact times: pip install 'dlgeom[video]'",
                    stacklevel=5,
                )
        code = "FFV1" if lossless else FOURCC[path.suffix.lower()]
        fourcc = cv2.VideoWriter.fourcc(*code)
        self._writer = cv2.VideoWriter(str(path), fourcc, float(rate or 25), size)
        if not self._writer.isOpened():
            # Otherwise every picture would vanish without a word.
            raise OutputError(
                f"OpenCV cannot write {code} to it", code="output.invalid", path=str(path)
            )

    def put(self, pixels: NDArray[np.uint8], number: int) -> None:
        self._writer.write(np.ascontiguousarray(pixels[:, :, ::-1]))

    def close(self) -> None:
        self._writer.release()

    def abort(self) -> None:
        self._writer.release()
